//! The book against a model that knows nothing of heaps, slabs and lazy entries.

use oxetcd_lease::{LeaseBook, LeaseConfig, LeaseError, MAX_TTL_S};
use oxetcd_storage::{Buffer, Durability, Memory};
use proptest::{collection::vec, prelude::*};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

const CONFIG: LeaseConfig =
    LeaseConfig { min_ttl_s: 2, revokes_per_s: 1_000, retry_ms: 3_000, checkpoint_ms: 5_000 };

#[derive(Clone, Debug)]
enum Op {
    Grant(i64, i64),
    Revoke(i64),
    Renew(i64),
    Attach(i64, u8),
    Detach(u8),
    Advance(u64),
    Expired(usize),
    Checkpoint,
    Promote(u64),
    Demote,
    Restart { clean: bool },
}

/// Few leases and short steps of time, so that the same lease is met again and again.
fn ops() -> impl Strategy<Value = Vec<Op>> {
    let id = || 0_i64..5;
    let ttl = || prop_oneof![8 => -1_i64..15, 1 => Just(MAX_TTL_S), 1 => Just(MAX_TTL_S + 1)];
    let op = prop_oneof![
        6 => (id(), ttl()).prop_map(|(id, ttl_s)| Op::Grant(id, ttl_s)),
        3 => id().prop_map(Op::Revoke),
        9 => id().prop_map(Op::Renew),
        6 => (id(), 0_u8..12).prop_map(|(id, key)| Op::Attach(id, key)),
        3 => (0_u8..12).prop_map(Op::Detach),
        12 => (0_u64..4_000).prop_map(Op::Advance),
        9 => (0_usize..5).prop_map(Op::Expired),
        6 => Just(Op::Checkpoint),
        2 => (0_u64..3_000).prop_map(Op::Promote),
        1 => Just(Op::Demote),
        1 => any::<bool>().prop_map(|clean| Op::Restart { clean }),
    ];
    vec(op, 1..120).prop_map(|mut ops| {
        ops.insert(0, Op::Promote(0));
        ops
    })
}

#[derive(Clone, Debug)]
struct Lease {
    ttl_s: i64,
    remaining_s: i64,
    deadline: Option<u64>,
    /// When it comes up as expired: its deadline, later the end of the retry time.
    surfaces: u64,
    keys: BTreeSet<u8>,
}

impl Lease {
    fn stored_ms(&self) -> u64 {
        (if self.remaining_s > 0 { self.remaining_s } else { self.ttl_s }) as u64 * 1000
    }

    fn set(&mut self, deadline: u64) {
        (self.deadline, self.surfaces) = (Some(deadline), deadline);
    }
}

/// The book under test and the model beside it.
struct Pair {
    engine: Arc<Memory>,
    buffer: Buffer,
    book: LeaseBook,
    model: BTreeMap<i64, Lease>,
    primary: bool,
    now: u64,
}

impl Pair {
    fn new() -> Self {
        let engine = Arc::new(Memory::new());
        let buffer = Buffer::new(engine.clone());
        let book = LeaseBook::open(&buffer, CONFIG).unwrap();
        Pair { engine, buffer, book, model: BTreeMap::new(), primary: false, now: 7 }
    }

    fn run(&mut self, op: &Op) {
        let now = self.now;
        match *op {
            Op::Grant(id, ttl_s) => self.grant(id, ttl_s),
            Op::Revoke(id) => {
                let got = self.book.revoke(&self.buffer.begin(), id);
                let want = self.model.remove(&id).map(|lease| {
                    lease.keys.iter().map(|key| vec![*key].into_boxed_slice()).collect::<Vec<_>>()
                });
                assert_eq!(got, want.ok_or(LeaseError::NotFound));
            }
            Op::Renew(id) => self.renew(id),
            Op::Attach(id, key) => {
                let known = self.model.contains_key(&id);
                assert_eq!(self.book.attach(id, &[key]), known.then_some(()).ok_or(LeaseError::NotFound));
                if known {
                    self.model.values_mut().for_each(|lease| {
                        lease.keys.remove(&key);
                    });
                    self.model.get_mut(&id).unwrap().keys.insert(key);
                }
            }
            Op::Detach(key) => {
                let mut models = self.model.iter_mut();
                let holder = models.find_map(|(id, lease)| lease.keys.remove(&key).then_some(*id));
                assert_eq!(self.book.detach(&[key]), holder);
            }
            Op::Advance(by) => self.now += by,
            Op::Expired(limit) => {
                let over = self.model.iter().filter(|(_, l)| self.primary && l.surfaces <= now);
                let mut want: Vec<(u64, i64)> = over.map(|(id, lease)| (lease.surfaces, *id)).collect();
                want.sort_unstable();
                want.truncate(limit);
                let want: Vec<i64> = want.into_iter().map(|(_, id)| id).collect();
                assert_eq!(self.book.expired(now, limit), want);
                for id in want {
                    self.model.get_mut(&id).unwrap().surfaces = now + CONFIG.retry_ms;
                }
            }
            Op::Checkpoint => self.checkpoint(),
            Op::Promote(extend) => {
                self.book.promote(now, extend);
                self.primary = true;
                for lease in self.model.values_mut() {
                    lease.set(now + extend + lease.stored_ms());
                }
            }
            Op::Demote => {
                self.book.demote();
                self.primary = false;
                self.model.values_mut().for_each(|lease| lease.deadline = None);
            }
            Op::Restart { clean } => self.restart(clean),
        }
    }

    fn grant(&mut self, id: i64, ttl_s: i64) {
        let got = self.book.grant(&self.buffer.begin(), self.now, id, ttl_s);
        let raised = ttl_s.max(CONFIG.min_ttl_s);
        let want = match id {
            0 => Err(LeaseError::NotFound),
            _ if ttl_s > MAX_TTL_S => Err(LeaseError::TtlTooLarge),
            _ if self.model.contains_key(&id) => Err(LeaseError::Exists),
            _ => Ok(raised),
        };
        assert_eq!(got, want);
        if want.is_ok() {
            let keys = BTreeSet::new();
            let mut lease = Lease { ttl_s: raised, remaining_s: 0, deadline: None, surfaces: 0, keys };
            if self.primary {
                lease.set(self.now + raised as u64 * 1000);
            }
            self.model.insert(id, lease);
        }
    }

    fn renew(&mut self, id: i64) {
        let now = self.now;
        let got = self.book.renew(now, id);
        let want = match self.model.get_mut(&id) {
            _ if !self.primary => Err(LeaseError::NotPrimary),
            None => Err(LeaseError::NotFound),
            Some(lease) if lease.deadline.is_some_and(|at| at <= now) => Err(LeaseError::Expired),
            Some(lease) => {
                lease.set(now + lease.ttl_s as u64 * 1000);
                Ok((lease.ttl_s, lease.remaining_s > 0))
            }
        };
        assert_eq!(got.map(|renewal| (renewal.ttl_s, renewal.clear_checkpoint)), want);
        if got.is_ok_and(|renewal| renewal.clear_checkpoint) {
            self.book.apply_checkpoint(&self.buffer.begin(), id, 0);
            self.model.get_mut(&id).unwrap().remaining_s = 0;
        }
    }

    /// What is due has aged by an interval; nothing that has aged so much is left out, give or take the second
    /// by which a checkpoint is rounded up.
    fn checkpoint(&mut self) {
        let (now, interval) = (self.now, CONFIG.checkpoint_ms);
        for due in self.book.checkpoint_due(now, usize::MAX) {
            let lease = self.model.get_mut(&due.id).unwrap();
            let left = lease.deadline.unwrap() - now;
            assert!(left + interval <= lease.stored_ms(), "{due:?} of {lease:?} at {now}");
            assert_eq!(due.remaining_ttl as u64, left.div_ceil(1000));
            lease.remaining_s = due.remaining_ttl;
            self.book.apply_checkpoint(&self.buffer.begin(), due.id, due.remaining_ttl);
        }
        for lease in self.model.values() {
            let Some(left) = lease.deadline.and_then(|at| at.checked_sub(now)).filter(|left| *left > 0)
            else {
                continue;
            };
            assert!(left + interval + 1000 > lease.stored_ms(), "{lease:?} at {now} was left out");
        }
    }

    fn restart(&mut self, clean: bool) {
        if clean {
            for last in self.book.checkpoint_all(self.now) {
                self.book.apply_checkpoint(&self.buffer.begin(), last.id, last.remaining_ttl);
            }
            for lease in self.model.values_mut() {
                let left = lease.deadline.map(|at| at.saturating_sub(self.now).div_ceil(1000).max(1) as i64);
                if let Some(left) = left.filter(|left| *left as u64 * 1000 < lease.stored_ms()) {
                    lease.remaining_s = left;
                }
            }
        }
        self.buffer.commit(Durability::Buffered).unwrap();
        self.buffer = Buffer::new(self.engine.clone());
        self.book = LeaseBook::open(&self.buffer, CONFIG).unwrap();
        self.primary = false;
        // Another process has another clock.
        self.now = 1;
        for (id, lease) in &mut self.model {
            lease.deadline = None;
            for key in &lease.keys {
                self.book.attach(*id, &[*key]).unwrap();
            }
        }
    }

    fn compare(&self) {
        let mut order: Vec<_> =
            self.model.iter().map(|(id, l)| (l.deadline.unwrap_or(u64::MAX), *id)).collect();
        order.sort_unstable();
        assert_eq!(self.book.list(), order.iter().map(|(_, id)| *id).collect::<Vec<_>>());
        assert_eq!(self.book.len(), self.model.len());
        assert_eq!(
            self.book.attached_len(),
            self.model.values().map(|lease| lease.keys.len()).sum::<usize>()
        );
        if self.primary {
            let first = self.model.values().map(|lease| lease.surfaces).min();
            assert!(first.is_none_or(|first| self.book.next_deadline().unwrap() <= first));
        }
        for (id, lease) in &self.model {
            let keys: Vec<Box<[u8]>> = lease.keys.iter().map(|key| vec![*key].into_boxed_slice()).collect();
            for key in &keys {
                assert_eq!(self.book.lease_of(key), Some(*id));
            }
            match self.book.time_to_live(self.now, *id, true) {
                Ok(got) => {
                    let left = lease.deadline.unwrap().saturating_sub(self.now) / 1000;
                    assert_eq!((got.remaining_s, got.granted_s), (left as i64, lease.ttl_s));
                    assert_eq!(got.keys, keys);
                }
                Err(error) => assert!(error == LeaseError::NotPrimary && !self.primary),
            }
        }
    }
}

proptest! {
    #[test]
    fn behaves_as_the_model(ops in ops()) {
        let mut pair = Pair::new();
        for op in &ops {
            pair.run(op);
            pair.compare();
        }
    }
}
