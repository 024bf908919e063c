//! Stops a program on Ctrl-C (SIGINT), SIGTERM or a closed terminal (SIGHUP): the first signal asks it to stop,
//! a later one ends it at once.

use std::{
    io, process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

/// Signals this close together are one: a terminal and a parent process both pass on a Ctrl-C.
const ONE_SIGNAL: Duration = Duration::from_millis(500);

/// How often the program looks for signals.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Remembers the signal that asked the program to stop.
#[derive(Clone)]
pub struct Stop(Arc<AtomicUsize>);

impl Stop {
    /// Starts to listen for signals. The first one is acknowledged at once, on another thread.
    ///
    /// # Errors
    ///
    /// Returns an error if the system refuses to register a handler.
    pub fn on_signals(acknowledge: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let latest = Arc::new(AtomicUsize::new(0));
        for number in signals() {
            flag::register_usize(number, Arc::clone(&latest), number as usize)?;
        }
        let asked = Arc::new(AtomicUsize::new(0));
        let stop = Stop(Arc::clone(&asked));
        let next_signal = move || {
            loop {
                match latest.swap(0, Relaxed) {
                    0 => thread::sleep(LOOK_EVERY),
                    number => return number,
                }
            }
        };
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                asked.store(next_signal(), Relaxed);
                let first = Instant::now();
                acknowledge();
                loop {
                    let number = next_signal();
                    if first.elapsed() > ONE_SIGNAL {
                        process::exit(128 + number as i32);
                    }
                }
            })?;
        Ok(stop)
    }

    /// Returns the number of the signal that asked the program to stop, if one did.
    pub fn signal(&self) -> Option<u8> {
        let number = self.0.load(Relaxed);
        (number > 0).then_some(number as u8)
    }
}

fn signals() -> impl Iterator<Item = i32> {
    [SIGINT, SIGTERM].into_iter().chain(hangup())
}

/// Returns the signal of a closed terminal, unless whoever started the program wants it to outlive its terminal, as
/// `nohup` does. Only Linux tells.
#[cfg(target_os = "linux")]
pub fn hangup() -> Option<i32> {
    use signal_hook::consts::SIGHUP;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))?;
    let ignored = u64::from_str_radix(ignored.trim(), 16).ok()?;
    (ignored & (1 << (SIGHUP - 1)) == 0).then_some(SIGHUP)
}

/// Returns `None`: only Linux tells whether it is ignored.
#[cfg(not(target_os = "linux"))]
pub fn hangup() -> Option<i32> {
    None
}
