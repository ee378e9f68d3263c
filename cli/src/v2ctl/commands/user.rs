//! `user`: users, their passwords and roles.

use super::{cluster, expect_none, expect_one, plain};
use crate::{
    args::{Command, Failure, Flag, Invocation, Kind},
    ctl::ask_password,
    v2ctl::users::{UserChange, Users},
};

static ROLES: Flag = Flag::new("roles", Kind::List, "", "a role; given again, one more");

pub(super) static USER: Command = Command {
    commands: &[&ADD, &GET, &LIST, &REMOVE, &GRANT, &REVOKE, &PASSWD],
    ..Command::new("user", "shows and changes users")
};
static ADD: Command = Command {
    usage: "<user>",
    run: Some(|invocation| Box::pin(add(invocation))),
    ..Command::new("add", "adds a user")
};
static GET: Command = Command {
    usage: "<user>",
    run: Some(|invocation| Box::pin(get(invocation))),
    ..Command::new("get", "shows a user")
};
static LIST: Command =
    Command { run: Some(|invocation| Box::pin(list(invocation))), ..Command::new("list", "lists the users") };
static REMOVE: Command = Command {
    usage: "<user>",
    run: Some(|invocation| Box::pin(remove(invocation))),
    ..Command::new("remove", "removes a user")
};
static GRANT: Command = Command {
    usage: "<user>",
    flags: &[&ROLES],
    run: Some(|invocation| Box::pin(change_roles(invocation, true))),
    ..Command::new("grant", "gives roles to a user")
};
static REVOKE: Command = Command {
    usage: "<user>",
    flags: &[&ROLES],
    run: Some(|invocation| Box::pin(change_roles(invocation, false))),
    ..Command::new("revoke", "takes roles from a user")
};
static PASSWD: Command = Command {
    usage: "<user>",
    run: Some(|invocation| Box::pin(change_password(invocation))),
    ..Command::new("passwd", "changes the password of a user")
};

const NO_NAME: &str = "Please provide a username";

fn new_password(invocation: &Invocation) -> Result<String, Failure> {
    ask_password(&invocation.out, "New password: ")
        .map_err(|error| plain(format!("Error reading password: {error}")))
}

async fn add(invocation: &mut Invocation) -> Result<(), Failure> {
    let given = expect_one(invocation, NO_NAME)?;
    let cluster = cluster(invocation).await?;
    let (name, password) = match given.split_once(':') {
        Some((name, password)) => (name.to_owned(), password.to_owned()),
        None => (given, new_password(invocation)?),
    };
    Users::new(&cluster).add(&name, &password).await.map_err(plain)?;
    invocation.out.line(format_args!("User {name} created"));
    Ok(())
}

async fn get(invocation: &mut Invocation) -> Result<(), Failure> {
    let name = expect_one(invocation, NO_NAME)?;
    let cluster = cluster(invocation).await?;
    let user = Users::new(&cluster).get(&name).await.map_err(plain)?;
    invocation.out.line(format_args!("User: {}", user.name));
    invocation.out.line(format_args!("Roles: {}", user.roles.join(" ")));
    Ok(())
}

async fn list(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_none(invocation)?;
    let cluster = cluster(invocation).await?;
    let names = Users::new(&cluster).list().await.map_err(plain)?;
    names.iter().for_each(|name| invocation.out.line(name));
    Ok(())
}

async fn remove(invocation: &mut Invocation) -> Result<(), Failure> {
    let name = expect_one(invocation, NO_NAME)?;
    let cluster = cluster(invocation).await?;
    Users::new(&cluster).remove(&name).await.map_err(plain)?;
    invocation.out.line(format_args!("User {name} removed"));
    Ok(())
}

async fn change_password(invocation: &mut Invocation) -> Result<(), Failure> {
    let name = expect_one(invocation, NO_NAME)?;
    let cluster = cluster(invocation).await?;
    let change = UserChange { password: new_password(invocation)?, ..UserChange::new(&name) };
    Users::new(&cluster).change(&change).await.map_err(plain)?;
    invocation.out.line("Password updated");
    Ok(())
}

async fn change_roles(invocation: &mut Invocation, grants: bool) -> Result<(), Failure> {
    if !invocation.matches.is_set(&ROLES) {
        return Err(plain("No roles specified; please use `--roles`"));
    }
    let roles = invocation.matches.list(&ROLES);
    let name = expect_one(invocation, NO_NAME)?;
    let cluster = cluster(invocation).await?;
    let (grant, revoke) = if grants { (roles, Vec::new()) } else { (Vec::new(), roles) };
    let change = UserChange { grant, revoke, ..UserChange::new(&name) };
    Users::new(&cluster).change(&change).await.map_err(plain)?;
    invocation.out.line(format_args!("User {name} updated"));
    Ok(())
}
