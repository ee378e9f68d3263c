//! Where users and roles are: in the v2 tree itself, at `/2`, where no key of a client leads.

use super::model::{List, ROOT, Refusal, Role, User};
use crate::{
    node::unix_nanos,
    service::{Others, Propose, Read},
    v2http::log,
};
use oxetcd_api::etcdserverpb::Request;
use oxetcd_v2::{Code, Event, V2Error};
use serde::{Serialize, de::DeserializeOwned};

const PLACE: &str = "/2";

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Failed {
    /// It may not be done.
    Refused(Refusal),
    /// The tree, or the log, did not do it.
    Tree(V2Error),
    /// What is stored makes no sense.
    Damaged,
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Failed::Refused(refusal)
    }
}

impl From<V2Error> for Failed {
    fn from(error: V2Error) -> Self {
        Failed::Tree(error)
    }
}

/// Users and roles of a member.
pub(super) struct Store<'a, M>(pub(super) &'a M);

fn refused<T>(status: u16, message: impl std::fmt::Display) -> Result<T, Failed> {
    Err(Refusal::new(status, message).into())
}

impl<M: Read> Store<'_, M> {
    fn get(&self, path: &str) -> Result<Event, V2Error> {
        self.0.machine().v2().lock().get(&format!("{PLACE}{path}"), false, unix_nanos())
    }

    fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failed> {
        let value = self.get(path)?.node.and_then(|node| node.value).ok_or(Failed::Damaged)?;
        serde_json::from_str(&value).map_err(|_| Failed::Damaged)
    }

    /// Whether users are asked who they are.
    pub(super) fn is_enabled(&self) -> bool {
        self.read("/enabled").unwrap_or(false)
    }

    /// Names below a directory.
    fn names(&self, path: &str) -> Result<Vec<String>, Failed> {
        let nodes = match self.get(path) {
            Ok(event) => event.node.map(|node| node.nodes).unwrap_or_default(),
            Err(error) if error.code == Code::KeyNotFound => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let name = |key: &str| key.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(nodes.iter().map(|node| name(&node.key)).collect())
    }

    /// Names of all users.
    pub(super) fn users(&self) -> Result<Vec<String>, Failed> {
        let mut names = self.names("/users")?;
        names.sort();
        Ok(names)
    }

    /// Names of all roles, of which one is always there.
    pub(super) fn roles(&self) -> Result<Vec<String>, Failed> {
        let mut names = self.names("/roles")?;
        names.push(ROOT.to_owned());
        names.sort();
        Ok(names)
    }

    pub(super) fn user(&self, name: &str) -> Result<User, Failed> {
        match self.read::<User>(&format!("/users/{name}")) {
            Err(Failed::Tree(error)) if error.code == Code::KeyNotFound => {
                refused(404, format_args!("User {name} does not exist."))
            }
            found => found.map(User::with_root_role),
        }
    }

    pub(super) fn role(&self, name: &str) -> Result<Role, Failed> {
        if name == ROOT {
            return Ok(Role::root());
        }
        match self.read(&format!("/roles/{name}")) {
            Err(Failed::Tree(error)) if error.code == Code::KeyNotFound => {
                refused(404, format_args!("Role {name} does not exist."))
            }
            found => found,
        }
    }
}

impl<M: Propose + Read + Others> Store<'_, M> {
    async fn write(&self, path: &str, request: Request) -> Result<(), V2Error> {
        let (path, time) = (Some(format!("{PLACE}{path}")), Some(unix_nanos()));
        log::write(self.0, Request { path, time, ..request }).await.map(drop)
    }

    /// Makes the directories, once.
    async fn prepare(&self) -> Result<(), V2Error> {
        if self.0.machine().v2().lock().get(&format!("{PLACE}/enabled"), false, 0).is_ok() {
            return Ok(());
        }
        for path in ["", "/users", "/roles", "/enabled"] {
            let file = path == "/enabled";
            let request = Request {
                method: Some("PUT".to_owned()),
                dir: Some(!file),
                val: file.then(|| "false".to_owned()),
                prev_exist: Some(false),
                ..Request::default()
            };
            match self.write(path, request).await {
                Err(error) if error.code != Code::NodeExist => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    async fn put(&self, path: &str, value: &impl Serialize, exists: bool) -> Result<(), V2Error> {
        self.prepare().await?;
        let (method, val) = (Some("PUT".to_owned()), Some(oxetcd_v2::to_json(value)));
        self.write(path, Request { method, val, prev_exist: Some(exists), ..Request::default() }).await
    }

    async fn delete(&self, path: &str) -> Result<(), V2Error> {
        self.prepare().await?;
        let method = Some("DELETE".to_owned());
        self.write(path, Request { method, prev_exist: Some(true), ..Request::default() }).await
    }

    /// Waits until what is read here is as new as what anybody was told.
    async fn current(&self) -> Result<(), V2Error> {
        log::in_time(self.0, self.0.barrier()).await
    }

    async fn hashed(&self, password: &str) -> Result<String, Failed> {
        let hashed = self.0.logins().passwords().hash(password.to_owned()).await;
        hashed.map_err(|error| Failed::Tree(log::internal(error.message())))
    }

    pub(super) async fn create_user(&self, user: User) -> Result<User, Failed> {
        let mut user = user.with_root_role();
        if user.password.is_empty() {
            return refused(400, format_args!("Cannot create user {} with an empty password", user.user));
        }
        user.password = self.hashed(&user.password).await?;
        match self.put(&format!("/users/{}", user.user), &user, false).await {
            Err(error) if error.code == Code::NodeExist => {
                refused(409, format_args!("User {} already exists.", user.user))
            }
            Err(error) => Err(error.into()),
            Ok(()) => Ok(user),
        }
    }

    /// Makes a user, or changes the password of one that is there. Says whether it was made.
    pub(super) async fn create_or_update_user(&self, user: User) -> Result<(User, bool), Failed> {
        self.current().await?;
        match self.user(&user.user) {
            Ok(_) => self.update_user(user).await.map(|user| (user, false)),
            Err(_) => self.create_user(user).await.map(|user| (user, true)),
        }
    }

    pub(super) async fn update_user(&self, mut wanted: User) -> Result<User, Failed> {
        self.current().await?;
        let old = self.user(&wanted.user)?;
        if !wanted.password.is_empty() {
            wanted.password = self.hashed(&wanted.password).await?;
        }
        let new = old.merged(&wanted)?;
        if new == old {
            return refused(400, "User not updated. Use grant/revoke/password to update the user.");
        }
        self.put(&format!("/users/{}", new.user), &new, true).await?;
        Ok(new)
    }

    pub(super) async fn delete_user(&self, name: &str) -> Result<(), Failed> {
        if name == ROOT && self.is_enabled() {
            return refused(403, "Cannot delete root user while auth is enabled.");
        }
        match self.delete(&format!("/users/{name}")).await {
            Err(error) if error.code == Code::KeyNotFound => {
                refused(404, format_args!("User {name} does not exist"))
            }
            done => Ok(done?),
        }
    }

    pub(super) async fn create_role(&self, role: &Role) -> Result<(), Failed> {
        not_root(&role.role)?;
        match self.put(&format!("/roles/{}", role.role), role, false).await {
            Err(error) if error.code == Code::NodeExist => {
                refused(409, format_args!("Role {} already exists.", role.role))
            }
            done => Ok(done?),
        }
    }

    pub(super) async fn update_role(&self, wanted: &Role) -> Result<Role, Failed> {
        not_root(&wanted.role)?;
        self.current().await?;
        let old = self.role(&wanted.role)?;
        let new = old.merged(wanted)?;
        if new == old {
            return refused(400, "Role not updated. Use grant/revoke to update the role.");
        }
        self.put(&format!("/roles/{}", new.role), &new, true).await?;
        Ok(new)
    }

    pub(super) async fn delete_role(&self, name: &str) -> Result<(), Failed> {
        not_root(name)?;
        match self.delete(&format!("/roles/{name}")).await {
            Err(error) if error.code == Code::KeyNotFound => {
                refused(404, format_args!("Role {name} doesn't exist."))
            }
            done => Ok(done?),
        }
    }

    /// Asks users who they are from now on.
    pub(super) async fn enable(&self) -> Result<(), Failed> {
        if self.is_enabled() {
            return refused(409, "already enabled");
        }
        self.current().await?;
        if self.user(ROOT).is_err() {
            return refused(409, "No root user available, please create one");
        }
        if self.role(super::model::GUEST).is_err() {
            self.create_role(&Role::of_all(super::model::GUEST)).await?;
        }
        Ok(self.put("/enabled", &true, true).await?)
    }

    /// Lets everybody do everything again.
    pub(super) async fn disable(&self) -> Result<(), Failed> {
        if !self.is_enabled() {
            return refused(409, "already disabled");
        }
        Ok(self.put("/enabled", &false, true).await?)
    }
}

fn not_root(role: &str) -> Result<(), Failed> {
    match role {
        ROOT => refused(403, format_args!("Cannot modify role {role}: is root role.")),
        _ => Ok(()),
    }
}

/// The roles of these names, with what is wrong with the first that cannot be read.
pub(super) fn roles_of<M: Read>(store: &Store<'_, M>, names: &List) -> Result<Vec<Role>, Failed> {
    names.iter().flatten().map(|name| store.role(name)).collect()
}
