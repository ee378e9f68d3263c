//! What members are to each other beside replication: one of them leads, and they ask one another over plain
//! HTTP.

pub(crate) mod corruption;
pub(crate) mod discover;
pub(crate) mod downgrade;
pub(crate) mod join;
mod leadership;
pub(crate) mod membership;
mod peer_client;
pub(crate) mod publish;
mod transfer;
pub(crate) mod version_monitor;

pub(crate) use leadership::{Leadership, Lost, Seen};
pub(crate) use peer_client::{AskError, PeerClient, Question, Reply};
pub(crate) use transfer::{hand_over_before_stopping, transfer};
