//! The storage seam: the Engine trait, the in-memory engine, the write buffer, and the contract every engine must keep.
