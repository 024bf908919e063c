//! The command line, with the names of char-rnn and torch-rnn.

use std::path::PathBuf;

use clap::{
    ArgMatches, Args, Command, CommandFactory, Parser, Subcommand, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
    parser::ValueSource,
};
use demos::backend::BackendName;
use models::CellKind;
use train::{
    Clip, OptimizerConfig, RunConfig, RunFolder, SaveEvery, Schedule, Separator, Split, Units,
};

/// Train a character-level language model on a text, then let it write.
///
/// Without a subcommand it trains, and takes the flags of `train`.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Mode>,
    /// Show the backends, their devices, and whether they answer
    #[arg(long)]
    pub list_backends: bool,
    #[command(flatten)]
    pub train: TrainArgs,
}

#[derive(Subcommand)]
pub enum Mode {
    /// Train a model, and show what it writes
    Train(Box<TrainArgs>),
    /// Write with a trained model
    Sample(SampleArgs),
    /// Draw the losses of runs: in the terminal, as SVG and as PNG
    Plot(PlotArgs),
}

/// The command line for clap. The flags of `train` work without it too; its own help lists them.
pub fn command() -> Command {
    let shown = ["help", "version", "list_backends"];
    Cli::command().mut_args(|arg| {
        let hide = !shown.contains(&arg.get_id().as_str());
        arg.hide(hide)
    })
}

#[derive(Args)]
pub struct TrainArgs {
    /// Text: files (also .gz, .zst), folders, - for standard input [default: a text of Cicero's,
    /// brought along, in 15 epochs of 1 layer, batches of 25 and a learning rate of 0.005]
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = "Text")]
    data: Vec<PathBuf>,
    /// Text that is downloaded once, in place of --data: tiny-shakespeare
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "data",
        help_heading = "Text"
    )]
    dataset: Option<String>,
    /// Independent short texts: one a line (lines), or what comes before each SEP; none: one text
    #[arg(long, value_name = "SEP", help_heading = "Text")]
    documents: Option<Separator>,
    /// What a symbol is: chars (of UTF-8 text), bytes
    #[arg(long, default_value = "chars", help_heading = "Text", hide_possible_values = true,
          value_parser = units())]
    units: Units,
    /// Share of the text held out for validation
    #[arg(long, value_name = "X", default_value_t = RunConfig::default().val_frac, help_heading = "Text")]
    val_frac: f64,
    /// Which end: of each lane (lanes), of the text (tail)
    #[arg(long, default_value = "lanes", help_heading = "Text", hide_possible_values = true,
          value_parser = split())]
    split: Split,

    /// Network: lstm, rnn
    #[arg(long, default_value = "lstm", help_heading = "Model", hide_possible_values = true,
          value_parser = model())]
    model: CellKind,
    /// Size of each layer's hidden state
    #[arg(long, visible_alias = "rnn-size", value_name = "N", help_heading = "Model",
          default_value_t = RunConfig::default().hidden_size)]
    hidden_size: usize,
    /// Recurrent layers
    #[arg(long, value_name = "N", help_heading = "Model", default_value_t = RunConfig::default().num_layers)]
    num_layers: usize,
    /// Size of a character's vector; 0: one-hot
    #[arg(long, value_name = "N", help_heading = "Model", default_value_t = RunConfig::default().embedding_size)]
    embedding_size: usize,
    /// Share of each layer's output zeroed in training
    #[arg(long, value_name = "X", help_heading = "Model", default_value_t = RunConfig::default().dropout)]
    dropout: f64,

    /// Passes over the text
    #[arg(long, value_name = "N", help_heading = "Training",
          default_value_t = RunConfig::default().max_epochs)]
    max_epochs: usize,
    /// Steps that gradients reach back
    #[arg(long, value_name = "N", help_heading = "Training", default_value_t = RunConfig::default().seq_length)]
    seq_length: usize,
    /// Lanes of text read side by side
    #[arg(long, value_name = "N", help_heading = "Training", default_value_t = RunConfig::default().batch_size)]
    batch_size: usize,
    /// adam, rmsprop, rmsprop:DECAY, sgd, adagrad
    #[arg(long, value_name = "NAME", help_heading = "Training", default_value_t = RunConfig::default().optimizer)]
    optimizer: OptimizerConfig,
    /// Size of an update
    #[arg(long, value_name = "X", help_heading = "Training", default_value_t = RunConfig::default().learning_rate)]
    learning_rate: f64,
    /// constant, decay:FACTOR:AFTER_EPOCH, step:FACTOR:EPOCHS, cosine:WARMUP_UPDATES,
    /// plateau:FACTOR:EPOCHS
    #[arg(long, value_name = "HOW", help_heading = "Training", default_value_t = RunConfig::default().schedule)]
    schedule: Schedule,
    /// Stop after so many epochs without a lower validation loss
    #[arg(long, value_name = "EPOCHS", help_heading = "Training")]
    patience: Option<usize>,
    /// Limit on the gradient: LIMIT for each element, norm:LIMIT for all together, 0 for none
    #[arg(long, value_name = "LIMIT", help_heading = "Training", default_value_t = RunConfig::default().grad_clip)]
    grad_clip: Clip,
    /// Decides the weights at the start
    #[arg(long, value_name = "N", help_heading = "Training", default_value_t = RunConfig::default().seed)]
    seed: u64,

    /// When to save all of the run: N updates, Mm minutes, or N,Mm; and at the end of each epoch
    #[arg(long, value_name = "N|Mm", help_heading = "Run",
          default_value_t = RunConfig::default().checkpoint_every)]
    checkpoint_every: SaveEvery,
    /// Updates in a row that may be skipped as not finite
    #[arg(long, value_name = "N", help_heading = "Training", default_value_t = RunConfig::default().max_skipped)]
    max_skipped: usize,
    /// Skip gradients of X times the usual norm; 0: none
    #[arg(long, value_name = "X", help_heading = "Training", default_value_t = RunConfig::default().skip_outliers)]
    skip_outliers: f64,

    /// Go on with the run in this folder, from its newest checkpoint
    #[arg(long, value_name = "DIR", help_heading = "Run",
          conflicts_with_all = ["init_from", "preset", "config", "out"])]
    pub resume: Option<PathBuf>,
    /// Begin with the weights and settings of the run in this folder
    #[arg(long, value_name = "DIR", help_heading = "Run", conflicts_with_all = ["preset", "config"])]
    pub init_from: Option<PathBuf>,
    /// Settings to begin with: char-rnn (its defaults)
    #[arg(
        long,
        value_name = "NAME",
        hide_possible_values = true,
        help_heading = "Run"
    )]
    preset: Option<Preset>,
    /// Settings to begin with: the config.json of a run; flags win over it
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "preset",
        help_heading = "Run"
    )]
    config: Option<PathBuf>,
    /// New folder for the run [default: runs/NAME-1, -2, …]
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    pub out: Option<PathBuf>,
    /// cuda, wgpu, ndarray, flex [default: the first of these that is compiled in]
    #[arg(
        long,
        value_name = "NAME",
        hide_possible_values = true,
        help_heading = "Run"
    )]
    pub backend: Option<BackendName>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Preset {
    CharRnn,
}

#[derive(Args)]
pub struct SampleArgs {
    /// Folder of the run [default: the newest in runs/]
    pub run: Option<PathBuf>,
    /// Symbols to write
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub length: usize,
    /// 1: as the model expects; less: bolder; 0: always the likeliest
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub temperature: f64,
    /// Text to go on from
    #[arg(
        long,
        visible_alias = "start-text",
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub prime_text: String,
    /// Decides what is drawn
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// cuda, wgpu, ndarray, flex [default: the first of these that is compiled in]
    #[arg(long, value_name = "NAME", hide_possible_values = true)]
    pub backend: Option<BackendName>,
}

#[derive(Args)]
pub struct PlotArgs {
    /// Folders of the runs [default: the newest in runs/]
    #[arg(value_name = "DIR")]
    pub runs: Vec<PathBuf>,
    /// Folder for plot.svg and plot.png, or one file that ends in .svg or .png [default: the first run]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

impl TrainArgs {
    /// The settings of the run: those to begin with, which are those of `before` if it goes on from
    /// another, then each flag that was given.
    pub fn run_config(
        &self,
        before: Option<&RunFolder>,
        given: &ArgMatches,
    ) -> Result<RunConfig, train::Error> {
        let has_text = self.dataset.is_some() || !self.data.is_empty();
        let mut config = match (before, &self.config, self.preset) {
            (Some(before), _, _) => before.config()?,
            (None, Some(file), _) => RunConfig::load(file)?,
            (None, None, Some(Preset::CharRnn)) => RunConfig::char_rnn(),
            (None, None, None) if has_text => RunConfig::default(),
            // The text brought along is short: these settings learn it in a minute or two.
            (None, None, None) => RunConfig {
                num_layers: 1,
                batch_size: 25,
                learning_rate: 5e-3,
                max_epochs: 15,
                ..RunConfig::default()
            },
        };
        if has_text {
            config.data.clone_from(&self.data);
            config.dataset.clone_from(&self.dataset);
        }
        if let Some(separator) = &self.documents {
            let is_one_text = separator.0 == "none";
            config.documents = (!is_one_text).then(|| separator.clone());
        }
        macro_rules! flags_win {
            ($($name:ident)*) => {$(
                if given.value_source(stringify!($name)) == Some(ValueSource::CommandLine) {
                    config.$name = self.$name;
                }
            )*};
        }
        flags_win!(units val_frac split model hidden_size num_layers embedding_size dropout
            max_epochs seq_length batch_size optimizer learning_rate schedule patience grad_clip seed
            checkpoint_every max_skipped skip_outliers);
        config.validate()?;
        Ok(config)
    }
}

fn model() -> impl TypedValueParser<Value = CellKind> {
    PossibleValuesParser::new(["lstm", "rnn"]).map(|name| match name.as_str() {
        "rnn" => CellKind::Rnn,
        _ => CellKind::Lstm,
    })
}

fn units() -> impl TypedValueParser<Value = Units> {
    PossibleValuesParser::new(["chars", "bytes"]).map(|name| match name.as_str() {
        "bytes" => Units::Bytes,
        _ => Units::Chars,
    })
}

fn split() -> impl TypedValueParser<Value = Split> {
    PossibleValuesParser::new(["tail", "lanes"]).map(|name| match name.as_str() {
        "lanes" => Split::Lanes,
        _ => Split::Tail,
    })
}
