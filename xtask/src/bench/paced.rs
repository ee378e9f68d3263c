//! Load at a fixed pace, whatever the server does.
//!
//! Clients that wait for one answer before they ask again go easy on a server that stands still: it keeps one request
//! of each waiting, and everybody who would have come meanwhile is not counted. Here requests come when they are due,
//! and a wait counts from then on.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Mutex, task::JoinSet};
use tonic::Status;

/// How long each request waited, and the first error.
#[derive(Default)]
pub(crate) struct Waits {
    /// When a request was due, and how long it waited from then on.
    pub(crate) all: Vec<(Instant, Duration)>,
    pub(crate) errors: usize,
    pub(crate) first_error: Option<String>,
}

impl Waits {
    /// The waits in microseconds, shortest first.
    pub(crate) fn sorted_us(&self) -> Vec<u32> {
        let us = |(_, wait): &(Instant, Duration)| u32::try_from(wait.as_micros()).unwrap_or(u32::MAX);
        let mut all: Vec<u32> = self.all.iter().map(us).collect();
        all.sort_unstable();
        all
    }

    /// The request that waited longest: when it was due, and its wait.
    pub(crate) fn longest(&self) -> Option<(Instant, Duration)> {
        self.all.iter().copied().max_by_key(|(_, wait)| *wait)
    }
}

/// Sends `total` requests, `per_s` a second.
pub(crate) async fn pace<F>(total: usize, per_s: u32, send: impl Fn(usize) -> F) -> Waits
where
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let waits = Arc::new(Mutex::new(Waits::default()));
    let (start, mut tasks) = (Instant::now(), JoinSet::new());
    for number in 0..total {
        let due = start + Duration::from_secs(1) * number as u32 / per_s;
        tokio::time::sleep_until(due.into()).await;
        let (answer, waits) = (send(number), waits.clone());
        tasks.spawn(async move {
            let answer = answer.await;
            let wait = due.elapsed();
            let mut waits = waits.lock().await;
            waits.all.push((due, wait));
            if let Err(status) = answer {
                waits.errors += 1;
                waits.first_error.get_or_insert_with(|| format!("{:?} {}", status.code(), status.message()));
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    std::mem::take(&mut *waits.lock().await)
}
