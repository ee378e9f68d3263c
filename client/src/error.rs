//! What can go wrong with a call.

use std::error::Error as _;
pub use tonic::Code;
use tonic::Status;

/// Why a call failed.
///
/// Its text is what etcd's own tools print: the bare message of an error that etcd defines, `rpc error: code = … desc
/// = …` for any other answer of a server, and `context deadline exceeded` when time ran out on this side.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// One of the errors that etcd defines, such as `etcdserver: permission denied`.
    #[error("{message}")]
    Etcd {
        /// The gRPC code that etcd gives this error.
        code: Code,
        /// Its text.
        message: String,
    },
    /// Any other error status.
    #[error("rpc error: code = {} desc = {message}", code_name(*code))]
    Rpc {
        /// The gRPC code of the answer.
        code: Code,
        /// Its text.
        message: String,
    },
    /// A watch was ended by the server, with this reason.
    #[error("{0}")]
    WatchCanceled(String),
    /// The deadline of the call passed.
    #[error("context deadline exceeded")]
    DeadlineExceeded,
    /// The configuration names no endpoint.
    #[error("etcdclient: no available endpoints")]
    NoEndpoints,
    /// Every member lags behind what was read before: see [`Client::ordered`](crate::Client::ordered).
    #[error("etcdclient: no cluster members have a revision higher than the previously received revision")]
    NoGreaterRevision,
    /// The client was dropped, or the stream was closed from this side.
    #[error("context canceled")]
    Canceled,
}

impl Error {
    /// The gRPC code, also for errors of this side.
    pub fn code(&self) -> Code {
        match self {
            Error::Etcd { code, .. } | Error::Rpc { code, .. } => *code,
            Error::DeadlineExceeded => Code::DeadlineExceeded,
            Error::WatchCanceled(_) => Code::FailedPrecondition,
            Error::NoEndpoints | Error::NoGreaterRevision => Code::Unavailable,
            Error::Canceled => Code::Cancelled,
        }
    }

    /// The text that a server sent, or ours.
    pub fn message(&self) -> String {
        match self {
            Error::Etcd { message, .. } | Error::Rpc { message, .. } => message.clone(),
            other => other.to_string(),
        }
    }

    /// Whether this is the etcd error of that text.
    pub fn is(&self, etcd_message: &str) -> bool {
        matches!(self, Error::Etcd { message, .. } if message == etcd_message)
    }

    /// The error that etcd's clients make of a text alone: watches report some failures only that way.
    pub(crate) fn from_reason(reason: &str) -> Self {
        match ETCD_ERRORS.iter().find(|(_, known)| *known == reason) {
            Some((code, message)) => Error::Etcd { code: *code, message: (*message).to_owned() },
            None => Error::WatchCanceled(reason.to_owned()),
        }
    }

    /// The etcd error of this text.
    pub(crate) fn etcd(message: &'static str) -> Self {
        Error::from_reason(message)
    }
}

/// A connection that broke under a call. Only an error of this side has a cause; tonic gives those that it cannot
/// explain the codes of a server that failed, and nobody would try again.
fn broken(status: &Status) -> Option<String> {
    let mut cause = status.source()?;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let unclear = matches!(status.code(), Code::Unknown | Code::Internal) || is_dropped(status);
    unclear.then(|| format!("error reading from server: {cause}"))
}

/// A call that went down with its connection, before or after it was written. Nobody has cancelled it, though hyper calls it
/// that.
pub(crate) fn is_dropped(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// An answer above our limit, in the words and with the code that etcd's users know.
fn too_large(status: &Status) -> Option<String> {
    let sizes = status.message().strip_prefix("Error, decoded message length too large: found ")?;
    let (found, limit) = sizes.split_once(" bytes, the limit is: ")?;
    let limit = limit.strip_suffix(" bytes")?;
    Some(format!("grpc: received message larger than max ({found} vs. {limit})"))
}

/// The name under which etcd's tools print a code.
fn code_name(code: Code) -> String {
    match code {
        Code::Cancelled => "Canceled".to_owned(),
        Code::Ok => "OK".to_owned(),
        other => format!("{other:?}"),
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        if let Some(message) = too_large(&status) {
            return Error::Rpc { code: Code::ResourceExhausted, message };
        }
        if let Some(message) = broken(&status) {
            return Error::Rpc { code: Code::Unavailable, message };
        }
        match ETCD_ERRORS.iter().find(|(_, message)| *message == status.message()) {
            // The code of the definition counts: servers send some of these with code Unknown.
            Some((code, message)) => Error::Etcd { code: *code, message: (*message).to_owned() },
            None => Error::Rpc { code: status.code(), message: status.message().to_owned() },
        }
    }
}

/// A request named no key.
pub(crate) const EMPTY_KEY: &str = "etcdserver: key is not provided";
/// A watch asked for a revision that is no longer kept.
pub(crate) const COMPACTED: &str = "etcdserver: mvcc: required revision has been compacted";
/// A watch was refused without a reason.
pub(crate) const FUTURE_REVISION: &str = "etcdserver: mvcc: required revision is a future revision";
/// No member of the cluster leads it.
pub(crate) const NO_LEADER: &str = "etcdserver: no leader";
/// The lease does not exist (any more).
pub(crate) const LEASE_NOT_FOUND: &str = "etcdserver: requested lease not found";
/// The call carried no token.
pub(crate) const USER_EMPTY: &str = "etcdserver: user name is empty";
/// The token is unknown or has run out.
pub(crate) const INVALID_TOKEN: &str = "etcdserver: invalid auth token";
/// Users or roles changed since the token was made.
pub(crate) const OLD_REVISION: &str = "etcdserver: revision of auth store is old";
/// There is nobody to log in with.
pub(crate) const AUTH_NOT_ENABLED: &str = "etcdserver: authentication is not enabled";
/// A learner does not serve this call.
pub(crate) const NOT_FOR_LEARNER: &str = "etcdserver: rpc not supported for learner";

/// The errors that etcd's clients know by their text.
const ETCD_ERRORS: &[(Code, &str)] = {
    use Code::{
        DataLoss, FailedPrecondition, InvalidArgument, NotFound, OutOfRange, PermissionDenied,
        ResourceExhausted, Unauthenticated, Unavailable,
    };
    &[
        (InvalidArgument, EMPTY_KEY),
        (InvalidArgument, "etcdserver: key not found"),
        (InvalidArgument, "etcdserver: value is provided"),
        (InvalidArgument, "etcdserver: lease is provided"),
        (InvalidArgument, "etcdserver: too many operations in txn request"),
        (InvalidArgument, "etcdserver: duplicate key given in txn request"),
        (InvalidArgument, "etcdserver: invalid sort option"),
        (OutOfRange, COMPACTED),
        (OutOfRange, FUTURE_REVISION),
        (ResourceExhausted, "etcdserver: mvcc: database space exceeded"),
        (NotFound, LEASE_NOT_FOUND),
        (FailedPrecondition, "etcdserver: lease already exists"),
        (OutOfRange, "etcdserver: too large lease TTL"),
        (FailedPrecondition, "etcdserver: member ID already exist"),
        (FailedPrecondition, "etcdserver: Peer URLs already exists"),
        (FailedPrecondition, "etcdserver: re-configuration failed due to not enough started members"),
        (InvalidArgument, "etcdserver: given member URLs are invalid"),
        (NotFound, "etcdserver: member not found"),
        (FailedPrecondition, "etcdserver: can only promote a learner member"),
        (FailedPrecondition, "etcdserver: can only promote a learner member which is in sync with leader"),
        (FailedPrecondition, "etcdserver: too many learner members in cluster"),
        (FailedPrecondition, "etcdserver: cluster ID mismatch"),
        (InvalidArgument, "etcdserver: request is too large"),
        (ResourceExhausted, "etcdserver: too many requests"),
        (FailedPrecondition, "etcdserver: root user does not exist"),
        (FailedPrecondition, "etcdserver: root user does not have root role"),
        (FailedPrecondition, "etcdserver: user name already exists"),
        (InvalidArgument, USER_EMPTY),
        (FailedPrecondition, "etcdserver: user name not found"),
        (FailedPrecondition, "etcdserver: role name already exists"),
        (FailedPrecondition, "etcdserver: role name not found"),
        (InvalidArgument, "etcdserver: role name is empty"),
        (InvalidArgument, "etcdserver: authentication failed, invalid user ID or password"),
        (PermissionDenied, "etcdserver: permission denied"),
        (FailedPrecondition, "etcdserver: role is not granted to the user"),
        (FailedPrecondition, "etcdserver: permission is not granted to the role"),
        (FailedPrecondition, AUTH_NOT_ENABLED),
        (Unauthenticated, INVALID_TOKEN),
        (InvalidArgument, "etcdserver: invalid auth management"),
        (InvalidArgument, OLD_REVISION),
        (Unavailable, NO_LEADER),
        (FailedPrecondition, "etcdserver: not leader"),
        (Unavailable, "etcdserver: leader changed"),
        (FailedPrecondition, "etcdserver: not capable"),
        (Unavailable, "etcdserver: server stopped"),
        (Unavailable, "etcdserver: request timed out"),
        (Unavailable, "etcdserver: request timed out, possibly due to previous leader failure"),
        (Unavailable, "etcdserver: request timed out, possibly due to connection lost"),
        (Unavailable, "etcdserver: unhealthy cluster"),
        (DataLoss, "etcdserver: corrupt cluster"),
        (FailedPrecondition, NOT_FOR_LEARNER),
        (FailedPrecondition, "etcdserver: bad leader transferee"),
        (FailedPrecondition, "etcdserver: cluster version not found during downgrade"),
        (InvalidArgument, "etcdserver: wrong downgrade target version format"),
        (InvalidArgument, "etcdserver: invalid downgrade target version"),
        (FailedPrecondition, "etcdserver: cluster has a downgrade job in progress"),
        (FailedPrecondition, "etcdserver: no inflight downgrade job"),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_etcds_tools() {
        let known = Error::from(Status::unknown("etcdserver: too many requests"));
        assert_eq!(
            (known.code(), known.to_string()),
            (Code::ResourceExhausted, "etcdserver: too many requests".into())
        );
        let other = Error::from(Status::unimplemented("no such thing"));
        assert_eq!(other.to_string(), "rpc error: code = Unimplemented desc = no such thing");
        assert_eq!(Error::DeadlineExceeded.to_string(), "context deadline exceeded");
    }

    /// Seen now and then when a member was killed: a watch ended, instead of going on elsewhere.
    #[tokio::test]
    async fn a_call_that_goes_down_with_its_connection_is_not_cancelled() {
        use hyper_util::rt::{TokioExecutor, TokioIo};
        let (near, _far) = tokio::io::duplex(1024);
        let shaken = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(near)).await;
        let (mut sender, connection) = shaken.expect("nothing is waited for");
        drop(connection);
        let request = http::Request::new(http_body_util::Empty::<bytes::Bytes>::new());
        let error = sender.send_request(request).await.expect_err("the connection is gone");
        let error = Error::from(Status::from_error(Box::new(error)));
        assert_eq!(error.code(), Code::Unavailable, "{error}");
        assert_eq!(Error::from(Status::cancelled("as the server says")).code(), Code::Cancelled);
    }
}
