//! `version`: which etcd this is.

use crate::{
    args::{Command, Failure, Invocation},
    ctl::UTILITY,
};

/// The version of etcd whose behaviour this program has.
pub(crate) const VERSION_NUMBER: &str = "3.7.1";
/// The version of the API.
pub(crate) const API_VERSION: &str = "3.7";

pub(super) static VERSION: Command = Command {
    group: Some(UTILITY),
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("version", "Shows the version of etcdctl and of the API")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    invocation.out.line(format_args!("etcdctl version: {VERSION_NUMBER}"));
    invocation.out.line(format_args!("API version: {API_VERSION}"));
    Ok(())
}
