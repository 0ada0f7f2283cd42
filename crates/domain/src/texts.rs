//! Several texts in one piece of memory, for records of which there are millions.

use std::fmt;

/// Texts one behind the other, each behind its length. Those that are empty at the end take nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Texts(Box<[u8]>);

/// Stands before the length of a text that is as long as this or longer.
const LONG: u8 = u8::MAX;

impl Texts {
    /// These texts, in this order.
    pub(crate) fn of(texts: &[&str]) -> Self {
        let last = texts.iter().rposition(|text| !text.is_empty());
        let texts = || texts.iter().take(last.map_or(0, |last| last + 1));
        let mut bytes = Vec::with_capacity(texts().map(|text| text.len() + 1).sum());
        for text in texts() {
            match u8::try_from(text.len()) {
                Ok(short) if short < LONG => bytes.push(short),
                Ok(_) | Err(_) => {
                    bytes.push(LONG);
                    bytes.extend_from_slice(&text.len().to_ne_bytes());
                }
            }
            bytes.extend_from_slice(text.as_bytes());
        }
        Self(bytes.into())
    }

    /// The text at a place, counted from zero; empty where none is.
    pub(crate) fn get(&self, place: usize) -> &str {
        let text = self.iter().nth(place).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut left = &*self.0;
        std::iter::from_fn(move || {
            let (text, behind) = first(left)?;
            left = behind;
            Some(text)
        })
    }
}

/// The first text of these, and what is behind it.
fn first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, behind) = match bytes.split_first()? {
        (&LONG, behind) => {
            let (length, behind) = behind.split_first_chunk()?;
            (usize::from_ne_bytes(*length), behind)
        }
        (&short, behind) => (usize::from(short), behind),
    };
    behind.split_at_checked(length)
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(String::from_utf8_lossy)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_as_it_was() {
        let long = ["x".repeat(254), "y".repeat(255), "z".repeat(70_000), "\0\u{ff}".repeat(200)];
        let texts: Vec<_> =
            ["", "Ada", "", "Lovelace"].into_iter().chain(long.iter().map(|it| &**it)).collect();
        for count in 0..=texts.len() {
            let packed = Texts::of(&texts[..count]);
            for (place, text) in texts.iter().enumerate() {
                assert_eq!(packed.get(place), if place < count { *text } else { "" }, "{place} of {count}");
            }
        }
    }

    #[test]
    fn nothing_takes_nothing() {
        assert_eq!(Texts::of(&["", "", ""]), Texts::default());
        assert_eq!(Texts::of(&["a", "", ""]).0.len(), 2);
    }
}
