//! Members, the leader, the version of the cluster.

use super::{Answer, Json, Page, Table, ToJson, Unsupported, line};
use crate::go::quote::quote;
use oxetcd_api::etcdserverpb::{
    DowngradeResponse, Member, MemberAddResponse, MemberListResponse, MemberPromoteResponse,
    MemberRemoveResponse, MemberUpdateResponse, MoveLeaderResponse, ResponseHeader,
};
use prost::Message;

/// Ids as hexadecimal strings; zero is shown too.
fn hex_header(json: &mut Json<'_, '_>, header: Option<&ResponseHeader>) {
    let Some(header) = header else { return json.name("header").null() };
    json.name("header").object(|json| {
        json.name("cluster_id").string(&format!("{:x}", header.cluster_id));
        json.name("member_id").string(&format!("{:x}", header.member_id));
        json.field("revision", &header.revision);
        json.field("raft_term", &header.raft_term);
    });
}

fn hex_member(json: &mut Json<'_, '_>, member: &Member) {
    json.object(|json| {
        json.name("ID").string(&format!("{:x}", member.id));
        json.field("name", &member.name);
        json.field("peerURLs", &member.peer_ur_ls);
        json.field("clientURLs", &member.client_ur_ls);
        json.field("isLearner", &member.is_learner);
    });
}

fn hex_members(json: &mut Json<'_, '_>, members: &[Member]) {
    json.name("members").list(members, hex_member);
}

impl Answer for MemberListResponse {
    fn simple(&self, page: &mut Page<'_>) {
        member_table(self).lines(page);
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        page.header_fields(self.header.as_ref());
        for member in &self.members {
            page.id_field("ID", member.id);
            line!(page, "\"Name\" : {}", quote(&member.name));
            for url in &member.peer_ur_ls {
                line!(page, "\"PeerURL\" : {}", quote(url));
            }
            for url in &member.client_ur_ls {
                line!(page, "\"ClientURL\" : {}", quote(url));
            }
            line!(page, "\"IsLearner\" : {}\n", member.is_learner);
        }
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        if json.hex() {
            json.object(|json| {
                hex_header(json, self.header.as_ref());
                hex_members(json, &self.members);
            });
        } else {
            self.object(json);
        }
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(self.encode_to_vec())
    }

    fn table(&self) -> Result<Table, Unsupported> {
        Ok(member_table(self))
    }
}

fn member_table(list: &MemberListResponse) -> Table {
    let row = |member: &Member| {
        vec![
            format!("{:x}", member.id),
            if member.name.is_empty() { "unstarted" } else { "started" }.to_owned(),
            member.name.clone(),
            member.peer_ur_ls.join(","),
            member.client_ur_ls.join(","),
            member.is_learner.to_string(),
        ]
    };
    Table {
        header: vec!["ID", "Status", "Name", "Peer Addrs", "Client Addrs", "Is Learner"],
        rows: list.members.iter().map(row).collect(),
    }
}

impl Answer for MemberAddResponse {
    fn simple(&self, page: &mut Page<'_>) {
        let member = self.member.clone().unwrap_or_default();
        let role = if member.is_learner { " as learner " } else { " " };
        let cluster = self.header.map_or(0, |header| header.cluster_id);
        line!(page, "Member {:16x} added{role}to cluster {cluster:16x}", member.id);
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        if json.hex() {
            json.object(|json| {
                hex_header(json, self.header.as_ref());
                match &self.member {
                    Some(member) => hex_member(json.name("member"), member),
                    None => json.name("member").null(),
                }
                hex_members(json, &self.members);
            });
        } else {
            self.object(json);
        }
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(self.encode_to_vec())
    }
}

/// What was done to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberAction {
    /// It is gone.
    Removed,
    /// Its URLs have changed.
    Updated,
    /// It votes now.
    Promoted,
}

/// An answer to a change of one member.
#[derive(Debug)]
pub struct MemberChanged<R> {
    /// Which member.
    pub id: u64,
    /// What was done.
    pub action: MemberAction,
    /// What the server said.
    pub response: R,
}

/// What such answers have in common.
pub trait MemberAnswer: ToJson + Message {
    /// The header, and the members as they are now.
    fn parts(&self) -> (Option<&ResponseHeader>, &[Member]);
}

macro_rules! member_answers {
    ($($answer:ty)*) => { $(
        impl MemberAnswer for $answer {
            fn parts(&self) -> (Option<&ResponseHeader>, &[Member]) {
                (self.header.as_ref(), &self.members)
            }
        }
    )* };
}
member_answers!(MemberRemoveResponse MemberUpdateResponse MemberPromoteResponse);

impl<R: MemberAnswer> Answer for MemberChanged<R> {
    fn simple(&self, page: &mut Page<'_>) {
        let cluster = self.response.parts().0.map_or(0, |header| header.cluster_id);
        let done = match self.action {
            MemberAction::Removed => "removed from",
            MemberAction::Updated => "updated in",
            MemberAction::Promoted => "promoted in",
        };
        line!(page, "Member {:16x} {done} cluster {cluster:16x}", self.id);
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        if json.hex() {
            let (header, members) = self.response.parts();
            json.object(|json| {
                hex_header(json, header);
                hex_members(json, members);
            });
        } else {
            self.response.object(json);
        }
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(self.response.encode_to_vec())
    }
}

/// A transfer of leadership.
#[derive(Debug)]
pub struct LeaderMoved {
    /// Who led.
    pub from: u64,
    /// Who was to lead.
    pub to: u64,
    /// What the server said.
    pub response: MoveLeaderResponse,
}

impl Answer for LeaderMoved {
    fn simple(&self, page: &mut Page<'_>) {
        line!(page, "Leadership transferred from {:x} to {:x}", self.from, self.to);
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        self.response.object(json);
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(self.response.encode_to_vec())
    }
}

/// A step of a downgrade.
#[derive(Debug)]
pub struct DowngradeDone {
    /// `validate`, `enable` or `cancel`.
    pub step: &'static str,
    /// What the server said.
    pub response: DowngradeResponse,
}

impl Answer for DowngradeDone {
    fn simple(&self, page: &mut Page<'_>) {
        line!(page, "Downgrade {} success, cluster version {}", self.step, self.response.version);
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        self.response.object(json);
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(self.response.encode_to_vec())
    }
}
