//! Bodies and headers that are filled in: from the request, from who sends it, and from the emulator's clock.

use super::stub::{Broken, Kind};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, escape_formatter,
};
use std::fmt::Write;

/// Steps that a template may take, so that a loop in it ends.
const FUEL: u64 = 1_000_000;

/// Stand around a value in a body of JSON until the whole is known. Neither may be in JSON otherwise.
const BEFORE: char = '\u{1}';
const AFTER: char = '\u{2}';

/// Fills in a template. Values are escaped as the kind of the text wants it.
pub fn fill(name: &str, text: &str, kind: Kind, scene: &serde_json::Value) -> Result<String, Broken> {
    let is_template = ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark));
    if !is_template {
        return Ok(text.to_owned());
    }
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_syntax(SyntaxConfig::builder().keep_trailing_newline(true).build().unwrap_or_default());
    environment.set_auto_escape_callback(move |_| match kind {
        Kind::Json => AutoEscape::Json,
        Kind::Xml | Kind::Html => AutoEscape::Html,
        Kind::Text | Kind::Csv | Kind::Bytes => AutoEscape::None,
    });
    environment.set_formatter(marked);
    let filled =
        environment.render_named_str(name, text, value(scene)).map_err(|error| broken(name, &error))?;
    Ok(if kind == Kind::Json { settled(&filled) } else { filled })
}

fn broken(name: &str, error: &Error) -> Broken {
    let place = format!("{name}:{}", error.line().unwrap_or(1));
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    let hint = match error.kind() {
        ErrorKind::UndefinedError => "; `| default(\"\")` gives it a value when there is none",
        _ => "",
    };
    Broken::at(place, format!("{}{detail}{hint}", error.kind()))
}

fn marked(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    // What `if` without `else` leaves; other undefined values have ended the template before.
    if value.is_undefined() {
        return Ok(());
    }
    if *state.auto_escape() != AutoEscape::Json || value.is_safe() {
        return escape_formatter(out, state, value);
    }
    out.write_char(BEFORE)?;
    escape_formatter(out, state, value)?;
    Ok(out.write_char(AFTER)?)
}

/// Gives each value the form of its place: `"id": {{ x }}` wants quotes around a text, `"id": "{{ x }}"` has them.
fn settled(filled: &str) -> String {
    let (mut out, mut is_in_text, mut is_escaped) = (String::with_capacity(filled.len()), false, false);
    let mut rest = filled;
    while let Some(at) = rest.find(BEFORE) {
        let (before, from) = rest.split_at(at);
        (is_in_text, is_escaped) = before.chars().fold((is_in_text, is_escaped), after);
        let (json, beyond) = from.split_once(AFTER).unwrap_or((from, ""));
        let json = json.trim_start_matches(BEFORE);
        out.push_str(before);
        out.push_str(&if is_in_text { inside_text(json) } else { json.to_owned() });
        rest = beyond;
    }
    out + rest
}

/// Whether one is in a text, and behind a backslash, after one more character of JSON.
fn after((is_in_text, is_escaped): (bool, bool), next: char) -> (bool, bool) {
    match next {
        '"' if !is_escaped => (!is_in_text, false),
        '\\' if is_in_text => (true, !is_escaped),
        _ => (is_in_text, false),
    }
}

/// A value of JSON as part of a text: a text without its quotes, anything else as it is spelled.
fn inside_text(json: &str) -> String {
    if let Some(text) = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')) {
        return text.to_owned();
    }
    let spelled = serde_json::Value::from(json).to_string();
    spelled.trim_matches('"').to_owned()
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(flag) => Value::from(*flag),
        serde_json::Value::String(text) => Value::from(text),
        serde_json::Value::Array(items) => Value::from(items.iter().map(value).collect::<Vec<_>>()),
        serde_json::Value::Object(fields) => {
            Value::from_pairs(fields.iter().map(|(name, field)| (name.as_str(), value(field))))
        }
        serde_json::Value::Number(number) => {
            let whole = number.as_i64().map(Value::from).or_else(|| number.as_u64().map(Value::from));
            whole.or_else(|| number.as_f64().map(Value::from)).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filled(kind: Kind, text: &str) -> String {
        let scene = json!({
            "path": {"id": "a\"b\\c"},
            "body": {"n": 7, "list": [1, "x"], "big": 18_446_744_073_709_551_615_u64, "text": "<&>"},
        });
        fill("F", text, kind, &scene).unwrap_or_else(|broken| broken.to_string())
    }

    #[test]
    fn a_value_in_json_takes_the_form_of_its_place() {
        for (text, json) in [
            (r#"{"a":{{ path.id }}}"#, r#"{"a":"a\"b\\c"}"#),
            (r#"{"a":"{{ path.id }}"}"#, r#"{"a":"a\"b\\c"}"#),
            (r#"{"a":"no. {{ body.n }}, {{ path.id }}"}"#, r#"{"a":"no. 7, a\"b\\c"}"#),
            (r#"{"\"{{ body.n }}":{{ body.big }}}"#, r#"{"\"7":18446744073709551615}"#),
            (r#"{"a":{{ body.list }},"b":"{{ body.list }}"}"#, r#"{"a":[1,"x"],"b":"[1,\"x\"]"}"#),
            (
                r#"[{% for x in body.list %}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}]"#,
                r#"[1,"x"]"#,
            ),
            (r#"{"a":"{{ body.n if body.m }}"}"#, r#"{"a":""}"#),
            (r#"{"a":{{ body.x | default("none") }}}"#, r#"{"a":"none"}"#),
        ] {
            let filled = filled(Kind::Json, text);
            assert_eq!(filled, json, "{text}");
            serde_json::from_str::<serde_json::Value>(&filled).unwrap();
        }
    }

    #[test]
    fn other_kinds_escape_as_they_do() {
        assert_eq!(filled(Kind::Xml, "<a>{{ body.text }}</a>\n"), "<a>&lt;&amp;&gt;</a>\n");
        assert_eq!(filled(Kind::Csv, "{{ body.text }};{{ body.n }}\n"), "<&>;7\n");
    }

    #[test]
    fn a_mistake_names_its_line() {
        assert_eq!(
            filled(Kind::Json, "{\n \"a\": {{ path.name }}\n}"),
            "F:2: undefined value; `| default(\"\")` gives it a value when there is none"
        );
        assert_eq!(filled(Kind::Text, "\n\n{% if %}"), "F:3: syntax error: unexpected end of block");
        assert_eq!(
            filled(
                Kind::Text,
                "{% for a in range(9999) %}{% for a in range(9999) %}{% endfor %}{% endfor %}"
            ),
            "F:1: engine ran out of fuel"
        );
    }
}
