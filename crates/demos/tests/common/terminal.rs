//! A terminal for the program.

use std::fs::File;

use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

/// Opens a terminal of so many columns: our end of it, and the program's.
pub fn open(columns: u16) -> (File, File) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours)
        .and_then(|()| unlockpt(&ours))
        .expect("a terminal");
    let name = ptsname(&ours, Vec::new()).expect("its name");
    let its = rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty());
    let its = its.expect("a terminal");
    let size = Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&its, size).expect("a size");
    (ours.into(), its.into())
}
