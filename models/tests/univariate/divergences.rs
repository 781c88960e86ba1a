//! Divergences and entropies in closed form against integrals and sums of the densities.

use super::integral::rule;
use pathscore_autodiff::{Tape, Tensor, Var, check};
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
    let uniform = |a, b| {
        let [a, b] = two(a, b);
        Uniform::new(a, b)
    };
    kl(&tape, "Uniform", uniform(0.3, 0.7), uniform(-1.0, 2.0));
    let cauchy = |a, b| {
        let [a, b] = two(a, b);
        Cauchy::new(a, b)
    };
    kl(&tape, "Cauchy", cauchy(0.3, 0.7), cauchy(-1.0, 2.0));
    let half_cauchy = |a: f64| HalfCauchy::new(of(&[a])[0]);
    kl(&tape, "HalfCauchy", half_cauchy(0.3), half_cauchy(2.0));
    let half_normal = |a: f64| HalfNormal::new(of(&[a])[0]);
    kl(&tape, "HalfNormal", half_normal(0.3), half_normal(2.0));
    let gumbel = |a, b| {
        let [a, b] = two(a, b);
        Gumbel::new(a, b)
    };
    kl(&tape, "Gumbel", gumbel(0.3, 0.7), gumbel(-1.0, 2.0));
    let weibull = |a, b| {
        let [a, b] = two(a, b);
        Weibull::new(a, b)
    };
    kl(&tape, "Weibull", weibull(0.3, 2.7), weibull(1.0, 1.3));
    let pareto = |a, b| {
        let [a, b] = two(a, b);
        Pareto::new(a, b)
    };
    kl(&tape, "Pareto", pareto(0.3, 2.7), pareto(0.2, 1.3));
    let inverse_gamma = |a, b| {
        let [a, b] = two(a, b);
        InverseGamma::new(a, b)
    };
    kl(&tape, "InverseGamma", inverse_gamma(3.7, 2.0), inverse_gamma(2.7, 0.5));
    let logit_normal = |a, b| {
        let [a, b] = two(a, b);
        LogitNormal::new(a, b)
    };
    kl(&tape, "LogitNormal", logit_normal(0.3, 0.7), logit_normal(-0.4, 1.1));
    let grey = |a: f64| ContinuousBernoulli::new(of(&[a])[0]);
    kl(&tape, "ContinuousBernoulli", grey(0.3), grey(-2.0));
    let geometric = |a: f64| Geometric::from_probs(of(&[a])[0]);
    kl(&tape, "Geometric", geometric(0.3), geometric(0.6));
    let binomial = |a: f64| Binomial::from_probs(of(&[11.0])[0], of(&[a])[0]);
    kl(&tape, "Binomial", binomial(0.3), binomial(0.6));
    let negative = |a: f64| NegativeBinomial::from_probs(of(&[2.5])[0], of(&[a])[0]);
    kl(&tape, "NegativeBinomial", negative(0.3), negative(0.6));
    let bernoulli = |a: f64| Bernoulli::from_logits(of(&[a])[0]);
    kl(&tape, "Bernoulli", bernoulli(0.7), bernoulli(-2.0));
    let poisson = |a: f64| Poisson::from_rate(of(&[a])[0]);
    kl(&tape, "Poisson", poisson(0.7), poisson(30.0));
    kl(&tape, "Bernoulli and Poisson", bernoulli(0.7), poisson(0.7));
}

#[test]
fn a_divergence_is_infinite_where_the_support_of_q_is_larger() {
    let tape = Tape::new();
    let v = leaves(&tape, &[-1.0, 0.25, 0.75, 1.5, 2.0]);
    let uniform = |a: usize, b: usize| Uniform::new(v[a], v[b]).unwrap();
    let infinite = |kl: Var<f64>| assert_eq!(kl.item(), f64::INFINITY);
    infinite(uniform(0, 2).kl(&Exponential::new(v[1]).unwrap()));
    infinite(uniform(0, 2).kl(&Gamma::new(v[1], v[2]).unwrap()));
    infinite(uniform(1, 3).kl(&Beta::new(v[1], v[2]).unwrap()));
    infinite(uniform(0, 2).kl(&ContinuousBernoulli::new(v[1]).unwrap()));
    infinite(uniform(1, 3).kl(&Pareto::new(v[2], v[3]).unwrap()));
    infinite(Beta::new(v[1], v[2]).unwrap().kl(&uniform(1, 4)));
    infinite(ContinuousBernoulli::new(v[1]).unwrap().kl(&uniform(0, 2)));
    let truncated = |a: usize, b: usize| TruncatedNormal::new(v[1], v[2], v[a], v[b]).unwrap();
    infinite(truncated(0, 3).kl(&uniform(0, 2)));
    infinite(truncated(0, 3).kl(&truncated(0, 2)));
    // A variance that does not exist.
    infinite(StudentT::new(v[2], v[0], v[3]).unwrap().kl(&Normal::from_scale(v[0], v[1]).unwrap()));
    infinite(Pareto::new(v[2], v[3]).unwrap().kl(&Normal::from_scale(v[0], v[1]).unwrap()));
    let logistic = |s: usize| Logistic::new(v[0], v[s]).unwrap();
    assert!(logistic(1).kl(&logistic(2)).item().is_nan(), "there is no closed form");
}

#[test]
fn a_column_of_q_that_stands_for_several_has_the_entropy_of_each() {
    let tape = Tape::new();
    let one = Gamma::new(tape.leaf(&[2.0], [1]), tape.leaf(&[1.0], [1])).unwrap();
    let (means, log_scales) = (tape.leaf(&[0.5, 1.0, 3.0], [3]), tape.leaf(&[0.0], [1]));
    let several = Normal::from_log_scale(means, log_scales).unwrap();
    let each = [0.5, 1.0, 3.0].map(|mean| {
        let mean = tape.leaf(&[mean], [1]);
        one.kl(&Normal::from_log_scale(mean, log_scales).unwrap()).item()
    });
    let whole = one.kl(&several).item();
    assert!((whole - each.iter().sum::<f64>()).abs() < 1e-14 * whole, "{whole}, not {each:?}");
}

#[test]
fn derivatives_of_divergences_agree_with_finite_differences() {
    /// Each divergence at parameters of which the first four are those of $q$ and the others those of $p$.
    fn all<'t>(v: &[Var<'t, f64>]) -> Var<'t, f64> {
        let pair = |at: usize| [v[at], v[at + 1]];
        let gamma = |at: usize| Gamma::new(v[at], v[at + 1]).unwrap();
        let beta = |at: usize| Beta::new(v[at], v[at + 1]).unwrap();
        let gumbel = |at: usize| Gumbel::new(v[at], v[at + 1]).unwrap();
        let weibull = |at: usize| Weibull::new(v[at], v[at + 1]).unwrap();
        let von_mises = |at: usize| VonMises::new(v[at], v[at + 1]).unwrap();
        let bits = |at: usize| Bernoulli::from_logits(v[at]).unwrap();
        let grey = |at: usize| ContinuousBernoulli::new(v[at]).unwrap();
        let classes = |at: usize| Categorical::from_logits(Var::concat(&pair(at), -1)).unwrap();
        let logistic = |at: usize| Logistic::new(v[at], v[1]).unwrap();
        let truncated =
            |at: usize| TruncatedNormal::new(v[at], v[at + 1], -v[0] - 1.0, v[1] + 2.0).unwrap();
        let normal = Normal::from_scale(v[2], v[3]).unwrap();
        let uniform = Uniform::new(v[0], v[0] + v[1]).unwrap();
        let sums = [
            gamma(0).kl(&gamma(2)),
            beta(0).kl(&beta(2)),
            gumbel(0).kl(&gumbel(2)),
            weibull(0).kl(&weibull(2)),
            von_mises(0).kl(&von_mises(2)),
            bits(0).kl(&bits(2)),
            grey(0).kl(&grey(2)),
            classes(0).kl(&classes(2)),
            logistic(0).kl(&logistic(2)),
            truncated(0).kl(&truncated(2)),
            gamma(0).kl(&normal),
            weibull(0).kl(&gamma(2)),
            gamma(0).kl(&weibull(2)),
            gamma(0).kl(&gumbel(2)),
            normal.kl(&gumbel(0)),
            normal.kl(&Laplace::new(v[0], v[1]).unwrap()),
            uniform.kl(&gamma(2)),
            uniform.kl(&gumbel(2)),
            grey(0).entropy(),
        ];
        sums.into_iter().reduce(|sum, y| sum * 1.3 + y).unwrap()
    }
    // Close to each other, and far apart: on both sides of every branch.
    for at in [[1.5, 0.75, 1.53, 0.76], [0.5, 2.0, 1.25, 0.875]] {
        let at = at.map(|c| Tensor::new(vec![c], [1]));
        check::gradient(all, &at, check::Options::of::<f64>()).unwrap();
    }
}

/// Compares an entropy with its definition.
#[track_caller]
fn entropy<'t, Q: Cdf<'t, f64> + Entropy<'t, f64>>(
    tape: &'t Tape<f64>,
    q: Result<Q, ParameterError>,
) {
    let q = q.unwrap();
    let rule = rule(&q, tape);
    let log = q.log_prob(tape.constant(&rule.nodes, [rule.nodes.len(), 1])).value();
    let terms = log.values().iter().zip(&rule.weights).filter(|(_, w)| **w > 0.0);
    let expected: f64 = terms.map(|(log, w)| -log * w).sum();
    let found = q.entropy().item();
    let near = (found - expected).abs() < 1e-9 * expected.abs().max(1.0);
    assert!(near, "entropy of {}: {found}, not {expected}", std::any::type_name::<Q>());
}

#[test]
fn entropies_are_means_of_minus_the_log_density() {
    let tape = Tape::new();
    let p = leaves(&tape, &[1.3, 0.7, 2.0, 5.0, 0.4]);
    entropy(&tape, Normal::from_scale(p[0], p[1]));
    entropy(&tape, Laplace::new(p[0], p[1]));
    entropy(&tape, LogNormal::new(p[0], p[1]));
    entropy(&tape, Exponential::new(p[1]));
    entropy(&tape, Gamma::new(p[0], p[1]));
    entropy(&tape, Beta::new(p[0], p[2]));
    entropy(&tape, StudentT::new(p[3], p[0], p[1]));
    entropy(&tape, Uniform::new(p[0], p[2]));
    entropy(&tape, Cauchy::new(p[0], p[1]));
    entropy(&tape, HalfCauchy::new(p[1]));
    entropy(&tape, HalfNormal::new(p[1]));
    entropy(&tape, Logistic::new(p[0], p[1]));
    entropy(&tape, Gumbel::new(p[0], p[1]));
    entropy(&tape, Weibull::new(p[0], p[2]));
    entropy(&tape, Pareto::new(p[0], p[2]));
    entropy(&tape, InverseGamma::new(p[3], p[0]));
    entropy(&tape, TruncatedNormal::new(p[0], p[1], p[4], p[2]));
    entropy(&tape, ContinuousBernoulli::new(p[1]));
    entropy(&tape, Geometric::from_probs(p[4]));
    entropy(&tape, Bernoulli::from_logits(p[1]));
}
