//! What a member is and where its data is.

use super::settings::Settings;
use std::path::PathBuf;

/// Settings of the member itself.
#[derive(Clone, Debug)]
pub struct MemberConfig {
    /// Its name.
    pub name: String,
    /// Folder of its data.
    pub data_dir: PathBuf,
    /// Folder of its log, when that is not in the data dir.
    pub wal_dir: Option<PathBuf>,
    /// Name of the storage engine.
    pub backend: String,
    /// Whether to make a cluster of this member alone.
    pub force_new_cluster: bool,
}

impl MemberConfig {
    pub(super) fn of(settings: &Settings) -> Self {
        let name = settings.text("name").to_owned();
        MemberConfig {
            data_dir: settings.path("data-dir").unwrap_or_else(|| PathBuf::from(format!("{name}.etcd"))),
            wal_dir: settings.path("wal-dir"),
            backend: settings.text("backend").to_owned(),
            force_new_cluster: settings.bool("force-new-cluster"),
            name,
        }
    }
}
