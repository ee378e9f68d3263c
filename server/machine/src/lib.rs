//! The replicated state machine: one apply over key-values, leases, membership and alarms.
