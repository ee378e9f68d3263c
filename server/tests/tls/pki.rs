//! Authorities and certificates in a folder that goes with the test.

use oxetcd_tls::{Authority, Subject, TlsOptions};
use std::path::{Path, PathBuf};

/// Serial number of the certificate `revoked`.
pub const REVOKED: u64 = 0xbad;

/// A folder with `ca.crt`, `other-ca.crt`, `crl.pem`, and certificates of several kinds: `NAME.crt`, `NAME.key`.
pub struct Pki {
    pub dir: tempfile::TempDir,
    pub ca: Authority,
    pub other: Authority,
}

/// Name of the files, common name, hosts, whether it has expired, serial number.
const CERTIFICATES: &[(&str, &str, &[&str], bool, u64)] = &[
    ("server", "server", &["localhost", "127.0.0.1", "::1"], false, 1),
    ("client", "alice", &[], false, 2),
    ("nameless", "", &[], false, 3),
    ("expired", "alice", &[], true, 4),
    ("revoked", "alice", &["localhost"], false, REVOKED),
    ("good-host", "alice", &["good.example"], false, 5),
    ("bad-host", "alice", &["bad.example"], false, 6),
    ("elsewhere", "alice", &["192.0.2.1"], false, 7),
    // A name that nobody need look up.
    ("wildcard", "alice", &["*.bad.example"], false, 8),
];

impl Pki {
    pub fn new() -> Pki {
        let dir = tempfile::tempdir().expect("a directory");
        let ca = Authority::new("the authority").expect("an authority");
        let other = Authority::new("another authority").expect("an authority");
        let pki = Pki { dir, ca, other };
        pki.write("ca.crt", &pki.ca.cert());
        pki.write("other-ca.crt", &pki.other.cert());
        pki.write("crl.pem", &pki.ca.revoke(&[REVOKED]).expect("a list"));
        for (name, common_name, hosts, expired, serial) in CERTIFICATES {
            let subject = subject(common_name, hosts, *expired, *serial);
            pki.issue(&pki.ca, name, &subject);
        }
        pki.issue(&pki.other, "foreign", &subject("alice", &["localhost", "127.0.0.1"], false, 2));
        pki
    }

    /// Writes `NAME.crt` and `NAME.key`.
    pub fn issue(&self, ca: &Authority, name: &str, subject: &Subject) {
        let issued = ca.issue(subject).expect("a certificate");
        self.write(&format!("{name}.key"), &issued.key);
        self.write(&format!("{name}.crt"), &issued.cert);
    }

    /// Replaces a file at once, as good tools do.
    pub fn write(&self, name: &str, text: &str) {
        let new = self.path(&format!("{name}.new"));
        std::fs::write(&new, text).expect("a file can be written");
        std::fs::rename(&new, self.path(name)).expect("a file can be renamed");
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Flags of a server for clients with certificates of `ca.crt`, at an address of the system's choice.
    pub fn client_flags(&self) -> Vec<String> {
        let mut flags = self.open_flags();
        flags.extend(["--trusted-ca-file".to_owned(), self.text("ca.crt"), "--client-cert-auth".to_owned()]);
        flags
    }

    /// Flags of a server for clients without certificates.
    pub fn open_flags(&self) -> Vec<String> {
        let (cert, key) = (self.text("server.crt"), self.text("server.key"));
        let url = "https://127.0.0.1:0";
        let flags = [
            "--listen-client-urls",
            url,
            "--advertise-client-urls",
            url,
            "--cert-file",
            &cert,
            "--key-file",
            &key,
        ];
        flags.map(str::to_owned).to_vec()
    }

    /// Flags towards members.
    pub fn peer_flags(&self) -> Vec<String> {
        let (cert, key, ca) = (self.text("server.crt"), self.text("server.key"), self.text("ca.crt"));
        let flags = [
            "--listen-peer-urls",
            "https://127.0.0.1:0",
            "--peer-cert-file",
            &cert,
            "--peer-key-file",
            &key,
            "--peer-trusted-ca-file",
            &ca,
            "--peer-client-cert-auth",
        ];
        flags.map(str::to_owned).to_vec()
    }

    /// What a caller needs who shows this certificate.
    pub fn caller(&self, name: &str) -> TlsOptions {
        TlsOptions {
            cert_file: Some(self.path(&format!("{name}.crt"))),
            key_file: Some(self.path(&format!("{name}.key"))),
            ..self.stranger()
        }
    }

    /// What a caller needs who shows none.
    pub fn stranger(&self) -> TlsOptions {
        TlsOptions { trusted_ca_file: Some(self.path("ca.crt")), ..TlsOptions::default() }
    }
}

pub fn subject(common_name: &str, hosts: &[&str], expired: bool, serial: u64) -> Subject {
    let hosts = hosts.iter().map(ToString::to_string).collect();
    Subject { common_name: common_name.to_owned(), hosts, expired, serial }
}

/// Flags in the form that a command takes.
pub fn strs(flags: &[String]) -> Vec<&str> {
    flags.iter().map(String::as_str).collect()
}

/// A folder below the test's own.
pub fn data_dir(pki: &Pki) -> PathBuf {
    let dir: &Path = pki.dir.path();
    dir.join("data")
}
