//! A terminal with a program in it, etcdctl mostly.

use super::server::{ETCDCTL, PATIENCE, Server};
use pty_process::{
    Size,
    blocking::{Command, Pty, open},
};
use std::{
    io::{Read as _, Write as _},
    path::Path,
    process::{Child, ExitStatus},
    sync::{Arc, mpsc},
    time::Instant,
};

/// A program on a pseudo-terminal. What stands on the screen is kept, and looked for piece by piece.
pub(crate) struct Terminal {
    child: Child,
    pty: Arc<Pty>,
    arriving: mpsc::Receiver<Vec<u8>>,
    screen: String,
    /// Up to here the screen has been looked at.
    seen: usize,
}

impl Terminal {
    pub(crate) fn open(server: &Server, args: &[&str]) -> Self {
        Terminal::open_with(server, args, &[])
    }

    /// With these variables in its environment.
    pub(crate) fn open_with(server: &Server, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let args = [&["--command-timeout=100s", "--endpoints", server.endpoint()], args].concat();
        Terminal::run(ETCDCTL, &args, server.dir.path(), environment)
    }

    /// Any program, in this folder and with these variables added to its environment.
    pub(crate) fn run(program: &str, args: &[&str], folder: &Path, environment: &[(&str, &str)]) -> Self {
        let (pty, pts) = open().expect("a pseudo-terminal can be had");
        pty.resize(Size::new(24, 120)).expect("it can be resized");
        let child = Command::new(program)
            .args(args)
            .current_dir(folder)
            .env_remove("NO_COLOR")
            .envs(environment.iter().copied())
            .spawn(pts)
            .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
        let pty = Arc::new(pty);
        let (sender, arriving) = mpsc::channel();
        let screen = pty.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // An error says that nobody has the terminal open any more.
            while let Ok(count @ 1..) = (&*screen).read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Terminal { child, pty, arriving, screen: String::new(), seen: 0 }
    }

    /// Waits until `text` stands on the screen, behind what was looked at before; what stands before it.
    pub(crate) fn expect(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.screen[self.seen..].find(text) {
                let before = self.screen[self.seen..self.seen + at].to_owned();
                self.seen += at + text.len();
                return before;
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.arriving.recv_timeout(left) {
                Ok(bytes) => self.screen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(why) => panic!("{text:?} does not come ({why}); on the screen stands:\n{}", self.screen),
            }
        }
    }

    /// Waits for the rest of a line.
    pub(crate) fn line(&mut self) -> String {
        self.expect("\r\n")
    }

    /// Presses these keys.
    pub(crate) fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).expect("the terminal is open");
    }

    /// Types a line; the terminal shows it, too.
    pub(crate) fn type_line(&mut self, line: &str) {
        self.press(&format!("{line}\n"));
        self.expect(&format!("{line}\r\n"));
    }

    /// Presses ^C.
    pub(crate) fn interrupt(&self) {
        self.press("\x03");
    }

    /// What has come to stand on the screen unseen, without waiting.
    pub(crate) fn unseen(&mut self) -> &str {
        while let Ok(bytes) = self.arriving.try_recv() {
            self.screen.push_str(&String::from_utf8_lossy(&bytes));
        }
        &self.screen[self.seen..]
    }

    /// Waits for the end of the program.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status;
            }
            assert!(Instant::now() < end, "it does not end; on the screen stands:\n{}", self.screen);
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
