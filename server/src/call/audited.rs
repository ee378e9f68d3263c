//! What is kept of a call for the audit log: who calls, and the beginning of the request.

use crate::{
    audit::{Audit, Record, Seen},
    net::Remote,
    service::unary::PREFIX_BYTES,
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tonic::Code;

/// Bytes of a request that are kept. The requests of calls that come this way are small; of a stream, the first says
/// what it is about.
const KEPT_MAX_BYTES: usize = 16 << 10;

/// A call that is going to be written down.
pub(crate) struct Audited {
    pub(crate) audit: Arc<Audit>,
    pub(crate) path: String,
    pub(crate) remote: Remote,
    pub(crate) seen: Option<Seen>,
    /// The first bytes of the request's body.
    pub(crate) kept: Vec<u8>,
}

impl Audited {
    /// These bytes came.
    pub(super) fn saw(&mut self, data: &[u8]) {
        let room = KEPT_MAX_BYTES - self.kept.len().min(KEPT_MAX_BYTES);
        self.kept.extend_from_slice(&data[..data.len().min(room)]);
    }

    /// The call has ended.
    pub(super) fn end(self, code: Code, took: Duration) {
        let Audited { audit, path, remote, seen, kept } = self;
        let record = Record { ended: SystemTime::now(), remote, seen, path: path.into(), code, took };
        audit.note(record, first_message(&kept).unwrap_or_default());
    }
}

/// The first message of a body, if all of it is there and it is not compressed.
fn first_message(body: &[u8]) -> Option<&[u8]> {
    let (prefix, rest) = body.split_first_chunk::<PREFIX_BYTES>()?;
    let [0, length @ ..] = prefix else { return None };
    rest.get(..u32::from_be_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    use super::first_message;

    #[test]
    fn the_first_message_is_found_if_it_is_whole() {
        assert_eq!(first_message(&[0, 0, 0, 0, 2, 7, 8, 0, 0]), Some(&[7, 8][..]));
        for cut in [&[][..], &[0, 0], &[0, 0, 0, 0, 2, 7], &[1, 0, 0, 0, 1, 7]] {
            assert_eq!(first_message(cut), None);
        }
    }
}
