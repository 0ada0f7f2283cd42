//! XML bodies of v2: flat or a few levels in, any shape out. No DTD, no entities but the five that XML has (protocol.md 1.5).

use crate::fields::{BodyError, Field, Fields};
use crate::secret::Secret;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};
use serde::Serialize;
use serde_json::Value;

/// Reads `<root><field>text</field>…</root>`.
pub fn fields(body: &[u8], root: &str) -> Result<Fields, BodyError> {
    read(body, root, 2)
}

/// The same where a field may hold fields again: `<root><user><name>text</name>…</user>…</root>`.
pub fn nested_fields(body: &[u8], root: &str) -> Result<Fields, BodyError> {
    read(body, root, 4)
}

/// An element that is being read.
struct Open {
    name: String,
    fields: Vec<(String, Field)>,
    text: String,
}

fn read(body: &[u8], root: &str, deepest: usize) -> Result<Fields, BodyError> {
    let text = std::str::from_utf8(body).map_err(|_| BodyError::Xml("it is not UTF-8"))?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Open> = Vec::new();
    let mut read = None;
    loop {
        match reader.read_event().map_err(|_| BodyError::Xml("it is not well-formed"))? {
            Event::Start(start) if read.is_none() => open.push(opened(&start, &open, root, deepest)?),
            Event::Empty(start) if read.is_none() => {
                let element = opened(&start, &open, root, deepest)?;
                read = closed(element, &mut open)?;
            }
            Event::Text(part) if part.trim_ascii().is_empty() && open.is_empty() => {}
            Event::Text(part) => innermost(&mut open)?.push_str(&part.xml10_content()),
            Event::CData(part) => innermost(&mut open)?.push_str(&part.xml10_content()),
            Event::GeneralRef(reference) => innermost(&mut open)?.push(character(&reference)?),
            Event::End(_) => match open.pop() {
                Some(element) => read = closed(element, &mut open)?,
                None => return Err(BodyError::Xml("it is not well-formed")),
            },
            Event::Eof => return read.ok_or(BodyError::Xml("it ends too early")),
            Event::Decl(_) | Event::Comment(_) => {}
            Event::DocType(_) => return Err(BodyError::Xml("a document type is not allowed")),
            Event::PI(_) => return Err(BodyError::Xml("a processing instruction is not allowed")),
            Event::Start(_) | Event::Empty(_) => {
                return Err(BodyError::Xml("one element holds all the others"));
            }
        }
    }
}

/// An element that begins where it may: the root, or a field in it.
fn opened(start: &BytesStart<'_>, open: &[Open], root: &str, deepest: usize) -> Result<Open, BodyError> {
    let name = start.name().as_ref().to_owned();
    match open.len() {
        0 if name != root => Err(BodyError::Xml("its outermost element has another name")),
        depth if depth >= deepest => Err(BodyError::Xml("a field holds text only")),
        _ => Ok(Open { name, fields: Vec::new(), text: String::new() }),
    }
}

/// Puts an element that ends into the one around it; the outermost one is what was read.
fn closed(element: Open, open: &mut [Open]) -> Result<Option<Fields>, BodyError> {
    let Open { name, fields, text } = element;
    let around = open.last_mut();
    if (around.is_none() || !fields.is_empty()) && !text.trim().is_empty() {
        return Err(BodyError::Xml("text stands in a field only"));
    }
    let Some(around) = around else { return Ok(Some(Fields::from_fields(fields))) };
    let field = if fields.is_empty() {
        Field::Text(Secret::new(text))
    } else {
        Field::Object(Fields::from_fields(fields))
    };
    around.fields.push((name, field));
    Ok(None)
}

/// The text of the innermost element that is open.
fn innermost(open: &mut [Open]) -> Result<&mut String, BodyError> {
    let element = open.last_mut().ok_or(BodyError::Xml("text stands in a field only"))?;
    Ok(&mut element.text)
}

/// The character that a reference stands for: one of the five of XML, or a number.
fn character(reference: &quick_xml::events::BytesRef<'_>) -> Result<char, BodyError> {
    const UNKNOWN: BodyError = BodyError::Xml("an entity is not allowed");
    if let Some(by_number) = reference.resolve_char_ref().map_err(|_| UNKNOWN)? {
        return Ok(by_number);
    }
    quick_xml::escape::resolve_predefined_entity(reference)
        .and_then(|text| text.chars().next())
        .ok_or(UNKNOWN)
}

/// Writes a body whose JSON has `@type`: the type becomes the element, every member an element in it.
pub fn document(body: &impl Serialize) -> String {
    let value = serde_json::to_value(body).unwrap_or(Value::Null);
    let root = value.get("@type").and_then(Value::as_str).unwrap_or("value").to_owned();
    let mut writer = Writer::new(Vec::new());
    // Writing into memory cannot fail.
    let _declared = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), Some("yes"))));
    element(&mut writer, &root, &value);
    String::from_utf8(writer.into_inner()).unwrap_or_default()
}

/// Writes a list of such bodies, each under its own type, in one element.
pub fn list(root: &str, items: &impl Serialize) -> String {
    let value = serde_json::to_value(items).unwrap_or(Value::Null);
    let mut writer = Writer::new(Vec::new());
    let _declared = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), Some("yes"))));
    let _opened = writer.write_event(Event::Start(BytesStart::new(root)));
    for item in value.as_array().into_iter().flatten() {
        let name = item.get("@type").and_then(Value::as_str).unwrap_or("value");
        element(&mut writer, name, item);
    }
    let _closed = writer.write_event(Event::End(BytesEnd::new(root)));
    String::from_utf8(writer.into_inner()).unwrap_or_default()
}

fn element(writer: &mut Writer<Vec<u8>>, name: &str, value: &Value) {
    let text = match value {
        Value::Array(items) => return items.iter().for_each(|item| element(writer, name, item)),
        Value::Null => return,
        Value::Object(_) => String::new(),
        Value::String(text) => text.clone(),
        plain => plain.to_string(),
    };
    let _opened = writer.write_event(Event::Start(BytesStart::new(name)));
    match value {
        Value::Object(members) => {
            members
                .iter()
                .filter(|(name, _)| *name != "@type")
                .for_each(|(name, member)| element(writer, name, member));
        }
        _ => drop(writer.write_event(Event::Text(BytesText::new(&text)))),
    }
    let _closed = writer.write_event(Event::End(BytesEnd::new(name)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(body: &str) -> Result<(String, String), BodyError> {
        let fields = fields(body.as_bytes(), "login")?;
        let text = |name| fields.required(name, 255).map(|text| text.expose().to_owned());
        Ok((text("username")?, text("password")?))
    }

    #[test]
    fn the_documented_body_is_read() {
        for body in [
            "<login><username>etl.robot</username><password>a&lt;b&#38;\"c</password></login>",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<!-- x -->\n<login>\n <username>etl.robot</username>\n <password><![CDATA[a<b&]]>\"c</password>\n</login>\n",
        ] {
            assert_eq!(login(body), Ok(("etl.robot".into(), "a<b&\"c".into())), "{body}");
        }
    }

    #[test]
    fn an_empty_body_lacks_its_fields() {
        assert_eq!(login("<login/>"), Err(BodyError::Missing("username")));
        assert_eq!(login("<login><username/></login>"), Err(BodyError::Missing("username")));
    }

    #[test]
    fn a_field_holds_fields_where_that_is_asked_for() {
        let body = b"<user>\n<name>cleo</name><roles><name>Admin</name></roles><roles>Designer</roles><o><p><q>1</q></p></o></user>";
        let read = nested_fields(body, "user").unwrap();
        assert_eq!(read.required("name", 9).unwrap().expose(), "cleo");
        assert_eq!(read.names("roles", 2), Ok(Some(vec!["Admin".to_owned(), "Designer".to_owned()])));
        assert_eq!(read.within("o").unwrap().within("p").unwrap().required("q", 9).unwrap().expose(), "1");
        for mixed in
            ["<user>x<name/></user>", "<user><o>x<p/></o></user>", "<user><a><b><c><d/></c></b></a></user>"]
        {
            assert!(matches!(nested_fields(mixed.as_bytes(), "user"), Err(BodyError::Xml(_))), "{mixed}");
        }
    }

    #[test]
    fn what_could_hide_something_is_refused() {
        let long = format!("<login>{}", "<a>".repeat(10_000));
        for body in [
            "",
            "plain",
            "<login>",
            "<login></login",
            "<logout></logout>",
            "<login></login><login></login>",
            "<login/><login/>",
            "junk<login/>",
            "<login/>junk",
            "<login>junk<username>a</username></login>",
            "<login>&#65;</login>",
            "<logout/>",
            "<login><username><b>x</b></username></login>",
            "<!DOCTYPE login [<!ENTITY x \"y\">]><login><username>&x;</username></login>",
            "<login><username>&xxe;</username></login>",
            "<login><?php x ?></login>",
            "<login><username>x</password></login>",
            &long,
        ] {
            assert!(matches!(login(body), Err(BodyError::Xml(_))), "{body:.60} {:?}", login(body));
        }
    }

    #[test]
    fn a_body_is_written_without_its_type() {
        let body = serde_json::json!({"@type": "user", "name": "a<b", "roles": [{"@type": "role", "name": "Admin"}], "x": null, "n": 1});
        assert_eq!(
            document(&body),
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><user><name>a&lt;b</name><roles><name>Admin</name></roles><n>1</n></user>"
        );
    }
}
