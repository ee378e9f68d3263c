//! A server that speaks TLS to its clients, with certificates of its own: what clients of other languages and the soak
//! meet.

use crate::{
    certs,
    process::{Addresses, Plan, Server},
};
use anyhow::{Context, Result};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A member with TLS.
pub(crate) struct Secured {
    /// Asked about its health in the clear, at the address for metrics.
    server: Server,
    https: SocketAddr,
    // Behind the server, which stops before its files go.
    dir: TempDir,
}

impl Secured {
    /// Starts `program` with `extra` flags, and waits until it is healthy.
    pub(crate) fn start(program: &Path, extra: &[&str]) -> Result<Secured> {
        let dir = TempDir::with_prefix("secured-")?;
        certs::run(&certs::Options::usual(dir.path()))?;
        let addresses = Addresses::free();
        let https = SocketAddr::from((Ipv4Addr::LOCALHOST, oxetcd_testkit::free_port()));
        let file = |name: &str| dir.path().join(name).display().to_string();
        // The last of two equal flags counts.
        let mut flags = vec![
            format!("--listen-client-urls=https://{https}"),
            format!("--advertise-client-urls=https://{https}"),
            format!("--listen-metrics-urls=http://{}", addresses.client),
            format!("--cert-file={}", file("server.crt")),
            format!("--key-file={}", file("server.key")),
            // Only tests log in so often that it matters.
            "--bcrypt-cost=4".to_owned(),
        ];
        flags.extend(extra.iter().map(ToString::to_string));
        let plan = Plan { program, name: "secured", dir: dir.path(), extra: &flags };
        let server = Server::start_at(&plan, addresses).context("a server with TLS")?;
        Ok(Secured { server, https, dir })
    }

    /// Where clients connect.
    pub(crate) fn address(&self) -> SocketAddr {
        self.https
    }

    /// Where `/metrics` is served in the clear.
    pub(crate) fn metrics(&self) -> SocketAddr {
        self.server.client()
    }

    /// The authority's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.crt")
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// The last lines that it logged.
    pub(crate) fn log_tail(&self) -> String {
        self.server.log_tail()
    }
}
