//! Both passes over records that a closure scans: what a snapshot of an engine needs.
//!
//! ```
//! use oxetcd_storage_bolt::{plan, write, Reader, Visit};
//! let (names, records) = (["key"], [(b"a", b"1"), (b"b", b"2")]);
//! let scan = |_bucket: usize, visit: &mut Visit<'_>| {
//!     records.iter().take_while(|(key, value)| visit(*key, *value).is_continue()).count();
//!     Ok::<(), std::io::Error>(())
//! };
//! let layout = plan(&names, scan).unwrap();
//! let file = write(&names, layout, Vec::new(), scan).unwrap();
//! assert_eq!(file.len() as u64, layout.bytes());
//! assert_eq!(Reader::new(file).unwrap().get(b"key", b"b").unwrap().unwrap(), b"2");
//! ```

use crate::{ExportError, Layout, Plan, Result, Writer};
use std::{io::Write, ops::ControlFlow};

/// Visitor that a scan calls with each record, keys ascending, until it breaks.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Sizes the file that [`write()`] will write. `scan(i, visit)` visits all records of `buckets[i]`; it must visit
/// the same ones in both passes, so it reads from a checkpoint.
///
/// # Errors
/// What the scan fails with, or that a record cannot be in a bbolt file.
pub fn plan<E, S>(buckets: &[impl AsRef<[u8]>], mut scan: S) -> Result<Layout, ExportError<E>>
where
    S: FnMut(usize, &mut Visit<'_>) -> Result<(), E>,
{
    let mut plan = Plan::new();
    for (at, name) in buckets.iter().enumerate() {
        plan.bucket(name.as_ref())?;
        run(|visit| scan(at, visit), |key, value| plan.put(key, value))?;
    }
    Ok(plan.finish()?)
}

/// Writes the file that was planned, and gives `out` back; see [`Writer`] for how `out` is used.
///
/// # Errors
/// As [`plan()`], and as [`Writer::finish`].
pub fn write<W, E, S>(
    buckets: &[impl AsRef<[u8]>],
    layout: Layout,
    out: W,
    mut scan: S,
) -> Result<W, ExportError<E>>
where
    W: Write,
    S: FnMut(usize, &mut Visit<'_>) -> Result<(), E>,
{
    let mut writer = Writer::new(out, layout)?;
    for (at, name) in buckets.iter().enumerate() {
        writer.bucket(name.as_ref())?;
        run(|visit| scan(at, visit), |key, value| writer.put(key, value))?;
    }
    Ok(writer.finish()?)
}

/// Puts all records of a scan; the first that fails ends it.
fn run<E>(
    scan: impl FnOnce(&mut Visit<'_>) -> Result<(), E>,
    mut put: impl FnMut(&[u8], &[u8]) -> Result<()>,
) -> Result<(), ExportError<E>> {
    let mut outcome = Ok(());
    scan(&mut |key, value| {
        outcome = put(key, value);
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
    .map_err(ExportError::Scan)?;
    Ok(outcome?)
}
