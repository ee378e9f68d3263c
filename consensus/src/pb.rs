//! The generated protobuf messages: what is on the wire between members and in their files.
//!
//! All three packages are proto2, so every field has presence. The reference wrote zero values until its
//! 3.6 and omits them since 3.7; readers here go through the accessors (`entry.index()`), which take an
//! absent field for its default, and so understand both.

/// Messages between members, and the parts of them that are logged.
#[allow(missing_docs, clippy::all)]
pub mod raftpb {
    include!(concat!(env!("OUT_DIR"), "/raftpb.rs"));
}

/// Records of the write-ahead log.
#[allow(missing_docs, clippy::all)]
pub mod walpb {
    include!(concat!(env!("OUT_DIR"), "/walpb.rs"));
}

/// The wrapper of a snapshot file.
#[allow(missing_docs, clippy::all)]
pub mod snappb {
    include!(concat!(env!("OUT_DIR"), "/snappb.rs"));
}
