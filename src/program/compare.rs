//! Estimators against each other and against the exact gradient.

use super::args::{CompareArgs, ProblemName};
use super::chart::{Bar, compare_svg};
use super::config::spelt;
use super::files::write_atomically;
use super::misuse::misuse;
use super::registry::{self, Entry, Setting, Truths};
use super::session::pool;
use super::table::{Format, print};
use clap::ValueEnum;
use pathscore::estimators::variance::{Component, Study, study_of};
use serde::Serialize;

#[derive(Serialize)]
struct Row {
    problem: String,
    estimator: String,
    claim: String,
    component: String,
    exact: f64,
    mean: f64,
    z: f64,
    variance: f64,
    snr: f64,
    draws: usize,
    seconds_per_draw: f64,
    variance_times_seconds: f64,
}

/// An estimator for people: all its components in one line.
#[derive(Serialize)]
struct Shown<'a> {
    estimator: &'a str,
    claim: &'a str,
    /// Euclidean norm of the mean's error.
    error: f64,
    #[serde(rename = "worst z")]
    worst: f64,
    at: &'a str,
    /// Summed over the components.
    variance: f64,
    /// Norm of the gradient over the root of that sum.
    snr: f64,
    #[serde(rename = "µs/draw")]
    microseconds: f64,
    #[serde(rename = "var × µs")]
    cost: f64,
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
    let rows = pool(args.threads)?.install(|| {
        problems.iter().flat_map(|&problem| studied(problem, &entries, args)).collect::<Vec<Row>>()
    });
    let out = &mut std::io::stdout().lock();
    std::fs::create_dir_all(&args.out)
        .map_err(|error| misuse(format!("{}: {error}", args.out.display())))?;
    for problem in &problems {
        let name = spelt(problem);
        let rows: Vec<&Row> = rows.iter().filter(|row| row.problem == name).collect();
        let bars: Vec<Bar> = rows.iter().map(|row| bar(row)).collect();
        let figure = args.out.join(format!("{name}.svg"));
        let title = format!("{name}: {} draws of K = {}", args.draws, args.num_samples);
        write_atomically(&figure, compare_svg(&bars, &title).as_bytes())?;
        if args.format == Format::Table {
            use std::io::Write;
            writeln!(
                out,
                "{title}; variance and snr of the whole gradient (--format json: by component)"
            )?;
            let lines: Vec<Shown> =
                rows.chunk_by(|a, b| a.estimator == b.estimator).map(shown).collect();
            print(&lines, args.format, out)?;
            writeln!(out)?;
        }
        eprintln!("wrote {}", figure.display());
    }
    if args.format != Format::Table {
        print(&rows, args.format, out)?;
    }
    Ok(())
}

fn bar(row: &Row) -> Bar {
    Bar {
        estimator: row.estimator.clone(),
        component: row.component.clone(),
        exact: row.exact,
        mean: row.mean,
        standard_error: (row.variance / row.draws as f64).sqrt(),
        variance: row.variance,
        seconds_per_draw: row.seconds_per_draw,
    }
}

/// The rows of one estimator in one line.
fn shown<'a>(rows: &[&'a Row]) -> Shown<'a> {
    let worst = rows
        .iter()
        .max_by(|a, b| a.z.abs().total_cmp(&b.z.abs()))
        .expect("a gradient has components");
    let sum = |f: &dyn Fn(&Row) -> f64| rows.iter().map(|row| f(row)).sum::<f64>();
    let variance = sum(&|row| row.variance);
    Shown {
        estimator: &worst.estimator,
        claim: &worst.claim,
        error: sum(&|row| (row.mean - row.exact).powi(2)).sqrt(),
        worst: worst.z,
        at: &worst.component,
        variance,
        snr: (sum(&|row| row.exact.powi(2)) / variance).sqrt(),
        microseconds: worst.seconds_per_draw * 1e6,
        cost: variance * worst.seconds_per_draw * 1e6,
    }
}

/// The rows of all the estimators that fit a problem.
fn studied(problem: ProblemName, entries: &[Entry], args: &CompareArgs) -> Vec<Row> {
    let setting = Setting { samples: args.num_samples, batch: 1, scale: 1.0 };
    let mut truths = Truths::default();
    let mut rows = Vec::new();
    for entry in entries {
        let Some(posed) = entry.pose(problem, setting) else { continue };
        let exact = &truths.of(&posed).gradient;
        let study = study_of(&*posed.candidate, exact, args.draws, args.seed);
        rows.extend(rows_of(&posed.problem.name(), entry.name, posed.problem.components(), study));
    }
    rows
}

fn rows_of(problem: &str, estimator: &str, components: Vec<String>, study: Study) -> Vec<Row> {
    let seconds = study.seconds_per_draw;
    let row = |(name, component): (String, &Component)| Row {
        problem: problem.into(),
        estimator: estimator.into(),
        claim: study.claim.to_string(),
        component: name,
        exact: component.exact,
        mean: component.mean,
        z: component.z(),
        variance: component.variance,
        snr: component.snr(),
        draws: component.draws,
        seconds_per_draw: seconds,
        variance_times_seconds: component.variance * seconds,
    };
    components.into_iter().zip(&study.components).map(row).collect()
}
