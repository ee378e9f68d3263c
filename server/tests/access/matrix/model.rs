//! The rules, as a model: small, and written without a look at how the server keeps its rights.
//!
//! Who calls is a user of some standing; what a call needs is a list. The verdict is the first need that is not met, in the
//! words that a client sees.

/// What a permission is for, by its number on the wire.
pub const READ: i32 = 0;
pub const WRITE: i32 = 1;
pub const BOTH: i32 = 2;

pub const DENIED: &str = "etcdserver: permission denied";
pub const NOBODY: &str = "etcdserver: user name is empty";
pub const INVALID: &str = "etcdserver: invalid auth token";
pub const OLD: &str = "etcdserver: revision of auth store is old";
pub const UNKNOWN: &str = "etcdserver: user name not found";

/// Keys from `.0` to before `.1`, in the wire's form.
pub type Range = (Vec<u8>, Vec<u8>);

/// A user, and what its roles grant: one list a role.
pub struct User {
    pub name: &'static str,
    pub roles: Vec<Vec<(i32, Range)>>,
}

pub const ROOT: &str = "root";

/// One key.
pub fn one(key: &str) -> Range {
    (key.into(), Vec::new())
}

pub fn between(key: &str, end: &str) -> Range {
    (key.into(), end.into())
}

/// All keys from one on.
pub fn from(key: &str) -> Range {
    (key.into(), vec![0])
}

/// The keys that are a user's own, as far as it has rights at all.
pub fn own(user: &str) -> Range {
    between(&format!("own/{user}/"), &format!("own/{user}0"))
}

/// Everybody: each kind of rights that a role can give.
pub fn users() -> Vec<User> {
    let user = |name, kind, roles: Vec<Vec<(i32, Range)>>| {
        let mut roles = roles;
        roles.push(vec![(kind, own(name))]);
        User { name, roles }
    };
    vec![
        User { name: "none", roles: vec![vec![]] },
        user("read", READ, vec![vec![(READ, one("k1"))]]),
        user("write", WRITE, vec![vec![(WRITE, one("k1"))]]),
        user("both", BOTH, vec![vec![(BOTH, one("k1"))]]),
        user("prefix", BOTH, vec![vec![(BOTH, between("k", "l"))]]),
        user("range", BOTH, vec![vec![(READ, between("k1", "k3")), (WRITE, between("k2", "k4"))]]),
        // Two roles whose ranges meet are as good as one.
        user("split", BOTH, vec![vec![(BOTH, between("k1", "k2"))], vec![(BOTH, between("k2", "k3"))]]),
        user("open", BOTH, vec![vec![(READ, from("k2"))]]),
        User { name: ROOT, roles: vec![] },
    ]
}

/// What the other side takes the caller for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was shown.
    Nobody,
    /// What was shown is worth nothing.
    Invalid,
    /// A user, who may not exist. `is_current`: what was shown is as new as the users and roles are.
    Named { user: String, is_current: bool },
}

/// What a call needs.
#[derive(Clone, Debug)]
pub enum Need {
    /// Whatever is shown must be valid.
    Valid,
    /// A user, any.
    User,
    Admin,
    /// Administrators, and the user of this name.
    AdminOr(String),
    Read(Range),
    Write(Range),
    /// Reading all keys of leases, which an administrator may whatever they are.
    ReadOfLease(Vec<Range>),
    WriteOfLease(Vec<Range>),
}

/// Every key is in one of the two halves that a key may be on either side of; so only the places where a grant begins or
/// ends, and the beginning of the question, need be looked at.
fn covers(user: &User, kind: i32, range: &Range) -> bool {
    let end = |(key, end): &Range| match &end[..] {
        [] => Some([&key[..], &[0]].concat()),
        [0] => None,
        end => Some(end.to_vec()),
    };
    let holds =
        |range: &Range, key: &[u8]| range.0[..] <= *key && end(range).is_none_or(|end| *key < end[..]);
    let granted = user.roles.iter().flatten().filter(|(has, _)| *has == BOTH || *has == kind);
    let granted: Vec<&Range> = granted.map(|(_, range)| range).collect();
    let edges = granted.iter().filter_map(|range| end(range)).chain([range.0.clone()]);
    edges.filter(|edge| holds(range, edge)).all(|edge| granted.iter().any(|range| holds(range, &edge)))
}

/// Whether a call with these needs is let through, and what the caller is told if not.
pub fn verdict(standing: &Standing, needs: &[Need]) -> Result<(), &'static str> {
    needs.iter().try_for_each(|need| met(standing, need))
}

fn met(standing: &Standing, need: &Need) -> Result<(), &'static str> {
    let (name, is_current) = match standing {
        Standing::Invalid => return Err(INVALID),
        Standing::Nobody => {
            return match need {
                Need::Valid => Ok(()),
                _ => Err(NOBODY),
            };
        }
        Standing::Named { user, is_current } => (user, *is_current),
    };
    let everybody = users();
    let user = everybody.iter().find(|user| user.name == name);
    let admin = match user {
        None => Err(UNKNOWN),
        Some(user) if user.name == ROOT => Ok(()),
        Some(_) => Err(DENIED),
    };
    let key = |kind: i32, range: &Range| match user {
        _ if !is_current => Err(OLD),
        Some(user) if user.name == ROOT || covers(user, kind, range) => Ok(()),
        _ => Err(DENIED),
    };
    match need {
        Need::Valid | Need::User => Ok(()),
        Need::Admin => admin,
        Need::AdminOr(other) if other == name => Ok(()),
        Need::AdminOr(_) => admin,
        Need::Read(range) => key(READ, range),
        Need::Write(range) => key(WRITE, range),
        Need::ReadOfLease(keys) => admin.or_else(|_| keys.iter().try_for_each(|range| key(READ, range))),
        Need::WriteOfLease(keys) => admin.or_else(|_| keys.iter().try_for_each(|range| key(WRITE, range))),
    }
}
