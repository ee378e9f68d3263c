//! The LMDB engine.
