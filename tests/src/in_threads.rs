//! Ranks that are threads of one process.

use std::{
    cell::Cell,
    path::Path,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use burn::tensor::backend::AutodiffBackend;
use train::{Corpus, Error, Event, Run, RunConfig, ranks::Communicator};

use crate::interrupted::{TO_THE_END, create, reopen};

/// A rank that is a thread.
struct Thread {
    rank: usize,
    /// To each rank, and from each.
    to: Vec<Sender<Vec<u8>>>,
    from: Vec<Receiver<Vec<u8>>>,
}

impl Communicator for Thread {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    fn exchange(&self, parts: &[&[u8]]) -> Vec<Vec<u8>> {
        for (to, part) in self.to.iter().zip(parts) {
            // Whoever has ended says why itself.
            let _ = to.send(part.to_vec());
        }
        let receive = |from: &Receiver<Vec<u8>>| from.recv().expect("all ranks go on");
        self.from.iter().map(receive).collect()
    }
}

/// Runs `work` on so many ranks at once, and returns what each returned.
///
/// # Panics
///
/// Panics if `work` does.
pub fn on_ranks<T: Send>(size: usize, work: impl Fn(&dyn Communicator) -> T + Sync) -> Vec<T> {
    let mut ranks: Vec<Thread> = (0..size)
        .map(|rank| Thread {
            rank,
            to: Vec::new(),
            from: Vec::new(),
        })
        .collect();
    for from in 0..size {
        for to in 0..size {
            let (send, receive) = channel();
            ranks[from].to.push(send);
            ranks[to].from.push(receive);
        }
    }
    let work = &work;
    thread::scope(|scope| {
        let spawn = |rank: Thread| scope.spawn(move || work(&rank));
        let threads: Vec<_> = ranks.into_iter().map(spawn).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|result| result.expect("a rank that returns"))
            .collect()
    })
}

/// Trains in a folder on so many ranks, and returns the losses of the updates.
///
/// # Errors
///
/// Returns an error of any rank.
pub fn train_on<B: AutodiffBackend>(
    size: usize,
    corpus: &Corpus,
    config: &RunConfig,
    folder: &Path,
    how: &How,
) -> Result<Vec<f64>, Error> {
    let work = |ranks: &dyn Communicator| -> Result<Vec<f64>, Error> {
        let device = Default::default();
        let run = match (ranks.rank(), how.resumes) {
            (0, false) => {
                Run::<B>::new(corpus, config, &device, || Ok(create(folder)))?.share(ranks)?
            }
            (0, true) => Run::resume(corpus, config, &device, &reopen(folder))?.share(ranks)?,
            _ => Run::join(corpus, config, &device, ranks)?,
        };
        let (losses, polls) = (Cell::new(Vec::new()), Cell::new(0));
        let stop = || {
            // It is asked before each update.
            let is_asked = ranks.rank() == how.stopped_by && polls.get() >= how.updates;
            polls.set(polls.get() + 1);
            is_asked
        };
        run.go(stop, |event| {
            if let Event::Update { loss, .. } = event {
                let mut all = losses.take();
                all.push(*loss);
                losses.set(all);
            }
        })?;
        Ok(losses.take())
    };
    let mut results = on_ranks(size, work);
    let first = results.swap_remove(0);
    match results.into_iter().find(Result::is_err) {
        Some(error) => error,
        None => first,
    }
}

/// How far a run on several ranks goes.
pub struct How {
    /// Whether it resumes.
    pub resumes: bool,
    /// How often a rank is asked whether to stop before it says so.
    pub updates: usize,
    /// Which rank that is.
    pub stopped_by: usize,
}

/// From the start to the end.
pub const WHOLE: How = How {
    resumes: false,
    updates: TO_THE_END,
    stopped_by: 0,
};
