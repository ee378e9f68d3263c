//! Keys of the curve P-521, which ring does not know.
//!
//! Go's etcd makes such keys for `--auto-tls` and `--peer-auto-tls`. Without them a client could not call such a server, a member
//! could not call such a member, and one that took over the folder of such a member would not start. Only signatures are here: the
//! exchange of keys stays ring's, so that Go's servers of TLS 1.2, which want the curve for both, still refuse us.

use p521::{
    SecretKey,
    ecdsa::{
        Signature, SigningKey, VerifyingKey,
        signature::{Signer as _, Verifier},
    },
    pkcs8::DecodePrivateKey,
};
use rustls::{
    Error, SignatureAlgorithm, SignatureScheme,
    crypto::{CryptoProvider, KeyProvider, WebPkiSupportedAlgorithms, ring},
    pki_types::{
        AlgorithmIdentifier, InvalidSignature, PrivateKeyDer, SignatureVerificationAlgorithm, alg_id,
    },
    sign::{Signer, SigningKey as TlsKey},
};
use std::sync::{Arc, LazyLock};

const SCHEME: SignatureScheme = SignatureScheme::ECDSA_NISTP521_SHA512;

type Algorithm = &'static dyn SignatureVerificationAlgorithm;

static ALL: LazyLock<Vec<Algorithm>> = LazyLock::new(|| {
    let rings = ring::default_provider().signature_verification_algorithms.all;
    rings.iter().copied().chain([&EcdsaP521 as Algorithm]).collect()
});

/// Ours last: it is the slowest.
static MAPPING: LazyLock<Vec<(SignatureScheme, &'static [Algorithm])>> = LazyLock::new(|| {
    let rings = ring::default_provider().signature_verification_algorithms.mapping;
    rings.iter().copied().chain([(SCHEME, &[&EcdsaP521 as Algorithm] as &[Algorithm])]).collect()
});

/// ring, and this curve beside it.
pub(crate) fn with_ring() -> CryptoProvider {
    CryptoProvider {
        signature_verification_algorithms: WebPkiSupportedAlgorithms { all: &ALL, mapping: &MAPPING },
        key_provider: &Keys,
        ..ring::default_provider()
    }
}

/// ECDSA over P-521 with SHA-512.
#[derive(Debug)]
struct EcdsaP521;

impl SignatureVerificationAlgorithm for EcdsaP521 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = VerifyingKey::from_sec1_bytes(public_key).map_err(|_| InvalidSignature)?;
        let signature = Signature::from_der(signature).map_err(|_| InvalidSignature)?;
        key.verify(message, &signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P521
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA512
    }
}

/// Reads keys of this curve, and leaves all others to ring.
#[derive(Debug)]
struct Keys;

impl KeyProvider for Keys {
    fn load_private_key(&self, key: PrivateKeyDer<'static>) -> Result<Arc<dyn TlsKey>, Error> {
        let own = match &key {
            PrivateKeyDer::Pkcs8(key) => SecretKey::from_pkcs8_der(key.secret_pkcs8_der()).ok(),
            PrivateKeyDer::Sec1(key) => SecretKey::from_sec1_der(key.secret_sec1_der()).ok(),
            _ => None,
        };
        match own {
            Some(own) => Ok(Arc::new(Key(SigningKey::from(&own)))),
            None => ring::default_provider().key_provider.load_private_key(key),
        }
    }
}

#[derive(Clone, Debug)]
struct Key(SigningKey);

impl TlsKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&SCHEME).then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature: Signature =
            self.0.try_sign(message).map_err(|error| Error::General(error.to_string()))?;
        Ok(signature.to_der().as_bytes().to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SCHEME
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientTls, Protocol, ServerTls, TlsOptions, TlsVersion};
    use std::path::{Path, PathBuf};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// A key as Go's etcd makes them, and its certificate, by openssl; good for a hundred years.
    fn file(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
    }

    fn keyed() -> TlsOptions {
        TlsOptions {
            cert_file: Some(file("p521.crt")),
            key_file: Some(file("p521.key")),
            ..TlsOptions::default()
        }
    }

    /// Says a word over TLS to a server with such a key.
    async fn talk(server: TlsOptions, client: TlsOptions) -> String {
        let server = ServerTls::new(server).expect("the key is understood");
        let client = ClientTls::new(client, Protocol::Http1).expect("good options");
        let (here, there) = tokio::io::duplex(64 << 10);
        let served = async {
            let mut stream = server.accept(there, None).await.map_err(|rejected| rejected.error)?.stream;
            let mut word = [0; 4];
            stream.read_exact(&mut word).await.map_err(|error| error.to_string())?;
            Ok::<_, String>(String::from_utf8_lossy(&word).into_owned())
        };
        let called = async {
            let mut stream =
                client.connect(here, "127.0.0.1").await.map_err(|error| format!("client: {error}"))?;
            stream.write_all(b"word").await.map_err(|error| error.to_string())?;
            stream.flush().await.map_err(|error| error.to_string())?;
            Ok::<_, String>(stream)
        };
        match tokio::join!(served, called) {
            (Ok(word), Ok(_)) => word,
            (Err(error), Ok(_)) | (_, Err(error)) => error,
        }
    }

    #[tokio::test]
    async fn go_makes_such_keys_and_they_are_understood_on_both_sides() {
        let trusting = TlsOptions { insecure_skip_verify: true, ..TlsOptions::default() };
        let knowing = TlsOptions { trusted_ca_file: Some(file("p521.crt")), ..TlsOptions::default() };
        for max_version in [None, Some(TlsVersion::V12)] {
            for client in [&trusting, &knowing] {
                let client = TlsOptions { max_version, ..client.clone() };
                assert_eq!(talk(keyed(), client).await, "word");
            }
        }
        // One who shows such a certificate, too.
        let asking =
            TlsOptions { trusted_ca_file: Some(file("p521.crt")), client_cert_auth: true, ..keyed() };
        let showing = TlsOptions { insecure_skip_verify: true, ..keyed() };
        assert_eq!(talk(asking, showing).await, "word");
    }

    #[test]
    fn a_signature_of_something_else_is_none() {
        let pem = std::fs::read_to_string(file("p521.key")).expect("the file is there");
        let key = SigningKey::from(&SecretKey::from_sec1_pem(&pem).expect("a key"));
        let public = key.verifying_key().to_sec1_point(false);
        let mut signature = Key(key.clone()).sign(b"word").expect("signed");
        let verify = |message: &[u8], signature: &[u8]| {
            EcdsaP521.verify_signature(public.as_bytes(), message, signature)
        };
        assert!(verify(b"word", &signature).is_ok());
        assert!(verify(b"work", &signature).is_err());
        assert!(verify(b"word", b"").is_err() && verify(b"word", &signature[1..]).is_err());
        *signature.last_mut().expect("it has bytes") ^= 1;
        assert!(verify(b"word", &signature).is_err());
        assert!(EcdsaP521.verify_signature(b"no point", b"word", &signature).is_err());
    }
}
