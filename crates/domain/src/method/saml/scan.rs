//! A first look at a message from tag to tag: what makes a parser slow, or two parsers differ, goes no further.

use crate::audit::Distrust;
use memchr::{memchr, memchr_iter, memchr3};

/// The longest message that is read, in bytes.
pub(super) const MOST_BYTES: usize = 128 * 1024;

/// The tags that a message may have.
const MOST_TAGS: usize = 4_096;

/// How deep its elements may stand in one another.
const DEEPEST: usize = 64;

/// The bytes of one tag, and the quoted values in it: parsers compare each attribute with every other.
const TAG_BYTES: usize = 16 * 1024;
const TAG_VALUES: usize = 48;

/// Shorter tags cannot have more values than they may, each of which takes a name, a sign and two quotes.
const SHORT: usize = 4 * TAG_VALUES;

/// Lets a message through to the parser.
pub(super) fn scan(text: &str) -> Result<(), Distrust> {
    if text.len() > MOST_BYTES {
        return Err(Distrust::TooLarge);
    }
    let text = without_declaration(text).as_bytes();
    // Most messages are not too deep even if each short tag were to open one element more.
    let opens = |tag: &[u8]| if tag.len() < SHORT { Ok(false) } else { stands_alone(tag) };
    look(text, opens).or_else(|_| look(text, stands_alone))
}

/// What stands behind `<?xml …?>`, the one instruction that a message may have.
fn without_declaration(text: &str) -> &str {
    let declared = text.strip_prefix("<?xml ").and_then(|rest| rest.split_once("?>"));
    declared.filter(|(declaration, _)| !declaration.contains('<')).map_or(text, |(_, rest)| rest)
}

/// Looks at each tag, and asks whether it stands alone. A `<` that begins none is for the parser to refuse.
fn look(text: &[u8], stands_alone: impl Fn(&[u8]) -> Result<bool, Distrust>) -> Result<(), Distrust> {
    let (mut tags, mut depth) = (0_usize, 0_usize);
    let mut begins = memchr_iter(b'<', text).peekable();
    while let Some(begin) = begins.next() {
        tags += 1;
        let tag = text.get(begin + 1..begins.peek().copied().unwrap_or(text.len())).unwrap_or_default();
        match tag {
            [b'?', ..] | [b'!', b'-' | b'[', ..] => return Err(Distrust::HiddenText),
            [b'!', ..] => return Err(Distrust::Doctype),
            [b'/', ..] => depth = depth.saturating_sub(1),
            _ if !stands_alone(tag)? => depth += 1,
            _ => {}
        }
        if tags > MOST_TAGS || depth > DEEPEST {
            return Err(Distrust::TooLarge);
        }
    }
    Ok(())
}

/// Whether a tag that is within its limits begins and ends an element at once. A `>` within quotes is not its end.
fn stands_alone(tag: &[u8]) -> Result<bool, Distrust> {
    let (mut values, mut rest) = (0, tag);
    while let Some((mark, before, behind)) = memchr3(b'>', b'"', b'\'', rest).and_then(|at| split(rest, at)) {
        match mark {
            _ if tag.len() - behind.len() > TAG_BYTES => return Err(Distrust::TooLarge),
            b'>' => return Ok(before.ends_with(b"/")),
            _ if values == TAG_VALUES => return Err(Distrust::TooLarge),
            quote => match memchr(quote, behind).and_then(|at| split(behind, at)) {
                Some((_, _, after)) => (values, rest) = (values + 1, after),
                None => break,
            },
        }
    }
    Err(if tag.len() >= TAG_BYTES { Distrust::TooLarge } else { Distrust::NotXml })
}

/// The byte at a place, what stands before it and what behind.
fn split(bytes: &[u8], at: usize) -> Option<(u8, &[u8], &[u8])> {
    let (before, from) = bytes.split_at_checked(at)?;
    let (byte, behind) = from.split_first()?;
    Some((*byte, before, behind))
}

#[cfg(test)]
mod tests {
    use super::super::message::Message;
    use super::*;

    #[test]
    fn what_is_too_large_is_not_parsed() {
        let wide = |values: usize| format!("<a {}/>", "b='c' ".repeat(values));
        let deep = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        let many = |tags: usize| format!("<a>{}</a>", "<b/>".repeat(tags - 2));
        for good in [wide(48), deep(64), many(4_096), "x".repeat(MOST_BYTES)] {
            assert_eq!(scan(&good), Ok(()), "{good:.40}");
        }
        let long = format!("<a b='{}'/>", "c".repeat(TAG_BYTES));
        for bad in [wide(49), deep(65), many(4_097), "x".repeat(MOST_BYTES + 1), long] {
            assert_eq!(scan(&bad), Err(Distrust::TooLarge), "{bad:.40}");
        }
    }

    #[test]
    fn what_readers_differ_about_is_not_parsed() {
        for (text, verdict) in [
            ("<?xml version=\"1.0\"?><a/>", Ok(())),
            ("<a b='>'>c</a>", Ok(())),
            ("<!DOCTYPE a><a/>", Err(Distrust::Doctype)),
            ("<a><!ENTITY b 'c'></a>", Err(Distrust::Doctype)),
            ("<a><!-- --></a>", Err(Distrust::HiddenText)),
            ("<a><![CDATA[b]]></a>", Err(Distrust::HiddenText)),
            ("<a><?b?></a>", Err(Distrust::HiddenText)),
            (" <?xml version=\"1.0\"?><a/>", Err(Distrust::HiddenText)),
            ("<?xml version=\"1.0\" <a/>?><b/>", Err(Distrust::HiddenText)),
            ("<a b='<c/>'/>", Err(Distrust::NotXml)),
            ("<a b='", Err(Distrust::NotXml)),
            ("<a></a", Err(Distrust::NotXml)),
        ] {
            assert_eq!(Message::parse(text).map(drop), verdict, "{text}");
        }
    }
}
