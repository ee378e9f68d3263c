//! What log entries do to the store. A refused change changes nothing, the revision included.

use crate::{
    AuthError, AuthStore,
    store::{ROOT, Result, has_root_role},
    stored,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use oxetcd_api::{
    authpb::{Permission, Role, User, UserAddOptions},
    etcdserverpb::AuthUserAddRequest,
};
use oxetcd_storage::Step;
use std::sync::atomic::Ordering;

/// Whether a permission of this range means anything.
fn is_valid_range(key: &[u8], range_end: &[u8]) -> bool {
    !key.is_empty() && (range_end.is_empty() || key < range_end || range_end == [0])
}

impl AuthStore {
    /// Turns auth on.
    ///
    /// # Errors
    /// Without a user root that has the role root.
    pub fn enable(&self, step: &Step<'_>) -> Result {
        if self.is_enabled() {
            return Ok(());
        }
        let state = self.state.read();
        let root = state.users.get(ROOT).ok_or(AuthError::RootUserMissing)?;
        if !has_root_role(root) {
            return Err(AuthError::RootRoleMissing);
        }
        stored::set_enabled(step, true);
        self.enabled.store(true, Ordering::Release);
        Ok(())
    }

    /// Turns auth off. `false` if it was.
    pub fn disable(&self, step: &Step<'_>) -> bool {
        if !self.is_enabled() {
            return false;
        }
        let _state = self.state.write();
        stored::set_enabled(step, false);
        self.advance(step);
        self.enabled.store(false, Ordering::Release);
        true
    }

    /// Adds a user.
    ///
    /// # Errors
    /// When the name is empty or taken, or the hash is not Base64.
    pub fn user_add(&self, step: &Step<'_>, request: &AuthUserAddRequest) -> Result {
        if request.name.is_empty() {
            return Err(AuthError::UserEmpty);
        }
        self.change(step, |state| {
            if state.users.contains_key(&request.name) {
                return Err(AuthError::UserExists);
            }
            let options = request.options.unwrap_or(UserAddOptions { no_password: false });
            let password = if options.no_password { Vec::new() } else { decode(&request.hashed_password)? };
            let user = User {
                name: request.name.clone().into(),
                password: password.into(),
                roles: Vec::new(),
                options: Some(options),
            };
            stored::put_user(step, &user);
            state.users.insert(request.name.clone(), user);
            Ok(())
        })
    }

    /// Removes a user.
    ///
    /// # Errors
    /// When there is no such user, or it is root and auth is on.
    pub fn user_delete(&self, step: &Step<'_>, name: &str) -> Result {
        if self.is_enabled() && name == ROOT {
            return Err(AuthError::InvalidManagement);
        }
        self.change(step, |state| {
            state.users.remove(name).ok_or(AuthError::UserNotFound)?;
            stored::delete_user(step, name);
            Ok(())
        })
    }

    /// Gives a user another password, by its hash in Base64.
    ///
    /// # Errors
    /// When there is no such user, or the hash is not Base64.
    pub fn change_password(&self, step: &Step<'_>, name: &str, hash: &str) -> Result {
        self.change(step, |state| {
            let user = state.users.get_mut(name).ok_or(AuthError::UserNotFound)?;
            let has_none = user.options.is_some_and(|options| options.no_password);
            user.password = if has_none { Vec::new() } else { decode(hash)? }.into();
            stored::put_user(step, user);
            Ok(())
        })
    }

    /// Gives a role to a user. One that the user has already changes nothing.
    ///
    /// # Errors
    /// When there is no such user or role.
    pub fn grant_role(&self, step: &Step<'_>, name: &str, role: &str) -> Result {
        if self.state.read().users.get(name).is_some_and(|user| user.roles.iter().any(|has| has == role)) {
            let known = role == ROOT || self.state.read().roles.contains_key(role);
            return if known { Ok(()) } else { Err(AuthError::RoleNotFound) };
        }
        self.change(step, |state| {
            let user = state.users.get_mut(name).ok_or(AuthError::UserNotFound)?;
            if role != ROOT && !state.roles.contains_key(role) {
                return Err(AuthError::RoleNotFound);
            }
            user.roles.push(role.to_owned());
            user.roles.sort();
            stored::put_user(step, user);
            Ok(())
        })
    }

    /// Takes a role from a user.
    ///
    /// # Errors
    /// When there is no such user, or it does not have the role, or root would lose its own while auth is on.
    pub fn revoke_role(&self, step: &Step<'_>, name: &str, role: &str) -> Result {
        if self.is_enabled() && name == ROOT && role == ROOT {
            return Err(AuthError::InvalidManagement);
        }
        self.change(step, |state| {
            let user = state.users.get_mut(name).ok_or(AuthError::UserNotFound)?;
            let before = user.roles.len();
            user.roles.retain(|has| has != role);
            if user.roles.len() == before {
                return Err(AuthError::RoleNotGranted);
            }
            stored::put_user(step, user);
            Ok(())
        })
    }

    /// Adds a role without permissions.
    ///
    /// # Errors
    /// When the name is empty or taken.
    pub fn role_add(&self, step: &Step<'_>, name: &str) -> Result {
        if name.is_empty() {
            return Err(AuthError::RoleEmpty);
        }
        self.change(step, |state| {
            if state.roles.contains_key(name) {
                return Err(AuthError::RoleExists);
            }
            let role = Role { name: name.to_owned().into(), key_permission: Vec::new() };
            stored::put_role(step, &role);
            state.roles.insert(name.to_owned(), role);
            Ok(())
        })
    }

    /// Removes a role, also from the users that have it.
    ///
    /// # Errors
    /// When there is no such role, or it is root and auth is on.
    pub fn role_delete(&self, step: &Step<'_>, name: &str) -> Result {
        if self.is_enabled() && name == ROOT {
            return Err(AuthError::InvalidManagement);
        }
        self.change(step, |state| {
            state.roles.remove(name).ok_or(AuthError::RoleNotFound)?;
            stored::delete_role(step, name);
            for user in state.users.values_mut() {
                let before = user.roles.len();
                user.roles.retain(|has| has != name);
                if user.roles.len() != before {
                    stored::put_user(step, user);
                }
            }
            Ok(())
        })
    }

    /// Gives a permission to a role. The same range again only changes its kind.
    ///
    /// # Errors
    /// When there is no permission, its range means nothing, or there is no such role.
    pub fn grant_permission(&self, step: &Step<'_>, role: &str, permission: Option<&Permission>) -> Result {
        let permission = permission.ok_or(AuthError::PermissionNotGiven)?;
        if !is_valid_range(&permission.key, &permission.range_end) {
            return Err(AuthError::InvalidManagement);
        }
        self.change(step, |state| {
            let role = state.roles.get_mut(role).ok_or(AuthError::RoleNotFound)?;
            let has = &mut role.key_permission;
            let at = has.partition_point(|has| has.key < permission.key);
            // As etcd does, only the first of several permissions of one key is looked at.
            match has.get_mut(at) {
                Some(same) if same.key == permission.key && same.range_end == permission.range_end => {
                    same.perm_type = permission.perm_type;
                }
                _ => {
                    has.push(permission.clone());
                    has.sort_by(|a, b| a.key.cmp(&b.key));
                }
            }
            stored::put_role(step, role);
            Ok(())
        })
    }

    /// Takes the permission of exactly this range from a role.
    ///
    /// # Errors
    /// When there is no such role, or it has no such permission.
    pub fn revoke_permission(&self, step: &Step<'_>, role: &str, key: &[u8], range_end: &[u8]) -> Result {
        self.change(step, |state| {
            let role = state.roles.get_mut(role).ok_or(AuthError::RoleNotFound)?;
            let before = role.key_permission.len();
            role.key_permission.retain(|has| has.key != key || has.range_end != range_end);
            if role.key_permission.len() == before {
                return Err(AuthError::PermissionNotGranted);
            }
            stored::put_role(step, role);
            Ok(())
        })
    }
}

fn decode(hash: &str) -> Result<Vec<u8>> {
    STANDARD.decode(hash).map_err(|_| AuthError::NoPasswordUser)
}
