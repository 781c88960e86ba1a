//! Measure-valued derivatives (Pflug 1996; Mohamed, Rosca, Figurnov and Mnih 2020).

use crate::estimator::{Estimator, Query, Work, record_stats, require_samples};
use pathscore_autodiff::{Scalar, Tensor};
use pathscore_models::RandomSource;
use pathscore_models::dist::{Distribution, WeakDerivative};
use pathscore_models::latent::LatentModel;

/// The derivative with respect to a parameter as the difference of two means: one coordinate of a draw at a time is
/// replaced by a draw from the positive and from the negative part of the derivative of its density,
///
/// $$\frac{\partial}{\partial\theta_i} E_q f(z) = c_i E\bigl[f(z_1, \dots, z_i^+, \dots, z_D) -
///   f(z_1, \dots, z_i^-, \dots, z_D)\bigr],$$
///
/// coupled as in [`WeakDerivative`]; the other coordinates are the same on both sides.
///
/// Here $f = \ln p(x, z) - \ln q(z \mid x)$ as a number: the rest of $\nabla_\varphi$ is $-E\nabla\ln q$, which is
/// zero and is left out. The gradient of the model's parameters is taken at the draw itself. The estimate,
/// a mean of $K$ draws, is unbiased for the ELBO's gradient with normal, Bernoulli and Poisson posteriors of one layer;
/// $f$ may have jumps.
///
/// It costs $1 + 2PD$ evaluations of the model for each draw, $P$ parameters for each of $D$ coordinates, none
/// of them differentiated but the first. On $(z - k)^2$ its variance is below that of the path; prefer it
/// where $D$ is small and $f$ is rough or cannot be differentiated. For bits the pair is not random, and the estimator
/// is the sum over both values of each bit given the others.
///
/// ```
/// use pathscore_estimators::{Estimator, Query, Work, both::MeasureValued};
/// use pathscore_models::{Params, latent::BernoulliToy, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = BernoulliToy::new(&mut params, 1.0, 0.45, rng);
/// MeasureValued.estimate(Query::new(&model, &params, &[0.0], 1), rng, &mut work);
/// // With a single bit nothing is random: p(1 − p)(1 − 2t).
/// assert!((work.gradient(1)[0] - 0.019661193324148185).abs() < 1e-15);
/// ```
#[doc(alias = "weak derivative")]
#[derive(Clone, Copy, Debug, Default)]
pub struct MeasureValued;

impl<F, M> Estimator<F, M> for MeasureValued
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: WeakDerivative<'t, F>,
{
    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, samples, scale, .. } = query;
        require_samples(samples, 1);
        work.tape.clear();
        let Work { tape, grads, stats, .. } = work;
        let params = params.on(tape);
        let x = query.rows(tape);
        let q = model.posterior(params, x);
        let drawn = q.sample(samples, rng);
        let joint = model.log_joint(params, x, drawn);
        let value = (joint.detach() - q.detach().log_prob(drawn)).value();

        let parameters = q.parameters();
        let at: Vec<Tensor<F>> = parameters.iter().map(|parameter| parameter.value()).collect();
        let drawn = drawn.value();
        let event = drawn.values().len() / samples;
        let width = event / batch.max(1);
        // There is a pair of sides for each draw, parameter and coordinate: all rows with that coordinate replaced.
        let splits = samples * parameters.len() * width;
        let which = |split: usize| {
            let (draw, rest) =
                (split / (parameters.len() * width), split % (parameters.len() * width));
            (draw, rest / width, rest % width)
        };
        let mut factors = Vec::with_capacity(splits * batch);
        let sides = tape.constant_with([2 * splits, batch, width], |sides| {
            for (split, pair) in sides.chunks_exact_mut(2 * event).enumerate() {
                let (draw, by, coordinate) = which(split);
                let (plus, minus) = pair.split_at_mut(event);
                let same = &drawn.values()[draw * event..][..event];
                plus.copy_from_slice(same);
                minus.copy_from_slice(same);
                for place in (coordinate..event).step_by(width) {
                    let here: Vec<f64> = at.iter().map(|at| at.values()[place].to_f64()).collect();
                    let pair = M::Posterior::split(&here, by, rng);
                    plus[place] = F::from_f64(pair.plus);
                    minus[place] = F::from_f64(pair.minus);
                    factors.push(F::from_f64(pair.factor));
                }
            }
        });
        let f = (model.log_joint(params.detach(), x, sides) - q.detach().log_prob(sides)).value();

        // The adjoint of a parameter is Σ c (f(z⁺) − f(z⁻)) / K.
        let share = scale / F::from_f64(samples as f64);
        let mut cotangents = vec![vec![F::ZERO; event]; parameters.len()];
        for (split, f) in f.values().chunks_exact(2 * batch).enumerate() {
            let (_, by, coordinate) = which(split);
            for b in 0..batch {
                let difference = factors[split * batch + b] * (f[b] - f[batch + b]);
                cotangents[by][b * width + coordinate] += share * difference;
            }
        }
        let shares = vec![share; samples * batch];
        let mut pulled = vec![(joint, &shares[..])];
        pulled.extend(
            parameters.iter().zip(&cotangents).map(|(&var, cotangents)| (var, &cotangents[..])),
        );
        tape.pull_into(&pulled, &[], grads);
        let bound = value.values().iter().copied().sum::<F>() / F::from_f64(samples as f64);
        record_stats(stats, batch, bound)
    }
}
