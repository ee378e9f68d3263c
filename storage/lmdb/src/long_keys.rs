//! Keys longer than LMDB takes (511 bytes), in order.
//!
//! A key of 511 bytes and more goes into the *bucket* of its first 511 bytes, its head. A bucket is one LMDB
//! record: the head as key, and as value the rest of each key with its value, sorted. No shorter key equals a
//! head, and a shorter key sorts against a head as it does against every key of that bucket, so the order of
//! all keys stays what it was. etcd's own tables use such keys only for very long names of users and roles:
//! buckets stay tiny, and an edit may rewrite one whole.
//!
//! ```text
//!   entry = tail length (u32 LE), value length (u32 LE), tail, value
//! ```

use lmdb::Error as Code;
use oxetcd_storage::Visit;
use std::ops::ControlFlow;

/// Length of a head: the longest key that LMDB takes.
const HEAD_BYTES: usize = 511;

/// The key under which LMDB finds `key` or its bucket.
pub(crate) fn head(key: &[u8]) -> &[u8] {
    key.get(..HEAD_BYTES).unwrap_or(key)
}

/// The rest of a key that lives in a bucket.
pub(crate) fn tail(key: &[u8]) -> Option<&[u8]> {
    key.get(HEAD_BYTES..)
}

/// Whether an LMDB key is a head.
pub(crate) fn is_bucket(key: &[u8]) -> bool {
    key.len() >= HEAD_BYTES
}

/// Takes the first entry off a bucket: tail, value, the bucket's rest.
type Split<'b> = (&'b [u8], &'b [u8], &'b [u8]);

fn split(bucket: &[u8]) -> Result<Split<'_>, Code> {
    let (tail_len, rest) = bucket.split_first_chunk().ok_or(Code::Corrupted)?;
    let (value_len, rest) = rest.split_first_chunk().ok_or(Code::Corrupted)?;
    let (tail, rest) =
        rest.split_at_checked(u32::from_le_bytes(*tail_len) as usize).ok_or(Code::Corrupted)?;
    let (value, rest) =
        rest.split_at_checked(u32::from_le_bytes(*value_len) as usize).ok_or(Code::Corrupted)?;
    Ok((tail, value, rest))
}

/// The value of the key with this `tail`.
pub(crate) fn find<'b>(mut bucket: &'b [u8], tail: &[u8]) -> Result<Option<&'b [u8]>, Code> {
    while !bucket.is_empty() {
        let (found, value, rest) = split(bucket)?;
        if found == tail {
            return Ok(Some(value));
        }
        bucket = rest;
    }
    Ok(None)
}

/// Visits the keys of a bucket that are in the range. Breaks behind its end, or when the visitor does.
pub(crate) fn scan(
    head: &[u8],
    mut bucket: &[u8],
    from: &[u8],
    to: Option<&[u8]>,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>, Code> {
    let mut key = head.to_vec();
    while !bucket.is_empty() {
        let (tail, value, rest) = split(bucket)?;
        key.truncate(head.len());
        key.extend_from_slice(tail);
        if to.is_some_and(|to| &key[..] >= to) {
            return Ok(ControlFlow::Break(()));
        }
        if &key[..] >= from && visit(&key, value).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        bucket = rest;
    }
    Ok(ControlFlow::Continue(()))
}

/// The bucket after a change of one key (`None` deletes it); empty when no key is left.
pub(crate) fn edit(mut bucket: &[u8], tail: &[u8], mut value: Option<&[u8]>) -> Result<Vec<u8>, Code> {
    let mut out = Vec::with_capacity(bucket.len() + tail.len() + value.map_or(0, <[u8]>::len) + 8);
    while !bucket.is_empty() {
        let (found, old, rest) = split(bucket)?;
        if found >= tail {
            push(&mut out, tail, value.take())?;
        }
        if found != tail {
            push(&mut out, found, Some(old))?;
        }
        bucket = rest;
    }
    push(&mut out, tail, value)?;
    Ok(out)
}

fn push(out: &mut Vec<u8>, tail: &[u8], value: Option<&[u8]>) -> Result<(), Code> {
    let Some(value) = value else { return Ok(()) };
    for part in [tail, value] {
        let len = u32::try_from(part.len()).map_err(|_| Code::BadValSize)?;
        out.extend_from_slice(&len.to_le_bytes());
    }
    out.extend_from_slice(tail);
    out.extend_from_slice(value);
    Ok(())
}
