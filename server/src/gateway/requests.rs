//! The body of a request: one JSON value, or one after the other for as long as the client goes on.

use super::json;
use bytes::{Bytes, BytesMut};
use futures::Stream;
use http_body::Frame;
use http_body_util::BodyExt;
use prost_reflect::MessageDescriptor;
use tonic::{Status, body::Body};

/// The whole body.
///
/// # Errors
/// When it is longer than `limit_bytes`, or breaks off.
pub(super) async fn whole(mut body: Body, limit_bytes: usize) -> Result<Bytes, Status> {
    let mut text = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Status::invalid_argument(error.to_string()))?;
        if let Ok(data) = frame.into_data() {
            text.extend_from_slice(&data);
        }
        if text.len() > limit_bytes {
            return Err(crate::status::message_too_large(text.len(), limit_bytes));
        }
    }
    Ok(text.freeze())
}

/// The messages of a body that goes on, in gRPC's frames. Ends with the body, and at what is no JSON: the
/// client's side is then done, and answers go on.
pub(super) fn stream(
    body: Body,
    kind: MessageDescriptor,
    limit_bytes: usize,
) -> impl Stream<Item = Result<Frame<Bytes>, Status>> + Send {
    let values = Values { body, pending: BytesMut::new(), scan: Scan::default(), limit_bytes };
    futures::stream::unfold((values, kind), |(mut values, kind)| async move {
        let text = values.next().await?;
        let message = json::decode(kind.clone(), &text).ok()?;
        Some((Ok(Frame::data(json::framed(&message))), (values, kind)))
    })
}

/// Cuts a body into JSON objects.
struct Values {
    body: Body,
    pending: BytesMut,
    scan: Scan,
    limit_bytes: usize,
}

impl Values {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.scan.end(&self.pending) {
                Ok(Some(end)) => return Some(self.pending.split_to(end).freeze()),
                Ok(None) if self.pending.len() <= self.limit_bytes => {}
                Ok(None) | Err(NoObject) => return None,
            }
            let frame = self.body.frame().await?.ok()?;
            if let Ok(data) = frame.into_data() {
                self.pending.extend_from_slice(&data);
            }
        }
    }
}

/// Where the next object ends. Remembers how far it has looked.
#[derive(Debug, Default)]
struct Scan {
    looked_at: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

/// Something that cannot be a message.
#[derive(Debug, PartialEq, Eq)]
struct NoObject;

impl Scan {
    /// The end of the first object in `text`, which is what the last call saw and perhaps more.
    fn end(&mut self, text: &[u8]) -> Result<Option<usize>, NoObject> {
        for (at, byte) in text.iter().enumerate().skip(self.looked_at) {
            self.looked_at = at + 1;
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'{' => self.depth += 1,
                b'}' if self.depth == 1 => {
                    *self = Scan::default();
                    return Ok(Some(at + 1));
                }
                b'}' => self.depth = self.depth.checked_sub(1).ok_or(NoObject)?,
                byte if self.depth == 0 && !byte.is_ascii_whitespace() => return Err(NoObject),
                b'"' => self.in_string = true,
                _ => {}
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::{NoObject, Scan};

    /// The objects of `text` when it comes byte by byte.
    fn cut(text: &str) -> Result<Vec<String>, NoObject> {
        let (mut scan, mut pending, mut found) = (Scan::default(), Vec::new(), Vec::new());
        for byte in text.bytes() {
            pending.push(byte);
            if let Some(end) = scan.end(&pending)? {
                found.push(String::from_utf8_lossy(&pending.drain(..end).collect::<Vec<_>>()).into_owned());
            }
        }
        Ok(found)
    }

    #[test]
    fn objects_end_where_json_says() {
        assert_eq!(cut("{}{\"a\":{}}").as_deref(), Ok(&["{}".to_owned(), "{\"a\":{}}".to_owned()][..]));
        let strings = r#"{"a}":"\"}\\"}"#;
        assert_eq!(cut(strings).as_deref(), Ok(&[strings.to_owned()][..]));
        assert_eq!(cut(" \n{\"a\": [1, {}]}\n{").map(|found| found.len()), Ok(1));
        for wrong in ["}", "[{}]", "null", "{}}", "1"] {
            assert_eq!(cut(wrong), Err(NoObject), "{wrong}");
        }
    }
}
