//! Who calls, and whether that user may.
//!
//! With auth off, a call pays one load of an atomic. With auth on, what the caller shows - a token, or the common
//! name of a certificate - travels with the request as [`Credentials`] and becomes a user where that is needed. What
//! only administrators or only users may call stands in one table ([`gate`]); rights over keys are judged where
//! the keys are looked at, and for writes where they are applied ([`oxetcd_machine::Permissions`]).

mod credentials;
mod gate;
mod logins;
mod options;
mod passwords;
mod rights;
mod tokens;

pub(crate) use credentials::Credentials;
pub(crate) use gate::admit;
pub(crate) use logins::Logins;
pub(crate) use options::TokenOptions;
pub(crate) use rights::{AsUser, caller, identify, is_unchanged, permissions};
