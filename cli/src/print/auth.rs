//! Users, roles, and whether they count.

use super::{Answer, Json, Page, ToJson, Unsupported, line};
use crate::go::quote::quote;
use oxetcd_api::{
    KeyRange,
    authpb::{Permission, permission::Type},
    etcdserverpb::{
        AuthRoleAddResponse, AuthRoleDeleteResponse, AuthRoleGetResponse, AuthRoleGrantPermissionResponse,
        AuthRoleListResponse, AuthRoleRevokePermissionResponse, AuthStatusResponse, AuthUserAddResponse,
        AuthUserChangePasswordResponse, AuthUserDeleteResponse, AuthUserGetResponse,
        AuthUserGrantRoleResponse, AuthUserListResponse, AuthUserRevokeRoleResponse, ResponseHeader,
    },
};
use prost::Message;

/// What answers that are nothing but a header have in common.
pub trait HeaderOnly: ToJson + Message {
    /// The header.
    fn header(&self) -> Option<&ResponseHeader>;
}

macro_rules! header_only {
    ($($answer:ty)*) => { $(
        impl HeaderOnly for $answer {
            fn header(&self) -> Option<&ResponseHeader> { self.header.as_ref() }
        }
    )* };
}
header_only!(AuthRoleAddResponse AuthRoleDeleteResponse AuthRoleGrantPermissionResponse
    AuthRoleRevokePermissionResponse AuthUserAddResponse AuthUserDeleteResponse AuthUserGrantRoleResponse
    AuthUserRevokeRoleResponse AuthUserChangePasswordResponse);

/// Defines the formats of an answer whose fields are a header's, but for the simple one.
macro_rules! header_formats {
    () => {
        fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
            page.header_fields(self.response.header());
            Ok(())
        }

        fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
            self.response.object(json);
            Ok(())
        }

        fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
            Ok(self.response.encode_to_vec())
        }
    };
}

/// Something done to a role: `Role NAME DONE`.
#[derive(Debug)]
pub struct RoleNamed<R> {
    /// Name of the role.
    pub role: String,
    /// What was done.
    pub done: &'static str,
    /// What the server said.
    pub response: R,
}

impl<R: HeaderOnly> Answer for RoleNamed<R> {
    fn simple(&self, page: &mut Page<'_>) {
        line!(page, "Role {} {}", self.role, self.done);
    }
    header_formats!();
}

/// Something done to a user: `User NAME DONE`.
#[derive(Debug)]
pub struct UserNamed<R> {
    /// Name of the user.
    pub user: String,
    /// What was done.
    pub done: &'static str,
    /// What the server said.
    pub response: R,
}

impl<R: HeaderOnly> Answer for UserNamed<R> {
    fn simple(&self, page: &mut Page<'_>) {
        line!(page, "User {} {}", self.user, self.done);
    }
    header_formats!();
}

/// A role given to or taken from a user: `Role ROLE is DONE user USER`.
#[derive(Debug)]
pub struct UserRole<R> {
    /// Name of the user.
    pub user: String,
    /// Name of the role.
    pub role: String,
    /// `granted to` or `revoked from`.
    pub done: &'static str,
    /// What the server said.
    pub response: R,
}

impl<R: HeaderOnly> Answer for UserRole<R> {
    fn simple(&self, page: &mut Page<'_>) {
        line!(page, "Role {} is {} user {}", self.role, self.done, self.user);
    }
    header_formats!();
}

/// A new password.
#[derive(Debug)]
pub struct PasswordChanged {
    /// What the server said.
    pub response: AuthUserChangePasswordResponse,
}

impl Answer for PasswordChanged {
    fn simple(&self, page: &mut Page<'_>) {
        page.bytes(b"Password updated\n");
    }
    header_formats!();
}

/// A permission taken from a role.
#[derive(Debug)]
pub struct RoleRevoked {
    /// Name of the role.
    pub role: String,
    /// The key, or the start of the range.
    pub key: Vec<u8>,
    /// The end of the range, in the wire's form.
    pub range_end: Vec<u8>,
    /// What the server said.
    pub response: AuthRoleRevokePermissionResponse,
}

impl Answer for RoleRevoked {
    fn simple(&self, page: &mut Page<'_>) {
        let of = match &self.range_end[..] {
            [] => [b"key ", &self.key[..]].concat(),
            [0] => [b"range [", &self.key[..], b", <open ended>"].concat(),
            end => [b"range [", &self.key[..], b", ", end, b")"].concat(),
        };
        page.bytes(b"Permission of ");
        page.bytes(&of);
        line!(page, " is revoked from role {}", self.role);
    }
    header_formats!();
}

/// The permissions of a role.
#[derive(Debug)]
pub struct RoleShown {
    /// Name of the role.
    pub role: String,
    /// What the server said.
    pub response: AuthRoleGetResponse,
}

impl Answer for RoleShown {
    fn simple(&self, page: &mut Page<'_>) {
        line!(page, "Role {}", self.role);
        let all = self.role == "root" && self.response.perm.is_empty();
        for (title, wanted) in [("KV Read:", Type::Read), ("KV Write:", Type::Write)] {
            line!(page, "{title}");
            if all {
                page.bytes(b"\t[, <open ended>\n");
            }
            for permission in &self.response.perm {
                if [wanted, Type::Readwrite].contains(&permission.perm_type()) {
                    permission_line(page, permission);
                }
            }
        }
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        page.header_fields(self.response.header.as_ref());
        for permission in &self.response.perm {
            line!(page, "\"PermType\" :  {}", permission.perm_type().as_str_name());
            line!(page, "\"Key\" : {}", quote(&permission.key));
            line!(page, "\"RangeEnd\" : {}", quote(&permission.range_end));
        }
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        self.response.object(json);
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(self.response.encode_to_vec())
    }
}

fn permission_line(page: &mut Page<'_>, permission: &Permission) {
    let (key, end) = (&permission.key, &permission.range_end);
    page.bytes(b"\t");
    match &end[..] {
        [] => page.bytes(key),
        [0] => page.bytes(&[b"[", &key[..], b", <open ended>"].concat()),
        end => page.bytes(&[b"[", &key[..], b", ", end, b")"].concat()),
    }
    let prefix = KeyRange::prefix(key.clone());
    if !key.is_empty() && !end.is_empty() && prefix == KeyRange::new(key.clone(), end.clone()) {
        page.bytes(&[b" (prefix ", &key[..], b")"].concat());
    }
    page.bytes(b"\n");
}

impl Answer for AuthRoleListResponse {
    fn simple(&self, page: &mut Page<'_>) {
        for role in &self.roles {
            line!(page, "{role}");
        }
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        page.header_fields(self.header.as_ref());
        let roles: Vec<_> = self.roles.iter().map(|role| format!(" {}", quote(role))).collect();
        line!(page, "\"Roles\" :{}", roles.concat());
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        self.object(json);
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(self.encode_to_vec())
    }
}

/// The roles of a user.
#[derive(Debug)]
pub struct UserShown {
    /// Name of the user.
    pub user: String,
    /// What the server said.
    pub response: AuthUserGetResponse,
}

impl Answer for UserShown {
    fn simple(&self, page: &mut Page<'_>) {
        let roles: Vec<_> = self.response.roles.iter().map(|role| format!(" {role}")).collect();
        line!(page, "User: {}\nRoles:{}", self.user, roles.concat());
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        self.response.object(json);
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(self.response.encode_to_vec())
    }
}

impl Answer for AuthUserListResponse {
    fn simple(&self, page: &mut Page<'_>) {
        for user in &self.users {
            line!(page, "{user}");
        }
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        self.object(json);
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(self.encode_to_vec())
    }
}

impl Answer for AuthStatusResponse {
    fn simple(&self, page: &mut Page<'_>) {
        line!(page, "Authentication Status: {}", self.enabled);
        line!(page, "AuthRevision: {}", self.auth_revision);
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        self.object(json);
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(self.encode_to_vec())
    }
}
