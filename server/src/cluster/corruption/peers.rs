//! Asks the other members what their data hash to.

use super::verdict::Sample;
use crate::{
    cluster::{AskError, Question},
    service::{Others, Read},
};
use futures::future::join_all;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::time::Duration;

/// A member's answer, or why there is none.
pub(super) struct Asked {
    /// The member.
    pub(super) member: u64,
    /// Its URLs, for logs.
    pub(super) urls: Vec<String>,
    /// What it says.
    pub(super) answer: Result<Sample, NoSample>,
}

/// Why there is no hash to compare with.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoSample {
    /// The member has not come to this revision yet.
    #[error("etcdserver: mvcc: required revision is a future revision")]
    Behind,
    /// The member has compacted this revision away.
    #[error("etcdserver: mvcc: required revision has been compacted")]
    Compacted,
    /// It is a member of another cluster, on an address that was one of this cluster's.
    #[error("etcdserver: cluster ID mismatch")]
    OtherCluster,
    /// It refuses for another reason, or what it says makes no sense.
    #[error("unknown error: {0}")]
    Refused(String),
    /// It does not answer.
    #[error("{0}")]
    Unreachable(AskError),
}

/// The part of an answer that matters. Go leaves out what is zero.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Hash {
    header: Header,
    hash: u32,
    compact_revision: i64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Header {
    revision: i64,
}

/// Asks all other members at once for their hashes at `revision`.
pub(super) async fn ask_all<M: Read + Others>(member: &M, revision: i64, timeout: Duration) -> Vec<Asked> {
    let (me, cluster) = (member.header().member_id, member.header().cluster_id);
    let mut others = member.machine().members().list();
    others.retain(|other| other.id != me);
    let asked = others.into_iter().map(|other| async move {
        let body = format!("{{\"revision\":{revision}}}");
        let question = Question::get("/members/hashkv").with_body("application/json", body);
        let reply = member.ask(other.id, question.within_cluster(cluster).within(timeout)).await;
        let answer = match reply {
            Ok(reply) => read(other.id, reply.status, &reply.body),
            Err(error) => Err(NoSample::Unreachable(error)),
        };
        Asked { member: other.id, urls: other.peer_urls, answer }
    });
    join_all(asked).await
}

fn read(member: u64, status: StatusCode, body: &[u8]) -> Result<Sample, NoSample> {
    let text = || String::from_utf8_lossy(&body[..body.len().min(256)]).trim_end().to_owned();
    match status {
        StatusCode::OK => {
            let refused = |error: serde_json::Error| NoSample::Refused(error.to_string());
            // A list would do for a struct too.
            let fields: Map<String, Value> = serde_json::from_slice(body).map_err(refused)?;
            let Hash { header, hash, compact_revision } =
                serde_json::from_value(Value::Object(fields)).map_err(refused)?;
            Ok(Sample { member, hash, compact_revision, revision: header.revision })
        }
        StatusCode::BAD_REQUEST if text().contains("revision has been compacted") => Err(NoSample::Compacted),
        StatusCode::BAD_REQUEST if text().contains("is a future revision") => Err(NoSample::Behind),
        StatusCode::PRECONDITION_FAILED => Err(NoSample::OtherCluster),
        _ => Err(NoSample::Refused(text())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_either_kind_of_member_are_read() {
        let sample = |hash, compact_revision| Ok(Sample { member: 7, hash, compact_revision, revision: 5 });
        let ok = StatusCode::OK;
        let bad = StatusCode::BAD_REQUEST;
        let cases = [
            (
                ok,
                r#"{"header":{"revision":5},"hash":9,"compact_revision":-1,"hash_revision":5}"#,
                sample(9, -1),
            ),
            (ok, r#"{"header":{"cluster_id":1,"revision":5},"compact_revision":3}"#, sample(0, 3)),
            (bad, "mvcc: required revision has been compacted\n", Err(NoSample::Compacted)),
            (bad, "mvcc: required revision is a future revision\n", Err(NoSample::Behind)),
            (bad, "no\n", Err(NoSample::Refused("no".to_owned()))),
            (StatusCode::PRECONDITION_FAILED, "cluster ID mismatch\n", Err(NoSample::OtherCluster)),
            (
                StatusCode::NOT_FOUND,
                "404 page not found\n",
                Err(NoSample::Refused("404 page not found".into())),
            ),
        ];
        for (status, body, expected) in cases {
            assert_eq!(read(7, status, body.as_bytes()), expected, "{status} {body}");
        }
        assert!(matches!(read(7, ok, b"[]"), Err(NoSample::Refused(_))));
    }
}
