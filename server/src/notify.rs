//! Tells systemd that this process is ready, for units of `Type=notify`: one datagram to the socket that it names.

use std::os::{
    linux::net::SocketAddrExt,
    unix::{
        ffi::OsStrExt,
        net::{SocketAddr, UnixDatagram},
    },
};

/// Says that the process serves. Without systemd nothing happens.
pub fn ready() {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else { return };
    let sent = || {
        let address = match name.as_bytes() {
            // An abstract name, which is in no file system.
            [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
            _ => SocketAddr::from_pathname(&name)?,
        };
        UnixDatagram::unbound()?.send_to_addr(b"READY=1", &address)
    };
    match sent() {
        Ok(_) => tracing::info!("notified init daemon"),
        Err(error) => tracing::error!(%error, "failed to notify systemd for readiness"),
    }
}
