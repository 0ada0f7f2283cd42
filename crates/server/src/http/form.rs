//! Forms and query strings, which are the same thing (WHATWG URL, application/x-www-form-urlencoded).

use percent_encoding::percent_decode_str;

/// A name and its value.
pub type Pair = (String, String);

/// Reads the pairs of a form; `None` when it says something that is no text, which a lenient reader would replace.
pub fn pairs(form: &str) -> Option<Vec<Pair>> {
    is_text(form).then(|| serde_urlencoded::from_str(form).ok()).flatten()
}

fn is_text(form: &str) -> bool {
    if !form.contains('%') {
        return true;
    }
    let mut after_percent = form.split('%').skip(1);
    let escaped = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    after_percent.all(escaped) && percent_decode_str(form).decode_utf8().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_is_read() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(pairs("a=1&b=%C3%A9+x&c"), Some(vec![pair("a", "1"), pair("b", "é x"), pair("c", "")]));
        assert_eq!(pairs(""), Some(vec![]));
        for form in ["a=%ff", "a=%zz", "a=%", "a=%4", "a=%C3"] {
            assert_eq!(pairs(form), None, "{form}");
        }
    }
}
