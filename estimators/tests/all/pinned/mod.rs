//! The numbers of many proofs for one seed, as files: nothing that decides them changes unnoticed.
//!
//! Other tests say that numbers are right; these say that they are the same as before. When one is changed on purpose,
//! `PATHSCORE_PIN=1 cargo test -p pathscore-estimators --test all pinned` writes the files again; the differences that
//! version control then shows are for the reader of the change to judge.

use super::suite::{self, Row};
use pathscore_estimators::proof::{
    Candidate, Effect, Expectation, Gradient, Latent, Method, Options, Problem, Proof, Solved,
    Target, prove,
};
use pathscore_estimators::zoo::{Property, zoo};
use pathscore_estimators::{Claim, Enumerator};
use pathscore_models::latent::{LinearGaussian, SmallBelief};
use pathscore_models::{Params, RandomSource, seed};
use std::fmt::Write as _;
use std::path::Path;

/// Elementary functions differ in their last bits between processors, and sums of some thousand of their values in some
/// more; what remains of equal numbers is zero.
const RELATIVE: f64 = 1e-7;
const ABSOLUTE: f64 = 1e-12;

/// Compares a text word by word with a file; words that are numbers may differ by rounding.
#[track_caller]
fn assert_pinned(file: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/pinned").join(file);
    if std::env::var_os("PATHSCORE_PIN").is_some() {
        std::fs::write(&path, found).unwrap();
        return;
    }
    let pinned = std::fs::read_to_string(&path).unwrap();
    let mut title = "";
    for (now, before) in found.lines().zip(pinned.lines()) {
        title = if now.starts_with("# ") { now } else { title };
        assert!(is_same(now, before), "{file}, {title}:\n  now    {now}\n  before {before}");
    }
    assert_eq!(found.lines().count(), pinned.lines().count(), "lines of {file}");
}

fn is_same(now: &str, before: &str) -> bool {
    let [now, before] = [now, before].map(|line| line.split(' ').collect::<Vec<_>>());
    now.len() == before.len()
        && now.iter().zip(before).all(|(now, before)| {
            match (now.parse::<f64>(), before.parse::<f64>()) {
                (Ok(a), Ok(b)) => {
                    a == b
                        || (a - b).abs() <= RELATIVE * b.abs() + ABSOLUTE
                        || a.is_nan() && b.is_nan()
                }
                _ => *now == before,
            }
        })
}

#[test]
fn a_changed_number_and_a_changed_word_are_seen() {
    assert!(is_same("z 1.25 at [0]", "z 1.25000001 at [0]"));
    assert!(is_same("NaN 1e-17", "NaN 3e-17"));
    assert!(!is_same("z 1.25 at [0]", "z 1.26 at [0]"));
    assert!(!is_same("z 1.25 at [0]", "z 1.25 at [1]"));
    assert!(!is_same("z NaN", "z 1.25") && !is_same("z", "z 1.25"));
}

/// Nine digits of a number; what rounding leaves of equal numbers is zero.
fn digits(x: f64) -> String {
    let rounded: f64 = format!("{x:.8e}").parse().unwrap();
    format!("{:?}", if x.abs() < ABSOLUTE { 0.0 } else { rounded })
}

fn list(numbers: &[f64]) -> String {
    numbers.iter().map(|&x| digits(x)).collect::<Vec<_>>().join(" ")
}

/// A number that may be absent.
fn option(number: Option<f64>) -> String {
    number.map_or("none".into(), digits)
}

/// Everything that a proof tells, in which the digits of rounding errors are left out.
fn write(text: &mut String, title: &str, proof: &Proof) {
    let Proof { claim, verdict, ok, method, draws, depth, at, .. } = proof;
    writeln!(text, "# {title}: claims to be {claim}").unwrap();
    writeln!(text, "{verdict:?} {ok} {method}; {draws} draws, depth {depth}").unwrap();
    if let Some(z) = proof.z {
        writeln!(text, "z {} at {at}", digits(z)).unwrap();
    }
    if let Some(resolution) = proof.resolution {
        let numbers = list(&[resolution.bias, resolution.size]);
        writeln!(text, "resolution {numbers} {:?}", resolution.relative_to).unwrap();
    }
    let (detectable, factor) = (digits(proof.detectable_bias), option(proof.factor));
    writeln!(text, "detectable {detectable} factor {factor}").unwrap();
    for c in &proof.components {
        let error = if matches!(method, Method::Sampled(_)) { c.error } else { 0.0 };
        writeln!(text, "{}: {}", c.name, list(&[c.exact, c.mean, error, c.variance])).unwrap();
    }
    let words = proof.diagnosis.iter().chain(&proof.reason).chain(&proof.failures);
    for line in words.chain(&proof.notes) {
        writeln!(text, "{line}").unwrap();
    }
}

/// Few draws, so that hundreds of proofs take seconds.
const FEW: Options = Options {
    false_alarm: 1e-5,
    power: 0.99,
    resolution: 0.1,
    draws: 100_000,
    confirming: 12_000,
    depth: 1_000,
    seconds: f64::INFINITY,
    outcomes: 2_000,
    seed: 1,
};

fn proofs(rows: &[Row], options: &Options) -> String {
    let mut text = String::new();
    for row in rows {
        let problem = Solved::new(row.name.clone(), &row.exact, None);
        write(&mut text, &row.name, &prove(&problem, &*row.candidate, options));
    }
    text
}

#[test]
fn proofs_of_right_and_wrong_gradients() {
    let [right, wrong, faults] = suite::all_rows();
    assert_pinned("right.txt", &proofs(&right, &FEW));
    assert_pinned("wrong.txt", &proofs(&wrong, &FEW));
    assert_pinned("faults.txt", &proofs(&faults, &Options { draws: 30_000, ..FEW }));
}

/// A gradient of $\mathrm d/\mathrm d\mu\, E z^2 = 2$ with a claim and a value.
#[derive(Clone)]
struct Told {
    claim: Claim,
    value: fn(f64) -> Option<f64>,
    draw: Drawn,
    state: f64,
}

/// A draw of $z$ from a source and what the draws before have left.
type Drawn = fn(&mut Enumerator, &mut f64) -> f64;

impl Gradient for Told {
    fn claim(&self) -> Claim {
        self.claim
    }

    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let z = (self.draw)(source, &mut self.state);
        out[0] = 2.0 * z;
        (self.value)(z)
    }
}

/// A number of random length, which is drawn.
fn waited(source: &mut Enumerator) -> f64 {
    let mut z = 0.0;
    while !source.bernoulli(0.5) {
        z += 1.0;
    }
    z
}

#[test]
fn proofs_of_claims_values_and_streams() {
    let told = |claim, value, draw| Told { claim, value, draw, state: 0.0 };
    let none = |_: f64| None;
    let square = |z: f64| Some(z * z);
    let normal = |source: &mut Enumerator, _: &mut f64| 1.0 + source.normal();
    let loops = |source: &mut Enumerator, _: &mut f64| waited(source);
    // The mean of the draws before takes the place of a part of the draw.
    let smoothed = |source: &mut Enumerator, state: &mut f64| {
        let z = waited(source);
        let out = z - 0.3 * (*state - 1.0);
        *state += 0.1 * (z - *state);
        out
    };
    let antithetic = |source: &mut Enumerator, state: &mut f64| {
        let sign = *state;
        *state = if sign == 0.0 { source.normal() } else { 0.0 };
        1.0 + if sign == 0.0 { *state } else { -sign }
    };
    let rows: [(&str, Option<f64>, Told); 12] = [
        ("a right value", Some(2.0), told(Claim::Unbiased, square, normal)),
        ("a wrong value", Some(2.1), told(Claim::Unbiased, square, normal)),
        ("a value of draws", Some(3.0), told(Claim::Unbiased, square, loops)),
        ("no value", Some(3.0), told(Claim::Unbiased, none, loops)),
        ("a wrong value of draws", Some(3.5), told(Claim::Unbiased, square, loops)),
        ("a bias that is claimed and absent", None, told(Claim::Biased, none, normal)),
        ("a bias that is claimed and drawn", None, {
            told(Claim::Biased, none, |source, _| 0.5 + waited(source))
        }),
        ("exactness that is claimed", None, told(Claim::Exact, none, |_, _| 1.0)),
        ("exactness that is claimed of draws", None, told(Claim::Exact, none, normal)),
        ("a shrunk gradient", None, told(Claim::Shrunk, none, |source, _| 0.5 * waited(source))),
        ("a smoothed mean", None, told(Claim::Unbiased, none, smoothed)),
        ("every second draw is the mirror image of the last", None, {
            told(Claim::Unbiased, none, antithetic)
        }),
    ];
    let mut text = String::new();
    for (name, value, candidate) in rows {
        write(&mut text, name, &prove(&Solved::new(name, &[2.0], value), &candidate, &FEW));
    }
    // More draws, finer bounds and longer streams.
    let more = Options { draws: 1_000_000, resolution: 0.02, depth: 2_000, seed: 2, ..FEW };
    let drawn: [(&str, Drawn); 6] = [
        ("a loop", loops),
        ("a loop of learnt means", smoothed),
        ("a loop that is three thousandths too large", |source, _| 1.003 * waited(source)),
        ("a loop that is a fortieth too large", |source, _| 1.025 * waited(source)),
        ("a loop with a rare large number", |source, _| {
            waited(source) + if source.bernoulli(1e-3) { 30.0 } else { -30.0 / 999.0 }
        }),
        ("a loop with one number in a thousand that is not finite", |source, _| {
            if source.bernoulli(1e-3) { f64::INFINITY } else { waited(source) }
        }),
    ];
    for (name, draw) in drawn {
        let candidate = told(Claim::Unbiased, none, draw);
        write(&mut text, name, &prove(&Solved::new(name, &[2.0], None), &candidate, &more));
    }
    assert_pinned("claims.txt", &text);
}

fn problem<M: Clone>(
    samples: usize,
    target: Target,
    x: &[f64],
    batch: usize,
    make: impl Fn(&mut Params<f64>) -> M,
) -> Latent<M> {
    let mut params = Params::new();
    let model = make(&mut params);
    let name = format!("{target}, K = {samples}, {batch} rows");
    Latent { samples, target, batch, scale: 0.7, ..Latent::new(name, model, params, x) }
}

fn write_problem(text: &mut String, problem: &dyn Problem) {
    writeln!(text, "# {}", problem.name()).unwrap();
    let truth = match problem.truth() {
        Ok(truth) => truth,
        Err(refused) => return writeln!(text, "{refused}").unwrap(),
    };
    writeln!(text, "{:?} value {}", truth.method, option(truth.value)).unwrap();
    let slopes = truth.gradient.iter().zip(&truth.gradient_errors);
    for (name, (slope, error)) in problem.components().iter().zip(slopes) {
        // Errors near rounding are rounding themselves.
        let error = if *error > 1e-7 { *error } else { 0.0 };
        writeln!(text, "{name} {}", list(&[*slope, error])).unwrap();
    }
    for mistake in problem.known_mistakes(&truth) {
        let (kind, numbers) = match mistake.effect {
            Effect::Factor(factor) => ("factor", vec![factor]),
            Effect::LearntFactor(factor) => ("learnt factor", vec![factor]),
            Effect::Instead(g) => ("instead", g),
            Effect::Beside(g) => ("beside", g),
            Effect::Term(g) => ("term", g),
        };
        writeln!(text, "{kind}: {}: {}", mistake.what, list(&numbers)).unwrap();
    }
}

#[test]
fn truths_and_known_mistakes() {
    let mut text = String::new();
    let rng = || seed::rng(0, seed::Stream::Init, 0);
    let rows = &[1.0, 0.0, 1.0, 0.0, 1.0, 1.0];
    for (target, samples, batch) in [
        (Target::Elbo, 1, 1),
        (Target::Elbo, 2, 2),
        (Target::Bound, 2, 2),
        (Target::Bound, 3, 1),
        (Target::Bound, 9, 1),
        (Target::Bound, 9, 2),
        (Target::Renyi { alpha: 0.5 }, 2, 1),
        (Target::Renyi { alpha: 1.0 }, 2, 1),
        (Target::Likelihood, 2, 1),
        (Target::LogLikelihood, 2, 1),
    ] {
        let belief = problem(samples, target, &rows[..3 * batch], batch, |params| {
            SmallBelief::known(params, &mut rng())
        });
        write_problem(&mut text, &belief);
    }
    for (target, samples) in [(Target::Elbo, 1), (Target::Bound, 2), (Target::Bound, 12)] {
        let line = problem(samples, target, &[1.0], 1, |params| {
            LinearGaussian::new(params, [0.3, 0.5 * 0.4_f64.ln(), 1.5, 0.2], 0.5, &mut rng())
        });
        write_problem(&mut text, &line);
    }
    let kink = |at: &[f64], source: &mut Enumerator| (at[0] + source.normal()).max(0.0);
    write_problem(&mut text, &Expectation::new("a kink", &[0.3], kink));
    let sum = |at: &[f64], source: &mut Enumerator| {
        (0..3).map(|_| at[0] * source.normal() + at[1] * source.uniform()).sum::<f64>().powi(2)
    };
    write_problem(&mut text, &Expectation::new("six numbers", &[0.3, 0.7], sum));
    assert_pinned("truths.txt", &text);
}

/// The draws of a stream: what a candidate has learnt shows in the later ones.
fn write_draws(text: &mut String, title: &str, candidate: &dyn Candidate, len: usize) {
    let (mut candidate, mut source) = (candidate.clone_box(), Enumerator::seeded(3, 0));
    for _ in 0..4 {
        let mut out = vec![0.0; len];
        let value = candidate.draw(&mut source, &mut out);
        writeln!(text, "{title} {} value {}", list(&out), option(value)).unwrap();
    }
}

#[test]
fn draws_of_wrong_estimators() {
    let mut text = String::new();
    for specimen in zoo() {
        writeln!(text, "# {} {}", specimen.number, specimen.name).unwrap();
        let len = specimen.problem.components().len();
        write_draws(&mut text, "wrong", &*specimen.candidate, len);
        write_draws(&mut text, "fixed", &*specimen.fixed, len);
        if let Property::ShiftInvariance { candidate, fixed } = &specimen.property {
            write_draws(&mut text, "shifted wrong", &**candidate, len);
            write_draws(&mut text, "shifted fixed", &**fixed, len);
        }
    }
    assert_pinned("zoo.txt", &text);
}
