//! The peer's end of the conversation: a process that runs one case after another on request.
//!
//! | request | answer |
//! |---|---|
//! | (at the start) | `ready VERSION`, or `absent REASON` |
//! | `time CASE CALLS` | `seconds SECONDS` for one call; `none` if the peer cannot do this case; `error TEXT` |
//! | `forget` | `done`, once everything that earlier cases left is freed |
//!
//! It ends with its input. `benches/peers.py` speaks the same protocol.

use std::{
    collections::{HashMap, hash_map::Entry},
    io::{self, BufRead, Write},
    time::Instant,
};

use anyhow::{Context, Result, bail};

use crate::{
    case::Case,
    peers::{Peer, Run},
};

/// Answers requests on standard input until it ends.
///
/// # Errors
///
/// Returns an error if standard input or output fails.
pub fn serve(peer: Peer) -> Result<()> {
    let mut out = io::stdout();
    writeln!(out, "ready {}", crate::machine::version(peer))?;
    let mut prepared = HashMap::new();
    for line in io::stdin().lock().lines() {
        let answer = match answer(peer, &line?, &mut prepared) {
            Ok(answer) => answer,
            Err(error) => format!("error {error:#}").replace('\n', " "),
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn answer(peer: Peer, line: &str, prepared: &mut HashMap<Case, Option<Run>>) -> Result<String> {
    if line == "forget" {
        prepared.clear();
        return Ok("done".into());
    }
    let request = line.strip_prefix("time ").and_then(|r| r.rsplit_once(' '));
    let Some((case, calls)) = request else {
        bail!("not a request: {line:?}");
    };
    let case: Case = case.parse()?;
    let calls: u32 = calls.parse().context("a number of calls")?;
    let run = match prepared.entry(case) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => entry.insert(peer.prepare(case)?),
    };
    let Some(run) = run else {
        return Ok("none".into());
    };
    // Another process has had the machine since the last call: the first call finds cold caches.
    run()?;
    let start = Instant::now();
    for _ in 0..calls {
        run()?;
    }
    let seconds = start.elapsed().as_secs_f64() / f64::from(calls);
    Ok(format!("seconds {seconds:e}"))
}
