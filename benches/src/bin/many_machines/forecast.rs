//! Fits the costs, tells how well they fit, and foretells the speed on many ranks.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use demos::view::grouped;

use crate::{
    costs::{Compute, Link, of_a_rank},
    figure::figure,
    in_repository,
    plan::Network,
    rows::{self, Row},
    shape::Shape,
    table::{markdown, short},
};

/// The rows of each rank if the batch grows with the ranks, and the batch that stays the same.
const ROWS: f64 = 50.0;
const BATCH: f64 = 1024.0;

const SHAPES: [Shape; 2] = [
    Shape {
        layers: 2,
        hidden: 512,
    },
    Shape {
        layers: 3,
        hidden: 2048,
    },
];

const RANKS: [f64; 5] = [8.0, 16.0, 64.0, 256.0, 1024.0];

const ASSUMED: &str = "\
Assumed: one rank per host and port; all hosts as fast as one core of this one, none slower than the others; a switch
that carries all ports at full rate; nothing overlaps. A message's handling on the hosts is as on the cable measured,
and so is the work on each byte.
";

/// How the batch depends on the number of ranks.
#[derive(Clone, Copy)]
pub enum Scaling {
    /// Each rank has as many rows, however many ranks there are.
    Weak,
    /// The batch is the same.
    Strong,
}

impl Scaling {
    pub const ALL: [Scaling; 2] = [Scaling::Weak, Scaling::Strong];

    /// Returns the rows of one rank.
    fn rows(self, ranks: f64) -> f64 {
        match self {
            Scaling::Weak => ROWS,
            Scaling::Strong => BATCH / ranks,
        }
    }

    pub fn title(self) -> String {
        match self {
            Scaling::Weak => format!("weak: {ROWS} rows a rank"),
            Scaling::Strong => format!("strong: {BATCH} rows in all"),
        }
    }
}

/// All that is known.
pub struct Model {
    pub compute: Compute,
    /// The networks that are foretold, with their names.
    pub links: Vec<(&'static str, Link)>,
}

impl Model {
    /// Returns the characters a second, of all ranks.
    fn speed(&self, shape: Shape, link: &Link, scaling: Scaling, ranks: f64) -> f64 {
        let rows = scaling.rows(ranks);
        let mut seconds = self.compute.seconds(shape, rows, ranks);
        if ranks > 1.0 {
            seconds += link.seconds(shape, ranks, ranks);
        }
        ranks * rows * crate::measure::STEPS as f64 / seconds
    }

    /// Returns the speed over that of one rank, per rank.
    pub fn efficiency(&self, shape: Shape, link: &Link, scaling: Scaling, ranks: f64) -> f64 {
        let speed = |ranks| self.speed(shape, link, scaling, ranks);
        speed(ranks) / (ranks * speed(1.0))
    }
}

pub fn forecast(file: &Path) -> Result<()> {
    let runs = rows::read(file)?;
    let rows: Vec<Row> = runs.into_iter().map(|runs| runs.medians).collect();
    let seen: Vec<&Row> = rows.iter().filter(|row| !row.held_out).collect();
    let compute = Compute::fitted(&seen);
    let links = Network::BETWEEN_RANKS.map(|network| Link::fitted(network, &seen));
    let [memory, slow, fast] = links;
    let (memory, slow, fast) = (memory?, slow?, fast?);
    let link = |network| match network {
        Network::None | Network::Apart => None,
        Network::SharedMemory => Some(memory),
        Network::Slow => Some(slow),
        Network::Fast => Some(fast),
    };

    println!("{}", constants(&compute, &link));
    println!("{}", errors(&rows, &compute, &link));
    let tenfold = Link {
        delay: 10e-6,
        rate: 10.0 * fast.rate,
        ..fast
    };
    let model = Model {
        compute,
        links: vec![("10 Gbit/s", fast), ("100 Gbit/s", tenfold)],
    };
    println!("{ASSUMED}");
    for shape in SHAPES {
        println!("{}", speeds(&model, shape));
    }
    let path = in_repository("docs/many-machines.svg");
    let svg = figure(&model, &SHAPES, &rows).svg()?;
    fs::write(&path, svg).with_context(|| path.display().to_string())
}

fn constants(compute: &Compute, link: &dyn Fn(Network) -> Option<Link>) -> String {
    let mut text = format!(
        "\
compute: {:.0} Gflop/s ({:.0} if the recurrent weights are not in the cache), {:.2} ns a unit, row and step,
{:.2} ns a parameter, {:.2} ns a byte that is not in the cache of parameters, gradients and moments

",
        1e-9 / compute.flop,
        1e-9 / (compute.flop + compute.far_flop),
        1e9 * compute.unit,
        1e9 * compute.parameter,
        1e9 * compute.far_byte,
    );
    let line = |network: Network| {
        let link = link(network)?;
        let (delay, gbit) = match network.cable() {
            Some((delay, rate)) => (short(1e6 * delay), short(8e-9 * rate)),
            None => ("–".into(), "–".into()),
        };
        Some(vec![
            network.title().to_owned(),
            delay,
            short(1e6 * (link.delay + link.message)),
            gbit,
            short(8e-9 / link.per_byte()),
            short(1e9 * link.host),
        ])
    };
    let head = "network,delay µs,with handling,Gbit/s,effective,host ns a byte";
    let lines: Vec<_> = Network::BETWEEN_RANKS
        .into_iter()
        .filter_map(line)
        .collect();
    text += &markdown(1, &head.split(',').collect::<Vec<_>>(), &lines);
    text
}

fn errors(rows: &[Row], compute: &Compute, link: &dyn Fn(Network) -> Option<Link>) -> String {
    let mut worst = [0.0, 0.0];
    let mut line = |row: &Row| {
        let own = 1e3 * compute.seconds(row.shape(), of_a_rank(row), row.stretches as f64);
        let sum = link(row.network);
        let sum = sum.map_or(0.0, |link| {
            1e3 * link.seconds(row.shape(), row.ranks as f64, row.stretches as f64)
        });
        let error = 100.0 * ((own + sum) / row.ms - 1.0);
        let worst = &mut worst[usize::from(row.held_out)];
        *worst = f64::max(*worst, error.abs());
        vec![
            row.shape().to_string(),
            row.network.title().to_owned(),
            if row.held_out { "yes" } else { "" }.to_owned(),
            row.ranks.to_string(),
            row.batch.to_string(),
            short(row.ms),
            short(own + sum),
            format!("{error:+.1} %"),
            short(row.ms_communicating),
            short(sum),
        ]
    };
    let lines: Vec<_> = rows.iter().map(&mut line).collect();
    let head =
        "model,network,held out,ranks,batch,ms an update,foretold,error,of which the sum,foretold";
    let table = markdown(3, &head.split(',').collect::<Vec<_>>(), &lines);
    let [fitted, held_out] = worst;
    format!("{table}\nlargest error: fitted {fitted:.1} %, held out {held_out:.1} %\n")
}

fn speeds(model: &Model, shape: Shape) -> String {
    let mut head = vec!["ranks".to_owned()];
    let mut lines: Vec<_> = RANKS.iter().map(|ranks| vec![ranks.to_string()]).collect();
    for scaling in Scaling::ALL {
        for (name, link) in &model.links {
            head.push(format!("{}, {name}", scaling.title()));
            for (line, ranks) in lines.iter_mut().zip(RANKS) {
                let efficiency = 100.0 * model.efficiency(shape, link, scaling, ranks);
                let speed = model.speed(shape, link, scaling, ranks) as usize;
                line.push(format!("{efficiency:.0} %, {} chars/s", grouped(speed)));
            }
        }
    }
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    format!("{shape}:\n\n{}", markdown(0, &head, &lines))
}
