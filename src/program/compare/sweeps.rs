//! Estimators along a parameter: where theory has a curve, and against the number of draws.

use super::Figure;
use crate::program::args::{CompareArgs, ProblemName};
use crate::program::chart::{Axis, Curve, Plane, sweep};
use crate::program::config::cli_name;
use crate::program::registry::{Entry, Setting};
use pathscore::estimators::both::MeasureValued;
use pathscore::estimators::path::StickingTheLanding;
use pathscore::estimators::proof::{Applied, Latent};
use pathscore::estimators::score::{Baseline, Reinforce};
use pathscore::estimators::variance::{ComponentStats, study_candidate};
use pathscore::estimators::{Estimator, Target};
use pathscore::models::latent::{BernoulliToy, GaussianQuadratic};
use pathscore::models::{Params, seed};
use std::sync::Arc;

/// A point of the picture over $K$, whose draws are up to 64 times as dear, has so many times fewer of
/// them than a row of the table.
const THINNER: usize = 4;
/// Points and, between them, steps of a line.
const POINTS: usize = 13;
const STEPS: usize = 10;
/// The draws of the picture over $K$.
const DRAWS_PER_GRADIENT: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// How the names of the first parameters that are the model's begin; those before them are $q$'s.
const OF_MODEL: [&str; 3] = ["prior", "w", "decoder"];

/// The signal-to-noise ratio against $K$ for what estimates the gradient of $L_K$ (Rainforth and others
/// 2018).
///
/// The exact gradient takes part in it no more than the mean of the draws does: the square of that mean,
/// less the part of it that is noise.
pub(super) fn signal(
    problem: ProblemName,
    entries: &[Entry],
    args: &CompareArgs,
) -> Option<Figure> {
    let many = |entry: &&Entry| entry.fits(problem) && entry.target() == Target::Bound;
    let entries: Vec<&Entry> = entries.iter().filter(many).collect();
    let draws = (args.draws() / THINNER).max(2);
    let mut curves = [Vec::new(), Vec::new()];
    for entry in entries {
        let mut points = [Vec::new(), Vec::new()];
        for samples in DRAWS_PER_GRADIENT {
            let setting = Setting { samples, batch: 1, scale: 1.0 };
            let Some(posed) = entry.pose(problem, setting) else { continue };
            let names = posed.problem.components();
            let of_model = |name: &String| OF_MODEL.iter().any(|start| name.starts_with(start));
            let of_q = names.iter().position(of_model).unwrap_or(names.len());
            let unknown = vec![f64::NAN; names.len()];
            let study = study_candidate(&*posed.candidate, &unknown, draws, args.seed);
            let (q, p) = study.components.split_at(of_q);
            points[0].push((samples as f64, ratio(q)));
            points[1].push((samples as f64, ratio(p)));
        }
        for (curves, points) in curves.iter_mut().zip(points) {
            curves.push(Curve { name: entry.name.into(), line: Vec::new(), points });
        }
    }
    let [q, p] = curves;
    if q.is_empty() {
        return None;
    }
    let plane = |title: &str, curves| Plane {
        title: title.into(),
        x_label: "K, draws in one gradient".into(),
        y_label: "SNR of one gradient, ‖E g‖ / √(Σ σ²)".into(),
        axis: Axis::Doubling,
        curves,
    };
    let planes = [plane("parameters of q", q), plane("parameters of the model", p)];
    let name = cli_name(&problem);
    Some(Figure {
        name: format!("{name}-snr"),
        shows: "signal-to-noise ratio of the gradient of L_K against K",
        scene: sweep(&planes, &format!("{name}: more draws, a better gradient?")),
    })
}

/// $\lVert E g \rVert / \sqrt{\sum \sigma^2}$, with the mean's own noise taken off its square.
fn ratio(components: &[ComponentStats]) -> f64 {
    let sum = |f: fn(&ComponentStats) -> f64| components.iter().map(f).sum::<f64>();
    let signal = sum(|c| c.mean.powi(2) - c.variance / c.draws as f64);
    (signal.max(0.0) / sum(|c| c.variance)).sqrt()
}

/// What is known of an estimator: its variances, one for each component, as functions of the parameter.
type Known<'a> = &'a [fn(f64) -> f64];

/// One line of a sweep over a parameter: measured at points, known at all of them.
struct Swept<'a> {
    entries: &'a [Entry],
    args: &'a CompareArgs,
    planes: Vec<Plane>,
    range: (f64, f64),
}

impl Swept<'_> {
    fn grid(&self, count: usize) -> Vec<f64> {
        let (low, high) = self.range;
        (0..count).map(|i| low + (high - low) * i as f64 / (count - 1) as f64).collect()
    }

    /// Adds the curve of an estimator, if it was asked for.
    fn add<M, E>(
        &mut self,
        name: &str,
        label: &str,
        known: Known,
        at: impl Fn(f64) -> (Latent<M>, E),
    ) where
        M: pathscore::models::latent::LatentModel<f64> + Send + Sync + 'static,
        E: Estimator<f64, M> + Clone + Send + 'static,
    {
        if self.entries.iter().all(|entry| entry.name != name) {
            return;
        }
        let mut points = vec![Vec::new(); known.len()];
        for (i, x) in self.grid(POINTS).into_iter().enumerate() {
            // Numbers of its own for each point: what is chance shall not look like a trend.
            let seed = self.args.seed.wrapping_add(i as u64);
            let (problem, estimator) = at(x);
            let candidate = Applied::new(&Arc::new(problem), estimator);
            let unknown = vec![f64::NAN; known.len()];
            let study = study_candidate(&candidate, &unknown, self.args.draws(), seed);
            for (points, component) in points.iter_mut().zip(&study.components) {
                points.push((x, component.variance));
            }
        }
        let grid = self.grid((POINTS - 1) * STEPS + 1);
        for ((plane, known), points) in self.planes.iter_mut().zip(known).zip(points) {
            let line = grid.iter().map(|&x| (x, known(x))).collect();
            plane.curves.push(Curve { name: label.into(), line, points });
        }
    }

    fn figure(self, name: &str, title: &str) -> Option<Figure> {
        let empty = self.planes.iter().all(|plane| plane.curves.is_empty());
        (!empty).then(|| Figure {
            name: name.into(),
            shows: "variance of one gradient, closed form (lines) and measured (dots)",
            scene: sweep(&self.planes, title),
        })
    }
}

fn reinforce(baseline: Baseline) -> Reinforce {
    Reinforce { baseline }
}

fn plane(title: &str, x_label: &str) -> Plane {
    Plane {
        title: title.into(),
        x_label: x_label.into(),
        y_label: "variance of one gradient (line: closed form, dots: measured)".into(),
        axis: Axis::Even,
        curves: Vec::new(),
    }
}

/// The variance against a parameter of two expectations, where theory has the curves.
pub(super) fn variances(entries: &[Entry], args: &CompareArgs) -> Vec<Figure> {
    [bernoulli(entries, args), gaussian(entries, args)].into_iter().flatten().collect()
}

/// $t$ of the Bernoulli toy.
const TARGET: f64 = 0.45;

/// $p$, $f(0)$, $f(1)$ and the gradient at $\theta$.
fn toy(theta: f64) -> [f64; 4] {
    let p = 1.0 / (1.0 + (-theta).exp());
    [p, TARGET.powi(2), (1.0 - TARGET).powi(2), p * (1.0 - p) * (1.0 - 2.0 * TARGET)]
}

/// Of $(f - b)\,\partial\ln q$ with a constant $b$.
fn score_variance(theta: f64, b: f64) -> f64 {
    let [p, f0, f1, g] = toy(theta);
    p * (1.0 - p) * ((1.0 - p) * (f1 - b).powi(2) + p * (f0 - b).powi(2)) - g * g
}

/// $E f$.
fn toy_mean(theta: f64) -> f64 {
    let [p, f0, f1, _] = toy(theta);
    p * f1 + (1.0 - p) * f0
}

fn bernoulli(entries: &[Entry], args: &CompareArgs) -> Option<Figure> {
    let at = |theta: f64, samples: usize| {
        let mut params = Params::new();
        let rng = &mut seed::rng(0, seed::Stream::Init, 0);
        let model = BernoulliToy::new(&mut params, theta, TARGET, rng);
        Latent { samples, ..Latent::new("bernoulli-toy", model, params, &[0.0]) }
    };
    let planes = vec![plane("∇ θ", "θ, the logit of a one")];
    let mut swept = Swept { entries, args, planes, range: (-3.0, 3.0) };
    swept.add("reinforce-none", "score", &[|theta| score_variance(theta, 0.0)], |theta| {
        (at(theta, 1), reinforce(Baseline::None))
    });
    let mean: Known = &[|theta| score_variance(theta, toy_mean(theta))];
    swept.add("reinforce-constant", "score, b = E f", mean, |theta| {
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

fn gaussian(entries: &[Entry], args: &CompareArgs) -> Option<Figure> {
    let at = |k: f64, samples: usize| {
        let mut params = Params::new();
        let rng = &mut seed::rng(0, seed::Stream::Init, 0);
        let model = GaussianQuadratic::new(&mut params, [1.0, 0.0], k, rng);
        Latent { samples, ..Latent::new("gaussian-quadratic", model, params, &[0.0]) }
    };
    let planes = vec![plane("∇ μ", "k, at μ = σ = 1"), plane("∇ ln σ", "k, at μ = σ = 1")];
    let mut swept = Swept { entries, args, planes, range: (-3.0, 3.0) };
    let path: Known = &[|_| 4.0, |k| 4.0 * away(k).powi(2) + 8.0];
    swept.add("sgvb-sampled", "path", path, |k| (at(k, 1), StickingTheLanding));
    let score: Known = &[
        |k| away(k).powi(4) + 14.0 * away(k).powi(2) + 15.0,
        |k| 2.0 * away(k).powi(4) + 60.0 * away(k).powi(2) + 74.0,
    ];
    swept.add("reinforce-none", "score", score, |k| (at(k, 1), reinforce(Baseline::None)));
    // With b = a² + 1 and ε the noise of z, f − b is 2aε + ε² − 1; times ε, or ε² − 1, and squared.
    let mean: Known = &[|k| 8.0 * away(k).powi(2) + 10.0, |k| 40.0 * away(k).powi(2) + 56.0];
    swept.add("reinforce-constant", "score, b = E f", mean, |k| {
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
