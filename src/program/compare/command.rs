//! The command: studies, prints the rows and writes the figures.

use super::args::{CompareArgs, Subject};
use super::case::{Case, Figure};
use super::options::Options;
use super::results::{Report, nothing_compared};
use super::rows::Row;
use super::signal::signal;
use super::study::study;
use super::sweeps::variances;
use super::trained::Run;
use crate::program::bench::{Bench, ProblemRow, Truths};
use crate::program::chart::write_chart;
use crate::program::files::{make_output_folder, write_atomically};
use crate::program::progress::say;
use crate::program::table::{Format, print};
use crate::program::threads::pool;
use crate::program::usage_error::{enough_draws, usage_error};
use std::io::Write;

/// Runs the comparison on problems of a bench, prints the rows and writes the figures.
pub(crate) fn compare(args: &CompareArgs, bench: &Bench) -> anyhow::Result<()> {
    let options = args.options();
    if options.samples == 0 {
        return Err(usage_error("--num-samples 0: a gradient needs a sample"));
    }
    enough_draws(options.draws)?;
    let asked = match &args.problem {
        Some(Subject::Run(dir)) => {
            let run = Run::read(dir, args)?;
            make_output_folder(&args.out)?;
            return pool(args.threads)?.install(|| {
                let case = run.case(args)?;
                if case.studied.is_empty() {
                    return Err(nothing_compared(&case.left_out()));
                }
                let rows = report(case, options, args)?;
                finish(&rows, args)
            });
        }
        Some(Subject::Known(name)) => Some(name.as_str()),
        None => None,
    };
    let further = if bench.is_catalogue { "; run:DIR is the run in that folder" } else { "" };
    let problems = bench.chosen(asked, args.estimators.as_deref(), further)?;
    make_output_folder(&args.out)?;
    // The closed forms are about two problems of the catalogue.
    let closed_forms = bench.is_catalogue && asked.is_none();
    pool(args.threads)?.install(|| compare_on(&problems, closed_forms, options, args))
}

/// The comparison on problems whose gradient is known.
fn compare_on(
    problems: &[ProblemRow],
    closed_forms: bool,
    options: Options,
    args: &CompareArgs,
) -> anyhow::Result<()> {
    let mut truths = Truths::default();
    let (mut all, mut left_out) = (Vec::<Row>::new(), Vec::new());
    for problem in problems {
        let case = study(problem, &mut truths, &options)?;
        left_out.extend(case.left_out());
        if case.studied.is_empty() {
            continue;
        }
        all.extend(report(case, options, args)?);
        if let Some(figure) = signal(problem, &options) {
            write(&figure, args)?;
        }
    }
    if all.is_empty() {
        return Err(nothing_compared(&left_out));
    }
    if closed_forms {
        for figure in variances(args) {
            write(&figure, args)?;
        }
    }
    // The tables have these sentences in them.
    if args.format != Format::Table {
        left_out.iter().for_each(|sentence| say(sentence));
    }
    finish(&all, args)
}

/// The rows of a problem, printed if they are for people, and its figures.
fn report(case: Case, options: Options, args: &CompareArgs) -> anyhow::Result<Vec<Row>> {
    let report = Report::new(case, options);
    if args.format == Format::Table {
        write!(std::io::stdout().lock(), "{report}")?;
    }
    for figure in report.figures() {
        write(&figure, args)?;
    }
    if args.export_draws {
        let (name, text) = report.exported_draws();
        let path = args.out.join(name);
        write_atomically(&path, text.as_bytes())?;
        say(&format!("wrote {}: the gradients of the violins", path.display()));
    }
    Ok(report.rows)
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
