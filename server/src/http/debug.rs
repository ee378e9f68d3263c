//! `/debug/vars`: where the member stands in the log, for the curious. etcd adds numbers of the Go run time.

use super::Text;
use crate::service::Read;
use serde_json::json;

/// Answers `/debug/vars`.
pub(crate) fn vars<M: Read>(member: &M) -> Text {
    let (progress, id) = (member.progress(), member.header().member_id);
    let hex = |id: u64| format!("{id:x}");
    let leads = progress.leader == id;
    let followed =
        json!({ "match": progress.committed, "next": progress.committed + 1, "state": "StateReplicate" });
    let others = if leads { json!({ hex(id): followed }) } else { json!({}) };
    let status = json!({
        "id": hex(id),
        "term": progress.term,
        "vote": hex(progress.leader),
        "commit": progress.committed,
        "lead": hex(progress.leader),
        "raftState": if leads { "StateLeader" } else { "StateFollower" },
        "applied": progress.applied,
        "progress": others,
        "leadtransferee": "0",
    });
    let arguments: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let body = format!(
        "{{\n\"cmdline\": {},\n\"file_descriptor_limit\": {},\n\"raft.status\": {status}\n}}\n",
        json!(arguments),
        json!(limit)
    );
    Text::ok(body).with_type("application/json; charset=utf-8")
}
