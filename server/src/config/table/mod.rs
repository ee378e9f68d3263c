//! Every flag, once, by group. The order is that of `--help`.

mod clustering;
mod features;
mod member;
mod monitoring;
mod security;
mod unlisted;

pub use unlisted::{REMOVED, Removed};

use super::flag::Flag;

/// Flags that belong together.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// Heading in `--help`; `None` keeps the group out of it.
    pub title: Option<&'static str>,
    /// Its flags.
    pub flags: &'static [Flag],
}

const fn group(title: &'static str, flags: &'static [Flag]) -> Group {
    Group { title: Some(title), flags }
}

/// Every flag of `etcd`.
pub const GROUPS: &[Group] = &[
    group("Member", member::MEMBER),
    group("Clustering", clustering::CLUSTERING),
    group("Security", security::SECURITY),
    group("Auth", security::AUTH),
    group("Profiling and Monitoring", monitoring::MONITORING),
    group("Logging", monitoring::LOGGING),
    group("Distributed tracing", monitoring::TRACING),
    group("Features", features::FEATURES),
    group("Unsafe feature", features::UNSAFE),
    Group { title: None, flags: unlisted::UNLISTED },
];

/// Every flag of `etcd`, in the order of `--help`.
pub(super) fn flags() -> impl Iterator<Item = &'static Flag> {
    GROUPS.iter().flat_map(|group| group.flags)
}

/// The flag of that name.
pub(super) fn find(name: &str) -> Option<&'static Flag> {
    flags().find(|flag| flag.name == name)
}
