//! etcdctl as people use it: on a terminal, against a server that is a process of its own.
//!
//! Nothing here waits for a time to pass. That somebody waits for a lock is seen in the store, where waiters stand in
//! line; that something was shown is seen on the screen of the pseudo-terminal.

mod coordination;
mod discovery;
mod elsewhere;
mod hidden;
mod operations;
mod screen;
mod server;
mod shells;
mod terminal;
mod typed;
