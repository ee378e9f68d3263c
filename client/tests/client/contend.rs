//! Fifty clients that want the same lock and the same leadership, while clients, connections and members die.
//!
//! Each holder writes its fence, in a transaction that compares. Afterwards the store's history is read, and tells for
//! each such write who stood first in the line at that revision: nobody else may have written. Beside that, holders note by
//! the clock from when until when they held for certain: no two of these times may overlap. And whenever a holder is killed, the
//! cluster is asked for its lease until that is gone: nobody but a new leader may have given it time anew.
//!
//! `OXETCD_CONTEND_S` says for how many seconds (`cargo xtask contend`: a minute), `OXETCD_SEED` which faults are drawn. With
//! `OXETCD_CONTEND_FAULTS=clients` only clients die. Then nobody gives a lease time anew, and no lock outlives the TTL of a dead holder's lease.

mod board;
mod contender;
mod vigil;

use crate::members::{Members, PATIENCE};
use board::{Board, Line};
use contender::Contender;
use oxetcd_client::{Client, Config};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const CLIENTS: usize = 50;
const MEMBERS: usize = 3;
const DEFAULT_S: u64 = 8;
/// So often each line must have had a holder; if need be, they go on without faults until it is so.
const LEAST_TURNS: usize = 10;
/// Of leases, in seconds: how long the key of a client that died stays, if the leader lives.
const TTL_S: i64 = 2;

fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Of a hundred faults of all kinds the first so many are done to clients.
const ALL: u32 = 100;
const OF_CLIENTS: u32 = 60;

/// One fault of the first `kinds`.
async fn fault(
    kinds: u32,
    random: &mut StdRng,
    members: &mut Members,
    contenders: &mut [Contender],
    board: &Board,
) {
    let (client, member) = (random.random_range(0..CLIENTS), random.random_range(0..MEMBERS));
    match random.random_range(0..kinds) {
        0..45 => {
            // Whoever holds is the best victim.
            let holder = random.random_bool(0.5).then(|| board.holder()).flatten();
            contenders[holder.unwrap_or(client)].crash(board);
        }
        45..OF_CLIENTS => contenders[client].give_up(board),
        OF_CLIENTS..75 => {
            board.count("connections cut");
            members.front(member).cut();
        }
        75..90 => {
            board.count("connections cut");
            members.front(member).cut_after(random.random_range(0..4000));
        }
        _ => {
            board.count("members killed");
            members.kill_and_restart(member).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contend() {
    let wanted = Duration::from_secs(setting("OXETCD_CONTEND_S").unwrap_or(DEFAULT_S));
    let seed = setting("OXETCD_SEED").unwrap_or_else(|| rand::rng().random());
    let only_clients = setting::<String>("OXETCD_CONTEND_FAULTS").is_some_and(|faults| faults == "clients");
    println!("OXETCD_SEED={seed}{}", if only_clients { ", only clients die" } else { "" });
    let kinds = if only_clients { OF_CLIENTS } else { ALL };
    let mut random = StdRng::seed_from_u64(seed);
    let mut members = Members::start(MEMBERS).await;
    let client =
        Client::connect(Config::new(members.endpoints())).await.expect("nothing is connected to yet");
    let board = Arc::new(Board::follow(&client));
    let mut contenders: Vec<_> =
        (0..CLIENTS).map(|number| Contender::start(number, members.endpoints(), board.clone())).collect();

    let began = Instant::now();
    while began.elapsed() < wanted {
        fault(kinds, &mut random, &mut members, &mut contenders, &board).await;
        tokio::time::sleep(Duration::from_millis(random.random_range(20..250))).await;
    }
    // On a busy machine, and with unlucky faults, most of the time may have gone by in elections.
    while board.turns(Line::Lock).min(board.turns(Line::Election)) < LEAST_TURNS {
        assert!(began.elapsed() < wanted + PATIENCE, "it does not go on: {board}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // All die at once. What they leave behind goes with their leases.
    for contender in &mut contenders {
        contender.stop();
    }
    let died = Instant::now();
    board.wait_until_empty(died + PATIENCE).await;
    println!("the last went {:?} after the last client", died.elapsed());
    board.judge(&client).await;
    println!("{board}");
}
