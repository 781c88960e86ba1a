//! Noise-contrastive estimation (Gutmann and Hyvärinen 2012).

use super::independent_bits::IndependentBits;
use crate::estimator::{Claim, Estimator, Query, record_stats};
use crate::target::Target;
use crate::work::Work;
use pathscore_autodiff::{Scalar, Var};
use pathscore_models::{Bound, Energy, Init, ParamId, Params, RandomSource};
use rand::Rng;

/// Noise-contrastive estimation, NCE: a classifier that tells data from noise, whose log-odds are those of an
/// unnormalised model (Gutmann and Hyvärinen 2012).
///
/// $$J = \sum_b \Big[ \ln \sigma(G(x_b)) + \frac1K \sum_{k=1}^{\nu K} \ln \sigma(-G(y_{b,k})) \Big], \qquad
/// G(u) = -E(u) - c - \ln(\nu p_n(u))$$
///
/// with $\nu K$ draws $y$ of the noise $p_n$ for each row, $K$ the samples of the query. $c$ stands for $\ln Z$ and is a
/// parameter of its own, behind those of the model; where $J$ is largest and the model can describe the data, $c = \ln Z$,
/// and only there. The derivative of $\ln \sigma(G)$ is $\sigma(-G) \nabla G$. The value is $J$, which says how far the
/// classifier is, and is no bound on $\ln p(x)$.
///
/// The gradient is *unbiased* for the mean of $J$ over the noise, and *biased* for $\ln p(x)$. It vanishes where the noise
/// is far from data and model, because then every $\sigma$ is zero; and it tends to that of the likelihood as
/// $\nu \to \infty$. The term $\ln \nu$ belongs to it: without it, $c$ is off by $\ln \nu$. It costs $1 + \nu K$ energies
/// of each row. Prefer it where chains mix badly and good noise is known.
///
/// ```
/// use pathscore_estimators::{Estimator, Query, Work, energy::{IndependentBits, NoiseContrastive}};
/// use pathscore_models::{Params, energy::Rbm, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = Rbm::new(&mut params, 4, 3, rng);
/// let noise = IndependentBits::new(&[0.5; 4]);
/// let estimator = NoiseContrastive::new(&mut params, noise, 1, 7.0 * 2_f64.ln(), rng);
/// let query = Query::new(&model, &params, &[1.0, 0.0, 0.0, 1.0], 1);
/// // Almost without weights model and noise are equal, and the classifier guesses: J = −2 ln 2.
/// assert!((estimator.estimate(query, rng, &mut work) + 2.0 * 2_f64.ln()).abs() < 0.1);
/// ```
#[doc(alias = "NCE")]
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseContrastive {
    /// The noise.
    pub noise: IndependentBits,
    /// $\nu$, the draws of noise for each row and sample.
    pub ratio: usize,
    log_partition: ParamId,
}

impl NoiseContrastive {
    /// Adds the parameter `nce/log_partition`, $c$, which begins at `log_partition`; see
    /// [`IndependentBits::log_partition`] for an estimate of $\ln Z$ at the beginning.
    ///
    /// # Panics
    /// If $\nu$ is zero.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        noise: IndependentBits,
        ratio: usize,
        log_partition: f64,
        rng: &mut R,
    ) -> Self {
        assert!(ratio > 0, "nce: there is no noise to tell data from");
        let log_partition =
            params.add("nce/log_partition", [1], Init::Constant(log_partition), rng);
        Self { noise, ratio, log_partition }
    }

    /// The id of $c$, the estimate of $\ln Z$.
    pub fn log_partition(&self) -> ParamId {
        self.log_partition
    }

    /// $G(u) = -E(u) - c - \ln(\nu p_n(u))$ for every row.
    fn log_odds<'t, F: Scalar, M: Energy<F>>(
        &self,
        model: &M,
        params: Bound<'t, F>,
        u: Var<'t, F>,
    ) -> Var<'t, F> {
        let log_ratio = F::from_f64((self.ratio as f64).ln());
        let log_model = -(model.energy(params, u) + params.get(self.log_partition));
        log_model - self.noise.log_prob(u) - log_ratio
    }
}

impl<F: Scalar, M: Energy<F>> Estimator<F, M> for NoiseContrastive {
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn reports_target(&self) -> bool {
        false
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, samples, scale, .. } = query;
        work.tape.clear();
        let Work { tape, grads, stats, .. } = work;
        let (params, x) = (params.on(tape), query.rows(tape));
        let y = self.noise.draw(tape, self.ratio * samples * batch, rng);
        let of_data = self.log_odds(model, params, x).log_sigmoid().sum();
        let of_noise = (-self.log_odds(model, params, y)).log_sigmoid().sum();
        let share = F::from_f64(1.0 / samples as f64);
        tape.pull_into(&[(of_data, &[scale]), (of_noise, &[scale * share])], &[], grads);
        record_stats(stats, batch, of_data.item() + share * of_noise.item())
    }
}
