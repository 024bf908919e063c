//! A download as it goes.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar for so many bytes, on standard error; it hides where that is no terminal.
pub fn download(name: &str, bytes: u64) -> ProgressBar {
    let template = "{msg}  {bar:24} {percent:>3}%  {bytes} of {total_bytes}  {eta} left";
    let style = ProgressStyle::with_template(template).expect("a valid template");
    let bar = ProgressBar::new(bytes).with_style(style);
    bar.with_message(name.to_owned())
}
