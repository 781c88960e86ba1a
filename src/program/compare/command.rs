//! The command: studies, prints the rows and writes the figures.

use super::args::{CompareArgs, Subject};
use super::case::{Case, Figure};
use super::figures::figures_of;
use super::rows::{Row, fronts, rows_of, table_row};
use super::signal::signal;
use super::study::study;
use super::sweeps::variances;
use super::trained::Run;
use crate::program::catalogue::{ProblemRow, Truths, keep_estimators, problem, problems};
use crate::program::chart::write_chart;
use crate::program::files::make_output_folder;
use crate::program::progress::say;
use crate::program::table::{Format, figure, paragraph, print};
use crate::program::threads::pool;
use crate::program::usage_error::{enough_draws, usage_error};
use std::io::Write;

/// The largest number of samples within a gradient: a gigabyte of numbers on the smallest problem.
const MOST_SAMPLES: usize = 1_000_000;

/// Runs the comparison, prints the rows and writes the figures.
pub(crate) fn compare(args: &CompareArgs) -> anyhow::Result<()> {
    if args.num_samples > MOST_SAMPLES {
        return Err(usage_error(format!(
            "--num-samples {}: at most {MOST_SAMPLES} samples are drawn for a gradient",
            args.num_samples
        )));
    }
    if args.num_samples < 2 {
        return Err(usage_error(
            "--num-samples must be at least 2: leave-one-out needs another draw",
        ));
    }
    enough_draws(args.draws())?;
    let asked = match &args.problem {
        Some(Subject::Run(dir)) => {
            let run = Run::read(dir, args)?;
            make_output_folder(&args.out)?;
            return pool(args.threads)?.install(|| {
                let rows = report(&run.case(args)?, args)?;
                finish(&rows, args)
            });
        }
        Some(Subject::Known(name)) => vec![problem(name).map_err(usage_error)?],
        None => problems(),
    };
    let problems = keep_estimators(asked, args.estimators.as_deref())?;
    make_output_folder(&args.out)?;
    pool(args.threads)?.install(|| compare_on(&problems, args))
}

/// The comparison on problems whose gradient is known.
fn compare_on(problems: &[ProblemRow], args: &CompareArgs) -> anyhow::Result<()> {
    let mut truths = Truths::default();
    let mut all: Vec<Row> = Vec::new();
    for problem in problems {
        all.extend(report(&study(problem, &mut truths, args)?, args)?);
        if let Some(figure) = signal(problem, args) {
            write(&figure, args)?;
        }
    }
    if args.problem.is_none() {
        for figure in variances(args) {
            write(&figure, args)?;
        }
    }
    finish(&all, args)
}

/// The rows of a problem, printed if they are for people, and its figures.
fn report(case: &Case, args: &CompareArgs) -> anyhow::Result<Vec<Row>> {
    let fronts = fronts(&case.studied);
    let rows = rows_of(case, &fronts, args);
    if args.format == Format::Table {
        let out = &mut std::io::stdout().lock();
        writeln!(out, "{}", paragraph(&caption(&rows, args)))?;
        let lines: Vec<_> =
            rows.chunk_by(|a, b| a.estimator == b.estimator).map(table_row).collect();
        print(&lines, args.format, out)?;
        for (target, names) in &fronts {
            let names = names.join(", ");
            writeln!(out, "Pareto front of variance and time, gradient of {target}: {names}")?;
        }
        case.notes.iter().try_for_each(|note| writeln!(out, "{note}"))?;
        writeln!(out)?;
    }
    for figure in figures_of(case, &rows, args) {
        write(&figure, args)?;
    }
    Ok(rows)
}

/// Prints the rows of all problems if they are for programs.
fn finish(all: &[Row], args: &CompareArgs) -> anyhow::Result<()> {
    match args.format {
        Format::Table => Ok(()),
        _ => print(all, args.format, &mut std::io::stdout().lock()),
    }
}

/// Writes a figure and says what it shows.
fn write(figure: &Figure, args: &CompareArgs) -> anyhow::Result<()> {
    write_chart(&args.out, &figure.name, &figure.scene)?;
    say(&format!("wrote {}.svg and .png: {}", args.out.join(&figure.name).display(), figure.shows));
    Ok(())
}

fn caption(rows: &[Row], args: &CompareArgs) -> String {
    let name = rows.first().map_or("", |row| &row.problem);
    let effective = rows.iter().find_map(|row| row.effective_sample_size);
    let weights =
        effective.map_or(String::new(), |ess| format!(" ({} of them effective)", figure(ess)));
    format!(
        "{name}: {} gradients of K = {} samples{weights}; variance and SNR are those of the whole gradient \
         (--format json: by component); worst z: the component that is farthest from the exact gradient, in standard errors",
        args.draws(),
        args.num_samples
    )
}
