//! How many requests went well, and how many did not.

use serde::{Deserialize, Serialize};

/// The counters, in the JSON that `/v2/stats/store` answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // Their names say it.
pub struct Stats {
    pub gets_success: u64,
    pub gets_fail: u64,
    pub sets_success: u64,
    pub sets_fail: u64,
    pub delete_success: u64,
    pub delete_fail: u64,
    pub update_success: u64,
    pub update_fail: u64,
    pub create_success: u64,
    pub create_fail: u64,
    pub compare_and_swap_success: u64,
    pub compare_and_swap_fail: u64,
    pub compare_and_delete_success: u64,
    pub compare_and_delete_fail: u64,
    pub expire_count: u64,
    pub watchers: u64,
}

/// Adds one to the first counter if it went well, and else to the second.
pub(crate) fn count(well: bool, success: &mut u64, fail: &mut u64) {
    *if well { success } else { fail } += 1;
}
