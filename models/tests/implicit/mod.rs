//! Distributions that are sampled by rejection or inversion. Samples are tested against distribution functions,
//! densities against `statrs`, and derivatives of samples against differences of quantiles.

mod densities;
mod draws;
mod quantiles;

use super::{SEED, rng};
use pathscore_autodiff::{Real, Tape, Var};
use pathscore_models::dist::{
    Beta, Distribution, Entropy, Exponential, Gamma, Laplace, LogNormal, Normal, Reparam, StudentT,
    VonMises,
};
use statrs::distribution as other;
use statrs::distribution::{Continuous, ContinuousCDF};

fn gamma<'t>(p: &[Var<'t, f64>]) -> Gamma<'t, f64> {
    Gamma::new(p[0], p[1]).unwrap()
}

fn beta<'t>(p: &[Var<'t, f64>]) -> Beta<'t, f64> {
    Beta::new(p[0], p[1]).unwrap()
}

fn student<'t>(p: &[Var<'t, f64>]) -> StudentT<'t, f64> {
    StudentT::new(p[0], p[1], p[2]).unwrap()
}

fn exponential<'t>(p: &[Var<'t, f64>]) -> Exponential<'t, f64> {
    Exponential::new(p[0]).unwrap()
}

fn laplace<'t>(p: &[Var<'t, f64>]) -> Laplace<'t, f64> {
    Laplace::new(p[0], p[1]).unwrap()
}

fn log_normal<'t>(p: &[Var<'t, f64>]) -> LogNormal<'t, f64> {
    LogNormal(Normal::from_scale(p[0], p[1]).unwrap())
}

fn von_mises<'t>(p: &[Var<'t, f64>]) -> VonMises<'t, f64> {
    VonMises::new(p[0], p[1]).unwrap()
}

/// A distribution of one number that `statrs` has too, with its parameters.
#[derive(Clone, Debug)]
struct Case {
    kind: Kind,
    at: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Gamma,
    Beta,
    Student,
    Exponential,
    Laplace,
    LogNormal,
}

fn cases() -> Vec<Case> {
    let of = |kind: Kind, at: &[&[f64]]| {
        at.iter().map(|at| Case { kind, at: at.to_vec() }).collect::<Vec<Case>>()
    };
    let gammas: [&[f64]; 5] = [&[0.05, 1.0], &[0.7, 2.0], &[1.0, 3.0], &[3.7, 0.5], &[300.0, 3.0]];
    let betas: [&[f64]; 4] = [&[0.3, 1.4], &[1.0, 1.0], &[2.0, 5.0], &[40.0, 0.7]];
    let students: [&[f64]; 3] = [&[0.8, 0.0, 1.0], &[5.0, 1.0, 2.0], &[60.0, -1.0, 0.5]];
    [
        of(Kind::Gamma, &gammas),
        of(Kind::Beta, &betas),
        of(Kind::Student, &students),
        of(Kind::Exponential, &[&[2.0]]),
        of(Kind::Laplace, &[&[1.0, 0.5]]),
        of(Kind::LogNormal, &[&[0.2, 0.7]]),
    ]
    .concat()
}

impl Case {
    fn log_prob<'t>(&self, p: &[Var<'t, f64>], x: Var<'t, f64>) -> Var<'t, f64> {
        match self.kind {
            Kind::Gamma => gamma(p).log_prob(x),
            Kind::Beta => beta(p).log_prob(x),
            Kind::Student => student(p).log_prob(x),
            Kind::Exponential => exponential(p).log_prob(x),
            Kind::Laplace => laplace(p).log_prob(x),
            Kind::LogNormal => log_normal(p).log_prob(x),
        }
    }

    fn rsample<'t>(&self, p: &[Var<'t, f64>], count: usize) -> Var<'t, f64> {
        let rng = &mut rng();
        match self.kind {
            Kind::Gamma => gamma(p).rsample(count, rng),
            Kind::Beta => beta(p).rsample(count, rng),
            Kind::Student => student(p).rsample(count, rng),
            Kind::Exponential => exponential(p).rsample(count, rng),
            Kind::Laplace => laplace(p).rsample(count, rng),
            Kind::LogNormal => log_normal(p).rsample(count, rng),
        }
    }

    fn entropy<'t>(&self, p: &[Var<'t, f64>]) -> Var<'t, f64> {
        match self.kind {
            Kind::Gamma => gamma(p).entropy(),
            Kind::Beta => beta(p).entropy(),
            Kind::Student => student(p).entropy(),
            Kind::Exponential => exponential(p).entropy(),
            Kind::Laplace => laplace(p).entropy(),
            Kind::LogNormal => log_normal(p).entropy(),
        }
    }

    /// The density and the distribution function of `statrs` at `x`.
    fn other(&self, x: f64) -> Other {
        fn both(case: impl Continuous<f64, f64> + ContinuousCDF<f64, f64>, x: f64) -> Other {
            Other { ln_pdf: case.ln_pdf(x), cdf: case.cdf(x) }
        }
        let p = &self.at;
        match self.kind {
            Kind::Gamma => both(other::Gamma::new(p[0], p[1]).unwrap(), x),
            Kind::Beta => both(other::Beta::new(p[0], p[1]).unwrap(), x),
            Kind::Student => both(other::StudentsT::new(p[1], p[2], p[0]).unwrap(), x),
            Kind::Exponential => both(other::Exp::new(p[0]).unwrap(), x),
            Kind::Laplace => both(other::Laplace::new(p[0], p[1]).unwrap(), x),
            Kind::LogNormal => both(other::LogNormal::new(p[0], p[1]).unwrap(), x),
        }
    }

    /// Maps the real line onto the support, and returns the value and its derivative.
    fn on_line(&self, y: f64) -> (f64, f64) {
        let p = &self.at;
        let scaled = |x: f64, scale: f64| (x, scale * x);
        match self.kind {
            Kind::Gamma => scaled(y.exp() * p[0] / p[1], 1.0),
            Kind::Beta => (Real::sigmoid(y), Real::sigmoid(y) * Real::sigmoid(-y)),
            Kind::Student => (p[1] + p[2] * y.sinh(), p[2] * y.cosh()),
            Kind::Exponential => scaled(y.exp() / p[0], 1.0),
            // The kink of the density lies where this derivative is zero.
            Kind::Laplace => (p[0] + p[1] * y.powi(3), 3.0 * p[1] * y * y),
            Kind::LogNormal => scaled((p[0] + p[1] * y).exp(), p[1]),
        }
    }

    /// $E f(x, \ln p(x))$ by an integral over the line, up to where the density is negligible.
    fn mean(&self, f: impl Fn(f64, f64) -> f64) -> f64 {
        let width = match self.kind {
            // This is thirty standard deviations for a large concentration, and a mass of e⁻³⁰ for a small one.
            Kind::Gamma => 30.0 / self.at[0].min(self.at[0].sqrt()),
            Kind::Beta => 100.0,
            Kind::Student => 40.0,
            Kind::Laplace => 3.5,
            Kind::Exponential | Kind::LogNormal => 30.0,
        };
        integral(-width, width, |y| {
            let (x, slope) = self.on_line(y);
            let log = self.other(x).ln_pdf;
            let p = log.exp() * slope;
            let term = p * f(x, log);
            // At the ends x may round to a point at which a density is zero or infinite.
            if p > 0.0 && term.is_finite() { term } else { 0.0 }
        })
    }
}

struct Other {
    ln_pdf: f64,
    cdf: f64,
}

/// Every parameter as a leaf of the shape `[len]`.
fn leaves<'t>(tape: &'t Tape<f64>, at: &[f64], len: usize) -> Vec<Var<'t, f64>> {
    at.iter().map(|&value| tape.leaf(&vec![value; len], [len, 1])).collect()
}

/// The number of samples of a mean. Two hundred means are compared at five standard errors: with a new seed, a correct
/// sampler fails with probability 200 · 6·10⁻⁷ ≈ 10⁻⁴.
const DRAWS: usize = 20_000;

#[track_caller]
fn assert_mean(what: &str, values: impl Iterator<Item = f64>, mean: f64, variance: f64) {
    let found = values.sum::<f64>() / DRAWS as f64;
    let z = (found - mean) / (variance / DRAWS as f64).sqrt();
    assert!(z.abs() < 5.0, "seed {SEED}: {what}: {found}, {z} errors from {mean}");
}

/// Compares a mean whose variance is estimated from the values themselves.
#[track_caller]
fn assert_estimates(what: &str, values: &[f64], mean: f64) {
    let n = values.len() as f64;
    let found = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - found).powi(2)).sum::<f64>() / (n - 1.0);
    let z = (found - mean) / (variance / n).sqrt();
    assert!(z.abs() < 5.0, "seed {SEED}: {what}: {found}, {z} errors from {mean}");
}

/// ∫ f from `low` to `high` by the midpoint rule. For functions that vanish at both ends or are periodic its error falls
/// faster than any power of the step.
fn integral(low: f64, high: f64, f: impl Fn(f64) -> f64) -> f64 {
    let n = 20_000;
    let step = (high - low) / n as f64;
    (0..n).map(|i| f(low + (i as f64 + 0.5) * step)).sum::<f64>() * step
}

/// The derivative of a smooth function by central differences, extrapolated once.
fn slope(at: f64, h: f64, f: impl Fn(f64) -> f64) -> f64 {
    let central = |h: f64| (f(at + h) - f(at - h)) / (2.0 * h);
    (4.0 * central(0.5 * h) - central(h)) / 3.0
}
