//! Tests wait for an event, never for a time: on a busy machine everything takes longer.

use std::{
    io::Read,
    process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Output},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// An event that has not happened by then never will.
pub const LIMIT: Duration = Duration::from_secs(600);

/// Looks again and again until there is something to see, and returns it. Panics after [`LIMIT`].
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < LIMIT, "waited in vain for {what}");
        thread::sleep(Duration::from_micros(200));
    }
}

/// Does what may block, and returns what came of it. Panics after [`LIMIT`].
pub fn within_limit<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(work()));
    let done = receiver.recv_timeout(LIMIT);
    done.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// A program that runs. It is killed when this is dropped, so no test that fails leaves it behind.
pub struct Running(Child);

impl Running {
    pub fn start(command: &mut Command) -> Self {
        Running(command.spawn().expect("the program starts"))
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// How it ended, if it has.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("a child")
    }

    /// Waits until `look` holds; false if the program ends before.
    pub fn runs_until(&mut self, what: &str, mut look: impl FnMut() -> bool) -> bool {
        wait_for(what, || match (self.status(), look()) {
            (_, true) => Some(true),
            (Some(_), false) => Some(false),
            (None, false) => None,
        })
    }

    /// The same of a program that must not end before.
    pub fn wait_for(&mut self, what: &str, look: impl FnMut() -> bool) {
        if !self.runs_until(what, look) {
            let output = self.output();
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            panic!("it ended before {what}: {}\n{said}", output.status);
        }
    }

    pub fn kill(&mut self) {
        self.0.kill().expect("killed");
    }

    /// Sends it a signal.
    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        use rustix::process::{Pid, kill_process};
        kill_process(Pid::from_child(&self.0), signal).expect("it is there");
    }

    /// Does something again and again until the program ends.
    #[cfg(unix)]
    pub fn wait_for_end(&mut self, what: &str, act: impl Fn(&Self)) {
        wait_for(what, || {
            if self.status().is_none() {
                act(self);
                return None;
            }
            Some(())
        });
    }

    /// Its standard error, for a test that reads as it runs.
    pub fn take_stderr(&mut self) -> ChildStderr {
        self.0.stderr.take().expect("piped")
    }

    /// Its standard output, for a test that reads as it runs, or does not.
    pub fn take_stdout(&mut self) -> ChildStdout {
        self.0.stdout.take().expect("piped")
    }

    /// Waits until it ends. Returns how it did, and what it said that was piped and not taken.
    pub fn output(&mut self) -> Output {
        let stdout = read_to_end(self.0.stdout.take());
        let stderr = read_to_end(self.0.stderr.take());
        let status = wait_for("the end of the program", || self.status());
        let [stdout, stderr] = [stdout, stderr].map(|read| read.join().expect("what it said"));
        Output {
            status,
            stdout,
            stderr,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

fn read_to_end(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes).expect("a pipe");
        }
        bytes
    })
}
