//! `completion`: scripts that make shells complete the words of etcdutl.

use crate::{args::Command, completion::completion_of};

pub(super) static COMPLETION: Command = completion_of!("etcdutl");
