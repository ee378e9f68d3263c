//! Who the members are, for v2 clients. Changing them is v3's affair.

use super::reply::Reply;
use crate::service::Read;
use oxetcd_machine::Member;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: String,
    name: String,
    #[serde(rename = "peerURLs")]
    peer_urls: Vec<String>,
    #[serde(rename = "clientURLs")]
    client_urls: Vec<String>,
}

#[derive(Serialize)]
struct List {
    members: Vec<Listed>,
}

impl From<Member> for Listed {
    fn from(member: Member) -> Self {
        let Member { id, name, peer_urls, client_urls, .. } = member;
        Listed { id: format!("{id:x}"), name, peer_urls, client_urls }
    }
}

/// Where clients reach the members, in one line.
pub(super) fn machines<M: Read>(member: &M) -> Reply {
    let mut urls: Vec<String> =
        member.machine().members().list().into_iter().flat_map(|member| member.client_urls).collect();
    urls.sort();
    Reply::text(200, &urls.join(", "))
}

/// The members, or the leader.
pub(super) fn get<M: Read>(member: &M, path: &str) -> Reply {
    let (members, cluster) = (member.machine().members().list(), member.header().cluster_id);
    let reply = match path.trim_start_matches("/v2/members").trim_start_matches('/') {
        "" => {
            let members = members.into_iter().map(Listed::from).collect();
            Reply::json(200, oxetcd_v2::to_json(&List { members }) + "\n")
        }
        "leader" => {
            let leader = member.progress().leader;
            match members.into_iter().find(|member| member.id == leader) {
                Some(leader) => Reply::json(200, oxetcd_v2::to_json(&Listed::from(leader)) + "\n"),
                None => Reply::message(503, "During election"),
            }
        }
        _ => Reply::message(404, "Not found"),
    };
    reply.of_cluster(cluster)
}
