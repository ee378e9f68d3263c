//! The etcd server: composition root, gRPC and HTTP services, configuration.
