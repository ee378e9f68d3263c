//! Clusters to do harm to: members as processes, the network between them, clients that record what they see.

pub(crate) mod ask;
mod changes;
pub(crate) mod cluster;
pub(crate) mod dice;
pub(crate) mod load;
pub(crate) mod member;
pub(crate) mod network;
mod owner;
mod proxy;
pub(crate) mod v2;
pub(crate) mod verdict;
