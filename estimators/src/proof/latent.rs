//! Bounds of latent-variable models as problems, and estimators as what draws their gradients.

use super::gradient::Gradient;
use super::problem::{Problem, Shape, Suspect, Truth, differences, listed_mean};
use crate::dice::Dice;
use crate::estimator::{Claim, Estimator, LogWeights, Query, Work};
use pathscore_autodiff::{Tape, Var};
use pathscore_models::dist::Distribution;
use pathscore_models::latent::LatentModel;
use pathscore_models::{Bound, Params};
use std::sync::Arc;

/// What is to be differentiated: a function of the mean of a function of the draws' weights.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is called.
    pub name: &'static str,
    /// The draws it takes, if not all $K$.
    pub draws: Option<usize>,
    /// Of the draws for one member.
    pub inside: fn(&LogWeights<f64>) -> f64,
    /// Of the mean of that.
    pub outside: fn(f64) -> f64,
}

impl Target {
    /// $E \frac1K \sum_k f_k$.
    pub const ELBO: Self =
        Self { name: "ELBO", draws: Some(1), inside: |w| w.mean(0), outside: |mean| mean };
    /// $L_K = E \ln \frac1K \sum_k w_k$.
    pub const BOUND: Self =
        Self { name: "L_K", draws: None, inside: |w| w.bound(0), outside: |mean| mean };
    /// $\ln p(x) = \ln E w$.
    pub const LOG_LIKELIHOOD: Self = Self {
        name: "ln p",
        draws: Some(1),
        inside: |w| w.log_weight(0, 0).exp(),
        outside: f64::ln,
    };
}

/// The gradient of a bound of a latent-variable model, summed over a batch and times a scale.
///
/// Its truth is found by listing the draws of $z$ (normal ones as nodes of a quadrature) and differences
/// in the parameters.
#[derive(Clone, Debug)]
pub struct Latent<M> {
    /// What the problem is called.
    pub name: String,
    /// The model.
    pub model: M,
    /// Its parameters.
    pub params: Params<f64>,
    /// The batch, row by row.
    pub x: Vec<f64>,
    /// The number of rows.
    pub batch: usize,
    /// $K$, the draws for each row.
    pub samples: usize,
    /// What the summed gradient is multiplied by.
    pub scale: f64,
    /// What is to be differentiated.
    pub target: Target,
}

impl<M> Latent<M> {
    /// The ELBO of one row with one draw.
    pub fn new(name: impl Into<String>, model: M, params: Params<f64>, x: &[f64]) -> Self {
        let (batch, samples, scale, target) = (1, 1, 1.0, Target::ELBO);
        Self { name: name.into(), model, params, x: x.to_vec(), batch, samples, scale, target }
    }
}

/// The draws for one member on a tape: what a suspect is made of.
struct Listed<'a, 't, M: LatentModel<f64>> {
    model: &'a M,
    params: Bound<'t, f64>,
    x: Var<'t, f64>,
    z: Var<'t, f64>,
    score: Var<'t, f64>,
}

impl<M: LatentModel<f64>> Listed<'_, '_, M> {
    fn with_weights(&self, f: impl Fn(&LogWeights<f64>) -> f64) -> f64 {
        let samples = self.z.shape()[0];
        let joint = self.model.log_joint(self.params, self.x, self.z);
        let f = |joint: &[f64], score: &[f64]| f(&LogWeights::new(samples, 1, joint, score));
        joint.with(|joint| self.score.with(|score| f(joint, score)))
    }

    /// $\frac1K \sum_k \ln q(z_k) - \ln p(z_k)$.
    fn divergence(&self) -> f64 {
        (self.score - self.model.prior(self.params).log_prob(self.z)).mean().item()
    }
}

impl<M: LatentModel<f64>> Latent<M> {
    /// A function of the mean of a function of the draws, summed over the batch, at the parameters `at`
    /// and with $z$ drawn at the parameters `drawn`.
    fn value(
        &self,
        at: &[f64],
        drawn: &[f64],
        draws: Option<usize>,
        inside: impl Fn(Listed<'_, '_, M>) -> f64,
        outside: fn(f64) -> f64,
    ) -> f64 {
        let draws = draws.unwrap_or(self.samples);
        let with = |values: &[f64]| {
            let mut params = self.params.clone();
            params.values_mut().copy_from_slice(values);
            params
        };
        let (params, elsewhere) = (with(at), with(drawn));
        let [mut tape, mut other] = [Tape::new(), Tape::new()];
        let columns = self.x.len() / self.batch.max(1);
        let mut member = |row: &[f64]| {
            let mean = listed_mean(|dice| {
                tape.clear();
                other.clear();
                let x = other.constant(row, [1, columns]);
                let z = self.model.posterior(elsewhere.on(&other), x).sample(draws, dice);
                let z = z.with(|values| tape.constant(values, z.shape()));
                let (params, x) = (params.on(&tape), tape.constant(row, [1, columns]));
                let score = self.model.posterior(params, x).log_prob(z);
                inside(Listed { model: &self.model, params, x, z, score })
            });
            outside(mean)
        };
        self.x.chunks(columns).map(&mut member).sum()
    }

    fn slopes(
        &self,
        draws: Option<usize>,
        inside: impl Fn(Listed<'_, '_, M>) -> f64,
        outside: fn(f64) -> f64,
    ) -> Vec<f64> {
        let slopes =
            differences(self.params.values(), |at| self.value(at, at, draws, &inside, outside));
        slopes.into_iter().map(|slope| self.scale * slope).collect()
    }

    /// The gradient of another target.
    fn towards(&self, target: Target) -> Vec<f64> {
        let Target { draws, inside, outside, .. } = target;
        self.slopes(draws, |listed| listed.with_weights(inside), outside)
    }
}

impl<M: LatentModel<f64>> Problem for Latent<M> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn components(&self) -> Vec<String> {
        components(&self.params)
    }

    fn truth(&self) -> Truth {
        let (at, Target { draws, inside, outside, .. }) = (self.params.values(), self.target);
        let value = self.value(at, at, draws, |listed| listed.with_weights(inside), outside);
        Truth { gradient: self.towards(self.target), value: Some(value) }
    }

    /// Of the first row.
    fn effective_draws(&self, dice: &mut Dice) -> Option<f64> {
        let tape = Tape::new();
        let params = self.params.on(&tape);
        let columns = self.x.len() / self.batch.max(1);
        let x = tape.constant(&self.x[..columns], [1, columns]);
        let q = self.model.posterior(params, x);
        let z = q.sample(self.samples, dice);
        let (joint, score) = (self.model.log_joint(params, x, z), q.log_prob(z));
        let effective = |joint: &[f64], score: &[f64]| {
            LogWeights::new(self.samples, 1, joint, score).effective_draws(0)
        };
        Some(joint.with(|joint| score.with(|score| effective(joint, score))))
    }

    fn suspects(&self) -> Vec<Suspect> {
        let mut suspects = factors(self.samples, self.batch, self.scale);
        for target in [Target::ELBO, Target::BOUND, Target::LOG_LIKELIHOOD] {
            if target.name != self.target.name {
                let what = format!("the gradient of {} instead", target.name);
                suspects.push(Suspect::new(what, Shape::Instead(self.towards(target))));
            }
        }
        let Target { draws, inside, .. } = self.target;
        let base = self.params.values();
        let still = differences(base, |at| {
            self.value(at, base, draws, |listed| listed.with_weights(inside), |mean| mean)
        });
        let still = still.into_iter().map(|slope| self.scale * slope).collect();
        suspects.push(Suspect::new(
            "the bound differentiated at draws held still: the score term is missing",
            Shape::Instead(still),
        ));
        let divergence = self.slopes(Some(1), |listed| listed.divergence(), |mean| mean);
        suspects.push(Suspect::new("the divergence from the prior", Shape::Beside(divergence)));
        let entropy = self.slopes(Some(1), |listed| -listed.score.mean().item(), |mean| mean);
        suspects.push(Suspect::new("the entropy of the posterior", Shape::Beside(entropy)));
        suspects
    }
}

/// What common slips multiply a gradient by.
pub(crate) fn factors(samples: usize, batch: usize, scale: f64) -> Vec<Suspect> {
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
    let telling = all.into_iter().filter(|(factor, _)| factor.is_finite() && *factor != 1.0);
    telling.map(|(factor, what)| Suspect::new(what, Shape::Factor(factor))).collect()
}

/// The name of every parameter.
pub(crate) fn components(params: &Params<f64>) -> Vec<String> {
    params
        .iter()
        .flat_map(|(name, shape, _)| {
            let one = shape.size() == 1;
            let label = move |i| if one { name.to_string() } else { format!("{name}[{i}]") };
            (0..shape.size()).map(label)
        })
        .collect()
}

/// An [`Estimator`] that is asked for the gradient of one problem, again and again.
#[derive(Debug)]
pub struct Asked<M, E> {
    problem: Arc<Latent<M>>,
    estimator: E,
    work: Work<f64>,
}

impl<M, E> Asked<M, E> {
    /// What `estimator` draws for `problem`; what the problem's model may be is the estimator's affair.
    pub fn new(problem: &Arc<Latent<M>>, estimator: E) -> Self {
        Self { problem: Arc::clone(problem), estimator, work: Work::new() }
    }
}

impl<M, E: Clone> Clone for Asked<M, E> {
    fn clone(&self) -> Self {
        Self::new(&self.problem, self.estimator.clone())
    }
}

impl<M, E> Gradient for Asked<M, E>
where
    M: Send + Sync,
    E: Estimator<f64, M> + Send,
{
    fn claim(&self) -> Claim {
        self.estimator.claim()
    }

    fn draw(&mut self, dice: &mut Dice, out: &mut [f64]) -> Option<f64> {
        let Latent { model, params, x, batch, samples, scale, .. } = &*self.problem;
        let query = Query { model, params, x, batch: *batch, samples: *samples, scale: *scale };
        let value = self.estimator.estimate(query, dice, &mut self.work);
        out.copy_from_slice(self.work.gradient(out.len()));
        self.estimator.observe(&self.work.seen);
        Some(value)
    }
}
