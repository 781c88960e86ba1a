//! The estimator for models whose likelihood is known.

use crate::estimator::{Claim, Estimator, Query, record_stats};
use crate::target::Target;
use crate::work::Work;
use pathscore_autodiff::Scalar;
use pathscore_models::{RandomSource, Tractable};

/// The gradient of $\sum_b \ln p(x_b)$, by reverse differentiation of the exact log-likelihood.
///
/// It draws nothing and is exact; the query's `samples` have no effect. It costs one evaluation. For latent-variable
/// models whose $\ln p(x)$ is a closed form, as probabilistic PCA's, prefer it to every bound.
///
/// ```
/// use pathscore_estimators::tractable::ExactLikelihood;
/// use pathscore_estimators::{Estimator, Query, Work};
/// use pathscore_models::{Params, seed, tractable::Ppca};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = Ppca::new(&mut params, 3, 1, rng);
/// let query = Query::new(&model, &params, &[1.0, 0.0, -1.0], 1);
/// let log_p = ExactLikelihood.estimate(query, rng, &mut work);
/// assert_eq!(ExactLikelihood.estimate(query, rng, &mut work), log_p);
/// ```
#[doc(alias = "maximum likelihood")]
#[derive(Clone, Copy, Debug, Default)]
pub struct ExactLikelihood;

/// The working memory of [`ExactLikelihood`].
#[derive(Debug, Default)]
struct Scratch<F> {
    /// The cotangents of $\ln p(x_b)$.
    log_prob: Vec<F>,
}

impl<F: Scalar, M: Tractable<F>> Estimator<F, M> for ExactLikelihood {
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn claim(&self) -> Claim {
        Claim::Exact
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, _: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, scale, .. } = query;
        work.tape.clear();
        let Work { tape, grads, stats, scratch, .. } = work;
        let Scratch { log_prob: cotangents } = scratch.of::<Scratch<F>>();
        let log_prob = model.log_prob(params.on(tape), query.rows(tape));
        cotangents.clear();
        cotangents.resize(batch, scale);
        tape.pull_into(&[(log_prob, &cotangents[..])], &[], grads);
        record_stats(stats, batch, log_prob.with(|values| values.iter().copied().sum()))
    }
}
