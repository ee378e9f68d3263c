//! etcd's peer protocol over HTTP. An empty room until the cluster issue.
