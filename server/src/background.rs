//! Long work, out of everybody's way.
//!
//! A scan of the whole store takes a core for a second. On one of the runtime's workers it would hold up
//! whatever else that worker has to do. So it gets a thread of its own, and few of them run at a time.

use std::sync::LazyLock;
use tokio::sync::{Semaphore, oneshot};

/// Background jobs at a time.
const JOBS: usize = 2;

/// How far a thread steps back, of 19, that only has to come to its end some day.
const SOME_DAY: i32 = 10;
/// How far one steps back for whose work somebody waits: whoever wakes up goes first, but beside threads that never
/// sleep it still gets a third of what they get.
const WAITED_FOR: i32 = 5;

static PLACES: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(JOBS));

/// Runs `work` on a thread that leaves the processor to all others. Not counted among the jobs: it mostly waits.
///
/// # Errors
/// When no thread can be had.
pub(crate) fn with_low_priority(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.into()).spawn(move || {
        step_back(SOME_DAY);
        work();
    })?;
    Ok(())
}

/// Lets all others go first, from now on and for this thread only.
fn step_back(niceness: i32) {
    // On Linux the thread's id will do, and then it is this thread's priority alone. If it is refused, the work is done
    // all the same.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), niceness);
    #[cfg(not(target_os = "linux"))]
    let _ = niceness;
}

/// Runs `work` in the background. `None` when it panicked or no thread could be had.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let _place = PLACES.acquire().await.ok()?;
    on_thread(work).await
}

/// Runs `work` on a thread of its own at once, for a caller who sees to it that there are not too many. `None` as for
/// [`run`].
pub(crate) async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, receiver) = oneshot::channel();
    let thread = std::thread::Builder::new().name("background".into());
    let spawned = thread.spawn(move || {
        step_back(WAITED_FOR);
        // Whoever asked may have gone.
        let _ = sender.send(work());
    });
    spawned.ok()?;
    receiver.await.ok()
}
