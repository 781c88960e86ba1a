//! Estimators against each other and against the exact gradient.

use super::args::{CompareArgs, ProblemName};
use super::chart::{Bar, compare_svg};
use super::config::spelt;
use super::files::write_atomically;
use super::misuse::misuse;
use super::session::pool;
use super::table::{Format, print};
use clap::ValueEnum;
use pathscore::autodiff::Dual;
use pathscore::estimators::exact::{Enumeration, Quadrature};
use pathscore::estimators::path::{Sgvb, SgvbKl};
use pathscore::estimators::score::{Baseline, Reinforce};
use pathscore::estimators::variance::{Study, study};
use pathscore::estimators::{Estimator, Query, Work};
use pathscore::models::latent::{LinearGaussian, SmallBelief};
use pathscore::models::{Params, seed};
use serde::Serialize;

/// Nodes of the quadrature.
const NODES: usize = 20;

/// A baseline near the mean signal of both problems.
const CONSTANT: f64 = -2.0;

/// $m$, $\ln\sqrt v$, $w$, $b$ of the linear-Gaussian problem, and its noise variance and observation.
const LINE: [f64; 4] = [0.3, -0.458_145_365_937_077_4, 1.5, 0.2];
const NOISE_VARIANCE: f64 = 0.5;
const OBSERVED: f64 = 1.0;

/// What the small belief net is seen with.
const BITS: [f64; 3] = [1.0, 0.0, 1.0];

/// Every estimator, and whether it fits the two problems.
const ESTIMATORS: &[(&str, bool, bool)] = &[
    ("enumeration", true, false),
    ("quadrature", false, true),
    ("sgvb-analytic", false, true),
    ("sgvb-sampled", false, true),
    ("reinforce-none", true, true),
    ("reinforce-constant", true, true),
    ("reinforce-running-mean", true, true),
    ("reinforce-leave-one-out", true, true),
];

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

/// Which of the estimators asked for fit a problem.
fn chosen(problem: ProblemName, asked: Option<&[String]>) -> Vec<&'static str> {
    ESTIMATORS
        .iter()
        .filter(|(_, discrete, normal)| match problem {
            ProblemName::SmallDvae => *discrete,
            ProblemName::LinearGaussian => *normal,
        })
        .map(|entry| entry.0)
        .filter(|name| asked.is_none_or(|asked| asked.iter().any(|a| a == name)))
        .collect()
}

/// Runs the comparison, prints the rows and writes the figures.
pub(crate) fn compare(args: &CompareArgs) -> anyhow::Result<()> {
    if args.num_samples < 2 {
        return Err(misuse("--num-samples must be at least 2: leave-one-out needs another draw"));
    }
    if args.draws < 2 {
        return Err(misuse("--draws must be at least 2: a variance needs two"));
    }
    let asked = args.estimators.as_deref();
    for name in asked.unwrap_or_default() {
        if !ESTIMATORS.iter().any(|entry| entry.0 == name) {
            let names: Vec<&str> = ESTIMATORS.iter().map(|entry| entry.0).collect();
            return Err(misuse(format!(
                "unknown estimator `{name}`: the choices are {}",
                names.join(", ")
            )));
        }
    }
    let problems =
        args.problem.map_or(ProblemName::value_variants().to_vec(), |problem| vec![problem]);
    let fits = |problem: &&ProblemName| !chosen(**problem, asked).is_empty();
    let problems: Vec<ProblemName> = problems.iter().filter(fits).copied().collect();
    if problems.is_empty() {
        return Err(misuse(
            "none of these estimators fits the problem: sgvb and quadrature need the normal latents of \
             linear-gaussian, enumeration the bits of small-dvae",
        ));
    }
    let rows = pool(args.threads)?.install(|| {
        problems
            .iter()
            .flat_map(|&problem| {
                let names = chosen(problem, asked);
                match problem {
                    ProblemName::SmallDvae => small_dvae(&names, args),
                    ProblemName::LinearGaussian => linear_gaussian(&names, args),
                }
            })
            .collect::<Vec<Row>>()
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

/// The baseline of a name of the form `reinforce-…`.
fn reinforce(name: &str) -> Reinforce {
    let baseline = match name {
        "reinforce-constant" => Baseline::Constant(CONSTANT),
        "reinforce-running-mean" => Baseline::running_mean(),
        "reinforce-leave-one-out" => Baseline::LeaveOneOut,
        _ => Baseline::None,
    };
    Reinforce { baseline }
}

fn small_dvae(names: &[&str], args: &CompareArgs) -> Vec<Row> {
    let mut params = Params::<f64>::new();
    let rng = &mut seed::rng(args.seed, seed::Stream::Init, 0);
    let model = SmallBelief::known(&mut params, rng);
    let mut work = Work::new();
    Enumeration.estimate(Query::new(&model, &params, &BITS, 1), rng, &mut work);
    let exact = work.gradient(params.len()).to_vec();
    let CompareArgs { num_samples, draws, seed, .. } = *args;
    let label = spelt(&ProblemName::SmallDvae);
    let study_of = |name: &str| match name {
        "enumeration" => study(&model, &params, &Enumeration, &BITS, 1, &exact, draws, seed),
        name => study(&model, &params, &reinforce(name), &BITS, num_samples, &exact, draws, seed),
    };
    names.iter().flat_map(|name| rows_of(&label, name, &params, study_of(name))).collect()
}

fn linear_gaussian(names: &[&str], args: &CompareArgs) -> Vec<Row> {
    let mut params = Params::<f64>::new();
    let rng = &mut seed::rng(args.seed, seed::Stream::Init, 0);
    let model = LinearGaussian::new(&mut params, LINE, NOISE_VARIANCE, rng);
    let slope = |i: usize| {
        let at = std::array::from_fn(|j| {
            if i == j { Dual::variable(LINE[j]) } else { Dual::constant(LINE[j]) }
        });
        LinearGaussian::elbo(OBSERVED, NOISE_VARIANCE, at).d
    };
    let exact: Vec<f64> = (0..LINE.len()).map(slope).collect();
    let CompareArgs { num_samples, draws, seed, .. } = *args;
    let label = spelt(&ProblemName::LinearGaussian);
    let x = [OBSERVED];
    let study_of = |name: &str| match name {
        "quadrature" => study(&model, &params, &Quadrature, &x, NODES, &exact, draws, seed),
        "sgvb-analytic" => study(&model, &params, &SgvbKl, &x, num_samples, &exact, draws, seed),
        "sgvb-sampled" => study(&model, &params, &Sgvb, &x, num_samples, &exact, draws, seed),
        name => study(&model, &params, &reinforce(name), &x, num_samples, &exact, draws, seed),
    };
    names.iter().flat_map(|name| rows_of(&label, name, &params, study_of(name))).collect()
}

fn rows_of(problem: &str, estimator: &str, params: &Params<f64>, study: Study) -> Vec<Row> {
    let seconds = study.seconds_per_draw;
    let row = |(i, component): (usize, &pathscore::estimators::variance::Component)| {
        let (name, at) = params.name_at(i).unwrap_or(("?", i));
        let alone = params.iter().any(|(n, shape, _)| n == name && shape.size() == 1);
        Row {
            problem: problem.into(),
            estimator: estimator.into(),
            claim: study.claim.to_string(),
            component: if alone { name.into() } else { format!("{name}[{at}]") },
            exact: component.exact,
            mean: component.mean,
            z: component.z(),
            variance: component.variance,
            snr: component.snr(),
            draws: component.draws,
            seconds_per_draw: seconds,
            variance_times_seconds: component.variance * seconds,
        }
    };
    study.components.iter().enumerate().map(row).collect()
}
