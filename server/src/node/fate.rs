//! How a member ends: asked to, or because it cannot go on.

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// Tells every part of the member when it is over, and remembers why.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    over: CancellationToken,
    removed: CancellationToken,
    cause: Mutex<Option<String>>,
}

impl Fate {
    /// Ends the member because it cannot go on: an error of its disk, say. The first cause is kept.
    pub(crate) fn fail(&self, cause: impl Into<String>) {
        let cause = cause.into();
        tracing::error!(error = %cause, "the member cannot go on and stops");
        self.cause.lock().get_or_insert(cause);
        self.over.cancel();
    }

    /// The others have removed this member. It goes on for a moment, to let them know that it knows, and then
    /// has to stop. That is no failure.
    pub(crate) fn remove(&self) {
        if !self.removed.is_cancelled() {
            tracing::warn!("the member has been permanently removed from the cluster");
            tracing::warn!("data-dir used by this member must be removed");
            self.removed.cancel();
        }
    }

    /// Is cancelled when this member has been removed.
    pub(crate) fn removed(&self) -> CancellationToken {
        self.removed.clone()
    }

    /// Ends the member because somebody asked for it.
    pub(crate) fn stop(&self) {
        self.over.cancel();
    }

    /// Whether it is over.
    pub(crate) fn is_over(&self) -> bool {
        self.over.is_cancelled()
    }

    /// Is cancelled when it is over.
    pub(crate) fn token(&self) -> CancellationToken {
        self.over.clone()
    }

    /// Why it failed, if it did.
    pub(crate) fn cause(&self) -> Option<String> {
        self.cause.lock().clone()
    }
}
