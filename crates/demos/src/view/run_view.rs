//! Shows a training run as it goes: a progress bar, a line for each epoch, samples.

use indicatif::ProgressBar;
use train::{Event, bits_per_char};

use super::{
    bars::training_bar,
    numbers::{grouped, plural},
    say::say,
};

/// Shows the events of one run, with a bar on standard error if that is a terminal.
pub struct RunView {
    bar: ProgressBar,
    epochs: usize,
    /// Smoothed, so that the bar does not flicker.
    loss: Option<f64>,
    speed: Option<f64>,
}

impl RunView {
    /// Creates a view of a run of `epochs` epochs.
    pub fn new(epochs: usize) -> Self {
        RunView {
            bar: training_bar(None),
            epochs,
            loss: None,
            speed: None,
        }
    }

    /// Shows an event.
    pub fn show(&mut self, event: &Event) {
        match event {
            Event::Start {
                parameters,
                train_symbols,
                val_symbols,
                epoch_length,
                updates,
                ..
            } => {
                self.bar.set_length(*updates as u64);
                self.say(&format!(
                    "{} parameters; {} symbols to train on, {} held out; {} of {}\n\n",
                    grouped(*parameters),
                    grouped(*train_symbols),
                    grouped(*val_symbols),
                    plural(self.epochs, "epoch"),
                    plural(*epoch_length, "update"),
                ));
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
                ..
            } => {
                let loss = smooth(&mut self.loss, *loss);
                let speed = smooth(&mut self.speed, *chars_per_second);
                self.bar.set_message(format!(
                    "epoch {epoch:.2}/{}  loss {loss:.3}  {:.2} bits/char  {} chars/s",
                    self.epochs,
                    bits_per_char(loss),
                    grouped(speed as usize),
                ));
                self.bar.set_position(*update as u64);
            }
            Event::Epoch {
                epoch,
                train_loss,
                val_loss,
                saved,
                ..
            } => {
                let validation = match val_loss {
                    Some(loss) => format!(
                        "   validation {loss:.4} nats, {:.3} bits per character{}",
                        bits_per_char(*loss),
                        if *saved { "   best so far" } else { "" },
                    ),
                    None => String::new(),
                };
                self.say(&format!(
                    "epoch {epoch:>3}/{}   loss {train_loss:.4}{validation}\n",
                    self.epochs
                ));
            }
            Event::Sample { text, .. } => {
                let lines = text.trim().lines();
                let quoted: String = lines.map(|line| format!("    {line}\n")).collect();
                self.say(&format!("\n{quoted}\n"));
            }
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self, text: &str) {
        self.bar.suspend(|| say(text));
    }
}

/// Updates an exponential moving average and returns it.
fn smooth(average: &mut Option<f64>, value: f64) -> f64 {
    let smoothed = average.map_or(value, |average| 0.9 * average + 0.1 * value);
    *average = Some(smoothed);
    smoothed
}
