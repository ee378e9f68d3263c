//! `lock`: holds a named lock until ^C, or while a command runs.
//!
//! Whichever way it ends, the lease of the session is ended with it, so that whoever waits comes next at once; only a
//! process that is killed leaves its lock to the lease's TTL.

use super::{bad_args, exec, failed};
use crate::{
    args::{Command, Failure, Flag, Invocation, Kind},
    ctl::{CONCURRENCY, Session},
    exit,
    interrupt::Interrupt,
};
use oxetcd_api::etcdserverpb::RangeRequest;
use oxetcd_client::Client;
use oxetcd_concurrency as concurrency;
use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    process::Stdio,
};

static TTL: Flag =
    Flag::new("ttl", Kind::Int, "10", "seconds that the lock stays when its holder is gone without a word");

pub(super) static LOCK: Command = Command {
    usage: "<lockname> [exec-command arg1 arg2 ...]",
    group: Some(CONCURRENCY),
    long: "Waits for a named lock and holds it until it is interrupted.

With a command, that is run while the lock is held, and the lock is given back when it ends. It finds the key
of the lock in ETCD_LOCK_KEY, and in ETCD_LOCK_REV a number that is higher for every later holder.",
    flags: &[&TTL],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("lock", "Holds a named lock")
};

type Mutex = concurrency::Mutex<Client>;

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let Some((name, command)) = invocation.matches.args.split_first() else {
        return Err(bad_args("lock takes a lock name argument and an optional command to execute"));
    };
    let (name, command) = (name.clone(), command.to_vec());
    let ttl_s = super::session_ttl_s(invocation.matches.int(&TTL));
    let session = Session::begin(invocation)?;
    let client = session.connect_patiently().await?;
    let mut interrupt = Interrupt::listen()?;
    let presence = concurrency::Session::new(client.clone(), ttl_s).await.map_err(failed)?;
    let mut mutex = Mutex::new(&presence, &name);
    let locked = tokio::select! {
        locked = mutex.lock() => locked.map_err(failed),
        () = interrupt.received() => Err(failed("context canceled")),
    };
    let result = match locked {
        Ok(()) if command.is_empty() => hold(&session, &client, &mutex, &mut interrupt).await,
        Ok(()) => run_command(&mutex, &command).await,
        Err(failure) => Err(failure),
    };
    // The key goes with the lease. Where even that fails there is no server to ask, and the lease ends by itself.
    let closed = presence.close().await.map_err(failed);
    result.and(closed)
}

/// Shows the key of the lock, and waits.
async fn hold(
    session: &Session,
    client: &Client,
    mutex: &Mutex,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let key = mutex.key().cloned().unwrap_or_default();
    let found = client.range(RangeRequest { key, ..RangeRequest::default() }).await.map_err(failed)?;
    if found.kvs.is_empty() {
        return Err(failed("lock lost on init"));
    }
    session.show(&found)?;
    session.out.flush();
    tokio::select! {
        () = interrupt.received() => Ok(()),
        () = mutex.session().done() => Err(failed("session expired")),
    }
}

/// Runs the command. It ends when it ends: a ^C on a terminal reaches it, too.
async fn run_command(mutex: &Mutex, command: &[Vec<u8>]) -> Result<(), Failure> {
    let words: Vec<_> = command.iter().map(|word| OsString::from_vec(word.clone())).collect();
    let key = mutex.key().cloned().unwrap_or_default();
    let revision = mutex.header().map_or(0, |header| header.revision);
    let status = tokio::process::Command::new(&words[0])
        .args(&words[1..])
        .env("ETCD_LOCK_KEY", OsStr::from_bytes(&key))
        .env("ETCD_LOCK_REV", revision.to_string())
        .stdin(Stdio::null())
        .status()
        .await
        .map_err(|error| failed(exec::not_started(&command[0], &error)))?;
    if status.success() {
        return Ok(());
    }
    // One that was ended by a signal has no code; Go gives it -1, of which the system keeps one byte.
    let code = status.code().map_or(u8::MAX, |code| u8::try_from(code).unwrap_or(exit::ERROR));
    Err(Failure::new(code, exec::describe(status)))
}
