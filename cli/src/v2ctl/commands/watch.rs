//! `watch` and `exec-watch`: the next changes of a key.

use super::{cluster, key, refused};
use crate::{
    args::{Command, Failure, Flag, Invocation},
    ctl::not_started,
    exit,
    interrupt::Interrupt,
    v2ctl::{
        failed,
        keys::{Answer, Keys},
        show::show,
    },
};
use std::{ffi::OsString, os::unix::ffi::OsStringExt as _, process::Command as Program};

static FOREVER: Flag = Flag::switch("forever", "go on until ^C").short('f');
static AFTER_INDEX: Flag = Flag::int("after-index", "begin with the change behind this index");
static RECURSIVE: Flag = Flag::switch("recursive", "with all that is below").short('r');

pub(super) static WATCH: Command = Command {
    usage: "<key>",
    flags: &[&FOREVER, &AFTER_INDEX, &RECURSIVE],
    run: Some(|invocation| Box::pin(watch(invocation))),
    ..Command::new("watch", "waits for a change of a key")
};
pub(super) static EXEC_WATCH: Command = Command {
    usage: "<key> <command> [args...]",
    flags: &[&AFTER_INDEX, &RECURSIVE],
    run: Some(|invocation| Box::pin(exec_watch(invocation))),
    ..Command::new("exec-watch", "runs a command for each change of a key")
};

async fn watch(invocation: &mut Invocation) -> Result<(), Failure> {
    let cluster = cluster(invocation).await?;
    let key = key(invocation)?;
    let recursive = invocation.matches.bool(&RECURSIVE);
    let mut index = first_index(invocation);
    let mut interrupt = Interrupt::listen()?;
    loop {
        let next = next(&Keys(&cluster), &key, &mut index, recursive, &mut interrupt).await?;
        let Some(answer) = next else { return Ok(()) };
        if answer.node.dir {
            continue;
        }
        if recursive {
            invocation.out.line(format_args!("[{}] {}", answer.action, answer.node.key));
        }
        show(invocation, &answer);
        invocation.out.flush();
        if !invocation.matches.bool(&FOREVER) {
            return Ok(());
        }
    }
}

/// The index to wait for: 0 means whatever comes next.
fn first_index(invocation: &Invocation) -> u64 {
    match invocation.matches.int(&AFTER_INDEX) {
        0 => 0,
        after => after.cast_unsigned().wrapping_add(1),
    }
}

/// The next change; `None` after ^C.
async fn next(
    keys: &Keys<'_>,
    key: &str,
    index: &mut u64,
    recursive: bool,
    interrupt: &mut Interrupt,
) -> Result<Option<Answer>, Failure> {
    tokio::select! {
        answer = keys.wait(key, *index, recursive) => {
            let answer = answer.map_err(refused)?;
            *index = answer.node.modified_index + 1;
            Ok(Some(answer))
        }
        () = interrupt.received() => Ok(None),
    }
}

async fn exec_watch(invocation: &mut Invocation) -> Result<(), Failure> {
    let cluster = cluster(invocation).await?;
    let args = &invocation.matches.args;
    if args.len() < 2 {
        return Err(failed(exit::BAD_ARGS, "key and command to exec required"));
    }
    // Behind a flag the key has come to stand in front of `--`; without `--` it is taken for the last word.
    let dashes = args.iter().skip(1).any(|arg| arg == b"--");
    let (key, command) = match dashes {
        true => (&args[0], &args[2..]),
        false => (&args[args.len() - 1], &args[..args.len() - 1]),
    };
    let key = String::from_utf8_lossy(key).into_owned();
    let words: Vec<OsString> = command.iter().map(|word| OsString::from_vec(word.clone())).collect();
    let Some((program, program_args)) = words.split_first() else {
        return Err(failed(exit::BAD_ARGS, "key and command to exec required"));
    };
    let recursive = invocation.matches.bool(&RECURSIVE);
    let mut index = first_index(invocation);
    let mut interrupt = Interrupt::listen()?;
    loop {
        let next = next(&Keys(&cluster), &key, &mut index, recursive, &mut interrupt).await?;
        let Some(answer) = next else { return Ok(()) };
        if answer.node.dir {
            eprintln!("Ignored dir {} change", answer.node.key);
            continue;
        }
        let mut child = Program::new(program)
            .args(program_args)
            .env("ETCD_WATCH_ACTION", &answer.action)
            .env("ETCD_WATCH_MODIFIED_INDEX", answer.node.modified_index.to_string())
            .env("ETCD_WATCH_KEY", &answer.node.key)
            .env("ETCD_WATCH_VALUE", &answer.node.value)
            .spawn()
            .map_err(|error| Failure::new(exit::ERROR, not_started(program.as_encoded_bytes(), &error)))?;
        // The next change does not wait for it.
        std::thread::spawn(move || child.wait());
    }
}
