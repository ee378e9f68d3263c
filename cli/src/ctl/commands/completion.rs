//! `completion`: scripts that make shells complete the words of etcdctl.

use crate::{args::Command, completion::completion_of, ctl::UTILITY};

pub(super) static COMPLETION: Command = Command { group: Some(UTILITY), ..completion_of!("etcdctl") };
