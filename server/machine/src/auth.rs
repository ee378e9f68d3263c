//! Entries that are about users and roles.

use crate::{ApplyError, AuthChange, Outcome, Response, permissions::Permissions};
use oxetcd_api::etcdserverpb::{AuthStatusResponse, InternalRaftRequest};
use oxetcd_auth::{AuthError, AuthStore, SimpleTokens};
use oxetcd_storage::Step;

/// Whether this is a request that [`apply`] answers.
pub(crate) fn is_auth(request: &InternalRaftRequest) -> bool {
    request.auth_status.is_some()
        || request.authenticate.is_some()
        || request.auth_user_get.is_some()
        || request.auth_role_get.is_some()
        || needs_admin(request)
}

fn needs_admin(request: &InternalRaftRequest) -> bool {
    request.auth_enable.is_some()
        || request.auth_disable.is_some()
        || request.auth_user_add.is_some()
        || request.auth_user_delete.is_some()
        || request.auth_user_change_password.is_some()
        || request.auth_user_grant_role.is_some()
        || request.auth_user_revoke_role.is_some()
        || request.auth_user_list.is_some()
        || request.auth_role_add.is_some()
        || request.auth_role_delete.is_some()
        || request.auth_role_grant_permission.is_some()
        || request.auth_role_revoke_permission.is_some()
        || request.auth_role_list.is_some()
}

/// Applies such a request, which stands at `index` of the log. What becomes of tokens by it goes into `change`.
pub(crate) fn apply(
    store: &AuthStore,
    step: &Step<'_>,
    request: &InternalRaftRequest,
    index: u64,
    change: &mut Option<AuthChange>,
) -> Outcome {
    let permissions = Permissions::of_entry(store, request.header.as_ref());
    if needs_admin(request) {
        permissions.admin().map_err(ApplyError::Auth)?;
    }
    if let Some(found) = look(store, request, &permissions) {
        return found.map_err(ApplyError::Auth);
    }
    if let Some(login) = &request.authenticate {
        store.may_log_in(&login.name).map_err(ApplyError::Auth)?;
        let token = SimpleTokens::token(&login.simple_token, index);
        *change = Some(AuthChange::Login { user: login.name.clone(), token: token.clone() });
        return Ok(Response::Login { token, revision: store.revision() });
    }
    *change = alter(store, step, request).map_err(ApplyError::Auth)?;
    Ok(Response::Done)
}

/// Answers to questions.
fn look(
    store: &AuthStore,
    request: &InternalRaftRequest,
    permissions: &Permissions<'_>,
) -> Option<Result<Response, AuthError>> {
    if request.auth_status.is_some() {
        let (enabled, auth_revision) = (store.is_enabled(), store.revision());
        return Some(Ok(Response::AuthStatus(AuthStatusResponse { header: None, enabled, auth_revision })));
    }
    if request.auth_user_list.is_some() {
        return Some(Ok(Response::Names(store.users())));
    }
    if request.auth_role_list.is_some() {
        return Some(Ok(Response::Names(store.roles())));
    }
    if let Some(get) = &request.auth_user_get {
        // Everybody may look at what is theirs.
        let refusal = permissions.admin().err().filter(|_| get.name != permissions.name());
        return Some(refusal.map_or_else(|| store.roles_of(&get.name).map(Response::Names), Err));
    }
    if let Some(get) = &request.auth_role_get {
        let has = || store.has_role(permissions.name(), &get.role);
        let refusal = permissions.admin().err().filter(|_| !has());
        return Some(refusal.map_or_else(|| store.permissions_of(&get.role).map(Response::Permissions), Err));
    }
    None
}

fn alter(
    store: &AuthStore,
    step: &Step<'_>,
    request: &InternalRaftRequest,
) -> Result<Option<AuthChange>, AuthError> {
    if request.auth_enable.is_some() {
        store.enable(step)?;
    } else if request.auth_disable.is_some() {
        return Ok(store.disable(step).then_some(AuthChange::Disabled));
    } else if let Some(add) = &request.auth_user_add {
        store.user_add(step, add)?;
    } else if let Some(delete) = &request.auth_user_delete {
        store.user_delete(step, &delete.name)?;
        return Ok(Some(AuthChange::User(delete.name.clone())));
    } else if let Some(change) = &request.auth_user_change_password {
        store.change_password(step, &change.name, &change.hashed_password)?;
        return Ok(Some(AuthChange::User(change.name.clone())));
    } else if let Some(grant) = &request.auth_user_grant_role {
        store.grant_role(step, &grant.user, &grant.role)?;
    } else if let Some(revoke) = &request.auth_user_revoke_role {
        store.revoke_role(step, &revoke.name, &revoke.role)?;
    } else if let Some(add) = &request.auth_role_add {
        store.role_add(step, &add.name)?;
    } else if let Some(delete) = &request.auth_role_delete {
        store.role_delete(step, &delete.role)?;
    } else if let Some(grant) = &request.auth_role_grant_permission {
        store.grant_permission(step, &grant.name, grant.perm.as_ref())?;
    } else if let Some(revoke) = &request.auth_role_revoke_permission {
        store.revoke_permission(step, &revoke.role, &revoke.key, &revoke.range_end)?;
    }
    Ok(Some(AuthChange::Rights))
}
