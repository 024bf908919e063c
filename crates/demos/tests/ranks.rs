//! `char_lstm train` on several ranks: the same losses as on one, and whatever ends a rank ends all with a line each.
#![cfg(all(feature = "mpi", target_os = "linux"))]
#![allow(missing_docs)]

mod common;

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use common::{
    Place, SMALL,
    events::{Running, wait_for},
    text, words,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_char_lstm");

/// Returns a place with a text of short lines.
fn place() -> Place {
    let place = Place::new();
    place.file("text", words(25_000).replace("dolor ", "dolor\n"));
    place
}

/// `mpirun` and all that it started. A test that fails leaves nothing of it behind.
struct Launched<'a> {
    place: &'a Place,
    mpirun: Running,
}

impl<'a> Launched<'a> {
    /// Starts `mpirun` with these arguments.
    fn start(place: &'a Place, args: &[&str]) -> Self {
        let mut command = Command::new("mpirun");
        command.args(["-q", "--oversubscribe"]);
        for arg in args {
            command.arg(arg);
            if *arg == "train" {
                // The default may be another one, and said to be so.
                command.args(["--backend", "ndarray"]);
            }
        }
        // The folder of its session, which runs of other tests would share.
        command.env("TMPDIR", place.path());
        command.env("OMPI_ALLOW_RUN_AS_ROOT", "1");
        command.env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
        command.env("RAYON_NUM_THREADS", "1");
        // Under cargo, the program says how cargo runs it.
        command.env_remove("CARGO");
        command.current_dir(place.path()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mpirun = Running::start(&mut command);
        Launched { place, mpirun }
    }

    /// Returns the process of a rank.
    fn rank(&self, rank: usize) -> Pid {
        let variable = format!("OMPI_COMM_WORLD_RANK={rank}");
        let is_rank = |process: &Pid| {
            let path = format!("/proc/{}/environ", process.as_raw_nonzero());
            let environment = fs::read(path).unwrap_or_default();
            let mut variables = environment.split(|byte| *byte == 0);
            variables.any(|is| is == variable.as_bytes())
        };
        wait_for("the rank", || {
            processes(self.place).into_iter().find(is_rank)
        })
    }

    /// Sends a signal to a rank alone.
    fn signal(&self, rank: usize, signal: Signal) {
        kill_process(self.rank(rank), signal).expect("it is there");
    }

    /// Waits until the run has logged so many updates.
    fn wait_for_updates(&mut self, run: &str, n: usize) {
        let run = self.place.path().join(run);
        self.mpirun
            .wait_for("updates", || count(&run, "update") >= n);
    }

    /// Waits until the run has saved something after its start.
    fn wait_for_checkpoint(&mut self, run: &str) {
        let checkpoints = self.place.path().join(run).join("checkpoints");
        self.mpirun.wait_for("a checkpoint", || {
            let entries = fs::read_dir(&checkpoints).into_iter().flatten().flatten();
            let mut names = entries.filter_map(|entry| entry.file_name().into_string().ok());
            names.any(|name| name.parse::<usize>().is_ok_and(|update| update > 0))
        });
    }

    /// Waits until all processes have ended. Returns how `mpirun` did, and what they said.
    fn output(mut self) -> Output {
        let output = self.mpirun.output();
        wait_for("the end of every rank", || {
            processes(self.place).is_empty().then_some(())
        });
        output
    }
}

impl Drop for Launched<'_> {
    fn drop(&mut self) {
        if self.mpirun.status().is_none() {
            self.mpirun.kill();
        }
        for process in processes(self.place) {
            let _ = kill_process(process, Signal::KILL);
        }
    }
}

/// Returns the processes that work in this place: `mpirun` and its ranks. A zombie has no working folder.
fn processes(place: &Place) -> Vec<Pid> {
    let folder = place.path().canonicalize().expect("a folder");
    let entries = fs::read_dir("/proc").expect("Linux").flatten();
    let here = entries.filter(|entry| {
        fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(&folder))
    });
    let number = |name: &str| name.parse().ok().and_then(Pid::from_raw);
    here.filter_map(|entry| number(entry.file_name().to_str()?))
        .collect()
}

/// Returns the arguments for `mpirun` to start so many ranks.
fn on<'a>(n: &'a str, args: &[&'a str]) -> Vec<&'a str> {
    [&["-n", n, PROGRAM], args].concat()
}

/// Returns the arguments for `mpirun` to start one rank with `first` before the program's name and arguments, and one
/// with `second`.
fn two<'a>(first: &[&'a str], second: &[&'a str], args: &[&'a str]) -> Vec<&'a str> {
    let program = [&[PROGRAM], args].concat();
    let (one, and) = (["-n", "1"], [":", "-n", "1"]);
    [&one, first, &program, &and, second, &program].concat()
}

fn launch(place: &Place, args: &[&str]) -> Output {
    Launched::start(place, args).output()
}

/// Runs on so many ranks, expects success and returns standard output.
fn succeeds(place: &Place, n: &str, args: &[&str]) -> String {
    let output = launch(place, &on(n, args));
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{args:?} on {n}\n{out}{err}");
    out
}

fn train<'a>(epochs: &'a str, out: &'a str, flags: &[&'a str]) -> Vec<&'a str> {
    let run = ["train", "--max-epochs", epochs, "--out", out];
    [&run, SMALL, flags].concat()
}

fn weights(place: &Place, run: &str) -> Vec<u8> {
    fs::read(place.path().join(run).join("weights.safetensors")).expect("weights")
}

/// How often a run has logged this event.
fn count(run: &Path, event: &str) -> usize {
    let log = fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    log.matches(&format!("\"event\":\"{event}\"")).count()
}

/// Returns the events of a run.
fn events(place: &Place, run: &str) -> Vec<Value> {
    let log = place.read(&format!("{run}/metrics.jsonl"));
    let parsed = log.lines().map(serde_json::from_str);
    parsed
        .collect::<Result<_, _>>()
        .expect("a JSON object a line")
}

/// Expects a line from each of the ranks: the problem, or that it ended because another has it. A process has the
/// number 0 in `problem`.
fn each_says(output: &Output, code: i32, n_ranks: usize, problem: &str) {
    let err = text(&output.stderr);
    let shown = format!("ended with {}, not for: {problem}\n{err}", output.status);
    assert_eq!(output.status.code(), Some(code), "{shown}");
    assert_eq!(ours(output).len(), n_ranks, "a line each: {shown}");
    let mut found_by = Vec::new();
    for rank in 0..n_ranks {
        let start = format!("error on rank {rank}: ");
        let line = err.lines().find_map(|line| line.strip_prefix(&start));
        let line = without_numbers(line.unwrap_or_else(|| panic!("none of rank {rank}: {shown}")));
        if line == problem {
            found_by.push(rank);
            continue;
        }
        let mut others = (0..n_ranks).filter(|other| *other != rank);
        assert!(
            others.any(|other| line == format!("ended with rank {other}: {problem}")),
            "{shown}"
        );
    }
    assert!(!found_by.is_empty(), "{shown}");
}

/// Replaces the numbers of processes by 0.
fn without_numbers(line: &str) -> String {
    let (first, rest) = line.split_once("(process ").unwrap_or((line, ""));
    match rest.split_once(')') {
        Some((_, rest)) => format!("{first}(process 0){rest}"),
        None => line.to_owned(),
    }
}

/// Returns the lines of standard error but for those of Open MPI: it adds some if it was reading the memory of a rank
/// that is gone, and mpirun may warn of its own connections as it ends.
fn ours(output: &Output) -> Vec<String> {
    let open_mpi = [format!("[{}:", host()), "[warn]".to_owned()];
    let said = text(&output.stderr);
    let is_ours = |line: &&str| !open_mpi.iter().any(|start| line.starts_with(start));
    said.lines().filter(is_ours).map(str::to_owned).collect()
}

fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").expect("Linux");
    name.trim_end().to_owned()
}

/// Expects the losses of one process, and the fields that only several have.
fn assert_same_losses(place: &Place, n: &str, one: &str, many: &str) {
    let (one, many) = (events(place, one), events(place, many));
    let ranks: u64 = n.parse().expect("a number");
    for (events, ranks) in [(&one, 1), (&many, ranks)] {
        assert_eq!(events[0]["event"], "start");
        assert_eq!(events[0]["ranks"], ranks);
    }

    let first = |events: &[Value], event: &str| -> Vec<Value> {
        let here = events.iter().filter(|this| this["event"] == event);
        let first = here.filter(|this| this["update"].as_u64() <= Some(100));
        first.cloned().collect()
    };
    for (event, field, at_least) in [("update", "loss", 100), ("evaluation", "val_loss", 4)] {
        let (one, many) = (first(&one, event), first(&many, event));
        assert!(one.len() >= at_least, "{} of {event}", one.len());
        assert_eq!(one.len(), many.len());
        for (one, many) in one.iter().zip(&many) {
            assert_eq!(one["update"], many["update"]);
            let loss = |event: &Value| event[field].as_f64().expect("a loss");
            let far = (loss(one) - loss(many)).abs();
            assert!(far < 1e-5, "{far:e} on {n} ranks\n{one}\n{many}");
        }
        for share in ["communicating", "waiting"] {
            let has = |event: &Value| {
                event[share]
                    .as_f64()
                    .is_some_and(|x| (0.0..=1.0).contains(&x))
            };
            assert_eq!(one.iter().filter(|one| one.get(share).is_some()).count(), 0);
            assert!(
                event != "update" || many.iter().all(has),
                "{share}: {many:?}"
            );
        }
    }
}

/// Trains on one process and on several ranks.
fn ranks_have_the_losses_of_one_process(ranks: &[&str], flags: &[&'static str]) {
    let place = place();
    let flags = [&["--eval-every", "25"], flags].concat();
    let alone = place.run(&train("2", "one", &flags));
    assert!(alone.status.success(), "{}", text(&alone.stderr));
    for n in ranks {
        succeeds(&place, n, &train("2", n, &flags));
        assert_same_losses(&place, n, "one", n);
    }
}

#[test]
fn two_and_four_ranks_have_the_losses_of_one_process() {
    ranks_have_the_losses_of_one_process(&["2", "4"], &[]);
}

#[test]
fn two_ranks_that_learn_documents_have_the_losses_of_one_process() {
    ranks_have_the_losses_of_one_process(&["2"], &["--documents", "lines"]);
}

#[test]
fn two_ranks_that_learn_words_have_the_losses_of_one_process() {
    let flags = ["--units", "words", "--seq-length", "10"];
    ranks_have_the_losses_of_one_process(&["2"], &flags);
}

#[test]
fn two_runs_are_the_same_bits() {
    let place = place();
    let said = ["a", "b"].map(|run| succeeds(&place, "2", &train("1", run, &[])));
    assert!(weights(&place, "a") == weights(&place, "b"));
    assert_eq!(place.losses("a"), place.losses("b"));
    for said in said {
        assert_eq!(said.matches("2 ranks").count(), 1, "{said}");
        assert_eq!(said.matches("The run is in").count(), 1, "{said}");
    }
}

/// A run that is never done before the test is, saved every 20 updates.
fn endless() -> Vec<&'static str> {
    train("1000000", "run", &["--checkpoint-every", "20"])
}

/// Resumes a run that has been interrupted on two ranks, and expects the bits of one that has not.
fn goes_on_to_the_same_weights(place: &Place) {
    // On a busy machine it may have got far before it ended.
    let begun = count(&place.path().join("run"), "epoch") + 1;
    let epochs = begun.to_string();
    succeeds(place, "2", &train(&epochs, "whole", &[]));
    for n in ["1", "4", "2"] {
        let copy = Command::new("cp")
            .args(["-r", "run", n])
            .current_dir(place.path())
            .status();
        assert!(copy.expect("cp").success());
        succeeds(place, n, &["train", "--resume", n, "--max-epochs", &epochs]);
        let (updates, whole) = (place.losses(n).len(), place.losses("whole").len());
        assert_eq!(updates, whole, "no gap, no repeat on {n}");
    }
    assert!(weights(place, "2") == weights(place, "whole"));
    assert_eq!(place.losses("2"), place.losses("whole"));
}

#[test]
fn a_signal_to_one_rank_ends_a_run_that_goes_on_to_the_same_weights() {
    let place = place();
    let mut ranks = Launched::start(&place, &on("2", &endless()));
    ranks.wait_for_checkpoint("run");
    ranks.signal(1, Signal::TERM);
    let output = ranks.output();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(143), "{out}{err}");
    assert_eq!(err, "");
    assert_eq!(
        out.matches("stopped; the run is saved. Resume it with:\n")
            .count(),
        1,
        "{out}"
    );
    let resume = format!("  mpirun -n 2 {PROGRAM} train --resume run\n");
    assert!(out.ends_with(&resume), "{out}");
    goes_on_to_the_same_weights(&place);
}

/// Returns what follows in the line about a rank that is lost.
fn advice() -> String {
    format!("; resume the run from its last checkpoint (mpirun -n 2 {PROGRAM} train --resume run)")
}

/// Kills a rank after a checkpoint.
fn a_run_goes_on_after_the_death_of(rank: usize) {
    let place = place();
    // mpirun ends the other rank; so many seconds later it kills it.
    let patient = ["--mca", "odls_base_sigkill_timeout", "5"];
    let args = [&patient[..], &on("2", &endless())].concat();
    let mut ranks = Launched::start(&place, &args);
    ranks.wait_for_checkpoint("run");
    let process = ranks.rank(rank).as_raw_nonzero();
    ranks.signal(rank, Signal::KILL);
    let output = ranks.output();
    let (survivor, host, advice) = (1 - rank, host(), advice());
    let said = ours(&output);
    let line = format!(
        "error on rank {survivor}: rank {rank}, on {host} (process {process}), has died{advice}"
    );
    assert_eq!(said, [line]);
    // The exit code of the one or the other.
    let code = output.status.code();
    assert!(code == Some(137) || code == Some(1), "{}", output.status);
    goes_on_to_the_same_weights(&place);
}

#[test]
fn a_run_goes_on_after_the_death_of_rank_0() {
    a_run_goes_on_after_the_death_of(0);
}

#[test]
fn a_run_goes_on_after_the_death_of_rank_1() {
    a_run_goes_on_after_the_death_of(1);
}

#[test]
fn a_rank_that_does_not_answer_ends_all() {
    // Rank 1 would wait for a rank 0 that waits for a slow disk: this run saves nothing for long.
    let flags = [
        "--rank-timeout",
        "2",
        "--batch-size",
        "2",
        "--seq-length",
        "1",
    ];
    for rank in [0, 1] {
        let place = place();
        let args = on("2", &train("1000000", "run", &flags));
        let mut ranks = Launched::start(&place, &args);
        ranks.wait_for_updates("run", 5);
        let process = ranks.rank(rank).as_raw_nonzero();
        ranks.signal(rank, Signal::STOP);
        let output = ranks.output();
        let err = ours(&output).join("\n");
        assert_eq!(output.status.code(), Some(1), "{err}");
        let (survivor, host, advice) = (1 - rank, host(), advice());
        let lost = format!("rank {rank}, on {host} (process {process}), has not answered for ");
        let line = err.lines().next().unwrap_or_default();
        let problem = line.strip_prefix(&format!("error on rank {survivor}: "));
        let problem = problem.unwrap_or_else(|| panic!("{err}"));
        assert!(problem.starts_with(&lost), "{err}");
        assert!(problem.ends_with(&format!(" s{advice}")), "{err}");
        // mpirun lets the other one run, so that it can end.
        let other = format!("error on rank {rank}: ended with rank {survivor}: {problem}");
        assert!(err.lines().skip(1).all(|line| line == other), "{err}");
        assert!(err.lines().count() <= 2, "{err}");
    }
}

/// As it is on a computer that sleeps.
#[test]
fn time_in_which_all_ranks_are_stopped_does_not_count() {
    let (timeout, seconds) = ("3", 3);
    let place = place();
    let flags = [&endless()[..], &["--rank-timeout", timeout]].concat();
    let mut ranks = Launched::start(&place, &on("2", &flags));
    ranks.wait_for_updates("run", 5);
    let both = [0, 1].map(|rank| ranks.rank(rank));
    let signal = |signal| both.map(|rank| kill_process(rank, signal).expect("it is there"));
    signal(Signal::STOP);
    let (stopped, longer) = (Instant::now(), Duration::from_secs(seconds + 1));
    wait_for("a time that would be too long", || {
        (stopped.elapsed() > longer).then_some(())
    });
    let done = count(&place.path().join("run"), "update");
    signal(Signal::CONT);
    ranks.wait_for_updates("run", done + 100);
    ranks.signal(1, Signal::TERM);
    let output = ranks.output();
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(143), "{err}");
    assert_eq!(err, "");
}

#[test]
fn ranks_that_differ_are_told_apart() {
    let place = place();
    let host = host();
    let args = train("1", "run", &[]);
    let seed = [&two(&[], &[], &args)[..], &["--seed", "2"]].concat();
    each_says(
        &launch(&place, &seed),
        2,
        2,
        &format!(
            "rank 1, on {host} (process 0), was started with other flags than rank 0: --seed instead of nothing; start \
             all ranks with the same command line"
        ),
    );
    let epochs = [on("1", &args), vec![":"], on("1", &train("3", "run", &[]))].concat();
    each_says(
        &launch(&place, &epochs),
        2,
        2,
        &format!(
            "rank 1, on {host} (process 0), was started with other flags than rank 0: --max-epochs 3 instead of \
             --max-epochs 1; start all ranks with the same command line"
        ),
    );

    let mut program = fs::read(PROGRAM).expect("the program");
    program.push(0);
    let other = place.path().join("other");
    fs::write(&other, program).expect("another program");
    fs::set_permissions(&other, fs::metadata(PROGRAM).expect("there").permissions())
        .expect("a program");
    let other = other.to_str().expect("a name");
    let mpirun = [&on("1", &args)[..], &[":", "-n", "1", other], &args].concat();
    let output = launch(&place, &mpirun);
    let err = text(&output.stderr);
    let hashes = err
        .split_once("begins with ")
        .and_then(|(_, rest)| rest.split_once(')'));
    let (hashes, _) = hashes.unwrap_or_else(|| panic!("{err}"));
    let (one, zero) = hashes.split_once(", not ").expect("two hashes");
    assert!(one != zero && one.len() == 12 && zero.len() == 12, "{err}");
    each_says(
        &output,
        2,
        2,
        &format!(
            "rank 1, on {host} (process 0), runs another build of this program than rank 0 (its SHA-256 begins with \
             {hashes}); install the same file on every machine"
        ),
    );
    assert!(!place.path().join("run").exists(), "none of them has begun");
}

#[test]
fn ranks_need_the_same_text() {
    let place = place();
    for folder in ["one", "longer", "none"] {
        fs::create_dir(place.path().join(folder)).expect("a folder");
    }
    place.file("one/text", "abcabcab\n".repeat(200));
    place.file("longer/text", "abcabcab\n".repeat(201));
    let args = train("1", "run", &[]);
    let apart = |one, other| launch(&place, &two(&["-wdir", one], &["-wdir", other], &args));
    // printf 'abcabcab\n%.0s' {1..200} | sha256sum
    each_says(
        &apart("one", "longer"),
        2,
        2,
        "rank 1 has another text than rank 0: 1809 symbols and SHA-256 0af2d50f41f24f238d67238acdb0419b35a104e96443c2fc1391c97261dc9ff3 instead of 1800 symbols and SHA-256 f779197bf5c79789a3be478fe65a37f695f9eed74f5b80c5a81aeb9860af91f9; \
         give all ranks the same files",
    );
    let missing = "text: No such file or directory (os error 2)";
    each_says(&apart("one", "none"), 1, 2, missing);
    each_says(&apart("none", "one"), 1, 2, missing);
    assert!(!place.path().join("one/run").exists(), "it has not begun");
}

/// From 16 MiB on, each rank reads a part.
#[test]
fn ranks_need_the_same_large_text() {
    let place = place();
    for folder in ["large", "other", "small"] {
        fs::create_dir(place.path().join(folder)).expect("a folder");
    }
    place.file("large/text", "lorem ipsum\n".repeat(1_500_000));
    place.file("other/text", "ipsum lorem\n".repeat(1_500_000));
    place.file("small/text", "lorem ipsum\n".repeat(1000));
    let args = train("1", "run", &[]);
    for (one, other) in [("large", "other"), ("large", "small"), ("small", "large")] {
        let ranks = two(&["-wdir", one], &["-wdir", other], &args);
        each_says(
            &launch(&place, &ranks),
            2,
            2,
            "text: rank 1 has other files of this name than rank 0; give all ranks the same files",
        );
        assert!(
            !place.path().join(one).join("run").exists(),
            "it has not begun"
        );
    }
}

#[test]
fn each_rank_needs_a_row() {
    let place = place();
    let args = train("1", "run", &["--batch-size", "3"]);
    each_says(
        &launch(&place, &on("4", &args)),
        2,
        4,
        "--batch-size 3: 4 ranks need at least 4 rows; give larger batches, or start fewer ranks",
    );
    assert!(!place.path().join("run").exists(), "it has not begun");
}

#[test]
fn what_several_ranks_cannot_do_is_a_line_each() {
    let place = place();
    let run = place.trained();
    for (args, code, problem) in [
        (
            vec!["sample", run],
            2,
            "only train runs on several ranks; start this command without a launcher",
        ),
        (
            vec!["train", "--data", "-", "--out", "new"],
            2,
            "standard input (-) reaches only one of several ranks; save the text in a file that all can read, and name \
             that",
        ),
        (
            train("1", "new", &["--hidden-size", "0"]),
            2,
            "--hidden-size 0: must be from 1 to 1000000000",
        ),
        (
            train("1", "text/new", &[]),
            1,
            "text/new: Not a directory (os error 20)",
        ),
        (
            train("1", run, &[]),
            1,
            "run: already there and not empty; remove it, or name another folder (--out)",
        ),
        (
            vec!["train", "--resume", "nowhere"],
            1,
            "nowhere: No such file or directory (os error 2)",
        ),
    ] {
        each_says(&launch(&place, &on("2", &args)), code, 2, problem);
    }
    assert!(!place.path().join("new").exists(), "nothing has begun");

    // One for all: a line each would say nothing more.
    let version = succeeds(&place, "2", &["--version"]);
    assert_eq!(version.lines().count(), 1, "{version}");
    for (flag, problem) in [
        ("--no-such-flag", "--no-such-flag: unknown"),
        (
            "--rank-timeout=0",
            "invalid value '0' for '--rank-timeout <N>': must be from 0.1 to 1000000",
        ),
    ] {
        let output = launch(&place, &on("2", &train("1", "new", &[flag])));
        let line = format!("error: {problem} (--help lists the flags)\n");
        assert_eq!(text(&output.stderr), line);
        assert_eq!(output.status.code(), Some(2));
    }
}

/// Trains on two ranks, of which the first can write files of so many blocks of 512 bytes.
fn on_a_disk_of_rank_0_for(blocks: &str, place: &Place, args: &[&str]) -> Output {
    let limited = format!(r#"trap "" XFSZ; ulimit -f {blocks}; exec "$0" "$@""#);
    launch(place, &two(&["sh", "-c", &limited], &[], args))
}

/// Of a checkpoint's files, the first that does not fit.
const WEIGHTS: &str = "run/checkpoints/.new/weights.safetensors: File too large (os error 27)";

#[test]
fn a_full_disk_of_one_rank_ends_all() {
    let place = place();
    each_says(
        &on_a_disk_of_rank_0_for("100", &place, &endless()),
        1,
        2,
        WEIGHTS,
    );

    // All fits at first, but the log grows.
    fs::remove_dir_all(place.path().join("run")).expect("removed");
    each_says(
        &on_a_disk_of_rank_0_for("400", &place, &endless()),
        1,
        2,
        "run/metrics.jsonl: File too large (os error 27)",
    );
    goes_on_to_the_same_weights(&place);
}

/// Rank 0 hears of it at the end of the run, when the others have nothing left to do.
#[test]
fn a_full_disk_at_the_last_checkpoint_ends_all() {
    let place = place();
    let args = train("1", "run", &[]);
    each_says(
        &on_a_disk_of_rank_0_for("100", &place, &args),
        1,
        2,
        WEIGHTS,
    );
}

/// Rank 0 fails to write the last sample, when the others have nothing left to do.
#[test]
fn a_full_standard_output_ends_all() {
    let place = place();
    let args = train("1", "run", &[]);
    let full = ["sh", "-c", r#"exec "$0" "$@" > /dev/full"#];
    each_says(
        &launch(&place, &two(&full, &[], &args)),
        1,
        2,
        "standard output: No space left on device (os error 28)",
    );
}

#[test]
fn a_rank_that_cannot_keep_the_text_ends_all() {
    let place = place();
    place.file("large", "lorem ipsum\n".repeat(1_500_000));
    let gzip = Command::new("gzip")
        .args(["-1", "large"])
        .current_dir(place.path())
        .status();
    assert!(gzip.expect("gzip").success());
    let args = train("1", "run", &["--data", "large.gz"]);
    let output = launch(&place, &two(&[], &["-x", "TMPDIR=/nowhere"], &args));
    each_says(
        &output,
        1,
        2,
        "/nowhere: the text cannot be kept in a temporary file here: No such file or directory (os error 2); name \
         another folder in the environment variable TMPDIR",
    );
    assert!(!place.path().join("run").exists(), "it has not begun");
}
