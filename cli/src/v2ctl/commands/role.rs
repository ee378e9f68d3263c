//! `role`: roles, and the paths that they open.

use super::{cluster, expect_none, expect_one, plain};
use crate::{
    args::{Command, Failure, Flag, Invocation},
    v2ctl::{
        roles::{Access, Roles},
        urls::canonical,
    },
};

static PATH: Flag = Flag::text("path", "", "the path, or the beginning of paths and `*`");
static READ: Flag = Flag::switch("read", "for reading");
static WRITE: Flag = Flag::switch("write", "for writing");
static READ_WRITE: Flag = Flag::switch("readwrite", "for both");
/// Another name of it, of two letters.
static RW: Flag = Flag::switch("rw", "for both");

pub(super) static ROLE: Command = Command {
    commands: &[&ADD, &GET, &LIST, &REMOVE, &GRANT, &REVOKE],
    ..Command::new("role", "shows and changes roles")
};
static ADD: Command = Command {
    usage: "<role>",
    run: Some(|invocation| Box::pin(add(invocation))),
    ..Command::new("add", "adds a role")
};
static GET: Command = Command {
    usage: "<role>",
    run: Some(|invocation| Box::pin(get(invocation))),
    ..Command::new("get", "shows a role")
};
static LIST: Command =
    Command { run: Some(|invocation| Box::pin(list(invocation))), ..Command::new("list", "lists the roles") };
static REMOVE: Command = Command {
    usage: "<role>",
    run: Some(|invocation| Box::pin(remove(invocation))),
    ..Command::new("remove", "removes a role")
};
static GRANT: Command = Command {
    usage: "<role>",
    flags: &[&PATH, &READ, &WRITE, &READ_WRITE, &RW],
    run: Some(|invocation| Box::pin(change(invocation, true))),
    ..Command::new("grant", "opens paths to a role")
};
static REVOKE: Command = Command {
    usage: "<role>",
    flags: &[&PATH, &READ, &WRITE, &READ_WRITE, &RW],
    run: Some(|invocation| Box::pin(change(invocation, false))),
    ..Command::new("revoke", "closes paths to a role")
};

const NO_NAME: &str = "Please provide a role name";

async fn add(invocation: &mut Invocation) -> Result<(), Failure> {
    let name = expect_one(invocation, NO_NAME)?;
    let cluster = cluster(invocation).await?;
    let roles = Roles::new(&cluster);
    if roles.get(&name).await.is_ok() {
        return Err(plain(format!("Role {name} already exists")));
    }
    roles.add(&name).await.map_err(plain)?;
    invocation.out.line(format_args!("Role {name} created"));
    Ok(())
}

async fn get(invocation: &mut Invocation) -> Result<(), Failure> {
    let name = expect_one(invocation, NO_NAME)?;
    let cluster = cluster(invocation).await?;
    let role = Roles::new(&cluster).get(&name).await.map_err(plain)?;
    let out = &invocation.out;
    out.line(format_args!("Role: {}", role.role));
    let paths = [("Read", role.permissions.kv.read), ("Write", role.permissions.kv.write)];
    for (title, paths) in paths {
        out.line(format_args!("KV {title}:"));
        paths.unwrap_or_default().iter().for_each(|path| out.line(format_args!("\t{path}")));
    }
    Ok(())
}

async fn list(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_none(invocation)?;
    let cluster = cluster(invocation).await?;
    let names = Roles::new(&cluster).list().await.map_err(plain)?;
    names.iter().for_each(|name| invocation.out.line(name));
    Ok(())
}

async fn remove(invocation: &mut Invocation) -> Result<(), Failure> {
    let name = expect_one(invocation, NO_NAME)?;
    let cluster = cluster(invocation).await?;
    Roles::new(&cluster).remove(&name).await.map_err(plain)?;
    invocation.out.line(format_args!("Role {name} removed"));
    Ok(())
}

async fn change(invocation: &mut Invocation, grants: bool) -> Result<(), Failure> {
    let matches = &invocation.matches;
    let path = matches.text(&PATH);
    if path.is_empty() {
        return Err(plain("No path specified; please use `--path`"));
    }
    let expected = canonical(&path);
    if expected != path {
        return Err(plain(format!("Not canonical path; please use `--path={expected}`")));
    }
    let (read, write) = (matches.bool(&READ), matches.bool(&WRITE));
    let access = match (read, write, matches.bool(&READ_WRITE) || matches.bool(&RW)) {
        (true, false, false) => Access::Read,
        (false, true, false) => Access::Write,
        (false, false, true) => Access::ReadWrite,
        _ => return Err(plain("Please specify exactly one of --read, --write or --readwrite")),
    };
    let name = expect_one(invocation, NO_NAME)?;
    let cluster = cluster(invocation).await?;
    let roles = Roles::new(&cluster);
    let before = roles.get(&name).await.map_err(plain)?;
    let after = roles.change(&name, &path, access, grants).await.map_err(plain)?;
    if before == after {
        let done = if grants { "granted" } else { "revoked" };
        invocation.out.write(format!("Role unchanged; already {done}").as_bytes());
    }
    invocation.out.line(format_args!("Role {name} updated"));
    Ok(())
}
