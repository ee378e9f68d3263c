//! A consistent view of the engine, counted while it is open.
//!
//! Engines keep what an open view shows, so one that stays open for long costs room. How many there are, and for
//! how long, is therefore shown.

use super::Export;
use crate::metrics::Metrics;
use oxetcd_storage::Buffer;
use prometheus::{Histogram, IntGauge};
use std::{ops::Deref, time::Instant};

/// A view as a database that can be written out.
pub(crate) struct OpenView {
    export: Export,
    open: IntGauge,
    times: Histogram,
    began: Instant,
}

impl OpenView {
    /// A view of `buffer` as of now.
    ///
    /// # Errors
    /// When the engine fails.
    pub(crate) fn of(buffer: &Buffer, metrics: &Metrics) -> oxetcd_storage::Result<OpenView> {
        let began = Instant::now();
        let export = Export::new(buffer.checkpoint()?)?;
        let (open, times) = (metrics.mvcc.open_reads.clone(), metrics.disk.backend_snapshot.clone());
        open.inc();
        Ok(OpenView { export, open, times, began })
    }
}

impl Deref for OpenView {
    type Target = Export;

    fn deref(&self) -> &Export {
        &self.export
    }
}

impl Drop for OpenView {
    fn drop(&mut self) {
        self.open.dec();
        self.times.observe(self.began.elapsed().as_secs_f64());
    }
}
