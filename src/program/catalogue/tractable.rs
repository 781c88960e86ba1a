//! Estimators for models whose likelihood is known.

use super::row::{About, Job, Row};
use pathscore::autodiff::Scalar;
use pathscore::estimators::tractable::ExactLikelihood;
use pathscore::models::Tractable;

/// The rows of models with an exact likelihood.
pub(crate) fn tractable_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: Tractable<F>,
    J: Job<F, M>,
{
    vec![Row::new(
        &About {
            name: "exact-likelihood",
            line: "ln p(x), the derivative of the exact log-likelihood",
            source: "exact",
            choose: "the model has an exact likelihood: nothing is better",
            ..About::DEFAULT
        },
        |_, setup, job| job.run(setup.params, ExactLikelihood),
    )]
}
