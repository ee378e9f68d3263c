//! What single members say of themselves.

use super::{Answer, Json, Page, Table, ToJson, Unsupported, line};
use crate::go::{quote::quote, size::human_bytes};
use oxetcd_api::etcdserverpb::{HashKvResponse, StatusResponse};

/// The health of a member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Its address.
    pub endpoint: String,
    /// Whether it answers and has no alarm.
    pub healthy: bool,
    /// How long its answer took.
    pub took: String,
    /// What is wrong; empty when nothing is.
    pub error: String,
}

/// The health of some members.
#[derive(Debug)]
pub struct HealthList(pub Vec<Health>);

/// Writes a list; as Go does, an empty one is nothing.
fn list_or_null<T>(json: &mut Json<'_, '_>, items: &[T], element: impl FnMut(&mut Json<'_, '_>, &T)) {
    if items.is_empty() { json.null() } else { json.list(items, element) }
}

impl Answer for HealthList {
    fn simple(&self, page: &mut Page<'_>) {
        for Health { endpoint, took, error, .. } in &self.0 {
            if error.is_empty() {
                line!(page, "{endpoint} is healthy: successfully committed proposal: took = {took}");
            } else {
                page.complaint(&format!("{endpoint} is unhealthy: failed to commit proposal: {error}"));
            }
        }
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        for health in &self.0 {
            line!(page, "\"Endpoint\" : {}", quote(&health.endpoint));
            line!(page, "\"Health\" : {}", health.healthy);
            line!(page, "\"Took\" : {}", health.took);
            line!(page, "\"Error\" : {}\n", health.error);
        }
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        list_or_null(json, &self.0, |json, health| {
            json.object(|json| {
                json.name("endpoint").string(&health.endpoint);
                json.name("health").plain(health.healthy);
                json.name("took").string(&health.took);
                json.field("error", &health.error);
            });
        });
        Ok(())
    }

    fn table(&self) -> Result<Table, Unsupported> {
        let row = |health: &Health| {
            let Health { endpoint, healthy, took, error } = health.clone();
            vec![endpoint, healthy.to_string(), took, error]
        };
        Ok(Table {
            header: vec!["endpoint", "health", "took", "error"],
            rows: self.0.iter().map(row).collect(),
        })
    }
}

/// The state of some members, each with its address.
#[derive(Debug)]
pub struct StatusList(pub Vec<(String, StatusResponse)>);

impl Answer for StatusList {
    fn simple(&self, page: &mut Page<'_>) {
        status_table(&self.0).lines(page);
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        for (endpoint, status) in &self.0 {
            page.header_fields(status.header.as_ref());
            line!(page, "\"Version\" : {}", quote(&status.version));
            line!(page, "\"StorageVersion\" : {}", quote(&status.storage_version));
            line!(page, "\"DBSize\" : {}", status.db_size);
            line!(page, "\"DBSizeInUse\" : {}", status.db_size_in_use);
            line!(page, "\"DBSizeQuota\" : {}", status.db_size_quota);
            line!(page, "\"Leader\" : {}", status.leader);
            line!(page, "\"IsLearner\" : {}", status.is_learner);
            line!(page, "\"RaftIndex\" : {}", status.raft_index);
            line!(page, "\"RaftTerm\" : {}", status.raft_term);
            line!(page, "\"RaftAppliedIndex\" : {}", status.raft_applied_index);
            line!(page, "\"Errors\" : [{}]", status.errors.join(" "));
            line!(page, "\"Endpoint\" : {}", quote(endpoint));
            let downgrade = status.downgrade_info.clone().unwrap_or_default();
            line!(page, "\"DowngradeTargetVersion\" : {}", quote(&downgrade.target_version));
            line!(page, "\"DowngradeEnabled\" : {}\n", downgrade.enabled);
        }
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        list_or_null(json, &self.0, |json, (endpoint, status)| {
            json.object(|json| {
                json.name("Endpoint").string(endpoint);
                status.object(json.name("Status"));
            });
        });
        Ok(())
    }

    fn table(&self) -> Result<Table, Unsupported> {
        Ok(status_table(&self.0))
    }
}

fn status_table(list: &[(String, StatusResponse)]) -> Table {
    let size = |bytes: i64| human_bytes(u64::try_from(bytes).unwrap_or(0));
    let row = |(endpoint, status): &(String, StatusResponse)| {
        let member = status.header.map_or(0, |header| header.member_id);
        let downgrade = status.downgrade_info.clone().unwrap_or_default();
        let used = status.db_size_in_use.saturating_mul(100).checked_div(status.db_size).unwrap_or(100);
        vec![
            endpoint.clone(),
            format!("{member:x}"),
            status.version.clone(),
            status.storage_version.clone(),
            size(status.db_size),
            size(status.db_size_in_use),
            format!("{}%", 100 - used),
            size(status.db_size_quota),
            (status.leader == member).to_string(),
            status.is_learner.to_string(),
            status.raft_term.to_string(),
            status.raft_index.to_string(),
            status.raft_applied_index.to_string(),
            status.errors.join(", "),
            downgrade.target_version,
            downgrade.enabled.to_string(),
        ]
    };
    let header = vec![
        "endpoint",
        "ID",
        "version",
        "storage version",
        "db size",
        "in use",
        "percentage not in use",
        "quota",
        "is leader",
        "is learner",
        "raft term",
        "raft index",
        "raft applied index",
        "errors",
        "downgrade target version",
        "downgrade enabled",
    ];
    Table { header, rows: list.iter().map(row).collect() }
}

/// The hashes of some members' keys, each with its address.
#[derive(Debug)]
pub struct HashList(pub Vec<(String, HashKvResponse)>);

impl Answer for HashList {
    fn simple(&self, page: &mut Page<'_>) {
        hash_table(&self.0).lines(page);
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        for (endpoint, hash) in &self.0 {
            page.header_fields(hash.header.as_ref());
            line!(page, "\"Endpoint\" : {}", quote(endpoint));
            line!(page, "\"Hash\" : {}", hash.hash);
            line!(page, "\"HashRevision\" : {}\n", hash.hash_revision);
        }
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        list_or_null(json, &self.0, |json, (endpoint, hash)| {
            json.object(|json| {
                json.name("Endpoint").string(endpoint);
                hash.object(json.name("HashKV"));
            });
        });
        Ok(())
    }

    fn table(&self) -> Result<Table, Unsupported> {
        Ok(hash_table(&self.0))
    }
}

fn hash_table(list: &[(String, HashKvResponse)]) -> Table {
    let row = |(endpoint, hash): &(String, HashKvResponse)| {
        vec![endpoint.clone(), hash.hash.to_string(), hash.hash_revision.to_string()]
    };
    Table { header: vec!["endpoint", "hash", "hash_revision"], rows: list.iter().map(row).collect() }
}
