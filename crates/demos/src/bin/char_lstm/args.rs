//! The command line, with flags named as in char-rnn and torch-rnn.

use std::{convert::Infallible, path::PathBuf, time::Duration};

use clap::{
    ArgMatches, Args, Command, CommandFactory, Parser, Subcommand, ValueEnum, parser::ValueSource,
};
use demos::{
    backend::{BackendArg, ListBackendsArg},
    choices::one_of,
    view::loss_curves::XAxis,
};
use models::CellKind;
use train::{
    Clip, Encoding, Every, OptimizerConfig, RunConfig, RunFolder, Schedule, Separator, Split,
    Units, text::unescape,
};

/// Train a character-level language model on a text, then generate text with it
#[derive(Parser)]
#[command(
    name = "char_lstm",
    version,
    args_conflicts_with_subcommands = true,
    max_term_width = 80,
    after_help = "Without a command, it trains and takes the flags of `train`."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Mode>,
    #[command(flatten)]
    pub list: ListBackendsArg,
    #[command(flatten)]
    pub train: TrainArgs,
}

#[derive(Subcommand)]
pub enum Mode {
    /// Train a model and show a sample of its text
    Train(Box<TrainArgs>),
    /// Generate text with a trained model
    Sample(SampleArgs),
    /// Plot the losses of runs in the terminal, as SVG and as PNG
    Plot(PlotArgs),
    /// Say how well a trained model predicts a text
    Score(ScoreArgs),
    /// Write a trained model for PyTorch or ONNX, and a Python script that samples from it
    Export(ExportArgs),
    /// Make a run of a character model that PyTorch trained
    Import(ImportArgs),
}

/// Returns the command line for clap. The flags of `train` also work without naming it, but only its
/// own help lists them.
pub fn command() -> Command {
    let shown = ["help", "version", "list_backends"];
    Cli::command().mut_args(|arg| {
        let hide = !shown.contains(&arg.get_id().as_str());
        arg.hide(hide)
    })
}

#[derive(Args)]
pub struct TrainArgs {
    /// Files (also .gz, .zst, .xz, .bz2), folders, - for standard input [default: a text by Cicero, with
    /// settings that suit it]
    #[arg(long, alias = "data-dir", value_name = "PATH", num_args = 1.., help_heading = "Text")]
    data: Vec<PathBuf>,
    /// Data set to download, once: tiny-shakespeare
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "data",
        help_heading = "Text"
    )]
    dataset: Option<String>,
    /// Separator of documents: lines, files, none or any string
    #[arg(long, value_name = "SEP", help_heading = "Text")]
    documents: Option<Separator>,
    /// Unit of text: chars, bytes, words or pieces (of words)
    #[arg(long, default_value = "chars", help_heading = "Text", hide_possible_values = true,
          value_parser = one_of(Units::ALL, Units::name))]
    units: Units,
    /// Encoding of the text: windows-1252, shift_jis, … [default: by its byte order mark, or UTF-8]
    #[arg(
        long,
        value_name = "NAME",
        help_heading = "Text",
        hide_short_help = true
    )]
    encoding: Option<Encoding>,
    /// Keep \r\n and \r at the ends of lines, instead of \n
    #[arg(long, help_heading = "Text", hide_short_help = true)]
    keep_line_ends: bool,
    /// Column of CSV files that is the text, by name or number; each row is a document
    #[arg(
        long,
        value_name = "COLUMN",
        help_heading = "Text",
        hide_short_help = true,
        conflicts_with = "jsonl"
    )]
    csv: Option<String>,
    /// Field of JSON lines that is the text, by name or /pointer; each line is a document
    #[arg(
        long,
        value_name = "FIELD",
        help_heading = "Text",
        hide_short_help = true
    )]
    jsonl: Option<String>,
    /// Replace characters that occur less than N times by a single unknown one; spell out rarer words
    #[arg(long, value_name = "N", help_heading = "Text", hide_short_help = true,
          default_value_t = RunConfig::default().min_count)]
    min_count: usize,
    /// Words or pieces, at most
    #[arg(long, value_name = "N", help_heading = "Text", hide_short_help = true,
          default_value_t = RunConfig::default().vocab_size)]
    vocab_size: usize,
    /// Fraction held out for validation
    #[arg(long, value_name = "X", default_value_t = RunConfig::default().val_frac, help_heading = "Text")]
    val_frac: f64,
    /// Files and folders to validate on, instead of a part of the text
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = "Text", hide_short_help = true)]
    val_data: Vec<PathBuf>,
    /// What is held out: the ends of lanes, the tail of the text or random documents [default: lanes, or random
    /// for documents]
    #[arg(long, default_value = "lanes", help_heading = "Text", hide_possible_values = true,
          hide_default_value = true, hide_short_help = true, value_parser = one_of(SPLITS, split_name))]
    split: Split,

    #[arg(long, alias = "model-type", help = format!("Cell: {}, …; help lists all", CellKind::NAMES[..2].join(", ")), help_heading = "Model",
          default_value_t = RunConfig::default().model, hide_possible_values = true,
          value_parser = one_of(CellKind::ALL, |kind| kind.description().name))]
    model: CellKind,
    /// Units per layer
    #[arg(long, visible_alias = "rnn-size", alias = "n-embd", value_name = "N", help_heading = "Model",
          default_value_t = RunConfig::default().hidden_size)]
    hidden_size: usize,
    /// Recurrent layers
    #[arg(long, alias = "n-layer", value_name = "N", help_heading = "Model", default_value_t = RunConfig::default().num_layers)]
    num_layers: usize,
    /// Embedding size; 0 for one-hot input
    #[arg(long, alias = "wordvec-size", value_name = "N", help_heading = "Model", default_value_t = RunConfig::default().embedding_size)]
    embedding_size: usize,
    /// Dropout on each layer's output
    #[arg(long, value_name = "X", help_heading = "Model", default_value_t = RunConfig::default().dropout)]
    dropout: f64,
    /// Dropout of recurrent weights
    #[arg(long, value_name = "X", help_heading = "Model", default_value_t = RunConfig::default().weight_dropout)]
    weight_dropout: f64,

    /// Stop after N passes over the text
    #[arg(long, value_name = "N", help_heading = "Training",
          default_value_t = RunConfig::default().max_epochs)]
    max_epochs: usize,
    /// Time steps of truncated BPTT
    #[arg(long, alias = "block-size", value_name = "N", help_heading = "Training", default_value_t = RunConfig::default().seq_length)]
    seq_length: usize,
    /// Sequences trained on in parallel
    #[arg(long, value_name = "N", help_heading = "Training", default_value_t = RunConfig::default().batch_size)]
    batch_size: usize,
    // Not a doc comment: rustdoc would read the brackets as a link.
    #[arg(long, help = "adam, rmsprop[:DECAY], sgd or adagrad", value_name = "NAME", help_heading = "Training", default_value_t = RunConfig::default().optimizer)]
    optimizer: OptimizerConfig,
    /// Learning rate
    #[arg(long, value_name = "X", help_heading = "Training", default_value_t = RunConfig::default().learning_rate)]
    learning_rate: f64,
    /// Rate schedule: constant, decay:FACTOR:AFTER_EPOCH, step:FACTOR:EPOCHS, cosine:WARMUP_UPDATES,
    /// plateau:FACTOR:EPOCHS
    #[arg(long, value_name = "HOW", help_heading = "Training", default_value_t = RunConfig::default().schedule)]
    schedule: Schedule,
    /// Stop after N epochs without a lower validation loss
    #[arg(long, value_name = "N", help_heading = "Training")]
    patience: Option<usize>,
    /// Clip gradients by element (LIMIT) or by global norm (norm:LIMIT); 0: off
    #[arg(long, value_name = "LIMIT", help_heading = "Training", default_value_t = RunConfig::default().grad_clip)]
    grad_clip: Clip,
    /// Random seed
    #[arg(long, value_name = "N", help_heading = "Training", default_value_t = RunConfig::default().seed)]
    seed: u64,

    /// Validate and write a sample every N updates, M minutes (Mm) or both (N,Mm), and after each epoch
    #[arg(long, alias = "eval-interval", value_name = "N", help_heading = "Run", hide_short_help = true,
          default_value_t = RunConfig::default().eval_every)]
    eval_every: Every,
    /// Save every N updates, M minutes (Mm) or both (N,Mm), and after each epoch
    #[arg(long, value_name = "N", help_heading = "Run",
          default_value_t = RunConfig::default().checkpoint_every)]
    checkpoint_every: Every,
    /// Non-finite updates to skip in a row
    #[arg(long, hide_short_help = true, value_name = "N", help_heading = "Training", default_value_t = RunConfig::default().max_skipped)]
    max_skipped: usize,
    /// Skip gradients X times the usual; 0: off
    #[arg(long, hide_short_help = true, value_name = "X", help_heading = "Training", default_value_t = RunConfig::default().skip_outliers)]
    skip_outliers: f64,

    /// Resume this run from its newest checkpoint
    #[arg(long, value_name = "DIR", help_heading = "Run",
          conflicts_with_all = ["init_from", "preset", "config", "out"])]
    pub resume: Option<PathBuf>,
    /// Start from the weights and settings of this run
    #[arg(long, value_name = "DIR", help_heading = "Run", conflicts_with_all = ["preset", "config"])]
    pub init_from: Option<PathBuf>,
    /// Preset settings: char-rnn or shakespeare
    #[arg(
        long,
        value_name = "NAME",
        hide_possible_values = true,
        help_heading = "Run"
    )]
    preset: Option<Preset>,
    /// Read settings from a config.json; flags win
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "preset",
        help_heading = "Run"
    )]
    config: Option<PathBuf>,
    /// Folder for the run [default: runs/NAME-1, -2, …]
    #[arg(long, aliases = ["checkpoint-dir", "out-dir"], value_name = "DIR", help_heading = "Run")]
    pub out: Option<PathBuf>,
    /// Seconds to wait for another rank, before all end
    #[cfg(feature = "mpi")]
    #[arg(long, value_name = "N", default_value_t = 300.0, help_heading = "Run", hide_short_help = true,
          value_parser = seconds)]
    rank_timeout: f64,
    #[command(flatten, next_help_heading = "Run")]
    pub backend: BackendArg,
}

#[cfg(feature = "mpi")]
fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|s| (0.1..=1e6).contains(s));
    seconds.ok_or_else(|| "must be from 0.1 to 1000000".to_owned())
}

#[derive(Clone, Copy, ValueEnum)]
enum Preset {
    CharRnn,
    Shakespeare,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Unknown {
    Error,
    Skip,
}

#[derive(Args)]
pub struct SampleArgs {
    /// Folder of the run [default: the newest in runs/]
    pub run: Option<PathBuf>,
    /// Take the weights after update N, of those in its folder checkpoints [default: the best ones]
    #[arg(long, value_name = "N")]
    pub checkpoint: Option<usize>,
    /// Symbols to generate
    #[arg(
        long,
        alias = "max-new-tokens",
        value_name = "N",
        default_value_t = 2000
    )]
    pub length: usize,
    /// Lower is safer, higher is bolder; 0 always takes the likeliest symbol
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub temperature: f64,
    /// Text to continue; \n, \t, \0 and \\ stand for what cannot be typed
    #[arg(long, visible_alias = "start-text", aliases = ["primetext", "start"], value_name = "TEXT",
          default_value = "", hide_default_value = true,
          value_parser = |text: &str| Ok::<_, Infallible>(unescape(text)))]
    pub prime_text: String,
    /// File with the text to continue
    #[arg(long, value_name = "FILE", conflicts_with = "prime_text")]
    pub prime_file: Option<PathBuf>,
    /// Characters to continue that the model does not know: error or skip
    #[arg(
        long,
        value_name = "HOW",
        default_value = "error",
        hide_possible_values = true
    )]
    pub unknown: Unknown,
    /// File that the model reads before the text to continue [default: the end of a line]
    #[arg(long, value_name = "FILE")]
    pub warm_up: Option<PathBuf>,
    /// Write control characters and bytes that are not text to a terminal too
    #[arg(long)]
    pub raw: bool,
    /// Random seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    #[command(flatten)]
    pub backend: BackendArg,
}

#[derive(Args)]
pub struct PlotArgs {
    /// Folders of the runs [default: the newest in runs/]
    #[arg(value_name = "DIR")]
    pub runs: Vec<PathBuf>,
    /// Folder for plot.svg and plot.png, or a single .svg or .png file [default: the folder of the first
    /// run]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Draw in the terminal only
    #[arg(long, conflicts_with = "out")]
    pub no_files: bool,
    /// Lines of the chart in the terminal
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(2..=500))]
    pub height: u16,
    /// Horizontal axis: updates, epochs or time (spent in updates) [default: updates, or epochs if those of the
    /// runs differ in length]
    #[arg(long, value_name = "AXIS", hide_possible_values = true, value_parser = one_of(AXES, axis_name))]
    pub x: Option<XAxis>,
}

#[derive(Args)]
pub struct ScoreArgs {
    /// Folder of the run [default: the newest in runs/]
    pub run: Option<PathBuf>,
    /// Files (also .gz, .zst, .xz, .bz2), folders, - for standard input
    #[arg(long, value_name = "PATH", num_args = 1.., required = true)]
    pub data: Vec<PathBuf>,
    /// Encoding of the text: windows-1252, shift_jis, … [default: by its byte order mark, or UTF-8]
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<Encoding>,
    /// Take the weights after update N, of those in its folder checkpoints [default: the best ones]
    #[arg(long, value_name = "N")]
    pub checkpoint: Option<usize>,
    #[command(flatten)]
    pub backend: BackendArg,
}

#[derive(Args)]
pub struct ExportArgs {
    /// Folder of the run [default: the newest in runs/]
    pub run: Option<PathBuf>,
    /// For which program: pytorch (a state dict, as safetensors) or onnx
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    pub to: Format,
    /// File to write; a script beside it is called sample_FILE_FORMAT.py [default: model.safetensors or model.onnx
    /// in the folder of the run]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Take the weights after update N, of those in its folder checkpoints [default: the best ones]
    #[arg(long, value_name = "N")]
    pub checkpoint: Option<usize>,
    #[command(flatten)]
    pub backend: BackendArg,
}

/// Whom a model is written for.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Pytorch,
    Onnx,
}

#[derive(Args)]
pub struct ImportArgs {
    /// State dict: .safetensors, .pt or .pth, also within a checkpoint
    pub file: PathBuf,
    /// Characters of the model, in the order of their numbers: a text file with each once, a JSON list, a JSON
    /// object of character and number, or a run's vocab.json [default: those that `export` wrote into the file]
    #[arg(long, value_name = "FILE")]
    pub vocab: Option<PathBuf>,
    /// Name of the nn.Embedding; "" if the model has none [default: found by its shape]
    #[arg(long, value_name = "NAME")]
    pub embedding: Option<String>,
    /// Name of the nn.RNN, nn.LSTM or nn.GRU [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub rnn: Option<String>,
    /// Name of the nn.Linear after it [default: found by its shape]
    #[arg(long, value_name = "NAME")]
    pub head: Option<String>,
    /// An nn.RNN has nonlinearity="relu", which no file says
    #[arg(long)]
    pub relu: bool,
    /// Folder for the run [default: runs/NAME-1, -2, …]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub backend: BackendArg,
}

const AXES: [XAxis; 3] = [XAxis::Updates, XAxis::Epochs, XAxis::Time];

fn axis_name(x: XAxis) -> &'static str {
    match x {
        XAxis::Updates => "updates",
        XAxis::Epochs => "epochs",
        XAxis::Time => "time",
    }
}

impl TrainArgs {
    /// Returns how long to wait for another rank.
    pub fn rank_timeout(&self) -> Duration {
        #[cfg(feature = "mpi")]
        return Duration::from_secs_f64(self.rank_timeout);
        #[cfg(not(feature = "mpi"))]
        Duration::MAX
    }

    /// Returns the settings of the run: those of `before` if it starts from another run, otherwise those
    /// of a file, a preset or the defaults; then each flag that was given overrides its setting.
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
            (None, None, Some(Preset::Shakespeare)) => RunConfig {
                dataset: Some("tiny-shakespeare".to_owned()),
                ..RunConfig::shakespeare(CellKind::Lstm)
            },
            (None, None, None) if has_text => RunConfig::default(),
            // The built-in text is short: with these settings, it is learned in a minute or two.
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
        // Another text is in files of another kind. A run that resumes has only moved.
        if has_text && self.resume.is_none() {
            (config.encoding, config.csv, config.jsonl) = (None, None, None);
            config.val_data.clear();
        }
        if self.csv.is_some() || self.jsonl.is_some() {
            (config.csv, config.jsonl) = (None, None);
        }
        let is_given = |name| given.value_source(name) == Some(ValueSource::CommandLine);
        macro_rules! flags_win {
            ($($name:ident)*) => {$(
                if is_given(stringify!($name)) {
                    config.$name = self.$name.clone();
                }
            )*};
        }
        flags_win!(units encoding keep_line_ends csv jsonl min_count vocab_size val_frac val_data split model hidden_size num_layers embedding_size dropout weight_dropout
            max_epochs seq_length batch_size optimizer learning_rate schedule patience grad_clip seed
            eval_every checkpoint_every max_skipped skip_outliers);
        if self.csv.is_some() || self.jsonl.is_some() {
            config.documents = Some(Separator::file());
        }
        if let Some(separator) = &self.documents {
            let is_one_text = separator.0 == "none";
            config.documents = (!is_one_text).then(|| separator.clone());
        }
        if !is_given("split") {
            config.split = match (config.split, &config.documents) {
                (Split::Lanes, Some(_)) => Split::Random,
                (Split::Random, None) => Split::Lanes,
                (split, _) => split,
            };
        }
        config.validate()?;
        Ok(config)
    }
}

const SPLITS: [Split; 3] = [Split::Lanes, Split::Tail, Split::Random];

fn split_name(split: Split) -> &'static str {
    match split {
        Split::Lanes => "lanes",
        Split::Tail => "tail",
        Split::Random => "random",
    }
}
