//! A downgrade that is under way: the version that the cluster goes back to.
//!
//! It begins and ends through the log, so every member knows of it, also one that comes back later. It is kept
//! as etcd keeps it: JSON in table `cluster` under `downgrade`.

use oxetcd_storage::{Buffer, Error, Result, Step, Table};
use serde::{Deserialize, Serialize};

const KEY: &[u8] = b"downgrade";

/// Whether a downgrade is under way, and to which version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Downgrade {
    /// The version to go back to (`3.6.0`); empty when none is under way.
    #[serde(rename = "target-version")]
    pub target_version: String,
    /// Whether one is under way.
    pub enabled: bool,
}

impl Downgrade {
    /// The one that a request begins, or none, which ends the one before.
    pub fn of(enabled: bool, version: String) -> Self {
        if enabled { Downgrade { target_version: version, enabled } } else { Downgrade::default() }
    }

    /// Reads it back.
    ///
    /// # Errors
    /// When the engine cannot be read, or the record is not JSON.
    pub(crate) fn read(buffer: &Buffer) -> Result<Self> {
        let Some(value) = buffer.get(Table::Cluster, KEY)? else { return Ok(Downgrade::default()) };
        serde_json::from_slice(&value).map_err(|error| Error::Corrupt(format!("downgrade: {error}")))
    }

    /// Writes it down.
    pub(crate) fn store(&self, step: &Step<'_>) {
        // A struct of a text and a flag always has a JSON form.
        step.put(Table::Cluster, KEY, serde_json::to_vec(self).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_storage::Memory;
    use std::sync::Arc;

    #[test]
    fn it_is_kept_in_etcds_form() -> Result<()> {
        let buffer = Buffer::new(Arc::new(Memory::new()));
        assert_eq!(Downgrade::read(&buffer)?, Downgrade::default());
        let begun = Downgrade::of(true, "3.6.0".to_owned());
        begun.store(&buffer.begin());
        let stored = buffer.get(Table::Cluster, KEY)?;
        assert_eq!(stored.as_deref(), Some(&br#"{"target-version":"3.6.0","enabled":true}"#[..]));
        assert_eq!(Downgrade::read(&buffer)?, begun);
        Downgrade::of(false, "3.6.0".to_owned()).store(&buffer.begin());
        assert_eq!(Downgrade::read(&buffer)?, Downgrade::default());
        buffer.begin().put(Table::Cluster, KEY, &b"{"[..]);
        assert!(matches!(Downgrade::read(&buffer), Err(Error::Corrupt(_))));
        Ok(())
    }
}
