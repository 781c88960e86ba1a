//! What a wrong gradient might be, found the way the right one is: outcomes listed, parameters moved.

use super::latent::{DrawDependence, Latent, Outcome};
use super::problem::{Effect, KnownMistake, Problem};
use crate::enumerator::{Coverage, Enumerator};
use crate::estimator::LogWeights;
use crate::target::Target;
use pathscore_autodiff::Tape;
use pathscore_models::dist::Distribution;
use pathscore_models::latent::LatentModel;

/// Outcomes of many draws that are listed in search of a name.
const FEW: usize = 1024;

/// $\sum_k \tilde w_k g(k)$; a draw without weight counts nothing.
fn weighted(w: &LogWeights<f64>, share: impl Fn(usize) -> f64, g: impl Fn(usize) -> f64) -> f64 {
    (0..w.draws()).map(|k| if share(k) == 0.0 { 0.0 } else { share(k) * g(k) }).sum()
}

impl<M: LatentModel<f64>> Latent<M> {
    /// Every mistake that is known and fits the target.
    pub(super) fn all_known_mistakes(&self) -> Vec<KnownMistake> {
        let mut all = factors(self.samples, self.batch, self.scale);
        all.extend(units(self.params.values(), &self.truth().gradient));
        all.extend(self.other_targets());
        all.extend(self.of_the_score());
        if self.samples > 1 && self.has_few_outcomes(1) {
            all.extend(self.of_the_weights());
        }
        all
    }

    /// Other targets, and the parts of the ELBO.
    fn other_targets(&self) -> Vec<KnownMistake> {
        let one = |o: &Outcome| {
            let (f, log_q, log_prior) = (o.w.log_weight(0, 0), o.w.log_q(0, 0), o.prior[0]);
            [f, f.exp(), f.exp(), log_prior - log_q, f + log_q - log_prior, -log_q]
        };
        let outside =
            |[f, w, p, parts @ ..]: [f64; 6]| [f, w.ln(), p, parts[0], parts[1], parts[2]];
        let [elbo, log_p, p, divergence, likelihood, entropy] =
            self.slopes(DrawDependence::Total, [1, 1], one, outside);
        let mut all = Vec::new();
        all.extend(self.instead(Target::ELBO, elbo));
        all.extend(self.instead(Target::LOG_LIKELIHOOD, log_p));
        let unnormalised = "the gradient of p(x), not of its logarithm: weights are not normalised";
        all.push(KnownMistake::new(unnormalised, Effect::Instead(p)));
        let of_elbo = self.target == Target::ELBO;
        for (what, part) in [
            ("the divergence from the prior", divergence),
            ("the likelihood of the data", likelihood),
            ("the entropy of the posterior", entropy),
        ] {
            let shape = if of_elbo { Effect::Term(part) } else { Effect::Beside(part) };
            all.push(KnownMistake::new(what, shape));
        }
        all
    }

    /// The gradient of another target.
    fn instead(&self, target: Target, gradient: Vec<f64>) -> Option<KnownMistake> {
        let what = format!("the gradient of {target} instead");
        let other = target != self.target;
        other.then(|| KnownMistake::new(what, Effect::Instead(gradient)))
    }

    /// The score term left out, or left on the path.
    fn of_the_score(&self) -> Vec<KnownMistake> {
        let target = self.target;
        let size = [target.draws().unwrap_or(self.samples), 1];
        let inside = |o: &Outcome| [target.inside(&o.w)];
        let outside = |mean: [f64; 1]| mean.map(|mean| target.outside(mean));
        let [still] = self.slopes(DrawDependence::Fixed, size, inside, outside);
        let mut all = vec![KnownMistake::new(
            "the bound differentiated at draws held still: the score term is missing",
            Effect::Instead(still.clone()),
        )];
        if self.target == Target::ELBO {
            let carried = |o: &Outcome| {
                let (f, log_q) = (o.w.log_weight(0, 0), o.w.log_q(0, 0));
                [f + log_q + o.before.log_weight(0, 0) * log_q, f]
            };
            let [gradient, path] =
                self.slopes(DrawDependence::Path, [1, 1], carried, |means| means);
            let what = "f ∇ln q at a draw that still carries its path: z is not stopped";
            all.push(KnownMistake::new(what, Effect::Instead(gradient)));
            let what = "the derivative along paths alone: the score of what has no path is missing";
            // Where nothing has a path, that was said above.
            if path.iter().zip(&still).any(|(a, b)| (a - b).abs() > 1e-8) {
                all.push(KnownMistake::new(what, Effect::Instead(path)));
            }
        }
        all
    }

    /// Weights of several draws in the wrong place.
    fn of_the_weights(&self) -> Vec<KnownMistake> {
        let frozen = |o: &Outcome| {
            let (w, share) = (&o.w, o.before.normalised(0));
            let squared = weighted(w, |k| share(k) * share(k), |k| w.log_weight(k, 0));
            [squared, weighted(w, &share, |k| w.log_q(k, 0))]
        };
        let many = |o: &Outcome| {
            let snis = weighted(&o.w, o.w.normalised(0), |k| o.w.log_weight(k, 0));
            [o.w.bound(0), snis]
        };
        let size = [self.samples, 1];
        let [squared, log_q] = self.slopes(DrawDependence::Fixed, size, frozen, |means| means);
        let [bound, snis] = self.slopes(DrawDependence::Total, size, many, |means| means);
        let mut all = vec![
            KnownMistake::new(
                "Σ w̃ₖ fₖ is differentiated through its weights: w̃ is not stopped",
                Effect::Instead(snis),
            ),
            KnownMistake::new(
                "w̃² instead of w̃: the weights of the posterior's path are not the model's",
                Effect::Instead(squared),
            ),
            KnownMistake::new("Σ w̃ₖ ∇ln q(zₖ)", Effect::Beside(log_q)),
        ];
        all.extend(self.instead(Target::BOUND, bound));
        let of_bound = self.target == Target::BOUND;
        if self.batch > 1 && of_bound && self.has_few_outcomes(self.batch) {
            let batch = self.batch as f64;
            let pooled = |o: &Outcome| {
                let over_rows = |k| (0..self.batch).map(|b| o.w.log_weight(k, b)).sum::<f64>();
                let log_mean = |temper: f64| {
                    let all: Vec<f64> = (0..o.w.draws()).map(|k| over_rows(k) / temper).collect();
                    LogWeights::new(all.len(), 1, &all, &vec![0.0; all.len()]).bound(0)
                };
                [batch * log_mean(batch), log_mean(1.0)]
            };
            let size = [self.samples, self.batch];
            let [mean, sum] = self.slopes(DrawDependence::Total, size, pooled, |means| means);
            for (over, gradient) in [("mean", mean), ("sum", sum)] {
                let what = format!("the log-sum-exp comes after the {over} over the batch");
                all.push(KnownMistake::new(what, Effect::Instead(gradient)));
            }
        }
        all
    }

    /// Whether the draws of so many rows have few outcomes: bits and a continuous number among them at most, or
    /// two of these alone.
    fn has_few_outcomes(&self, rows: usize) -> bool {
        let tape = Tape::new();
        let columns = self.x.len() / self.batch;
        let x = tape.constant(&self.x[..rows * columns], [rows, columns]);
        let q = self.model.posterior(self.params.on(&tape), x);
        // With one node for each continuous number the finite outcomes are counted.
        let listing = Enumerator::for_each(1, FEW, |source| {
            q.sample(self.samples, source);
        });
        match listing {
            Coverage::Complete { outcomes, quadratures: 2 } => outcomes == 1,
            Coverage::Complete { quadratures, .. } => quadratures < 2,
            _ => false,
        }
    }
}

/// What common slips multiply a gradient by.
fn factors(samples: usize, batch: usize, scale: f64) -> Vec<KnownMistake> {
    let (k, b) = (samples as f64, batch as f64);
    let mut all = vec![
        ((k - 1.0) / k, "(K − 1)/K: the baseline contains the draw it corrects".to_string()),
        (k / (k - 1.0), "K/(K − 1): a mean of others that was divided twice".into()),
        (1.0 / k, "1/K: averaged twice over the draws".into()),
        (k, "K: summed over the draws instead of averaged".into()),
        (1.0 / b, "1/B: averaged over the batch".into()),
        (b, "B: summed twice over the batch".into()),
        (scale, "the scale of the batch enters twice".into()),
        (1.0 / scale, "the scale of the batch is missing".into()),
    ];
    all.extend([0.5, 0.8, 0.9, 0.95, 0.99, 0.999].map(|d| {
        let what = "a running mean that has seen the batch before its use, with decay";
        (1.0 - (1.0 - d) / b, format!("1 − (1 − d)/B: {what} {d}"))
    }));
    let telling = all.into_iter().filter(|(factor, _)| {
        // Zero and one say nothing of where they come from.
        factor.is_finite() && *factor != 0.0 && *factor != 1.0
    });
    telling.map(|(factor, what)| KnownMistake::new(what, Effect::Factor(factor))).collect()
}

/// The gradient with respect to something else than the parameters `at`: what it is for those whose
/// logarithm, exponential or logit was meant.
pub(super) fn units(at: &[f64], gradient: &[f64]) -> Vec<KnownMistake> {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let with = |what: &str, slope: &dyn Fn(f64) -> f64| {
        let gradient = at.iter().zip(gradient).map(|(&theta, g)| g * slope(theta)).collect();
        KnownMistake::new(what, Effect::Instead(gradient))
    };
    vec![
        with("with respect to e^θ (σ, where the parameter θ is ln σ)", &|theta| (-theta).exp()),
        with("with respect to e^2θ (σ², where the parameter θ is ln σ)", &|theta| {
            0.5 * (-2.0 * theta).exp()
        }),
        with("with respect to ln θ (ln σ, where the parameter θ is σ)", &|theta| theta),
        with("with respect to the probability whose logit is the parameter", &|theta| {
            1.0 / (sigmoid(theta) * sigmoid(-theta))
        }),
        with("the factor σ(|θ|) of the logit θ is missing", &|theta| 1.0 / sigmoid(theta.abs())),
    ]
}
