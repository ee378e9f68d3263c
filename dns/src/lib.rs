//! Clusters by DNS: a domain's SRV records say where its members are.
//!
//! Four services are asked for, each by TCP: `etcd-client-ssl` and `etcd-client` name members for clients,
//! `etcd-server-ssl` and `etcd-server` name them for each other. Behind each may stand `-NAME`, for several
//! clusters in one domain. [`Resolver`] asks, [`clients`] and [`members`] read the answers as etcd does.
//!
//! Hosts come with DNS's final dot, as etcd shows them.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let resolver = oxetcd_dns::Resolver::of_system()?;
//! let endpoints = oxetcd_dns::clients(&resolver, "example.org", "").await?;
//! println!("{endpoints:?}"); // https://a.example.org.:2379 ...
//! # Ok(())
//! # }
//! ```

mod clients;
mod members;
mod resolver;
mod service;
#[cfg(feature = "testing")]
pub mod testing;

pub use clients::{ClientsError, clients};
pub use members::{MembersError, members};
pub use resolver::{LookupError, NAME_SERVER_VARIABLE, Resolver};
pub use service::{Place, service};

use std::{future::Future, io};

/// Waits for a look-up where there is no runtime, or none that may wait: on a thread of its own.
///
/// # Errors
/// When no thread or no runtime can be had.
pub fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> io::Result<T> {
    let in_thread = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(work))
    };
    let thread = std::thread::Builder::new().name("dns".to_owned()).spawn(in_thread)?;
    thread.join().unwrap_or_else(|_| Err(io::Error::other("the look-up did not end")))
}
