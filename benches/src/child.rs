//! The parent's end of the conversation with a peer's process.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child as Process, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::{case::Case, peers::Peer};

/// A peer's process, waiting for requests. It ends when this is dropped.
#[derive(Debug)]
pub struct Child {
    /// The peer.
    pub peer: Peer,
    /// Its version, as it reports it.
    pub version: String,
    process: Process,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Child {
    /// Starts the peer's process with this many threads. PyTorch runs in `python`.
    ///
    /// # Errors
    ///
    /// Returns an error if the peer cannot be started or is not installed.
    pub fn start(peer: Peer, threads: usize, python: &Path) -> Result<Self> {
        let threads = match peer {
            Peer::OursOneThread => 1,
            _ => threads,
        }
        .to_string();
        let mut command = match peer {
            Peer::Pytorch => {
                let mut command = Command::new(python);
                command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers.py"));
                command.arg(&threads);
                command
            }
            _ => {
                let name = peer.to_possible_value().context("a peer has a name")?;
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["--serve", name.get_name()]);
                command
            }
        };
        // Ours, Burn and candle; NdArray's products of matrices; PyTorch.
        for variable in ["RAYON_NUM_THREADS", "MATMUL_NUM_THREADS", "OMP_NUM_THREADS"] {
            command.env(variable, &threads);
        }
        // Else glibc gives the large blocks of a step back to the system now and then, as they happen to lie,
        // and taking them again costs a small layer a quarter of its time.
        for variable in ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"] {
            command.env(variable, (1 << 30).to_string());
        }
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be started", command.get_program().display()))?;
        let requests = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().context("a process has an output")?);
        let mut child = Child {
            peer,
            version: String::new(),
            process,
            requests,
            answers,
        };
        let ready = child.line()?;
        match ready.split_once(' ') {
            Some(("ready", version)) => child.version = version.into(),
            Some(("absent", reason)) => bail!("{reason}"),
            _ => bail!("its process said {ready:?}"),
        }
        Ok(child)
    }

    /// The seconds that one call takes: the mean over `calls` in a row. `None` if the peer cannot do this
    /// case.
    ///
    /// # Errors
    ///
    /// Returns an error if the peer fails.
    pub fn time(&mut self, case: Case, calls: u32) -> Result<Option<f64>> {
        let answer = self.ask(&format!("time {case} {calls}"))?;
        match answer.split_once(' ') {
            Some(("seconds", seconds)) => Ok(Some(seconds.parse().context("a number of seconds")?)),
            None if answer == "none" => Ok(None),
            Some(("error", text)) => bail!("{text}"),
            _ => bail!("its process said {answer:?}"),
        }
    }

    /// Frees what earlier cases left.
    ///
    /// # Errors
    ///
    /// Returns an error if the process has ended.
    pub fn forget(&mut self) -> Result<()> {
        self.ask("forget").map(|_| ())
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    fn ask(&mut self, request: &str) -> Result<String> {
        let requests = self.requests.as_mut().context("its process has ended")?;
        writeln!(requests, "{request}").context("its process has ended")?;
        self.line()
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        match line.trim_end() {
            "" => bail!("its process has ended"),
            line => Ok(line.into()),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // The process ends with its input. If it has ended already, there is nothing to do.
        drop(self.requests.take());
        let _ = self.process.wait();
    }
}
