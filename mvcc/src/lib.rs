//! Multi-version key-value store: revisions, key index, transactions, compaction, hashes.
