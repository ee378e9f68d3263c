//! What the in-memory engine costs: the floor for the others.

oxetcd_storage::engine_bench!("memory", |_: &std::path::Path| oxetcd_storage::Memory::new());
