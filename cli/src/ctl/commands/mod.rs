//! The commands, one file each; a group of commands is a folder's worth in one file.

mod alarm;
mod auth;
mod check;
mod cluster_health;
mod compaction;
mod completion;
mod defrag;
mod del;
mod downgrade;
mod elect;
mod endpoint;
mod exec;
mod get;
mod help;
mod lease;
mod lock;
mod make_mirror;
mod member;
mod move_leader;
mod options;
mod put;
mod role;
mod snapshot;
mod top;
mod txn;
mod user;
mod version;
mod watch;
mod watch_line;

pub(crate) use exec::not_started;
pub(crate) use version::{API_VERSION, VERSION_NUMBER};

use crate::{
    args::{Command, Failure, Invocation},
    exit,
    go::number::{NumberError, parse_int, parse_uint},
};
use bytes::Bytes;
use oxetcd_api::KeyRange;

/// All commands, in the order in which they are suggested for a word that is none.
pub(super) static ALL: &[&Command] = &[
    &get::GET,
    &put::PUT,
    &del::DEL,
    &txn::TXN,
    &compaction::COMPACTION,
    &alarm::ALARM,
    &defrag::DEFRAG,
    &endpoint::ENDPOINT,
    &move_leader::MOVE_LEADER,
    &watch::WATCH,
    &version::VERSION,
    &lease::LEASE,
    &member::MEMBER,
    &snapshot::SNAPSHOT,
    &make_mirror::MAKE_MIRROR,
    &lock::LOCK,
    &elect::ELECT,
    &auth::AUTH,
    &check::CHECK,
    &top::TOP,
    &user::USER,
    &role::ROLE,
    &cluster_health::CLUSTER_HEALTH,
    &completion::COMPLETION,
    &downgrade::DOWNGRADE,
    &options::OPTIONS,
    &help::HELP,
];

/// Wrong arguments.
fn bad_args(message: impl ToString) -> Failure {
    Failure::new(exit::BAD_ARGS, message)
}

/// Any failed call.
fn failed(error: impl ToString) -> Failure {
    Failure::new(exit::ERROR, error)
}

/// Refuses any number of arguments but this one.
fn expect_args(invocation: &Invocation, count: usize, message: &str) -> Result<(), Failure> {
    if invocation.matches.args.len() == count { Ok(()) } else { Err(bad_args(message)) }
}

/// All keys that start with `prefix`, in the wire's form.
fn prefix_range(prefix: &[u8]) -> (Bytes, Bytes) {
    const FIRST: Bytes = Bytes::from_static(&[0]);
    match KeyRange::prefix(prefix.to_vec().into()) {
        KeyRange::Between(key, end) => (key, end),
        KeyRange::From(key) | KeyRange::Single(key) => (if key.is_empty() { FIRST } else { key }, FIRST),
    }
}

/// The lifetime of a session that was asked for; one that makes no sense gives way to the usual one.
fn session_ttl_s(asked_s: i64) -> i64 {
    const USUAL_S: i64 = 60;
    if asked_s > 0 { asked_s } else { USUAL_S }
}

/// An id in hexadecimal that is signed, as those of leases are.
fn parse_lease_id(text: &[u8]) -> Result<i64, NumberError> {
    parse_int(text, 16)
}

/// An id in hexadecimal that is unsigned, as those of members are.
fn parse_member_id(text: &[u8]) -> Result<u64, NumberError> {
    parse_uint(text, 16)
}

/// `l` or `s`: whether any member may answer from what it has.
fn is_serializable(consistency: &str) -> Result<bool, Failure> {
    match consistency {
        "s" => Ok(true),
        "l" => Ok(false),
        other => {
            let other = crate::go::quote::quote(other);
            Err(Failure::new(exit::BAD_FEATURE, format!("unknown consistency flag {other}")))
        }
    }
}
