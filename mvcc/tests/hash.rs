//! The hash over all tables. (Those over revisions are in the golden scripts.)

use bytes::Bytes;
use oxetcd_mvcc::Store;
use oxetcd_storage::{Buffer, Memory, Table};
use std::sync::Arc;

#[test]
fn covers_all_tables_in_order_of_their_names() {
    let buffer = Arc::new(Buffer::new(Arc::new(Memory::new())));
    let (store, _) = Store::open(buffer.clone(), &mut |_, _| {}).expect("memory cannot fail");
    let put = |table, key: &'static str, value: &'static str| {
        buffer.begin().put(table, Bytes::from(key), Bytes::from(value));
        store.hash().expect("memory cannot fail")
    };
    put(Table::Lease, "id", "lease");
    put(Table::Members, "m", "1");
    put(Table::MembersRemoved, "r", "2");
    put(Table::Meta, "confState", "{}");
    let all =
        "alarm auth authRoles authUsers cluster key lease id lease members m 1 members_removed r 2 meta";
    let expected = crc32c::crc32c(format!("{all} confState {{}}").replace(' ', "").as_bytes());
    for (ignored, value) in [("term", "t"), ("consistent_index", "i"), ("storageVersion", "3.7.0")] {
        assert_eq!(put(Table::Meta, ignored, value), expected);
    }
    // Elsewhere the same names count.
    assert_ne!(put(Table::Cluster, "term", "t"), expected);
}
