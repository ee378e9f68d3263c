//! The thread that lets watchers catch up with the past, so that neither writers nor other watchers wait for
//! them.

use crossbeam_channel::{Receiver, Sender, bounded};
use oxetcd_watch::{CatchUp, History, Hub};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Watchers served at a time.
const WATCHERS: usize = 16;
/// Pause after the history could not be read.
const RETRY: Duration = Duration::from_millis(10);

/// The watch hub and its thread.
pub(crate) struct Watching {
    hub: Arc<Hub>,
    over: Arc<AtomicBool>,
    wake: Sender<()>,
}

impl Watching {
    /// A hub over `history`, with a thread that catches up.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn start(history: Arc<dyn History>) -> std::io::Result<Watching> {
        let (wake, wakes) = bounded(1);
        let waker = wake.clone();
        let hub = Hub::new(history, move || {
            // It is awake already if this is full.
            let _ = waker.try_send(());
        });
        let over = Arc::new(AtomicBool::new(false));
        let (for_thread, over_there) = (hub.clone(), over.clone());
        std::thread::Builder::new()
            .name("watch".into())
            .spawn(move || catch_up(&for_thread, &wakes, &over_there))?;
        Ok(Watching { hub, over, wake })
    }

    /// The hub.
    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Ends the thread, soon.
    pub(crate) fn stop(&self) {
        self.over.store(true, Ordering::Release);
        let _ = self.wake.try_send(());
    }
}

fn catch_up(hub: &Hub, wakes: &Receiver<()>, over: &AtomicBool) {
    while !over.load(Ordering::Acquire) {
        match hub.catch_up(WATCHERS) {
            CatchUp::More => {}
            CatchUp::Failed => std::thread::sleep(RETRY),
            CatchUp::Idle => {
                if wakes.recv().is_err() {
                    return;
                }
            }
        }
    }
}
