//! ^C, for commands that have something to put in order before they end.

use crate::{args::Failure, exit};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for SIGINT and SIGTERM. From the moment it is made neither ends the program any more.
pub(crate) struct Interrupt {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupt {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the operating system does not let us.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let failed = |error| Failure::new(exit::ERROR, error);
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        Ok(Interrupt { interrupt, terminate })
    }

    /// Waits for either signal. Cancel-safe.
    pub(crate) async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
