//! `char_lstm train`: trains on a text, leaves a run folder and shows a sample.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use anyhow::Result;
use burn::tensor::backend::{AutodiffBackend, Backend};
use clap::ArgMatches;
use demos::{
    backend::{self, OpenBackend, Program},
    datasets,
    exit::{Signalled, UsageError},
    memory, open_files,
    ranks::{Ranks, launcher},
    shell,
    stop::Stop,
    view::{self, RunView},
};
use train::{
    Corpus, Run, RunConfig, RunFolder, Sampling, TextConfig, Units, Vocab, batches,
    ranks::{Communicator, first_other},
};

use crate::{
    args::TrainArgs,
    runs::{RUNS, note_early_weights},
    write_text::write_text,
};

/// The name of the built-in text: book one of Cicero's De finibus bonorum et malorum, the source of
/// "lorem ipsum".
const LIBER_PRIMUS: &str = "liber-primus";

const STOPPING: &str = "stopping after this update; the run will be saved";

/// A launcher that lost a rank sends a signal to the others, too.
const STOPPING_ALL: &str =
    "stopping after this update; the run will be saved if every rank answers";

struct TrainRun<'a> {
    corpus: Corpus,
    config: RunConfig,
    /// `None` on ranks that join what rank 0 starts.
    origin: Option<Origin>,
    out: Option<&'a Path>,
    ranks: &'a Ranks,
}

/// What a run starts from.
enum Origin {
    /// New weights.
    Fresh,
    /// The weights of another run.
    InitFrom(RunFolder),
    /// Its own newest checkpoint.
    Resume(RunFolder),
}

impl Origin {
    fn folder(&self) -> Option<&RunFolder> {
        match self {
            Origin::Fresh => None,
            Origin::InitFrom(folder) | Origin::Resume(folder) => Some(folder),
        }
    }
}

/// What rank 0 finds in folders, and tells the others.
struct Settings {
    config: RunConfig,
    /// The symbols of the run before.
    known: Option<Vocab>,
}

pub fn run(args: &TrainArgs, given: &ArgMatches, ranks: &Ranks) -> Result<()> {
    ranks.wait_at_most(args.rank_timeout());
    let communicator = ranks.communicator();
    let (settings, origin) = match communicator.rank() {
        0 => {
            let (settings, origin) = find_settings(args, given, communicator.size())?;
            tell_settings(&settings, communicator)?;
            (settings, Some(origin))
        }
        _ => (hear_settings(communicator)?, None),
    };
    let Settings { mut config, known } = settings;
    config.check_ranks(communicator.size())?;
    open_files::raise_limit();
    let corpus = read_corpus(&config, known.as_ref(), communicator)?;
    // However long another rank reads.
    communicator.barrier();
    check_same_text(&corpus, communicator)?;
    // So that the run can be resumed from another folder.
    let named = config.data.iter_mut().chain(&mut config.val_data);
    for path in named.filter(|path| !is_stdin(path)) {
        *path = std::path::absolute(&path)?;
    }
    let run = TrainRun {
        corpus,
        config,
        origin,
        out: args.out.as_deref(),
        ranks,
    };
    backend::run(args.backend.name, run)
}

fn find_settings(
    args: &TrainArgs,
    given: &ArgMatches,
    n_ranks: usize,
) -> Result<(Settings, Origin)> {
    let origin = match (&args.resume, &args.init_from) {
        (Some(path), _) => Origin::Resume(RunFolder::resume(path)?),
        (None, Some(path)) => {
            let folder = RunFolder::open(path)?;
            note_early_weights(&folder);
            Origin::InitFrom(folder)
        }
        (None, None) => Origin::Fresh,
    };
    let config = args.run_config(origin.folder(), given)?;
    match &origin {
        Origin::Fresh => (),
        Origin::InitFrom(old) => old.config()?.check_init_from(&config)?,
        Origin::Resume(folder) => folder.config()?.check_resumed(&config)?,
    }
    let named = config.data.iter().chain(&config.val_data);
    let problem = match named.filter(|path| is_stdin(path)).count() {
        0 => None,
        1 if n_ranks == 1 => None,
        1 => Some(
            "standard input (-) reaches only one of several ranks; save the text in a file that all can \
             read, and name that",
        ),
        _ => Some("standard input (-) is named twice, but it can be read only once"),
    };
    if let Some(problem) = problem {
        return Err(UsageError(problem.to_owned()).into());
    }
    let known = origin.folder().map(RunFolder::vocab).transpose()?;
    Ok((Settings { config, known }, origin))
}

fn tell_settings(settings: &Settings, ranks: &dyn Communicator) -> Result<()> {
    if ranks.size() > 1 {
        ranks.broadcast(0, &serde_json::to_vec(&settings.config)?);
        ranks.broadcast(0, &serde_json::to_vec(&settings.known)?);
    }
    Ok(())
}

fn hear_settings(ranks: &dyn Communicator) -> Result<Settings> {
    let (config, known) = (ranks.broadcast(0, &[]), ranks.broadcast(0, &[]));
    Ok(Settings {
        config: serde_json::from_slice(&config)?,
        known: serde_json::from_slice(&known)?,
    })
}

/// Checks that all ranks have read the same text.
fn check_same_text(corpus: &Corpus, ranks: &dyn Communicator) -> Result<()> {
    let held_out = corpus
        .held_out_id()
        .map(|id| format!(", to validate on {id}"));
    let id = corpus.id().to_string() + &held_out.unwrap_or_default();
    let ids = ranks.all_gather(id.as_bytes());
    match first_other(&ids) {
        None => Ok(()),
        Some(rank) => {
            let shown = |rank: usize| String::from_utf8_lossy(&ids[rank]);
            let problem = format!(
                "rank {rank} has another text than rank 0: {} instead of {}; give all ranks the same files",
                shown(rank),
                shown(0),
            );
            Err(UsageError(problem).into())
        }
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Reads the text and the one to validate on, in the symbols of the run before, if there is one.
fn read_corpus(
    config: &RunConfig,
    known: Option<&Vocab>,
    ranks: &dyn Communicator,
) -> Result<Corpus> {
    let how = TextConfig {
        known: known.cloned(),
        ..config.text()
    };
    let share = ranks.share();
    let mut batches = config.batches();
    if !config.val_data.is_empty() {
        batches.val_frac = 0.0;
    }
    let needed = |n| batches::needed(n, &batches, share);
    let mut corpus = match (&config.dataset, &config.data[..]) {
        (Some(name), _) => {
            // One rank downloads it, for all of its host.
            let ours = (ranks.rank() == 0)
                .then(|| datasets::find(name))
                .transpose()?;
            ranks.barrier();
            let path = ours.map_or_else(|| datasets::find(name), Ok)?;
            Corpus::read_on(ranks, &[path], &how, needed)?
        }
        (None, []) => Corpus::from_bytes(LIBER_PRIMUS, lipsum::LIBER_PRIMUS.as_bytes(), &how)?,
        (None, paths) => Corpus::read_on(ranks, paths, &how, needed)?,
    };
    if !config.val_data.is_empty() {
        let how = TextConfig {
            // The first text decides which characters are rare.
            min_count: 1,
            known: Some(corpus.vocab.clone()),
            ..how
        };
        let needed = |n| batches::needed_to_validate(n, &batches, share);
        corpus = corpus.with_held_out(Corpus::read_on(ranks, &config.val_data, &how, needed)?);
    }
    Ok(corpus)
}

impl Program for TrainRun<'_> {
    fn run<B: AutodiffBackend>(self, backend: OpenBackend<B>) -> Result<()> {
        let TrainRun {
            corpus,
            config,
            origin,
            out,
            ranks,
        } = self;
        let communicator = ranks.communicator();
        let device = &backend.device;
        if backend.is_cpu {
            let of_a_rank = RunConfig {
                batch_size: config.batch_size.div_ceil(communicator.size()),
                ..config.clone()
            };
            memory::check(
                of_a_rank.memory(config.model.description(), corpus.vocab.size()),
                "--hidden-size, --num-layers, --embedding-size, --batch-size or --seq-length",
            )?;
        }
        // A rank without the memory ends all before there is a folder.
        communicator.barrier();
        let new_folder = || match out {
            Some(path) => RunFolder::create(path),
            None => RunFolder::create_numbered(Path::new(RUNS), &stem(&config)),
        };
        let run = match &origin {
            None => Run::<B>::join(&corpus, &config, device, communicator)?,
            Some(origin) => match origin {
                Origin::Fresh => Run::new(&corpus, &config, device, new_folder),
                Origin::InitFrom(old) => Run::init_from(old, &corpus, &config, device, new_folder),
                Origin::Resume(folder) => Run::resume(&corpus, &config, device, folder),
            }?
            .share(communicator)?,
        };
        let folder = run.folder().map(|folder| shell::quoted(folder.path()));
        let folder = communicator.broadcast(0, folder.unwrap_or_default().as_bytes());
        let (path, program) = (String::from_utf8(folder)?, shell::program("char_lstm"));
        let launch = launcher::launch(communicator.size());
        let resume = format!("{launch}{program} train --resume {path}");
        ranks.advise(&format!(
            "; resume the run from its last checkpoint ({resume})"
        ));
        let mut on = format!("{} ({})", backend.name, backend.device_name);
        if communicator.size() > 1 {
            on += &format!(", {} ranks", communicator.size());
        }
        view::say(&view::wrapped(&heading(&corpus, &config, &on)));

        if run.is_finished() {
            let done = view::plural(run.epochs(), "epoch");
            view::say(&format!(
                "the run in {path} has already finished, after {done}; train it further with a larger --max-epochs\n",
            ));
            return Ok(());
        }
        let mut run_view = RunView::new(config.max_epochs, config.units);
        let bar = run_view.bar();
        let is_ending = ranks.is_ending();
        let is_over = Arc::clone(&is_ending);
        let note = match communicator.size() {
            1 => STOPPING,
            _ => STOPPING_ALL,
        };
        let stop = Stop::on_signals(move || {
            if !is_ending.load(Relaxed) {
                view::note_above(&bar, note);
            }
        })?;
        let (asked, signals) = (stop.clone(), stop);
        let is_asked = move || asked.signal().is_some();
        ranks.stop_on(is_asked.clone());
        let outcome = run.go(is_asked, |event| run_view.show(event));
        // A launcher sends a signal to a rank that ends after the others.
        is_over.store(true, Relaxed);
        run_view.finish();
        let outcome = outcome?;
        if outcome.is_stopped {
            let signal = communicator.all_gather(&[signals.signal().unwrap_or_default()]);
            let signal = signal.concat().into_iter().max().unwrap_or_default();
            view::say(&format!(
                "\nstopped; the run is saved. Resume it with:\n  {resume}\n"
            ));
            return Err(Signalled(signal).into());
        }

        let summary = summary(&outcome, &config, &run_view);
        // A pipe takes lines of any length, but nobody wants to read them.
        view::say(&view::filled(&summary, view::width().min(80)));
        if communicator.rank() == 0 {
            let how = Sampling {
                documents: config.documents.as_ref(),
                temperature: 0.8,
                seed: config.seed,
                ..Sampling::default()
            };
            write_text(&outcome.model, &corpus.vocab, &how, 500, false)?;
        }
        // If that fails, no rank has ended.
        communicator.barrier();
        view::say(&format!(
            "\n\nThe run is in {path}. Try next:\n  \
             {program} sample {path} --temperature 0.5\n  \
             {program} train --data YOUR_TEXT.txt\n"
        ));
        Ok(())
    }
}

/// Describes the text, the model and the backend.
fn heading(corpus: &Corpus, config: &RunConfig, on: &str) -> String {
    let text = match (&config.dataset, &config.data[..]) {
        (None, []) => "Cicero, De finibus bonorum et malorum, book one",
        (None, [path]) if is_stdin(path) => "standard input",
        _ => corpus.name.as_str(),
    };
    let distinct = match corpus.vocab.units() {
        Units::Bytes => String::new(),
        _ => format!(", {} distinct", view::grouped(corpus.vocab.size())),
    };
    let model = config.model.description().title;
    let input = match config.embedding_size {
        0 => "one-hot input".to_owned(),
        size => format!("embedding of {size}"),
    };
    let skipped = match &corpus.skipped[..] {
        [] => String::new(),
        [first, rest @ ..] => format!(
            "left out {} ({}){}\n",
            first.path.display(),
            first.reason,
            match rest.len() {
                0 => String::new(),
                n => format!(" and {} more", view::grouped(n)),
            },
        ),
    };
    format!(
        "{text}: {}{distinct}\n{skipped}{model}, {} of {}, {input}, on {on}\n",
        view::plural(corpus.n_symbols(), view::symbol(config.units)),
        view::plural(config.num_layers, "layer"),
        config.hidden_size,
    )
}

/// Says how the run ended, above its sample.
fn summary<B: Backend>(
    outcome: &train::Outcome<B>,
    config: &RunConfig,
    run_view: &RunView,
) -> String {
    let mut text = String::new();
    if let Some(patience) = config
        .patience
        .filter(|_| outcome.epochs < config.max_epochs)
    {
        let (done, without) = (outcome.epochs, view::plural(patience, "epoch"));
        text +=
            &format!("\nstopped after epoch {done}: {without} without a lower validation loss\n");
    }
    text += &match outcome.best {
        Some((loss, epoch)) => format!(
            "\nbest validation loss {loss:.4} nats per {} ({}), after epoch {epoch}",
            view::symbol(config.units),
            run_view.bits(loss),
        ),
        None => "\nno validation: the weights are from the last epoch".to_owned(),
    };
    text + &format!("; trained for {:.0} s. A sample:\n\n", outcome.seconds)
}

/// Returns the name of the run's folder: the data set, or its first file up to the first dot.
fn stem(config: &RunConfig) -> String {
    match (&config.dataset, &config.data[..]) {
        (Some(name), _) => name.clone(),
        (None, []) => LIBER_PRIMUS.to_owned(),
        (None, [path, ..]) if is_stdin(path) => "stdin".to_owned(),
        (None, [path, ..]) => path
            .file_prefix()
            .map_or("run".into(), |stem| stem.to_string_lossy().into()),
    }
}
