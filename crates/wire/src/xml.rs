//! XML bodies of v2: flat in, any shape out. No DTD, no entities but the five that XML has (protocol.md 1.5).

use crate::fields::{BodyError, Fields};
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};
use serde::Serialize;
use serde_json::Value;

/// Reads `<root><field>text</field>…</root>`.
pub fn fields(body: &[u8], root: &str) -> Result<Fields, BodyError> {
    let text = std::str::from_utf8(body).map_err(|_| BodyError::Xml("it is not UTF-8"))?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<String> = Vec::new();
    let (mut pairs, mut value, mut is_closed) = (Vec::new(), String::new(), false);
    loop {
        match reader.read_event().map_err(|_| BodyError::Xml("it is not well-formed"))? {
            Event::Start(start) if !is_closed => {
                open.push(name(start.name().as_ref(), &open, root)?);
                value.clear();
            }
            Event::Empty(start) if !is_closed && open.is_empty() => {
                name(start.name().as_ref(), &open, root)?;
                is_closed = true;
            }
            Event::Empty(start) if !is_closed => {
                pairs.push((name(start.name().as_ref(), &open, root)?, String::new()));
            }
            Event::Text(part) if open.len() == 2 => value.push_str(&part.xml10_content()),
            Event::Text(part) if part.trim_ascii().is_empty() => {}
            Event::CData(part) if open.len() == 2 => value.push_str(&part.xml10_content()),
            Event::GeneralRef(reference) if open.len() == 2 => value.push(character(&reference)?),
            Event::End(_) if open.len() > 1 => {
                pairs.extend(open.pop().map(|name| (name, std::mem::take(&mut value))))
            }
            Event::End(_) => is_closed = open.pop().is_some(),
            Event::Eof if is_closed => return Ok(Fields::from_pairs(pairs)),
            Event::Eof => return Err(BodyError::Xml("it ends too early")),
            Event::Decl(_) | Event::Comment(_) => {}
            Event::DocType(_) => return Err(BodyError::Xml("a document type is not allowed")),
            Event::PI(_) => return Err(BodyError::Xml("a processing instruction is not allowed")),
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {
                return Err(BodyError::Xml("text stands in a field only"));
            }
            Event::Start(_) | Event::Empty(_) => {
                return Err(BodyError::Xml("one element holds all the others"));
            }
        }
    }
}

/// The name of an element that stands where it may: the root, or a field in it.
fn name(name: &str, open: &[String], root: &str) -> Result<String, BodyError> {
    match open.len() {
        0 if name == root => Ok(name.to_owned()),
        0 => Err(BodyError::Xml("its outermost element has another name")),
        1 => Ok(name.to_owned()),
        _ => Err(BodyError::Xml("a field holds text only")),
    }
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
