//! What members do for each other beside replication: they ask one another over plain HTTP.

mod peer_client;

pub(crate) use peer_client::{AskError, PeerClient, Question, Reply};
