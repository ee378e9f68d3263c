//! `cargo xtask cluster`: members on this machine until Ctrl-C, a line per event.
//!
//! Every member is asked a few times a second whether it serves, and whom it takes for the leader; what changed since is
//! an event. A member that ends, whoever ended it, is told and not started again: the rest of the cluster goes on.

mod watch;

use crate::{
    build,
    process::{Addresses, Plan, Server},
};
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::mpsc::{self, RecvTimeoutError},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};
use watch::Watch;

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Members beyond this many make a cluster slower and no safer.
const MOST_MEMBERS: u16 = 9;
/// The ports of member 1; those of the others lie this far apart.
const CLIENT_PORT: u16 = 2379;
const PEER_PORT: u16 = 2380;
const STEP: u16 = 10_000;

#[derive(Args)]
pub(crate) struct Options {
    /// Number of members.
    #[arg(long, default_value_t = 3)]
    members: u16,
    /// The program to start; ours, built for release, by default.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Folder for data and logs, kept afterwards, and taken up again if it holds a cluster already; a temporary
    /// folder by default.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// More flags for every member.
    #[arg(last = true)]
    extra: Vec<String>,
}

/// A member, and what was last seen of it.
struct Member {
    name: String,
    server: Server,
    ready: bool,
    ended: bool,
}

/// Says what happens, and when.
struct Teller(Instant);

impl Teller {
    fn say(&self, who: &str, what: &str) {
        println!("{:>8.1} s  {who:<8} {what}", self.0.elapsed().as_secs_f64());
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!((1..=MOST_MEMBERS).contains(&options.members), "a cluster has 1 to {MOST_MEMBERS} members");
    let program = match &options.server {
        Some(program) => program.clone(),
        None => build::release()?.join("etcd"),
    };
    let temporary = TempDir::with_prefix("cluster-")?;
    let dir = options.dir.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let interrupted = interrupted()?;
    let teller = Teller(Instant::now());
    let mut members = start(options, &program, dir, &teller)?;
    teller.say("cluster", &format!("data and logs in {}; Ctrl-C stops all", dir.display()));
    let mut watch = Watch::new()?;
    let mut announced = false;
    while let Err(RecvTimeoutError::Timeout) = interrupted.recv_timeout(LOOK_EVERY) {
        for member in &mut members {
            look(member, &teller)?;
        }
        if members.iter().all(|member| member.ended) {
            teller.say("cluster", "no member is left");
            return Ok(());
        }
        let there = members.iter().filter(|member| member.ready && !member.ended);
        if let Some(leader) = watch.leader(there.map(|member| (member.name.as_str(), member.server.client())))
        {
            teller.say("cluster", &leader);
        }
        if !announced && members.iter().all(|member| member.ready) {
            announced = true;
            let endpoints: Vec<String> =
                members.iter().map(|member| member.server.client().to_string()).collect();
            teller.say("cluster", &format!("ready: export ETCDCTL_ENDPOINTS={}", endpoints.join(",")));
        }
    }
    stop(members, &teller)
}

/// Starts all members, without waiting: none serves before most are there.
fn start(options: &Options, program: &Path, dir: &Path, teller: &Teller) -> Result<Vec<Member>> {
    let names: Vec<String> = (1..=options.members).map(|number| format!("m{number}")).collect();
    let addresses: Vec<Addresses> = addresses(options.members);
    let initial: Vec<String> =
        names.iter().zip(&addresses).map(|(name, at)| format!("{name}=http://{}", at.peer)).collect();
    let mut members = Vec::new();
    for (name, at) in names.into_iter().zip(addresses) {
        let plan = Plan { program, name: &name, dir, extra: &options.extra };
        let server = Server::spawn(&plan, at, &initial.join(","))?;
        teller.say(&name, &format!("started, pid {}, peers at {}", server.pid(), at.peer));
        members.push(Member { name, server, ready: false, ended: false });
    }
    Ok(members)
}

/// The same ports each time, if nobody has them: data that is taken up again knows them. Otherwise, any.
fn addresses(members: u16) -> Vec<Addresses> {
    let local = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let usual = (0..members.min(u16::MAX / STEP))
        .map(|at| Addresses { client: local(CLIENT_PORT + at * STEP), peer: local(PEER_PORT + at * STEP) });
    let usual: Vec<Addresses> = usual.collect();
    let free = |address: SocketAddr| TcpListener::bind(address).is_ok();
    if usual.len() == usize::from(members) && usual.iter().all(|at| free(at.client) && free(at.peer)) {
        return usual;
    }
    (0..members).map(|_| Addresses::free()).collect()
}

fn look(member: &mut Member, teller: &Teller) -> Result<()> {
    if member.ended {
        return Ok(());
    }
    if let Some(status) = member.server.ended()? {
        member.ended = true;
        let log = member.server.log_tail();
        teller.say(
            &member.name,
            &format!("ended ({status}){}{log}", if log.is_empty() { "" } else { "; its log:\n" }),
        );
    } else if !member.ready && member.server.healthy() {
        member.ready = true;
        teller.say(&member.name, &format!("ready, serves clients at http://{}", member.server.client()));
    }
    Ok(())
}

/// Asks all to end, then waits for each.
fn stop(mut members: Vec<Member>, teller: &Teller) -> Result<()> {
    members.retain(|member| !member.ended);
    for member in &mut members {
        teller.say(&member.name, "is stopped");
        member.server.terminate();
    }
    for Member { name, server, .. } in members {
        drop(server);
        teller.say(&name, "has ended");
    }
    Ok(())
}

/// Gets a message at Ctrl-C, or at SIGTERM.
fn interrupted() -> Result<mpsc::Receiver<()>> {
    let (send, receive) = mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut terminated = {
        let _entered = runtime.enter();
        signal(SignalKind::terminate())?
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
        });
        let _ = send.send(());
    });
    Ok(receive)
}
