//! The member's own notes in table `meta`: how far the log has been applied.
//!
//! The applied index is written in the same step as the data that it speaks of. After a crash the log is
//! replayed from there, so nothing is applied twice and nothing is left out.

use oxetcd_storage::{Buffer, Engine, Result, Step, Table};

const APPLIED_INDEX: &[u8] = b"consistent_index";
const APPLIED_TERM: &[u8] = b"term";
const CONF_STATE: &[u8] = b"confState";
const STORAGE_VERSION: &[u8] = b"storageVersion";

/// Index and term of the last applied entry; 0, 0 for a new member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Applied {
    /// Index of the entry.
    pub index: u64,
    /// Its term.
    pub term: u64,
}

fn number(value: Option<bytes::Bytes>) -> u64 {
    value.and_then(|v| Some(u64::from_be_bytes(v[..].try_into().ok()?))).unwrap_or(0)
}

/// How far the tables have come.
///
/// # Errors
/// When the engine cannot be read.
pub fn applied(buffer: &Buffer) -> Result<Applied> {
    let read = |key| buffer.get(Table::Meta, key).map(number);
    Ok(Applied { index: read(APPLIED_INDEX)?, term: read(APPLIED_TERM)? })
}

/// How far the engine itself has come; the write buffer may be ahead of it.
///
/// # Errors
/// When the engine cannot be read.
pub fn applied_in(engine: &dyn Engine) -> Result<Applied> {
    let read = |key| engine.get(Table::Meta, key).map(number);
    // Index first: a commit between the two reads then makes the term newer at most.
    Ok(Applied { index: read(APPLIED_INDEX)?, term: read(APPLIED_TERM)? })
}

/// Notes `applied` in the step whose changes it covers.
pub fn set_applied(step: &Step<'_>, applied: Applied) {
    step.put(Table::Meta, APPLIED_INDEX, applied.index.to_be_bytes().to_vec());
    step.put(Table::Meta, APPLIED_TERM, applied.term.to_be_bytes().to_vec());
}

/// The voters and learners as JSON, in etcd's form; `None` for a new member.
///
/// # Errors
/// When the engine cannot be read.
pub fn conf_state(buffer: &Buffer) -> Result<Option<bytes::Bytes>> {
    buffer.get(Table::Meta, CONF_STATE)
}

/// Notes the voters and learners, as JSON.
pub fn set_conf_state(step: &Step<'_>, json: Vec<u8>) {
    step.put(Table::Meta, CONF_STATE, json);
}

/// Version of the data's layout as text (`3.7.0`); `None` for a new member.
///
/// # Errors
/// When the engine cannot be read.
pub fn storage_version(buffer: &Buffer) -> Result<Option<String>> {
    let value = buffer.get(Table::Meta, STORAGE_VERSION)?;
    Ok(value.map(|v| String::from_utf8_lossy(&v).into_owned()))
}

/// Notes the version of the data's layout.
pub fn set_storage_version(step: &Step<'_>, version: &str) {
    step.put(Table::Meta, STORAGE_VERSION, version.as_bytes().to_vec());
}
