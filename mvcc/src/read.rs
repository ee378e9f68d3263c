//! Fetching records of known revisions.

use crate::{Error, Result};
use oxetcd_api::Revision;
use oxetcd_storage::{Buffer, Table};
use std::ops::ControlFlow;

/// Records asked of the engine at once.
const FETCH_RECORDS: usize = 128;

/// Hands the records of `revisions` (of puts) to `visit`, in their order.
///
/// # Errors
/// [`Error::Corrupt`] when one is not there, and whatever `visit` returns.
pub(crate) fn fetch(
    buffer: &Buffer,
    revisions: &[Revision],
    visit: &mut dyn FnMut(usize, &[u8]) -> Result<()>,
) -> Result<()> {
    for (number, some) in revisions.chunks(FETCH_RECORDS).enumerate() {
        let base = number * FETCH_RECORDS;
        fetch_some(buffer, some, &mut |at, record| visit(base + at, record))?;
    }
    Ok(())
}

fn fetch_some(
    buffer: &Buffer,
    revisions: &[Revision],
    visit: &mut dyn FnMut(usize, &[u8]) -> Result<()>,
) -> Result<()> {
    let mut keys = [[0; 17]; FETCH_RECORDS];
    for (key, revision) in keys.iter_mut().zip(revisions) {
        *key = revision.to_bytes();
    }
    let mut borrowed: [&[u8]; FETCH_RECORDS] = [&[]; FETCH_RECORDS];
    for (borrowed, key) in borrowed.iter_mut().zip(&keys) {
        *borrowed = key;
    }
    let mut outcome = Ok(());
    buffer.get_many(Table::Key, &borrowed[..revisions.len()], &mut |at, record| {
        outcome = match record {
            Some(record) => visit(at, record),
            None => Err(missing(revisions[at])),
        };
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    outcome
}

/// Hands the record of `revision` to `visit`; cheaper than [`fetch`] for one.
///
/// # Errors
/// As [`fetch`].
pub(crate) fn fetch_one<T>(
    buffer: &Buffer,
    revision: Revision,
    visit: impl FnOnce(&[u8]) -> Result<T>,
) -> Result<T> {
    let (mut visit, mut outcome) = (Some(visit), None);
    buffer.get_many(Table::Key, &[&revision.to_bytes()], &mut |_, record| {
        outcome = record.and_then(|record| Some(visit.take()?(record)));
        ControlFlow::Break(())
    })?;
    outcome.unwrap_or_else(|| Err(missing(revision)))
}

/// The index names a record that the engine does not have.
pub(crate) fn missing(revision: Revision) -> Error {
    Error::Corrupt(format!("the record of revision {}.{} is missing", revision.main, revision.sub))
}
