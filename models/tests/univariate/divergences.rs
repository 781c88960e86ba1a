//! Divergences and entropies in closed form against integrals and sums of the densities.

use super::integral::rule;
use pathscore_autodiff::{Tape, Var};
use pathscore_models::dist::*;

/// The parameters as leaves of shape `[1]`.
fn leaves<'t>(tape: &'t Tape<f64>, at: &[f64]) -> Vec<Var<'t, f64>> {
    at.iter().map(|&p| tape.leaf(&[p], [1])).collect()
}

/// Compares KL(q ‖ p) with its definition.
#[track_caller]
fn kl<'t, Q, P>(
    tape: &'t Tape<f64>,
    name: &str,
    q: Result<Q, ParameterError>,
    p: Result<P, ParameterError>,
) where
    Q: Cdf<'t, f64> + Kl<'t, f64, P>,
    P: Distribution<'t, f64>,
{
    let (q, p) = (q.unwrap(), p.unwrap());
    let rule = rule(&q, tape);
    let x = tape.constant(&rule.nodes, [rule.nodes.len(), 1]);
    let (log_q, log_p) = (q.log_prob(x).value(), p.log_prob(x).value());
    let ratios = log_q.values().iter().zip(log_p.values()).map(|(q, p)| q - p);
    let terms = ratios.zip(&rule.weights).filter(|(_, w)| **w > 0.0);
    let expected: f64 = terms.map(|(ratio, w)| ratio * w).sum();
    let found = q.kl(&p).item();
    // The truth is a sum over a thousand nodes, whose log-densities are below a hundred.
    let near = (found - expected).abs() < 1e-10 * expected.abs().max(1.0);
    assert!(near, "KL of {name}: {found}, not {expected}");
    assert!(q.kl(&p).shape().is_empty());
}

#[test]
fn divergences_are_means_of_the_log_ratio() {
    let tape = Tape::new();
    let of = |at: &[f64]| leaves(&tape, at);
    let two = |a: f64, b: f64| <[_; 2]>::try_from(of(&[a, b])).expect("two leaves");
    let normal = |a, b| {
        let [a, b] = two(a, b);
        Normal::from_scale(a, b)
    };
    kl(&tape, "Normal", normal(0.3, 0.7), normal(-1.0, 2.0));
    let laplace = |a, b| {
        let [a, b] = two(a, b);
        Laplace::new(a, b)
    };
    // The pieces of the rule end at the median, where the kink of q lies; that of p lies in the same place.
    kl(&tape, "Laplace", laplace(0.3, 0.7), laplace(0.3, 2.0));
    let log_normal = |a, b| {
        let [a, b] = two(a, b);
        LogNormal::new(a, b)
    };
    kl(&tape, "LogNormal", log_normal(0.3, 0.7), log_normal(-1.0, 2.0));
    let exponential = |a: f64| Exponential::new(of(&[a])[0]);
    kl(&tape, "Exponential", exponential(0.4), exponential(3.0));
    let gamma = |a, b| {
        let [a, b] = two(a, b);
        Gamma::new(a, b)
    };
    kl(&tape, "Gamma", gamma(0.7, 2.0), gamma(3.7, 0.5));
    let beta = |a, b| {
        let [a, b] = two(a, b);
        Beta::new(a, b)
    };
    kl(&tape, "Beta", beta(0.7, 2.0), beta(3.7, 1.5));
    let bernoulli = |a: f64| Bernoulli::from_logits(of(&[a])[0]);
    kl(&tape, "Bernoulli", bernoulli(0.7), bernoulli(-2.0));
    let poisson = |a: f64| Poisson::from_rate(of(&[a])[0]);
    kl(&tape, "Poisson", poisson(0.7), poisson(30.0));
}
