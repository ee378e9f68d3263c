//! Users, over `/v2/auth`.

use super::{
    cluster::{Call, Cluster, Problem},
    members::{expect, read, refusal},
    roles::Role,
    urls::{canonical, escaped_path},
};
use bytes::Bytes;
use http::{Method, Response};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// The path of something below `/v2/auth`.
pub(super) fn auth_path(kind: &str, name: &str) -> String {
    escaped_path(canonical(&format!("/v2/auth/{kind}/{name}")).trim_end_matches('/'))
}

/// Refuses an answer of another status in the words of its body.
pub(super) fn accepted(answer: &Response<Bytes>, statuses: &[u16]) -> Result<(), Problem> {
    expect(answer, statuses).map_err(|_| refusal(answer.body()))
}

/// A user.
pub(super) struct User {
    pub(super) name: String,
    pub(super) roles: Vec<String>,
}

/// What is to change of a user.
#[derive(Serialize)]
pub(super) struct UserChange {
    pub(super) user: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) password: String,
    /// All roles; not changed this way.
    pub(super) roles: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) grant: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) revoke: Vec<String>,
}

impl UserChange {
    pub(super) fn new(name: &str) -> Self {
        UserChange {
            user: name.to_owned(),
            password: String::new(),
            roles: None,
            grant: Vec::new(),
            revoke: Vec::new(),
        }
    }
}

/// Asks about users, and changes them, within the time of one command.
pub(super) struct Users<'a> {
    cluster: &'a Cluster,
    deadline: Instant,
}

impl<'a> Users<'a> {
    pub(super) fn new(cluster: &'a Cluster) -> Self {
        Users { cluster, deadline: cluster.deadline() }
    }

    async fn call(&self, call: Call, statuses: &[u16]) -> Result<Bytes, Problem> {
        let answer = self.cluster.call(&call, Some(self.deadline)).await?;
        accepted(&answer, statuses)?;
        Ok(answer.into_body())
    }

    pub(super) async fn enable(&self, on: bool) -> Result<(), Problem> {
        let method = if on { Method::PUT } else { Method::DELETE };
        self.call(Call::new(method, auth_path("enable", "")), &[200, 201]).await.map(drop)
    }

    pub(super) async fn list(&self) -> Result<Vec<String>, Problem> {
        #[derive(Deserialize)]
        struct Name {
            user: String,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct List {
            users: Option<Vec<Name>>,
        }
        let body = self.call(Call::get(auth_path("users", "")), &[200]).await?;
        let list: List = read(&body)?;
        Ok(list.users.unwrap_or_default().into_iter().map(|name| name.user).collect())
    }

    pub(super) async fn get(&self, name: &str) -> Result<User, Problem> {
        /// Roles are told by name, or as a whole.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum RoleOf {
            Name(String),
            Whole(Role),
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Shown {
            user: String,
            roles: Option<Vec<RoleOf>>,
        }
        let body = self.call(Call::get(auth_path("users", name)), &[200]).await?;
        let shown: Shown = read(&body)?;
        let roles = shown.roles.unwrap_or_default();
        // etcdctl 3.5 tries to read whole roles as names first, and keeps an empty name for each.
        let empty = roles.iter().filter(|role| matches!(role, RoleOf::Whole(_))).count();
        let mut names = vec![String::new(); empty];
        names.extend(roles.into_iter().map(|role| match role {
            RoleOf::Name(name) => name,
            RoleOf::Whole(role) => role.role,
        }));
        Ok(User { name: shown.user, roles: names })
    }

    pub(super) async fn add(&self, name: &str, password: &str) -> Result<(), Problem> {
        let change = UserChange { password: password.to_owned(), ..UserChange::new(name) };
        self.call(self.put(&change), &[200, 201]).await.map(drop)
    }

    pub(super) async fn change(&self, change: &UserChange) -> Result<(), Problem> {
        self.call(self.put(change), &[200]).await.map(drop)
    }

    pub(super) async fn remove(&self, name: &str) -> Result<(), Problem> {
        let call = Call::new(Method::DELETE, auth_path("users", name));
        self.call(call, &[200, 201]).await.map(drop)
    }

    fn put(&self, change: &UserChange) -> Call {
        Call::new(Method::PUT, auth_path("users", &change.user)).json(oxetcd_v2::to_json(change))
    }
}
