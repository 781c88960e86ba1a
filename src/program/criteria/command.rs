//! The command: prints a row for each criterion and draws their curves.

use super::args::{CriteriaArgs, Machine};
use super::bias::{Bias, bias};
use super::problem::Enumerable;
use super::reach::{RATES, Reached, reach};
use super::rows::CRITERIA;
use crate::program::chart::{Axis, Curve, CurvePanel, curves_apart, write_chart};
use crate::program::files::make_output_folder;
use crate::program::progress::say;
use crate::program::table::{Format, figure, paragraph, print};
use crate::program::threads::pool;
use rayon::prelude::*;
use serde::Serialize;
use std::io::{Write, stdout};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A criterion, its bias and what it reaches.
#[derive(Serialize)]
struct Row {
    model: &'static str,
    criterion: &'static str,
    claim: String,
    /// The way to the mean gradient.
    mean: &'static str,
    cosine: f64,
    norm_ratio: f64,
    error: f64,
    at_rest: f64,
    at_rest_error: f64,
    log_likelihood: f64,
    /// The distance from the best possible, in nats and in percent of it.
    gap: f64,
    gap_percent: f64,
    learning_rate: f64,
    steps: u64,
    seconds: f64,
}

/// A row of the table of biases for people.
#[derive(Serialize)]
struct BiasRow {
    criterion: &'static str,
    claim: String,
    mean: &'static str,
    cosine: String,
    #[serde(rename = "norm ratio")]
    norm_ratio: String,
    error: String,
    #[serde(rename = "at rest")]
    at_rest: String,
}

/// A row of the table of trained models for people.
#[derive(Serialize)]
struct ReachedRow {
    criterion: &'static str,
    #[serde(rename = "ln p(x)")]
    log_likelihood: String,
    gap: String,
    #[serde(rename = "gap %")]
    gap_percent: String,
    rate: f64,
    steps: u64,
    seconds: String,
}

/// Measures every criterion on a machine, prints a row for each, and draws how far each comes.
pub(crate) fn criteria(args: &CriteriaArgs) -> anyhow::Result<()> {
    args.check()?;
    make_output_folder(&args.out)?;
    let problem = Enumerable::new(args.model, args.seed);
    let (done, total) = (AtomicUsize::new(0), CRITERIA.len());
    let found: Vec<(Row, Reached)> = pool(args.threads)?.install(|| {
        let each = CRITERIA.par_iter().with_max_len(1).map(|criterion| {
            let bias = bias(criterion, &problem, args.draws, args.seed);
            let reached = reach(criterion, &problem, args.budget, args.seed);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if args.format == Format::Table {
                say(&format!("{done} of {total}: {}", criterion.name));
            }
            (row(&problem, criterion.name, &bias, &reached), reached)
        });
        each.collect()
    });
    let rows: Vec<&Row> = found.iter().map(|(row, _)| row).collect();
    let out = &mut stdout().lock();
    if args.format == Format::Table {
        for_people(&rows, [&caption_of_bias(args), &caption_of_reached(args)], &problem, out)?;
    } else {
        print(&rows, args.format, out)?;
    }
    let title = format!("the machine `{}`: distance from the best likelihood", problem.name);
    write_chart(&args.out, "criteria", &curves_apart(&panel(&problem, &found), &title))?;
    say(&format!("wrote {}.svg and .png", args.out.join("criteria").display()));
    Ok(())
}

fn row(problem: &Enumerable, criterion: &'static str, bias: &Bias, reached: &Reached) -> Row {
    let gap = problem.best() - reached.log_likelihood;
    Row {
        model: problem.name,
        criterion,
        claim: bias.claim.to_string(),
        mean: if bias.exact { "listed" } else { "drawn" },
        cosine: bias.cosine,
        norm_ratio: bias.norm_ratio,
        error: bias.error,
        at_rest: bias.at_rest,
        at_rest_error: bias.at_rest_error,
        log_likelihood: reached.log_likelihood,
        gap,
        gap_percent: -100.0 * gap / problem.best(),
        learning_rate: reached.rate,
        steps: reached.steps,
        seconds: reached.seconds,
    }
}

/// Prints the rows as two tables, each below its caption.
fn for_people(
    rows: &[&Row],
    captions: [&str; 2],
    problem: &Enumerable,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    writeln!(out, "{}\n", paragraph(captions[0]))?;
    print(&rows.iter().map(|row| bias_row(row)).collect::<Vec<_>>(), Format::Table, out)?;
    writeln!(out, "\n{}\n", paragraph(captions[1]))?;
    print(&rows.iter().map(|row| reached_row(row)).collect::<Vec<_>>(), Format::Table, out)?;
    let best = figure(problem.best());
    let gap = format!(
        "gap: {best}, the best possible, less ln p(x). gap %: the gap in percent of {}.",
        figure(-problem.best())
    );
    writeln!(out, "\n{}", paragraph(&gap))?;
    Ok(())
}

fn bias_row(row: &Row) -> BiasRow {
    let with_error = |value: f64, error: f64| match error > 0.0 {
        true => format!("{value:.3} ± {error:.3}"),
        false => format!("{value:.0e}"),
    };
    BiasRow {
        criterion: row.criterion,
        claim: row.claim.clone(),
        mean: row.mean,
        cosine: format!("{:.5}", row.cosine),
        norm_ratio: format!("{:.4}", row.norm_ratio),
        error: if row.error > 0.0 { format!("{:.3}", row.error) } else { "–".into() },
        at_rest: with_error(row.at_rest, row.at_rest_error),
    }
}

fn reached_row(row: &Row) -> ReachedRow {
    ReachedRow {
        criterion: row.criterion,
        log_likelihood: format!("{:.4}", row.log_likelihood),
        gap: format!("{:.4}", row.gap),
        gap_percent: format!("{:.1}", row.gap_percent),
        rate: row.learning_rate,
        steps: row.steps,
        seconds: format!("{:.1}", row.seconds),
    }
}

fn caption_of_bias(args: &CriteriaArgs) -> String {
    let machine = match args.model {
        Machine::Bars => {
            "a restricted Boltzmann machine on the 14 bars and stripes of 3 × 3 pixels, weights drawn with a standard \
             deviation of 0.5"
        }
        Machine::RbmSmall => {
            "a restricted Boltzmann machine of 4 × 3 bits at known parameters, on three rows"
        }
    };
    format!(
        "The bias of each criterion for the gradient of ln p(x), on {machine}. cosine and norm ratio: of the mean gradient and \
         that of the likelihood; listed: the mean is a sum over all draws, drawn: a mean of {} estimates, whose error (as a share \
         of the likelihood's gradient) is given; persistent chains make 300 steps at these parameters before. at rest: the \
         length of the mean gradient where the data are distributed as the model, which is zero for a criterion that \
         finds the truth.",
        args.draws
    )
}

fn caption_of_reached(args: &CriteriaArgs) -> String {
    let rates = RATES.map(|rate| rate.to_string()).join(" and ");
    format!(
        "Each criterion trains new parameters by Adam until {} energies are evaluated (a sweep counts two, a term of Z one), with \
         the better of the rates {rates}. ln p(x) is the exact mean over the data, in nats.",
        args.budget
    )
}

fn panel(problem: &Enumerable, found: &[(Row, Reached)]) -> CurvePanel {
    let curve = |(row, reached): &(Row, Reached)| Curve {
        name: row.criterion.into(),
        line: Vec::new(),
        points: reached
            .curve
            .iter()
            .map(|&(spent, value)| (spent, problem.best() - value))
            .collect(),
        bars: Vec::new(),
    };
    CurvePanel {
        title: "criteria".into(),
        x_label: "energies evaluated".into(),
        y_label: "best ln p(x) less the mean of ln p(x), nats".into(),
        axis: Axis::Log10,
        curves: found.iter().map(curve).collect(),
    }
}
