//! The values of an attribute, of which there may be thousands: they stand one behind the other in a single text.

use std::borrow::Cow;

/// Values in their order.
#[derive(Debug, Default)]
pub(crate) struct Values {
    text: String,
    ends: Vec<usize>,
}

impl Values {
    /// Each of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let begins = std::iter::once(&0).chain(&self.ends);
        begins.zip(&self.ends).filter_map(|(begin, end)| self.text.get(*begin..*end))
    }
}

impl<'a> FromIterator<Cow<'a, str>> for Values {
    fn from_iter<All: IntoIterator<Item = Cow<'a, str>>>(all: All) -> Self {
        all.into_iter().fold(Self::default(), |mut values, value| {
            values.text.push_str(&value);
            values.ends.push(values.text.len());
            values
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        for all in [vec![], vec![""], vec!["a", "", "bé", "c"]] {
            let values: Values = all.iter().copied().map(Cow::Borrowed).collect();
            assert_eq!(values.iter().collect::<Vec<_>>(), all);
        }
    }
}
