//! A training run as it goes: a bar, a line for each epoch, a sample now and then.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use train::{Event, bits_per_char};

use super::{grouped, plural, say};

/// Shows the events of one run. The bar is on standard error and hides where that is no terminal.
pub struct Progress {
    bar: ProgressBar,
    epochs: usize,
    /// Eased, so that the bar does not flicker.
    loss: Option<f64>,
    speed: Option<f64>,
}

impl Progress {
    /// For a run of so many epochs.
    pub fn new(epochs: usize) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
        let template = "{bar:24} {percent:>3}%  {msg}  {eta} left";
        bar.set_style(ProgressStyle::with_template(template).expect("a valid template"));
        Progress {
            bar,
            epochs,
            loss: None,
            speed: None,
        }
    }

    /// Shows what happened.
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
                    "{} parameters; {} symbols to learn from, {} held out; {} of {}\n\n",
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
                    self.say(&format!("passed over a damaged checkpoint: {why}\n"));
                }
                self.say(&format!("goes on after update {}\n\n", grouped(*update)));
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
                let loss = ease(&mut self.loss, *loss);
                let speed = ease(&mut self.speed, *chars_per_second);
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

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self, text: &str) {
        self.bar.suspend(|| say(text));
    }
}

/// An exponential moving average.
fn ease(average: &mut Option<f64>, value: f64) -> f64 {
    let eased = average.map_or(value, |average| 0.9 * average + 0.1 * value);
    *average = Some(eased);
    eased
}
