//! `migrate-v2`: takes the keys of version 2 over into version 3.
//!
//! They come from a running server ([`source`], over HTTP) or from the files that a member of etcd 3.4 or 3.5 has left, and go
//! to a running cluster over gRPC ([`target`]). What becomes of a key is decided by [`plan`], which touches neither. Keys that
//! are there already are left alone, so that a run that was interrupted can simply be repeated.

mod plan;
mod source;
mod target;

use super::{failed, usage};
use crate::{
    args::{Command, Failure, Flag, Invocation, Kind},
    ctl::{ask_password, encrypted},
    print::Output,
    progress,
};
use oxetcd_client::{Client, Config, Credentials, TlsConnector, TlsOptions};
use plan::Plan;
use std::{path::PathBuf, sync::Arc, time::Duration};
use target::{Done, Target};

static DATA_DIR: Flag =
    Flag::text("data-dir", "", "data dir of a member of etcd 3.4 or 3.5 that does not run, to read from");
static WAL_DIR: Flag = Flag::text("wal-dir", "", "where its write-ahead log is (default: in the data dir)");
static FROM: Flag =
    Flag::new("from", Kind::List, "", "addresses of members that serve version 2 of the API, to read from");
static FROM_USER: Flag = Flag::text("from-user", "", "user[:password] to read as");
static FROM_CACERT: Flag =
    Flag::text("from-cacert", "", "authorities that the members to read from are checked against");
static FROM_CERT: Flag = Flag::text("from-cert", "", "file with our TLS certificate for reading");
static FROM_KEY: Flag = Flag::text("from-key", "", "file with the key of that certificate");
static ENDPOINTS: Flag =
    Flag::new("endpoints", Kind::List, "127.0.0.1:2379", "addresses of the cluster to write to");
static USER: Flag = Flag::text("user", "", "user[:password] to write as");
static CACERT: Flag = Flag::text("cacert", "", "authorities that the cluster to write to is checked against");
static CERT: Flag = Flag::text("cert", "", "file with our TLS certificate for writing");
static KEY: Flag = Flag::text("key", "", "file with the key of that certificate");
static PREFIX: Flag = Flag::text("prefix", "/", "the directory to take over");
static DEST_PREFIX: Flag =
    Flag::text("dest-prefix", "", "what it becomes in the keys of version 3 (default: the same)");
static DRY_RUN: Flag = Flag::switch("dry-run", "only show what would be written");
static OVERWRITE: Flag = Flag::switch("overwrite", "write keys that are there already, too");
static COMMAND_TIMEOUT: Flag =
    Flag::new("command-timeout", Kind::Duration, "60s", "how long one request may take");

pub(super) static MIGRATE_V2: Command = Command {
    usage: "{--data-dir {dir} | --from {addresses}} [options]",
    long: "Writes the keys of version 2 of the API, which later releases of etcd do not have, as keys of version 3.

A key stays what it is, slash in front included, unless --dest-prefix says otherwise. What has a lifetime gets a lease
over what is left of it; keys of a directory with a lifetime share one. Directories are not taken over: version 3 has
none. Keys that are there already are left alone, so that a run can be repeated.

A running server does not list hidden keys, those with a name that begins with _; in a data dir they are found.",
    flags: &[
        &CACERT,
        &CERT,
        &COMMAND_TIMEOUT,
        &DATA_DIR,
        &DEST_PREFIX,
        &DRY_RUN,
        &ENDPOINTS,
        &FROM,
        &FROM_CACERT,
        &FROM_CERT,
        &FROM_KEY,
        &FROM_USER,
        &KEY,
        &OVERWRITE,
        &PREFIX,
        &USER,
        &WAL_DIR,
    ],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("migrate-v2", "Takes the keys of version 2 of the API over into version 3")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let matches = &invocation.matches;
    if !matches.args.is_empty() {
        return Err(usage(invocation, "migrate-v2 takes no arguments"));
    }
    if matches.is_set(&DATA_DIR) == matches.is_set(&FROM) {
        return Err(usage(invocation, "one of --data-dir and --from must be given"));
    }
    let prefix = matches.text(&PREFIX);
    let found = if matches.is_set(&DATA_DIR) {
        let wal_dir = Some(matches.text(&WAL_DIR)).filter(|dir| !dir.is_empty());
        source::in_data_dir(&matches.text(&DATA_DIR), wal_dir.as_deref(), &prefix).map_err(failed)?
    } else {
        let tls = tls(invocation, [&FROM_CACERT, &FROM_CERT, &FROM_KEY], &matches.list(&FROM))?;
        let user = user(invocation, &FROM_USER, "Password of the source: ")?;
        source::served(matches.list(&FROM), tls, user, timeout(invocation), &prefix).await.map_err(failed)?
    };
    let dest_prefix = matches.is_set(&DEST_PREFIX).then(|| matches.text(&DEST_PREFIX));
    let plan = Plan::new(found, &prefix, dest_prefix.as_deref());
    if matches.bool(&DRY_RUN) {
        show(&plan, &invocation.out);
        return Ok(());
    }
    let client = connect(invocation).await?;
    let bar = progress::steps(plan.keys() as u64);
    let target = Target { client, overwrites: matches.bool(&OVERWRITE), bar };
    let done = target.write(&plan).await.map_err(failed)?;
    report(&plan, done, &invocation.out);
    Ok(())
}

/// What would be written, a line a key.
fn show(plan: &Plan, out: &Output) {
    for group in &plan.groups {
        let lifetime = group.ttl_s.map(|ttl_s| format!(" (for {ttl_s}s)")).unwrap_or_default();
        for key in &group.keys {
            out.line(format_args!("{} -> {}{lifetime}", key.from, key.key));
        }
    }
    out.line(format_args!("{} keys would be written, nothing was", plan.keys()));
    left_out(plan, out);
}

fn report(plan: &Plan, done: Done, out: &Output) {
    out.line(format_args!("{} keys written, {} of them with a lease", done.written, done.leased));
    if done.there_already > 0 {
        out.line(format_args!("{} keys were there already and were left alone", done.there_already));
    }
    left_out(plan, out);
}

fn left_out(plan: &Plan, out: &Output) {
    if plan.empty_directories > 0 {
        out.line(format_args!("{} empty directories were left out", plan.empty_directories));
    }
    if plan.expired > 0 {
        out.line(format_args!("{} keys had expired", plan.expired));
    }
}

fn timeout(invocation: &Invocation) -> Duration {
    invocation.matches.duration(&COMMAND_TIMEOUT).wait()
}

async fn connect(invocation: &Invocation) -> Result<Client, Failure> {
    let endpoints = invocation.matches.list(&ENDPOINTS);
    let mut config = Config::new(endpoints.iter().map(|endpoint| endpoint.trim()));
    config.dial_timeout = Some(timeout(invocation));
    config.tls = tls(invocation, [&CACERT, &CERT, &KEY], &endpoints)?;
    config.credentials = user(invocation, &USER, "Password: ")?
        .map(|(user, password)| Credentials::Password { user, password });
    Ok(Client::connect(config).await.map_err(failed)?.with_timeout(timeout(invocation)))
}

fn tls(
    invocation: &Invocation,
    [ca, cert, key]: [&'static Flag; 3],
    endpoints: &[String],
) -> Result<Option<Arc<dyn TlsConnector>>, Failure> {
    let file = |flag| Some(invocation.matches.text(flag)).filter(|path| !path.is_empty()).map(PathBuf::from);
    let options = TlsOptions {
        cert_file: file(cert),
        key_file: file(key),
        trusted_ca_file: file(ca),
        ..TlsOptions::default()
    };
    encrypted(options, true, endpoints)
}

/// A user and a password, which is asked for if it is missing.
fn user(
    invocation: &Invocation,
    flag: &'static Flag,
    prompt: &str,
) -> Result<Option<(String, String)>, Failure> {
    let given = invocation.matches.text(flag);
    if given.is_empty() {
        return Ok(None);
    }
    Ok(Some(match given.split_once(':') {
        Some((user, password)) => (user.to_owned(), password.to_owned()),
        None => {
            let password = ask_password(&invocation.out, prompt).map_err(failed)?;
            (given, password)
        }
    }))
}
