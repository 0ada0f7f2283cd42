//! The one place where SAML messages are written: every text is escaped, because nothing else writes.

use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

/// An element that is being described.
pub(super) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    inside: Inside,
}

enum Inside {
    Text(String),
    Elements(Vec<Element>),
}

impl Element {
    /// An element with nothing in it.
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, attributes: Vec::new(), inside: Inside::Elements(Vec::new()) }
    }

    /// This element with one more attribute.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    /// This element with text in it.
    pub(super) fn text(self, text: impl Into<String>) -> Self {
        Self { inside: Inside::Text(text.into()), ..self }
    }

    /// This element with others in it.
    pub(super) fn around(self, elements: Vec<Self>) -> Self {
        Self { inside: Inside::Elements(elements), ..self }
    }

    /// The document of which this is the outermost element.
    pub(super) fn document(&self) -> String {
        let mut writer = Writer::new(Vec::new());
        self.write(&mut writer);
        String::from_utf8(writer.into_inner()).unwrap_or_default()
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) {
        let attributes = self.attributes.iter().map(|(name, value)| (*name, value.as_str()));
        let start = BytesStart::new(self.name).with_attributes(attributes);
        // Writing into memory cannot fail.
        match &self.inside {
            Inside::Elements(elements) if elements.is_empty() => {
                let _written = writer.write_event(Event::Empty(start));
            }
            Inside::Elements(elements) => {
                let _opened = writer.write_event(Event::Start(start));
                elements.iter().for_each(|element| element.write(writer));
                let _closed = writer.write_event(Event::End(BytesEnd::new(self.name)));
            }
            Inside::Text(text) => {
                let _opened = writer.write_event(Event::Start(start));
                let _text = writer.write_event(Event::Text(BytesText::new(text)));
                let _closed = writer.write_event(Event::End(BytesEnd::new(self.name)));
            }
        }
    }
}
