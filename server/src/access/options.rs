//! `--auth-token`: the kind of tokens, and for JWT the method and the files of the keys.

use crate::config::parse_duration;
use oxetcd_auth::JwtMethod;
use std::{collections::BTreeMap, path::PathBuf, str::FromStr, time::Duration};

/// What a token is.
#[derive(Clone, Debug)]
pub(crate) enum TokenOptions {
    /// A random name, known to all members.
    Simple,
    /// A signed statement.
    Jwt { method: JwtMethod, public_key: Option<PathBuf>, private_key: Option<PathBuf>, ttl: Duration },
    /// There are none: certificates alone say who calls.
    None,
}

const BAD_OPTIONS: &str = "auth: invalid auth options";
/// How long a JWT is valid when nothing else is said.
const JWT_TTL: Duration = Duration::from_secs(300);

impl FromStr for TokenOptions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let kind = parts.next().unwrap_or_default();
        let mut options = BTreeMap::new();
        for part in parts {
            let (name, value) = part.split_once('=').ok_or(BAD_OPTIONS)?;
            if value.contains('=') || options.insert(name, value).is_some() {
                return Err(BAD_OPTIONS.to_owned());
            }
        }
        match kind {
            "simple" => Ok(TokenOptions::Simple),
            "" => Ok(TokenOptions::None),
            "jwt" => jwt(&options),
            _ => Err(BAD_OPTIONS.to_owned()),
        }
    }
}

fn jwt(options: &BTreeMap<&str, &str>) -> Result<TokenOptions, String> {
    let given = |name: &str| options.get(name).copied().filter(|value| !value.is_empty());
    let method = given("sign-method").unwrap_or_default();
    let ttl = given("ttl").map(|ttl| parse_duration(ttl).ok_or(BAD_OPTIONS)).transpose()?;
    Ok(TokenOptions::Jwt {
        method: method.parse().map_err(|_| BAD_OPTIONS)?,
        public_key: given("pub-key").map(PathBuf::from),
        private_key: given("priv-key").map(PathBuf::from),
        ttl: ttl.unwrap_or(JWT_TTL),
    })
}
