//! Simple tokens and signed ones.

use oxetcd_auth::{Caller, Jwt, JwtError, JwtOptions, SimpleTokens, password};

#[test]
fn a_simple_token_lives_as_long_as_it_is_used() {
    let tokens = SimpleTokens::new(100);
    let token = SimpleTokens::token("abcdefghijklmnop", 7);
    assert_eq!(SimpleTokens::index_of(&token), Some(7));
    tokens.assign(token.clone(), "alice", 0);
    assert_eq!(tokens.user(&token, 99).as_deref(), Some("alice"));
    assert_eq!(tokens.user(&token, 198).as_deref(), Some("alice"), "used at 99");
    assert_eq!(tokens.user(&token, 298), None);
    assert!(tokens.is_empty());
}

#[test]
fn tokens_end_with_their_user_and_do_not_pile_up() {
    let tokens = SimpleTokens::new(100);
    for login in 0..5000 {
        tokens.assign(SimpleTokens::token("t", login), "alice", login * 10);
    }
    assert!(tokens.len() < 2500, "{} are kept", tokens.len());
    tokens.assign("bob's.1".into(), "bob", 50_000);
    tokens.forget("alice");
    assert_eq!((tokens.len(), tokens.user("bob's.1", 50_000).as_deref()), (1, Some("bob")));
    tokens.clear();
    assert!(tokens.is_empty());
}

#[test]
fn what_is_no_simple_token_names_no_index() {
    for token in ["", "abc", "abc.", "abc.+7", "abc.-7", "abc.7.7", "abc.99999999999999999999999"] {
        assert_eq!(SimpleTokens::index_of(token), None, "{token}");
    }
}

fn hmac(secret: &str) -> JwtOptions {
    JwtOptions {
        method: "HS256".parse().expect("a known method"),
        public_key: None,
        private_key: Some(secret.as_bytes().to_vec()),
        ttl_s: 10,
    }
}

#[test]
fn a_signed_token_says_who_and_when() {
    let jwt = Jwt::new(&hmac("secret")).expect("a key");
    let token = jwt.sign("alice", 5, 1000).expect("signed");
    assert_eq!(jwt.verify(&token, 1009), Some(Caller::new("alice", 5)));
    assert_eq!(jwt.verify(&token, 1010), None, "expired");
    let other = Jwt::new(&hmac("another")).expect("a key");
    assert_eq!(other.verify(&token, 1000), None, "forged");
    let mut longer = hmac("secret");
    longer.method = "HS512".parse().expect("a known method");
    let longer = Jwt::new(&longer).expect("a key");
    assert_eq!(longer.verify(&token, 1000), None, "of another method");
    for damaged in ["", "a.b.c", &token[1..], &token[..token.len() - 1]] {
        assert_eq!(jwt.verify(damaged, 1000), None);
    }
}

#[test]
fn a_token_without_a_signature_is_worth_nothing() {
    let jwt = Jwt::new(&hmac("secret")).expect("a key");
    // {"alg":"none"} and {"username":"root","revision":9}
    let token = "eyJhbGciOiJub25lIn0.eyJ1c2VybmFtZSI6InJvb3QiLCJyZXZpc2lvbiI6OX0.";
    assert_eq!(jwt.verify(token, 0), None);
}

#[test]
fn pairs_of_keys_are_made_use_of_and_checked() {
    use ring::{rand::SystemRandom, signature as s};
    let random = SystemRandom::new();
    let pem = |der: &[u8]| pem::encode(&pem::Pem::new("PRIVATE KEY", der)).into_bytes();
    let p256 = s::EcdsaKeyPair::generate_pkcs8(&s::ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    let p384 = s::EcdsaKeyPair::generate_pkcs8(&s::ECDSA_P384_SHA384_FIXED_SIGNING, &random).expect("a key");
    let ed = s::Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
    for (method, key) in
        [("ES256", pem(p256.as_ref())), ("ES384", pem(p384.as_ref())), ("EdDSA", pem(ed.as_ref()))]
    {
        let method = method.parse().expect("a known method");
        let options = JwtOptions { method, public_key: None, private_key: Some(key), ttl_s: 10 };
        let jwt = Jwt::new(&options).expect("a key");
        let token = jwt.sign("alice", 1, 0).expect("signed");
        assert_eq!(jwt.verify(&token, 1), Some(Caller::new("alice", 1)), "{method:?}");
    }
}

#[test]
fn options_that_cannot_work_are_refused() {
    let none = JwtOptions { private_key: None, ..hmac("") };
    assert_eq!(Jwt::new(&none).err(), Some(JwtError::Missing));
    let rsa = JwtOptions { method: "RS256".parse().expect("known"), ..hmac("no PEM") };
    assert!(matches!(Jwt::new(&rsa).err(), Some(JwtError::Key(_))));
    assert_eq!("none".parse::<oxetcd_auth::JwtMethod>().err(), Some(JwtError::Method));
}

#[test]
fn a_password_fits_its_hash_and_no_other() {
    let hash = password::hash("secret", 4).expect("hashed");
    assert!(hash.starts_with("$2a$04$"), "as Go's library writes it");
    assert!(password::matches("secret", hash.as_bytes()));
    assert!(!password::matches("Secret", hash.as_bytes()) && !password::matches("secret", b""));
    assert!(password::hash(&"x".repeat(73), 4).is_err());
}

/// Nobody's rate of logins fills the memory, however long tokens live; whoever uses a token keeps it.
#[test]
fn tokens_that_live_for_ever_are_limited_too() {
    let tokens = SimpleTokens::new(u64::MAX / 2);
    let token = |login| SimpleTokens::token("t", login);
    let mut most = 0;
    for login in 0..300_000 {
        tokens.assign(token(login), "alice", login);
        if login % 1000 == 0 {
            assert_eq!(tokens.user(&token(0), login).as_deref(), Some("alice"), "in use at {login}");
        }
        most = most.max(tokens.len());
    }
    assert!(most <= 1 << 17, "{most} were kept");
    assert_eq!(tokens.user(&token(1), 300_000), None, "long not used");
    // All at the same moment.
    let tokens = SimpleTokens::new(1);
    (0..200_000).for_each(|login| tokens.assign(token(login), "alice", 0));
    assert!(tokens.len() <= 1 << 17);
}
