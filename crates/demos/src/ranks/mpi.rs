//! Ranks that MPI connects.
//!
//! Messages go from rank to rank; none of them blocks, so that a rank that does not answer is noticed, and named. A
//! rank that fails bids all others farewell, wherever they are: whoever waits for another rank looks for farewells.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use mpi::{
    Count, Rank, Tag, Threading,
    environment::Universe,
    point_to_point::Message,
    request::{LocalScope, Request, scope},
    topology::SimpleCommunicator,
    traits::{Communicator as _, Destination, Equivalence, Source},
};
use train::ranks::Communicator;

use super::peers::{Peer, check_same};
use crate::exit::{complain_on_any_rank, line_and_code};

/// The tag of a farewell.
const FAREWELL: Tag = 1;

/// The tags of the messages of one exchange after another. A fast rank may be one ahead.
const FIRST_TAG: Tag = 2;
const TAGS: Tag = 1000;

/// How long the ranks of a run that fails wait for one another's farewells.
const PARTING: Duration = Duration::from_secs(3);

/// How long the farewell of a process that is gone may take to arrive.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// How long a rank that was asked to stop waits for another, if updates are short.
const STOPPING: Duration = Duration::from_millis(500);

/// How often a waiting rank looks whether the others are alive.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A connection by MPI.
pub struct Mpi {
    world: SimpleCommunicator,
    _universe: Universe,
    peers: Vec<Peer>,
    exchanges: Cell<Tag>,
    timeout: Cell<Duration>,
    advice: RefCell<String>,
    is_asked: RefCell<Box<dyn Fn() -> bool>>,
    is_ending: Arc<AtomicBool>,
    /// How long it took from one exchange to the next at most, of late.
    pace: Cell<Duration>,
    last_exchange: Cell<Instant>,
}

/// The wait of one exchange.
struct Wait {
    /// How long it has been, without the time in which this process was stopped.
    waited: Duration,
    last: Instant,
    /// What it was at the last look at the other ranks.
    looked: Duration,
    /// What it was when a signal asked to stop.
    asked: Option<Duration>,
    /// Whether such a signal is no reason to hurry.
    is_patient: bool,
}

impl Mpi {
    /// Connects to all ranks, which must run the same program with the same command line.
    pub fn connect() -> Result<Self> {
        // Kernels have threads of their own; this one alone communicates.
        let (universe, _) = mpi::initialize_with_threading(Threading::Funneled)
            .ok_or_else(|| anyhow!("MPI has been initialised already"))?;
        let mut this = Mpi {
            world: universe.world(),
            _universe: universe,
            peers: Vec::new(),
            exchanges: Cell::new(0),
            timeout: Cell::new(Duration::from_secs(300)),
            advice: RefCell::default(),
            is_asked: RefCell::new(Box::new(|| false)),
            is_ending: Arc::default(),
            pace: Cell::default(),
            last_exchange: Cell::new(Instant::now()),
        };
        match this.meet() {
            Ok(peers) => this.peers = peers,
            Err(error) => {
                let (line, code) = line_and_code(&error);
                this.fail(&line, code)
            }
        }
        Ok(this)
    }

    /// Returns who the ranks are.
    fn meet(&self) -> Result<Vec<Peer>> {
        let own = serde_json::to_vec(&Peer::this()?)?;
        let peers = self.all_gather(&own);
        let peers = peers.iter().map(|peer| serde_json::from_slice(peer));
        let peers: Vec<Peer> = peers.collect::<Result<_, _>>()?;
        check_same(&peers)?;
        Ok(peers)
    }

    pub fn wait_at_most(&self, timeout: Duration) {
        self.timeout.set(timeout);
    }

    pub fn advise(&self, advice: &str) {
        advice.clone_into(&mut self.advice.borrow_mut());
    }

    pub fn stop_on(&self, is_asked: impl Fn() -> bool + 'static) {
        *self.is_asked.borrow_mut() = Box::new(is_asked);
    }

    pub fn is_ending(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_ending)
    }

    /// Ends all ranks because of an error of this one.
    pub fn fail(&self, problem: &str, code: u8) -> ! {
        self.end(problem, problem, code, 0)
    }

    /// Prints why, tells all others, and ends this process once they have said farewell too; so many of them have
    /// already, or never will.
    fn end(&self, line: &str, problem: &str, code: u8, mut left: usize) -> ! {
        self.is_ending.store(true, Relaxed);
        complain_on_any_rank(&format!("error on rank {}: {line}", self.world.rank()));
        let message = [&[code], problem.as_bytes()].concat();
        match scope(|scope| -> Infallible {
            let others = self.others().map(|rank| self.world.process_at_rank(rank));
            let _sent: Vec<_> = others
                .map(|other| other.immediate_send_with_tag(scope, &message[..], FAREWELL))
                .collect();
            let since = Instant::now();
            while left < self.size() - 1 && since.elapsed() < PARTING {
                match self.farewell() {
                    Some(_) => left += 1,
                    None => thread::sleep(Duration::from_millis(1)),
                }
            }
            // Whatever keeps MPI from ending the process.
            thread::spawn(move || {
                thread::sleep(PARTING);
                process::exit(code.into());
            });
            self.world.abort(code.into())
        }) {}
    }

    /// Returns the next farewell: the rank, its exit code and why it ended.
    fn farewell(&self) -> Option<(Rank, u8, String)> {
        let anyone = self.world.any_process();
        let (message, status) = anyone.immediate_matched_probe_with_tag(FAREWELL)?;
        let mut bytes = vec![0; status.count(u8::equivalent_datatype()) as usize];
        message.matched_receive_into(&mut bytes[..]);
        let problem = String::from_utf8_lossy(&bytes[1..]).into_owned();
        Some((status.source_rank(), bytes[0], problem))
    }

    /// Returns the other ranks, those that follow this one first.
    fn others(&self) -> impl Iterator<Item = Rank> {
        let (rank, size) = (self.world.rank(), self.world.size());
        (rank + 1..size).chain(0..rank)
    }

    /// Ends if another rank has ended.
    fn end_with_another(&self) {
        if let Some((rank, code, problem)) = self.farewell() {
            let line = format!("ended with rank {rank}: {problem}");
            self.end(&line, &problem, code, 1);
        }
    }

    /// Looks, while this rank waits for `missing`, whether it should end. Lets others work.
    fn look(&self, wait: &mut Wait, missing: impl Fn() -> Vec<Rank>) {
        self.end_with_another();
        wait.waited += wait.last.elapsed().min(LOOK_EVERY);
        wait.last = Instant::now();
        let waited = wait.waited;
        if waited < Duration::from_millis(1) {
            std::hint::spin_loop();
            return;
        }
        if waited < Duration::from_millis(20) {
            thread::yield_now();
            return;
        }
        thread::sleep(Duration::from_micros(50));
        if waited - wait.looked < LOOK_EVERY {
            return;
        }
        wait.looked = waited;
        if !wait.is_patient && (self.is_asked.borrow())() {
            wait.asked.get_or_insert(waited);
        }
        let missing = missing();
        let died = |&rank: &Rank| {
            let there = self
                .peers
                .get(rank as usize)
                .zip(self.peers.get(self.rank()));
            there.is_some_and(|(peer, here)| peer.has_died(here))
        };
        if let Some(rank) = missing.iter().copied().find(died) {
            // It may have said why.
            let since = Instant::now();
            while since.elapsed() < LAST_WORDS {
                self.end_with_another();
                thread::sleep(Duration::from_millis(1));
            }
            self.lose(rank, "has died", 1);
        }
        let patience = STOPPING.max(3 * self.pace.get());
        let is_over = wait.asked.is_some_and(|asked| waited - asked > patience);
        if is_over || waited > self.timeout.get() {
            let seconds = waited.as_secs_f64();
            self.lose(
                missing[0],
                &format!("has not answered for {seconds:.1} s"),
                0,
            );
        }
    }

    /// Ends all ranks because one is lost. So many will say no farewell.
    fn lose(&self, rank: Rank, how: &str, gone: usize) -> ! {
        let peer = self
            .peers
            .get(rank as usize)
            .map(|peer| format!(", on {peer},"));
        let (peer, advice) = (peer.unwrap_or_default(), self.advice.borrow());
        let problem = format!("rank {rank}{peer} {how}{advice}");
        self.end(&problem, &problem, 1, gone)
    }

    /// Sends a part to each rank and receives one from each. A patient one does not hurry when a signal asks to stop.
    fn exchange_with(&self, parts: &[&[u8]], is_patient: bool) -> Vec<Vec<u8>> {
        let own = self.rank();
        let tag = FIRST_TAG + self.exchanges.get();
        self.exchanges.set((self.exchanges.get() + 1) % TAGS);
        let now = Instant::now();
        let since_last = now - self.last_exchange.replace(now);
        self.pace.set(since_last.max(self.pace.get().mul_f64(0.9)));
        let mut wait = Wait {
            waited: Duration::ZERO,
            last: now,
            looked: Duration::ZERO,
            asked: None,
            is_patient,
        };

        let mut received = vec![Vec::new(); parts.len()];
        received[own] = parts[own].to_vec();
        scope(|scope| {
            let send = |rank: Rank| {
                let to = self.world.process_at_rank(rank);
                (
                    rank,
                    to.immediate_send_with_tag(scope, parts[rank as usize], tag),
                )
            };
            // The first time, the lower of two ranks speaks first. If both opened a TCP connection to each other at the
            // same time, Open MPI 4 would look at it only every 10 ms from then on: closing one of the two counts as
            // one connection less.
            let is_first = self.peers.is_empty();
            let waits = |to: &Rank| is_first && *to < self.world.rank();
            let mut sent: Vec<_> = self.others().filter(|to| !waits(to)).map(send).collect();
            let mut places: Vec<Option<&mut Vec<u8>>> = received.iter_mut().map(Some).collect();
            places[own] = None;
            let mut receiving = Vec::new();
            loop {
                let anyone = self.world.any_process();
                while let Some((message, status)) = anyone.immediate_matched_probe_with_tag(tag) {
                    let from = status.source_rank();
                    let place = places[from as usize].take();
                    let place = place.expect("one message from each");
                    let length = status.count(u8::equivalent_datatype());
                    receiving.push((from, receive(message, length, place, scope)));
                    if waits(&from) {
                        sent.push(send(from));
                    }
                }
                receiving = pending(receiving);
                sent = pending(sent);
                if sent.is_empty() && receiving.is_empty() && places.iter().all(Option::is_none) {
                    break;
                }
                self.look(&mut wait, || {
                    let unheard = (0..).zip(&places).filter(|(_, place)| place.is_some());
                    let unheard = unheard.map(|(rank, _)| rank);
                    let half = receiving.iter().chain(&sent).map(|(rank, _)| *rank);
                    unheard.chain(half).collect()
                });
            }
        });
        received
    }
}

/// A process that panics ends the others.
impl Drop for Mpi {
    fn drop(&mut self) {
        if thread::panicking() {
            self.fail("a bug, described above its last lines", 101);
        }
    }
}

impl Communicator for Mpi {
    fn rank(&self) -> usize {
        self.world.rank() as usize
    }

    fn size(&self) -> usize {
        self.world.size() as usize
    }

    fn exchange(&self, parts: &[&[u8]]) -> Vec<Vec<u8>> {
        self.exchange_with(parts, false)
    }

    fn barrier(&self) {
        self.exchange_with(&vec![&[][..]; self.size()], true);
    }
}

/// What is on its way from a rank, or to one.
type Moving<'a, 's> = (Rank, Request<'a, [u8], &'s LocalScope<'a>>);

fn receive<'a, 's>(
    message: Message,
    length: Count,
    place: &'a mut Vec<u8>,
    scope: &'s LocalScope<'a>,
) -> Request<'a, [u8], &'s LocalScope<'a>> {
    *place = vec![0; length as usize];
    message.immediate_matched_receive_into(scope, &mut place[..])
}

/// Returns those that are not complete.
fn pending<'a, 's>(all: Vec<Moving<'a, 's>>) -> Vec<Moving<'a, 's>> {
    let still = |(rank, request): Moving<'a, 's>| Some((rank, request.test().err()?));
    all.into_iter().filter_map(still).collect()
}
