//! `elect`: stands for election until ^C, or follows what leaders say.

use super::{bad_args, failed};
use crate::{
    args::{Command, Failure, Flag, Invocation},
    ctl::{CONCURRENCY, Session},
    interrupt::Interrupt,
};
use oxetcd_api::etcdserverpb::{RangeRequest, RangeResponse};
use oxetcd_client::Client;
use oxetcd_concurrency::{self as concurrency, Election};

static LISTEN: Flag = Flag::switch("listen", "follow the election without standing in it").short('l');

/// How long a leader that is gone without a word stays leader.
const TTL_S: i64 = 60;

pub(super) static ELECT: Command = Command {
    usage: "<election-name> [proposal]",
    group: Some(CONCURRENCY),
    long: "Stands for election with a proposal, shows it once elected, and leads until it is interrupted.

With --listen, shows the proposal of each leader.",
    flags: &[&LISTEN],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("elect", "Stands in an election, or follows it")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let listens = invocation.matches.bool(&LISTEN);
    match &invocation.matches.args[..] {
        [name] if listens => {
            let name = name.clone();
            observe(invocation, &name).await
        }
        [name, proposal] if !listens => {
            let (name, proposal) = (name.clone(), proposal.clone());
            campaign(invocation, &name, proposal).await
        }
        [_] => Err(bad_args("no proposal argument but -l not set")),
        [_, _] => Err(bad_args("proposal given but -l is set")),
        _ => Err(bad_args("elect takes one election name argument and an optional proposal argument")),
    }
}

async fn observe(invocation: &mut Invocation, name: &[u8]) -> Result<(), Failure> {
    let session = Session::begin(invocation)?;
    let client = session.connect_patiently().await?;
    let mut interrupt = Interrupt::listen()?;
    // Whoever only looks on needs no lease; the id does not matter.
    let spectator = concurrency::Session::detached(client, 0);
    let mut leaders = Election::new(&spectator, name).observe();
    loop {
        let proclaimed = tokio::select! {
            proclaimed = leaders.next() => proclaimed.map_err(|_| failed("elect: observer lost"))?,
            () = interrupt.received() => return Ok(()),
        };
        let (header, kvs) = (Some(proclaimed.header), vec![proclaimed.kv]);
        session.show(&RangeResponse { header, kvs, ..RangeResponse::default() })?;
        session.out.flush();
    }
}

async fn campaign(invocation: &mut Invocation, name: &[u8], proposal: Vec<u8>) -> Result<(), Failure> {
    let session = Session::begin(invocation)?;
    let client = session.connect_patiently().await?;
    let mut interrupt = Interrupt::listen()?;
    let presence = concurrency::Session::new(client.clone(), TTL_S).await.map_err(failed)?;
    let mut election = Election::new(&presence, name);
    let elected = tokio::select! {
        elected = election.campaign(proposal) => elected.map_err(failed),
        () = interrupt.received() => Err(failed("context canceled")),
    };
    let result = match elected {
        Ok(()) => lead(&session, &client, &election, &presence, &mut interrupt).await,
        Err(failure) => Err(failure),
    };
    // The leadership goes with the lease.
    let closed = presence.close().await.map_err(failed);
    result.and(closed)
}

/// Shows the key of the leader, and waits.
async fn lead(
    session: &Session,
    client: &Client,
    election: &Election<Client>,
    presence: &concurrency::Session<Client>,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let key = election.leader_key().map(|leader| leader.key.clone()).unwrap_or_default();
    let found = client.range(RangeRequest { key, ..RangeRequest::default() }).await.map_err(failed)?;
    session.show(&found)?;
    session.out.flush();
    tokio::select! {
        () = interrupt.received() => Ok(()),
        () = presence.done() => Err(failed("elect: session expired")),
    }
}
