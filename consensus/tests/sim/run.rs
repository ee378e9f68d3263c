//! One run, and how it is told.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::counts::Counts;
use crate::plan::Sabotage;
use crate::world::{Event, World};

/// Steps of a run, before everything is mended.
pub(crate) const STEPS: u64 = 1000;

/// What a run leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// A digest of all that happened, in order.
    pub(crate) trace: u64,
    pub(crate) counts: Counts,
}

/// Runs a seed. The error names it, and says what was violated.
pub(crate) fn run(seed: u64, sabotage: Sabotage, verbose: bool) -> Result<Outcome, String> {
    let mut steps = 0;
    let done = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed, sabotage)?;
        world.verbose = verbose;
        let mut go = || {
            while world.steps < STEPS {
                world.step()?;
            }
            world.finish()
        };
        let done = go();
        steps = world.steps;
        done.map(|()| Outcome { trace: world.trace, counts: world.oracle.counts })
    }));
    let what = match done {
        Ok(Ok(outcome)) => return Ok(outcome),
        Ok(Err(what)) => what,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied());
            format!("panic: {}", text.unwrap_or("without words"))
        }
    };
    Err(format!("seed {seed}, step {steps}: {what}"))
}

/// An event in a few words.
pub(crate) fn describe(event: &Event) -> String {
    let Event::Deliver(message) = event else { return format!("{event:?}") };
    let entries: Vec<_> = message.entries.iter().map(|entry| (entry.term(), entry.index())).collect();
    let snapshot = message.snapshot.as_ref().and_then(|snapshot| snapshot.metadata.as_ref());
    format!(
        "{:?} {}->{} term {} at {} of {} commit {}{} {entries:?} {:?}",
        message.r#type(),
        message.from(),
        message.to(),
        message.term(),
        message.index(),
        message.log_term(),
        message.commit(),
        if message.reject() { " rejected" } else { "" },
        snapshot.map(|metadata| (metadata.term(), metadata.index()))
    )
}

/// Where every member is.
pub(crate) fn state(world: &World) -> String {
    let member = |member: &crate::member::Member| match &member.process {
        None => format!("{} is down", member.id),
        Some(process) => {
            let status = process.node.status();
            format!(
                "{} is {:?} in term {} of leader {}, log to {}, committed {}, applied {}, of {:?} and {:?}",
                member.id,
                status.role,
                status.term,
                status.leader,
                status.last_index,
                status.commit,
                process.store.index,
                process.node.conf_state().voters,
                process.node.conf_state().learners,
            )
        }
    };
    world.members.values().map(member).collect::<Vec<_>>().join("; ")
}
