//! Session, mutex, election and STM over a narrow Kv trait. An empty room until the command-line issue.
