//! Users and roles, in the JSON in which etcd 3.5 keeps and shows them, oddities included: a list that nobody has
//! given is `null`, one that became empty is `[]`, and the two count as different.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The role that may do everything, and cannot be changed.
pub(super) const ROOT: &str = "root";
/// The role of whoever does not say who he is.
pub(super) const GUEST: &str = "guest";

/// A list that may never have been given.
pub(super) type List = Option<Vec<String>>;

/// A user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct User {
    pub(super) user: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) password: String,
    pub(super) roles: List,
    #[serde(skip_serializing_if = "is_empty")]
    pub(super) grant: List,
    #[serde(skip_serializing_if = "is_empty")]
    pub(super) revoke: List,
}

/// A role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Role {
    pub(super) role: String,
    pub(super) permissions: Permissions,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) grant: Option<Permissions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) revoke: Option<Permissions>,
}

/// What a role permits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Permissions {
    pub(super) kv: Patterns,
}

/// Patterns of keys: a key, or a beginning with `*` behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Patterns {
    pub(super) read: List,
    pub(super) write: List,
}

/// A refusal: status and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, message: impl std::fmt::Display) -> Self {
        Refusal { status, message: format!("auth: {message}") }
    }
}

pub(super) fn is_empty(list: &List) -> bool {
    list.as_ref().is_none_or(Vec::is_empty)
}

fn items(list: &List) -> impl Iterator<Item = &String> {
    list.iter().flatten()
}

/// The list with some more, sorted; the first that is there already is the error.
fn granted<'a>(list: &List, more: &'a List) -> Result<BTreeSet<String>, &'a str> {
    let mut set: BTreeSet<String> = items(list).cloned().collect();
    for item in items(more) {
        if !set.insert(item.clone()) {
            return Err(item);
        }
    }
    Ok(set)
}

fn listed(set: BTreeSet<String>) -> List {
    Some(set.into_iter().collect())
}

impl User {
    /// Whether it is to get or lose roles.
    pub(super) fn changes_roles(&self) -> bool {
        !is_empty(&self.grant) || !is_empty(&self.revoke)
    }

    /// The user of that name has the role of that name, whatever is stored.
    pub(super) fn with_root_role(mut self) -> Self {
        if self.user == ROOT && !items(&self.roles).any(|role| role == ROOT) {
            self.roles.get_or_insert_default().push(ROOT.to_owned());
        }
        self
    }

    /// This user changed as `wanted` says; its password, if there is one, is a hash already.
    ///
    /// # Errors
    /// When a role is there already, or is not there.
    pub(super) fn merged(&self, wanted: &User) -> Result<User, Refusal> {
        let mut roles = granted(&self.roles, &wanted.grant).map_err(|role| {
            Refusal::new(409, format_args!("Granting duplicate role {role} for user {}", wanted.user))
        })?;
        for role in items(&wanted.revoke) {
            if !roles.remove(role) {
                let text = format!("Revoking ungranted role {role} for user {}", wanted.user);
                return Err(Refusal::new(409, text));
            }
        }
        let password = if wanted.password.is_empty() { &self.password } else { &wanted.password };
        let (user, password) = (self.user.clone(), password.clone());
        Ok(User { user, password, roles: listed(roles), grant: None, revoke: None })
    }
}

impl Permissions {
    fn is_empty(&self) -> bool {
        is_empty(&self.kv.read) && is_empty(&self.kv.write)
    }
}

impl Role {
    /// The one that may do everything.
    pub(super) fn root() -> Role {
        Role::of_all(ROOT)
    }

    /// A role that may read and write all keys.
    pub(super) fn of_all(name: &str) -> Role {
        let all = || Some(vec!["/*".to_owned()]);
        let permissions = Permissions { kv: Patterns { read: all(), write: all() } };
        Role { role: name.to_owned(), permissions, grant: None, revoke: None }
    }

    /// Whether it is to get or lose permissions.
    pub(super) fn changes_permissions(&self) -> bool {
        [&self.grant, &self.revoke].into_iter().flatten().any(|change| !change.is_empty())
    }

    /// Whether it says which permissions there are to be.
    pub(super) fn has_permissions(&self) -> bool {
        !self.permissions.is_empty()
    }

    /// This role changed as `wanted` says.
    ///
    /// # Errors
    /// When a permission is there already.
    pub(super) fn merged(&self, wanted: &Role) -> Result<Role, Refusal> {
        let mut kv = self.permissions.kv.clone();
        if let Some(grant) = &wanted.grant {
            let duplicate = |kind: &'static str| {
                move |pattern: &str| {
                    Refusal::new(409, format_args!("Granting duplicate {kind} permission {pattern}"))
                }
            };
            let read = granted(&kv.read, &grant.kv.read).map_err(duplicate("read"))?;
            let write = granted(&kv.write, &grant.kv.write).map_err(duplicate("write"))?;
            kv = Patterns { read: listed(read), write: listed(write) };
        }
        if let Some(revoke) = &wanted.revoke {
            // One that is not there is none to lose.
            let without = |list: &List, gone: &List| {
                let left = items(list).filter(|item| !items(gone).any(|gone| gone == *item));
                listed(left.cloned().collect())
            };
            kv = Patterns {
                read: without(&kv.read, &revoke.kv.read),
                write: without(&kv.write, &revoke.kv.write),
            };
        }
        Ok(Role { role: self.role.clone(), permissions: Permissions { kv }, grant: None, revoke: None })
    }

    /// Whether it may read, or with `write` change, `key`; with `recursive`, all that is below as well.
    pub(super) fn may(&self, key: &str, recursive: bool, write: bool) -> bool {
        let list = if write { &self.permissions.kv.write } else { &self.permissions.kv.read };
        self.role == ROOT
            || items(list).any(|pattern| match pattern.strip_suffix('*') {
                Some(start) => key.starts_with(start),
                None => !recursive && key == pattern,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(items: &[&str]) -> List {
        Some(items.iter().map(|item| (*item).to_owned()).collect())
    }

    #[test]
    fn json_is_etcds() {
        let user = User { user: "u".into(), password: "hash".into(), ..User::default() };
        assert_eq!(oxetcd_v2::to_json(&user), r#"{"user":"u","password":"hash","roles":null}"#);
        let role = Role { role: "r".into(), ..Role::default() };
        let expected = r#"{"role":"r","permissions":{"kv":{"read":null,"write":null}}}"#;
        assert_eq!(oxetcd_v2::to_json(&role), expected);
    }

    #[test]
    fn users_are_merged() {
        let old = User { user: "u".into(), password: "old".into(), roles: list(&["b"]), ..User::default() };
        let wanted = User { user: "u".into(), grant: list(&["a"]), revoke: list(&["b"]), ..User::default() };
        let merged = old.merged(&wanted);
        assert_eq!(merged.map(|user| (user.password, user.roles)), Ok(("old".into(), list(&["a"]))));
        let again = User { grant: list(&["b"]), ..wanted.clone() };
        let refused = old.merged(&again).err().map(|refusal| (refusal.status, refusal.message));
        assert_eq!(refused, Some((409, "auth: Granting duplicate role b for user u".into())));
        let missing = User { grant: None, revoke: list(&["c"]), ..wanted };
        let refused = old.merged(&missing).err().map(|refusal| refusal.message);
        assert_eq!(refused, Some("auth: Revoking ungranted role c for user u".into()));
    }

    #[test]
    fn patterns_are_keys_or_beginnings() {
        let patterns = Patterns { read: list(&["/a", "/b/*"]), write: None };
        let role = Role { role: "r".into(), permissions: Permissions { kv: patterns }, ..Role::default() };
        assert!(
            role.may("/a", false, false) && role.may("/b/c", false, false) && role.may("/b/c", true, false)
        );
        assert!(
            !role.may("/a", true, false) && !role.may("/a/b", false, false) && !role.may("/a", false, true)
        );
        assert!(Role::root().may("/x", true, true));
    }
}
