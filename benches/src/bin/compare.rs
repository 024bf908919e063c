//! Measures the speed of ours, burn-nn, candle-nn and PyTorch, and prints one table.

use std::{
    io::Write,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Result;
use benches::{
    child::Child, machine, memory, peers::Peer, plan, plan::Section, report::Report,
    rounds::Timings, rows::rows, serve::serve,
};
use clap::{Parser, ValueEnum};

/// Measure the speed of ours, burn-nn, candle-nn and PyTorch, interleaved, and print one table.
#[derive(Parser)]
struct Args {
    /// Threads for each peer
    #[arg(long, value_name = "N", default_value = "2")]
    threads: NonZeroUsize,
    /// Rounds; each peer runs once in each
    #[arg(long, value_name = "N", default_value = "21")]
    rounds: NonZeroUsize,
    /// Run three rounds only, to see that it works
    #[arg(long, conflicts_with = "rounds")]
    quick: bool,
    /// Run only this part; may be given several times
    #[arg(long, value_name = "NAME", value_enum)]
    only: Vec<Section>,
    /// Python with PyTorch
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,
    /// Write the table to benches/RESULTS.md, with the machine, versions, date and command
    #[arg(long)]
    write: bool,
    /// Do the work of one peer, as requested on standard input
    #[arg(long, value_name = "PEER", value_enum, hide = true)]
    serve: Option<Peer>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let result = match args.serve {
        Some(peer) => serve(peer),
        None => run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let all = Section::value_variants().iter().copied();
    let wanted: Vec<Section> = all
        .filter(|section| args.only.is_empty() || args.only.contains(section))
        .collect();
    let threads = args.threads.get();
    let rounds = if args.quick { 3 } else { args.rounds.get() };
    let groups = plan::groups(&wanted);

    let mut notes = Vec::new();
    let load = machine::load();
    if load > BUSY {
        notes.push(format!(
            "the machine was busy just before (load average {load:.1}), which slows PyTorch down most"
        ));
    }
    let mut children = Vec::new();
    for peer in Peer::ALL {
        match Child::start(peer, threads, &args.python) {
            Ok(child) => children.push(child),
            Err(error) => notes.push(format!("not found: {} ({error:#})", peer.title())),
        }
    }
    let version = |child: &Child| (child.peer, child.version.clone());
    let found: Vec<_> = children.iter().map(version).collect();
    notes.iter().for_each(|note| eprintln!("{note}"));

    let mut timings = Timings::default();
    for (i, group) in groups.iter().enumerate() {
        let cases: Vec<_> = group.iter().map(|(_, case)| case.to_string()).collect();
        eprintln!(
            "{}/{} {}",
            i + 1,
            groups.len(),
            cases.first().map_or("", |c| c)
        );
        timings.run(group, &mut children, rounds, |note| {
            eprintln!("{note}");
            notes.push(note);
        });
    }
    drop(children);

    let mut memories = Vec::new();
    if wanted.contains(&Section::Memory) {
        for case in plan::updates() {
            for peer in [Peer::Ours, Peer::Pytorch] {
                if !found.iter().any(|(found, _)| *found == peer) {
                    continue;
                }
                let child = Child::start(peer, threads, &args.python);
                match child.and_then(|child| memory::measure(child, case)) {
                    Ok(memory) => memories.push((peer, case, memory)),
                    Err(error) => notes.push(format!("{}, memory: {error:#}", peer.title())),
                }
            }
        }
    }

    let report = Report {
        rows: rows(&wanted, &timings, &memories, threads),
        found,
        notes,
        threads,
        rounds,
        load,
        command: command(&args.python),
    };
    std::io::stdout().write_all(report.table().as_bytes())?;
    if args.write {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("RESULTS.md");
        report.write(&path)?;
        eprintln!("written to {}", path.display());
    }
    Ok(())
}

/// A load average above this means other work on the machine.
const BUSY: f64 = 0.5;

/// The command that started this, without the path to Python, which is of no use on other machines.
fn command(python: &Path) -> String {
    let python = python.display().to_string();
    let given: Vec<_> = std::env::args()
        .skip(1)
        .map(|arg| arg.replace(&python, "PYTHON"))
        .collect();
    let separator = if given.is_empty() { "" } else { " -- " };
    format!("cargo run -p benches{separator}{}", given.join(" "))
}
