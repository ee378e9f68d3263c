//! Roles, over `/v2/auth/roles`.

use super::{
    cluster::{Call, Cluster, Problem},
    members::read,
    users::{accepted, auth_path},
};
use bytes::Bytes;
use http::Method;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// A role, and perhaps what is to change of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Role {
    pub(super) role: String,
    pub(super) permissions: Permissions,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<Permissions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoke: Option<Permissions>,
}

/// What a role opens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Permissions {
    pub(super) kv: Paths,
}

/// Paths for reading and for writing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Paths {
    pub(super) read: Option<Vec<String>>,
    pub(super) write: Option<Vec<String>>,
}

/// What a path is open for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
    ReadWrite,
}

/// Asks about roles, and changes them, within the time of one command.
pub(super) struct Roles<'a> {
    cluster: &'a Cluster,
    deadline: Instant,
}

impl<'a> Roles<'a> {
    pub(super) fn new(cluster: &'a Cluster) -> Self {
        Roles { cluster, deadline: cluster.deadline() }
    }

    async fn call(&self, call: Call, statuses: &[u16]) -> Result<Bytes, Problem> {
        let answer = self.cluster.call(&call, Some(self.deadline)).await?;
        accepted(&answer, statuses)?;
        Ok(answer.into_body())
    }

    pub(super) async fn list(&self) -> Result<Vec<String>, Problem> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct List {
            roles: Option<Vec<Role>>,
        }
        let answer = self.cluster.call(&Call::get(auth_path("roles", "")), Some(self.deadline)).await?;
        // The one call whose refusals etcdctl does not read.
        super::members::expect(&answer, &[200])?;
        let list: List = read(answer.body())?;
        Ok(list.roles.unwrap_or_default().into_iter().map(|role| role.role).collect())
    }

    pub(super) async fn get(&self, name: &str) -> Result<Role, Problem> {
        read(&self.call(Call::get(auth_path("roles", name)), &[200]).await?)
    }

    pub(super) async fn add(&self, name: &str) -> Result<(), Problem> {
        let role = Role { role: name.to_owned(), ..Role::default() };
        self.call(put(&role), &[200, 201]).await.map(drop)
    }

    pub(super) async fn remove(&self, name: &str) -> Result<(), Problem> {
        let call = Call::new(Method::DELETE, auth_path("roles", name));
        self.call(call, &[200, 201]).await.map(drop)
    }

    /// Opens a path to a role, or closes it; the role as it is then.
    pub(super) async fn change(
        &self,
        name: &str,
        path: &str,
        access: Access,
        grants: bool,
    ) -> Result<Role, Problem> {
        let paths = |wanted: bool| wanted.then(|| vec![path.to_owned()]);
        let kv = Paths { read: paths(access != Access::Write), write: paths(access != Access::Read) };
        let change = Some(Permissions { kv });
        let (grant, revoke) = if grants { (change, None) } else { (None, change) };
        let role = Role { role: name.to_owned(), grant, revoke, ..Role::default() };
        read(&self.call(put(&role), &[200]).await?)
    }
}

fn put(role: &Role) -> Call {
    Call::new(Method::PUT, auth_path("roles", &role.role)).json(oxetcd_v2::to_json(role))
}
