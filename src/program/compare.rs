//! Estimators against each other and against the exact gradient.

mod figures;
mod rows;
mod run;
mod sweeps;

use super::args::{CompareArgs, ProblemName, Subject};
use super::chart::write_chart;
use super::config::cli_name;
use super::registry::{self, Entry, Setting, Truths};
use super::session::pool;
use super::table::{Format, figure, print};
use super::usage_error::usage_error;
use clap::ValueEnum;
use kuva::render::render::Scene;
use pathscore::estimators::Enumerator;
use pathscore::estimators::proof::{Candidate, Problem};
use pathscore::estimators::variance::{Study, study_candidate};
use rows::{Row, fronts, rows_of, shown};
use run::Run;
use std::io::Write;

/// Draws of a violin.
const DRAWS: usize = 1500;

/// Throws of the dice for the effective sample size: two digits of it.
const THROWS: usize = 2000;

/// An estimator that was studied on a problem.
struct Studied {
    estimator: String,
    /// What it estimates the gradient of.
    target: String,
    study: Study,
    /// The standard error of each component of the truth; zero, if it is exact.
    errors: Vec<f64>,
    /// The variance of the whole gradient, and the norm of its mean.
    variance: f64,
    norm: f64,
    /// Some draws of each component.
    draws: Vec<Vec<f64>>,
}

/// A problem and what was studied on it.
struct Case {
    name: String,
    /// How the names of its figures begin.
    file: String,
    components: Vec<String>,
    studied: Vec<Studied>,
    /// How many of $K$ draws from $q$ count, on average.
    effective: Option<f64>,
    /// What must be said of the truth.
    notes: Vec<String>,
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
        return Err(usage_error(
            "--num-samples must be at least 2: leave-one-out needs another draw",
        ));
    }
    if args.draws() < 2 {
        return Err(usage_error("--draws must be at least 2: a variance needs two"));
    }
    let make_folder = || {
        std::fs::create_dir_all(&args.out)
            .map_err(|error| usage_error(format!("{}: {error}", args.out.display())))
    };
    let problems = match &args.problem {
        Some(Subject::Run(dir)) => {
            let run = Run::read(dir, args)?;
            make_folder()?;
            return pool(args.threads)?.install(|| {
                let rows = report(&run.case(args)?, args)?;
                finish(&rows, args)
            });
        }
        Some(Subject::Known(problem)) => vec![*problem],
        None => ProblemName::value_variants().to_vec(),
    };
    let entries = registry::chosen(args.estimators.as_deref())?;
    let fits = |problem: &ProblemName| entries.iter().any(|entry| entry.fits(*problem));
    let problems: Vec<ProblemName> = problems.into_iter().filter(fits).collect();
    if problems.is_empty() {
        return Err(usage_error(
            "none of these estimators fits the problem: sgvb and quadrature need the normal latents of \
             linear-gaussian, enumeration the bits of sbn-small",
        ));
    }
    make_folder()?;
    pool(args.threads)?.install(|| compared(&problems, &entries, args))
}

fn compared(problems: &[ProblemName], entries: &[Entry], args: &CompareArgs) -> anyhow::Result<()> {
    let mut truths = Truths::default();
    let mut all: Vec<Row> = Vec::new();
    for &problem in problems {
        all.extend(report(&case(problem, entries, &mut truths, args), args)?);
        if let Some(figure) = sweeps::signal(problem, entries, args) {
            keep(&figure, args)?;
        }
    }
    if args.problem.is_none() {
        for figure in sweeps::variances(entries, args) {
            keep(&figure, args)?;
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
        writeln!(out, "{}", caption(&rows, args))?;
        let lines: Vec<_> = rows.chunk_by(|a, b| a.estimator == b.estimator).map(shown).collect();
        print(&lines, args.format, out)?;
        for (target, names) in &fronts {
            let names = names.join(", ");
            writeln!(out, "Pareto front of variance and time, gradient of {target}: {names}")?;
        }
        case.notes.iter().try_for_each(|note| writeln!(out, "{note}"))?;
        writeln!(out)?;
    }
    for figure in figures::of_case(case, &rows, args) {
        keep(&figure, args)?;
    }
    Ok(rows)
}

/// The rows of all problems, if they are for programs.
fn finish(all: &[Row], args: &CompareArgs) -> anyhow::Result<()> {
    match args.format {
        Format::Table => Ok(()),
        _ => print(all, args.format, &mut std::io::stdout().lock()),
    }
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
        args.draws(),
        args.num_samples
    )
}

/// A problem whose gradient is known, with the estimators that fit it.
fn case(problem: ProblemName, entries: &[Entry], truths: &mut Truths, args: &CompareArgs) -> Case {
    let name = cli_name(&problem);
    let (components, studied, notes) = (Vec::new(), Vec::new(), Vec::new());
    let mut case = Case { file: name.clone(), name, components, studied, effective: None, notes };
    for entry in entries {
        let setting = Setting { samples: args.num_samples, batch: 1, scale: 1.0 };
        let Some(posed) = entry.pose(problem, setting) else { continue };
        if case.studied.is_empty() {
            case.components = posed.problem.components();
            case.effective = effective(&*posed.problem, args.seed);
        }
        let exact = truths.of(&posed).truth().gradient;
        let study = study_candidate(&*posed.candidate, &exact, args.draws(), args.seed);
        case.studied.push(Studied {
            estimator: entry.name.into(),
            target: entry.target().to_string(),
            errors: vec![0.0; exact.len()],
            variance: study.components.iter().map(|component| component.variance).sum(),
            norm: exact.iter().map(|g| g * g).sum::<f64>().sqrt(),
            draws: draws(&*posed.candidate, exact.len(), DRAWS.min(args.draws()), args.seed),
            study,
        });
    }
    case
}

/// So many draws of each component.
fn draws(candidate: &dyn Candidate, len: usize, count: usize, seed: u64) -> Vec<Vec<f64>> {
    let (mut candidate, mut source) = (candidate.clone_box(), Enumerator::seeded(seed, 0));
    let (mut gradient, mut draws) = (vec![0.0; len], vec![Vec::with_capacity(count); len]);
    for _ in 0..count {
        candidate.draw(&mut source, &mut gradient);
        draws.iter_mut().zip(&gradient).for_each(|(draws, &g)| draws.push(g));
    }
    draws
}

/// How many of $K$ draws from $q$ count, on average.
fn effective(problem: &dyn Problem, seed: u64) -> Option<f64> {
    let mut source = Enumerator::seeded(seed, 0);
    let mut sum = 0.0;
    for _ in 0..THROWS {
        sum += problem.effective_draws(&mut source)?;
    }
    Some(sum / THROWS as f64)
}
