//! A first look at a message in one pass: what makes a parser slow, or two parsers differ, goes no further.

use crate::audit::Distrust;

/// The longest message that is read, in bytes.
const MOST_BYTES: usize = 128 * 1024;

/// The tags that a message may have.
const MOST_TAGS: usize = 4_096;

/// How deep its elements may stand in one another.
const DEEPEST: usize = 64;

/// The bytes of one tag, and the quoted values in it: parsers compare each attribute with every other.
const TAG_BYTES: usize = 16 * 1024;
const TAG_VALUES: usize = 48;

/// Lets a message through to the parser.
pub(super) fn scan(text: &str) -> Result<(), Distrust> {
    if text.len() > MOST_BYTES {
        return Err(Distrust::TooLarge);
    }
    look(without_declaration(text).bytes())
}

/// What stands behind `<?xml …?>`, the one instruction that a message may have.
fn without_declaration(text: &str) -> &str {
    let declared = text.strip_prefix("<?xml ").and_then(|rest| rest.split_once("?>"));
    declared.filter(|(declaration, _)| !declaration.contains('<')).map_or(text, |(_, rest)| rest)
}

/// Takes every byte once.
fn look(bytes: impl Iterator<Item = u8>) -> Result<(), Distrust> {
    let (mut tag, mut tags, mut depth) = (None::<Tag>, 0_usize, 0_usize);
    for byte in bytes {
        let Some(open) = &mut tag else {
            tag = (byte == b'<').then(Tag::default);
            continue;
        };
        if !open.take(byte)? {
            continue;
        }
        tags += 1;
        depth = match (open.first, open.last) {
            (b'/', _) => depth.saturating_sub(1),
            (_, b'/') => depth,
            (_, _) => depth + 1,
        };
        if tags > MOST_TAGS || depth > DEEPEST {
            return Err(Distrust::TooLarge);
        }
        tag = None;
    }
    Ok(())
}

/// A tag that has been opened.
#[derive(Default)]
struct Tag {
    bytes: usize,
    values: usize,
    quote: Option<u8>,
    first: u8,
    last: u8,
}

impl Tag {
    /// Takes the next byte; says whether it closes the tag.
    fn take(&mut self, byte: u8) -> Result<bool, Distrust> {
        self.bytes += 1;
        if self.bytes > TAG_BYTES {
            return Err(Distrust::TooLarge);
        }
        if self.bytes == 1 {
            self.first = byte;
        }
        match (self.first, self.bytes, byte) {
            (b'?', 1, _) | (b'!', 2, b'-' | b'[') => return Err(Distrust::HiddenText),
            (b'!', 2, _) => return Err(Distrust::Doctype),
            (_, _, b'<') => return Err(Distrust::NotXml),
            _ => {}
        }
        match (self.quote, byte) {
            (Some(quote), _) if quote == byte => self.quote = None,
            (None, b'"' | b'\'') => {
                self.quote = Some(byte);
                self.values += 1;
            }
            (None, b'>') => return Ok(true),
            (Some(_) | None, _) => self.last = byte,
        }
        if self.values > TAG_VALUES { Err(Distrust::TooLarge) } else { Ok(false) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn no_byte_is_looked_at_twice_whatever_stands_where() {
        for part in ["<", ">", "<a>", "<a b=\"", "'", "\"", "<a b='c'/>", "</a>", "&lt;", "x", "<!", "<?xml "]
        {
            let text = part.repeat(MOST_BYTES / part.len());
            let looked = Cell::new(0_usize);
            let _verdict = look(text.bytes().inspect(|_| looked.set(looked.get() + 1)));
            assert!(looked.get() <= text.len(), "{part}: {} of {}", looked.get(), text.len());
        }
    }

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
        ] {
            assert_eq!(scan(text), verdict, "{text}");
        }
    }
}
