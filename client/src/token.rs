//! The token that stands for our credentials.

use crate::{Client, Credentials, Error, error};
use oxetcd_api::etcdserverpb::AuthenticateRequest;
use oxetcd_grpc::etcdserverpb::auth_client::AuthClient;
use std::sync::{PoisonError, RwLock};
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
};

/// The token in use, if any.
#[derive(Default)]
pub(crate) struct TokenStore {
    current: RwLock<Option<MetadataValue<Ascii>>>,
}

impl TokenStore {
    pub(crate) fn current(&self) -> Option<MetadataValue<Ascii>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, token: Option<&str>) {
        let value = token.and_then(|token| token.parse().ok());
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = value;
    }
}

impl Client {
    /// Gets a token for our credentials, when we have any.
    pub(crate) async fn log_in(&self) -> Result<(), Error> {
        let (user, password) = match &self.inner.config.credentials {
            None => return Ok(()),
            Some(Credentials::Token(token)) => {
                self.inner.token.set(Some(token));
                return Ok(());
            }
            Some(Credentials::Password { user, password }) => (user, password),
        };
        if user.is_empty() || password.is_empty() {
            return Ok(());
        }
        let request = AuthenticateRequest { name: user.clone(), password: password.clone() };
        loop {
            let picked = self.pick().await?;
            let answer =
                AuthClient::new(picked.channel.clone()).authenticate(Request::new(request.clone())).await;
            match answer.map_err(Error::from) {
                Ok(answer) => self.inner.token.set(Some(&answer.into_inner().token)),
                // Not an error: the cluster wants no token yet.
                Err(error) if error.is(error::AUTH_NOT_ENABLED) => self.inner.token.set(None),
                Err(error) if error.code() == tonic::Code::Unavailable => {
                    picked.lost();
                    continue;
                }
                Err(error) => return Err(error),
            }
            return Ok(());
        }
    }

    fn has_password(&self) -> bool {
        matches!(self.inner.config.credentials, Some(Credentials::Password { .. }))
    }

    /// Whether `error` is about the token, and another one or another try may help.
    pub(crate) fn is_about_token(&self, error: &Error) -> bool {
        let given = matches!(self.inner.config.credentials, Some(Credentials::Token(_)));
        let stale = error.is(error::INVALID_TOKEN) || error.is(error::OLD_REVISION);
        !given && (stale || self.has_password() && error.is(error::USER_EMPTY))
    }

    /// Whether `error` was about the token and the call should be made again.
    pub(crate) async fn renew_token(&self, error: &Error) -> Result<bool, Error> {
        if !self.is_about_token(error) {
            return Ok(false);
        }
        if self.has_password() {
            self.log_in().await?;
        }
        Ok(true)
    }
}
