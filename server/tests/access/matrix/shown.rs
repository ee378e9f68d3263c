//! What a caller may show for itself, and what that is worth.

use super::{
    model::{Standing, users},
    world::{NAMELESS, STRANGER, World},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use oxetcd_auth::{Jwt, JwtOptions};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// One caller.
#[derive(Clone, Debug)]
pub struct Shown {
    pub what: String,
    pub token: Option<String>,
    /// The certificate of its connection, by name.
    pub certificate: Option<String>,
    pub standing: Standing,
}

impl Shown {
    fn token(what: &str, token: impl Into<String>, standing: Standing) -> Shown {
        Shown { what: what.to_owned(), token: Some(token.into()), certificate: None, standing }
    }

    fn nothing() -> Shown {
        Shown { what: "nothing".to_owned(), token: None, certificate: None, standing: Standing::Nobody }
    }
}

fn named(user: &str, is_current: bool) -> Standing {
    Standing::Named { user: user.to_owned(), is_current }
}

/// Logins with a password.
async fn logins(world: &World) -> Vec<Shown> {
    let mut all = Vec::new();
    for user in users() {
        all.push(Shown::token("a login", world.log_in(user.name).await, named(user.name, true)));
    }
    all
}

/// Simple tokens: of everybody, and ones that are worth nothing.
pub async fn simple(world: &World) -> Vec<Shown> {
    let mut all = logins(world).await;
    let (letters, index) = world.root().split_once('.').expect("letters and an index");
    let forged = [
        String::new(),
        "root".to_owned(),
        "aaaaaaaaaaaaaaaa.1".to_owned(),
        format!("{letters}.1"),
        format!("{letters}x.{index}"),
        format!("{letters}.{index}0000000000000000000000"),
        format!("{letters}.-{index}"),
    ];
    all.extend(forged.into_iter().map(|token| Shown::token("a forgery", token, Standing::Invalid)));
    all.push(Shown::nothing());
    all
}

/// Certificates: of everybody, of nobody; and beside them tokens, which count more, also when they are worth nothing.
pub async fn certificates(world: &World) -> Vec<Shown> {
    let token = world.log_in("both").await;
    let shown = |what: &str, token: Option<&str>, certificate: &str, standing| Shown {
        what: what.to_owned(),
        token: token.map(str::to_owned),
        certificate: Some(certificate.to_owned()),
        standing,
    };
    let names = users().into_iter().map(|user| user.name).chain([STRANGER]);
    let mut all: Vec<_> = names.map(|name| shown("a certificate", None, name, named(name, true))).collect();
    all.push(shown("a certificate without a name", None, NAMELESS, Standing::Nobody));
    all.push(shown("a login over another's certificate", Some(&token), "none", named("both", true)));
    all.push(shown("a login over a certificate without a name", Some(&token), NAMELESS, named("both", true)));
    all.push(shown("a forgery over a good certificate", Some("x.1"), "root", Standing::Invalid));
    all
}

/// A key to sign tokens with, and the flags of a server that believes them.
pub struct Signer {
    method: &'static str,
    jwt: Jwt,
    key: &'static [u8],
    /// Known to everybody.
    public: Option<&'static [u8]>,
    dir: tempfile::TempDir,
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn with_secret(algorithm: Algorithm, claims: &Value, secret: &[u8]) -> String {
    let key = EncodingKey::from_secret(secret);
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).expect("signed")
}

impl Signer {
    pub fn hmac() -> Signer {
        Signer::new("HS256", b"a secret of some length, which nobody knows", None)
    }

    /// With a pair of keys.
    pub fn paired(method: &'static str) -> Signer {
        macro_rules! pair {
            ($name:literal) => {
                (
                    &include_bytes!(concat!("../keys/", $name, ".pem"))[..],
                    &include_bytes!(concat!("../keys/", $name, ".pub.pem"))[..],
                )
            };
        }
        let (key, public) = match method {
            "ES256" => pair!("es256"),
            "ES384" => pair!("es384"),
            "ES512" => pair!("es512"),
            "EdDSA" => pair!("eddsa"),
            _ => pair!("rsa"),
        };
        Signer::new(method, key, Some(public))
    }

    fn new(method: &'static str, key: &'static [u8], public: Option<&'static [u8]>) -> Signer {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("key"), key).expect("written");
        std::fs::write(dir.path().join("public"), public.unwrap_or_default()).expect("written");
        let options = JwtOptions {
            method: method.parse().expect("a method"),
            private_key: Some(key.to_vec()),
            public_key: public.map(<[u8]>::to_vec),
            ttl_s: 3600,
        };
        Signer { method, jwt: Jwt::new(&options).expect("keys"), key, public, dir }
    }

    pub fn flags(&self) -> Vec<String> {
        let [key, public] = ["key", "public"].map(|name| self.dir.path().join(name));
        let mut option = format!("jwt,priv-key={},sign-method={},ttl=1h", key.display(), self.method);
        if self.public.is_some() {
            option += &format!(",pub-key={}", public.display());
        }
        vec!["--auth-token".to_owned(), option]
    }

    fn sign(&self, user: &str, revision: u64) -> String {
        self.jwt.sign(user, revision, now_s()).expect("signed")
    }

    /// Tokens that are almost good.
    fn forgeries(&self, revision: u64) -> Vec<String> {
        let good = json!({ "username": "root", "revision": revision, "exp": now_s() + 3600 });
        let token = self.sign("root", revision);
        let (said, signature) = token.rsplit_once('.').expect("a signature");
        let other = self.sign("none", revision);
        let (_, other) = other.rsplit_once('.').expect("a signature");
        // {"alg":"none"}
        let unsigned = said.split_once('.').map(|(_, claims)| format!("eyJhbGciOiJub25lIn0.{claims}."));
        let mut forged = vec![
            self.jwt.sign("root", revision, now_s() - 4000).expect("signed"),
            with_secret(Algorithm::HS256, &good, b"another secret"),
            with_secret(Algorithm::HS512, &good, self.public.unwrap_or(self.key)),
            format!("{said}."),
            format!("{said}.{}", &signature[1..]),
            format!("{said}.{other}"),
            unsigned.expect("three parts"),
            said.to_owned(),
            "aaaaaaaaaaaaaaaa.1".to_owned(),
            String::new(),
        ];
        if let Some(public) = self.public {
            forged.push(with_secret(Algorithm::HS256, &good, public));
            return forged;
        }
        let but = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            with_secret(Algorithm::HS256, &claims, self.key)
        };
        forged.extend([
            but("exp", json!(now_s() - 10)),
            but("exp", json!("never")),
            but("nbf", json!(now_s() + 3600)),
            but("username", json!(1)),
            but("revision", json!("1")),
            but("revision", Value::Null),
        ]);
        forged
    }
}

/// Signed tokens: of everybody; of an older revision; of users that do not exist, or have no password; forgeries.
pub async fn signed(world: &World, signer: &Signer) -> Vec<Shown> {
    let mut all = logins(world).await;
    for user in users() {
        let old = signer.sign(user.name, world.revision - 1);
        all.push(Shown::token("a token of before", old, named(user.name, false)));
    }
    all.push(Shown::token("our own token", signer.sign("both", world.revision), named("both", true)));
    all.push(Shown::token(
        "a token of a stranger",
        signer.sign("stranger", world.revision),
        named("stranger", true),
    ));
    let forged = signer.forgeries(world.revision);
    all.extend(forged.into_iter().map(|token| Shown::token("a forgery", token, Standing::Invalid)));
    all.push(Shown::nothing());
    all
}
