//! The gradient of ln Z by importance sampling from a base model.

use crate::estimator::{Claim, Estimator, Query, record_stats};
use crate::target::Target;
use crate::work::Work;
use pathscore_autodiff::Scalar;
use pathscore_models::{BaseModel, Params, RandomSource};

/// Biased importance sampling of $\nabla \ln Z$: the negative phase from independent draws of a base model, with weights
/// that sum to one (Bengio and Senécal 2003).
///
/// $$-\sum_b \nabla E(x_b) + B \sum_i \tilde w_i \nabla E(y_i), \qquad
/// w_i = \frac{e^{-E(y_i)}}{p_0(y_i)}, \quad \tilde w_i = \frac{w_i}{\sum_j w_j}, \quad y_i \sim p_0$$
///
/// with `draws` draws for each row and sample of the query. The base model is that of independent columns with the
/// `means`, whose normaliser cancels. Weights are normalised from the draws themselves, so that the gradient is *biased*, by
/// $O(1/n)$ for $n$ draws; with a single draw it has the weight one, and the negative phase is that of the base model. The
/// weights degenerate where the base is far from the model: their effective number is $1/\sum_i \tilde w_i^2$.
///
/// The value is $-\sum_b E(x_b) - B \ln \hat Z$ with $\hat Z = \frac1n \sum_i w_i$, an estimate of $\ln p(x)$ that is too
/// large in the mean. It costs $n$ sweeps and $2n$ energies. Prefer it for models near independent columns only; it is
/// here as the simplest answer, and for comparison.
#[doc(alias = "BIS")]
#[derive(Clone, Debug, PartialEq)]
pub struct BiasedImportanceSampling {
    /// The draws for each row and sample.
    pub draws: usize,
    /// The means of the base model's columns, for example those of the data.
    pub means: Vec<f64>,
}

/// The base model and the cotangents of the phases.
#[derive(Debug, Default)]
struct Scratch<F> {
    base: Params<F>,
    positive: Vec<F>,
    negative: Vec<F>,
}

impl<F: Scalar, M: BaseModel<F>> Estimator<F, M> for BiasedImportanceSampling {
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
        let Query { model, batch, samples, scale, .. } = query;
        work.tape.clear();
        let Work { tape, grads, stats, scratch, .. } = work;
        let Scratch { base, positive, negative } = scratch.of();
        if base.len() != query.params.len() {
            base.clone_from(query.params);
        }
        // A base keeps what it does not overwrite, such as the deviations of real columns.
        base.values_mut().copy_from_slice(query.params.values());
        let log_base = model.set_base(base, &self.means);
        let (params, x, base) = (query.params.on(tape), query.rows(tape), base.on(tape).detach());
        let (columns, draws) = (x.size() / batch.max(1), self.draws * samples * batch);
        // One sweep of the base model is an independent draw, wherever it begins.
        let anywhere = tape.constant_with([draws, columns], |to| to.fill(F::ZERO));
        let y = model.gibbs_sweep(base, anywhere, rng).detach();
        let (of_rows, of_draws) = (model.energy(params, x), model.energy(params, y));
        let log_weights = model.energy(base, y) - of_draws.detach();
        let log_sum = log_weights.log_sum_exp(..);
        let rows = F::from_f64(batch as f64);
        positive.clear();
        positive.resize(batch, -scale);
        negative.clear();
        let shares = (log_weights - log_sum).exp();
        shares.with(|shares| negative.extend(shares.iter().map(|&share| scale * rows * share)));
        tape.pull_into(&[(of_rows, &positive[..]), (of_draws, &negative[..])], &[], grads);
        let log_mean = log_sum.item() - F::from_f64((draws as f64).ln() - log_base);
        record_stats(stats, batch, -of_rows.sum().item() - rows * log_mean)
    }
}
