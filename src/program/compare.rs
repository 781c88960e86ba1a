//! Estimators against each other and against the exact gradient.

mod figures;
mod rows;
mod sweeps;

use super::args::{CompareArgs, ProblemName};
use super::chart::write_chart;
use super::misuse::misuse;
use super::registry::{self, Entry, Posed, Setting, Truths};
use super::session::pool;
use super::table::{Format, figure, print};
use clap::ValueEnum;
use kuva::render::render::Scene;
use pathscore::estimators::variance::{Study, study_of};
use rows::{Row, fronts, rows_of, shown};
use std::io::Write;

/// An estimator that was studied on a problem.
struct Studied {
    problem: ProblemName,
    estimator: &'static str,
    /// What it estimates the gradient of.
    target: &'static str,
    posed: Posed,
    exact: Vec<f64>,
    study: Study,
}

/// A chart and where it goes.
struct Figure {
    name: String,
    shows: &'static str,
    scene: Scene,
}

/// Runs the comparison, prints the rows and writes the figures.
pub(crate) fn compare(args: &CompareArgs) -> anyhow::Result<()> {
    if args.num_samples < 2 {
        return Err(misuse("--num-samples must be at least 2: leave-one-out needs another draw"));
    }
    if args.draws < 2 {
        return Err(misuse("--draws must be at least 2: a variance needs two"));
    }
    let entries = registry::chosen(args.estimators.as_deref())?;
    let problems =
        args.problem.map_or(ProblemName::value_variants().to_vec(), |problem| vec![problem]);
    let fits = |problem: &ProblemName| entries.iter().any(|entry| entry.fits(*problem));
    let problems: Vec<ProblemName> = problems.into_iter().filter(fits).collect();
    if problems.is_empty() {
        return Err(misuse(
            "none of these estimators fits the problem: sgvb and quadrature need the normal latents of \
             linear-gaussian, enumeration the bits of sbn-small",
        ));
    }
    std::fs::create_dir_all(&args.out)
        .map_err(|error| misuse(format!("{}: {error}", args.out.display())))?;
    pool(args.threads)?.install(|| compared(&problems, &entries, args))
}

fn compared(problems: &[ProblemName], entries: &[Entry], args: &CompareArgs) -> anyhow::Result<()> {
    let out = &mut std::io::stdout().lock();
    let mut truths = Truths::default();
    let mut all: Vec<Row> = Vec::new();
    for &problem in problems {
        let study = |entry| study(problem, entry, &mut truths, args);
        let studied: Vec<Studied> = entries.iter().filter_map(study).collect();
        let fronts = fronts(&studied);
        let rows = rows_of(&studied, &fronts, args);
        if args.format == Format::Table {
            writeln!(out, "{}", caption(&rows, args))?;
            let lines: Vec<_> =
                rows.chunk_by(|a, b| a.estimator == b.estimator).map(shown).collect();
            print(&lines, args.format, out)?;
            for (target, names) in &fronts {
                let names = names.join(", ");
                writeln!(out, "Pareto front of variance and time, gradient of {target}: {names}")?;
            }
            writeln!(out)?;
        }
        for figure in figures::of_problem(problem, &studied, &rows, entries, args) {
            keep(&figure, args)?;
        }
        all.extend(rows);
    }
    if args.problem.is_none() {
        for figure in sweeps::variances(entries, args) {
            keep(&figure, args)?;
        }
    }
    if args.format != Format::Table {
        print(&all, args.format, out)?;
    }
    Ok(())
}

/// Writes a figure and says what it shows.
fn keep(figure: &Figure, args: &CompareArgs) -> anyhow::Result<()> {
    write_chart(&args.out, &figure.name, &figure.scene)?;
    eprintln!("wrote {}.svg and .png: {}", args.out.join(&figure.name).display(), figure.shows);
    Ok(())
}

fn caption(rows: &[Row], args: &CompareArgs) -> String {
    let name = rows.first().map_or("", |row| &row.problem);
    let effective = rows.iter().find_map(|row| row.effective_sample_size);
    let weights = effective.map_or(String::new(), |ess| format!(" ({} effective)", figure(ess)));
    format!(
        "{name}: {} draws of K = {}{weights}; variance and snr of the whole gradient (--format json: by component)",
        args.draws, args.num_samples
    )
}

/// Draws the gradient, if the estimator fits the problem.
fn study(
    problem: ProblemName,
    entry: &Entry,
    truths: &mut Truths,
    args: &CompareArgs,
) -> Option<Studied> {
    let setting = Setting { samples: args.num_samples, batch: 1, scale: 1.0 };
    let posed = entry.pose(problem, setting)?;
    let exact = truths.of(&posed).truth.gradient.clone();
    let study = study_of(&*posed.candidate, &exact, args.draws, args.seed);
    let target = entry.target();
    Some(Studied { problem, estimator: entry.name, target, posed, exact, study })
}
