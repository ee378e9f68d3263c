//! From credentials to a user, and from a user to rights.

use super::Credentials;
use crate::{service::Read, status};
use http::Extensions;
use oxetcd_api::etcdserverpb::{InternalRaftRequest, RequestHeader};
use oxetcd_auth::{AuthError, Caller, SimpleTokens};
use oxetcd_machine::{Machine, Permissions};
use tonic::Status;

/// Whom `shown` names; `None` for nobody, and while auth is off.
///
/// # Errors
/// When a token is shown that is not valid.
pub(crate) async fn identify<M: Read>(
    member: &M,
    shown: Option<&Credentials>,
) -> Result<Option<Caller>, Status> {
    let caller = look_up(member, shown).await?;
    if let (Some(caller), Some(seen)) = (&caller, shown.and_then(|shown| shown.seen.as_ref())) {
        seen.note(&caller.name);
    }
    Ok(caller)
}

async fn look_up<M: Read>(member: &M, shown: Option<&Credentials>) -> Result<Option<Caller>, Status> {
    let Some(shown) = shown.filter(|_| member.machine().auth().is_enabled()) else { return Ok(None) };
    let logins = member.logins();
    let Some(token) = &shown.token else {
        let name = shown.common_name.as_ref().filter(|_| logins.trusts_certificates());
        return Ok(name.map(|name| Caller::new(name.clone(), member.machine().auth().revision())));
    };
    if let Some(index) = SimpleTokens::index_of(token).filter(|_| logins.are_simple()) {
        // The login may not have been applied here yet.
        if index > member.progress().applied {
            let applied = member.when_applied(index);
            let in_time = tokio::time::timeout(member.limits().request_timeout, applied).await;
            in_time.map_err(|_| status::invalid_auth_token())?;
        }
    }
    // Read before: what the token stands for is not newer than this.
    let revision = member.machine().auth().revision();
    let caller = logins.caller(token, revision, member.now_ms());
    caller.map(Some).ok_or_else(status::invalid_auth_token)
}

/// The user of a request, by its extensions.
///
/// # Errors
/// When a token is shown that is not valid.
pub(crate) async fn caller<M: Read>(member: &M, extensions: &Extensions) -> Result<Option<Caller>, Status> {
    identify(member, extensions.get::<Credentials>()).await
}

/// The rights of a user in this state.
pub(crate) fn permissions(machine: &Machine, caller: Option<Caller>) -> Permissions<'_> {
    Permissions::new(machine.auth(), caller)
}

/// Checks, after something was read on the strength of `caller`'s rights, that these were not changed meanwhile.
///
/// # Errors
/// When they may have been.
pub(crate) fn is_unchanged(machine: &Machine, caller: Option<&Caller>) -> Result<(), Status> {
    match caller {
        Some(caller) if machine.auth().is_enabled() && caller.revision != machine.auth().revision() => {
            Err(status::of_auth(&AuthError::OldRevision))
        }
        _ => Ok(()),
    }
}

/// Requests that go into the log in somebody's name.
pub(crate) trait AsUser: Sized {
    /// The same request in the name of `caller`.
    fn by(self, caller: Option<Caller>) -> Self;
    /// The same request in the cluster's own name, which may do everything.
    fn by_cluster(self, machine: &Machine) -> Self;
}

impl AsUser for InternalRaftRequest {
    fn by(mut self, caller: Option<Caller>) -> Self {
        if let Some(Caller { name, revision }) = caller {
            self.header = Some(RequestHeader { id: 0, username: name, auth_revision: revision });
        }
        self
    }

    fn by_cluster(self, machine: &Machine) -> Self {
        let auth = machine.auth();
        let root = auth.is_enabled().then(|| Caller::new("root", auth.revision()));
        self.by(root)
    }
}
