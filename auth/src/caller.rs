//! Who asks.

/// A user as a token or certificate names one, and the revision of the auth store at which that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Name of the user; empty for nobody.
    pub name: String,
    /// Revision of the auth store; 0 for nobody.
    pub revision: u64,
}

impl Caller {
    /// A named user.
    pub fn new(name: impl Into<String>, revision: u64) -> Self {
        Caller { name: name.into(), revision }
    }
}
