//! Records of a service as people read them, in columns, and as programs do, in the JSON in which they came.

use crate::print;
use clap::ValueEnum;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

/// How records are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// In columns, for people
    Table,
    /// As JSON, with the names that the service gives
    Json,
}

/// A heading, and where in a record its value is: names with dots between them, `*` for every entry of a list.
pub type Column = (&'static str, &'static str);

/// Prints a list.
pub fn list(format: Format, columns: &[Column], records: &[Value]) {
    match format {
        Format::Json => print::line(&Value::Array(records.to_vec()).to_string()),
        Format::Table => {
            let heading = columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
            let cells = |record: &Value| columns.iter().map(|(_, path)| cell(record, path)).collect();
            let rows: Vec<Vec<String>> = std::iter::once(heading).chain(records.iter().map(cells)).collect();
            lines(&rows).iter().for_each(|line| print::line(line));
        }
    }
}

/// Prints one record, field by field.
pub fn record(format: Format, record: &Value) {
    match (format, record) {
        (Format::Table, Value::Object(fields)) => {
            let rows: Vec<_> = fields.iter().map(|(name, value)| vec![name.clone(), text(value)]).collect();
            lines(&rows).iter().for_each(|line| print::line(line));
        }
        _ => print::line(&record.to_string()),
    }
}

/// What a path leads to in a record, as text.
pub fn cell(record: &Value, path: &str) -> String {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let value = match (name, record) {
        ("*", Value::Array(items)) => {
            let items: Vec<_> = items.iter().map(|item| cell(item, rest)).collect();
            return if items.is_empty() { "-".to_owned() } else { items.join(", ") };
        }
        _ => record.get(name).unwrap_or(&Value::Null),
    };
    if rest.is_empty() { text(value) } else { cell(value, rest) }
}

/// The names by which people call what stands in lists.
const NAMES: [&str; 6] = ["roleName", "userGroupName", "userName", "name", "value", "id"];

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => tame(text),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => match NAMES.iter().find_map(|name| fields.get(*name)) {
            Some(name) => text(name),
            None => tame(&value.to_string()),
        },
    }
}

/// A text that cannot command a terminal.
pub fn tame(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// Rows as lines whose columns begin at the same place.
fn lines(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widest = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|it| it.width()).max();
    let widths: Vec<_> = (0..columns).map(|column| widest(column).unwrap_or_default()).collect();
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, width)| {
        let padding = " ".repeat(width.saturating_sub(cell.width()));
        format!("{cell}{padding}")
    });
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_leads_into_records_and_through_lists() {
        let record = json!({"name": "ada", "roles": [{"roleName": "Admin"}, {"roleName": "Designer"}], "in": {"a": 7}});
        for (path, expected) in [
            ("name", "ada"),
            ("roles.*.roleName", "Admin, Designer"),
            ("roles", "Admin, Designer"),
            ("in.a", "7"),
            ("none", "-"),
        ] {
            assert_eq!(cell(&record, path), expected, "{path}");
        }
        assert_eq!(cell(&json!({"roles": []}), "roles.*.roleName"), "-");
    }

    #[test]
    fn columns_begin_at_one_place_however_wide_their_letters_are() {
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["日本".to_owned(), "c".to_owned()]];
        assert_eq!(lines(&rows), ["a     b", "日本  c"]);
    }

    #[test]
    fn no_text_of_a_service_commands_a_terminal() {
        assert_eq!(tame("a\u{1b}[2Jb\nc\u{9b}"), "a [2Jb c ");
    }
}
