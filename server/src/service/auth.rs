//! The auth service. Everything goes through the log, questions too; what is slow about passwords happens here,
//! before that, and only hashes go on.

use super::{Propose, Read, header};
use crate::{
    access::{self, AsUser},
    status,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::Extensions;
use oxetcd_api::etcdserverpb::{self as pb, InternalAuthenticateRequest, InternalRaftRequest};
use oxetcd_grpc::etcdserverpb::auth_server::Auth;
use oxetcd_machine::Response as Applied;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The auth service over a member.
pub(crate) struct AuthService<M>(pub(crate) Arc<M>);

macro_rules! answered {
    ($given:ident, $header:ident, $response:ident) => {
        match $given {
            Applied::Done => Ok(Response::new(pb::$response { header: $header })),
            _ => Err(status::unexpected_answer()),
        }
    };
    ($given:ident, $header:ident, $response:ident, $answer:ident => $name:ident) => {
        match $given {
            Applied::$answer($name) => Ok(Response::new(pb::$response { header: $header, $name })),
            _ => Err(status::unexpected_answer()),
        }
    };
}

/// The service. The calls of the table go into the log as they are: method, messages, the field of the log's
/// request, and where the answer holds more than a header, what it is made of.
macro_rules! auth_service {
    ($($method:ident: $request:ident -> $response:ident, $field:ident $(, $answer:ident => $name:ident)?;)*) => {
        #[tonic::async_trait]
        impl<M: Propose + Read> Auth for AuthService<M> {
            async fn authenticate(
                &self,
                request: Request<pb::AuthenticateRequest>,
            ) -> Result<Response<pb::AuthenticateResponse>, Status> {
                self.answer_login(request.into_inner()).await.map(Response::new)
            }

            async fn auth_status(
                &self,
                request: Request<pb::AuthStatusRequest>,
            ) -> Result<Response<pb::AuthStatusResponse>, Status> {
                self.status(request).await.map(Response::new)
            }

            async fn user_add(
                &self,
                request: Request<pb::AuthUserAddRequest>,
            ) -> Result<Response<pb::AuthUserAddResponse>, Status> {
                self.add_user(request).await.map(Response::new)
            }

            async fn user_change_password(
                &self,
                request: Request<pb::AuthUserChangePasswordRequest>,
            ) -> Result<Response<pb::AuthUserChangePasswordResponse>, Status> {
                self.change_password(request).await.map(Response::new)
            }

            $(async fn $method(
                &self,
                request: Request<pb::$request>,
            ) -> Result<Response<pb::$response>, Status> {
                let (_, extensions, message) = request.into_parts();
                let request = InternalRaftRequest { $field: Some(message), ..Default::default() };
                let answer = self.propose(request, &extensions).await?;
                let header = header::complete(&*self.0, None);
                answered!(answer, header, $response $(, $answer => $name)?)
            })*
        }
    };
}

auth_service! {
    auth_enable: AuthEnableRequest -> AuthEnableResponse, auth_enable;
    auth_disable: AuthDisableRequest -> AuthDisableResponse, auth_disable;
    user_get: AuthUserGetRequest -> AuthUserGetResponse, auth_user_get,
        Names => roles;
    user_list: AuthUserListRequest -> AuthUserListResponse, auth_user_list,
        Names => users;
    user_delete: AuthUserDeleteRequest -> AuthUserDeleteResponse, auth_user_delete;
    user_grant_role: AuthUserGrantRoleRequest -> AuthUserGrantRoleResponse, auth_user_grant_role;
    user_revoke_role: AuthUserRevokeRoleRequest -> AuthUserRevokeRoleResponse, auth_user_revoke_role;
    role_add: AuthRoleAddRequest -> AuthRoleAddResponse, auth_role_add;
    role_get: AuthRoleGetRequest -> AuthRoleGetResponse, auth_role_get,
        Permissions => perm;
    role_list: AuthRoleListRequest -> AuthRoleListResponse, auth_role_list,
        Names => roles;
    role_delete: AuthRoleDeleteRequest -> AuthRoleDeleteResponse, auth_role_delete;
    role_grant_permission: AuthRoleGrantPermissionRequest -> AuthRoleGrantPermissionResponse,
        auth_role_grant_permission;
    role_revoke_permission: AuthRoleRevokePermissionRequest -> AuthRoleRevokePermissionResponse,
        auth_role_revoke_permission;
}

impl<M: Propose + Read> AuthService<M> {
    async fn propose(
        &self,
        request: InternalRaftRequest,
        extensions: &Extensions,
    ) -> Result<Applied, Status> {
        let caller = access::caller(&*self.0, extensions).await?;
        self.0.propose(request.by(caller))?.await
    }

    /// Hashes a password, for whoever may set one: it is too dear to be had for nothing.
    async fn hash(&self, password: String, extensions: &Extensions) -> Result<String, Status> {
        let caller = access::caller(&*self.0, extensions).await?;
        let may = access::permissions(&self.0.machine(), caller).admin();
        may.map_err(|error| status::of_auth(&error))?;
        Ok(STANDARD.encode(self.0.logins().passwords().hash(password).await?))
    }

    /// Checks a password and logs its user in. Answers with the token.
    async fn log_in(&self, name: &str, password: &str) -> Result<String, Status> {
        loop {
            let stored = self.0.machine().auth().password_of(name);
            let (hash, checked_at) = stored.map_err(|error| status::of_auth(&error))?;
            let logins = self.0.logins();
            if !logins.passwords().check(name, password, hash).await? {
                tracing::warn!("user-name" = name, "invalid authentication was requested");
                return Err(status::of_auth(&oxetcd_auth::AuthError::Failed));
            }
            // The log gets no password.
            let authenticate = InternalAuthenticateRequest {
                name: name.to_owned(),
                simple_token: logins.letters(),
                ..Default::default()
            };
            let request = InternalRaftRequest { authenticate: Some(authenticate), ..Default::default() };
            let Applied::Login { token, revision } = self.0.propose(request)?.await? else {
                return Err(status::unexpected_answer());
            };
            if revision == checked_at {
                return logins
                    .issue(name, token, revision)
                    .map_err(|error| Status::unknown(error.to_string()));
            }
            // The password may be another one by now: look again.
        }
    }

    async fn answer_login(
        &self,
        request: pb::AuthenticateRequest,
    ) -> Result<pb::AuthenticateResponse, Status> {
        let pb::AuthenticateRequest { name, password } = request;
        self.0.barrier().await?;
        let token = self.log_in(&name, &password).await?;
        Ok(pb::AuthenticateResponse { header: header::complete(&*self.0, None), token })
    }

    async fn status(
        &self,
        request: Request<pb::AuthStatusRequest>,
    ) -> Result<pb::AuthStatusResponse, Status> {
        let (_, extensions, message) = request.into_parts();
        let request = InternalRaftRequest { auth_status: Some(message), ..Default::default() };
        match self.propose(request, &extensions).await? {
            Applied::AuthStatus(response) => {
                let header = header::complete(&*self.0, None);
                Ok(pb::AuthStatusResponse { header, ..response })
            }
            _ => Err(status::unexpected_answer()),
        }
    }

    async fn add_user(
        &self,
        request: Request<pb::AuthUserAddRequest>,
    ) -> Result<pb::AuthUserAddResponse, Status> {
        let (_, extensions, mut add) = request.into_parts();
        let password = std::mem::take(&mut add.password);
        if !add.options.is_some_and(|options| options.no_password) {
            add.hashed_password = self.hash(password, &extensions).await?;
        }
        let request = InternalRaftRequest { auth_user_add: Some(add), ..Default::default() };
        self.propose(request, &extensions).await?;
        Ok(pb::AuthUserAddResponse { header: header::complete(&*self.0, None) })
    }

    async fn change_password(
        &self,
        request: Request<pb::AuthUserChangePasswordRequest>,
    ) -> Result<pb::AuthUserChangePasswordResponse, Status> {
        let (_, extensions, mut change) = request.into_parts();
        if !change.password.is_empty() {
            change.hashed_password = self.hash(std::mem::take(&mut change.password), &extensions).await?;
        }
        let request = InternalRaftRequest { auth_user_change_password: Some(change), ..Default::default() };
        self.propose(request, &extensions).await?;
        Ok(pb::AuthUserChangePasswordResponse { header: header::complete(&*self.0, None) })
    }
}
