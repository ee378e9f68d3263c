//! `cargo xtask compat --clients`: programs of other people's libraries against our server, with TLS.
//!
//! Each puts, watches, locks and logs in, as its language does it, and fails when something is not as its library says.
//! Their sources are in `xtask/clients`; what they need is fetched by their languages' own tools, once, into the cache.

mod etcd3gw;
mod go;

use crate::{paths, secured::Secured};
use anyhow::{Context, Result, bail, ensure};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A program that uses some library.
struct Client {
    /// Its name, for people.
    name: &'static str,
    /// Flags that the server needs for it.
    flags: &'static [&'static str],
    /// Brings the program, or what it is made of, onto this machine, if it is not there.
    fetch: fn() -> Result<()>,
    /// Makes the command that runs it against a server.
    command: fn(&Secured) -> Result<Command>,
}

const CLIENTS: &[Client] = &[go::CLIENT, etcd3gw::CLIENT];

/// Runs those whose name contains `only`, each against a fresh server of `program`.
pub(crate) fn run(program: &Path, only: &str) -> Result<()> {
    let wanted: Vec<&Client> = CLIENTS.iter().filter(|client| client.name.contains(only)).collect();
    ensure!(!wanted.is_empty(), "no client's name contains {only:?}");
    for client in &wanted {
        (client.fetch)().with_context(|| format!("{} cannot be had", client.name))?;
    }
    run_all(program, &wanted)
}

/// Runs those whose language and library this machine has or can fetch; says which it leaves out, and why.
pub(crate) fn run_those_at_hand(program: &Path) -> Result<()> {
    let at_hand = |client: &&Client| match (client.fetch)() {
        Ok(()) => true,
        Err(error) => {
            eprintln!("skipped: {}: {error:#}", client.name);
            false
        }
    };
    run_all(program, &CLIENTS.iter().filter(at_hand).collect::<Vec<_>>())
}

fn run_all(program: &Path, clients: &[&Client]) -> Result<()> {
    let mut failed = Vec::new();
    for client in clients {
        println!("{}", client.name);
        let server = Secured::start(program, client.flags)?;
        let mut command =
            (client.command)(&server).with_context(|| format!("{} cannot be made", client.name))?;
        let status = command.status().with_context(|| format!("cannot run {}", client.name))?;
        if !status.success() {
            eprintln!("{}: {status}; the server's log:\n{}", client.name, server.log_tail());
            failed.push(client.name);
        }
    }
    if !failed.is_empty() {
        bail!("not as it should be: {}", failed.join(", "));
    }
    Ok(())
}

/// Where the clients' sources are.
fn sources() -> PathBuf {
    paths::root().join("xtask/clients")
}
