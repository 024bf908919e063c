//! Progress bars on standard error, hidden if it is not a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Returns a bar for a training of `steps` steps; without a number, the caller sets it later.
pub fn training_bar(steps: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(steps, ProgressDrawTarget::stderr_with_hz(5));
    bar.with_style(style("{bar:24} {percent:>3}%  {msg}  {eta} left"))
}

/// Returns a bar for a download of `bytes` bytes.
pub fn download_bar(name: &str, bytes: u64) -> ProgressBar {
    let template = "{msg}  {bar:24} {percent:>3}%  {bytes} of {total_bytes}  {eta} left";
    let bar = ProgressBar::new(bytes).with_style(style(template));
    bar.with_message(name.to_owned())
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a valid template")
}
