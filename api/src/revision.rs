//! Revisions: the store's logical clock.
//!
//! Every transaction that changes something gets the next `main` number; the changes inside it are numbered
//! by `sub` from 0. A record's place in the store is its revision, written as 17 bytes that sort the same way.

/// Length of an encoded revision: 8 bytes main, `_`, 8 bytes sub.
const ENCODED_LEN: usize = 17;
/// Marks the key of a tombstone, after the 17 bytes.
const TOMBSTONE_MARK: u8 = b't';

/// The place of one change in the history of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision {
    /// Number of the transaction; 1 is the empty store, the first write makes 2.
    pub main: i64,
    /// Number of the change inside its transaction, from 0.
    pub sub: i64,
}

impl Revision {
    /// The revision `main`, `sub`.
    pub const fn new(main: i64, sub: i64) -> Self {
        Revision { main, sub }
    }

    /// Its 17-byte key in the `key` table, in etcd's encoding: big-endian, so byte order is revision order.
    pub fn to_bytes(self) -> [u8; ENCODED_LEN] {
        let mut out = [b'_'; ENCODED_LEN];
        out[..8].copy_from_slice(&self.main.to_be_bytes());
        out[9..].copy_from_slice(&self.sub.to_be_bytes());
        out
    }

    /// The 18-byte key of a deletion: [`Revision::to_bytes`] with a mark behind it.
    pub fn to_tombstone_bytes(self) -> [u8; ENCODED_LEN + 1] {
        let mut out = [TOMBSTONE_MARK; ENCODED_LEN + 1];
        out[..ENCODED_LEN].copy_from_slice(&self.to_bytes());
        out
    }

    /// Reads a key of the `key` table; `true` beside it says that it is a tombstone's. `None` when the bytes
    /// are no revision.
    pub fn from_bytes(bytes: &[u8]) -> Option<(Revision, bool)> {
        let tombstone = match bytes.len() {
            ENCODED_LEN => false,
            n if n == ENCODED_LEN + 1 && bytes[ENCODED_LEN] == TOMBSTONE_MARK => true,
            _ => return None,
        };
        let word = |at: usize| Some(i64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        (bytes[8] == b'_').then_some((Revision { main: word(0)?, sub: word(9)? }, tombstone))
    }
}

#[cfg(test)]
mod tests {
    use super::Revision;

    #[test]
    fn encodes_as_etcd_does_and_back() {
        let rev = Revision::new(0x0102, 3);
        assert_eq!(rev.to_bytes(), *b"\0\0\0\0\0\0\x01\x02_\0\0\0\0\0\0\0\x03");
        assert_eq!(Revision::from_bytes(&rev.to_bytes()), Some((rev, false)));
        assert_eq!(Revision::from_bytes(&rev.to_tombstone_bytes()), Some((rev, true)));
        assert_eq!(Revision::from_bytes(b"short"), None);
        assert_eq!(Revision::from_bytes(&[0; 17]), None);
    }
}
