//! Users, roles, permissions and tokens.
//!
//! * [`AuthStore`] is replicated state: users and roles in the tables and encodings of etcd, changed by log
//!   entries inside the step of whoever applies them. It answers whether a [`Caller`] may do something. Every
//!   change raises the store's revision; a request that was admitted at an older one is refused when it is
//!   applied, so that nobody acts on rights that were taken away meanwhile.
//! * [`Intervals`] is what the permissions of one user come to: the union of ranges.
//! * [`SimpleTokens`] and [`Jwt`] turn a login into a token and back. Time is an argument.
//! * [`password`] hashes and compares; it is slow on purpose and belongs on a thread of its own.

mod caller;
mod changes;
mod error;
mod es512;
mod intervals;
mod jwt;
mod jwt_keys;
pub mod password;
mod simple;
mod store;
mod stored;

pub use caller::Caller;
pub use error::AuthError;
pub use intervals::Intervals;
pub use jwt::{Jwt, JwtError};
pub use jwt_keys::{JwtMethod, JwtOptions};
pub use password::PasswordError;
pub use simple::SimpleTokens;
pub use store::AuthStore;
