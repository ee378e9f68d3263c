//! `auth`: whether users and roles count.

use super::{expect_args, failed};
use crate::{
    args::{Command, Failure, Invocation},
    ctl::{AUTHENTICATION, Session},
};
use oxetcd_api::etcdserverpb::{
    AuthDisableRequest, AuthEnableRequest, AuthRoleAddRequest, AuthStatusRequest, AuthUserGrantRoleRequest,
};

/// The role that may do everything, and the user who must have it.
const ROOT: &str = "root";

pub(super) static AUTH: Command = Command {
    usage: "<enable or disable>",
    group: Some(AUTHENTICATION),
    long: "Turns authentication on or off",
    commands: &[&DISABLE, &ENABLE, &STATUS],
    ..Command::new("auth", "Enable or disable authentication. Use `etcdctl auth --help` to see subcommands")
};

static ENABLE: Command = Command {
    run: Some(|invocation| Box::pin(enable(invocation))),
    ..Command::new("enable", "Turns authentication on")
};

static DISABLE: Command = Command {
    run: Some(|invocation| Box::pin(disable(invocation))),
    ..Command::new("disable", "Turns authentication off")
};

static STATUS: Command = Command {
    run: Some(|invocation| Box::pin(status(invocation))),
    ..Command::new("status", "Shows whether authentication is on")
};

async fn status(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 0, "auth status command does not accept any arguments")?;
    let session = Session::begin(invocation)?;
    let client = session.connect_briefly().await?;
    session.show(&client.auth_status(AuthStatusRequest {}).await.map_err(failed)?)
}

async fn enable(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 0, "auth enable command does not accept any arguments")?;
    let session = Session::begin(invocation)?;
    let client = session.connect_briefly().await?;
    loop {
        match client.auth_enable(AuthEnableRequest {}).await {
            Ok(_) => break,
            // The user root is there, and lacks only its role.
            Err(error) if error.is("etcdserver: root user does not have root role") => {
                client.role_add(AuthRoleAddRequest { name: ROOT.into() }).await.map_err(failed)?;
                let grant = AuthUserGrantRoleRequest { user: ROOT.into(), role: ROOT.into() };
                client.user_grant_role(grant).await.map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
    }
    session.out.line("Authentication Enabled");
    Ok(())
}

async fn disable(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 0, "auth disable command does not accept any arguments")?;
    let session = Session::begin(invocation)?;
    session.connect_briefly().await?.auth_disable(AuthDisableRequest {}).await.map_err(failed)?;
    session.out.line("Authentication Disabled");
    Ok(())
}
