//! The fields of an encoded message, one after the other, without decoding it: names are all that is wanted, and a
//! decoded request would be several allocations for each call.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// A field of a message: what it holds, as far as it is a number or bytes.
pub(super) struct Field<'m> {
    pub(super) tag: u32,
    pub(super) number: u64,
    pub(super) bytes: &'m [u8],
    /// All of it, tag and length included.
    pub(super) whole: &'m [u8],
}

/// The fields at the top of `message`, up to the first that cannot be read.
pub(super) fn of(message: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = message;
    std::iter::from_fn(move || {
        let begin = rest;
        if begin.is_empty() {
            return None;
        }
        let (tag, kind) = decode_key(&mut rest).ok()?;
        let mut content = rest;
        skip_field(kind, tag, &mut rest, DecodeContext::default()).ok()?;
        let whole = &begin[..begin.len() - rest.len()];
        let number = match kind {
            WireType::Varint | WireType::LengthDelimited => decode_varint(&mut content).ok()?,
            _ => 0,
        };
        // What was skipped is all there, so the length fits.
        let bytes = if kind == WireType::LengthDelimited { content.get(..number as usize)? } else { &[] };
        Some(Field { tag, number, bytes, whole })
    })
}

/// The bytes of a field, empty if it is not there; the last one counts, as in any decoder.
pub(super) fn bytes(message: &[u8], tag: u32) -> &[u8] {
    of(message).filter(|field| field.tag == tag).last().map_or(&[], |field| field.bytes)
}

/// The number in a field, 0 if it is not there.
pub(super) fn number(message: &[u8], tag: u32) -> u64 {
    of(message).filter(|field| field.tag == tag).last().map_or(0, |field| field.number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_api::etcdserverpb::PutRequest;
    use proptest::prelude::*;
    use prost::Message;

    proptest! {
        #[test]
        fn fields_are_those_that_a_decoder_finds(
            key in prop::collection::vec(any::<u8>(), 0..300),
            value in prop::collection::vec(any::<u8>(), 0..300),
            lease in any::<i64>(),
        ) {
            let put = PutRequest { key: key.clone().into(), value: value.clone().into(), lease, ..Default::default() };
            let message = put.encode_to_vec();
            prop_assert_eq!(bytes(&message, 1), &key[..]);
            prop_assert_eq!(bytes(&message, 2), &value[..]);
            prop_assert_eq!(number(&message, 3), lease.cast_unsigned());
            prop_assert_eq!(of(&message).map(|field| field.whole.len()).sum::<usize>(), message.len());
        }

        #[test]
        fn any_bytes_come_to_an_end(message in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(of(&message).map(|field| field.whole.len()).sum::<usize>() <= message.len());
        }
    }
}
