//! The latents of one row of data as coordinates: the posterior and the prior of a latent-variable model as targets.

use super::{Differentiable, LogDensity};
use crate::montecarlo::pool::Pool;
use pathscore_autodiff::{Grads, Scalar, Tape, Var};
use pathscore_models::dist::Distribution;
use pathscore_models::latent::LatentModel;
use pathscore_models::{Bound, Params, RandomSource};
use std::sync::Arc;

/// The memory of an evaluation.
#[derive(Debug, Default)]
struct Memory<F> {
    tape: Tape<F>,
    grads: Grads<F>,
    z: Vec<F>,
}

/// The memories of targets of a model that are evaluated one after another or on several threads.
#[derive(Debug)]
pub(crate) struct Memories<F>(Arc<Pool<Memory<F>>>);

impl<F: Scalar> Default for Memories<F> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<F> Clone for Memories<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F: Scalar> Memories<F> {
    /// The value at `z` of a density of one draw for one row, and its gradient if there is a place for it.
    fn value(
        &self,
        params: &Params<F>,
        z: &[f64],
        grad: Option<&mut [f64]>,
        log_prob: impl for<'t> FnOnce(Bound<'t, F>, Var<'t, F>) -> Var<'t, F>,
    ) -> f64 {
        self.0.lend(|Memory { tape, grads, z: numbers }| {
            numbers.clear();
            numbers.extend(z.iter().map(|&z| F::from_f64(z)));
            let bound = params.on(tape).detach();
            let shape = [1, 1, numbers.len()];
            let of_leaf = grad.is_some();
            let at =
                if of_leaf { tape.leaf(numbers, shape) } else { tape.constant(numbers, shape) };
            let y = log_prob(bound, at);
            if let Some(grad) = grad {
                tape.pull_into(&[(y, &[F::ONE])], &[], grads);
                match grads.get(at) {
                    Some(slopes) => {
                        grad.iter_mut().zip(slopes).for_each(|(to, slope)| *to = slope.to_f64());
                    }
                    None => grad.fill(0.0),
                }
            }
            let value = y.item().to_f64();
            // The parameters are shared with the tape, and can be changed in place from here on.
            tape.clear();
            value
        })
    }
}

/// $\ln p(x, z)$ of one row $x$ as a function of $z$: the posterior $p(z \mid x)$, whose normaliser is $p(x)$.
///
/// The parameters are those of the moment: a chain that stays while they move needs a new target for each step of learning,
/// and [`Sampler::restart`](super::Sampler::restart). From [`LatentPrior`] to this target
/// [`Annealing`](super::Annealing) estimates $p(x)$. A warm evaluation allocates nothing. The gradient is for continuous
/// latents.
///
/// ```
/// use pathscore_estimators::samplers::{Differentiable, LatentPosterior, LatentPrior, LogDensity};
/// use pathscore_models::{Params, latent::LinearGaussian, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let mut params = Params::<f64>::new();
/// let model = LinearGaussian::new(&mut params, [0.0, 0.0, 1.5, 0.2], 0.5, rng);
/// let (posterior, prior) = (LatentPosterior::new(&model, &params, &[1.0]), LatentPrior::new(&model, &params));
/// let mut slope = [0.0];
/// // The mean of the posterior.
/// posterior.log_prob_and_grad(&[0.436363636364], &mut slope);
/// assert!(slope[0].abs() < 1e-10);
/// // ln p(x | z) at z = 0: the noise has the variance 0.5, and x − b is 0.8.
/// let log_likelihood = posterior.log_prob(&[0.0]) - prior.log_prob(&[0.0]);
/// assert!((log_likelihood + 0.64 + 0.5 * std::f64::consts::PI.ln()).abs() < 1e-15);
/// ```
#[derive(Debug)]
pub struct LatentPosterior<'a, F, M> {
    model: &'a M,
    params: &'a Params<F>,
    x: &'a [F],
    latents: usize,
    memories: Memories<F>,
}

impl<'a, F: Scalar, M: LatentModel<F>> LatentPosterior<'a, F, M> {
    /// The posterior of the row `x`.
    pub fn new(model: &'a M, params: &'a Params<F>, x: &'a [F]) -> Self {
        let latents = latents_of(model, params);
        Self { model, params, x, latents, memories: Memories::default() }
    }

    /// The same with a known number of latents, and memory that other targets of the model use too.
    pub(crate) fn in_memory(
        model: &'a M,
        params: &'a Params<F>,
        x: &'a [F],
        latents: usize,
        memories: &Memories<F>,
    ) -> Self {
        Self { model, params, x, latents, memories: memories.clone() }
    }

    fn value(&self, z: &[f64], grad: Option<&mut [f64]>) -> f64 {
        let Self { model, params, x, latents, memories } = self;
        expect_latents(z, *latents);
        memories.value(params, z, grad, |params, z| {
            model.log_joint(params, params.tape().constant(x, [1, x.len()]), z)
        })
    }
}

impl<F: Scalar, M: LatentModel<F>> LatentPosterior<'_, F, M> {
    /// $\ln q(z \mid x)$.
    pub(super) fn log_q(&self, z: &[f64]) -> f64 {
        let Self { model, params, x, latents, memories } = self;
        expect_latents(z, *latents);
        memories.value(params, z, None, |params, z| {
            model.posterior(params, params.tape().constant(x, [1, x.len()])).log_prob(z)
        })
    }

    /// Draws from $q(z \mid x)$, and $\ln p(x, z) - \ln q(z \mid x)$ of each.
    pub(super) fn draw<R: RandomSource>(
        &self,
        positions: &mut [f64],
        log_weights: &mut [f64],
        source: &mut R,
    ) {
        let Self { model, params, x, latents, memories } = self;
        let (found, draws) = (positions.len(), log_weights.len());
        assert!(found == draws * latents, "{found} numbers for {draws} draws of {latents} latents");
        memories.0.lend(|Memory { tape, .. }| {
            let bound = params.on(tape).detach();
            let row = tape.constant(x, [1, x.len()]);
            let [z, log_q] = model.posterior(bound, row).sample_and_log_prob(draws, source);
            let log_w = model.log_joint(bound, row, z) - log_q;
            z.with(|z| positions.iter_mut().zip(z).for_each(|(to, z)| *to = z.to_f64()));
            log_w.with(|w| log_weights.iter_mut().zip(w).for_each(|(to, w)| *to = w.to_f64()));
            tape.clear();
        });
    }
}

/// $\ln p(z)$ of a latent-variable model as a function of $z$, at the parameters of the moment; see [`LatentPosterior`].
#[derive(Debug)]
pub struct LatentPrior<'a, F, M> {
    model: &'a M,
    params: &'a Params<F>,
    latents: usize,
    memories: Memories<F>,
}

impl<'a, F: Scalar, M: LatentModel<F>> LatentPrior<'a, F, M> {
    /// The prior of the model.
    pub fn new(model: &'a M, params: &'a Params<F>) -> Self {
        let latents = latents_of(model, params);
        Self { model, params, latents, memories: Memories::default() }
    }

    fn value(&self, z: &[f64], grad: Option<&mut [f64]>) -> f64 {
        let Self { model, params, latents, memories } = self;
        expect_latents(z, *latents);
        memories.value(params, z, grad, |params, z| model.prior(params).log_prob(z))
    }
}

/// The number of latents of a model.
fn latents_of<F: Scalar, M: LatentModel<F>>(model: &M, params: &Params<F>) -> usize {
    let tape = Tape::new();
    model.prior(params.on(&tape)).shapes().whole().size()
}

#[track_caller]
fn expect_latents(z: &[f64], latents: usize) {
    assert!(z.len() == latents, "log_prob: {} numbers for {latents} latents", z.len());
}

impl<F: Scalar, M: LatentModel<F>> LogDensity for LatentPosterior<'_, F, M> {
    fn dim(&self) -> usize {
        self.latents
    }

    fn log_prob(&self, z: &[f64]) -> f64 {
        self.value(z, None)
    }
}

impl<F: Scalar, M: LatentModel<F>> Differentiable for LatentPosterior<'_, F, M> {
    fn log_prob_and_grad(&self, z: &[f64], grad: &mut [f64]) -> f64 {
        self.value(z, Some(grad))
    }
}

impl<F: Scalar, M: LatentModel<F>> LogDensity for LatentPrior<'_, F, M> {
    fn dim(&self) -> usize {
        self.latents
    }

    fn log_prob(&self, z: &[f64]) -> f64 {
        self.value(z, None)
    }
}

impl<F: Scalar, M: LatentModel<F>> Differentiable for LatentPrior<'_, F, M> {
    fn log_prob_and_grad(&self, z: &[f64], grad: &mut [f64]) -> f64 {
        self.value(z, Some(grad))
    }
}
