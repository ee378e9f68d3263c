//! The sled engine.
