//! Logs in the form that etcd's have: one JSON object a line on stderr, as the zap library writes it.
//!
//! `tracing` events go in; [`init`] makes a layer that turns each into a line and hands it to one queue for
//! each output. A thread of its own drains each queue, so that an output that blocks - a full disk, a pipe that
//! nobody reads - never blocks a request. What does not fit a queue is dropped and counted, and once the output
//! works again, a line there says how many were lost.
//!
//! Names of fields come out as written, so quote those with hyphens: `"local-member-id" = id`. Lists and
//! objects go in through [`json`].

mod json;
mod layer;
mod level;
mod line;
mod notice;
mod options;
mod output;
mod rotate;
mod sampler;
mod sink;
#[cfg(test)]
mod tests;
mod time;

pub use json::{Json, json};
pub use layer::FATAL;
pub use level::Level;
pub use notice::{Notice, log_notices};
pub use options::{Format, LogOptions, Output, Rotation};
pub(crate) use output::system_text;
pub(crate) use time::time_stamp;

use layer::{Core, ZapLayer};
use std::{
    fmt,
    sync::{Arc, OnceLock, Weak},
};
use tracing_subscriber::layer::SubscriberExt;

/// The running log. Dropping it writes out what is queued; keep it until the end of `main`.
pub struct Logging {
    core: Arc<Core>,
}

/// The log of the whole process, for those who have no hold of it.
static CURRENT: OnceLock<Weak<Core>> = OnceLock::new();

/// Lines that the log of the whole process has dropped so far.
pub fn dropped_lines() -> u64 {
    CURRENT.get().and_then(Weak::upgrade).map_or(0, |core| core.dropped_lines())
}

/// Changes the level of the log of the whole process from now on; `false` when there is none.
pub fn set_level(level: Level) -> bool {
    let Some(core) = CURRENT.get().and_then(Weak::upgrade) else { return false };
    core.set_level(level);
    tracing::callsite::rebuild_interest_cache();
    true
}

/// Opens the outputs and makes them the log of the whole process.
///
/// # Errors
/// With a sentence that names the output that cannot be opened, or when the process has a log already.
pub fn init(options: &LogOptions) -> Result<Logging, String> {
    let logging = Logging::open(options)?;
    let subscriber = tracing_subscriber::registry().with(ZapLayer(logging.core.clone()));
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|_| "this process has a log already".to_owned())?;
    // The subscriber was set for the first time, so this is too.
    CURRENT.get_or_init(|| Arc::downgrade(&logging.core));
    Ok(logging)
}

impl Logging {
    fn open(options: &LogOptions) -> Result<Logging, String> {
        let open = |output| output::open(output, options.rotation.as_ref());
        let targets = options.outputs.iter().map(open).collect::<Result<Vec<_>, String>>()?;
        Logging::over(options, targets)
    }

    fn over(options: &LogOptions, targets: Vec<Box<dyn output::Target>>) -> Result<Logging, String> {
        let spawn = |target| sink::Sink::start(target, options.format);
        let sinks = targets.into_iter().map(spawn).collect::<Result<Vec<_>, _>>();
        let sinks = sinks.map_err(|error| format!("cannot start a log thread: {error}"))?;
        Ok(Logging { core: Arc::new(Core::new(options.level, options.format, sinks)) })
    }

    /// Waits until everything logged so far is written, but no longer than a second for each output.
    pub fn flush(&self) {
        self.core.flush();
    }

    /// Lines that were dropped because an output did not keep up.
    pub fn dropped_lines(&self) -> u64 {
        self.core.dropped_lines()
    }

    /// Changes the level from now on.
    pub fn set_level(&self, level: Level) {
        self.core.set_level(level);
        tracing::callsite::rebuild_interest_cache();
    }

    /// The level in force.
    pub fn level(&self) -> Level {
        self.core.level()
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.flush();
    }
}

impl fmt::Debug for Logging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logging").field("level", &self.level()).finish_non_exhaustive()
    }
}
