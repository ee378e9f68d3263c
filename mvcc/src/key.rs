//! A key as the index holds it.
//!
//! Short keys lie inside the tree's nodes: no allocation of their own, and no pointer to follow when the tree
//! compares them. Either way the bytes are copied out of the request, whose buffer must not live on for them.

use std::{borrow::Borrow, cmp::Ordering};

/// Longest key kept inline; makes the whole 24 bytes, as much as a boxed slice with its tag.
const INLINE_LEN_MAX: usize = 22;

/// Owned bytes, ordered as bytes.
#[derive(Clone, Debug)]
pub(crate) enum Key {
    /// `len` bytes in place.
    Inline { len: u8, bytes: [u8; INLINE_LEN_MAX] },
    /// Longer ones.
    Heap(Box<[u8]>),
}

impl Key {
    pub(crate) fn new(key: &[u8]) -> Self {
        if key.len() > INLINE_LEN_MAX {
            return Key::Heap(key.into());
        }
        let mut bytes = [0; INLINE_LEN_MAX];
        bytes[..key.len()].copy_from_slice(key);
        Key::Inline { len: key.len() as u8, bytes }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Key::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Key::Heap(key) => key,
        }
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        self.as_slice()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_keys_sort_as_bytes() {
        let long = vec![b'b'; INLINE_LEN_MAX + 1];
        let mut keys = [Key::new(b"c"), Key::new(&long), Key::new(b""), Key::new(&long[1..]), Key::new(b"a")];
        keys.sort();
        let sorted: Vec<&[u8]> = keys.iter().map(Key::as_slice).collect();
        let expected: [&[u8]; 5] = [b"", b"a", &long[1..], &long[..], b"c"];
        assert_eq!(sorted, expected);
        assert_eq!(size_of::<Key>(), 24);
    }
}
