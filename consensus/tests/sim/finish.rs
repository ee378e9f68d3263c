//! The end of a run: everything works from now on, so the cluster has to come back.

use crate::counts::Seen;
use crate::plan::TICK;
use crate::store::KEYS;
use crate::world::{Event, World};

/// Events until the cluster must have come back.
const PATIENCE: u64 = 8000;
/// Events between two looks.
const LOOK: u64 = 25;

impl World {
    /// Mends everything, and waits until a new put is everywhere and every member answers reads.
    pub(crate) fn finish(&mut self) -> Result<(), String> {
        self.healed = true;
        self.cut.clear();
        for id in self.members.keys().copied().collect::<Vec<_>>() {
            if let Some(member) = self.members.get_mut(&id) {
                member.tick_time = TICK;
                member.busy_until = 0;
                member.disk_may_fail |= member.process.is_some();
            }
            self.after(1, Event::Start { id });
        }
        let mut put_at = None;
        let mut asked = false;
        for event in 0..PATIENCE {
            self.step()?;
            if event % LOOK != 0 {
                continue;
            }
            let Some(leader) = self.leader() else { continue };
            let index = self.oracle.last_applied();
            match put_at {
                // Perhaps the one before got lost on its way.
                Some((acknowledged, tried)) if self.oracle.counts.of(Seen::Put) == acknowledged => {
                    if event >= tried + 20 * LOOK {
                        put_at = None;
                    }
                }
                Some(_) if !asked => {
                    asked = true;
                    for (at, id) in self.up().into_iter().enumerate() {
                        self.read(id, at % KEYS)?;
                    }
                }
                Some(_) if self.settled(leader, index) => return Ok(()),
                Some(_) => {}
                None => {
                    put_at = Some((self.oracle.counts.of(Seen::Put), event));
                    self.put(leader, 0)?;
                }
            }
        }
        Err(format!("no progress after everything was mended: {}", crate::run::state(self)))
    }

    /// Whether all members have everything, and have answered all reads.
    fn settled(&self, leader: u64, index: u64) -> bool {
        let process = |id: &u64| self.members.get(id)?.process.as_ref();
        let Some(leads) = process(&leader) else { return false };
        let members = leads.node.conf_state();
        let mut all = members.voters.iter().chain(&members.learners);
        all.all(|id| {
            process(id).is_some_and(|process| process.store.index == index && process.reads.is_empty())
        })
    }
}
