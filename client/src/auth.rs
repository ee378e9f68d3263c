//! Users, roles, and whether they count.

use crate::client::unary_calls;
use oxetcd_api::etcdserverpb::{
    AuthDisableRequest, AuthDisableResponse, AuthEnableRequest, AuthEnableResponse, AuthRoleAddRequest,
    AuthRoleAddResponse, AuthRoleDeleteRequest, AuthRoleDeleteResponse, AuthRoleGetRequest,
    AuthRoleGetResponse, AuthRoleGrantPermissionRequest, AuthRoleGrantPermissionResponse,
    AuthRoleListRequest, AuthRoleListResponse, AuthRoleRevokePermissionRequest,
    AuthRoleRevokePermissionResponse, AuthStatusRequest, AuthStatusResponse, AuthUserAddRequest,
    AuthUserAddResponse, AuthUserChangePasswordRequest, AuthUserChangePasswordResponse,
    AuthUserDeleteRequest, AuthUserDeleteResponse, AuthUserGetRequest, AuthUserGetResponse,
    AuthUserGrantRoleRequest, AuthUserGrantRoleResponse, AuthUserListRequest, AuthUserListResponse,
    AuthUserRevokeRoleRequest, AuthUserRevokeRoleResponse,
};
use oxetcd_grpc::etcdserverpb::auth_client::AuthClient;

unary_calls! { AuthClient;
    /// Turns authentication on.
    pub auth_enable(AuthEnableRequest) -> AuthEnableResponse = auth_enable, "/etcdserverpb.Auth/AuthEnable", Never;
    /// Turns authentication off.
    pub auth_disable(AuthDisableRequest) -> AuthDisableResponse = auth_disable, "/etcdserverpb.Auth/AuthDisable", Never;
    /// Tells whether authentication is on.
    pub auth_status(AuthStatusRequest) -> AuthStatusResponse = auth_status, "/etcdserverpb.Auth/AuthStatus", Safe;
    /// Adds a user.
    pub user_add(AuthUserAddRequest) -> AuthUserAddResponse = user_add, "/etcdserverpb.Auth/UserAdd", Never;
    /// Tells the roles of a user.
    pub user_get(AuthUserGetRequest) -> AuthUserGetResponse = user_get, "/etcdserverpb.Auth/UserGet", Safe;
    /// Lists the users.
    pub user_list(AuthUserListRequest) -> AuthUserListResponse = user_list, "/etcdserverpb.Auth/UserList", Safe;
    /// Deletes a user.
    pub user_delete(AuthUserDeleteRequest) -> AuthUserDeleteResponse = user_delete, "/etcdserverpb.Auth/UserDelete", Never;
    /// Changes a user's password.
    pub user_change_password(AuthUserChangePasswordRequest) -> AuthUserChangePasswordResponse = user_change_password, "/etcdserverpb.Auth/UserChangePassword", Never;
    /// Gives a role to a user.
    pub user_grant_role(AuthUserGrantRoleRequest) -> AuthUserGrantRoleResponse = user_grant_role, "/etcdserverpb.Auth/UserGrantRole", Never;
    /// Takes a role from a user.
    pub user_revoke_role(AuthUserRevokeRoleRequest) -> AuthUserRevokeRoleResponse = user_revoke_role, "/etcdserverpb.Auth/UserRevokeRole", Never;
    /// Adds a role.
    pub role_add(AuthRoleAddRequest) -> AuthRoleAddResponse = role_add, "/etcdserverpb.Auth/RoleAdd", Never;
    /// Tells the permissions of a role.
    pub role_get(AuthRoleGetRequest) -> AuthRoleGetResponse = role_get, "/etcdserverpb.Auth/RoleGet", Safe;
    /// Lists the roles.
    pub role_list(AuthRoleListRequest) -> AuthRoleListResponse = role_list, "/etcdserverpb.Auth/RoleList", Safe;
    /// Deletes a role.
    pub role_delete(AuthRoleDeleteRequest) -> AuthRoleDeleteResponse = role_delete, "/etcdserverpb.Auth/RoleDelete", Never;
    /// Gives a role access to a range of keys.
    pub role_grant_permission(AuthRoleGrantPermissionRequest) -> AuthRoleGrantPermissionResponse = role_grant_permission, "/etcdserverpb.Auth/RoleGrantPermission", Never;
    /// Takes a role's access to a range of keys.
    pub role_revoke_permission(AuthRoleRevokePermissionRequest) -> AuthRoleRevokePermissionResponse = role_revoke_permission, "/etcdserverpb.Auth/RoleRevokePermission", Never;
}
