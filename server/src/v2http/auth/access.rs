//! Who asks, and whether he may.

use super::{
    model::{GUEST, ROOT, User},
    store::Store,
};
use crate::{net::Identity, service::Read};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, Method, header};
use std::sync::Arc;

/// What a request shows of its sender.
#[derive(Clone, Debug)]
pub(in crate::v2http) struct Caller {
    method: Method,
    authorization: Option<String>,
    common_name: Option<String>,
}

impl Caller {
    /// The sender of `request`.
    pub(in crate::v2http) fn of<B>(request: &http::Request<B>) -> Caller {
        let identity = request.extensions().get::<Arc<Identity>>();
        Caller {
            method: request.method().clone(),
            authorization: authorization(request.headers()),
            common_name: identity.and_then(|identity| identity.common_name.clone()),
        }
    }

    fn writes(&self) -> bool {
        self.method != Method::GET && self.method != Method::HEAD
    }

    /// Whether he may do with `key` what he asks for; with `recursive`, with all that is below it.
    pub(in crate::v2http) async fn may<M: Read>(&self, member: &M, key: &str, recursive: bool) -> bool {
        let store = Store(member);
        if !store.is_enabled() {
            return true;
        }
        let user = match (&self.authorization, &self.common_name) {
            (Some(_), _) => match self.user(&store).await {
                Some(user) => Some(user),
                None => return false,
            },
            (None, Some(name)) => store.user(name).ok(),
            (None, None) => None,
        };
        match user {
            Some(user) => {
                let mut roles = user.roles.iter().flatten().filter_map(|role| store.role(role).ok());
                roles.any(|role| role.may(key, recursive, self.writes()))
            }
            // Of a guest it is not asked how much he wants: so it is in etcd.
            None => store.role(GUEST).is_ok_and(|role| role.may(key, false, self.writes())),
        }
    }

    /// Whether he may administer.
    pub(in crate::v2http) async fn is_root<M: Read>(&self, member: &M) -> bool {
        let store = Store(member);
        if !store.is_enabled() {
            return true;
        }
        let user = match (&self.authorization, &self.common_name) {
            (None, Some(name)) => store.user(name).ok(),
            _ => self.user(&store).await,
        };
        user.is_some_and(|user| user.roles.iter().flatten().any(|role| role == ROOT))
    }

    /// The same, for what everybody may look at.
    pub(in crate::v2http) async fn may_change<M: Read>(&self, member: &M) -> bool {
        !self.writes() || self.is_root(member).await
    }

    /// The user whose name and password the request has.
    async fn user<M: Read>(&self, store: &Store<'_, M>) -> Option<User> {
        let (name, password) = basic(self.authorization.as_deref()?)?;
        let user = store.user(&name).ok()?;
        let hash = user.password.clone().into_bytes();
        // A name that no user of the other API can have.
        let known_as = format!("v2\0{name}");
        let right = store.0.logins().passwords().check(&known_as, &password, hash).await;
        right.unwrap_or(false).then_some(user)
    }
}

fn authorization(headers: &HeaderMap) -> Option<String> {
    let given = headers.get(header::AUTHORIZATION)?;
    // What is no text is no password either, but must not pass for none.
    Some(given.to_str().unwrap_or("?").to_owned()).filter(|given| !given.is_empty())
}

/// Name and password of HTTP's basic authentication.
fn basic(authorization: &str) -> Option<(String, String)> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_are_read() {
        assert_eq!(basic("Basic cm9vdDphOmI="), Some(("root".into(), "a:b".into())));
        for bad in ["", "Basic", "Basic x", "Bearer cm9vdDph", "basic cm9vdA=="] {
            assert_eq!(basic(bad), None, "{bad}");
        }
    }
}
