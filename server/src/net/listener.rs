//! A listening socket: TCP, or a unix socket for `unix://` URLs; encrypted for `https://` and `unixs://`.

use crate::{config::SocketOptions, logging::system_text};
use oxetcd_tls::ServerTls;
use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

/// A bound socket, and how those who connect to it are to encrypt.
pub(crate) struct Listener {
    socket: Socket,
    tls: Option<Arc<ServerTls>>,
}

enum Socket {
    /// TCP.
    Tcp(TcpListener),
    /// A unix socket and its path, which is removed when the listener goes.
    Unix(UnixListener, PathBuf),
}

/// An accepted connection.
pub(crate) enum Stream {
    /// TCP, and where from.
    Tcp(TcpStream, SocketAddr),
    /// A unix socket.
    Unix(UnixStream),
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Remote {
    /// An address.
    Tcp(SocketAddr),
    /// Somebody on this machine: clients' ends of unix sockets have no names.
    Unix,
}

impl Remote {
    /// Its address, if it has one.
    pub(crate) fn ip(self) -> Option<IpAddr> {
        match self {
            Remote::Tcp(address) => Some(address.ip()),
            Remote::Unix => None,
        }
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remote::Tcp(address) => address.fmt(f),
            Remote::Unix => f.write_str("@"),
        }
    }
}

/// Connections that may wait to be accepted. A thousand clients may come at once when a member comes back.
const BACKLOG: u32 = 4096;

/// Binds `url` (`http://host:port`, `unix://path`, and `https` or `unixs` with `tls`).
///
/// # Errors
/// When the scheme is unknown, or the address is taken or not of this machine; the text names the URL.
pub(crate) async fn bind(
    url: &str,
    options: SocketOptions,
    tls: Option<&Arc<ServerTls>>,
) -> io::Result<Listener> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let network = if scheme.starts_with("unix") { "unix" } else { "tcp" };
    // In Go's words.
    let named = |error: io::Error| {
        let text = match rest.rsplit_once(':') {
            Some((_, port)) if network == "tcp" && port.parse::<u16>().is_err() => {
                format!("listen tcp: address {port}: invalid port")
            }
            _ => format!("listen {network} {rest}: bind: {}", system_text(&error)),
        };
        io::Error::new(error.kind(), text)
    };
    let invalid =
        |text: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("cannot listen on {text}"));
    let tls = match scheme {
        "http" | "unix" => None,
        "https" | "unixs" => match tls {
            Some(tls) => Some(tls.clone()),
            None => {
                return Err(invalid(&format!("TLS for {rest}: KeyFile and CertFile are not presented")));
            }
        },
        _ => return Err(invalid(&format!("{url}: unknown URL scheme"))),
    };
    let socket = match scheme {
        "http" | "https" => bind_tcp(rest.trim_end_matches('/'), options).await.map(Socket::Tcp),
        _ => bind_unix(rest),
    };
    Ok(Listener { socket: socket.map_err(named)?, tls })
}

/// Takes the first address of a name that can be had.
async fn bind_tcp(address: &str, options: SocketOptions) -> io::Result<TcpListener> {
    let mut refused = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
    for address in tokio::net::lookup_host(address).await? {
        match listen(address, options) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn listen(address: SocketAddr, options: SocketOptions) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Also without `--socket-reuse-address`, as Go does: a member that restarts must get its port back.
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(options.reuse_port)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn bind_unix(rest: &str) -> io::Result<Socket> {
    // etcd takes `unix://host:port` as a file of that very name in the working directory.
    let path = PathBuf::from(rest);
    // A socket file that nobody answers on was left behind by a killed process.
    if std::os::unix::net::UnixStream::connect(&path).is_err() {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(Socket::Unix(UnixListener::bind(&path)?, path))
}

impl Listener {
    /// Waits for the next connection.
    pub(crate) async fn accept(&self) -> io::Result<Stream> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream, from))
            }
            Socket::Unix(listener, _) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }

    /// How those who connect are to encrypt; `None` is not at all.
    pub(crate) fn tls(&self) -> Option<&Arc<ServerTls>> {
        self.tls.as_ref()
    }

    /// Where it listens, for logs.
    pub(crate) fn address(&self) -> String {
        match &self.socket {
            Socket::Tcp(listener) => {
                listener.local_addr().map_or_else(|error| error.to_string(), |addr| addr.to_string())
            }
            Socket::Unix(_, path) => path.display().to_string(),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Socket::Unix(_, path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}
