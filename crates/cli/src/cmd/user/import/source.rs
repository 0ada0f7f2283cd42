//! Rows out of a file of users: CSV or JSON lines, a portion at a time.

use super::Kind;
use crate::error::Failure;
use domain::name::CanonicalName;
use serde_json::{Map, Value};
use std::cell::Cell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

/// The longest line; the service reads no longer one either.
const LONGEST: u64 = 64 * 1024;

/// The columns, as the service calls them.
const COLUMNS: [(&str, Column); 15] = [
    ("name", Column::Text),
    ("firstName", Column::Text),
    ("lastName", Column::Text),
    ("email", Column::Text),
    ("title", Column::Text),
    ("phone", Column::Text),
    ("description", Column::Text),
    ("timeZoneId", Column::Text),
    ("state", Column::Text),
    ("authentication", Column::Text),
    ("forcePasswordChange", Column::Flag),
    ("maxLoginAttempts", Column::Number),
    ("passwordHash", Column::Text),
    ("roles", Column::List),
    ("groups", Column::List),
];

/// What stands in a column.
#[derive(Debug, Clone, Copy)]
enum Column {
    Text,
    Flag,
    Number,
    /// Names with `;` between them.
    List,
}

/// A row of a file.
#[derive(Debug)]
pub struct Row {
    /// The line on which it begins.
    pub line: u64,
    /// The name of the user, as far as that can be read.
    pub name: String,
    /// The user as a line of JSON, or why it cannot be one.
    pub user: Result<String, String>,
}

/// A file of users that is read row by row.
pub struct Source {
    rows: Rows,
    length: u64,
    read: Rc<Cell<u64>>,
    /// On which row each name stands.
    names: HashMap<CanonicalName, u64>,
}

enum Rows {
    Csv { reader: Box<csv::Reader<Box<dyn Read>>>, columns: Vec<(&'static str, Column)> },
    Jsonl { reader: BufReader<Box<dyn Read>>, line: u64 },
}

impl Source {
    /// Opens a file; its name says what is in it unless `kind` does.
    pub fn open(path: &Path, kind: Option<Kind>) -> Result<Self, Failure> {
        let unreadable =
            |error| Failure::usage(error).while_doing(format!("{} cannot be read", path.display()));
        let (input, length): (Box<dyn Read>, u64) = match path.to_str() {
            Some("-") => (Box::new(io::stdin()), 0),
            _ => {
                let file = File::open(path).map_err(unreadable)?;
                let length = file.metadata().map_err(unreadable)?.len();
                (Box::new(file), length)
            }
        };
        let read = Rc::new(Cell::new(0));
        let input: Box<dyn Read> = Box::new(Counted { input, read: Rc::clone(&read) });
        let ending = path.extension().and_then(|ending| ending.to_str());
        let rows = match (kind, ending) {
            (Some(Kind::Csv), _) | (None, Some("csv")) => with_columns(input, path)?,
            (Some(Kind::Jsonl), _) | (None, Some("jsonl" | "ndjson")) => {
                Rows::Jsonl { reader: BufReader::new(input), line: 0 }
            }
            (None, _) => {
                let unknown = io::Error::other(format!("{} does not say what is in it", path.display()));
                return Err(Failure::usage(unknown).hint("say --input csv or --input jsonl"));
            }
        };
        Ok(Self { rows, length, read, names: HashMap::new() })
    }

    /// The bytes of the file; 0 when nobody knows.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The bytes that have been read.
    pub fn position(&self) -> u64 {
        self.read.get()
    }

    /// The next rows; none at the end.
    pub fn portion(&mut self, most: usize) -> io::Result<Vec<Row>> {
        let mut rows = Vec::new();
        while rows.len() < most {
            let row = match &mut self.rows {
                Rows::Csv { reader, columns } => next_record(reader, columns)?,
                Rows::Jsonl { reader, line } => next_line(reader, line)?,
            };
            let Some(mut row) = row else { break };
            self.note_name(&mut row);
            rows.push(row);
        }
        Ok(rows)
    }

    /// A name that stands in the file twice is refused the second time, also when nothing is written.
    fn note_name(&mut self, row: &mut Row) {
        if row.name.is_empty() || row.user.is_err() {
            return;
        }
        let line = row.line;
        let first = *self.names.entry(CanonicalName::of(&row.name)).or_insert(line);
        if first != line {
            row.user = Err(format!("row {first} has the same name"));
        }
    }
}

/// Counts what is read.
struct Counted {
    input: Box<dyn Read>,
    read: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        self.read.set(self.read.get() + length as u64);
        Ok(length)
    }
}

fn with_columns(input: Box<dyn Read>, path: &Path) -> Result<Rows, Failure> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(input);
    let headers = reader.headers().map_err(Failure::usage)?.clone();
    let mut columns: Vec<(&str, Column)> = Vec::new();
    for header in &headers {
        let known = COLUMNS.iter().find(|(name, _)| *name == header.trim_start_matches('\u{feff}'));
        let fresh = known.filter(|(name, _)| columns.iter().all(|(other, _)| other != name));
        let Some(column) = fresh else {
            let what =
                format!("{} line 1: the column {header} is not known, or stands there twice", path.display());
            let names: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
            return Err(
                Failure::usage(io::Error::other(what)).hint(format!("columns are {}", names.join(", ")))
            );
        };
        columns.push(*column);
    }
    Ok(Rows::Csv { reader: Box::new(reader), columns })
}

fn next_record(
    reader: &mut csv::Reader<Box<dyn Read>>,
    columns: &[(&'static str, Column)],
) -> io::Result<Option<Row>> {
    let mut record = csv::StringRecord::new();
    let before = reader.position().line();
    match reader.read_record(&mut record) {
        Ok(false) => return Ok(None),
        Ok(true) => {}
        Err(error) if error.is_io_error() => return Err(io::Error::other(error)),
        Err(error) => {
            let line = error.position().map_or(before, csv::Position::line);
            let reason = match error.kind() {
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    format!("the row has {len} values, but there are {expected_len} columns")
                }
                _ => "the row is not text in UTF-8".to_owned(),
            };
            return Ok(Some(Row { line, name: String::new(), user: Err(reason) }));
        }
    }
    let line = record.position().map_or(before, csv::Position::line);
    let mut user = Map::new();
    for ((name, column), value) in columns.iter().zip(&record).filter(|(_, value)| !value.is_empty()) {
        user.insert((*name).to_owned(), column.value(value));
    }
    let name = user.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Some(Row { line, name, user: Ok(Value::Object(user).to_string()) }))
}

impl Column {
    /// What is no flag and no number stays a text, and the service says what is wrong with it.
    fn value(self, text: &str) -> Value {
        match self {
            Self::Text => text.into(),
            Self::Flag => text.to_ascii_lowercase().parse::<bool>().map_or_else(|_| text.into(), Into::into),
            Self::Number => text.parse::<u32>().map_or_else(|_| text.into(), Into::into),
            Self::List => text.split(';').map(str::trim).filter(|word| !word.is_empty()).collect(),
        }
    }
}

fn next_line(reader: &mut BufReader<Box<dyn Read>>, line: &mut u64) -> io::Result<Option<Row>> {
    loop {
        let mut text = Vec::new();
        *line += 1;
        if reader.by_ref().take(LONGEST + 1).read_until(b'\n', &mut text)? == 0 {
            return Ok(None);
        }
        let refused = |reason: &str| Row { line: *line, name: String::new(), user: Err(reason.to_owned()) };
        if text.len() as u64 > LONGEST {
            reader.skip_until(b'\n')?;
            return Ok(Some(refused("the row is longer than 65536 bytes")));
        }
        let Ok(text) = String::from_utf8(text) else {
            return Ok(Some(refused("the row is not text in UTF-8")));
        };
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            continue;
        }
        let name = serde_json::from_str::<Value>(text).ok();
        let name = name.and_then(|user| Some(user.get("name")?.as_str()?.to_owned())).unwrap_or_default();
        return Ok(Some(Row { line: *line, name, user: Ok(text.to_owned()) }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(name: &str, bytes: &[u8]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let rows = Source::open(&path, None).unwrap_or_else(|_| panic!("not opened")).portion(100).unwrap();
        rows.into_iter()
            .map(|row| format!("{} {} {}", row.line, row.name, row.user.unwrap_or_else(|it| it)))
            .collect()
    }

    #[test]
    fn a_table_becomes_users() {
        let text = "\u{feff}name,firstName,roles,forcePasswordChange,maxLoginAttempts\n\
            ada,\"Ada, of\nLondon\",Admin; Designer,TRUE,5\nbob,,,,\nAda,x,,,\nshort\n";
        assert_eq!(
            rows("a.csv", text.as_bytes()),
            [
                r#"2 ada {"name":"ada","firstName":"Ada, of\nLondon","roles":["Admin","Designer"],"forcePasswordChange":true,"maxLoginAttempts":5}"#,
                r#"4 bob {"name":"bob"}"#,
                "5 Ada row 2 has the same name",
                "6  the row has 1 values, but there are 5 columns",
            ]
        );
    }

    #[test]
    fn lines_of_json_are_handed_on_as_they_are() {
        let long = format!("{{\"name\":\"{}\"}}", "x".repeat(70_000));
        let text = format!("{{\"name\":\"ada\"}}\n\n nonsense \n{long}\n{{\"name\":\"ADA\"}}");
        assert_eq!(
            rows("a.jsonl", text.as_bytes()),
            [
                r#"1 ada {"name":"ada"}"#,
                "3  nonsense",
                "4  the row is longer than 65536 bytes",
                "5 ADA row 1 has the same name",
            ]
        );
        assert_eq!(rows("a.jsonl", b"\xff\xfe"), ["1  the row is not text in UTF-8"]);
    }
}
