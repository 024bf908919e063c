//! Stops a program on SIGINT (Ctrl-C) or SIGTERM: the first signal asks it to stop, the second ends it
//! at once.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

/// Remembers the signal that asked the program to stop.
pub struct Stop(Arc<AtomicUsize>);

impl Stop {
    /// Starts to listen for both signals.
    ///
    /// # Errors
    ///
    /// Returns an error if the system refuses to register a handler.
    pub fn on_signals() -> io::Result<Self> {
        let (signal, is_asked) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        for number in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(number, 128 + number, Arc::clone(&is_asked))?;
            flag::register(number, Arc::clone(&is_asked))?;
            flag::register_usize(number, Arc::clone(&signal), number as usize)?;
        }
        Ok(Stop(signal))
    }

    /// Returns the number of the signal that asked the program to stop, if one did.
    pub fn signal(&self) -> Option<u8> {
        let number = self.0.load(Ordering::Relaxed);
        (number > 0).then_some(number as u8)
    }
}
