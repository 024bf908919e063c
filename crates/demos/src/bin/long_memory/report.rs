//! The printed report: a line for each task, distance and network, then what follows from them.

use burn::tensor::backend::Backend;
use demos::view;
use long_memory::{Answer, NetworkKind, Trained};

use crate::results::{Group, PASTS, Results, median, networks};

/// The most seeds that are shown one by one; more are summed up as the lowest, the median and the
/// highest.
const SHOWN: usize = 3;

const NO_BREAK: &str = "\u{a0}";

/// Returns the report in lines of at most `width` columns, if that is possible.
pub fn draw<B: Backend>(results: &Results<B>, width: usize) -> String {
    let groups = results.groups();
    if groups.is_empty() {
        return String::new();
    }
    let missing = results.what_is_missing();
    table(&groups, width)
        + &breaks(results, &groups, width)
        + &pasts(results, width)
        + &gradients(&groups, width)
        + &missing.map_or(String::new(), |missing| format!("\n{missing}\n"))
}

/// Returns a line about one trained network, for the progress bar.
pub fn line<B: Backend>(done: &Trained<B>) -> String {
    let (job, result) = (done.job, show(done.job.task.answer(), done.result));
    format!(
        "{} {} {}: {result}",
        job.task.name(),
        job.distance,
        job.kind
    )
}

fn show(answer: Answer, result: f64) -> String {
    let unit = match answer {
        Answer::Number => "",
        Answer::Class(_) => " %",
    };
    show_short(answer, result) + unit
}

/// The same in a table whose heading says the unit.
fn show_short(answer: Answer, result: f64) -> String {
    match answer {
        Answer::Number => format!("{result:.4}"),
        Answer::Class(_) => format!("{:.1}", 100.0 * result),
    }
}

fn table<B: Backend>(groups: &[Group<B>], columns: usize) -> String {
    let width = width(networks(groups));
    let mut text = String::new();
    let mut last = "";
    for group in groups {
        let (name, answer) = (group.task.name(), group.task.answer());
        if name != last {
            let good = match answer {
                Answer::Number => ", solved below 0.01",
                Answer::Class(_) => " in %, solved at 99 or more",
            };
            text += &format!("\n{name}: {}{good}\n", answer.measure());
            let heading = ["updates", " floor", "chance"].map(str::to_owned);
            let start = format!("  distance  {:<width$}  solved", "network");
            text += &row(start, heading, "each seed".to_owned(), columns);
            last = name;
        }
        let results: Vec<f64> = group.trained.iter().map(|done| done.result).collect();
        let updates = group.trained.iter().map(|done| done.updates as f64);
        let facts = [
            format!("{:>7.0}", median(updates.collect())),
            format!(
                "{:>6}",
                show_short(answer, group.task.floor(group.distance))
            ),
            format!(
                "{:>6}",
                show_short(answer, group.task.chance(group.distance))
            ),
        ];
        let solved = format!("{}/{}", group.solved(), results.len());
        let start = format!(
            "  {:>8}  {:<width$}  {solved:>6}",
            group.distance, group.kind
        );
        text += &row(start, facts, each(answer, results), columns);
    }
    let sizes = networks(groups).into_iter().map(|kind| {
        let of_kind = groups.iter().filter(|group| group.kind == kind);
        let parameters = of_kind.map(|group| group.trained[0].parameters);
        format!("{kind} {}", parameters.max().unwrap_or_default())
    });
    let sizes: Vec<String> = sizes.collect();
    let notes = format!(
        "\nfloor: the best result of any function of the last input alone; updates: median over seeds. Each result \
         is a mean over 2,000 sequences: sampling moves it by up to 2 points, or an error of 0.16 by 0.01. \
         Parameters: {}.\n",
        sizes.join(", ")
    );
    text + &view::filled(&notes, columns)
}

/// Returns a row of the table, without its facts where there is no room for them.
fn row(start: String, facts: [String; 3], end: String, columns: usize) -> String {
    // All rows must leave out the same: this is the widest of them.
    const LONGEST: usize = 22;
    let facts = format!("  {}", facts.join("  "));
    let row = match start.len() + facts.len() + 2 + LONGEST <= columns {
        true => format!("{start}{facts}  {end}"),
        false => format!("{start}  {end}"),
    };
    row.trim_end().to_owned() + "\n"
}

/// Returns the width of a column of networks.
fn width(networks: Vec<NetworkKind>) -> usize {
    let widths = networks.into_iter().map(|kind| kind.title().len());
    widths.fold("FeedForward".len(), usize::max)
}

fn each(answer: Answer, mut results: Vec<f64>) -> String {
    if results.len() > SHOWN {
        results.sort_by(f64::total_cmp);
        let of = [
            results[0],
            median(results.clone()),
            results[results.len() - 1],
        ];
        let [low, middle, high] = of.map(|result| show_short(answer, result));
        return format!("{low}…{middle}…{high}");
    }
    let shown = results.iter().map(|&result| show_short(answer, result));
    let shown: Vec<String> = shown.collect();
    shown.join("  ")
}

/// Says up to which distance every seed solves the task, for each task and network.
fn breaks<B: Backend>(results: &Results<B>, groups: &[Group<B>], columns: usize) -> String {
    let experiment = &results.experiment;
    let mut distances = experiment.distances.clone();
    distances.sort_unstable();
    let mut text = "\nSolved by every seed up to a distance of\n".to_owned();
    for task in &experiment.tasks {
        let reach = |&kind: &NetworkKind| {
            let at = |distance: &usize| {
                let mut groups = groups.iter();
                groups.find(|group| {
                    let key = (group.task.name(), group.kind, group.distance);
                    key == (task.name(), kind, *distance)
                })
            };
            let is_solved = |distance: &&usize| {
                at(distance).is_some_and(|group| group.solved() == experiment.seeds)
            };
            let n_solved = distances.iter().take_while(is_solved).count();
            let solved = n_solved
                .checked_sub(1)
                .map(|last| distances[last].to_string());
            // What did not run is not unsolved.
            let unknown = distances.get(n_solved).is_some_and(|next| {
                let trained = at(next).map_or(&[][..], |group| &group.trained);
                let answer = task.answer();
                let are_solved = trained.iter().all(|done| answer.is_solved(done.result));
                trained.len() < experiment.seeds && are_solved
            });
            let reach = match (solved, unknown) {
                (Some(solved), true) => format!("{solved} (then not run)"),
                (None, true) => "not run".to_owned(),
                (Some(solved), _) if n_solved == distances.len() => format!("{solved} (all)"),
                (Some(solved), _) => solved,
                (None, _) => "none".to_owned(),
            };
            // Not to be broken.
            format!("{kind} {reach}").replace(' ', NO_BREAK)
        };
        let reaches: Vec<String> = experiment.networks.iter().map(reach).collect();
        let line = format!("  {:<12}  {}", task.name(), reaches.join(", "));
        text += &view::hanging(&line, columns, 16).replace(NO_BREAK, " ");
    }
    text
}

/// Says by how much each network's answers to the same pair of bits differ after different pasts.
fn pasts<B: Backend>(results: &Results<B>, columns: usize) -> String {
    let Some(longest) = results.pasts.iter().map(|past| past.distance).max() else {
        return String::new();
    };
    let heading = format!(
        "\nxor, the same pair after {PASTS} pasts of {} pairs: the probability of a 1 differs by at most\n",
        longest - 1
    );
    let mut text = view::filled(&heading, columns);
    let width = width(results.experiment.networks.clone());
    for &kind in &results.experiment.networks {
        let of_kind = results.pasts.iter();
        let of_kind = of_kind.filter(|past| past.kind == kind && past.distance == longest);
        let apart = of_kind.map(|past| {
            let highest = past.answers.iter().copied().fold(f64::MIN, f64::max);
            highest - past.answers.iter().copied().fold(f64::MAX, f64::min)
        });
        match apart.reduce(f64::max) {
            Some(0.0) => text += &format!("  {kind:<width$}  exactly 0: a pure function\n"),
            Some(apart) => text += &format!("  {kind:<width$}  {apart:.1e}\n"),
            None => (),
        }
    }
    text
}

/// Says how much of the gradient is left at the first step.
fn gradients<B: Backend>(groups: &[Group<B>], columns: usize) -> String {
    let with_state = networks(groups).into_iter();
    let with_state = with_state.filter(|&kind| kind != NetworkKind::FeedForward);
    let widths = with_state.map(|kind| kind.title().len());
    let width = widths.fold(4, usize::max);
    let mut text = String::new();
    for group in groups.iter().filter(|group| group.is_longest(groups)) {
        for (part, name, first) in [("h", "hidden", 0), ("c", "cell", 1)] {
            let at = |when: usize| {
                let left = |done: &&Trained<B>| {
                    let reach = &done.reach.as_ref()?[when];
                    let norms = reach.of(name)?;
                    let left = norms.last()? / norms.get(first)?;
                    left.is_finite().then_some(left)
                };
                let shares: Vec<f64> = group.trained.iter().filter_map(left).collect();
                (!shares.is_empty()).then(|| median(shares))
            };
            if let (Some(start), Some(end)) = (at(0), at(1)) {
                text += &format!(
                    "  {:<12}  {:<width$}  {part}  {:>5}  {:>6}  {:>6}\n",
                    group.task.name(),
                    group.kind,
                    group.task.steps(group.distance) - 1,
                    share(start),
                    share(end),
                );
            }
        }
    }
    match text.is_empty() {
        true => text,
        false => {
            let heading = "\nWhat is left of |∂loss/∂h| and |∂loss/∂c| that many steps back, before and after \
                           training (medians over seeds)\n";
            let columns_of = format!(
                "  {:<12}  {:<width$}     steps  before   after\n",
                "task", "network"
            );
            view::filled(heading, columns) + &columns_of + &text
        }
    }
}

/// Formats the share of a gradient that is left. 32-bit floats round anything below 1e-45 to zero.
fn share(share: f64) -> String {
    match share {
        0.0 => "none".to_owned(),
        0.01..1000.0 => format!("{share:.2}"),
        _ => format!("{share:.0e}"),
    }
}
