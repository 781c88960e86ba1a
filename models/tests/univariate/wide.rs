//! Parameters from the whole range of doubles, as far as samples are doubles that the distribution function can tell apart.

use super::{Check, Only, Rows};
use pathscore_models::RandomSource;
use pathscore_models::dist::*;
use pathscore_models::seed::{self, Stream};
use rand_xoshiro::Xoshiro256PlusPlus;

pub(super) fn rows<C: Check>(rows: &mut Rows<C>) {
    let line: &[&[f64]] = &[&[0.0, 1e-300], &[0.0, 1e290], &[1e10, 1e-1], &[-1e-200, 1e-190]];
    rows.row("Normal", line, |p| Normal::from_scale(p[0], p[1]));
    rows.row("Laplace", line, |p| Laplace::new(p[0], p[1]));
    rows.row("Cauchy", line, |p| Cauchy::new(p[0], p[1]));
    rows.row("Logistic", line, |p| Logistic::new(p[0], p[1]));
    rows.row("Gumbel", line, |p| Gumbel::new(p[0], p[1]));
    let scales: &[&[f64]] = &[&[1e-300], &[1e290]];
    rows.row("Exponential", scales, |p| Exponential::new(p[0]));
    rows.row("HalfNormal", scales, |p| HalfNormal::new(p[0]));
    rows.row("HalfCauchy", scales, |p| HalfCauchy::new(p[0]));
    rows.row("LogNormal", &[&[0.0, 60.0], &[500.0, 1e-4]], |p| LogNormal::new(p[0], p[1]));
    rows.row("LogitNormal", &[&[0.0, 60.0], &[-500.0, 1e-4]], |p| {
        LogitNormal::new(p[0], p[1]).map(Only)
    });
    let gammas: &[&[f64]] = &[&[1e-6, 1.0], &[1e-3, 1e100], &[1e6, 1e-290], &[1e10, 1.0]];
    rows.row("Gamma", gammas, |p| Gamma::new(p[0], p[1]));
    let betas: &[&[f64]] = &[&[1e-3, 1e-3], &[1e-5, 3.0], &[1e6, 3.0], &[1e8, 1e8], &[2.0, 1e-4]];
    rows.row("Beta", betas, |p| Beta::new(p[0], p[1]));
    let students: &[&[f64]] = &[&[0.1, 0.0, 1.0], &[1e10, 0.0, 1e-300], &[3.0, 0.0, 1e200]];
    rows.row("StudentT", students, |p| StudentT::new(p[0], p[1], p[2]));
    let uniforms: &[&[f64]] = &[&[1e-300, 2e-300], &[-8e307, 8e307], &[0.0, 1e-300]];
    rows.row("Uniform", uniforms, |p| Uniform::new(p[0], p[1]));
    let weibulls: &[&[f64]] = &[&[1.0, 0.01], &[1e200, 1e5], &[1e-200, 3.0]];
    rows.row("Weibull", weibulls, |p| Weibull::new(p[0], p[1]));
    rows.row("Pareto", &[&[1.0, 0.1], &[1e-200, 1e6], &[1e200, 3.0]], |p| Pareto::new(p[0], p[1]));
    let inverse: &[&[f64]] = &[&[0.5, 1e200], &[1e6, 1e-200], &[0.1, 1e-100]];
    rows.row("InverseGamma", inverse, |p| InverseGamma::new(p[0], p[1]));
    let inf = f64::INFINITY;
    let truncated: &[&[f64]] = &[
        &[0.0, 1.0, 1e4, inf],
        &[0.0, 1e-5, -1.0, 1.0],
        &[0.0, 1.0, -1e-9, 1e-9],
        &[0.0, 1e200, -inf, -1e201],
    ];
    rows.row("TruncatedNormal", truncated, |p| TruncatedNormal::new(p[0], p[1], p[2], p[3]));
    let grey: &[&[f64]] = &[&[1e-300], &[1e4], &[-1e4], &[300.0]];
    rows.row("ContinuousBernoulli", grey, |p| ContinuousBernoulli::new(p[0]));
    let relaxed: &[&[f64]] = &[&[1e3, 5.0], &[0.05, -1.0], &[2.0, -300.0]];
    rows.row("RelaxedBernoulli", relaxed, |p| RelaxedBernoulli::new(p[0], p[1]).map(Only));
    rows.row("Bernoulli", &[&[-30.0], &[8.0]], |p| Bernoulli::from_logits(p[0]));
    let rates: &[&[f64]] = &[&[1e-300], &[1e-3], &[30.5], &[1e6], &[1e12]];
    rows.row("Poisson", rates, |p| Poisson::from_rate(p[0]));
    rows.row("Geometric", &[&[1e-12], &[0.999999]], |p| Geometric::from_probs(p[0]));
    let binomials: &[&[f64]] = &[&[1e12, 0.3], &[1e15, 1e-14], &[1e6, 0.999999], &[1e5, 2e-4]];
    rows.row("Binomial", binomials, |p| Binomial::from_probs(p[0].detach(), p[1]));
    let negative: &[&[f64]] = &[&[1e-3, 0.5], &[1e6, 0.9], &[5.0, 0.999999]];
    rows.row("NegativeBinomial", negative, |p| NegativeBinomial::from_probs(p[0], p[1]));
}

/// The number of drawn cases of each distribution.
const CASES: usize = 3;

/// Draws of parameters.
struct Draws(Xoshiro256PlusPlus);

impl Draws {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.uniform()
    }

    /// A positive number between two powers of ten, by its logarithm.
    fn size(&mut self, low: f64, high: f64) -> f64 {
        10_f64.powf(self.between(low, high))
    }

    fn sign(&mut self) -> f64 {
        if self.0.uniform() < 0.5 { -1.0 } else { 1.0 }
    }

    /// A location, and a scale of any magnitude that is no less than a ten-thousandth of it.
    fn line(&mut self) -> Vec<f64> {
        let scale = self.size(-300.0, 290.0);
        vec![self.sign() * scale * self.size(-5.0, 4.0), scale]
    }
}

fn views(cases: &[Vec<f64>]) -> Vec<&[f64]> {
    cases.iter().map(Vec::as_slice).collect()
}

/// Parameters drawn from the range of doubles, each magnitude by its logarithm. Ends are where samples or their
/// powers would leave the range themselves.
pub(super) fn drawn<C: Check>(rows: &mut Rows<C>) {
    let mut draws = Draws(seed::rng(crate::SEED, Stream::Sample, 1));
    let mut cases = |draw: fn(&mut Draws) -> Vec<f64>| -> Vec<Vec<f64>> {
        (0..CASES).map(|_| draw(&mut draws)).collect()
    };
    let at = cases(|d| d.line());
    rows.row("Normal", &views(&at), |p| Normal::from_scale(p[0], p[1]));
    let at = cases(|d| d.line());
    rows.row("Laplace", &views(&at), |p| Laplace::new(p[0], p[1]));
    let at = cases(|d| d.line());
    rows.row("Cauchy", &views(&at), |p| Cauchy::new(p[0], p[1]));
    let at = cases(|d| d.line());
    rows.row("Logistic", &views(&at), |p| Logistic::new(p[0], p[1]));
    let at = cases(|d| d.line());
    rows.row("Gumbel", &views(&at), |p| Gumbel::new(p[0], p[1]));
    let at = cases(|d| vec![d.size(-290.0, 300.0)]);
    rows.row("Exponential", &views(&at), |p| Exponential::new(p[0]));
    let at = cases(|d| vec![d.size(-300.0, 290.0)]);
    rows.row("HalfNormal", &views(&at), |p| HalfNormal::new(p[0]));
    let at = cases(|d| vec![d.size(-300.0, 290.0)]);
    rows.row("HalfCauchy", &views(&at), |p| HalfCauchy::new(p[0]));
    let at = cases(|d| vec![d.between(-300.0, 300.0), d.size(-4.0, 1.6)]);
    rows.row("LogNormal", &views(&at), |p| LogNormal::new(p[0], p[1]));
    let at = cases(|d| vec![d.between(-300.0, 9.0), d.size(-4.0, 1.6)]);
    rows.row("LogitNormal", &views(&at), |p| LogitNormal::new(p[0], p[1]).map(Only));
    let at = cases(|d| vec![d.size(-4.0, 8.0), d.size(-280.0, 10.0)]);
    rows.row("Gamma", &views(&at), |p| Gamma::new(p[0], p[1]));
    let at = cases(|d| vec![d.size(-4.0, 7.0), d.size(-4.0, 7.0)]);
    rows.row("Beta", &views(&at), |p| Beta::new(p[0], p[1]));
    let at = cases(|d| vec![d.size(-1.0, 8.0), 0.0, d.size(-280.0, 200.0)]);
    rows.row("StudentT", &views(&at), |p| StudentT::new(p[0], p[1], p[2]));
    let at = cases(|d| {
        let low = d.sign() * d.size(-300.0, 300.0);
        vec![low, low + low.abs() * d.size(-3.0, 3.0)]
    });
    rows.row("Uniform", &views(&at), |p| Uniform::new(p[0], p[1]));
    let at = cases(|d| vec![d.size(-80.0, 200.0), d.size(-1.5, 5.0)]);
    rows.row("Weibull", &views(&at), |p| Weibull::new(p[0], p[1]));
    let at = cases(|d| vec![d.size(-200.0, 100.0), d.size(-1.0, 6.0)]);
    rows.row("Pareto", &views(&at), |p| Pareto::new(p[0], p[1]));
    let at = cases(|d| vec![d.size(-1.0, 6.0), d.size(-200.0, 150.0)]);
    rows.row("InverseGamma", &views(&at), |p| InverseGamma::new(p[0], p[1]));
    let at = cases(|d| {
        let (scale, low) = (d.size(-100.0, 100.0), d.between(-5.0, 5.0));
        vec![0.0, scale, scale * low, scale * (low + d.size(-3.0, 1.0))]
    });
    rows.row("TruncatedNormal", &views(&at), |p| TruncatedNormal::new(p[0], p[1], p[2], p[3]));
    let at = cases(|d| vec![d.sign() * d.size(-300.0, 3.5)]);
    rows.row("ContinuousBernoulli", &views(&at), |p| ContinuousBernoulli::new(p[0]));
    let at = cases(|d| vec![d.size(-1.0, 3.0), d.between(-20.0, 9.0)]);
    rows.row("RelaxedBernoulli", &views(&at), |p| RelaxedBernoulli::new(p[0], p[1]).map(Only));
    let at = cases(|d| vec![d.between(-12.0, 12.0)]);
    rows.row("Bernoulli", &views(&at), |p| Bernoulli::from_logits(p[0]));
    let at = cases(|d| vec![d.size(-5.0, 12.0)]);
    rows.row("Poisson", &views(&at), |p| Poisson::from_rate(p[0]));
    let at = cases(|d| vec![d.size(-12.0, -0.001)]);
    rows.row("Geometric", &views(&at), |p| Geometric::from_probs(p[0]));
    let at = cases(|d| vec![d.size(0.0, 15.0).floor(), d.size(-5.0, -0.001)]);
    rows.row("Binomial", &views(&at), |p| Binomial::from_probs(p[0].detach(), p[1]));
    let at = cases(|d| vec![d.size(-3.0, 6.0), d.between(0.01, 0.999)]);
    rows.row("NegativeBinomial", &views(&at), |p| NegativeBinomial::from_probs(p[0], p[1]));
}
