//! The auth service. Auth is off until the security issue brings it: its status can be asked, and everything
//! else is refused as such.

use super::{Propose, Read, header};
use crate::status;
use oxetcd_api::etcdserverpb::{self as pb, AuthStatusRequest, AuthStatusResponse, InternalRaftRequest};
use oxetcd_grpc::etcdserverpb::auth_server::Auth;
use oxetcd_machine::Response as Applied;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The auth service over a member.
pub(crate) struct AuthService<M>(pub(crate) Arc<M>);

macro_rules! not_offered {
    ($($method:ident: $request:ident -> $response:ident;)*) => {
        #[tonic::async_trait]
        impl<M: Propose + Read> Auth for AuthService<M> {
            async fn auth_status(
                &self,
                request: Request<AuthStatusRequest>,
            ) -> Result<Response<AuthStatusResponse>, Status> {
                self.status(request.into_inner()).await.map(Response::new)
            }

            /// Clients that bring a password take this answer for leave to go on without a token.
            async fn authenticate(
                &self,
                _: Request<pb::AuthenticateRequest>,
            ) -> Result<Response<pb::AuthenticateResponse>, Status> {
                Err(Status::failed_precondition("etcdserver: authentication is not enabled"))
            }

            $(async fn $method(
                &self,
                _: Request<pb::$request>,
            ) -> Result<Response<pb::$response>, Status> {
                Err(Status::unimplemented("etcdserver: auth is not offered by this version"))
            })*
        }
    };
}

not_offered! {
    auth_enable: AuthEnableRequest -> AuthEnableResponse;
    auth_disable: AuthDisableRequest -> AuthDisableResponse;
    user_add: AuthUserAddRequest -> AuthUserAddResponse;
    user_get: AuthUserGetRequest -> AuthUserGetResponse;
    user_list: AuthUserListRequest -> AuthUserListResponse;
    user_delete: AuthUserDeleteRequest -> AuthUserDeleteResponse;
    user_change_password: AuthUserChangePasswordRequest -> AuthUserChangePasswordResponse;
    user_grant_role: AuthUserGrantRoleRequest -> AuthUserGrantRoleResponse;
    user_revoke_role: AuthUserRevokeRoleRequest -> AuthUserRevokeRoleResponse;
    role_add: AuthRoleAddRequest -> AuthRoleAddResponse;
    role_get: AuthRoleGetRequest -> AuthRoleGetResponse;
    role_list: AuthRoleListRequest -> AuthRoleListResponse;
    role_delete: AuthRoleDeleteRequest -> AuthRoleDeleteResponse;
    role_grant_permission: AuthRoleGrantPermissionRequest -> AuthRoleGrantPermissionResponse;
    role_revoke_permission: AuthRoleRevokePermissionRequest -> AuthRoleRevokePermissionResponse;
}

impl<M: Propose + Read> AuthService<M> {
    async fn status(&self, request: AuthStatusRequest) -> Result<AuthStatusResponse, Status> {
        let request = InternalRaftRequest { auth_status: Some(request), ..Default::default() };
        match self.0.propose(request)?.await? {
            Applied::AuthStatus(mut response) => {
                response.header = header::complete(&*self.0, response.header);
                Ok(response)
            }
            _ => Err(status::unexpected_answer()),
        }
    }
}
