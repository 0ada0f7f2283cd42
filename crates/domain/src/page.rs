//! Which part of a list is meant.

/// A part of a list: so many entries, after so many others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    limit: u32,
    skip: u32,
}

impl Page {
    /// The most entries that one page holds (protocol.md 5.5).
    pub const MOST: u32 = 200;

    /// At most `limit` entries after the first `skip`; more than [`Page::MOST`] are never meant.
    pub fn new(limit: u32, skip: u32) -> Self {
        Self { limit: limit.min(Self::MOST), skip }
    }

    /// How many entries it holds at the most.
    pub fn limit(self) -> u32 {
        self.limit
    }

    /// How many entries stand before it.
    pub fn skip(self) -> u32 {
        self.skip
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::new(100, 0)
    }
}
