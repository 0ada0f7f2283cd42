//! Patterns for paths and hosts: `*` stands for anything within a segment, `**` for anything at all.

use serde::Deserialize;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// A pattern; every text is one, and a text without stars matches itself alone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Glob {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// This character.
    Only(char),
    /// Any characters but a slash, also none.
    Segment,
    /// Any characters, also none.
    Rest,
}

impl Glob {
    /// Whether the pattern covers the whole of `text`.
    ///
    /// It goes over the text once, holding every place of the pattern where it may stand, so that no pattern takes long.
    pub fn matches(&self, text: &str) -> bool {
        let mut places = vec![false; self.parts.len() + 1];
        self.enter(&mut places, 0);
        for character in text.chars() {
            let before = std::mem::replace(&mut places, vec![false; self.parts.len() + 1]);
            for (place, part) in self.parts.iter().enumerate().filter(|(place, _)| is_set(&before, *place)) {
                match part {
                    Part::Only(wanted) if *wanted == character => self.enter(&mut places, place + 1),
                    Part::Segment if character != '/' => self.enter(&mut places, place),
                    Part::Rest => self.enter(&mut places, place),
                    Part::Only(_) | Part::Segment => {}
                }
            }
        }
        is_set(&places, self.parts.len())
    }

    /// Stands at a place, and behind every star that follows, since a star may stand for nothing.
    fn enter(&self, places: &mut [bool], place: usize) {
        let stars = self.parts.iter().skip(place).take_while(|part| !matches!(part, Part::Only(_))).count();
        places.iter_mut().skip(place).take(stars + 1).for_each(|here| *here = true);
    }
}

fn is_set(places: &[bool], place: usize) -> bool {
    places.get(place).copied().unwrap_or_default()
}

impl From<String> for Glob {
    fn from(text: String) -> Self {
        let mut parts = Vec::new();
        for character in text.chars() {
            match (character, parts.last()) {
                ('*', Some(Part::Segment)) => drop(parts.pop().map(|_| parts.push(Part::Rest))),
                ('*', Some(Part::Rest)) => {}
                ('*', _) => parts.push(Part::Segment),
                _ => parts.push(Part::Only(character)),
            }
        }
        Self { text, parts }
    }
}

impl FromStr for Glob {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::from(text.to_owned()))
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_in_its_segment_and_two_do_not() {
        for (pattern, text, expected) in [
            ("/saas/api/v2/job", "/saas/api/v2/job", true),
            ("/saas/api/v2/job", "/saas/api/v2/jobs", false),
            ("/saas/api/v2/job", "/saas/API/v2/job", false),
            ("/saas/*/v2/job", "/saas/api/v2/job", true),
            ("/saas/*/job", "/saas/api/v2/job", false),
            ("/saas/**", "/saas/api/v2/job", true),
            ("/saas/**", "/saas/", true),
            ("/saas/**", "/saas", false),
            ("/saas/**/job", "/saas/api/v2/job", true),
            ("/saas/**/job", "/saas/api/v2/job/1", false),
            ("/job/*", "/job/", true),
            ("/job*", "/jobs", true),
            ("***", "/any/thing", true),
            ("*", "", true),
            ("", "", true),
            ("", "/", false),
            ("*-mdm.*", "use4-mdm.dm-us.informaticacloud.com", true),
            ("*-mdm.*", "use4.dm-us.informaticacloud.com", false),
            ("*.*.informaticacloud.com", "dm-us.informaticacloud.com", false),
            ("/a?b[c]", "/a?b[c]", true),
        ] {
            assert_eq!(Glob::from(pattern.to_owned()).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_take_no_longer() {
        let pattern: Glob = format!("{}b", "*a".repeat(500)).parse().unwrap();
        assert!(!pattern.matches(&"a".repeat(5_000)));
    }
}
