//! Filters of lists and paths of changes, parsed (RFC 7644 sections 3.4.2.2 and 3.5.2).

use serde_json::Number;
use std::fmt;

/// The longest text that is read, in bytes.
pub const LONGEST: usize = 4_096;

/// How deep groups may stand in each other.
const DEEPEST: usize = 16;

/// Which resources, or which values of an attribute, are meant.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Those that meet all of these.
    All(Vec<Filter>),
    /// Those that meet any of these.
    Any(Vec<Filter>),
    /// Those that do not meet this.
    Not(Box<Filter>),
    /// Those with a value of this attribute.
    Present(Name),
    /// Those with such a value of this attribute.
    Compare(Name, Compares, Literal),
    /// Those with one value of this attribute that meets this.
    Within(Name, Box<Filter>),
}

/// How values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compares {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `co`
    Contains,
    /// `sw`
    StartsWith,
    /// `ew`
    EndsWith,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

impl Compares {
    const ALL: [(&'static str, Self); 9] = [
        ("eq", Self::Equal),
        ("ne", Self::NotEqual),
        ("co", Self::Contains),
        ("sw", Self::StartsWith),
        ("ew", Self::EndsWith),
        ("gt", Self::Greater),
        ("ge", Self::GreaterOrEqual),
        ("lt", Self::Less),
        ("le", Self::LessOrEqual),
    ];

    fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, it)| it)
    }

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, it)| *it == self).map_or("", |(name, _)| name)
    }
}

/// A value in a filter.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// A string.
    Text(String),
    /// A number.
    Number(Number),
    /// True or false.
    Flag(bool),
    /// Null.
    Nothing,
}

/// The name of an attribute, with the URN of its schema and one of its parts where they are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The URN before the name.
    pub schema: Option<String>,
    /// The name itself.
    pub name: String,
    /// The name after the dot.
    pub part: Option<String>,
}

/// What a change is about: `attribute`, `attribute.part`, `attribute[filter]` or `attribute[filter].part`.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Which attribute.
    pub name: Name,
    /// Which of its values; all of them without one.
    pub filter: Option<Filter>,
}

/// Why a text is no filter, and no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAFilter {
    /// It is longer than is read.
    TooLong,
    /// Groups stand in each other too deeply.
    TooDeep,
    /// Something else was expected at this byte.
    Expected(&'static str, usize),
}

impl fmt::Display for NotAFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "it is longer than {LONGEST} bytes"),
            Self::TooDeep => write!(f, "its groups are deeper than {DEEPEST}"),
            Self::Expected(what, at) => write!(f, "at byte {at} there should be {what}"),
        }
    }
}

impl std::error::Error for NotAFilter {}

/// Reads a filter.
pub fn filter(text: &str) -> Result<Filter, NotAFilter> {
    let mut reader = Reader::new(text)?;
    let filter = reader.any(0)?;
    reader.end()?;
    Ok(filter)
}

/// Reads the path of a change.
pub fn path(text: &str) -> Result<Path, NotAFilter> {
    let mut reader = Reader::new(text)?;
    let mut path = Path { name: reader.name()?, filter: None };
    if path.name.part.is_none() && reader.takes("[") {
        path.filter = Some(reader.any(1)?);
        reader.takes_or("]", "]")?;
        path.name.part = reader.part()?;
    }
    reader.end()?;
    Ok(path)
}

/// What stands behind the place where reading is.
struct Reader<'a> {
    rest: &'a str,
    length: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Result<Self, NotAFilter> {
        if text.len() > LONGEST {
            return Err(NotAFilter::TooLong);
        }
        Ok(Self { rest: text.trim(), length: text.len() })
    }

    fn expected<T>(&self, what: &'static str) -> Result<T, NotAFilter> {
        Err(NotAFilter::Expected(what, self.length.saturating_sub(self.rest.len())))
    }

    fn takes(&mut self, sign: &str) -> bool {
        let after = self.rest.trim_start().strip_prefix(sign);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn takes_or(&mut self, sign: &str, what: &'static str) -> Result<(), NotAFilter> {
        if self.takes(sign) { Ok(()) } else { self.expected(what) }
    }

    fn end(&self) -> Result<(), NotAFilter> {
        if self.rest.trim_start().is_empty() { Ok(()) } else { self.expected("the end, or `and` or `or`") }
    }

    /// A word made of `is_of`, which may be empty.
    fn word(&mut self, is_of: impl Fn(char) -> bool) -> &'a str {
        let text = self.rest.trim_start();
        let (word, after) = text.split_at(text.find(|c| !is_of(c)).unwrap_or(text.len()));
        self.rest = after;
        word
    }

    /// Takes a keyword that stands for itself.
    fn keyword(&mut self, keyword: &str) -> bool {
        let before = self.rest;
        let found = self.word(|c| c.is_ascii_alphanumeric()).eq_ignore_ascii_case(keyword);
        if !found {
            self.rest = before;
        }
        found
    }

    fn any(&mut self, depth: usize) -> Result<Filter, NotAFilter> {
        let mut one_of = vec![self.all(depth)?];
        while self.keyword("or") {
            one_of.push(self.all(depth)?);
        }
        Ok(alone(one_of).unwrap_or_else(Filter::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Filter, NotAFilter> {
        let mut each_of = vec![self.one(depth)?];
        while self.keyword("and") {
            each_of.push(self.one(depth)?);
        }
        Ok(alone(each_of).unwrap_or_else(Filter::All))
    }

    fn one(&mut self, depth: usize) -> Result<Filter, NotAFilter> {
        if depth >= DEEPEST {
            return Err(NotAFilter::TooDeep);
        }
        let before = self.rest;
        if self.keyword("not") && self.rest.trim_start().starts_with('(') {
            return Ok(Filter::Not(Box::new(self.one(depth + 1)?)));
        }
        self.rest = before;
        if self.takes("(") {
            let group = self.any(depth + 1)?;
            self.takes_or(")", ")")?;
            return Ok(group);
        }
        let name = self.name()?;
        if name.part.is_none() && self.takes("[") {
            return self.within(name, depth);
        }
        self.condition(name)
    }

    /// The filter of one value, and what may follow it: `emails[type eq "work"].value eq "x"` is not in the grammar,
    /// but Entra sends it, and it means one value for which both hold.
    fn within(&mut self, name: Name, depth: usize) -> Result<Filter, NotAFilter> {
        let mut inner = self.any(depth + 1)?;
        self.takes_or("]", "]")?;
        if let Some(part) = self.part()? {
            let more = self.condition(Name { schema: None, name: part, part: None })?;
            inner = Filter::All(vec![inner, more]);
        }
        Ok(Filter::Within(name, Box::new(inner)))
    }

    fn condition(&mut self, name: Name) -> Result<Filter, NotAFilter> {
        let before = self.rest;
        let word = self.word(|c| c.is_ascii_alphabetic());
        if word.eq_ignore_ascii_case("pr") {
            return Ok(Filter::Present(name));
        }
        let Some(compares) = Compares::named(word) else {
            self.rest = before;
            return self.expected("an operator such as eq");
        };
        Ok(Filter::Compare(name, compares, self.literal()?))
    }

    fn name(&mut self) -> Result<Name, NotAFilter> {
        let before = self.rest;
        let word = self.word(|c| c.is_ascii_alphanumeric() || "-_$:.".contains(c));
        let is_urn = word.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
        let (schema, word) = match word.rsplit_once(':').filter(|_| is_urn) {
            Some((schema, word)) => (Some(schema.to_owned()), word),
            None => (None, word),
        };
        let (name, part) = word.split_once('.').map_or((word, None), |(name, part)| (name, Some(part)));
        if !is_name(name) || !part.is_none_or(is_name) {
            self.rest = before;
            return self.expected("the name of an attribute");
        }
        Ok(Name { schema, name: name.to_owned(), part: part.map(str::to_owned) })
    }

    /// `.part` right behind a bracket.
    fn part(&mut self) -> Result<Option<String>, NotAFilter> {
        let Some(after) = self.rest.strip_prefix('.') else { return Ok(None) };
        self.rest = after;
        let part = self.word(|c| c.is_ascii_alphanumeric() || "-_$".contains(c));
        if is_name(part) { Ok(Some(part.to_owned())) } else { self.expected("the name of a part") }
    }

    fn literal(&mut self) -> Result<Literal, NotAFilter> {
        self.rest = self.rest.trim_start();
        if self.rest.starts_with('"') {
            return self.text();
        }
        let before = self.rest;
        let word = self.word(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        let literal = match word.to_ascii_lowercase().as_str() {
            "true" => Some(Literal::Flag(true)),
            "false" => Some(Literal::Flag(false)),
            "null" => Some(Literal::Nothing),
            _ => serde_json::from_str(word).ok().map(Literal::Number),
        };
        self.rest = if literal.is_some() { self.rest } else { before };
        literal.map_or_else(|| self.expected("a string, a number, true, false or null"), Ok)
    }

    /// A JSON string (RFC 8259 section 7).
    fn text(&mut self) -> Result<Literal, NotAFilter> {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        let Some((text, after)) = end.and_then(|(at, _)| self.rest.split_at_checked(at + 1)) else {
            return self.expected("a string with its second quote");
        };
        match serde_json::from_str(text) {
            Ok(text) => {
                self.rest = after;
                Ok(Literal::Text(text))
            }
            Err(_) => self.expected("a string with JSON's escapes"),
        }
    }
}

/// The only one of a list, or the list.
fn alone(mut filters: Vec<Filter>) -> Result<Filter, Vec<Filter>> {
    if filters.len() == 1 { filters.pop().ok_or(filters) } else { Err(filters) }
}

/// A letter, or `$` as in `$ref`, and whatever a name has after it (RFC 7643 section 2.1).
fn is_name(text: &str) -> bool {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$');
    starts && !text.contains([':', '.'])
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.schema.iter().try_for_each(|schema| write!(f, "{schema}:"))?;
        f.write_str(&self.name)?;
        self.part.iter().try_for_each(|part| write!(f, ".{part}"))
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{}", serde_json::Value::from(text.as_str())),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Nothing => f.write_str("null"),
        }
    }
}

/// The filter as text that is read as the same filter.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, filters: &[Filter], between: &str| {
            filters.iter().enumerate().try_for_each(|(index, filter)| {
                let between = if index == 0 { "" } else { between };
                match filter {
                    Self::All(_) | Self::Any(_) => write!(f, "{between}({filter})"),
                    Self::Not(_) | Self::Present(_) | Self::Compare(..) | Self::Within(..) => {
                        write!(f, "{between}{filter}")
                    }
                }
            })
        };
        match self {
            Self::All(filters) => list(f, filters, " and "),
            Self::Any(filters) => list(f, filters, " or "),
            Self::Not(filter) => write!(f, "not ({filter})"),
            Self::Present(name) => write!(f, "{name} pr"),
            Self::Compare(name, compares, literal) => write!(f, "{name} {} {literal}", compares.name()),
            Self::Within(name, filter) => write!(f, "{name}[{filter}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A filter as its own text, in which every group that matters has its brackets.
    fn read(text: &str) -> String {
        filter(text).map_or_else(|error| format!("{error:?}"), |filter| filter.to_string())
    }

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        for text in [
            r#"userName eq "bjensen""#,
            r#"name.familyName co "O'Malley""#,
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
            "title pr",
            r#"meta.lastModified gt "2011-05-13T04:42:34Z""#,
            r#"title pr and userType eq "Employee""#,
            r#"title pr or userType eq "Intern""#,
            r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
            r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
            r#"userType ne "Employee" and not (emails co "example.com")"#,
            r#"emails[type eq "work" and value co "@example.com"]"#,
            r#"emails[type eq "work"] or ims[type eq "xmpp"]"#,
            "age ge -12.5",
            "active eq true",
            "title eq null",
            r#"displayName eq "a \"quoted\" \\ name""#,
            r#"members[$ref ew "x"]"#,
        ] {
            assert_eq!(read(text), text);
        }
    }

    #[test]
    fn and_binds_more_tightly_than_or_and_case_does_not_matter() {
        assert_eq!(read("a pr OR b PR And c pr"), "a pr or (b pr and c pr)");
        assert_eq!(read("(a pr or b pr) and c pr"), "(a pr or b pr) and c pr");
        assert_eq!(read("NOT(a pr) and ((b pr))"), "not (a pr) and b pr");
        assert_eq!(read("not pr"), "not pr");
        assert_eq!(read("  a   EQ   \"x\"  "), "a eq \"x\"");
        assert_eq!(
            read(r#"emails[type eq "work"].value eq "a@b.test""#),
            r#"emails[type eq "work" and value eq "a@b.test"]"#
        );
    }

    #[test]
    fn anything_else_is_no_filter() {
        for text in [
            "",
            "a",
            "a eq",
            "a is 1",
            "a eq x",
            "a eq \"x",
            r#"a eq "x\""#,
            r#"a eq "\q""#,
            "a eq 01",
            "a eq 1 b eq 2",
            "a eq 1 and",
            "(a pr",
            "a pr)",
            "not a pr",
            "a[b pr",
            "a[]",
            "a.b[c pr]",
            "a.b.c pr",
            "1a pr",
            "é pr",
            "urn:x: pr",
            "a[b pr].",
        ] {
            assert!(filter(text).is_err(), "{text}: {:?}", filter(text));
        }
        let deep = |depth: usize| format!("{}a pr{}", "(".repeat(depth), ")".repeat(depth));
        assert!(filter(&deep(DEEPEST - 1)).is_ok());
        assert_eq!(filter(&deep(DEEPEST)), Err(NotAFilter::TooDeep));
        assert_eq!(filter(&"not (".repeat(700)), Err(NotAFilter::TooDeep));
        assert_eq!(filter(&"a".repeat(LONGEST + 1)), Err(NotAFilter::TooLong));
    }

    #[test]
    fn a_path_names_an_attribute_its_values_and_a_part() {
        let read = |text: &str| path(text).map(|path| (path.name.to_string(), path.filter));
        assert_eq!(read("members"), Ok(("members".into(), None)));
        assert_eq!(read("name.familyName"), Ok(("name.familyName".into(), None)));
        let work = filter(r#"type eq "work""#).unwrap();
        assert_eq!(read(r#"emails[type eq "work"].value"#), Ok(("emails.value".into(), Some(work.clone()))));
        assert_eq!(read(r#"emails[type eq "work"]"#), Ok(("emails".into(), Some(work))));
        let urn = "urn:ietf:params:scim:schemas:core:2.0:User:name.givenName";
        assert_eq!(read(urn), Ok((urn.into(), None)));
        for text in ["", "a b", "a[", "a[b pr].c.d", "a.b[c pr]", "a[b pr]c", "[a pr]"] {
            assert!(path(text).is_err(), "{text}");
        }
    }

    /// A stream of numbers that is the same in every run.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, most: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % most
        }

        fn name(&mut self) -> Name {
            let schema =
                (self.below(4) == 0).then(|| "urn:ietf:params:scim:schemas:core:2.0:User".to_owned());
            let part = (self.below(3) == 0).then(|| "value".to_owned());
            Name { schema, name: ["userName", "not", "or", "$ref", "a-b_c"][self.below(5)].to_owned(), part }
        }

        fn literal(&mut self) -> Literal {
            let texts = ["", "a \"b\" \\ c", "and or not", "]) (", "é\u{1f511}\u{0}\n"];
            match self.below(4) {
                0 => Literal::Number(self.below(9).into()),
                1 => Literal::Flag(self.below(2) == 0),
                2 => Literal::Nothing,
                _ => Literal::Text(texts[self.below(texts.len())].to_owned()),
            }
        }

        fn filter(&mut self, depth: usize) -> Filter {
            let many =
                |numbers: &mut Self| (0..2 + numbers.below(2)).map(|_| numbers.filter(depth + 1)).collect();
            match self.below(if depth > 3 { 2 } else { 6 }) {
                0 => Filter::Present(self.name()),
                1 => Filter::Compare(self.name(), Compares::ALL[self.below(9)].1, self.literal()),
                2 => Filter::Not(Box::new(self.filter(depth + 1))),
                3 => Filter::Within(Name { part: None, ..self.name() }, Box::new(self.filter(depth + 1))),
                4 => {
                    let all: Vec<_> = many(self);
                    Filter::All(all.into_iter().filter(|it| !matches!(it, Filter::All(_))).collect())
                }
                _ => {
                    let any: Vec<_> = many(self);
                    Filter::Any(any.into_iter().filter(|it| !matches!(it, Filter::Any(_))).collect())
                }
            }
        }
    }

    fn is_whole(filter: &Filter) -> bool {
        match filter {
            Filter::All(of) | Filter::Any(of) => of.len() > 1 && of.iter().all(is_whole),
            Filter::Not(of) | Filter::Within(_, of) => is_whole(of),
            Filter::Present(_) | Filter::Compare(..) => true,
        }
    }

    #[test]
    fn every_filter_is_read_back_as_it_was_written() {
        let mut numbers = Numbers(7);
        let mut seen = 0;
        while seen < 2_000 {
            let made = numbers.filter(0);
            let text = made.to_string();
            if is_whole(&made) && text.len() <= LONGEST {
                assert_eq!(filter(&text), Ok(made), "{text}");
                seen += 1;
            }
        }
    }

    #[test]
    fn reading_never_panics_whatever_stands_where() {
        let parts = [
            "a", " eq ", "\"", "\\", "(", ")", "[", "]", ".", ":", "urn:", " and ", " or ", "not", " ", "é",
            "1", "-", "pr", "\u{0}",
        ];
        let mut numbers = Numbers(11);
        for _ in 0..20_000 {
            let text: String = (0..numbers.below(12)).map(|_| parts[numbers.below(parts.len())]).collect();
            if let Ok(filter) = filter(&text) {
                assert_eq!(super::filter(&filter.to_string()), Ok(filter), "{text:?}");
            }
            let _either = path(&text);
        }
    }
}
