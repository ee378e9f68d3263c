//! Something made from files, and made anew when they change.
//!
//! Whoever needs it asks, and asking looks at the files' sizes and times: a few system calls beside a handshake's
//! arithmetic. The look comes before the reading, so that a change in between is seen at the next handshake.

use crate::TlsError;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::{
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

static DONE: AtomicU64 = AtomicU64::new(0);
static FAILED: AtomicU64 = AtomicU64::new(0);

/// How often this process has read changed files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reloads {
    /// With success.
    pub done: u64,
    /// In vain: what was read before stays in force.
    pub failed: u64,
}

/// What reading changed files came to so far, in this process.
pub fn reloads() -> Reloads {
    Reloads { done: DONE.load(Ordering::Relaxed), failed: FAILED.load(Ordering::Relaxed) }
}

/// Enough of a file's state to see that it was written: size, time, inode. `None` if it is not there.
type Stamp = Option<(u64, i64, i64, u64)>;

/// How the thing is made.
type Make<T> = Box<dyn Fn() -> Result<T, TlsError> + Send + Sync>;

/// A thing and the files that it was made from.
pub(crate) struct Reloading<T> {
    files: Vec<PathBuf>,
    make: Make<T>,
    current: ArcSwap<T>,
    stamps: Mutex<Vec<Stamp>>,
}

impl<T> Reloading<T> {
    /// # Errors
    /// When it cannot be made now.
    pub(crate) fn new(files: Vec<PathBuf>, make: Make<T>) -> Result<Self, TlsError> {
        let stamps = stamps(&files);
        let current = ArcSwap::from_pointee(make()?);
        Ok(Reloading { files, make, current, stamps: Mutex::new(stamps) })
    }

    /// The newest that could be made.
    pub(crate) fn get(&self) -> Arc<T> {
        let now = stamps(&self.files);
        let mut seen = self.stamps.lock();
        if *seen != now {
            *seen = now;
            match (self.make)() {
                Ok(made) => {
                    self.current.store(Arc::new(made));
                    DONE.fetch_add(1, Ordering::Relaxed);
                    tracing::info!(files = ?self.files, "TLS files were read again");
                }
                Err(error) => {
                    FAILED.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(error = %error, "TLS files cannot be used; the former ones stay in force");
                }
            }
        }
        self.current.load_full()
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |path: &PathBuf| {
        let data = std::fs::metadata(path).ok()?;
        Some((data.len(), data.mtime(), data.mtime_nsec(), data.ino()))
    };
    files.iter().map(stamp).collect()
}
