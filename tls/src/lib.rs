//! TLS for members and clients, by rustls over ring.
//!
//! [`TlsOptions`] names files and rules. [`ServerTls`] accepts connections by them, [`ClientTls`] makes them. Both look at
//! their files at every handshake and read them again when one has changed, so certificates, keys, authorities and
//! revocations are replaced without a restart; connections that stand are not touched. A file that cannot be read, half
//! written perhaps, leaves what was read before in force, and is counted ([`reloads`]) and logged.
//!
//! Who may connect follows etcd: a caller's certificate is asked for when there is an authority to judge it; common
//! names, host names and revoked serial numbers are looked at after the chain; another member's certificate must fit
//! the address it calls from.

mod accept;
mod authority;
mod certificate;
mod client;
mod error;
mod load;
mod options;
mod p521;
mod reload;
mod rules;
mod self_signed;
mod spoken;
mod suites;
mod verify;
mod words;

pub use accept::{Accepted, Identity, Rejected, ServerTls};
pub use authority::{Authority, Issued, Subject};
pub use client::{ClientTls, Protocol};
pub use error::TlsError;
pub use load::certificate_name;
pub use options::{TlsOptions, TlsVersion};
pub use reload::{Reloads, reloads};
pub use self_signed::self_signed;
pub use spoken::ClientStream;
pub use suites::check_cipher_suites;
pub use tokio_rustls::server::TlsStream;
