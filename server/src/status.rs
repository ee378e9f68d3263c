//! Every error that a client of etcd can match on: gRPC code and exact text, each in one place.
//!
//! The texts are facts of the wire: client libraries turn them back into typed errors by comparing strings.

use crate::cluster::Lost;
use oxetcd_auth::AuthError;
use oxetcd_machine::{ApplyError, MemberRefusal};
use oxetcd_mvcc::{Error as StoreError, check::Invalid};
use tonic::{Code, Status, body::Body};

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:ident, $text:literal;)*) => {
        $($(#[$doc])* pub(crate) fn $name() -> Status { Status::new(Code::$code, $text) })*
    };
}

statuses! {
    /// The revision asked for was compacted away.
    compacted = OutOfRange, "etcdserver: mvcc: required revision has been compacted";
    /// The revision asked for does not exist yet.
    future_revision = OutOfRange, "etcdserver: mvcc: required revision is a future revision";
    /// `ignore_value` or `ignore_lease` on a key that is not there.
    key_not_found = InvalidArgument, "etcdserver: key not found";
    /// The quota is used up.
    no_space = ResourceExhausted, "etcdserver: mvcc: database space exceeded";
    /// No such lease.
    lease_not_found = NotFound, "etcdserver: requested lease not found";
    /// The lease id is taken.
    lease_exists = FailedPrecondition, "etcdserver: lease already exists";
    /// The TTL is beyond the limit.
    lease_ttl_too_large = OutOfRange, "etcdserver: too large lease TTL";
    /// The encoded request is above `--max-request-bytes`.
    request_too_large = InvalidArgument, "etcdserver: request is too large";
    /// Apply is too far behind the log. The reference sends it with code Unknown, so do we.
    too_many_requests = Unknown, "etcdserver: too many requests";
    /// Only the leader does this.
    not_leader = FailedPrecondition, "etcdserver: not leader";
    /// The member to lead next is unknown or a learner.
    bad_leader_transferee = FailedPrecondition, "etcdserver: bad leader transferee";
    /// There is no leader, and the client insists on one.
    no_leader = Unavailable, "etcdserver: no leader";
    /// The leader changed while it was asked.
    leader_changed = Unavailable, "etcdserver: leader changed";
    /// A learner does not offer this.
    not_supported_for_learner = FailedPrecondition, "etcdserver: rpc not supported for learner";
    /// The member stops.
    stopped = Unavailable, "etcdserver: server stopped";
    /// The request was not committed in time.
    timeout = Unavailable, "etcdserver: request timed out";
    /// The same, and a leader was lost meanwhile.
    timeout_leader_failed = Unavailable,
        "etcdserver: request timed out, possibly due to previous leader failure";
    /// The same, and other members could not be reached meanwhile.
    timeout_disconnected = Unavailable, "etcdserver: request timed out, possibly due to connection lost";
    /// The member that was to lead did not come to lead in time.
    timeout_transfer = Unknown, "etcdserver: request timed out, leader transfer took too long";
    /// This member cannot say for sure that it still leads.
    not_primary = Unknown, "not a primary lessor";
    /// The cluster's data is known to differ between members.
    corrupt = DataLoss, "etcdserver: corrupt cluster";
    /// No such member, or one that was removed.
    member_not_found = NotFound, "etcdserver: member not found";
    /// The id of a new member is taken.
    member_exists = FailedPrecondition, "etcdserver: member ID already exist";
    /// The peer URL leads to another member.
    peer_url_exists = FailedPrecondition, "etcdserver: Peer URLs already exists";
    /// A peer URL that is none.
    member_bad_urls = InvalidArgument, "etcdserver: given member URLs are invalid";
    /// Only learners are promoted.
    member_not_learner = FailedPrecondition, "etcdserver: can only promote a learner member";
    /// The learner lags.
    learner_not_ready = FailedPrecondition, "etcdserver: can only promote a learner member which is in sync with leader";
    /// No more learners may join.
    too_many_learners = FailedPrecondition, "etcdserver: too many learner members in cluster";
    /// The change would take the quorum away. The reference sends it with code Unknown, so do we.
    not_enough_started_members = Unknown, "etcdserver: re-configuration failed due to not enough started members";
    /// Too few members are connected for a change of them.
    unhealthy = Unavailable, "etcdserver: unhealthy cluster";
    /// Nobody said who asks, or a user without a name.
    user_empty = InvalidArgument, "etcdserver: user name is empty";
    /// A token that is forged, expired, or of another cluster.
    invalid_auth_token = Unauthenticated, "etcdserver: invalid auth token";
    /// The version to go back to is none.
    downgrade_bad_version = InvalidArgument, "etcdserver: wrong downgrade target version format";
    /// The cluster cannot go back to this version.
    downgrade_bad_target = InvalidArgument, "etcdserver: invalid downgrade target version";
    /// The cluster has no version yet to go back from.
    cluster_version_unavailable = FailedPrecondition, "etcdserver: cluster version not found during downgrade";
    /// The cluster goes back already.
    downgrade_in_progress = FailedPrecondition, "etcdserver: cluster has a downgrade job in progress";
    /// There is no such action. The reference sends it with code Unknown, so do we.
    unknown_method = Unknown, "etcdserver: unknown method";
}

/// A proposal that was not applied in time.
pub(crate) fn of_lost(lost: Lost) -> Status {
    match lost {
        Lost::TimedOut => timeout(),
        Lost::LeaderFailed => timeout_leader_failed(),
        Lost::Disconnected => timeout_disconnected(),
    }
}

/// What the state machine refuses, in the client's words.
pub(crate) fn of_apply(error: &ApplyError) -> Status {
    match error {
        ApplyError::Store(error) => of_store(error),
        ApplyError::LeaseNotFound => lease_not_found(),
        ApplyError::LeaseExists => lease_exists(),
        ApplyError::LeaseTtlTooLarge => lease_ttl_too_large(),
        ApplyError::NoSpace => no_space(),
        ApplyError::Corrupt => corrupt(),
        ApplyError::Auth(error) => of_auth(error),
        ApplyError::Member(refusal) => of_member(*refusal),
        ApplyError::V2(error) => Status::failed_precondition(error.to_string()),
        ApplyError::Unsupported(what) => Status::unimplemented(format!("etcdserver: {what}")),
    }
}

/// Why a user may not do something, or users and roles may not be changed so.
pub(crate) fn of_auth(error: &AuthError) -> Status {
    let (code, text) = match error {
        AuthError::UserEmpty => return user_empty(),
        AuthError::InvalidToken => return invalid_auth_token(),
        // The reference has no code for it, and shows its own log's words.
        AuthError::NoPasswordUser => return Status::unknown(error.to_string()),
        AuthError::RootUserMissing => (Code::FailedPrecondition, "root user does not exist"),
        AuthError::RootRoleMissing => (Code::FailedPrecondition, "root user does not have root role"),
        AuthError::UserExists => (Code::FailedPrecondition, "user name already exists"),
        AuthError::UserNotFound => (Code::FailedPrecondition, "user name not found"),
        AuthError::RoleExists => (Code::FailedPrecondition, "role name already exists"),
        AuthError::RoleNotFound => (Code::FailedPrecondition, "role name not found"),
        AuthError::RoleEmpty => (Code::InvalidArgument, "role name is empty"),
        AuthError::PermissionNotGiven => (Code::InvalidArgument, "permission not given"),
        AuthError::Failed => (Code::InvalidArgument, "authentication failed, invalid user ID or password"),
        AuthError::PermissionDenied => (Code::PermissionDenied, "permission denied"),
        AuthError::RoleNotGranted => (Code::FailedPrecondition, "role is not granted to the user"),
        AuthError::PermissionNotGranted => {
            (Code::FailedPrecondition, "permission is not granted to the role")
        }
        AuthError::NotEnabled => (Code::FailedPrecondition, "authentication is not enabled"),
        AuthError::OldRevision => (Code::InvalidArgument, "revision of auth store is old"),
        AuthError::InvalidManagement => (Code::InvalidArgument, "invalid auth management"),
    };
    Status::new(code, format!("etcdserver: {text}"))
}

/// Why the members may not be changed so.
pub(crate) fn of_member(refusal: MemberRefusal) -> Status {
    match refusal {
        MemberRefusal::Removed | MemberRefusal::NotFound => member_not_found(),
        MemberRefusal::Exists => member_exists(),
        MemberRefusal::PeerUrlExists => peer_url_exists(),
        MemberRefusal::NotLearner => member_not_learner(),
        MemberRefusal::TooManyLearners => too_many_learners(),
        MemberRefusal::LastVoter => not_enough_started_members(),
    }
}

/// What the key-value store refuses.
pub(crate) fn of_store(error: &StoreError) -> Status {
    match error {
        StoreError::Compacted => compacted(),
        StoreError::FutureRevision => future_revision(),
        StoreError::KeyNotFound => key_not_found(),
        StoreError::LeaseNotFound => lease_not_found(),
        StoreError::Storage(_) | StoreError::Corrupt(_) => {
            tracing::error!(error = %error, "storage failed");
            Status::unavailable(format!("etcdserver: {error}"))
        }
    }
}

/// A request that is malformed in itself.
pub(crate) fn of_check(invalid: &Invalid) -> Status {
    let code = match invalid {
        Invalid::StreamOrder | Invalid::StreamFilters => Code::Unimplemented,
        _ => Code::InvalidArgument,
    };
    Status::new(code, invalid.to_string())
}

/// The local engine failed. The member is about to stop; the client may try another one.
pub(crate) fn of_storage(error: oxetcd_storage::Error) -> Status {
    tracing::error!(error = %error, "storage failed");
    Status::unavailable(format!("etcdserver: {error}"))
}

/// An answer of another kind than the request: a defect here, told as such rather than by a panic.
pub(crate) fn unexpected_answer() -> Status {
    Status::internal("etcdserver: the answer does not fit the request")
}

/// A message beyond the limit, in the words of grpc-go.
pub(crate) fn message_too_large(length: usize, limit: usize) -> Status {
    Status::resource_exhausted(format!("grpc: received message larger than max ({length} vs. {limit})"))
}

/// tonic refuses a message that is too long with words and a code of its own: put grpc-go's in their place.
pub(crate) fn in_reference_words(response: http::Response<Body>) -> http::Response<Body> {
    if !response.headers().contains_key(Status::GRPC_STATUS) {
        return response;
    }
    let status = Status::from_header_map(response.headers());
    match status.as_ref().and_then(|status| too_long(status.message())) {
        Some((length, limit)) => message_too_large(length, limit).into_http(),
        None => response,
    }
}

fn too_long(message: &str) -> Option<(usize, usize)> {
    let rest = message.strip_prefix("Error, decoded message length too large: found ")?;
    let (length, rest) = rest.split_once(" bytes, the limit is: ")?;
    Some((length.parse().ok()?, rest.strip_suffix(" bytes")?.parse().ok()?))
}

/// Whether a stream's end says no more than that the client has gone.
pub(crate) fn client_left(status: &Status) -> bool {
    matches!(status.code(), Code::Cancelled | Code::DeadlineExceeded | Code::Unavailable | Code::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_long_messages_are_refused_as_grpc_go_does() {
        let tonic = "Error, decoded message length too large: found 9 bytes, the limit is: 7 bytes";
        let response = in_reference_words(Status::out_of_range(tonic).into_http());
        let status = Status::from_header_map(response.headers());
        let status = status.map(|status| (status.code(), status.message().to_owned()));
        let wanted = "grpc: received message larger than max (9 vs. 7)".to_owned();
        assert_eq!(status, Some((Code::ResourceExhausted, wanted)));
    }
}
