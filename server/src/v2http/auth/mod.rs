//! `/v2/auth`: users, roles, and whether anybody asks for them. It is separate from the users of the v3 API, as the
//! keys are.
//!
//! Rights are judged where a request comes in, as in etcd, and not where it is applied: who loses a right may have a
//! request under way that he still had it for.

mod access;
mod model;
mod store;

use super::{DENIED, JSON, body, reply::Reply};
use crate::service::{Others, Propose, Read};
use http::Method;
use hyper::{Request, body::Incoming};
use model::{Role, User, is_empty};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;
use store::{Failed, Store, roles_of};

pub(super) use access::Caller;

const ONE: [Method; 3] = [Method::GET, Method::PUT, Method::DELETE];

/// A user with all that its roles permit.
#[derive(Serialize)]
struct Shown {
    user: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<Role>,
}

#[derive(Serialize)]
struct Users {
    users: Option<Vec<Shown>>,
}

#[derive(Serialize)]
struct Roles {
    roles: Vec<Role>,
}

#[derive(Serialize)]
struct Enabled {
    enabled: bool,
}

/// Whether users of this API are asked who they are.
pub(super) fn is_enabled<M: Read>(member: &M) -> bool {
    Store(member).is_enabled()
}

/// Answers a request for what is at `rest` below `/v2/auth`.
pub(super) async fn answer<M: Propose + Read + Others>(
    member: &Arc<M>,
    request: Request<Incoming>,
    rest: &str,
) -> Reply {
    // Below users and roles a slash at the end does not matter.
    if rest.ends_with('/') && rest.starts_with("/enable") {
        return Reply::text(404, "404 page not found\n");
    }
    let rest = oxetcd_v2::clean(rest);
    let mut pieces = rest.split('/').skip(1);
    let (kind, name, more) = (pieces.next().unwrap_or_default(), pieces.next(), pieces.next());
    let caller = Caller::of(&request);
    let allowed: &[Method] = if kind == "enable" || name.is_some() { &ONE } else { &ONE[..1] };
    match (kind, more) {
        ("users" | "roles", Some(_)) => return Reply::message(400, "Invalid path"),
        ("users" | "roles", None) | ("enable", None) => {}
        _ => return Reply::text(404, "404 page not found\n"),
    }
    if !allowed.contains(request.method()) {
        return Reply::method_not_allowed(allowed);
    }
    let open = kind == "enable" && caller.may_change(&**member).await;
    if !open && !caller.is_root(&**member).await {
        return Reply::message(401, DENIED);
    }
    let store = Store(&**member);
    let answered = match (kind, name) {
        ("users", None) => all_users(&store),
        ("roles", None) => all_roles(&store),
        ("users", Some(name)) => one_user(&store, request, name).await,
        ("roles", Some(name)) => one_role(&store, request, name).await,
        _ => enable(&store, request.method()).await,
    };
    let reply = answered.unwrap_or_else(|failed| match failed {
        Failed::Refused(refusal) => Reply::message(refusal.status, &refusal.message),
        Failed::Tree(error) => Reply::refusal(&error),
        Failed::Damaged => Reply::message(500, "Internal Server Error"),
    });
    reply.of_cluster(member.header().cluster_id)
}

type Answered = Result<Reply, Failed>;

fn shown(status: u16, what: &impl Serialize) -> Answered {
    Ok(Reply::json(status, oxetcd_v2::to_json(what) + "\n"))
}

fn done() -> Answered {
    Ok(Reply::bare(200).with("content-type", JSON))
}

fn wrong(text: &str) -> Answered {
    Ok(Reply::message(400, text))
}

/// What a body says; the rest of it does not matter.
async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Option<T> {
    let body = body::read(request.into_body()).await.ok()?;
    T::deserialize(&mut serde_json::Deserializer::from_slice(&body)).ok()
}

fn all_users<M: Read>(store: &Store<'_, M>) -> Answered {
    let mut users = Vec::new();
    for name in store.users()? {
        let user = store.user(&name)?;
        // Roles that are gone are passed over.
        let roles = user.roles.iter().flatten().filter_map(|role| store.role(role).ok()).collect();
        users.push(Shown { user: user.user, roles });
    }
    shown(200, &Users { users: Some(users).filter(|users| !users.is_empty()) })
}

fn all_roles<M: Read>(store: &Store<'_, M>) -> Answered {
    let roles: Result<Vec<Role>, Failed> = store.roles()?.iter().map(|name| store.role(name)).collect();
    shown(200, &Roles { roles: roles? })
}

async fn one_user<M: Propose + Read + Others>(
    store: &Store<'_, M>,
    request: Request<Incoming>,
    name: &str,
) -> Answered {
    match *request.method() {
        Method::GET => {
            let user = store.user(name)?;
            let roles = roles_of(store, &user.roles)?;
            shown(200, &Shown { user: user.user, roles })
        }
        Method::DELETE => {
            store.delete_user(name).await?;
            done()
        }
        _ => {
            let Some(user) = read::<User>(request).await else {
                return wrong("Invalid JSON in request body.");
            };
            if user.user != name {
                return wrong("User JSON name does not match the name in the URL");
            }
            let (out, created) = if user.changes_roles() {
                if !is_empty(&user.roles) {
                    return wrong("User JSON contains both roles and grant/revoke");
                }
                (store.update_user(user).await?, false)
            } else if is_empty(&user.roles) {
                store.create_or_update_user(user).await?
            } else {
                (store.create_user(user).await?, false)
            };
            shown(if created { 201 } else { 200 }, &User { password: String::new(), ..out })
        }
    }
}

async fn one_role<M: Propose + Read + Others>(
    store: &Store<'_, M>,
    request: Request<Incoming>,
    name: &str,
) -> Answered {
    match *request.method() {
        Method::GET => shown(200, &store.role(name)?),
        Method::DELETE => {
            store.delete_role(name).await?;
            done()
        }
        _ => {
            let Some(role) = read::<Role>(request).await else {
                return wrong("Invalid JSON in request body.");
            };
            if role.role != name {
                return wrong("Role JSON name does not match the name in the URL");
            }
            if !role.changes_permissions() {
                store.create_role(&role).await?;
                return shown(201, &role);
            }
            if role.has_permissions() {
                return wrong("Role JSON contains both permissions and grant/revoke");
            }
            shown(200, &store.update_role(&role).await?)
        }
    }
}

async fn enable<M: Propose + Read + Others>(store: &Store<'_, M>, method: &Method) -> Answered {
    match *method {
        Method::GET => shown(200, &Enabled { enabled: store.is_enabled() }),
        Method::PUT => {
            store.enable().await?;
            done()
        }
        _ => {
            store.disable().await?;
            done()
        }
    }
}
