//! The v2 key tree as a pure state machine. An empty room until the v2 issue.
