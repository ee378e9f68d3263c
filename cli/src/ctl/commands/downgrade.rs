//! `downgrade`: prepares the cluster for an older version.

use super::{bad_args, failed};
use crate::{
    args::{Command, Failure, Invocation},
    ctl::{MAINTENANCE, Session},
    print::DowngradeDone,
};
use oxetcd_api::etcdserverpb::{DowngradeRequest, downgrade_request::DowngradeAction};

pub(super) static DOWNGRADE: Command = Command {
    usage: "<TARGET_VERSION>",
    group: Some(MAINTENANCE),
    long: "Prepares the cluster for an older version",
    commands: &[&CANCEL, &ENABLE, &VALIDATE],
    ..Command::new(
        "downgrade",
        "Downgrade related commands. Use `etcdctl downgrade --help` to see subcommands",
    )
};

static VALIDATE: Command = Command {
    usage: "<TARGET_VERSION>",
    run: Some(|invocation| Box::pin(validate(invocation))),
    ..Command::new("validate", "Checks whether the cluster can go back to a version")
};

static ENABLE: Command = Command {
    usage: "<TARGET_VERSION>",
    run: Some(|invocation| Box::pin(enable(invocation))),
    ..Command::new("enable", "Begins going back to a version")
};

static CANCEL: Command = Command {
    run: Some(|invocation| Box::pin(cancel(invocation))),
    ..Command::new("cancel", "Stops going back to a version")
};

async fn validate(invocation: &mut Invocation) -> Result<(), Failure> {
    let version = target(invocation)?;
    run(invocation, DowngradeAction::Validate, "validate", version).await
}

async fn enable(invocation: &mut Invocation) -> Result<(), Failure> {
    let version = target(invocation)?;
    run(invocation, DowngradeAction::Enable, "enable", version).await
}

async fn cancel(invocation: &mut Invocation) -> Result<(), Failure> {
    run(invocation, DowngradeAction::Cancel, "cancel", String::new()).await
}

fn target(invocation: &Invocation) -> Result<String, Failure> {
    match &invocation.matches.args[..] {
        [] => Err(bad_args("TARGET_VERSION not provided")),
        [version] if version.is_empty() => Err(bad_args("target version not provided")),
        [_] => Ok(invocation.matches.arg(0)),
        _ => Err(bad_args("too many arguments")),
    }
}

async fn run(
    invocation: &mut Invocation,
    action: DowngradeAction,
    step: &'static str,
    version: String,
) -> Result<(), Failure> {
    let session = Session::begin(invocation)?;
    let client = session.connect_briefly().await?;
    let response =
        client.downgrade(DowngradeRequest { action: action.into(), version }).await.map_err(failed)?;
    session.show(&DowngradeDone { step, response })
}
