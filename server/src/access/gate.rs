//! Calls that are only for administrators, or only for users, whatever they ask for.

use super::{Credentials, rights};
use crate::{service::Read, status};
use tonic::Status;

/// Who may call a method.
enum Wanted {
    /// A user with the role root.
    Admin,
    /// Any user.
    User,
}

fn wanted(path: &str) -> Option<Wanted> {
    let (service, method) = path.trim_start_matches('/').split_once('/')?;
    match (service, method) {
        (
            "etcdserverpb.Maintenance",
            "Defragment" | "Snapshot" | "Hash" | "HashKV" | "MoveLeader" | "Downgrade",
        )
        | ("etcdserverpb.Cluster", "MemberAdd" | "MemberRemove" | "MemberUpdate" | "MemberPromote")
        | ("etcdserverpb.KV", "Compact") => Some(Wanted::Admin),
        ("etcdserverpb.Maintenance", "Alarm" | "Status")
        | ("etcdserverpb.Cluster", "MemberList")
        | ("etcdserverpb.Lease", "LeaseGrant" | "LeaseRevoke" | "LeaseTimeToLive" | "LeaseLeases") => {
            Some(Wanted::User)
        }
        _ => None,
    }
}

/// Lets a call of the method at `path` in. `shown` is `None` when auth was off as the call came.
///
/// # Errors
/// When the caller may not call it.
pub(crate) async fn admit<M: Read>(
    member: &M,
    path: &str,
    shown: Option<&Credentials>,
) -> Result<(), Status> {
    let Some(shown) = shown else { return Ok(()) };
    let Some(wanted) = wanted(path) else { return Ok(()) };
    let caller = rights::identify(member, Some(shown)).await?;
    match wanted {
        Wanted::User if caller.is_none() && member.machine().auth().is_enabled() => Err(status::user_empty()),
        Wanted::User => Ok(()),
        Wanted::Admin => {
            let machine = member.machine();
            machine
                .auth()
                .may_administer(&caller.unwrap_or_default())
                .map_err(|error| status::of_auth(&error))
        }
    }
}
