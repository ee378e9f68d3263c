//! The client as a whole: against a server that misbehaves on command, and against members that are processes.

#![allow(unreachable_pub, reason = "an example is among the modules")]

mod calls;
mod contend;
mod endpoints;
mod fake;
mod fencing;
mod members;
mod namespaces;
mod ordering;
mod proxy;
mod tokens;
mod watch_faults;
