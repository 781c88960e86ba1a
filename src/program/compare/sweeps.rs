//! Variances of estimators along a parameter of two expectations, measured and in closed form.

use super::args::CompareArgs;
use super::case::Figure;
use super::options::Options;
use crate::program::chart::{Axis, Curve, CurvePanel, curve_panels};
use pathscore::estimators::Estimator;
use pathscore::estimators::both::MeasureValued;
use pathscore::estimators::path::StickingTheLanding;
use pathscore::estimators::proof::{Applied, Latent};
use pathscore::estimators::score::{Baseline, Reinforce};
use pathscore::estimators::variance::study_candidate;
use pathscore::models::latent::{BernoulliToy, GaussianQuadratic, LatentModel};
use pathscore::models::{Params, seed};
use std::sync::Arc;

/// Measured points of a curve.
const POINTS: usize = 13;
/// Steps of the closed form between two points.
const STEPS: usize = 10;

/// The variances of an estimator in closed form, one for each component, as functions of the parameter.
type Known<'a> = &'a [fn(f64) -> f64];

/// Curves over one parameter: measured at points, known everywhere.
struct Sweep<'a> {
    options: Options,
    /// The names that were asked for.
    estimators: Option<&'a [String]>,
    panels: Vec<CurvePanel>,
    range: (f64, f64),
}

impl Sweep<'_> {
    fn grid(&self, count: usize) -> Vec<f64> {
        let (low, high) = self.range;
        (0..count).map(|i| low + (high - low) * i as f64 / (count - 1) as f64).collect()
    }

    /// Adds the curve of an estimator, unless others were asked for.
    fn add<M, E>(
        &mut self,
        name: &str,
        label: &str,
        known: Known,
        at: impl Fn(f64) -> (Latent<M>, E),
    ) where
        M: LatentModel<f64> + Send + Sync + 'static,
        E: Estimator<f64, M> + Clone + Send + 'static,
    {
        let asked = |names: &[String]| names.iter().any(|one| one == name);
        if !self.estimators.is_none_or(asked) {
            return;
        }
        let mut points = vec![Vec::new(); known.len()];
        for (i, x) in self.grid(POINTS).into_iter().enumerate() {
            // Each point has random numbers of its own, so that noise does not look like a trend.
            let seed = self.options.seed.wrapping_add(i as u64);
            let (problem, estimator) = at(x);
            let candidate = Applied::new(&Arc::new(problem), estimator);
            let unknown = vec![f64::NAN; known.len()];
            let study = study_candidate(&candidate, &unknown, self.options.draws, seed);
            for (points, component) in points.iter_mut().zip(&study.components) {
                points.push((x, component.variance));
            }
        }
        let grid = self.grid((POINTS - 1) * STEPS + 1);
        for ((panel, known), points) in self.panels.iter_mut().zip(known).zip(points) {
            let line = grid.iter().map(|&x| (x, known(x))).collect();
            panel.curves.push(Curve { name: label.into(), line, points, bars: Vec::new() });
        }
    }

    fn figure(self, name: &str, title: &str) -> Option<Figure> {
        let empty = self.panels.iter().all(|panel| panel.curves.is_empty());
        (!empty).then(|| Figure {
            name: name.into(),
            shows: "variance of one gradient, closed form (lines) and measured (dots)",
            scene: curve_panels(
                &self.panels,
                &format!("{title} (lines: closed form; dots: measured)"),
            ),
        })
    }
}

fn reinforce(baseline: Baseline) -> Reinforce {
    Reinforce { baseline }
}

fn panel(title: &str, x_label: &str) -> CurvePanel {
    CurvePanel {
        title: title.into(),
        x_label: x_label.into(),
        y_label: "variance of one gradient".into(),
        axis: Axis::Linear,
        curves: Vec::new(),
    }
}

/// The variance against a parameter of two expectations whose variances have closed forms.
pub(super) fn variances(args: &CompareArgs) -> Vec<Figure> {
    [bernoulli(args), gaussian(args)].into_iter().flatten().collect()
}

/// $t$ of the Bernoulli toy.
const TARGET: f64 = 0.45;

/// $p$, $f(0)$, $f(1)$ and the gradient at $\theta$.
fn toy(theta: f64) -> [f64; 4] {
    let p = 1.0 / (1.0 + (-theta).exp());
    [p, TARGET.powi(2), (1.0 - TARGET).powi(2), p * (1.0 - p) * (1.0 - 2.0 * TARGET)]
}

/// The variance of $(f - b) \partial\ln q$ with a constant $b$.
fn score_variance(theta: f64, b: f64) -> f64 {
    let [p, f0, f1, g] = toy(theta);
    p * (1.0 - p) * ((1.0 - p) * (f1 - b).powi(2) + p * (f0 - b).powi(2)) - g * g
}

/// $E f$.
fn toy_mean(theta: f64) -> f64 {
    let [p, f0, f1, _] = toy(theta);
    p * f1 + (1.0 - p) * f0
}

fn bernoulli(args: &CompareArgs) -> Option<Figure> {
    let at = |theta: f64, samples: usize| {
        let mut params = Params::new();
        let rng = &mut seed::rng(0, seed::Stream::Init, 0);
        let model = BernoulliToy::new(&mut params, theta, TARGET, rng);
        Latent { samples, ..Latent::new("bernoulli-toy", model, params, &[0.0]) }
    };
    let panels = vec![panel("∇ θ", "θ, the logit of a one")];
    let mut swept = Sweep {
        options: args.options(),
        estimators: args.estimators.as_deref(),
        panels,
        range: (-3.0, 3.0),
    };
    swept.add("reinforce-none", "score", &[|theta| score_variance(theta, 0.0)], |theta| {
        (at(theta, 1), reinforce(Baseline::None))
    });
    let mean: Known = &[|theta| score_variance(theta, toy_mean(theta))];
    swept.add("reinforce-constant", "score, baseline E f", mean, |theta| {
        (at(theta, 1), reinforce(Baseline::Constant(toy_mean(theta))))
    });
    let pair: Known = &[|theta| {
        let [p, f0, f1, g] = toy(theta);
        2.0 * p * (1.0 - p) * ((f1 - f0) / 2.0).powi(2) - g * g
    }];
    swept.add("reinforce-leave-one-out", "score, other draw of two", pair, |theta| {
        (at(theta, 2), reinforce(Baseline::LeaveOneOut))
    });
    swept.figure("variance-bernoulli-toy", "E (b − 0.45)² for a bit b")
}

/// $a = \mu - k$ at $\mu = 1$.
fn away(k: f64) -> f64 {
    1.0 - k
}

fn gaussian(args: &CompareArgs) -> Option<Figure> {
    let at = |k: f64, samples: usize| {
        let mut params = Params::new();
        let rng = &mut seed::rng(0, seed::Stream::Init, 0);
        let model = GaussianQuadratic::new(&mut params, [1.0, 0.0], k, rng);
        Latent { samples, ..Latent::new("gaussian-quadratic", model, params, &[0.0]) }
    };
    let panels = vec![panel("∇ μ", "k, at μ = σ = 1"), panel("∇ ln σ", "k, at μ = σ = 1")];
    let mut swept = Sweep {
        options: args.options(),
        estimators: args.estimators.as_deref(),
        panels,
        range: (-3.0, 3.0),
    };
    let path: Known = &[|_| 4.0, |k| 4.0 * away(k).powi(2) + 8.0];
    swept.add("sgvb-sampled", "path", path, |k| (at(k, 1), StickingTheLanding));
    let score: Known = &[
        |k| away(k).powi(4) + 14.0 * away(k).powi(2) + 15.0,
        |k| 2.0 * away(k).powi(4) + 60.0 * away(k).powi(2) + 74.0,
    ];
    swept.add("reinforce-none", "score", score, |k| (at(k, 1), reinforce(Baseline::None)));
    // With b = a² + 1 and ε the noise of z, f − b is 2aε + ε² − 1; times ε, or ε² − 1, and squared.
    let mean: Known = &[|k| 8.0 * away(k).powi(2) + 10.0, |k| 40.0 * away(k).powi(2) + 56.0];
    swept.add("reinforce-constant", "score, baseline E f", mean, |k| {
        (at(k, 1), reinforce(Baseline::Constant(away(k).powi(2) + 1.0)))
    });
    // d²(2a + s)/2 and d²s(2a + s)/2 with d = ε₁ − ε₂ and s = ε₁ + ε₂.
    let pair: Known = &[|k| 8.0 * away(k).powi(2) + 6.0, |k| 24.0 * away(k).powi(2) + 32.0];
    swept.add("reinforce-leave-one-out", "score, other draw of two", pair, |k| {
        (at(k, 2), reinforce(Baseline::LeaveOneOut))
    });
    // 4aw/√2π with w of Rayleigh's distribution, whose variance is 2 − π/2; 2a(m − n) + m² − n².
    let measure: Known = &[
        |k| 4.0 * away(k).powi(2) * (4.0 / std::f64::consts::PI - 1.0),
        |k| 4.0 * away(k).powi(2) + 4.0,
    ];
    swept.add("measure-valued", "measure-valued", measure, |k| (at(k, 1), MeasureValued));
    swept.figure("variance-gaussian-quadratic", "E (z − k)² for a normal z")
}
