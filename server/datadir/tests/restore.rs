//! From a snapshot to a data dir, on every engine, and back to what was in it.

use oxetcd_api::{Revision, mvccpb::KeyValue};
use oxetcd_consensus::{OsDisk, SnapStore, Wal, WalOptions};
use oxetcd_datadir::{
    FileEngine, FileStatus, Member, Migrated, Offline, Restore, member_id, migrate, open_database,
};
use oxetcd_machine::meta::{Applied, Notes};
use oxetcd_mvcc::Store;
use oxetcd_storage::{Batch, Buffer, Engine, Table};
use oxetcd_storage_bolt::{plan, write};
use prost::Message;
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fs, ops::ControlFlow, path::Path, sync::Arc, time::Duration};

const WAIT: Duration = Duration::from_secs(60);
const KEYS: i64 = 500;

type Tables = BTreeMap<&'static str, BTreeMap<Vec<u8>, Vec<u8>>>;

/// A store with keys, a deleted one among them, users, and members of an old cluster.
fn old_cluster() -> Tables {
    let mut batch = Batch::new();
    let notes = Notes {
        applied: Applied { index: 999, term: 7 },
        conf_state: Some(br#"{"voters":[5],"auto_leave":false}"#.to_vec()),
        storage_version: Some("3.6.0".to_owned()),
    };
    notes.put_into(&mut batch);
    batch.put(Table::Members, &b"5"[..], &br#"{"id":5,"peerURLs":["http://old:1"]}"#[..]);
    batch.put(Table::MembersRemoved, &b"6"[..], &b"removed"[..]);
    batch.put(Table::Cluster, &b"clusterVersion"[..], &b"3.6.0"[..]);
    batch.put(Table::AuthUsers, &b"root"[..], &b"user"[..]);
    for number in 2..2 + KEYS {
        let record = KeyValue {
            key: format!("key{number}").into_bytes().into(),
            value: vec![b'v'; 50].into(),
            create_revision: number,
            mod_revision: number,
            version: 1,
            lease: 0,
        };
        batch.put(Table::Key, Revision::new(number, 0).to_bytes().to_vec(), record.encode_to_vec());
    }
    let deleted = KeyValue { key: b"key2".to_vec().into(), ..KeyValue::default() };
    batch.put(Table::Key, Revision::new(2 + KEYS, 0).to_tombstone_bytes().to_vec(), deleted.encode_to_vec());
    let mut tables: Tables = Table::ALL.iter().map(|table| (table.name(), BTreeMap::new())).collect();
    for op in batch.ops() {
        let records = tables.entry(op.table.name()).or_default();
        records.insert(op.key.to_vec(), op.value.as_deref().unwrap_or_default().to_vec());
    }
    tables
}

/// As `etcdctl snapshot save` leaves it: a database with its checksum behind it.
fn save(tables: &Tables, path: &Path) {
    let names: Vec<_> = tables.keys().collect();
    let scan = |at: usize, visit: &mut oxetcd_storage_bolt::Visit<'_>| {
        let _ = tables[*names[at]].iter().try_for_each(|(key, value)| visit(key, value));
        Ok::<(), std::convert::Infallible>(())
    };
    let layout = plan(&names, scan).expect("records in order");
    let mut file = write(&names, layout, Vec::new(), scan).expect("the same records");
    let checksum = Sha256::digest(&file);
    file.extend_from_slice(&checksum);
    fs::write(path, file).expect("written");
}

fn restore(dir: &Path, backend: Option<&str>) -> Restore {
    let urls = vec!["http://127.0.0.1:2380".to_owned()];
    let me = member_id(&urls, "token");
    Restore {
        snapshot: dir.join("snapshot.db"),
        data_dir: dir.join("data"),
        wal_dir: dir.join("data/member/wal"),
        members: vec![Member { id: me, name: "m".to_owned(), peer_urls: urls, ..Member::default() }],
        me,
        skip_hash_check: false,
        bump_revision: 0,
        backend: backend.map(str::to_owned),
    }
}

fn table(engine: &dyn Engine, table: Table) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut found = BTreeMap::new();
    let checkpoint = engine.checkpoint().expect("readable");
    let mut visit = |key: &[u8], value: &[u8]| {
        found.insert(key.to_vec(), value.to_vec());
        ControlFlow::Continue(())
    };
    checkpoint.scan(table, b"", &mut visit).expect("readable");
    found
}

fn notes(engine: &dyn Engine) -> Notes {
    let mut notes = Notes::default();
    table(engine, Table::Meta).iter().for_each(|(key, value)| notes.take(key, value));
    notes
}

fn backends() -> Vec<Option<&'static str>> {
    let mut all = vec![None];
    #[cfg(feature = "lmdb")]
    all.push(Some("lmdb"));
    #[cfg(feature = "sled")]
    all.push(Some("sled"));
    all
}

#[test]
fn a_data_dir_has_the_old_keys_and_the_new_members() {
    for backend in backends() {
        let dir = tempfile::tempdir().expect("a folder");
        let old = old_cluster();
        save(&old, &dir.path().join("snapshot.db"));
        let restore = restore(dir.path(), backend);
        restore.run(&mut |_| {}).expect("restored");
        let engine =
            Offline::find(&restore.data_dir, WAIT).and_then(|data| data.engine(WAIT)).expect("found");
        assert_eq!(table(&*engine, Table::Key), old["key"], "{backend:?}");
        assert_eq!(table(&*engine, Table::AuthUsers), old["authUsers"]);
        assert_eq!(table(&*engine, Table::Cluster), old["cluster"]);
        assert!(table(&*engine, Table::MembersRemoved).is_empty());
        let members = table(&*engine, Table::Members);
        assert_eq!(members.keys().collect::<Vec<_>>(), [format!("{:x}", restore.me).as_bytes()]);
        let found = notes(&*engine);
        assert_eq!(found.applied, Applied { index: 1, term: 1 });
        assert_eq!(found.storage_version.as_deref(), Some("3.6.0"));
        let (_wal, replay) =
            Wal::open_newest(Arc::new(OsDisk), &restore.wal_dir, WalOptions::default()).expect("a log");
        assert_eq!((replay.start.index(), replay.hard_state.commit()), (1, 1));
        let snapshots = SnapStore::new(Arc::new(OsDisk), &restore.data_dir.join("member/snap"));
        let snapshot = snapshots.load_newest(Some(&replay.snapshots)).expect("listed").expect("a snapshot");
        assert_eq!(snapshot.metadata.and_then(|metadata| metadata.index), Some(1));
        drop(engine);
        assert!(restore.run(&mut |_| {}).unwrap_err().contains("not empty"), "nothing is overwritten");
    }
}

#[test]
fn skipped_revisions_are_compacted_and_never_seen_again() {
    for backend in backends() {
        let dir = tempfile::tempdir().expect("a folder");
        save(&old_cluster(), &dir.path().join("snapshot.db"));
        let restore = Restore { bump_revision: 1_000_000, ..restore(dir.path(), backend) };
        restore.run(&mut |_| {}).expect("restored");
        let buffer =
            Offline::find(&restore.data_dir, WAIT).and_then(|data| data.buffer(WAIT)).expect("found");
        let (store, compaction) = Store::open(buffer, &mut |_, _| {}).expect("a store");
        let bumped = 2 + KEYS + 1_000_000;
        assert_eq!((store.revision(), store.compacted()), (bumped, bumped), "{backend:?}");
        assert!(compaction.is_some());
    }
}

#[test]
fn damage_and_wrong_calls_are_named_and_leave_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("snapshot.db");
    save(&old_cluster(), &path);
    let whole = fs::read(&path).expect("read");
    let refused = |bytes: &[u8], change: &dyn Fn(&mut Restore)| {
        fs::write(&path, bytes).expect("written");
        let mut restore = restore(dir.path(), None);
        change(&mut restore);
        let error = restore.run(&mut |_| {}).expect_err("refused");
        assert!(!restore.data_dir.exists(), "{error}");
        error
    };
    let mut flipped = whole.clone();
    flipped[5000] ^= 1;
    assert!(refused(&flipped, &|_| {}).starts_with("expected sha256 ["));
    assert!(
        refused(&whole[..whole.len() - 32], &|_| {}).contains("missing hash but --skip-hash-check=false")
    );
    let skip = |restore: &mut Restore| restore.skip_hash_check = true;
    assert!(refused(&whole[..4096 * 3], &skip).contains("truncated"));
    assert!(refused(b"nothing", &skip).contains("snapshot.db"));
    assert!(refused(&whole, &|restore| restore.bump_revision = u64::MAX).contains("overflow"));
    assert!(
        refused(&whole, &|restore| restore.backend = Some("memory".to_owned())).contains("keeps nothing")
    );
    assert!(
        refused(&whole, &|restore| restore.backend = Some("btree".to_owned()))
            .contains("unknown storage backend")
    );
    fs::remove_file(&path).expect("removed");
    assert!(restore(dir.path(), None).run(&mut |_| {}).unwrap_err().contains("no such file"));
}

#[test]
fn a_file_tells_what_is_in_it_and_stays_the_same_when_defragmented() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("snapshot.db");
    save(&old_cluster(), &path);
    let status =
        |path: &Path| FileStatus::read(&open_database(path, WAIT).expect("a database")).expect("whole");
    let found = status(&path);
    assert_eq!((found.revision, found.total_keys, &found.version[..]), (2 + KEYS, KEYS as u64 - 1, "3.6.0"));
    let snap = dir.path().join("member/snap");
    fs::create_dir_all(&snap).expect("made");
    fs::copy(&path, snap.join("db")).expect("copied");
    let offline = Offline::find(dir.path(), WAIT).expect("found");
    offline.defragment(WAIT, &mut |_| {}).expect("defragmented");
    assert_eq!(status(&snap.join("db")), found);
    let engine = FileEngine::new(open_database(&path, WAIT).expect("a database"));
    let (store, _) = Store::open(Arc::new(Buffer::new(Arc::new(engine))), &mut |_, _| {}).expect("a store");
    assert_eq!(store.hash_kv(0).expect("a hash").0.revision, 2 + KEYS);
}

#[test]
fn a_layout_is_migrated_up_and_down() {
    for backend in backends() {
        let dir = tempfile::tempdir().expect("a folder");
        save(&old_cluster(), &dir.path().join("snapshot.db"));
        let restore = restore(dir.path(), backend);
        restore.run(&mut |_| {}).expect("restored");
        let go = |target, force| migrate(&restore.data_dir, target, force, WAIT);
        assert_eq!(go((3, 6), false), Ok(Migrated::UpToDate));
        assert_eq!(go((3, 7), false), Ok(Migrated::Done), "{backend:?}");
        assert_eq!(go((3, 5), false), Ok(Migrated::Done));
        assert_eq!(go((3, 5), false), Ok(Migrated::UpToDate));
        assert!(go((4, 0), false).unwrap_err().contains("major"));
        assert!(go((3, 8), false).unwrap_err().contains("not supported"));
        assert_eq!(go((3, 8), true), Ok(Migrated::Forced));
    }
}
