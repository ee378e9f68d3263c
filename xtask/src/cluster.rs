//! `cargo xtask cluster`: members on this machine until Ctrl-C, a line per event.

use crate::{
    build,
    process::{Plan, Server},
};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::{
    path::PathBuf,
    sync::mpsc::{self, RecvTimeoutError},
    time::{Duration, Instant},
};
use tempfile::TempDir;

const LOOK_EVERY: Duration = Duration::from_millis(200);

#[derive(Args)]
pub(crate) struct Options {
    /// Number of members. Our members do not form clusters yet: one is all there is.
    #[arg(long, default_value_t = 1)]
    members: usize,
    /// The program to start; ours, built for release, by default.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Folder for the data, kept afterwards; a temporary folder by default.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// More flags for every member.
    #[arg(last = true)]
    extra: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.members != 1 {
        bail!("only clusters of one member can be started so far");
    }
    let program = match &options.server {
        Some(program) => program.clone(),
        None => build::release()?.join("etcd"),
    };
    let temporary = TempDir::with_prefix("cluster-")?;
    let dir = options.dir.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let interrupted = interrupted()?;
    let begin = Instant::now();
    let say = |event: String| println!("{:>8.1} s  {event}", begin.elapsed().as_secs_f64());
    let name = "m1";
    let mut server = Server::start(&Plan { program: &program, name, dir, extra: &options.extra })?;
    say(format!("{name} (pid {}) serves {}, data in {}", server.pid(), server.client(), dir.display()));
    loop {
        match interrupted.recv_timeout(LOOK_EVERY) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                say(format!("{name} is stopped"));
                drop(server);
                say(format!("{name} has ended"));
                return Ok(());
            }
        }
        if let Some(status) = server.ended()? {
            bail!("{name} ended by itself ({status}); its log:\n{}", server.log_tail());
        }
    }
}

/// Gets a message at Ctrl-C.
fn interrupted() -> Result<mpsc::Receiver<()>> {
    let (send, receive) = mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        let _ = runtime.block_on(tokio::signal::ctrl_c());
        let _ = send.send(());
    });
    Ok(receive)
}
