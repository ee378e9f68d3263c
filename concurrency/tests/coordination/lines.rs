//! Never two holders, nobody forgotten, nothing left behind.

use crate::{
    memory::{Memory, pause},
    scheduler::Scheduler,
};
use futures::FutureExt;
use oxetcd_concurrency::{Election, Error, Mutex, Session};
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex as StdMutex},
};

/// Leases that hold, as their holders believe, with their fences; and all fences in the order in which they were won.
#[derive(Default)]
struct Holders {
    now: BTreeMap<i64, i64>,
    fences: Vec<i64>,
}

type Shared = Arc<StdMutex<Holders>>;

/// Takes the lock, or the leadership, a few times; stops when the session has ended.
async fn contend(memory: Memory, lease: i64, elects: bool, rounds: usize, holders: Shared) {
    let Ok(session) = Session::with_lease(memory.clone(), lease).await else { return };
    for _ in 0..rounds {
        let (mut mutex, mut election) = (Mutex::new(&session, "line"), Election::new(&session, "line"));
        let won = if elects { election.campaign("me").await } else { mutex.lock().await };
        if won.is_err() {
            return;
        }
        let fence = mutex.revision().or(election.leader_key().map(|leader| leader.rev)).unwrap();
        {
            let mut holders = holders.lock().unwrap();
            holders.now.insert(lease, fence);
            // A lease may be revoked while the answer that it holds is under way. Nobody at a distance can know;
            // that is what fences are for.
            if memory.lives(lease) {
                holders.fences.push(fence);
            }
        }
        pause().await;
        pause().await;
        holders.lock().unwrap().now.remove(&lease);
        let ended = if elects { election.resign().await } else { mutex.unlock().await };
        if ended.is_err() {
            return;
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Poll(usize),
    /// A contender dies where it stands; its lease goes on.
    Kill(usize),
    /// A lease ends, whatever its contender does.
    Expire(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        60 => (0usize..1000).prop_map(Step::Poll),
        1 => (0usize..5).prop_map(Step::Kill),
        1 => (0usize..5).prop_map(Step::Expire),
    ];
    prop::collection::vec(step, 0..600)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn never_two_holders(steps in steps(), elects in prop::collection::vec(any::<bool>(), 5)) {
        let mut scheduler = Scheduler::default();
        let memory = Memory::new(&scheduler.left);
        let holders = Shared::default();
        let contenders: Vec<_> = elects.iter().map(|elects| {
            let lease = memory.lease();
            let task = contend(memory.clone(), lease, *elects, 4, holders.clone());
            (lease, scheduler.add(task.boxed()))
        }).collect();
        for step in steps {
            match step {
                Step::Poll(choice) => scheduler.step(choice),
                Step::Kill(which) => {
                    scheduler.kill(contenders[which].1);
                    // It believes nothing any more.
                    holders.lock().unwrap().now.remove(&contenders[which].0);
                }
                Step::Expire(which) => memory.expire(contenders[which].0),
            }
            let holders = holders.lock().unwrap();
            let alive: Vec<_> = holders.now.keys().filter(|lease| memory.lives(**lease)).collect();
            prop_assert!(alive.len() <= 1, "two holders: {:?}", alive);
            prop_assert!(holders.fences.is_sorted(), "fences went back: {:?}", holders.fences);
        }
        // The leases of the dead end some time; everybody else then gets through.
        for (lease, task) in &contenders {
            if !scheduler.is_running(*task) {
                memory.expire(*lease);
            }
        }
        let over = scheduler.run_until(|scheduler| contenders.iter().all(|(_, task)| !scheduler.is_running(*task)));
        prop_assert!(over, "somebody waits for ever; keys: {:?}", memory.keys());
        scheduler.run_until(|_| memory.keys().is_empty());
        prop_assert!(memory.keys().is_empty(), "left behind: {:?}", memory.keys());
    }

    /// Wherever a waiter is dropped, its key goes, though its lease lives on.
    #[test]
    fn a_dropped_waiter_leaves_no_key(polls in 0usize..30, choices in prop::collection::vec(0usize..100, 30), elects: bool) {
        let mut scheduler = Scheduler::default();
        let memory = Memory::new(&scheduler.left);
        memory.set("line/0", 0);
        let session = Session::detached(memory.clone(), memory.lease());
        let waiter = async move {
            let (mut mutex, mut election) = (Mutex::new(&session, "line"), Election::new(&session, "line"));
            let _ = if elects { election.campaign("me").await } else { mutex.lock().await };
        };
        let waiter = scheduler.add(waiter.boxed());
        for choice in choices.into_iter().take(polls) {
            scheduler.step(choice);
        }
        prop_assert!(scheduler.is_running(waiter), "it cannot get through");
        scheduler.kill(waiter);
        scheduler.run_until(|_| false);
        prop_assert_eq!(memory.keys().len(), 1, "left behind: {:?}", memory.keys());
    }
}

/// Runs one task to its end.
fn run(memory: &Memory, scheduler: &mut Scheduler, task: impl Future<Output = ()> + Send + 'static) {
    let task = scheduler.add(task.boxed());
    assert!(scheduler.run_until(|scheduler| !scheduler.is_running(task)), "stuck; keys: {:?}", memory.keys());
}

#[test]
fn trying_does_not_wait_and_leaves_nothing() {
    let mut scheduler = Scheduler::default();
    let memory = Memory::new(&scheduler.left);
    let (ours, theirs) = (memory.lease(), memory.lease());
    let store = memory.clone();
    run(&memory, &mut scheduler, async move {
        let mut first = Mutex::new(&Session::detached(store.clone(), ours), "l");
        first.lock().await.unwrap();
        assert_eq!(first.key().unwrap(), "l/1");
        let mut second = Mutex::new(&Session::detached(store.clone(), theirs), "l");
        assert_eq!(second.try_lock().await, Err(Error::Locked));
        assert_eq!((second.is_held(), second.unlock().await), (false, Err(Error::Released)));
        assert_eq!(store.keys().len(), 1);
        first.unlock().await.unwrap();
        second.try_lock().await.unwrap();
        assert!(second.revision() > Some(2) && second.is_held());
    });
}

#[test]
fn a_lock_is_not_held_by_an_ended_lease() {
    let mut scheduler = Scheduler::default();
    let memory = Memory::new(&scheduler.left);
    let lease = memory.lease();
    let store = memory.clone();
    run(&memory, &mut scheduler, async move {
        let session = Session::with_lease(store.clone(), lease).await.unwrap();
        let mut mutex = Mutex::new(&session, "l");
        mutex.lock().await.unwrap();
        assert!(mutex.is_held());
        store.expire(lease);
        session.done().await;
        assert!(!mutex.is_held() && !session.is_alive());
        // What it protects finds out too.
        let compare = vec![mutex.is_owner().unwrap()];
        let txn = oxetcd_api::etcdserverpb::TxnRequest { compare, ..Default::default() };
        assert!(!oxetcd_concurrency::Kv::txn(&store, txn).await.unwrap().succeeded);
    });
}

#[test]
fn a_lease_that_may_have_run_out_gets_no_lock() {
    let mut scheduler = Scheduler::default();
    let memory = Memory::new(&scheduler.left);
    let lease = memory.lease();
    let store = memory.clone();
    run(&memory, &mut scheduler, async move {
        store.lapse();
        let session = Session::with_lease(store, lease).await.unwrap();
        let (mut mutex, mut election) = (Mutex::new(&session, "l"), Election::new(&session, "e"));
        assert_eq!(mutex.lock().await, Err(Error::SessionExpired));
        assert_eq!(mutex.try_lock().await, Err(Error::SessionExpired));
        assert_eq!(election.campaign("x").await, Err(Error::SessionExpired));
        assert!(!mutex.is_held() && election.leader_key().is_none());
    });
    scheduler.run_until(|_| false);
    assert!(memory.keys().is_empty(), "left behind: {:?}", memory.keys());
}

#[test]
fn leaders_are_observed_resumed_and_resign() {
    let mut scheduler = Scheduler::default();
    let memory = Memory::new(&scheduler.left);
    let (ours, theirs) = (memory.lease(), memory.lease());
    let store = memory.clone();
    run(&memory, &mut scheduler, async move {
        let session = Session::detached(store.clone(), ours);
        let mut election = Election::new(&session, "e");
        assert_eq!(election.leader().await, Err(Error::NoLeader));
        assert_eq!(election.proclaim("x").await, Err(Error::NotLeader));
        let mut observer = election.observe();
        election.campaign("one").await.unwrap();
        assert_eq!(observer.next().await.unwrap().kv.value, "one");
        let mut resumed = Election::resume(&session, election.leader_key().unwrap().clone());
        resumed.proclaim("two").await.unwrap();
        assert_eq!(observer.next().await.unwrap().kv.value, "two");
        assert_eq!(election.leader().await.unwrap().kv.value, "two");
        resumed.resign().await.unwrap();
        assert_eq!(election.proclaim("three").await, Err(Error::NotLeader));
        let mut next = Election::new(&Session::detached(store, theirs), "e");
        next.campaign("four").await.unwrap();
        assert_eq!(observer.next().await.unwrap().kv.value, "four");
    });
}
