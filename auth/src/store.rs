//! The replicated store of users and roles.
//!
//! All of it fits into memory, and does stand there; the tables are what survives. Whether auth is on and at which
//! revision it is are atomics of their own: with auth off, that one load is all that a request pays.

use crate::{AuthError, Caller, Intervals, stored};
use oxetcd_api::authpb::{Permission, Role, User, permission::Type};
use oxetcd_storage::{Buffer, Result as StorageResult, Step};
use parking_lot::RwLock;
use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

pub(crate) const ROOT: &str = "root";
/// Revision of a store that nobody has changed yet.
const FIRST_REVISION: u64 = 1;

pub(crate) type Result<T = (), E = AuthError> = std::result::Result<T, E>;

/// What one user may do.
#[derive(Debug, Default)]
struct Rights {
    is_root: bool,
    read: Intervals,
    write: Intervals,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) roles: BTreeMap<String, Role>,
    rights: HashMap<String, Rights>,
}

/// Users, roles, and whether any of that counts.
#[derive(Default)]
pub struct AuthStore {
    pub(crate) enabled: AtomicBool,
    revision: AtomicU64,
    pub(crate) state: RwLock<State>,
}

impl State {
    fn settle(&mut self) {
        let State { users, roles, rights } = self;
        *rights = users.iter().map(|(name, user)| (name.clone(), rights_of(user, roles))).collect();
    }
}

pub(crate) fn has_root_role(user: &User) -> bool {
    user.roles.iter().any(|role| role == ROOT)
}

fn rights_of(user: &User, roles: &BTreeMap<String, Role>) -> Rights {
    let granted = |wanted: Type| {
        let permissions = user.roles.iter().filter_map(|role| roles.get(role));
        let permissions = permissions.flat_map(|role| &role.key_permission);
        let granted = permissions.filter(|permission| {
            permission.perm_type == Type::Readwrite as i32 || permission.perm_type == wanted as i32
        });
        Intervals::union(granted.map(|permission| (&permission.key[..], &permission.range_end[..])))
    };
    Rights { is_root: has_root_role(user), read: granted(Type::Read), write: granted(Type::Write) }
}

impl AuthStore {
    /// Reads the store back. One that never had a revision gets its first: other members expect to find it.
    ///
    /// # Errors
    /// When the tables cannot be read or are damaged.
    pub fn open(buffer: &Buffer) -> StorageResult<Self> {
        let mut revision = stored::revision(buffer)?;
        if revision == 0 {
            revision = FIRST_REVISION;
            stored::set_revision(&buffer.begin(), revision);
        }
        let (users, roles) = (stored::users(buffer)?, stored::roles(buffer)?);
        let mut state = State { users, roles, rights: HashMap::new() };
        state.settle();
        Ok(AuthStore {
            enabled: AtomicBool::new(stored::is_enabled(buffer)?),
            revision: AtomicU64::new(revision),
            state: RwLock::new(state),
        })
    }

    /// Whether auth is on.
    pub fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Acquire)
    }

    /// Revision of the store: one more with each change.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// The next revision. Called with the state's lock held, so that rights and revision fit.
    pub(crate) fn advance(&self, step: &Step<'_>) {
        let next = self.revision() + 1;
        stored::set_revision(step, next);
        self.revision.store(next, Ordering::Release);
    }

    pub(crate) fn change<T>(
        &self,
        step: &Step<'_>,
        change: impl FnOnce(&mut State) -> Result<T>,
    ) -> Result<T> {
        let mut state = self.state.write();
        let done = change(&mut state)?;
        state.settle();
        self.advance(step);
        Ok(done)
    }
}

/// Questions.
impl AuthStore {
    /// The roles of a user.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn roles_of(&self, name: &str) -> Result<Vec<String>> {
        Ok(self.state.read().users.get(name).ok_or(AuthError::UserNotFound)?.roles.clone())
    }

    /// All users, in order.
    pub fn users(&self) -> Vec<String> {
        self.state.read().users.keys().cloned().collect()
    }

    /// All roles, in order.
    pub fn roles(&self) -> Vec<String> {
        self.state.read().roles.keys().cloned().collect()
    }

    /// The permissions of a role; those of root are not stored.
    ///
    /// # Errors
    /// When there is no such role.
    pub fn permissions_of(&self, name: &str) -> Result<Vec<Permission>> {
        let state = self.state.read();
        let role = state.roles.get(name).ok_or(AuthError::RoleNotFound)?;
        if name != ROOT {
            return Ok(role.key_permission.clone());
        }
        let everything = Permission {
            perm_type: Type::Readwrite as i32,
            key: Default::default(),
            range_end: vec![0].into(),
        };
        Ok(vec![everything])
    }

    /// Whether a user has a role.
    pub fn has_role(&self, name: &str, role: &str) -> bool {
        let state = self.state.read();
        state.users.get(name).is_some_and(|user| user.roles.iter().any(|has| has == role))
    }

    /// The hash of a user's password, and the revision at which it was read.
    ///
    /// # Errors
    /// When auth is off, or there is no such user, or it has no password.
    pub fn password_of(&self, name: &str) -> Result<(Vec<u8>, u64)> {
        if !self.is_enabled() {
            return Err(AuthError::NotEnabled);
        }
        let state = self.state.read();
        let user = state.users.get(name).ok_or(AuthError::Failed)?;
        if user.options.is_some_and(|options| options.no_password) {
            return Err(AuthError::NoPasswordUser);
        }
        Ok((user.password.to_vec(), self.revision()))
    }

    /// Whether a login whose password was found right may be made.
    ///
    /// # Errors
    /// When auth is off, or the user is gone or has no password.
    pub fn may_log_in(&self, name: &str) -> Result {
        self.password_of(name).map(drop).map_err(|error| match error {
            AuthError::NoPasswordUser => AuthError::Failed,
            error => error,
        })
    }

    /// Whether the caller may read all of a range. Always, while auth is off.
    ///
    /// # Errors
    /// Why not.
    pub fn may_read(&self, caller: &Caller, key: &[u8], range_end: &[u8]) -> Result {
        self.may(caller, |rights| rights.read.cover(key, range_end))
    }

    /// Whether the caller may write all of a range. Always, while auth is off.
    ///
    /// # Errors
    /// Why not.
    pub fn may_write(&self, caller: &Caller, key: &[u8], range_end: &[u8]) -> Result {
        self.may(caller, |rights| rights.write.cover(key, range_end))
    }

    fn may(&self, caller: &Caller, granted: impl FnOnce(&Rights) -> bool) -> Result {
        if !self.is_enabled() {
            return Ok(());
        }
        if caller.revision == 0 {
            return Err(AuthError::UserEmpty);
        }
        let state = self.state.read();
        if caller.revision < self.revision() {
            return Err(AuthError::OldRevision);
        }
        match state.rights.get(&caller.name) {
            Some(rights) if rights.is_root || granted(rights) => Ok(()),
            _ => Err(AuthError::PermissionDenied),
        }
    }

    /// Whether the caller has the role root. Always, while auth is off.
    ///
    /// # Errors
    /// Why not.
    pub fn may_administer(&self, caller: &Caller) -> Result {
        if !self.is_enabled() {
            return Ok(());
        }
        if caller.name.is_empty() {
            return Err(AuthError::UserEmpty);
        }
        match self.state.read().rights.get(&caller.name) {
            None => Err(AuthError::UserNotFound),
            Some(rights) if rights.is_root => Ok(()),
            Some(_) => Err(AuthError::PermissionDenied),
        }
    }
}
