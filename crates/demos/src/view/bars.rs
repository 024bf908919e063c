//! Progress bars on standard error, hidden if it is not a terminal.

use std::{fmt::Write, time::Duration};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::ranks::launcher;

/// A bar says nothing about the time left before that.
const WARM_UP: Duration = Duration::from_secs(2);

/// Returns a bar for a training of `steps` steps; without a number, the caller sets it later. Of several ranks, only the
/// first shows it.
pub fn training_bar(steps: Option<u64>) -> ProgressBar {
    let target = match launcher::is_first() {
        true => ProgressDrawTarget::stderr_with_hz(5),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(steps, target);
    bar.with_style(style("{wide_bar} {percent:>3}%  {msg}{left}"))
}

/// Returns a bar for a download of `bytes` bytes.
pub fn download_bar(name: &str, bytes: u64) -> ProgressBar {
    let template = "{msg}  {bar:24} {percent:>3}%  {bytes} of {total_bytes}{left}";
    let bar = ProgressBar::new(bytes).with_style(style(template));
    bar.with_message(name.to_owned())
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).expect("a valid template");
    style.with_key("left", time_left)
}

fn time_left(state: &ProgressState, out: &mut dyn Write) {
    let left = state.eta();
    if state.elapsed() > WARM_UP && left.as_millis() > 500 {
        // What is shown is cut to whole seconds.
        let left = left + Duration::from_millis(500);
        let _ = write!(out, "  {:#} left", HumanDuration(left));
    }
}
