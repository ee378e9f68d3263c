//! The commands: a group of them that differ in little is one file.

mod auth;
mod backup;
mod health;
mod list;
mod member;
mod read;
mod remove;
mod role;
mod user;
mod watch;
mod write;

pub(crate) use health::{MemberHealth, judge};

use super::cluster::{Cluster, Problem};
use crate::{
    args::{Command, Failure, Invocation},
    exit,
};

/// All commands, in the order in which help lists them.
pub(super) static ALL: &[&Command] = &[
    &backup::BACKUP,
    &health::CLUSTER_HEALTH,
    &write::MK,
    &write::MKDIR,
    &remove::RM,
    &remove::RMDIR,
    &read::GET,
    &list::LS,
    &write::SET,
    &write::SETDIR,
    &write::UPDATE,
    &write::UPDATEDIR,
    &watch::WATCH,
    &watch::EXEC_WATCH,
    &member::MEMBER,
    &user::USER,
    &role::ROLE,
    &auth::AUTH,
];

/// The members, asked for their addresses first.
async fn cluster(invocation: &Invocation) -> Result<Cluster, Failure> {
    Cluster::synced(&invocation.matches, &invocation.out).await
}

/// The first argument of a command for keys.
fn key(invocation: &Invocation) -> Result<String, Failure> {
    if invocation.matches.args.is_empty() {
        return Err(super::failed(exit::BAD_ARGS, "key required"));
    }
    Ok(invocation.matches.arg(0))
}

/// A call for keys that came to nothing.
fn refused(problem: Problem) -> Failure {
    super::failed(exit::BAD_FEATURE, problem.shown())
}

/// Any other call that came to nothing.
fn plain(problem: impl ToString) -> Failure {
    Failure::new(exit::ERROR, problem)
}

/// Refuses arguments.
fn expect_none(invocation: &Invocation) -> Result<(), Failure> {
    if invocation.matches.args.is_empty() { Ok(()) } else { Err(plain("No arguments accepted")) }
}

/// The one argument; `message` when there are none or several.
fn expect_one(invocation: &Invocation, message: &str) -> Result<String, Failure> {
    match &invocation.matches.args[..] {
        [one] => Ok(String::from_utf8_lossy(one).into_owned()),
        _ => Err(plain(message)),
    }
}
