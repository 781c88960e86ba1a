//! Noise-contrastive estimation against the normal base of an energy.

use crate::estimator::{Claim, Estimator, Query, record_stats, require_samples};
use crate::target::Target;
use crate::work::Work;
use pathscore_autodiff::Scalar;
use pathscore_models::RandomSource;
use pathscore_models::energy::RealEnergy;

/// Noise-contrastive estimation (Gutmann and Hyvärinen 2010) with the model's base as noise: a classifier learns to tell data
/// from noise, and its logit is the energy,
///
/// $$\sum_b \Big( \ln \sigma(G(x_b)) + \sum_{k=1}^{\nu} \ln \sigma(-G(y_{b,k})) \Big), \qquad
///   G(u) = -E(u) - \ln \nu - \ln p_{\text{noise}}(u),$$
///
/// with $\nu$ rows of noise (the query's `samples`) for each row of data. It is unbiased for its own objective. Where the
/// model can be the data's density, the maximum is there *and normalised*: a constant of the energy becomes $\ln Z$. The model needs
/// such a constant: [`EnergyNet`](pathscore_models::energy::EnergyNet) has one, others take
/// [`WithLogPartition`](pathscore_models::energy::WithLogPartition). Without the term $\ln \nu$ the constant would
/// be off by $\ln \nu$.
///
/// It costs one evaluation for each row of data and noise, without chains and without second derivatives. The gradient
/// vanishes where data and noise are told apart with certainty, so that noise far from the data teaches nothing: prefer it in few
/// dimensions.
///
/// ```
/// use pathscore_estimators::{Estimator, Query, Work, energy::NormalNoiseContrastive};
/// use pathscore_models::energy::{GaussianEnergy, NormalBase, WithLogPartition};
/// use pathscore_models::{Params, seed};
/// let (mut params, rng) = (Params::<f64>::new(), &mut seed::rng(0, seed::Stream::Init, 0));
/// let model = GaussianEnergy::new(&mut params, NormalBase::standard(1), rng);
/// let log_z = model.log_partition(&params);
/// let model = WithLogPartition::new(&mut params, model, rng);
/// params.get_mut(model.log_partition())[0] = log_z;
/// // Model and noise are the same: the classifier tosses a coin of ν : 1.
/// let value = NormalNoiseContrastive.estimate(Query::new(&model, &params, &[0.3], 3), rng, &mut Work::new());
/// assert!((value - (0.25_f64.ln() + 3.0 * 0.75_f64.ln())).abs() < 1e-14);
/// ```
#[doc(alias = "NCE")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NormalNoiseContrastive;

/// The cotangents of the logits of data and noise.
#[derive(Debug, Default)]
struct Scratch<F>(Vec<F>);

impl<F: Scalar, M: RealEnergy<F>> Estimator<F, M> for NormalNoiseContrastive {
    fn target(&self) -> Target {
        Target::Criterion("noise contrast")
    }

    fn claim(&self) -> Claim {
        Claim::Unbiased
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, samples, scale, .. } = query;
        require_samples(samples, 1);
        work.tape.clear();
        let Work { tape, grads, stats, scratch, .. } = work;
        let Scratch(cotangents) = scratch.of::<Scratch<F>>();
        let (tape, bound) = (&*tape, params.on(tape));
        let shift = F::from_f64((samples as f64).ln());
        let data = query.rows(tape);
        let noise = model.base().sample(tape, samples * batch, rng);
        let logit = |u| -model.energy(bound, u) - shift - model.base().log_prob(u);
        let of_data = logit(data).log_sigmoid();
        let of_noise = (-logit(noise)).log_sigmoid();
        cotangents.clear();
        cotangents.resize(samples * batch, scale);
        tape.pull_into(&[(of_data, &cotangents[..batch]), (of_noise, &cotangents[..])], &[], grads);
        let sum = |values: &[F]| values.iter().copied().sum::<F>();
        record_stats(stats, batch, of_data.with(sum) + of_noise.with(sum))
    }
}
