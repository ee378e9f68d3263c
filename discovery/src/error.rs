//! Why a member did not find its cluster.

use oxetcd_client::{Error, TlsError};

/// What is in the way for good. Whatever may pass, such as a service that does not answer, is waited out instead.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The settings of the connection cannot be used.
    #[error("discovery: {0}")]
    Tls(#[from] TlsError),
    /// The service does not take us.
    #[error("discovery: {0}")]
    Client(#[from] Error),
    /// Nobody has said how many members there are to be.
    #[error("discovery: size key not found")]
    SizeNotFound,
    /// The size is no number from 1.
    #[error("discovery: size key is bad")]
    BadSize,
    /// As many members as there are to be have come already.
    #[error("discovery: cluster is full")]
    Full,
}
