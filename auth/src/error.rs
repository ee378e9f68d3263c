//! Why something is refused. Each is an answer that every member comes to alike.

/// A refusal; the text is the one that etcd's own log has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Auth cannot be enabled without the user root.
    #[error("auth: root user does not exist")]
    RootUserMissing,
    /// Auth cannot be enabled unless root has the role root.
    #[error("auth: root user does not have root role")]
    RootRoleMissing,
    /// The name is taken.
    #[error("auth: user already exists")]
    UserExists,
    /// No name, or nobody said who asks.
    #[error("auth: user name is empty")]
    UserEmpty,
    /// No such user.
    #[error("auth: user not found")]
    UserNotFound,
    /// The name is taken.
    #[error("auth: role already exists")]
    RoleExists,
    /// No such role.
    #[error("auth: role not found")]
    RoleNotFound,
    /// No name.
    #[error("auth: role name is empty")]
    RoleEmpty,
    /// A grant that grants nothing.
    #[error("auth: permission not given")]
    PermissionNotGiven,
    /// Wrong name or password.
    #[error("auth: authentication failed, invalid user ID or password")]
    Failed,
    /// A password for a user who has none.
    #[error("auth: authentication failed, password was given for no password user")]
    NoPasswordUser,
    /// The user may not do this.
    #[error("auth: permission denied")]
    PermissionDenied,
    /// The user does not have the role that is to be taken away.
    #[error("auth: role is not granted to the user")]
    RoleNotGranted,
    /// The role does not have the permission that is to be taken away.
    #[error("auth: permission is not granted to the role")]
    PermissionNotGranted,
    /// Auth is off.
    #[error("auth: authentication is not enabled")]
    NotEnabled,
    /// Users or roles were changed since the request's user was looked at.
    #[error("auth: revision in header is old")]
    OldRevision,
    /// The token is none of ours, or expired.
    #[error("auth: invalid auth token")]
    InvalidToken,
    /// The change would lock everybody out, or makes no sense.
    #[error("auth: invalid auth management")]
    InvalidManagement,
}
