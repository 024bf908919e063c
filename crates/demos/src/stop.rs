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

fn signals() -> Vec<i32> {
    let mut signals = vec![SIGINT, SIGTERM];
    #[cfg(target_os = "linux")]
    if !hangups_are_ignored() {
        signals.push(signal_hook::consts::SIGHUP);
    }
    signals
}

/// Returns whether whoever started the program wants it to outlive the terminal, as `nohup` does.
#[cfg(target_os = "linux")]
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_none_or(|mask| mask & (1 << (signal_hook::consts::SIGHUP - 1)) != 0)
}
