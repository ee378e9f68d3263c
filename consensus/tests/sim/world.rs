//! The events and the clocks.
//!
//! Time is a number. Whatever is going to happen waits in a queue with its time; a step takes the next event,
//! lets the member that it concerns work, and puts what comes of it into the queue.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use oxetcd_consensus::Node;
use oxetcd_consensus::raftpb::Message;

use crate::counts::Seen;
use crate::member::{Around, Member, Stop};
use crate::oracle::Oracle;
use crate::plan::{Plan, Sabotage, TICK};
use crate::random::{Random, mix};
use crate::store::{KEYS, Put};

/// Something that is going to happen. What concerns a process names the life of its member, and is void if
/// that is over.
#[derive(Debug)]
pub(crate) enum Event {
    Tick {
        id: u64,
        life: u64,
    },
    Deliver(Box<Message>),
    /// The sender of a snapshot hears what became of it.
    SnapshotSent {
        id: u64,
        life: u64,
        to: u64,
        arrived: bool,
    },
    Synced {
        id: u64,
        life: u64,
    },
    Apply {
        id: u64,
        life: u64,
    },
    Start {
        id: u64,
    },
    Client,
    Fault,
    Heal,
    /// Members come and go as the log says.
    Operate,
}

/// A cluster with everything around it.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) random: Random,
    pub(crate) oracle: Oracle,
    pub(crate) members: BTreeMap<u64, Member>,
    /// Removed, and gone for good.
    pub(crate) gone: BTreeSet<u64>,
    /// Links that are cut, by sender and receiver.
    pub(crate) cut: BTreeSet<(u64, u64)>,
    /// When the last message over a link arrives.
    pub(crate) arrivals: BTreeMap<(u64, u64), u64>,
    pub(crate) now: u64,
    pub(crate) steps: u64,
    /// The run is over, and everything works.
    pub(crate) healed: bool,
    pub(crate) trace: u64,
    pub(crate) verbose: bool,
    pub(crate) next_id: u64,
    next_value: u64,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, Event>,
    sequence: u64,
    pub(crate) outbox: Vec<Message>,
}

impl World {
    pub(crate) fn new(seed: u64, sabotage: Sabotage) -> Result<World, String> {
        let mut random = Random::new(seed);
        let plan = Plan::draw(&mut random, sabotage);
        let founders = plan.founders;
        let mut world = World {
            plan,
            random,
            oracle: Oracle::default(),
            members: BTreeMap::new(),
            gone: BTreeSet::new(),
            cut: BTreeSet::new(),
            arrivals: BTreeMap::new(),
            now: 0,
            steps: 0,
            healed: false,
            trace: 0,
            verbose: false,
            next_id: founders + 1,
            next_value: 1,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            sequence: 0,
            outbox: Vec::new(),
        };
        for id in 1..=founders {
            world.members.insert(id, Member::new(id, &world.plan)?);
            world.after(0, Event::Start { id });
        }
        world.after(1, Event::Client);
        world.after(world.plan.fault_every, Event::Fault);
        world.after(TICK, Event::Operate);
        Ok(world)
    }

    /// Lets something happen after `delay`.
    pub(crate) fn after(&mut self, delay: u64, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse((self.now + delay, self.sequence)));
        self.events.insert(self.sequence, event);
    }

    /// The next event.
    pub(crate) fn step(&mut self) -> Result<(), String> {
        let Some(Reverse((time, sequence))) = self.queue.pop() else {
            return Err("nothing will ever happen again".to_owned());
        };
        let Some(event) = self.events.remove(&sequence) else { return Ok(()) };
        self.now = time;
        self.steps += 1;
        self.trace = mix(mix(self.trace, time), self.oracle.digest());
        if self.verbose {
            eprintln!("{} at {time}: {}", self.steps, crate::run::describe(&event));
        }
        if let Some(id) = self.busy(&event) {
            let wait = self.members.get(&id).map_or(0, |member| member.busy_until - time);
            self.after(wait, event);
            return Ok(());
        }
        self.happen(event)
    }

    /// The member that an event has to wait for.
    fn busy(&self, event: &Event) -> Option<u64> {
        let id = match event {
            Event::Tick { id, .. }
            | Event::SnapshotSent { id, .. }
            | Event::Synced { id, .. }
            | Event::Apply { id, .. } => *id,
            Event::Deliver(message) => message.to(),
            Event::Start { .. } | Event::Client | Event::Fault | Event::Heal | Event::Operate => return None,
        };
        self.members.get(&id).filter(|member| member.busy_until > self.now).map(|_| id)
    }

    fn happen(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Tick { id, life } if self.lives(id, life) => self.tick(id, life),
            Event::Synced { id, life } if self.lives(id, life) => self.run(id, Member::sync),
            Event::Apply { id, life } if self.lives(id, life) => self.run(id, Member::apply_some),
            Event::SnapshotSent { id, life, to, arrived } if self.lives(id, life) => {
                self.tell(id, |node| node.report_snapshot(to, arrived))
            }
            Event::Tick { .. } | Event::Synced { .. } | Event::Apply { .. } | Event::SnapshotSent { .. } => {
                Ok(())
            }
            Event::Deliver(message) => self.deliver(*message),
            Event::Start { id } => self.start(id),
            Event::Client => {
                if !self.healed {
                    self.after(self.plan.client_every, Event::Client);
                }
                self.client()
            }
            Event::Fault => self.fault(),
            Event::Heal => {
                self.cut.clear();
                Ok(())
            }
            Event::Operate => {
                self.after(TICK, Event::Operate);
                self.operate()
            }
        }
    }

    pub(crate) fn lives(&self, id: u64, life: u64) -> bool {
        self.members.get(&id).is_some_and(|member| member.life == life && member.process.is_some())
    }

    /// Lets a member do something, and all that follows from it.
    pub(crate) fn run(
        &mut self,
        id: u64,
        what: impl FnOnce(&mut Member, &mut Around<'_>) -> Result<(), Stop>,
    ) -> Result<(), String> {
        let Some(member) = self.members.get_mut(&id) else { return Ok(()) };
        let mut around = Around {
            plan: &self.plan,
            random: &mut self.random,
            oracle: &mut self.oracle,
            outbox: &mut self.outbox,
        };
        let done = what(member, &mut around);
        let may_fail = member.disk_may_fail;
        self.route();
        match done {
            Ok(()) => self.schedule(id),
            Err(Stop::Violation(what)) => return Err(what),
            Err(Stop::Disk(error)) if may_fail => {
                if self.verbose {
                    eprintln!("  the disk of {id} fails: {error}");
                }
                self.oracle.counts.see(Seen::DiskFailure);
                self.crash(id);
            }
            Err(Stop::Disk(error)) => return Err(format!("the disk of {id} fails unasked: {error}")),
        }
        Ok(())
    }

    /// While disk and state machine have something to do, one event for each is under way.
    fn schedule(&mut self, id: u64) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let life = member.life;
        let Some(process) = &mut member.process else { return };
        let sync = !process.unsynced.is_empty() && !std::mem::replace(&mut process.sync_coming, true);
        let apply = !process.queue.is_empty() && !std::mem::replace(&mut process.apply_coming, true);
        if sync {
            let delay = self.random.between(1, self.slowest(self.plan.sync_time));
            self.after(delay, Event::Synced { id, life });
        }
        if apply {
            let delay = self.random.between(1, self.slowest(self.plan.apply_time));
            self.after(delay, Event::Apply { id, life });
        }
    }

    /// Once everything is mended nothing takes long.
    fn slowest(&self, time: u64) -> u64 {
        if self.healed { time.clamp(1, 10) } else { time.max(1) }
    }

    /// Tells a node something. Its member does what follows at once, or with the next input.
    pub(crate) fn tell(&mut self, id: u64, what: impl FnOnce(&mut Node)) -> Result<(), String> {
        let Some(process) = self.members.get_mut(&id).and_then(|member| member.process.as_mut()) else {
            return Ok(());
        };
        what(&mut process.node);
        if self.random.chance(self.plan.batching) {
            return Ok(());
        }
        self.run(id, Member::work)
    }

    fn tick(&mut self, id: u64, life: u64) -> Result<(), String> {
        let time = self.members.get(&id).map_or(TICK, |member| member.tick_time);
        self.after(time, Event::Tick { id, life });
        let sabotage = self.plan.sabotage;
        self.run(id, |member, around| {
            if let Some(process) = &mut member.process {
                process.node.tick();
                process.reads.tick(&mut process.node, sabotage);
            }
            member.work(around)
        })
    }

    fn start(&mut self, id: u64) -> Result<(), String> {
        let Some(member) = self.members.get_mut(&id).filter(|member| member.process.is_none()) else {
            return Ok(());
        };
        if self.gone.contains(&id) {
            return Ok(());
        }
        member.start(&self.plan, &mut self.random, &mut self.oracle.counts)?;
        let life = member.life;
        let delay = self.random.below(TICK);
        self.after(delay, Event::Tick { id, life });
        self.run(id, Member::work)
    }

    /// The power of a member is cut. It comes back after a while.
    pub(crate) fn crash(&mut self, id: u64) {
        let Some(member) = self.members.get_mut(&id).filter(|member| member.process.is_some()) else {
            return;
        };
        member.crash(&mut self.random);
        self.oracle.counts.see(Seen::Crash);
        let delay = self.random.between(1, self.plan.down_time);
        self.after(delay, Event::Start { id });
    }

    pub(crate) fn up(&self) -> Vec<u64> {
        let up = |member: &&Member| member.process.is_some();
        self.members.values().filter(up).map(|member| member.id).collect()
    }

    fn client(&mut self) -> Result<(), String> {
        let up = self.up();
        let Some(id) = self.random.pick(&up) else { return Ok(()) };
        let key = self.random.below(KEYS as u64) as usize;
        match self.random.chance(600) {
            true => self.put(id, key),
            false => self.read(id, key),
        }
    }

    pub(crate) fn put(&mut self, id: u64, key: usize) -> Result<(), String> {
        let put = Put { key, value: self.next_value };
        self.next_value += 1;
        let padding = self.random.between(0, self.plan.value_bytes);
        self.run(id, |member, around| {
            if let Some(process) = &mut member.process {
                process.put(put, padding, around.oracle);
            }
            member.work(around)
        })
    }

    pub(crate) fn read(&mut self, id: u64, key: usize) -> Result<(), String> {
        let read = self.oracle.read_begins(key);
        let sabotage = self.plan.sabotage;
        self.run(id, |member, around| {
            if let Some(process) = &mut member.process {
                process.read(read, sabotage);
            }
            member.work(around)
        })
    }
}
