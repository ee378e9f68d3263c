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
    /// Common name of `client`: the user that it stands for.
    #[arg(long, default_value = "root")]
    user: String,
}

/// By which `revoked` is revoked.
const REVOKED: u64 = 6;

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
    let certificates = [
        ("server", &ca, subject("server", &hosts, 1)),
        ("peer", &ca, subject("peer", &hosts, 2)),
        ("client", &ca, subject(&options.user, &[], 3)),
        ("nameless", &ca, subject("", &[], 4)),
        ("expired", &ca, Subject { expired: true, ..subject(&options.user, &hosts, 5) }),
        ("revoked", &ca, subject(&options.user, &hosts, REVOKED)),
        ("wrong-host", &ca, subject("server", &wrong_host, 7)),
        ("wrong-cn", &ca, subject("nobody", &hosts, 8)),
        ("foreign", &other, subject(&options.user, &hosts, 9)),
    ];
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
    println!("{}: ca, ca2, server, peer, client ({}), nameless, crl.pem;", dir.display(), options.user);
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
