//! The list of members that clients get: proxies rather than members, so that whoever asks for it stays behind them.

use super::upstream::Upstream;
use bytes::Bytes;
use oxetcd_api::{
    KeyRange,
    etcdserverpb::{Member, MemberListRequest, MemberListResponse, RangeRequest},
};
use serde_json::Value;
use tonic::{Status, metadata::MetadataMap};

/// How this proxy and its likes are found.
pub(crate) struct Members {
    /// The address that clients know this proxy by; empty when they are to be told of the members.
    pub(crate) advertise: String,
    /// Where proxies register.
    pub(crate) prefix: Option<String>,
}

impl Members {
    pub(crate) async fn list(
        &self,
        upstream: &Upstream,
        metadata: &MetadataMap,
        request: MemberListRequest,
    ) -> Result<MemberListResponse, Status> {
        if self.advertise.is_empty() {
            let list = upstream.client_for(metadata).member_list(request).await;
            return list.map_err(|error| super::upstream::status(&error));
        }
        let mut members = self.registered(upstream).await;
        if members.is_empty() {
            members.push(member(host_name(), self.advertise.clone()));
        }
        Ok(MemberListResponse { members, ..Default::default() })
    }

    /// Proxies that have registered.
    async fn registered(&self, upstream: &Upstream) -> Vec<Member> {
        let Some(prefix) = &self.prefix else { return Vec::new() };
        let (key, range_end) = match KeyRange::prefix(format!("{prefix}/").into()) {
            KeyRange::Between(key, end) => (key, end),
            KeyRange::Single(key) | KeyRange::From(key) => (key, Bytes::from_static(b"\0")),
        };
        let range = RangeRequest { key, range_end, serializable: true, ..Default::default() };
        match upstream.keys().range(range).await {
            Ok(found) => found.kvs.iter().filter_map(|kv| read(&kv.value)).collect(),
            Err(error) => {
                tracing::warn!(%error, prefix, "cannot read which proxies have registered");
                Vec::new()
            }
        }
    }
}

fn member(name: String, address: String) -> Member {
    Member { name, client_ur_ls: vec![address], ..Default::default() }
}

/// What a proxy writes of itself, in the form of etcd's naming: an address, and a name in JSON in JSON.
pub(crate) fn registration(address: &str) -> String {
    let metadata = serde_json::json!({ "name": host_name() }).to_string();
    serde_json::json!({ "Op": 0, "Addr": address, "Metadata": metadata }).to_string()
}

fn read(registration: &[u8]) -> Option<Member> {
    let value: Value = serde_json::from_slice(registration).ok()?;
    let metadata: Value = serde_json::from_str(value["Metadata"].as_str()?).ok()?;
    Some(member(metadata["name"].as_str()?.to_owned(), value["Addr"].as_str()?.to_owned()))
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_is_read_as_it_was_written() {
        let member = read(registration("10.0.0.1:23790").as_bytes()).expect("our own");
        assert_eq!((member.name, member.client_ur_ls), (host_name(), vec!["10.0.0.1:23790".to_owned()]));
        for bad in ["", "{}", "{\"Addr\":\"a\"}", "{\"Addr\":\"a\",\"Metadata\":\"x\"}"] {
            assert_eq!(read(bad.as_bytes()), None, "{bad}");
        }
    }
}
