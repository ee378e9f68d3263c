//! Passwords, hashed with bcrypt in the form that Go's library writes.
//!
//! Both functions take a long time by design: call them on a thread that may block.

/// Longest password, in bytes: bcrypt looks at no more.
pub const MAX_BYTES: usize = 72;

/// Why a password cannot be hashed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// More than bcrypt looks at.
    #[error("bcrypt: password length exceeds 72 bytes")]
    TooLong,
    /// bcrypt failed.
    #[error("bcrypt: {0}")]
    Failed(String),
}

/// Hashes `password` at `cost` (4 to 31: each step takes twice as long).
///
/// # Errors
/// When it is too long, or the cost is out of bounds.
pub fn hash(password: &str, cost: u32) -> Result<String, PasswordError> {
    if password.len() > MAX_BYTES {
        return Err(PasswordError::TooLong);
    }
    let hashed =
        bcrypt::hash_with_result(password, cost).map_err(|error| PasswordError::Failed(error.to_string()))?;
    Ok(hashed.format_for_version(bcrypt::Version::TwoA))
}

/// Whether `password` is the one that was hashed. A hash that is none fits no password.
pub fn matches(password: &str, hash: &[u8]) -> bool {
    let Ok(hash) = std::str::from_utf8(hash) else { return false };
    bcrypt::verify(password, hash).unwrap_or(false)
}
