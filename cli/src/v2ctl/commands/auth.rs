//! `auth`: whether users and roles count.

use super::{cluster, expect_none, plain};
use crate::{
    args::{Command, Failure, Invocation},
    v2ctl::users::Users,
};

pub(super) static AUTH: Command =
    Command { commands: &[&ENABLE, &DISABLE], ..Command::new("auth", "switches authentication on and off") };
static ENABLE: Command = Command {
    run: Some(|invocation| Box::pin(switch(invocation, true))),
    ..Command::new("enable", "makes users and roles count")
};
static DISABLE: Command = Command {
    run: Some(|invocation| Box::pin(switch(invocation, false))),
    ..Command::new("disable", "lets everybody do everything")
};

async fn switch(invocation: &mut Invocation, on: bool) -> Result<(), Failure> {
    expect_none(invocation)?;
    let cluster = cluster(invocation).await?;
    Users::new(&cluster).enable(on).await.map_err(plain)?;
    invocation.out.line(if on { "Authentication Enabled" } else { "Authentication Disabled" });
    Ok(())
}
