//! Bounds of latent-variable models as problems, and estimators as what draws their gradients.

use super::gradient::Gradient;
use super::problem::{KnownMistake, Problem, Truth, differences, listed_means};
use crate::enumerator::Enumerator;
use crate::estimator::{Claim, Estimator, LogWeights, Query, Work, rows};
use crate::target::Target;
use pathscore_autodiff::{Tape, Tensor, Var};
use pathscore_models::Params;
use pathscore_models::dist::Distribution;
use pathscore_models::latent::LatentModel;
use std::sync::Arc;

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

/// How the draws follow parameters that are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DrawDependence {
    /// They are drawn there.
    Total,
    /// They stay where they were, and as probable.
    Fixed,
    /// They move along their paths and stay as probable.
    Path,
}

/// One outcome of the draws of some members.
pub(crate) struct Outcome<'a> {
    /// The log-probabilities of its draws where the parameters are.
    pub(crate) w: LogWeights<'a, f64>,
    /// $\ln p(z)$ there, of a single draw.
    pub(super) prior: &'a [f64],
    /// The log-probabilities where the problem is posed, if the draws do not follow as a whole.
    pub(super) before: LogWeights<'a, f64>,
}

/// The model with some parameters: draws from there, and log-probabilities of any draws.
struct ModelAtParams<'a, M> {
    model: &'a M,
    params: Params<f64>,
    tape: Tape<f64>,
    /// $\ln p(x, z)$, $\ln q(z \mid x)$ and $\ln p(z)$.
    columns: [Vec<f64>; 3],
}

impl<'a, M: LatentModel<f64>> ModelAtParams<'a, M> {
    fn new(problem: &'a Latent<M>, at: &[f64]) -> Self {
        let mut params = problem.params.clone();
        params.values_mut().copy_from_slice(at);
        Self { model: &problem.model, params, tape: Tape::new(), columns: Default::default() }
    }

    fn draw(
        &mut self,
        x: &[f64],
        [draws, batch]: [usize; 2],
        source: &mut Enumerator,
    ) -> Tensor<f64> {
        self.tape.clear();
        let x = rows(&self.tape, x, batch);
        self.model.posterior(self.params.on(&self.tape), x).sample(draws, source).value()
    }

    fn weigh(&mut self, x: &[f64], batch: usize, z: &Tensor<f64>) {
        self.tape.clear();
        let params = self.params.on(&self.tape);
        let x = rows(&self.tape, x, batch);
        let z = self.tape.constant(z.values(), z.shape().clone());
        let joint = self.model.log_joint(params, x, z);
        let score = self.model.posterior(params, x).log_prob(z);
        let keep = |column: &mut Vec<f64>, var: Var<f64>| {
            column.clear();
            var.with(|values| column.extend_from_slice(values));
        };
        let [of_joint, of_score, of_prior] = &mut self.columns;
        keep(of_joint, joint);
        keep(of_score, score);
        // Several draws are weighed, and a whole bound is not taken apart.
        if of_joint.len() == 1 {
            keep(of_prior, self.model.prior(params).log_prob(z));
        }
    }

    fn weights(&self, rows: usize) -> LogWeights<'_, f64> {
        let [joint, score, _] = &self.columns;
        LogWeights::new(joint.len() / rows, rows, joint, score)
    }
}

impl<M: LatentModel<f64>> Latent<M> {
    /// Functions of the means of functions of an outcome, of `draws` draws for each of `rows` rows at a time;
    /// summed over the batch, at the parameters `at`.
    fn values<const N: usize>(
        &self,
        at: &[f64],
        follow: DrawDependence,
        size: [usize; 2],
        inside: &impl Fn(&Outcome) -> [f64; N],
        outside: &impl Fn([f64; N]) -> [f64; N],
    ) -> [f64; N] {
        let [mut here, mut home] =
            [at, self.params.values()].map(|at| ModelAtParams::new(self, at));
        let (mut sums, rows) = ([0.0; N], size[1]);
        for x in self.x.chunks(rows * self.x.len() / self.batch.max(1)) {
            let means = listed_means(|source| {
                // An outcome has the probability it has for the last that drew it.
                let (z, before) = match follow {
                    DrawDependence::Total => (here.draw(x, size, source), None),
                    DrawDependence::Fixed => {
                        let z = home.draw(x, size, source);
                        (z.clone(), Some(z))
                    }
                    DrawDependence::Path => {
                        let z = here.draw(x, size, source);
                        source.rewind();
                        (z, Some(home.draw(x, size, source)))
                    }
                };
                here.weigh(x, rows, &z);
                let before = before.map(|z| home.weigh(x, rows, &z)).map_or(&here, |()| &home);
                inside(&Outcome {
                    w: here.weights(rows),
                    prior: &here.columns[2],
                    before: before.weights(rows),
                })
            });
            sums.iter_mut().zip(outside(means)).for_each(|(sum, value)| *sum += value);
        }
        sums
    }

    /// The gradients of [`Latent::values`], times the scale.
    pub(super) fn slopes<const N: usize>(
        &self,
        follow: DrawDependence,
        size: [usize; 2],
        inside: impl Fn(&Outcome) -> [f64; N],
        outside: impl Fn([f64; N]) -> [f64; N],
    ) -> [Vec<f64>; N] {
        let values = |at: &[f64]| self.values(at, follow, size, &inside, &outside);
        differences(self.params.values(), values)
            .map(|slopes| slopes.into_iter().map(|slope| self.scale * slope).collect())
    }

    /// The slope of the mean of a function of one draw's weight, the draw held still.
    pub(crate) fn still(&self, inside: impl Fn(f64) -> f64) -> Vec<f64> {
        let inside = |o: &Outcome| [inside(o.w.log_weight(0, 0))];
        let [slope] = self.slopes(DrawDependence::Fixed, [1, 1], inside, |mean| mean);
        slope
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
        let target = self.target;
        let size = [target.draws().unwrap_or(self.samples), 1];
        let inside = |o: &Outcome| [target.inside(&o.w)];
        let outside = |mean: [f64; 1]| mean.map(|mean| target.outside(mean));
        let [value] =
            self.values(self.params.values(), DrawDependence::Total, size, &inside, &outside);
        let [gradient] = self.slopes(DrawDependence::Total, size, inside, outside);
        Truth { gradient, value: Some(value) }
    }

    /// Of the first row.
    fn effective_draws(&self, source: &mut Enumerator) -> Option<f64> {
        let tape = Tape::new();
        let params = self.params.on(&tape);
        let columns = self.x.len() / self.batch.max(1);
        let x = tape.constant(&self.x[..columns], [1, columns]);
        let q = self.model.posterior(params, x);
        let z = q.sample(self.samples, source);
        let (joint, score) = (self.model.log_joint(params, x, z), q.log_prob(z));
        let effective = |joint: &[f64], score: &[f64]| {
            LogWeights::new(self.samples, 1, joint, score).effective_draws(0)
        };
        Some(joint.with(|joint| score.with(|score| effective(joint, score))))
    }

    fn known_mistakes(&self) -> Vec<KnownMistake> {
        self.all_known_mistakes()
    }
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
pub struct Applied<M, E> {
    problem: Arc<Latent<M>>,
    estimator: E,
    work: Work<f64>,
}

impl<M, E> Applied<M, E> {
    /// What `estimator` draws for `problem`; what the problem's model may be is the estimator's affair.
    pub fn new(problem: &Arc<Latent<M>>, estimator: E) -> Self {
        Self { problem: Arc::clone(problem), estimator, work: Work::new() }
    }
}

impl<M, E: Clone> Clone for Applied<M, E> {
    fn clone(&self) -> Self {
        Self::new(&self.problem, self.estimator.clone())
    }
}

impl<M, E> Gradient for Applied<M, E>
where
    M: Send + Sync,
    E: Estimator<f64, M> + Send,
{
    fn claim(&self) -> Claim {
        self.estimator.claim()
    }

    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let Latent { model, params, x, batch, samples, scale, .. } = &*self.problem;
        let query = Query { model, params, x, batch: *batch, samples: *samples, scale: *scale };
        let value = self.estimator.estimate(query, source, &mut self.work);
        out.copy_from_slice(self.work.gradient(out.len()));
        self.estimator.observe(&self.work.stats);
        Some(value)
    }
}
