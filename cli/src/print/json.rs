//! JSON as Go's `encoding/json` writes it: field order, omitted zero values, escapes, base64 for bytes.

use super::Page;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Bytes that are encoded at once: a multiple of 3.
const BASE64_CHUNK: usize = 3 * 1024;

/// Writes one JSON value on a page.
pub struct Json<'p, 'o> {
    page: &'p mut Page<'o>,
    /// Whether the next name or element needs a comma before it.
    comma: bool,
}

/// What has fields.
pub trait ToJson {
    /// Writes the fields, without the braces.
    fn json_fields(&self, json: &mut Json<'_, '_>);

    /// Writes the object.
    fn object(&self, json: &mut Json<'_, '_>) {
        json.object(|json| self.json_fields(json));
    }
}

impl<'p, 'o> Json<'p, 'o> {
    /// An empty value on a page.
    pub fn new(page: &'p mut Page<'o>) -> Self {
        Json { page, comma: false }
    }

    /// Whether ids are wanted in hexadecimal.
    pub fn hex(&self) -> bool {
        self.page.hex
    }

    fn separate(&mut self) {
        if self.comma {
            self.page.bytes(b",");
        }
        self.comma = true;
    }

    /// An object: the closure writes its fields.
    pub fn object(&mut self, fields: impl FnOnce(&mut Self)) {
        self.page.bytes(b"{");
        self.comma = false;
        fields(self);
        self.page.bytes(b"}");
        self.comma = true;
    }

    /// A name; its value must follow.
    pub fn name(&mut self, name: &str) -> &mut Self {
        self.separate();
        self.string(name);
        self.page.bytes(b":");
        self
    }

    /// A string.
    pub fn string(&mut self, text: &str) {
        self.page.bytes(b"\"");
        let mut plain = 0;
        for (at, c) in text.char_indices() {
            let escape = match c {
                '"' => "\\\"".to_owned(),
                '\\' => "\\\\".to_owned(),
                '\n' => "\\n".to_owned(),
                '\r' => "\\r".to_owned(),
                '\t' => "\\t".to_owned(),
                '\x08' => "\\b".to_owned(),
                '\x0c' => "\\f".to_owned(),
                // Safe to embed in HTML, which is Go's default.
                '<' | '>' | '&' | '\0'..='\x1f' | '\u{2028}' | '\u{2029}' => {
                    format!("\\u{:04x}", u32::from(c))
                }
                '\u{fffd}' => "\\ufffd".to_owned(),
                _ => continue,
            };
            self.page.bytes(&text.as_bytes()[plain..at]);
            self.page.bytes(escape.as_bytes());
            plain = at + c.len_utf8();
        }
        self.page.bytes(&text.as_bytes()[plain..]);
        self.page.bytes(b"\"");
    }

    /// Bytes, in base64.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.page.bytes(b"\"");
        let mut encoded = [0; BASE64_CHUNK / 3 * 4];
        for chunk in bytes.chunks(BASE64_CHUNK) {
            // The buffer fits the largest chunk.
            let length = STANDARD.encode_slice(chunk, &mut encoded).unwrap_or(0);
            self.page.bytes(&encoded[..length]);
        }
        self.page.bytes(b"\"");
    }

    /// A number or a boolean.
    pub fn plain(&mut self, value: impl std::fmt::Display) {
        self.page.print(format_args!("{value}"));
    }

    /// No value.
    pub fn null(&mut self) {
        self.page.bytes(b"null");
    }

    /// A list: the closure writes each element.
    pub fn list<T>(&mut self, items: &[T], mut element: impl FnMut(&mut Self, &T)) {
        self.page.bytes(b"[");
        self.comma = false;
        for item in items {
            self.separate();
            element(self, item);
            self.comma = true;
        }
        self.page.bytes(b"]");
        self.comma = true;
    }
}

/// A field that is left out when it has no value.
pub trait Field {
    /// Whether it is to be left out.
    fn is_zero(&self) -> bool;
    /// Writes the value.
    fn write(&self, json: &mut Json<'_, '_>);
}

macro_rules! plain_fields {
    ($($type:ty)*) => { $(
        impl Field for $type {
            fn is_zero(&self) -> bool { *self == <$type>::default() }
            fn write(&self, json: &mut Json<'_, '_>) { json.plain(self); }
        }
    )* };
}
plain_fields!(i32 u32 i64 u64 bool);

impl Field for String {
    fn is_zero(&self) -> bool {
        self.is_empty()
    }
    fn write(&self, json: &mut Json<'_, '_>) {
        json.string(self);
    }
}

impl Field for bytes::Bytes {
    fn is_zero(&self) -> bool {
        self.is_empty()
    }
    fn write(&self, json: &mut Json<'_, '_>) {
        json.bytes(self);
    }
}

impl<T: ToJson> Field for Option<T> {
    fn is_zero(&self) -> bool {
        self.is_none()
    }
    fn write(&self, json: &mut Json<'_, '_>) {
        match self {
            Some(value) => value.object(json),
            None => json.null(),
        }
    }
}

impl<T: ToJson> Field for Vec<T> {
    fn is_zero(&self) -> bool {
        self.is_empty()
    }
    fn write(&self, json: &mut Json<'_, '_>) {
        json.list(self, |json, item| item.object(json));
    }
}

impl Field for Vec<String> {
    fn is_zero(&self) -> bool {
        self.is_empty()
    }
    fn write(&self, json: &mut Json<'_, '_>) {
        json.list(self, |json, item| json.string(item));
    }
}

impl Json<'_, '_> {
    /// A field, unless it has no value.
    pub fn field(&mut self, name: &str, value: &impl Field) {
        if !value.is_zero() {
            value.write(self.name(name));
        }
    }
}
