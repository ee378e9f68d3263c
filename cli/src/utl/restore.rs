//! `snapshot restore`: a data dir from a snapshot.

use super::failed;
use crate::{
    args::{Command, Failure, Flag, Invocation, Kind},
    exit,
    go::{os_error, quote::quote, url::check_member_url},
    progress,
};
use oxetcd_datadir::{Member, Restore, member_id};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

static DATA_DIR: Flag =
    Flag::text("data-dir", "", "data dir to be made (default: the member's name and .etcd)");
static WAL_DIR: Flag =
    Flag::text("wal-dir", "", "where the write-ahead log goes (default: into the data dir)");
static INITIAL_CLUSTER: Flag =
    Flag::text("initial-cluster", "default=http://localhost:2380", "the members of the new cluster");
static INITIAL_CLUSTER_TOKEN: Flag =
    Flag::text("initial-cluster-token", "etcd-cluster", "what keeps apart clusters that look alike");
static PEER_URLS: Flag = Flag::text(
    "initial-advertise-peer-urls",
    "http://localhost:2380",
    "URLs at which the other members reach this one",
);
static NAME: Flag = Flag::text("name", "default", "name of this member");
static SKIP_HASH_CHECK: Flag = Flag::switch(
    "skip-hash-check",
    "ignore the checksum at the end (for databases that were copied from a data dir)",
);
static MAP_SIZE: Flag = Flag::new(
    "initial-memory-map-size",
    Kind::Uint,
    "10737418240",
    "taken and ignored: databases are not mapped into memory here",
);
static BUMP_REVISION: Flag =
    Flag::new("bump-revision", Kind::Uint, "0", "how many revisions to skip behind the snapshot's newest");
static MARK_COMPACTED: Flag = Flag::switch(
    "mark-compacted",
    "compact everything up to the skipped revisions (goes with --bump-revision > 0, and only with it)",
);
static BACKEND: Flag = Flag::text(
    "backend",
    "",
    "storage engine to restore into (lmdb, rocksdb, sled); without it, a database that any etcd can start on",
);

pub(super) static RESTORE: Command = Command {
    usage: "<filename> --data-dir {output dir} [options]",
    flags: &[
        &BACKEND,
        &BUMP_REVISION,
        &DATA_DIR,
        &PEER_URLS,
        &INITIAL_CLUSTER,
        &INITIAL_CLUSTER_TOKEN,
        &MAP_SIZE,
        &MARK_COMPACTED,
        &NAME,
        &SKIP_HASH_CHECK,
        &WAL_DIR,
    ],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("restore", "Makes a data dir of a snapshot")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let bad_args = |message| Failure::new(exit::BAD_ARGS, message);
    let matches = &invocation.matches;
    if matches.args.len() != 1 {
        return Err(bad_args("snapshot restore requires exactly one argument"));
    }
    let bump_revision = matches.uint(&BUMP_REVISION);
    if matches.bool(&MARK_COMPACTED) != (bump_revision > 0) {
        return Err(bad_args("--mark-compacted required if --revision-bump > 0"));
    }
    let (name, token) = (matches.text(&NAME), matches.text(&INITIAL_CLUSTER_TOKEN));
    let cluster = InitialCluster::parse(&matches.text(&INITIAL_CLUSTER)).map_err(failed)?;
    let advertised = peer_urls(matches.text(&PEER_URLS).split(',')).map_err(failed)?;
    cluster.check(&name, &advertised).map_err(failed)?;
    let data_dir = Some(matches.text(&DATA_DIR)).filter(|dir| !dir.is_empty());
    let data_dir = PathBuf::from(data_dir.unwrap_or_else(|| format!("{name}.etcd")));
    let wal_dir = Some(matches.text(&WAL_DIR)).filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let restore = Restore {
        snapshot: matches.arg(0).into(),
        wal_dir: wal_dir.unwrap_or_else(|| data_dir.join("member/wal")),
        data_dir,
        me: cluster.id_of(&name, &token),
        members: cluster.members(&token),
        skip_hash_check: matches.bool(&SKIP_HASH_CHECK),
        bump_revision,
        backend: Some(matches.text(&BACKEND)).filter(|name| !name.is_empty()),
    };
    tell("restoring snapshot", &restore);
    let bytes = fs::metadata(&restore.snapshot)
        .map_err(|error| failed(format!("open {}: {}", restore.snapshot.display(), os_error(&error))))?
        .len();
    let bar = progress::known_bytes(2 * bytes);
    let done = restore.run(&mut |more| bar.inc(more));
    bar.finish_and_clear();
    done.map_err(failed)?;
    for member in &restore.members {
        let (id, urls) = (format!("{:x}", member.id), &member.peer_urls);
        tracing::info!("added-peer-id" = id, "added-peer-peer-urls" = ?urls, "added member");
    }
    tell("restored snapshot", &restore);
    Ok(())
}

fn tell(what: &str, restore: &Restore) {
    let path = restore.snapshot.display().to_string();
    let (data_dir, wal_dir) = (restore.data_dir.display().to_string(), restore.wal_dir.display().to_string());
    tracing::info!(path, wal_dir, data_dir, "{what}");
}

/// Names and peer URLs of the members of a new cluster.
struct InitialCluster(BTreeMap<String, Vec<String>>);

impl InitialCluster {
    fn parse(text: &str) -> Result<Self, String> {
        let mut urls: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (name, url) = part.split_once('=').unwrap_or((part, ""));
            urls.entry(name).or_default().push(url);
        }
        let checked = |(name, urls): (&str, Vec<&str>)| Ok((name.to_owned(), peer_urls(urls.into_iter())?));
        Ok(InitialCluster(urls.into_iter().map(checked).collect::<Result<_, String>>()?))
    }

    /// Whether `name` is in it, at just the URLs that it tells the others.
    fn check(&self, name: &str, advertised: &[String]) -> Result<(), String> {
        let Some(mine) = self.0.get(name) else {
            let name = quote(name);
            return Err(format!("couldn't find local name {name} in the initial cluster configuration"));
        };
        let only_in = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|url| !those.contains(url)).cloned().collect()
        };
        let named =
            |urls: Vec<String>| urls.iter().map(|url| format!("{name}={url}")).collect::<Vec<_>>().join(",");
        let missing = only_in(mine, advertised);
        if !missing.is_empty() {
            return Err(format!(
                "--initial-cluster has {} but missing from --initial-advertise-peer-urls={} ({})",
                named(missing),
                advertised.join(","),
                difference(advertised, mine)
            ));
        }
        let missing = only_in(advertised, mine);
        if !missing.is_empty() {
            return Err(format!(
                "--initial-advertise-peer-urls has {} but missing from --initial-cluster={}",
                missing.join(","),
                named(advertised.to_vec())
            ));
        }
        let mut seen = BTreeSet::new();
        if self.0.values().flatten().all(|url| seen.insert(url)) {
            return Ok(());
        }
        let all = self.0.iter().flat_map(|(name, urls)| urls.iter().map(move |url| format!("{name}={url}")));
        Err(format!("initial cluster {} has duplicate url", all.collect::<Vec<_>>().join(",")))
    }

    fn id_of(&self, name: &str, token: &str) -> u64 {
        member_id(self.0.get(name).map_or(&[], |urls| &urls[..]), token)
    }

    fn members(&self, token: &str) -> Vec<Member> {
        let member = |(name, urls): (&String, &Vec<String>)| Member {
            id: self.id_of(name, token),
            name: name.clone(),
            peer_urls: urls.clone(),
            ..Member::default()
        };
        self.0.iter().map(member).collect()
    }
}

/// How two lists that differ do so.
fn difference(these: &[String], those: &[String]) -> String {
    let all = |urls: &[String]| urls.iter().map(quote).collect::<Vec<_>>().join(" ");
    match these.iter().zip(those).find(|(this, that)| this != that) {
        Some((this, that)) if these.len() == those.len() => {
            format!("resolved urls: {} != {}", quote(this), quote(that))
        }
        _ => format!("len([{}]) != len([{}])", all(these), all(those)),
    }
}

/// Checked and sorted.
fn peer_urls<'a>(urls: impl Iterator<Item = &'a str>) -> Result<Vec<String>, String> {
    let mut checked = Vec::new();
    for url in urls {
        check_member_url(url)?;
        checked.push(url.trim().to_owned());
    }
    checked.sort_unstable();
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::{InitialCluster, peer_urls};

    fn check(cluster: &str, name: &str, advertised: &str) -> String {
        let checked = InitialCluster::parse(cluster)
            .and_then(|cluster| cluster.check(name, &peer_urls(advertised.split(','))?));
        checked.err().unwrap_or_default()
    }

    #[test]
    fn a_member_is_in_its_cluster_at_the_urls_that_it_tells() {
        let (a, b) = ("http://127.0.0.1:1", "http://127.0.0.1:2");
        assert_eq!(check(&format!("m={a},n={b}"), "m", a), "");
        assert_eq!(check(&format!("m={b},m={a}"), "m", &format!("{a},{b}")), "");
        let unknown = "couldn't find local name \"x\" in the initial cluster configuration";
        assert_eq!(check(&format!("m={a}"), "x", a), unknown);
        assert!(
            check(&format!("m={a}"), "m", b).starts_with("--initial-cluster has m=http://127.0.0.1:1 but")
        );
        assert!(
            check(&format!("m={a}"), "m", &format!("{a},{b}"))
                .starts_with("--initial-advertise-peer-urls has")
        );
        assert!(check(&format!("m={a},n={a}"), "m", a).ends_with("has duplicate url"));
        assert!(check("m", "m", a).starts_with("URL scheme must be"));
    }
}
