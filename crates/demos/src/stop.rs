//! The wish to stop: SIGINT (Ctrl-C) or SIGTERM. The first one asks, the second one ends the program
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

/// Which signal asked the program to stop, if one did.
pub struct Stop(Arc<AtomicUsize>);

impl Stop {
    /// Listens to both from now on.
    ///
    /// # Errors
    ///
    /// Returns an error if the system does not let it.
    pub fn on_signals() -> io::Result<Self> {
        let (signal, is_asked) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        for number in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(number, 128 + number, Arc::clone(&is_asked))?;
            flag::register(number, Arc::clone(&is_asked))?;
            flag::register_usize(number, Arc::clone(&signal), number as usize)?;
        }
        Ok(Stop(signal))
    }

    /// The number of the signal, once there was one.
    pub fn signal(&self) -> Option<u8> {
        let number = self.0.load(Ordering::Relaxed);
        (number > 0).then_some(number as u8)
    }
}
