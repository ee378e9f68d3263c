//! `set`, `mk`, `update` and the same for directories: what they do differs in what must be there before.

use super::{cluster, key, refused};
use crate::{
    args::{Command, Failure, Flag, Invocation},
    exit,
    v2ctl::{
        failed,
        keys::{Exists, Keys, Write},
        show::{is_simple, show},
    },
};
use std::io::Read as _;

static TTL: Flag = Flag::int("ttl", "seconds until it goes away by itself");
static IN_ORDER: Flag = Flag::switch("in-order", "make a key in the directory <key> whose name counts up");
static SWAP_WITH_VALUE: Flag = Flag::text("swap-with-value", "", "only if the value is this one");
static SWAP_WITH_INDEX: Flag = Flag::int("swap-with-index", "only if the key was modified at this index");

pub(super) static SET: Command = Command {
    usage: "<key> <value>",
    long: "A value that begins with '-' is taken for a flag, unless '--' stands before the key.",
    flags: &[&TTL, &SWAP_WITH_VALUE, &SWAP_WITH_INDEX],
    run: Some(|invocation| Box::pin(write(invocation, Exists::Whatever))),
    ..Command::new("set", "sets the value of a key")
};
pub(super) static MK: Command = Command {
    usage: "<key> <value>",
    flags: &[&IN_ORDER, &TTL],
    run: Some(|invocation| Box::pin(write(invocation, Exists::No))),
    ..Command::new("mk", "makes a key that must not be there")
};
pub(super) static UPDATE: Command = Command {
    usage: "<key> <value>",
    flags: &[&TTL],
    run: Some(|invocation| Box::pin(write(invocation, Exists::Yes))),
    ..Command::new("update", "sets the value of a key that must be there")
};
pub(super) static SETDIR: Command = Command {
    usage: "<key>",
    flags: &[&TTL],
    run: Some(|invocation| Box::pin(write_directory(invocation, Exists::Whatever))),
    ..Command::new("setdir", "makes a directory, also in place of a key")
};
pub(super) static MKDIR: Command = Command {
    usage: "<key>",
    flags: &[&TTL],
    run: Some(|invocation| Box::pin(write_directory(invocation, Exists::No))),
    ..Command::new("mkdir", "makes a directory that must not be there")
};
pub(super) static UPDATEDIR: Command = Command {
    usage: "<key>",
    flags: &[&TTL],
    run: Some(|invocation| Box::pin(write_directory(invocation, Exists::Yes))),
    ..Command::new("updatedir", "changes how long a directory stays")
};

async fn write(invocation: &mut Invocation, exists: Exists) -> Result<(), Failure> {
    let cluster = cluster(invocation).await?;
    let key = key(invocation)?;
    let value = value(invocation).ok_or_else(|| failed(exit::BAD_ARGS, "value required"))?;
    let matches = &invocation.matches;
    // Flags that a command does not have are not set.
    let ttl = matches.int(&TTL);
    let answer = if matches.bool(&IN_ORDER) {
        Keys(&cluster).create_in_order(&key, &value, ttl).await
    } else {
        let how = Write {
            dir: false,
            ttl,
            exists,
            previous_value: matches.text(&SWAP_WITH_VALUE),
            previous_index: matches.int(&SWAP_WITH_INDEX).cast_unsigned(),
        };
        Keys(&cluster).set(&key, &value, &how).await
    };
    show(invocation, &answer.map_err(refused)?);
    Ok(())
}

async fn write_directory(invocation: &mut Invocation, exists: Exists) -> Result<(), Failure> {
    let cluster = cluster(invocation).await?;
    let key = key(invocation)?;
    let how = Write { dir: true, ttl: invocation.matches.int(&TTL), exists, ..Write::default() };
    let answer = Keys(&cluster).set(&key, "", &how).await.map_err(refused)?;
    if !is_simple(invocation) {
        show(invocation, &answer);
    }
    Ok(())
}

/// The second argument, or what stands on standard input.
fn value(invocation: &Invocation) -> Option<String> {
    if let Some(value) = invocation.matches.args.get(1) {
        return Some(String::from_utf8_lossy(value).into_owned());
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned()).filter(|value| !value.is_empty())
}
