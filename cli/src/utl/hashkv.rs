//! `hashkv`: the hash over the history of keys, as a running member answers it.

use super::{failed, style, usage, wait};
use crate::{
    args::{Command, Failure, Flag, Invocation},
    print::{Answer, Json, Page, Table, Unsupported, line, show},
};
use oxetcd_datadir::{FileEngine, Offline, open_database};
use oxetcd_mvcc::{KeyValueHash, Store};
use oxetcd_storage::Buffer;
use std::{fs, path::Path, sync::Arc, time::Duration};

static REV: Flag = Flag::int("rev", "newest revision to hash (default: the newest there is)");

pub(super) static HASHKV: Command = Command {
    usage: "<filename>",
    long: "Prints the hash over the history of keys in a database file, or of a data dir whose member does not run.",
    flags: &[&REV],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("hashkv", "Prints the hash over the history of keys in a file")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let [path] = &invocation.matches.args[..] else {
        let given = invocation.matches.args.len();
        return Err(usage(invocation, &format!("accepts 1 arg(s), received {given}")));
    };
    let path = String::from_utf8_lossy(path).into_owned();
    let style = style(invocation)?;
    let hash = hash(Path::new(&path), invocation.matches.int(&REV), wait(invocation)).map_err(failed)?;
    show(&invocation.out, style, &Shown(hash))
}

fn hash(path: &Path, revision: i64, wait: Duration) -> Result<KeyValueHash, String> {
    let about = fs::metadata(path)
        .map_err(|error| format!("stat {}: {}", path.display(), crate::go::os_error(&error)))?;
    let buffer = if about.is_dir() {
        Offline::find(path, wait)?.buffer(wait)?
    } else {
        Arc::new(Buffer::new(Arc::new(FileEngine::new(open_database(path, wait)?))))
    };
    let named = |error: oxetcd_mvcc::Error| error.to_string();
    let (store, _compaction) = Store::open(buffer, &mut |_, _| {}).map_err(named)?;
    Ok(store.hash_kv(revision).map_err(named)?.0)
}

struct Shown(KeyValueHash);

impl Shown {
    fn cells(&self) -> Table {
        let KeyValueHash { hash, revision, compact_revision } = self.0;
        Table {
            header: vec!["hash", "hash revision", "compact revision"],
            rows: vec![vec![hash.to_string(), revision.to_string(), compact_revision.to_string()]],
        }
    }
}

impl Answer for Shown {
    fn simple(&self, page: &mut Page<'_>) {
        self.cells().lines(page);
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        line!(page, "\"Hash\" : {}", self.0.hash);
        line!(page, "\"Hash revision\" : {}", self.0.revision);
        line!(page, "\"Compact revision\" : {}", self.0.compact_revision);
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        json.object(|json| {
            json.name("hash").plain(self.0.hash);
            json.name("hashRevision").plain(self.0.revision);
            json.name("compactRevision").plain(self.0.compact_revision);
        });
        Ok(())
    }

    fn table(&self) -> Result<Table, Unsupported> {
        Ok(self.cells())
    }
}
