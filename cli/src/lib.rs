//! etcdctl and etcdutl, one file per command.
