//! `cargo xtask certs DIR`: an authority and certificates to try TLS with, good ones and such as must be refused.

use anyhow::{Context, Result};
use clap::Args;
use oxetcd_tls::{Authority, Subject};
use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

#[derive(Args)]
pub(crate) struct Options {
    /// Where the files go; those of the same names are replaced.
    dir: PathBuf,
    /// More names and addresses of members, for `server` and `peer`.
    #[arg(long, value_delimiter = ',')]
    hosts: Vec<String>,
    /// Users: a certificate for each, of that common name and in files of that name.
    #[arg(long, value_delimiter = ',', default_value = "root,alice")]
    users: Vec<String>,
}

impl Options {
    /// The usual files, in `dir`.
    pub(crate) fn usual(dir: &Path) -> Self {
        Options { dir: dir.to_owned(), hosts: Vec::new(), users: vec!["root".to_owned()] }
    }
}

/// By which `revoked` is revoked.
const REVOKED: u64 = 5;

pub(crate) fn run(options: &Options) -> Result<()> {
    let dir = &options.dir;
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let here = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let hosts = [here.as_slice(), options.hosts.as_slice()].concat();
    let subject = |common_name: &str, hosts: &[String], serial| Subject {
        common_name: common_name.to_owned(),
        hosts: hosts.to_vec(),
        expired: false,
        serial,
    };
    let (ca, other) = (Authority::new("etcd test CA")?, Authority::new("etcd test CA 2")?);
    let wrong_host = ["wrong.example".to_owned()];
    let user = options.users.first().map_or("root", String::as_str);
    let mut certificates = vec![
        ("server", &ca, subject("server", &hosts, 1)),
        ("peer", &ca, subject("peer", &hosts, 2)),
        ("nameless", &ca, subject("", &[], 3)),
        ("expired", &ca, Subject { expired: true, ..subject(user, &hosts, 4) }),
        ("revoked", &ca, subject(user, &hosts, REVOKED)),
        ("wrong-host", &ca, subject("server", &wrong_host, 6)),
        ("wrong-cn", &ca, subject("nobody", &hosts, 7)),
        ("foreign", &other, subject(user, &hosts, 8)),
    ];
    let users = options.users.iter().zip(100..);
    certificates.extend(users.map(|(user, serial)| (user.as_str(), &ca, subject(user, &[], serial))));
    for (name, text) in
        [("ca.crt", ca.cert()), ("ca2.crt", other.cert()), ("crl.pem", ca.revoke(&[REVOKED])?)]
    {
        write(&dir.join(name), &text)?;
    }
    for (name, authority, subject) in certificates {
        let issued = authority.issue(&subject).with_context(|| format!("{name} cannot be made"))?;
        write(&dir.join(format!("{name}.crt")), &issued.cert)?;
        write(&dir.join(format!("{name}.key")), &issued.key)?;
    }
    let users = options.users.join(", ");
    println!("{}: ca, ca2, server, peer, {users}, nameless, crl.pem;", dir.display());
    println!("to be refused: expired, revoked, wrong-host, wrong-cn, foreign (by ca2)");
    Ok(())
}

/// Keys are among them, so nobody else may read what is written.
fn write(path: &Path, text: &str) -> Result<()> {
    let mut file = fs::OpenOptions::new();
    let file = file.write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write {}", path.display()))
}
