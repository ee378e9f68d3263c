//! Response headers. The state machine says the revision at which it answered; the member adds who it is.

use super::Read;
use oxetcd_api::etcdserverpb::ResponseHeader;

/// The header of an answer that was given at `header.revision`, or at the current revision if it says none.
pub(crate) fn complete<M: Read>(member: &M, header: Option<ResponseHeader>) -> Option<ResponseHeader> {
    let revision = header.map_or(0, |header| header.revision);
    let revision = if revision == 0 { member.machine().store().revision() } else { revision };
    Some(ResponseHeader { revision, ..member.header() })
}
