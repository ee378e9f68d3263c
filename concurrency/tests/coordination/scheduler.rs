//! Runs tasks in an order that a test chooses: one poll at a time, in one thread.

use futures::{future::BoxFuture, task::noop_waker};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    task::Context,
};

/// Work that tasks have left to nobody in particular.
pub(crate) type Left = Arc<Mutex<Vec<BoxFuture<'static, ()>>>>;

/// Tasks by number. A task is polled whether it was woken or not.
#[derive(Default)]
pub(crate) struct Scheduler {
    tasks: BTreeMap<usize, BoxFuture<'static, ()>>,
    next: usize,
    pub(crate) left: Left,
}

impl Scheduler {
    /// Adds a task, and tells its number.
    pub(crate) fn add(&mut self, task: BoxFuture<'static, ()>) -> usize {
        self.next += 1;
        self.tasks.insert(self.next, task);
        self.next
    }

    /// Drops a task where it stands.
    pub(crate) fn kill(&mut self, task: usize) {
        self.tasks.remove(&task);
    }

    pub(crate) fn is_running(&self, task: usize) -> bool {
        self.tasks.contains_key(&task)
    }

    /// Polls one task once.
    pub(crate) fn step(&mut self, choice: usize) {
        let left = std::mem::take(&mut *self.left.lock().unwrap());
        for task in left {
            self.add(task);
        }
        if self.tasks.is_empty() {
            return;
        }
        let task = *self.tasks.keys().nth(choice % self.tasks.len()).unwrap();
        let mut future = self.tasks.remove(&task).unwrap();
        let waker = noop_waker();
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            self.tasks.insert(task, future);
        }
    }

    /// Polls all tasks in turn, until `over` or for a bounded while.
    pub(crate) fn run_until(&mut self, mut over: impl FnMut(&Self) -> bool) -> bool {
        for choice in 0..20_000 {
            if over(self) {
                return true;
            }
            self.step(choice);
        }
        false
    }
}
