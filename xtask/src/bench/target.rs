//! A server under load.

use crate::process::{Plan, Server};
use anyhow::{Context, Result};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

/// Answers of whole ranges are larger than what a client accepts by itself.
pub(crate) const MAX_ANSWER_BYTES: usize = 2 << 30;
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Where a server comes from.
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) extra: Vec<String>,
    kind: Kind,
}

enum Kind {
    Program(PathBuf),
    Endpoint { address: String, pid: Option<u32> },
}

impl Source {
    /// A program to start.
    pub(crate) fn program(name: &str, program: impl Into<PathBuf>) -> Self {
        Source { name: name.to_owned(), extra: Vec::new(), kind: Kind::Program(program.into()) }
    }

    /// A server that runs already.
    pub(crate) fn endpoint(name: &str, address: &str, pid: Option<u32>) -> Self {
        let kind = Kind::Endpoint { address: address.to_owned(), pid };
        Source { name: name.to_owned(), extra: Vec::new(), kind }
    }
}

/// A server that can be driven.
pub(crate) struct Target {
    uri: String,
    pid: Option<u32>,
    // Declared before the folder, so that the server stops before its data goes.
    server: Option<Server>,
    _dir: Option<TempDir>,
}

impl Target {
    /// Starts the server, if it is one to start.
    pub(crate) fn open(source: &Source, dir: Option<&Path>) -> Result<Target> {
        match &source.kind {
            Kind::Endpoint { address, pid } => {
                Ok(Target { uri: format!("http://{address}"), pid: *pid, server: None, _dir: None })
            }
            Kind::Program(program) => {
                let dir = match dir {
                    Some(dir) => TempDir::with_prefix_in("bench-", dir),
                    None => TempDir::with_prefix("bench-"),
                }
                .context("no room for the server's data")?;
                let mut extra = vec![format!("--quota-backend-bytes={}", 8_u64 << 30)];
                extra.extend(source.extra.iter().cloned());
                let plan = Plan { program, name: "bench", dir: dir.path(), extra: &extra };
                let server = Server::start(&plan).with_context(|| format!("server {}", source.name))?;
                let (uri, pid) = (format!("http://{}", server.client()), Some(server.pid()));
                Ok(Target { uri, pid, server: Some(server), _dir: Some(dir) })
            }
        }
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> Result<Channel> {
        let endpoint = Endpoint::from_shared(self.uri.clone())?.connect_timeout(CONNECT_LIMIT);
        endpoint.connect().await.with_context(|| format!("cannot connect to {}", self.uri))
    }

    /// Where a server that was started here listens.
    pub(crate) fn address(&self) -> Option<std::net::SocketAddr> {
        self.server.as_ref().map(Server::client)
    }

    /// Process to measure, if there is one on this machine.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// What a failed server logged last.
    pub(crate) fn log_tail(&self) -> String {
        self.server.as_ref().map_or_else(String::new, |server| format!("; its log:\n{}", server.log_tail()))
    }
}
