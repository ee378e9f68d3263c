//! Who the caller turned out to be: filled in by whoever looks at a token, read when the call has ended.

use std::sync::{Arc, OnceLock};

/// A place for a user's name, shared by the call and whoever finds it out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<OnceLock<String>>);

impl Seen {
    /// The caller is `user`.
    pub(crate) fn note(&self, user: &str) {
        self.0.get_or_init(|| user.to_owned());
    }

    /// The user, if anybody has looked.
    pub(crate) fn user(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}
