//! The load generator: many clients that each send one request after the other.
//!
//! A few threads, each with a runtime of its own, share the clients; a client belongs to one thread for good, so
//! nothing is handed between threads but the number of the next request. All clients are ready before the
//! first request is sent, and only what happens from then on is measured.

use super::{sample::Sample, target::Target};
use crate::process;
use anyhow::{Context, Result, anyhow};
use futures::future::try_join_all;
use std::{
    sync::{
        Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};
use tonic::{Status, transport::Channel};

/// How many clients send how much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) clients: usize,
    /// Connections that the clients share.
    pub(crate) connections: usize,
    /// Requests of all clients together.
    pub(crate) total: usize,
}

/// What one client does.
pub(crate) trait Client {
    /// Sends request number `ticket` and waits for its answer.
    async fn call(&mut self, ticket: usize) -> Result<(), Status>;
}

/// What the threads bring back.
#[derive(Default)]
struct Collected {
    latencies_us: Vec<u32>,
    errors: usize,
    first_error: Option<String>,
}

/// Drives `target` with `load`; `client` makes client number `n` over a connection.
pub(crate) fn drive<C: Client>(
    target: &Target,
    threads: usize,
    load: Load,
    client: impl AsyncFn(Channel, usize) -> Result<C> + Sync,
) -> Result<Sample> {
    let threads = threads.min(load.connections).max(1);
    let next = AtomicUsize::new(0);
    let collected = Mutex::new(Collected::default());
    let (ready, go) = (Barrier::new(threads + 1), Barrier::new(threads + 1));
    let work = |thread: usize| -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let clients = runtime.block_on(connect(target, load, thread, threads, &client));
        // Whoever failed still comes to the barriers, or the others would wait for ever.
        ready.wait();
        go.wait();
        let runs = clients?.into_iter().map(|client| send(client, &next, load.total));
        let parts = runtime.block_on(futures::future::join_all(runs));
        let mut all = collected.lock().map_err(|_| anyhow!("a client panicked"))?;
        for part in parts {
            all.latencies_us.extend(part.latencies_us);
            all.errors += part.errors;
            all.first_error = all.first_error.take().or(part.first_error);
        }
        Ok(())
    };
    let work = &work;
    let (wall, cpu_us) = thread::scope(|scope| -> Result<_> {
        let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        ready.wait();
        let meter = Meter::start(target);
        go.wait();
        for worker in workers {
            worker.join().map_err(|_| anyhow!("a client panicked"))??;
        }
        meter.stop()
    })?;
    let mut all = collected.into_inner().map_err(|_| anyhow!("a client panicked"))?;
    all.latencies_us.sort_unstable();
    Ok(Sample {
        requests: all.latencies_us.len(),
        errors: all.errors,
        first_error: all.first_error,
        wall,
        latencies_us: all.latencies_us,
        cpu_us,
        rss_kib: target.pid().map(process::peak_rss_kib).transpose()?,
    })
}

/// Makes the clients of one thread.
async fn connect<C: Client>(
    target: &Target,
    load: Load,
    thread: usize,
    threads: usize,
    client: &impl AsyncFn(Channel, usize) -> Result<C>,
) -> Result<Vec<C>> {
    let mut clients = Vec::new();
    for connection in (thread..load.connections).step_by(threads) {
        let channel = target.connect().await?;
        let numbers = (connection..load.clients).step_by(load.connections);
        clients.extend(try_join_all(numbers.map(|number| client(channel.clone(), number))).await?);
    }
    Ok(clients)
}

/// Sends requests one after the other until all clients together have sent `total`.
async fn send<C: Client>(mut client: C, next: &AtomicUsize, total: usize) -> Collected {
    let mut own = Collected::default();
    loop {
        let ticket = next.fetch_add(1, Ordering::Relaxed);
        if ticket >= total {
            return own;
        }
        let start = Instant::now();
        let answer = client.call(ticket).await;
        own.latencies_us.push(u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX));
        if let Err(status) = answer {
            own.errors += 1;
            own.first_error.get_or_insert_with(|| format!("{:?} {}", status.code(), status.message()));
        }
    }
}

/// Measures time, and the CPU time of the server, between two moments.
pub(crate) struct Meter<'a> {
    target: &'a Target,
    start: Instant,
    cpu_us: Option<u64>,
}

impl<'a> Meter<'a> {
    /// The first moment.
    pub(crate) fn start(target: &'a Target) -> Self {
        if let Some(pid) = target.pid() {
            process::reset_peak(pid);
        }
        let cpu_us = target.pid().and_then(|pid| process::cpu_us(pid).ok());
        Meter { target, start: Instant::now(), cpu_us }
    }

    /// The second moment; the CPU time is `None` when the server's process is not known.
    pub(crate) fn stop(self) -> Result<(std::time::Duration, Option<u64>)> {
        let wall = self.start.elapsed();
        let now_us =
            self.target.pid().map(process::cpu_us).transpose().context("the server ended under load")?;
        Ok((wall, now_us.zip(self.cpu_us).map(|(now, before)| now.saturating_sub(before))))
    }
}
