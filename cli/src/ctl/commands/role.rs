//! `role`: who may touch which keys.

use super::{bad_args, expect_args, failed};
use crate::{
    args::{Command, Failure, Flag, Invocation, Matches},
    ctl::{AUTHENTICATION, Session},
    print::{RoleNamed, RoleRevoked, RoleShown},
};
use bytes::Bytes;
use oxetcd_api::{
    authpb::{Permission, permission::Type},
    etcdserverpb::{
        AuthRoleAddRequest, AuthRoleDeleteRequest, AuthRoleGetRequest, AuthRoleGrantPermissionRequest,
        AuthRoleListRequest, AuthRoleRevokePermissionRequest,
    },
};

static GRANT_PREFIX: Flag = Flag::switch("prefix", "permit all keys that start with this one");
static GRANT_FROM_KEY: Flag = Flag::switch("from-key", "permit all keys from this one on, in byte order");
static REVOKE_PREFIX: Flag =
    Flag::switch("prefix", "withdraw the permission for all keys that start with this one");
static REVOKE_FROM_KEY: Flag =
    Flag::switch("from-key", "withdraw the permission for all keys from this one on, in byte order");

pub(super) static ROLE: Command = Command {
    group: Some(AUTHENTICATION),
    long: "Roles: who may touch which keys",
    commands: &[&ADD, &DELETE, &GET, &GRANT_PERMISSION, &LIST, &REVOKE_PERMISSION],
    ..Command::new("role", "Role related commands. Use `etcdctl role --help` to see subcommands")
};

static ADD: Command = Command {
    usage: "<role name>",
    run: Some(|invocation| Box::pin(add(invocation))),
    ..Command::new("add", "Adds a role")
};

static DELETE: Command = Command {
    usage: "<role name>",
    run: Some(|invocation| Box::pin(delete(invocation))),
    ..Command::new("delete", "Deletes a role")
};

static GET: Command = Command {
    usage: "<role name>",
    run: Some(|invocation| Box::pin(get(invocation))),
    ..Command::new("get", "Shows what a role permits")
};

static LIST: Command =
    Command { run: Some(|invocation| Box::pin(list(invocation))), ..Command::new("list", "Lists all roles") };

static GRANT_PERMISSION: Command = Command {
    usage: "[options] <role name> <permission type> <key> [endkey]",
    flags: &[&GRANT_FROM_KEY, &GRANT_PREFIX],
    run: Some(|invocation| Box::pin(grant_permission(invocation))),
    ..Command::new("grant-permission", "Permits a role to touch keys")
};

static REVOKE_PERMISSION: Command = Command {
    usage: "<role name> <key> [endkey]",
    flags: &[&REVOKE_FROM_KEY, &REVOKE_PREFIX],
    run: Some(|invocation| Box::pin(revoke_permission(invocation))),
    ..Command::new("revoke-permission", "Withdraws a permission from a role")
};

async fn add(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 1, "role add command requires role name as its argument")?;
    let role = invocation.matches.arg(0);
    let session = Session::begin(invocation)?;
    let request = AuthRoleAddRequest { name: role.clone() };
    let response = session.connect_patiently().await?.role_add(request).await.map_err(failed)?;
    session.show(&RoleNamed { role, done: "created", response })
}

async fn delete(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 1, "role delete command requires role name as its argument")?;
    let role = invocation.matches.arg(0);
    let session = Session::begin(invocation)?;
    let request = AuthRoleDeleteRequest { role: role.clone() };
    let response = session.connect_patiently().await?.role_delete(request).await.map_err(failed)?;
    session.show(&RoleNamed { role, done: "deleted", response })
}

async fn get(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 1, "role get command requires role name as its argument")?;
    let role = invocation.matches.arg(0);
    let session = Session::begin(invocation)?;
    let request = AuthRoleGetRequest { role: role.clone() };
    let response = session.connect_patiently().await?.role_get(request).await.map_err(failed)?;
    session.show(&RoleShown { role, response })
}

async fn list(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 0, "role list command requires no arguments")?;
    let session = Session::begin(invocation)?;
    let client = session.connect_patiently().await?;
    session.show(&client.role_list(AuthRoleListRequest {}).await.map_err(failed)?)
}

async fn grant_permission(invocation: &mut Invocation) -> Result<(), Failure> {
    let matches = &invocation.matches;
    if matches.args.len() < 3 {
        let usage =
            "role grant command requires role name, permission type, and key [endkey] as its argument";
        return Err(bad_args(usage));
    }
    let role = matches.arg(0);
    let perm_type = permission_type(&matches.arg(1))?.into();
    let (key, range_end) = permitted(matches, 2, &GRANT_PREFIX, &GRANT_FROM_KEY)?;
    let perm = Some(Permission { perm_type, key, range_end });
    let session = Session::begin(invocation)?;
    let request = AuthRoleGrantPermissionRequest { name: role.clone(), perm };
    let response = session.connect_patiently().await?.role_grant_permission(request).await.map_err(failed)?;
    session.show(&RoleNamed { role, done: "updated", response })
}

async fn revoke_permission(invocation: &mut Invocation) -> Result<(), Failure> {
    let matches = &invocation.matches;
    if matches.args.len() < 2 {
        let usage = "role revoke-permission command requires role name and key [endkey] as its argument";
        return Err(bad_args(usage));
    }
    let (role, named_key) = (matches.arg(0), matches.args[1].clone());
    let (key, range_end) = permitted(matches, 1, &REVOKE_PREFIX, &REVOKE_FROM_KEY)?;
    let session = Session::begin(invocation)?;
    let request = AuthRoleRevokePermissionRequest { role: role.clone(), key, range_end: range_end.clone() };
    let response =
        session.connect_patiently().await?.role_revoke_permission(request).await.map_err(failed)?;
    session.show(&RoleRevoked { role, key: named_key, range_end: range_end.into(), response })
}

fn permission_type(name: &str) -> Result<Type, Failure> {
    match name.to_uppercase().as_str() {
        "READ" => Ok(Type::Read),
        "WRITE" => Ok(Type::Write),
        "READWRITE" => Ok(Type::Readwrite),
        _ => Err(bad_args(format!("invalid permission type: {name}"))),
    }
}

/// The range that the argument at `at` and the flags stand for.
fn permitted(
    matches: &Matches,
    at: usize,
    prefix: &Flag,
    from_key: &Flag,
) -> Result<(Bytes, Bytes), Failure> {
    let (prefix, from_key) = (matches.bool(prefix), matches.bool(from_key));
    let (key, end) = (&matches.args[at], matches.args.get(at + 1));
    let flag = if prefix { "prefix" } else { "from-key" };
    match end {
        None if prefix && from_key => Err(bad_args("--from-key and --prefix flags are mutually exclusive")),
        Some(_) if key.is_empty() && prefix && from_key => {
            Err(bad_args("--from-key and --prefix flags are mutually exclusive"))
        }
        // An empty key stands for the first one; an end beside it has never been looked at.
        _ if key.is_empty() => {
            let first = Bytes::from_static(&[0]);
            Ok((first.clone(), if prefix || from_key { first } else { Bytes::new() }))
        }
        Some(_) if prefix || from_key => {
            Err(bad_args(format!("unexpected endkey argument with --{flag} flag")))
        }
        end => Ok(super::get::key_range(key, end.map(Vec::as_slice), prefix, from_key)),
    }
}
