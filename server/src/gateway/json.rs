//! Messages as JSON and back, by their descriptors.
//!
//! The form is that of the reference: names as in the .proto files, 64-bit numbers as strings, bytes in base64,
//! enums by name, whatever is zero left out. Read is more: camel case names too, numbers that are no strings,
//! fields that nobody knows. What Go reads otherwise than the library is for [`review`] to see.

use super::review::review;
use bytes::Bytes;
use prost::Message;
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions};
use tonic::Status;

/// Reads a message. Nothing at all is an empty message; what follows the first value is ignored.
///
/// # Errors
/// When it is no JSON, or none of this message.
pub(super) fn decode(kind: MessageDescriptor, text: &[u8]) -> Result<DynamicMessage, Status> {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Ok(DynamicMessage::new(kind));
    }
    let text = std::str::from_utf8(text)
        .map_err(|error| Status::invalid_argument(format!("proto: syntax error: invalid UTF-8: {error}")))?;
    let plain = review(&kind, text).map_err(Status::invalid_argument)?;
    let mut source = serde_json::Deserializer::from_str(&plain);
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    DynamicMessage::deserialize_with_options(kind, &mut source, &options)
        .map_err(|error| Status::invalid_argument(format!("proto: {error}")))
}

/// Writes an encoded message behind what `text` holds already.
///
/// # Errors
/// When it is no message of this kind.
pub(super) fn encode(kind: MessageDescriptor, message: Bytes, text: &mut Vec<u8>) -> Result<(), Status> {
    let broken = |error: &dyn std::fmt::Display| Status::internal(error.to_string());
    let message = DynamicMessage::decode(kind, message).map_err(|error| broken(&error))?;
    let options = SerializeOptions::new().use_proto_field_name(true);
    let mut target = serde_json::Serializer::new(text);
    message.serialize_with_options(&mut target, &options).map_err(|error| broken(&error))
}

/// A message with gRPC's prefix before it.
pub(super) fn framed(message: &DynamicMessage) -> Bytes {
    let bytes = message.encode_to_vec();
    let mut framed = crate::service::unary::begin(bytes.len(), bytes.len());
    framed.extend_from_slice(&bytes);
    framed.freeze()
}

/// A failure as the reference words it: no details, as etcd's errors have none.
pub(super) fn failure(status: &Status) -> serde_json::Value {
    serde_json::json!({ "code": status.code() as i32, "message": status.message() })
}
