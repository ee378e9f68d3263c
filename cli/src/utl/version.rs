//! `version`: which etcd this is.

use crate::{
    args::{Command, Failure, Invocation},
    ctl::{API_VERSION, VERSION_NUMBER},
};

pub(super) static VERSION: Command = Command {
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("version", "Shows the version of etcdutl and of the API")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    invocation.out.line(format_args!("etcdutl version: {VERSION_NUMBER}"));
    invocation.out.line(format_args!("API version: {API_VERSION}"));
    Ok(())
}
