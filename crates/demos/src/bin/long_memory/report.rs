//! The printed report: a line for each task, distance and network, then what follows from them.

use burn::tensor::backend::Backend;
use long_memory::{Answer, NetworkKind, Trained};

use crate::results::{Group, PASTS, Results, median, networks};

/// The most seeds that are shown one by one; more are summed up as the lowest, the median and the
/// highest.
const SHOWN: usize = 5;

pub fn draw<B: Backend>(results: &Results<B>) -> String {
    let groups = results.groups();
    if groups.is_empty() {
        return String::new();
    }
    table(&groups) + &breaks(results, &groups) + &pasts(results) + &gradients(&groups)
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
    match answer {
        Answer::Number => format!("{result:.4}"),
        Answer::Class(_) => format!("{:.1} %", 100.0 * result),
    }
}

fn table<B: Backend>(groups: &[Group<B>]) -> String {
    let width = width(networks(groups));
    let mut text = String::new();
    let mut last = "";
    for group in groups {
        let (name, answer) = (group.task.name(), group.task.answer());
        if name != last {
            let good = match answer {
                Answer::Number => "solved below 0.01",
                Answer::Class(_) => "solved at 99 % or more",
            };
            text += &format!("\n{name}: {}, {good}\n", answer.measure());
            text += &format!(
                "  distance  {:<width$}  parameters  solved  updates   floor  chance  each seed\n",
                "network"
            );
            last = name;
        }
        let results: Vec<f64> = group.trained.iter().map(|done| done.result).collect();
        let updates = group
            .trained
            .iter()
            .map(|done| done.updates as f64)
            .collect();
        text += &format!(
            "  {:>8}  {:<width$}  {:>10}  {:>6}  {:>7.0}  {:>6}  {:>6}  {}\n",
            group.distance,
            group.kind,
            group.trained[0].parameters,
            format!("{}/{}", group.solved(), results.len()),
            median(updates),
            show(answer, group.task.floor(group.distance)),
            show(answer, group.task.chance(group.distance)),
            each(answer, results),
        );
    }
    text + "\nfloor: the best result of any function of the last input alone; updates: median over seeds.\nEach \
            result is a mean over 2,000 sequences: sampling moves it by up to 2 points, or an error of \
            0.16 by 0.01.\n"
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
        let [low, middle, high] = of.map(|result| show(answer, result));
        return format!("{low} … {middle} … {high}");
    }
    let shown: Vec<String> = results.iter().map(|&result| show(answer, result)).collect();
    shown.join("  ")
}

/// Says up to which distance every seed solves the task, for each task and network.
fn breaks<B: Backend>(results: &Results<B>, groups: &[Group<B>]) -> String {
    let experiment = &results.experiment;
    let mut distances = experiment.distances.clone();
    distances.sort_unstable();
    let mut text = "\nSolved by every seed up to a distance of\n".to_owned();
    for task in &experiment.tasks {
        text += &format!("  {:<12}", task.name());
        for (i, &kind) in experiment.networks.iter().enumerate() {
            if i > 0 && i % 3 == 0 {
                text = text.trim_end().to_owned() + &format!("\n  {:<12}", "");
            }
            let is_solved = |distance: &&usize| {
                let is_it = |group: &&Group<B>| {
                    group.task.name() == task.name()
                        && group.kind == kind
                        && group.distance == **distance
                };
                let group = groups.iter().find(is_it);
                group.is_some_and(|group| group.solved() == experiment.seeds)
            };
            let reach = match distances.iter().take_while(is_solved).last() {
                None => "none".to_owned(),
                solved if solved == distances.last() => {
                    format!("{} (all)", distances[distances.len() - 1])
                }
                Some(solved) => solved.to_string(),
            };
            text += &format!("  {kind} {reach:<9}");
        }
        text = text.trim_end().to_owned() + "\n";
    }
    text
}

/// Says by how much each network's answers to the same pair of bits differ after different pasts.
fn pasts<B: Backend>(results: &Results<B>) -> String {
    let Some(longest) = results.pasts.iter().map(|past| past.distance).max() else {
        return String::new();
    };
    let mut text = format!(
        "\nxor, the same pair after {PASTS} pasts of {} pairs: the probability of a 1 differs by at most\n",
        longest - 1
    );
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
fn gradients<B: Backend>(groups: &[Group<B>]) -> String {
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
                    "  {:<12}  {:<width$}  {part}  {:>4} steps  {:>7} before training  {:>7} after\n",
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
            "\nWhat is left of |∂loss/∂h| and |∂loss/∂c| that many steps back (medians over seeds)\n".to_owned()
                + &text
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
