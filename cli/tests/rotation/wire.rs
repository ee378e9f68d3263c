//! The address of a member among members: it belongs to the test, so that no other program can take it, and connections
//! over it can be cut.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// Passes bytes on.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    target: Option<String>,
    open: Vec<TcpStream>,
}

impl Wire {
    pub(crate) fn new() -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let wire = Wire { address, state: Arc::default() };
        let this = wire.clone();
        thread::spawn(move || {
            for dialled in listener.incoming().filter_map(Result::ok) {
                this.pass_on(dialled);
            }
        });
        wire
    }

    /// Where the member listens.
    pub(crate) fn lead_to(&self, target: String) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).target = Some(target);
    }

    /// Breaks all connections that stand.
    pub(crate) fn cut(&self) {
        for socket in self.state.lock().unwrap_or_else(PoisonError::into_inner).open.drain(..) {
            // It may be gone already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn pass_on(&self, dialled: TcpStream) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Before the member listens nobody answers: the connection breaks.
        let Some(reached) = state.target.as_ref().and_then(|target| TcpStream::connect(target).ok()) else {
            return;
        };
        let _ = (dialled.set_nodelay(true), reached.set_nodelay(true));
        for (from, to) in [(&dialled, &reached), (&reached, &dialled)] {
            let (Ok(from), Ok(to), Ok(kept)) = (from.try_clone(), to.try_clone(), from.try_clone()) else {
                return;
            };
            state.open.push(kept);
            thread::spawn(move || pump(from, to));
        }
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
