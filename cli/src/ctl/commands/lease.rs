//! `lease`: lifetimes for keys.

use super::{bad_args, expect_args, parse_lease_id};
use crate::{
    args::{Command, Failure, Flag, Invocation},
    ctl::{KEY_VALUE, Session},
    exit,
    go::number::parse_int,
    print::{Format, LeaseRevoked, TimeToLive},
};
use oxetcd_api::{
    LeaseId,
    etcdserverpb::{LeaseGrantRequest, LeaseLeasesRequest, LeaseRevokeRequest, LeaseTimeToLiveRequest},
};

static KEYS: Flag = Flag::switch("keys", "show the keys that are tied to the lease");
static ONCE: Flag = Flag::switch("once", "renew the lease once, and end");

pub(super) static LEASE: Command = Command {
    group: Some(KEY_VALUE),
    long: "Leases: lifetimes that keys can be tied to",
    commands: &[&GRANT, &KEEP_ALIVE, &LIST, &REVOKE, &TIME_TO_LIVE],
    ..Command::new("lease", "Lease related commands. Use `etcdctl lease --help` to see subcommands")
};

static GRANT: Command = Command {
    usage: "<ttl>",
    run: Some(|invocation| Box::pin(grant(invocation))),
    ..Command::new("grant", "Makes a lease that lives for <ttl> seconds")
};

static REVOKE: Command = Command {
    usage: "<leaseID>",
    run: Some(|invocation| Box::pin(revoke(invocation))),
    ..Command::new("revoke", "Ends a lease, and deletes the keys tied to it")
};

static TIME_TO_LIVE: Command = Command {
    usage: "<leaseID> [options]",
    flags: &[&KEYS],
    run: Some(|invocation| Box::pin(time_to_live(invocation))),
    ..Command::new("timetolive", "Shows how long a lease has to live")
};

static LIST: Command = Command {
    run: Some(|invocation| Box::pin(list(invocation))),
    ..Command::new("list", "Lists all leases")
};

static KEEP_ALIVE: Command = Command {
    usage: "[options] <leaseID>",
    flags: &[&ONCE],
    run: Some(|invocation| Box::pin(keep_alive(invocation))),
    ..Command::new("keep-alive", "Renews a lease again and again")
};

async fn grant(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 1, "lease grant command needs TTL argument")?;
    let ttl =
        parse_int(&invocation.matches.args[0], 10).map_err(|error| bad_args(format!("bad TTL ({error})")))?;
    let session = Session::begin(invocation)?;
    let client = session.connect_briefly().await?;
    let granted = client.lease_grant(LeaseGrantRequest { ttl, id: 0 }).await;
    session.show(
        &granted.map_err(|error| Failure::new(exit::ERROR, format!("failed to grant lease ({error})")))?,
    )
}

async fn revoke(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 1, "lease revoke command needs 1 argument")?;
    let id = lease_id(invocation)?;
    let session = Session::begin(invocation)?;
    let client = session.connect_briefly().await?;
    let response = client
        .lease_revoke(LeaseRevokeRequest { id })
        .await
        .map_err(|error| Failure::new(exit::ERROR, format!("failed to revoke lease ({error})")))?;
    session.show(&LeaseRevoked { id, response })
}

async fn time_to_live(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 1, "lease timetolive command needs lease ID as argument")?;
    let keys = invocation.matches.bool(&KEYS);
    let session = Session::begin(invocation)?;
    let client = session.connect_patiently().await?;
    let id = lease_id(invocation)?;
    let response = client.lease_time_to_live(LeaseTimeToLiveRequest { id, keys }).await.map_err(lost)?;
    session.show(&TimeToLive { response, keys })
}

async fn list(invocation: &mut Invocation) -> Result<(), Failure> {
    let session = Session::begin(invocation)?;
    let client = session.connect_patiently().await?;
    session.show(&client.lease_leases(LeaseLeasesRequest {}).await.map_err(lost)?)
}

async fn keep_alive(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 1, "lease keep-alive command needs lease ID as argument")?;
    let id = lease_id(invocation)?;
    let session = Session::begin(invocation)?;
    if invocation.matches.bool(&ONCE) {
        let client = session.connect_patiently().await?;
        return session.show(&client.keep_alive_once(id).await.map_err(lost)?);
    }
    let mut renewals = session.connect().await?.keep_alive(id);
    while let Some(renewal) = renewals.next().await {
        session.show(&renewal)?;
        session.out.flush();
    }
    if session.style.format == Format::Simple {
        session.out.line(format_args!("lease {id:016x} expired or revoked."));
    }
    Ok(())
}

fn lease_id(invocation: &Invocation) -> Result<LeaseId, Failure> {
    parse_lease_id(&invocation.matches.args[0])
        .map_err(|error| bad_args(format!("bad lease ID arg ({error}), expecting ID in Hex")))
}

fn lost(error: oxetcd_client::Error) -> Failure {
    Failure::new(exit::BAD_CONNECTION, error)
}
