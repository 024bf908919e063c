//! Shows a training run as it goes: a progress bar, a line for each epoch, samples.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use train::{Event, Units, bits_per_char};

use super::{
    bars::training_bar,
    fit::{first_that_fit, quoted, width, width_of_stderr, wrapped},
    numbers::{grouped, plural, symbol},
    say::say,
};

/// Columns of a bar's line for the percentage, the time left and what is between them.
const BESIDE_MESSAGE: usize = 20;

/// A terminal too narrow for both losses of an epoch.
const NARROW: usize = 60;

/// How long a log may be silent.
const A_MINUTE: Duration = Duration::from_secs(60);

/// Shows the events of one run, with a bar on standard error if that is a terminal.
pub struct RunView {
    bar: ProgressBar,
    epochs: usize,
    units: Units,
    /// How many characters a symbol has on average.
    chars_per_symbol: f64,
    /// Smoothed, so that the bar does not flicker.
    loss: Option<f64>,
    speed: Option<f64>,
    ranks: usize,
    /// The share of time in which ranks communicate, or wait for one another.
    communicating: Option<f64>,
    last_line: Instant,
}

impl RunView {
    /// Creates a view of a run of `epochs` epochs over a text of these units.
    pub fn new(epochs: usize, units: Units) -> Self {
        RunView {
            bar: training_bar(None),
            epochs,
            units,
            chars_per_symbol: 1.0,
            loss: None,
            speed: None,
            ranks: 1,
            communicating: None,
            last_line: Instant::now(),
        }
    }

    /// Returns the bar, for whoever has something to say from another thread.
    pub fn bar(&self) -> ProgressBar {
        self.bar.clone()
    }

    /// Returns bits per character, or per byte, for a loss in nats per symbol, and what they are called.
    pub fn bits(&self, loss: f64) -> String {
        let bits = bits_per_char(loss / self.chars_per_symbol);
        let per = match self.units {
            Units::Bytes => Units::Bytes,
            _ => Units::Chars,
        };
        format!("{bits:.3} bits per {}", symbol(per))
    }

    /// Shows an event.
    pub fn show(&mut self, event: &Event) {
        match event {
            Event::Start {
                parameters,
                train_symbols,
                val_symbols,
                unused_symbols,
                train_documents,
                val_documents,
                chars_per_symbol,
                epoch_length,
                updates,
                ranks,
                ..
            } => {
                self.ranks = *ranks;
                self.chars_per_symbol = *chars_per_symbol;
                self.bar.set_length(*updates as u64);
                let part = |documents: &Option<usize>, symbols: usize| match documents {
                    Some(n) => format!("{} ({} symbols)", plural(*n, "document"), grouped(symbols)),
                    None => format!("{} symbols", grouped(symbols)),
                };
                // Less than that is lost in any text: a window's worth at the ends of lanes.
                let unused = match unused_symbols * 100 > train_symbols + val_symbols {
                    true => format!(", {} unused", grouped(*unused_symbols)),
                    false => String::new(),
                };
                self.say(&wrapped(&format!(
                    "{} parameters; {} of {}\n{} to train on, {} held out{unused}\n\n",
                    grouped(*parameters),
                    plural(self.epochs, "epoch"),
                    plural(*epoch_length, "update"),
                    part(train_documents, *train_symbols),
                    match val_documents {
                        Some(_) => part(val_documents, *val_symbols),
                        None => grouped(*val_symbols),
                    },
                )));
            }
            Event::Resume {
                update,
                passed_over,
                ..
            } => {
                for why in passed_over {
                    self.say(&format!("skipped a damaged checkpoint: {why}\n"));
                }
                self.say(&format!("resuming after update {}\n\n", grouped(*update)));
                self.bar.set_position(*update as u64);
                self.bar.reset_eta();
            }
            Event::Skipped {
                update,
                loss,
                grad_norm,
                ..
            } => self.say(&format!(
                "update {update} skipped: loss {loss:.4}, gradient norm {grad_norm:.3e}\n"
            )),
            Event::Update {
                update,
                epoch,
                loss,
                chars_per_second,
                communicating,
                waiting,
                ..
            } => {
                let loss = smooth(&mut self.loss, *loss);
                let speed = smooth(&mut self.speed, *chars_per_second);
                let (per, speed_in) = match self.units {
                    Units::Chars => ("char", "chars"),
                    Units::Bytes => ("byte", "bytes"),
                    Units::Words => ("char", "words"),
                    Units::Pieces => ("char", "pieces"),
                };
                let bits = bits_per_char(loss / self.chars_per_symbol);
                let mut parts = vec![
                    format!("epoch {epoch:.2}/{}", self.epochs),
                    format!("loss {loss:.3}"),
                    format!("{bits:.2} bits/{per}"),
                    format!("{} {speed_in}/s", grouped(speed as usize)),
                ];
                if let (Some(communicating), Some(waiting)) = (communicating, waiting) {
                    let share = smooth(&mut self.communicating, communicating + waiting);
                    // Beside so much, bits per character are what is least missed.
                    parts.remove(2);
                    parts.push(format!("{} ranks, {:.0}% comm", self.ranks, 100.0 * share));
                }
                let room = width_of_stderr().saturating_sub(BESIDE_MESSAGE);
                self.bar.set_message(first_that_fit(&parts, room));
                self.bar.set_position(*update as u64);
                // A log has no bar.
                if self.last_line.elapsed() > A_MINUTE && self.bar.is_hidden() {
                    self.say(&(parts.join("  ") + "\n"));
                }
            }
            Event::Evaluation {
                epoch,
                train_loss,
                val_loss,
                ..
            } => self.say_losses(format!("epoch {epoch:.2}"), *train_loss, *val_loss, ""),
            Event::Epoch {
                epoch,
                train_loss,
                val_loss,
                saved,
                ..
            } => {
                let best = if *saved { " (best)" } else { "" };
                self.say_losses(format!("epoch {epoch:>3}"), *train_loss, *val_loss, best);
            }
            Event::Sample { text, .. } => {
                self.say(&format!("\n{}\n\n", quoted(text.trim(), width())));
            }
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn say_losses(&mut self, when: String, train_loss: f64, val_loss: Option<f64>, best: &str) {
        let mut parts = vec![
            format!("{when}/{}", self.epochs),
            format!("loss {train_loss:.4}"),
        ];
        if let Some(loss) = val_loss {
            // What matters most stays where there is little room.
            if width() < NARROW {
                parts.pop();
            }
            parts.push(format!("validation {loss:.4}{best}"));
            parts.push(self.bits(loss));
        }
        self.say(&(first_that_fit(&parts, width()) + "\n"));
    }

    fn say(&mut self, text: &str) {
        self.last_line = Instant::now();
        self.bar.suspend(|| say(text));
    }
}

/// Updates an exponential moving average and returns it.
fn smooth(average: &mut Option<f64>, value: f64) -> f64 {
    let smoothed = average.map_or(value, |average| 0.9 * average + 0.1 * value);
    *average = Some(smoothed);
    smoothed
}
