//! `watch`: shows the changes of keys as they happen, and runs a command for each.

use super::{
    bad_args,
    exec::{describe, not_started},
    watch_line::{FLAGS, INTERACTIVE, InteractiveLine, KeysFromEnvironment, WatchLine, parse_interactive},
};
use crate::{
    args::{Command, Failure, Invocation},
    ctl::{KEY_VALUE, Session},
    exit,
    go::quote::quote,
    print::{Output, Style, WatchShown, show},
};
use oxetcd_api::mvccpb::{Event, event::EventType};
use oxetcd_client::{Watch, WatchUpdate};
use std::{
    ffi::OsString,
    io::{self, BufRead as _},
    os::unix::ffi::OsStringExt as _,
};
use tokio::sync::mpsc;

pub(super) static WATCH: Command = Command {
    usage: "[options] [key or prefix] [range_end] [--] [exec-command arg1 arg2 ...]",
    group: Some(KEY_VALUE),
    flags: FLAGS,
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("watch", "Shows the changes of keys as they happen")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let variable = |name: &str| std::env::var_os(name).unwrap_or_default().into_vec();
    let environment = KeysFromEnvironment {
        key: variable("ETCDCTL_WATCH_KEY"),
        range_end: variable("ETCDCTL_WATCH_RANGE_END"),
    };
    if environment.key.is_empty() && !environment.range_end.is_empty() {
        let end = quote(&environment.range_end);
        return Err(bad_args(format!("ETCDCTL_WATCH_KEY is empty but got ETCDCTL_WATCH_RANGE_END={end}")));
    }
    if invocation.matches.bool(&INTERACTIVE) {
        return interactive(invocation, environment).await;
    }
    let line = WatchLine::new(&invocation.matches, &environment).map_err(bad_args)?;
    let session = Session::begin(invocation)?;
    let client = session.connect().await?;
    let request = line.request().map_err(bad_args)?;
    let watch = client.require_leader().watch(request);
    show_changes(watch, line.exec, session.out.clone(), session.style).await?;
    Err(Failure::new(exit::INTERRUPTED, "watch is canceled by the server"))
}

/// Starts watches as standard input asks for them. All share one stream, so that progress is the progress of all.
async fn interactive(invocation: &mut Invocation, environment: KeysFromEnvironment) -> Result<(), Failure> {
    let session = Session::begin(invocation)?;
    let watcher = session.connect().await?.require_leader().watcher();
    let mut lines = read_lines();
    loop {
        let line = lines.recv().await.unwrap_or_else(|| Err("EOF".to_owned())).map_err(|problem| {
            Failure::new(exit::INVALID_INPUT, format!("error reading watch request line: {problem}"))
        })?;
        match parse_interactive(&line, &environment).map_err(bad_args)? {
            InteractiveLine::Progress => watcher.request_progress(),
            InteractiveLine::Wrong(message) => eprintln!("{message}"),
            InteractiveLine::Watch(line) => {
                let watch = watcher.watch(line.request().map_err(bad_args)?);
                let (out, style) = (session.out.clone(), session.style);
                tokio::task::spawn_local(async move {
                    if let Err(failure) = show_changes(watch, line.exec, out.clone(), style).await {
                        out.flush();
                        if let Some(message) = failure.message {
                            eprintln!("Error: {message}");
                        }
                        std::process::exit(failure.code.into());
                    }
                });
            }
        }
    }
}

/// Lines of standard input, without their ends, read in a thread: reading blocks.
fn read_lines() -> mpsc::UnboundedReceiver<Result<Vec<u8>, String>> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let line = match input.read_until(b'\n', &mut line) {
                Err(error) => Err(error.to_string()),
                Ok(_) if line.pop() != Some(b'\n') => Err("EOF".to_owned()),
                Ok(_) => Ok(line),
            };
            let last = line.is_err();
            if sender.send(line).is_err() || last {
                return;
            }
        }
    });
    lines
}

/// Shows what a watch receives until it ends.
async fn show_changes(
    mut watch: Watch,
    exec: Vec<Vec<u8>>,
    out: Output,
    style: Style,
) -> Result<(), Failure> {
    while let Some(update) = watch.next().await {
        show_update(&update, &out, style)?;
        if !exec.is_empty() {
            out.flush();
            let revision = update.response.header.map_or(0, |header| header.revision);
            for event in &update.response.events {
                run_command(&exec, revision, event).await?;
            }
        }
        // A burst of changes goes out together.
        let mut next = watch.try_next();
        while let Some(update) = next.take().filter(|_| exec.is_empty()) {
            show_update(&update, &out, style)?;
            next = watch.try_next();
        }
        out.flush();
    }
    Ok(())
}

fn show_update(update: &WatchUpdate, out: &Output, style: Style) -> Result<(), Failure> {
    if update.response.canceled {
        out.flush();
        let why = update.error.as_ref().map_or("<nil>".to_owned(), ToString::to_string);
        eprintln!("watch was canceled ({why})");
    }
    if update.is_progress() {
        let revision = update.response.header.map_or(0, |header| header.revision);
        out.line(format_args!("progress notify: {revision}"));
    }
    show(out, style, &WatchShown(&update.response))
}

/// Runs the command for an event, which it finds in its environment.
async fn run_command(exec: &[Vec<u8>], revision: i64, event: &Event) -> Result<(), Failure> {
    let kind = if event.r#type() == EventType::Put { "PUT" } else { "DELETE" };
    let kv = event.kv.clone().unwrap_or_default();
    let words: Vec<_> = exec.iter().map(|word| OsString::from_vec(word.clone())).collect();
    let status = tokio::process::Command::new(&words[0])
        .args(&words[1..])
        .env("ETCD_WATCH_REVISION", revision.to_string())
        .env("ETCD_WATCH_EVENT_TYPE", quote(kind))
        .env("ETCD_WATCH_KEY", quote(&kv.key))
        .env("ETCD_WATCH_VALUE", quote(&kv.value))
        .stdin(std::process::Stdio::null())
        .status()
        .await;
    let problem = match status {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => describe(status),
        Err(error) => not_started(&exec[0], &error),
    };
    let command: Vec<_> = exec.iter().map(quote).collect();
    eprintln!("command [{}] error ({problem})", command.join(" "));
    Err(Failure::silent(exit::ERROR))
}
