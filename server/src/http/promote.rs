//! `POST /members/promote/<id>`: a member that does not lead has the leader give a learner its vote.

use super::Text;
use crate::{
    cluster::membership,
    service::{Others, Propose, Read},
};
use http::StatusCode;
use tonic::{Code, Status};

/// Where the id stands behind, in decimal.
pub(super) const PREFIX: &str = "/members/promote/";

/// Answers such a request.
pub(super) async fn answer<M: Propose + Read + Others>(member: &M, id: &str) -> Text {
    let cluster_id = member.header().cluster_id;
    let answer = match id.parse() {
        Err(_) => Text::error(StatusCode::NOT_FOUND, format!("member {id} not found in cluster")),
        Ok(id) => match membership::promote(member, id).await {
            // A list of members always has a JSON form.
            Ok(members) => Text::ok(serde_json::to_string(&members).unwrap_or_default() + "\n")
                .with_type("application/json"),
            Err(status) => refusal(&status),
        },
    };
    answer.of_cluster(cluster_id)
}

/// In the words that members of the reference look for.
fn refusal(status: &Status) -> Text {
    let (code, text) = match (status.code(), status.message()) {
        (Code::NotFound, _) => (StatusCode::NOT_FOUND, "membership: ID not found"),
        (Code::FailedPrecondition, "etcdserver: can only promote a learner member") => {
            (StatusCode::PRECONDITION_FAILED, "membership: can only promote a learner member")
        }
        (Code::FailedPrecondition, text) => (StatusCode::PRECONDITION_FAILED, text),
        _ => {
            let text = r#"{"message":"Internal Server Error"}"#;
            return Text::error(StatusCode::INTERNAL_SERVER_ERROR, text).with_type("application/json");
        }
    };
    Text::error(code, text)
}
