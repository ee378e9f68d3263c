//! The store against a small model of its rules, and what it leaves in its tables.

use oxetcd_api::{authpb::Permission, etcdserverpb::AuthUserAddRequest};
use oxetcd_auth::{AuthError, AuthStore, Caller};
use oxetcd_storage::{Buffer, Memory, Table};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

const NAMES: [&str; 3] = ["root", "a", "b"];
const KEYS: [&str; 4] = ["k", "l", "m", "n"];

#[derive(Clone, Debug)]
enum Change {
    UserAdd(usize),
    UserDelete(usize),
    RoleAdd(usize),
    RoleDelete(usize),
    Grant(usize, usize),
    Revoke(usize, usize),
    Permit(usize, usize, i32),
    Forbid(usize, usize),
    Enable,
    Disable,
}

fn change() -> impl Strategy<Value = Change> {
    let name = 0..NAMES.len();
    let key = 0..KEYS.len();
    prop_oneof![
        name.clone().prop_map(Change::UserAdd),
        name.clone().prop_map(Change::UserDelete),
        name.clone().prop_map(Change::RoleAdd),
        name.clone().prop_map(Change::RoleDelete),
        (name.clone(), name.clone()).prop_map(|(user, role)| Change::Grant(user, role)),
        (name.clone(), name.clone()).prop_map(|(user, role)| Change::Revoke(user, role)),
        (name.clone(), key.clone(), 0..3).prop_map(|(role, key, kind)| Change::Permit(role, key, kind)),
        (name, key).prop_map(|(role, key)| Change::Forbid(role, key)),
        Just(Change::Enable),
        Just(Change::Disable),
    ]
}

#[derive(Default)]
struct Model {
    enabled: bool,
    users: BTreeMap<&'static str, BTreeSet<&'static str>>,
    roles: BTreeMap<&'static str, BTreeMap<&'static str, i32>>,
}

impl Model {
    /// Makes a change. `Some` when it counts as one: then the revision rises.
    fn make(&mut self, change: &Change) -> bool {
        match *change {
            Change::UserAdd(name) => {
                let new = !self.users.contains_key(NAMES[name]);
                self.users.entry(NAMES[name]).or_default();
                new
            }
            Change::UserDelete(name) => {
                !(self.enabled && name == 0) && self.users.remove(NAMES[name]).is_some()
            }
            Change::RoleAdd(name) => {
                let new = !self.roles.contains_key(NAMES[name]);
                self.roles.entry(NAMES[name]).or_default();
                new
            }
            Change::RoleDelete(name) => {
                let gone = !(self.enabled && name == 0) && self.roles.remove(NAMES[name]).is_some();
                if gone {
                    self.users.values_mut().for_each(|roles| {
                        roles.remove(NAMES[name]);
                    });
                }
                gone
            }
            Change::Grant(user, role) => {
                let known = role == 0 || self.roles.contains_key(NAMES[role]);
                known && self.users.get_mut(NAMES[user]).is_some_and(|roles| roles.insert(NAMES[role]))
            }
            Change::Revoke(user, role) => {
                !(self.enabled && user == 0 && role == 0)
                    && self.users.get_mut(NAMES[user]).is_some_and(|roles| roles.remove(NAMES[role]))
            }
            Change::Permit(role, key, kind) => {
                self.roles.get_mut(NAMES[role]).map(|keys| keys.insert(KEYS[key], kind)).is_some()
            }
            Change::Forbid(role, key) => {
                self.roles.get_mut(NAMES[role]).is_some_and(|keys| keys.remove(KEYS[key]).is_some())
            }
            Change::Enable => {
                self.enabled |= self.users.get("root").is_some_and(|roles| roles.contains("root"));
                false
            }
            Change::Disable => std::mem::take(&mut self.enabled),
        }
    }

    fn may(&self, user: &str, key: &str, wanted: i32) -> bool {
        let Some(roles) = self.users.get(user).filter(|_| self.enabled) else { return !self.enabled };
        let grants = |kind: &i32| *kind == 2 || *kind == wanted;
        let gives = |role: &&str| self.roles.get(role).is_some_and(|keys| keys.get(key).is_some_and(grants));
        roles.contains("root") || roles.iter().any(gives)
    }
}

fn make(store: &AuthStore, buffer: &Buffer, change: &Change) -> Result<(), AuthError> {
    let step = buffer.begin();
    match *change {
        Change::UserAdd(name) => {
            let name = NAMES[name].to_owned();
            store.user_add(&step, &AuthUserAddRequest { name, ..Default::default() })
        }
        Change::UserDelete(name) => store.user_delete(&step, NAMES[name]),
        Change::RoleAdd(name) => store.role_add(&step, NAMES[name]),
        Change::RoleDelete(name) => store.role_delete(&step, NAMES[name]),
        Change::Grant(user, role) => store.grant_role(&step, NAMES[user], NAMES[role]),
        Change::Revoke(user, role) => store.revoke_role(&step, NAMES[user], NAMES[role]),
        Change::Permit(role, key, perm_type) => {
            let permission = Permission { perm_type, key: KEYS[key].into(), range_end: Default::default() };
            store.grant_permission(&step, NAMES[role], Some(&permission))
        }
        Change::Forbid(role, key) => store.revoke_permission(&step, NAMES[role], KEYS[key].as_bytes(), &[]),
        Change::Enable => store.enable(&step),
        Change::Disable => {
            store.disable(&step);
            Ok(())
        }
    }
}

fn agree(store: &AuthStore, model: &Model) {
    assert_eq!(store.is_enabled(), model.enabled);
    assert_eq!(store.users(), model.users.keys().copied().collect::<Vec<_>>());
    assert_eq!(store.roles(), model.roles.keys().copied().collect::<Vec<_>>());
    for user in NAMES {
        let caller = Caller::new(user, store.revision());
        for key in KEYS {
            assert_eq!(
                store.may_read(&caller, key.as_bytes(), &[]).is_ok(),
                model.may(user, key, 0),
                "{user} {key}"
            );
            assert_eq!(store.may_write(&caller, key.as_bytes(), &[]).is_ok(), model.may(user, key, 1));
        }
        let admin = !model.enabled || model.users.get(user).is_some_and(|roles| roles.contains("root"));
        assert_eq!(store.may_administer(&caller).is_ok(), admin);
    }
}

proptest! {
    #[test]
    fn the_store_is_its_model_and_survives(changes in prop::collection::vec(change(), 0..60)) {
        let buffer = Buffer::new(Arc::new(Memory::new()));
        let store = AuthStore::open(&buffer).expect("memory can be read");
        let mut model = Model::default();
        for change in changes {
            let before = store.revision();
            let made = make(&store, &buffer, &change);
            let counts = model.make(&change);
            prop_assert_eq!(store.revision(), before + u64::from(counts), "{:?} {:?}", change, made);
            agree(&store, &model);
        }
        let again = AuthStore::open(&buffer).expect("memory can be read");
        prop_assert_eq!(again.revision(), store.revision());
        agree(&again, &model);
    }
}

fn with_alice() -> (Buffer, AuthStore) {
    let buffer = Buffer::new(Arc::new(Memory::new()));
    let store = AuthStore::open(&buffer).expect("memory can be read");
    for change in
        [Change::UserAdd(0), Change::Grant(0, 0), Change::UserAdd(1), Change::RoleAdd(1), Change::Grant(1, 1)]
    {
        make(&store, &buffer, &change).expect("made");
    }
    make(&store, &buffer, &Change::Permit(1, 0, 2)).expect("made");
    make(&store, &buffer, &Change::Enable).expect("made");
    (buffer, store)
}

#[test]
fn old_revisions_and_nobody_are_refused() {
    let (buffer, store) = with_alice();
    let caller = Caller::new("a", store.revision());
    assert_eq!(store.may_read(&caller, b"k", &[]), Ok(()));
    assert_eq!(store.may_read(&Caller::default(), b"k", &[]), Err(AuthError::UserEmpty));
    make(&store, &buffer, &Change::UserAdd(2)).expect("made");
    assert_eq!(store.may_read(&caller, b"k", &[]), Err(AuthError::OldRevision));
    let gone = Caller::new("nobody", store.revision());
    assert_eq!(store.may_read(&gone, b"k", &[]), Err(AuthError::PermissionDenied));
    assert_eq!(store.may_administer(&gone), Err(AuthError::UserNotFound));
}

#[test]
fn the_tables_hold_what_etcd_writes() {
    let (buffer, store) = with_alice();
    let get = |table, key: &[u8]| buffer.get(table, key).expect("memory can be read");
    assert_eq!(get(Table::Auth, b"authEnabled").as_deref(), Some(&[1][..]));
    assert_eq!(get(Table::Auth, b"authRevision").as_deref(), Some(&store.revision().to_be_bytes()[..]));
    // name = 1, roles = 3, options = 4 (there, and empty)
    assert_eq!(get(Table::AuthUsers, b"a").as_deref(), Some(&b"\x0a\x01a\x1a\x01a\x22\x00"[..]));
    // name = 1, keyPermission = 2: permType = 1, key = 2
    assert_eq!(get(Table::AuthRoles, b"a").as_deref(), Some(&b"\x0a\x01a\x12\x05\x08\x02\x12\x01k"[..]));
}

#[test]
fn ranges_that_mean_nothing_are_not_granted() {
    let (buffer, store) = with_alice();
    let step = buffer.begin();
    let grant = |key: &'static [u8], end: &'static [u8]| {
        let permission = Permission { perm_type: 0, key: key.into(), range_end: end.into() };
        store.grant_permission(&step, "a", Some(&permission))
    };
    assert_eq!(grant(b"", b""), Err(AuthError::InvalidManagement));
    assert_eq!(grant(b"k", b"k"), Err(AuthError::InvalidManagement));
    assert_eq!(grant(b"k", b"a"), Err(AuthError::InvalidManagement));
    assert_eq!(grant(b"k", b"\0"), Ok(()));
    assert_eq!(store.grant_permission(&step, "a", None), Err(AuthError::PermissionNotGiven));
}
