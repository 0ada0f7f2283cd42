//! The parameters of a list: `limit`, `skip` and the small language of `q` (protocol.md 5.5 and 5.8).

use super::error::ApiError;
use super::form;
use domain::page::Page;
use wire::error::Code;

/// How a term compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compares {
    /// `==`
    Equal,
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
}

/// One condition of `q`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    name: String,
    compares: Compares,
    value: String,
}

/// Which entries are asked for, and which part of them.
#[derive(Debug)]
pub struct Listing {
    terms: Vec<Term>,
    others: Vec<form::Pair>,
    /// Which part.
    pub page: Page,
}

/// The longest `q` that is read, in bytes.
const LONGEST: usize = 2_000;

impl Listing {
    /// Reads a query string; only terms called one of `known` are understood.
    pub fn read(query: Option<&str>, known: &[&str]) -> Result<Self, ApiError> {
        let unreadable = || ApiError::new(Code::BadRequest, "the query cannot be read");
        let pairs = form::pairs(query.unwrap_or_default()).ok_or_else(unreadable)?;
        let (mut terms, mut others) = (None, Vec::new());
        for (name, value) in pairs {
            match name.as_str() {
                "q" if terms.is_none() && value.len() <= LONGEST => terms = Some(terms_of(&value)?),
                "q" => return Err(unreadable()),
                _ => others.push((name, value)),
            }
        }
        let terms = terms.unwrap_or_default();
        if let Some(term) = terms.iter().find(|term| !known.contains(&term.name.as_str())) {
            let known = known.join(", ");
            let what = format!("q does not know {:?} here; it knows {known}", term.name);
            return Err(ApiError::new(Code::BadRequest, what));
        }
        let most = Page::default().limit();
        let page =
            Page::new(number(&others, "limit")?.unwrap_or(most), number(&others, "skip")?.unwrap_or(0));
        Ok(Self { terms, others, page })
    }

    /// The value that something must have, when it is asked for; two different ones are met by nothing.
    pub fn equal(&self, name: &str) -> Option<&str> {
        self.value(name, Compares::Equal)
    }

    /// The value of the first term that compares so.
    pub fn value(&self, name: &str, compares: Compares) -> Option<&str> {
        let mut meant = self.terms.iter().filter(|term| term.name == name && term.compares == compares);
        meant.next().map(|term| term.value.as_str())
    }

    /// Another parameter that is a number.
    pub fn number(&self, name: &str) -> Result<Option<u32>, ApiError> {
        number(&self.others, name)
    }

    /// Another parameter.
    pub fn other(&self, name: &str) -> Option<&str> {
        self.others.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A number; what is too large for one is very large.
fn number(pairs: &[form::Pair], name: &str) -> Result<Option<u32>, ApiError> {
    let Some((_, text)) = pairs.iter().find(|(key, value)| key == name && !value.is_empty()) else {
        return Ok(None);
    };
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ApiError::new(Code::BadRequest, format!("the parameter {name} is not a number")));
    }
    Ok(Some(text.parse().unwrap_or(u32::MAX)))
}

/// `name==value;name>="value"`, with `;` or ` and ` between the terms, and quotes of either kind or none.
fn terms_of(text: &str) -> Result<Vec<Term>, ApiError> {
    let mut terms = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (term, after) = term(rest).ok_or_else(|| {
            ApiError::new(Code::BadRequest, "q is not a list of conditions such as userName==\"ada\"")
        })?;
        terms.push(term);
        rest = after;
    }
    Ok(terms)
}

fn term(text: &str) -> Option<(Term, &str)> {
    let (name, after) = text.split_at(text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?);
    let after = after.trim_start();
    let (compares, after) = [("==", Compares::Equal), (">=", Compares::AtLeast), ("<=", Compares::AtMost)]
        .into_iter()
        .find_map(|(sign, compares)| after.strip_prefix(sign).map(|after| (compares, after)))?;
    let (value, after) = value(after.trim_start())?;
    let is_named = !name.is_empty();
    is_named.then(|| (Term { name: name.to_owned(), compares, value: value.to_owned() }, after))
}

/// A value, and what stands behind it and its separator.
fn value(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| "\"'".contains(*c));
    let Some(quote) = quote else {
        let end = [text.find(';'), find_and(text)].into_iter().flatten().min().unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        return Some((value.trim_end(), separated(after)?)).filter(|(value, _)| !value.is_empty());
    };
    let (value, after) = text.strip_prefix(quote)?.split_once(quote)?;
    Some((value, separated(after)?))
}

/// What stands behind a separator; at the end there need not be one.
fn separated(text: &str) -> Option<&str> {
    let trimmed = text.trim_start();
    if trimmed.is_empty() {
        return Some(trimmed);
    }
    let after = trimmed.strip_prefix(';').or_else(|| {
        let (word, after) = text.split_at_checked(5)?;
        word.eq_ignore_ascii_case(" and ").then_some(after)
    })?;
    Some(after.trim_start())
}

fn find_and(text: &str) -> Option<usize> {
    text.to_ascii_lowercase().find(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<(String, Compares, String)>> {
        let terms = terms_of(text).ok()?;
        Some(terms.into_iter().map(|term| (term.name, term.compares, term.value)).collect())
    }

    fn one(name: &str, compares: Compares, value: &str) -> (String, Compares, String) {
        (name.to_owned(), compares, value.to_owned())
    }

    #[test]
    fn every_spelling_that_callers_send_is_read() {
        let ada = Some(vec![one("userName", Compares::Equal, "ada@acme.test")]);
        for text in [
            "userName==\"ada@acme.test\"",
            "userName=='ada@acme.test'",
            "userName==ada@acme.test",
            " userName == \"ada@acme.test\" ",
            "userName==ada@acme.test;",
        ] {
            assert_eq!(read(text), ada, "{text}");
        }
        let span =
            Some(vec![one("entryTime", Compares::AtLeast, "1"), one("entryTime", Compares::AtMost, "2")]);
        for text in [
            "entryTime>=\"1\";entryTime<=\"2\"",
            "entryTime>=\"1\" and entryTime<=\"2\"",
            "entryTime>=1 AND entryTime<=2",
            "entryTime>=1 ; entryTime <= 2",
        ] {
            assert_eq!(read(text), span, "{text}");
        }
        assert_eq!(read(""), Some(vec![]));
        assert_eq!(read("a==\"x;y and z\""), Some(vec![one("a", Compares::Equal, "x;y and z")]));
        assert_eq!(read("a==\"\""), Some(vec![one("a", Compares::Equal, "")]));
    }

    #[test]
    fn anything_else_is_no_query() {
        for text in
            ["a", "==1", "a=1", "a==", "a==\"x", "a==\"x\"y", "a==\"x\" or b==1", "a!=1", "a==1;;", "é==1"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn reading_never_panics_whatever_stands_where() {
        let parts = ["a", "==", ">=", "<=", "\"", "'", ";", " and ", " ", "é", "\u{0}", "b", "=", "<", "AND"];
        let mut seed = 7_usize;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..seed % 9 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(parts[(seed >> 33) % parts.len()]);
            }
            seed = seed.wrapping_add(1);
            if let Some(terms) = read(&text) {
                let again = terms.iter().map(|(name, _, value)| name.len() + value.len()).sum::<usize>();
                assert!(again <= text.len(), "{text:?}");
            }
        }
    }

    #[test]
    fn a_part_of_a_list_is_clamped_and_not_refused() {
        let page = |query| Listing::read(Some(query), &[]).map(|listing| listing.page);
        assert_eq!(page("limit=1000&skip=7").unwrap(), Page::new(200, 7));
        assert_eq!(page("limit=99999999999999").unwrap(), Page::new(200, 0));
        assert_eq!(page("limit=&skip=").unwrap(), Page::default());
        for query in ["limit=-1", "skip=x", "q=a==1", "q=&q=", "q=%ff"] {
            assert!(page(query).is_err(), "{query}");
        }
    }
}
