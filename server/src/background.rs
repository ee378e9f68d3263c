//! Long work, out of everybody's way.
//!
//! A scan of the whole store takes a core for a second. On one of the runtime's workers it would hold up
//! whatever else that worker has to do. So it gets a thread of its own, and few of them run at a time.

use std::sync::LazyLock;
use tokio::sync::{Semaphore, oneshot};

/// Background jobs at a time.
const JOBS: usize = 2;

static PLACES: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(JOBS));

/// Runs `work` in the background. `None` when it panicked or no thread could be had.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let _place = PLACES.acquire().await.ok()?;
    let (sender, receiver) = oneshot::channel();
    let thread = std::thread::Builder::new().name("background".into());
    let spawned = thread.spawn(move || {
        // Whoever asked may have gone.
        let _ = sender.send(work());
    });
    spawned.ok()?;
    receiver.await.ok()
}
