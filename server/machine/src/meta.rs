//! The member's own notes in table `meta`: how far the log has been applied.
//!
//! The applied index is written in the same step as the data that it speaks of. After a crash the log is
//! replayed from there, so nothing is applied twice and nothing is left out.

use oxetcd_storage::{Batch, Buffer, Engine, Result, Step, Table};

const APPLIED_INDEX: &[u8] = b"consistent_index";
const APPLIED_TERM: &[u8] = b"term";
const CONF_STATE: &[u8] = b"confState";
/// Key of the version of the data's layout.
pub const STORAGE_VERSION: &[u8] = b"storageVersion";

/// Index and term of the last applied entry; 0, 0 for a new member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Applied {
    /// Index of the entry.
    pub index: u64,
    /// Its term.
    pub term: u64,
}

fn number(value: Option<bytes::Bytes>) -> u64 {
    value.map_or(0, |value| decode_number(&value))
}

fn decode_number(value: &[u8]) -> u64 {
    value.try_into().map_or(0, u64::from_be_bytes)
}

/// The notes as somebody finds them who reads the whole table: in a database file, or in a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// How far the log has been applied.
    pub applied: Applied,
    /// The voters and learners as JSON.
    pub conf_state: Option<Vec<u8>>,
    /// Version of the data's layout.
    pub storage_version: Option<String>,
}

impl Notes {
    /// Takes one record of the table.
    pub fn take(&mut self, key: &[u8], value: &[u8]) {
        match key {
            APPLIED_INDEX => self.applied.index = decode_number(value),
            APPLIED_TERM => self.applied.term = decode_number(value),
            CONF_STATE => self.conf_state = Some(value.to_vec()),
            STORAGE_VERSION => self.storage_version = Some(String::from_utf8_lossy(value).into_owned()),
            _ => {}
        }
    }

    /// Puts them into a batch. The version of the layout is left as it is when there is none.
    pub fn put_into(&self, batch: &mut Batch) {
        batch.put(Table::Meta, APPLIED_INDEX, self.applied.index.to_be_bytes().to_vec());
        batch.put(Table::Meta, APPLIED_TERM, self.applied.term.to_be_bytes().to_vec());
        if let Some(json) = &self.conf_state {
            batch.put(Table::Meta, CONF_STATE, json.clone());
        }
        if let Some(version) = &self.storage_version {
            batch.put(Table::Meta, STORAGE_VERSION, version.clone().into_bytes());
        }
    }
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

/// Major and minor of a version such as `3.7.0`.
pub fn version_parts(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => None,
    }
}

/// Notes the version of the data's layout.
pub fn set_storage_version(step: &Step<'_>, version: &str) {
    step.put(Table::Meta, STORAGE_VERSION, version.as_bytes().to_vec());
}
