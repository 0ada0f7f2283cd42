//! A first look at a message in one pass: what makes a parser slow, or two parsers differ, goes no further.

use crate::audit::Distrust;

/// The longest message that is read, in bytes.
pub(super) const MOST_BYTES: usize = 128 * 1024;

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
fn look(mut bytes: impl Iterator<Item = u8>) -> Result<(), Distrust> {
    let (mut tags, mut depth) = (0_usize, 0_usize);
    while bytes.any(|byte| byte == b'<') {
        // One that is never closed is for the parser to refuse.
        let Some(tag) = Tag::read(&mut bytes)? else { break };
        tags += 1;
        depth = match tag {
            Tag::Opens => depth + 1,
            Tag::StandsAlone => depth,
            Tag::Closes => depth.saturating_sub(1),
        };
        if tags > MOST_TAGS || depth > DEEPEST {
            return Err(Distrust::TooLarge);
        }
    }
    Ok(())
}

/// What a tag does to the depth.
enum Tag {
    Opens,
    StandsAlone,
    Closes,
}

impl Tag {
    /// Reads a tag from behind its `<` to its `>`; `None` when the text ends before.
    fn read(bytes: &mut impl Iterator<Item = u8>) -> Result<Option<Self>, Distrust> {
        let Some(first) = bytes.next() else { return Ok(None) };
        match (first, if first == b'!' { bytes.next() } else { None }) {
            (b'?', _) | (b'!', Some(b'-' | b'[')) => return Err(Distrust::HiddenText),
            (b'!', Some(_)) => return Err(Distrust::Doctype),
            (b'!', None) => return Ok(None),
            _ => {}
        }
        let (mut byte, mut last, mut values, mut length) = (first, 0, 0, 1);
        while byte != b'>' {
            match byte {
                b'<' => return Err(Distrust::NotXml),
                b'"' | b'\'' if values == TAG_VALUES => return Err(Distrust::TooLarge),
                b'"' | b'\'' => {
                    values += 1;
                    let Some(more) = value(bytes, byte, TAG_BYTES - length)? else { return Ok(None) };
                    length += more;
                }
                _ => {}
            }
            if length >= TAG_BYTES {
                return Err(Distrust::TooLarge);
            }
            last = byte;
            length += 1;
            let Some(next) = bytes.next() else { return Ok(None) };
            byte = next;
        }
        Ok(Some(match (first, last) {
            (b'/', _) => Self::Closes,
            (_, b'/') => Self::StandsAlone,
            (_, _) => Self::Opens,
        }))
    }
}

/// Reads a value to the quote that ends it; says how many bytes it took, or `None` when the text ends before.
fn value(bytes: &mut impl Iterator<Item = u8>, quote: u8, longest: usize) -> Result<Option<usize>, Distrust> {
    let mut length = 0;
    for byte in bytes {
        length += 1;
        match byte {
            b'<' => return Err(Distrust::NotXml),
            _ if length > longest => return Err(Distrust::TooLarge),
            _ if byte == quote => return Ok(Some(length)),
            _ => {}
        }
    }
    Ok(None)
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
