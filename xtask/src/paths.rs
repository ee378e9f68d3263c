//! Where things are.

use std::{env, path::PathBuf};

/// Root of the checkout.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or(here.clone(), PathBuf::from)
}

/// What is kept between runs and is no part of the checkout: the official programs, heavy engines' builds.
/// `OXETCD_CACHE`, or `oxetcd` below the user's cache folder.
pub(crate) fn cache() -> PathBuf {
    if let Some(dir) = env::var_os("OXETCD_CACHE") {
        return PathBuf::from(dir);
    }
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    base.unwrap_or_else(env::temp_dir).join("oxetcd")
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
