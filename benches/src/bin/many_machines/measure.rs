//! Runs `char_lstm train` on one rank and on two by turns, and reads the times from its log.

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use benches::rounds::median;
use serde::Deserialize;
use tempfile::TempDir;

use crate::{
    in_repository,
    plan::{Group, Network, Run, groups},
    rows::{self, Row, Runs},
    table::{markdown, short},
};

#[derive(clap::Args)]
pub struct Args {
    /// The program char_lstm, built with the feature mpi
    #[arg(long, value_name = "PATH")]
    program: PathBuf,
    /// The text to train on: tiny Shakespeare
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Rounds; each measures everything once
    #[arg(long, value_name = "N", default_value = "3")]
    rounds: usize,
    /// Seconds of each run after its first updates, or more if ten updates take longer
    #[arg(long, value_name = "N", default_value = "6")]
    seconds: u64,
    /// Measure only models with so many units per layer
    #[arg(long, value_name = "N")]
    hidden_size: Option<usize>,
    /// Measure only two ranks on this host, beside one: needs no root
    #[arg(long)]
    one_host: bool,
    /// Append the times to this file
    #[arg(long, value_name = "CSV")]
    out: PathBuf,
}

impl Args {
    fn leaves_out(&self, group: &Group) -> bool {
        let runs = &group.runs;
        let has_ranks = runs.iter().any(|run| run.network == Network::SharedMemory);
        let has_cable = runs.iter().any(|run| run.network.cable().is_some());
        let is_other = self.hidden_size.is_some_and(|n| n != group.shape.hidden);
        is_other || self.one_host && (has_cable || !has_ranks)
    }
}

/// Time steps of truncated backpropagation.
pub const STEPS: usize = 50;
/// Updates at the start that do not count: memory is new then, and so is the cable's traffic.
const WARM_UP: usize = 3;
/// Updates that count, at least.
const AT_LEAST: usize = 10;

/// A line of metrics.jsonl.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    Start {
        parameters: usize,
    },
    Update {
        chars_per_second: f64,
        #[serde(default)]
        communicating: f64,
        #[serde(default)]
        waiting: f64,
    },
    #[serde(other)]
    Other,
}

/// Measures, appends to the file, and prints the medians of all that is in it.
pub fn measure(args: &Args) -> Result<()> {
    let measured = all_rounds(args);
    if !args.one_host {
        two_hosts(&["down"])?;
    }
    measured?;
    print!("{}", in_markdown(&rows::read(&args.out)?));
    Ok(())
}

fn all_rounds(args: &Args) -> Result<()> {
    for round in 1..=args.rounds {
        for group in groups() {
            if args.leaves_out(&group) {
                continue;
            }
            let mut measured: Vec<Row> = Vec::new();
            for &run in &group.runs {
                let mut row = row(args, &group, run)?;
                let alone = measured.first().unwrap_or(&row);
                row.speed_up = row.chars_per_second / alone.chars_per_second;
                let (shape, network) = (group.shape, run.network.title());
                let (ranks, batch, ms) = (run.ranks, run.batch, short(row.ms));
                eprintln!(
                    "{round}/{} {shape} {network} {ranks} {batch}: {ms} ms",
                    args.rounds
                );
                measured.push(row);
            }
            rows::append(&args.out, &measured)?;
        }
    }
    Ok(())
}

fn in_markdown(runs: &[Runs]) -> String {
    let head = "model,network,ranks,batch,ms an update,compute,communicating,waiting,chars/s,speed-up,\
                lowest,highest,runs";
    let line = |runs: &Runs| {
        let row = &runs.medians;
        let numbers = [row.ms, row.ms_compute, row.ms_communicating, row.ms_waiting];
        let mut cells = vec![row.shape().to_string(), row.network.title().to_owned()];
        cells.extend([row.ranks, row.batch].map(|number| number.to_string()));
        cells.extend(numbers.map(short));
        cells.push(format!("{:.0}", row.chars_per_second));
        let [lowest, highest] = runs.speed_ups;
        cells.extend([row.speed_up, lowest, highest].map(short));
        cells.push(runs.n.to_string());
        cells
    };
    let lines: Vec<_> = runs.iter().map(line).collect();
    markdown(2, &head.split(',').collect::<Vec<_>>(), &lines)
}

/// Does one run.
fn row(args: &Args, group: &Group, run: Run) -> Result<Row> {
    let (hidden, layers) = (group.shape.hidden, group.shape.layers);
    let logs = train(args, run, hidden, layers)?;
    let chars = run.batch * STEPS;
    let medians: Result<Vec<Medians>> = logs
        .iter()
        .map(|log| Medians::of(log, (chars / logs.len()) as f64))
        .collect();
    // Of two apart, the slower.
    let Medians { parameters, ms } = medians?
        .into_iter()
        .max_by(|a, b| a.ms[0].total_cmp(&b.ms[0]))
        .expect("at least one log");
    let of_one_run = run.ranks / logs.len();
    Ok(Row {
        network: run.network,
        held_out: group.held_out,
        hidden,
        layers,
        ranks: run.ranks,
        stretches: of_one_run,
        batch: run.batch,
        seq: STEPS,
        parameters,
        ms: ms[0],
        ms_compute: ms[1],
        ms_communicating: ms[2],
        ms_waiting: ms[3],
        chars_per_second: 1e3 * chars as f64 / ms[0],
        speed_up: 1.0,
    })
}

/// What a log says.
struct Medians {
    parameters: usize,
    /// Milliseconds of an update: in all, of compute, of communication, of waiting.
    ms: [f64; 4],
}

impl Medians {
    /// Reads a log whose updates have so many characters.
    fn of(log: &str, chars: f64) -> Result<Self> {
        let (mut parameters, mut times) = (0, Vec::new());
        // The end cuts the last line off.
        for event in log
            .lines()
            .map_while(|line| serde_json::from_str(line).ok())
        {
            match event {
                Event::Start { parameters: count } => parameters = count,
                Event::Update {
                    chars_per_second,
                    communicating,
                    waiting,
                } => {
                    let ms = 1e3 * chars / chars_per_second;
                    let compute = ms * (1.0 - communicating - waiting);
                    times.push([ms, compute, ms * communicating, ms * waiting]);
                }
                Event::Other => {}
            }
        }
        ensure!(
            times.len() >= WARM_UP + AT_LEAST,
            "metrics.jsonl has changed"
        );
        let over = |i: usize| {
            let counted = times[WARM_UP..].iter().map(|ms| ms[i]).collect();
            median(counted).expect("at least ten updates")
        };
        Ok(Medians {
            parameters,
            ms: [0, 1, 2, 3].map(over),
        })
    }
}

/// Trains for a while, each rank on a core of its own, and returns the log; of ranks that are apart, the log of each.
fn train(args: &Args, run: Run, hidden: usize, layers: usize) -> Result<Vec<String>> {
    let ranks = run.ranks.to_string();
    let commands: Vec<Command> = match (run.network, run.network.cable()) {
        (Network::None | Network::Apart, _) => (0..run.ranks)
            .map(|core| started_by("taskset", &["-c", &core.to_string()]))
            .collect(),
        (_, None) => vec![started_by("mpirun", &["-n", &ranks, "--bind-to", "core"])],
        (_, Some((delay, rate))) => {
            let (delay, rate) = (format!("{}us", 1e6 * delay), format!("{}gbit", 8e-9 * rate));
            two_hosts(&["up", "--delay", &delay, "--rate", &rate])?;
            vec![started_by(in_repository(TWO_HOSTS), &["run"])]
        }
    };
    let batch = run.batch / commands.len();
    let mut running = Vec::new();
    for mut command in commands {
        command.arg(fs::canonicalize(&args.program)?).arg("train");
        command.arg("--data").arg(fs::canonicalize(&args.data)?);
        for (flag, number) in [
            ("--hidden-size", hidden),
            ("--num-layers", layers),
            ("--batch-size", batch),
            ("--seq-length", STEPS),
            ("--max-epochs", 1000),
        ] {
            command.args([flag, &number.to_string()]);
        }
        running.push(Training::start(command)?);
    }
    let mut wait_for = |n| -> Result<()> {
        while running.iter().any(|training| training.updates() < n) {
            sleep(Duration::from_millis(100));
            running.iter_mut().try_for_each(Training::still_runs)?;
        }
        Ok(())
    };
    wait_for(WARM_UP)?;
    sleep(Duration::from_secs(args.seconds));
    wait_for(WARM_UP + AT_LEAST)?;
    Ok(running.iter().map(Training::log).collect())
}

/// A run of `char_lstm train`, ended when this is dropped.
struct Training {
    child: Child,
    folder: TempDir,
}

impl Training {
    fn start(mut command: Command) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        command.arg("--out").arg(folder.path().join("run"));
        let open_mpi = ["OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"];
        command.envs(open_mpi.map(|name| (name, "1")));
        command.env("RAYON_NUM_THREADS", "1");
        let errors = File::create(folder.path().join("errors"))?;
        let child = command.stdout(Stdio::null()).stderr(errors).spawn()?;
        Ok(Training { child, folder })
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("run/metrics.jsonl")).unwrap_or_default()
    }

    fn updates(&self) -> usize {
        self.log().matches(r#""event":"update""#).count()
    }

    fn still_runs(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            bail!(
                "{}",
                last_line(&fs::read(self.folder.path().join("errors"))?)
            );
        }
        Ok(())
    }
}

impl Drop for Training {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let id = self.child.id().to_string();
            let _ = Command::new("kill").arg(id).status();
            let _ = self.child.wait();
        }
    }
}

fn started_by(program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

const TWO_HOSTS: &str = "benches/two_hosts.sh";

fn two_hosts(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new(in_repository(TWO_HOSTS));
    let output = command.args(arguments).output().context(TWO_HOSTS)?;
    ensure!(output.status.success(), "{}", last_line(&output.stderr));
    Ok(())
}

fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or("it ended without a word").trim().to_owned()
}
