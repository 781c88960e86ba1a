//! Exact gradients: every state of the latents, or the nodes of a quadrature.

use super::row::{About, Job, Row};
use pathscore::autodiff::Scalar;
use pathscore::estimators::exact::{Enumeration, Quadrature};
use pathscore::models::dist::{Enumerable, Normal};
use pathscore::models::latent::LatentModel;

/// The rows of models whose latents have finitely many states.
pub(crate) fn enumerable_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: Enumerable<'t, F>,
    J: Job<F, M>,
{
    vec![Row::new(
        &About {
            name: "enumeration",
            line: "ELBO, the sum over every state of the latents",
            source: "exact",
            choose: "the states can be listed, up to some thousand: no noise at all",
            ..About::DEFAULT
        },
        |_, setup, job| job.run(setup.params, Enumeration),
    )]
}

/// The rows of models with a single normal latent.
pub(crate) fn normal_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: for<'t> LatentModel<F, Posterior<'t> = Normal<'t, F>>,
    J: Job<F, M>,
{
    vec![Row::new(
        &About {
            name: "quadrature",
            line: "ELBO, by 20 Gauss–Hermite nodes",
            source: "Golub & Welsch 1969",
            choose: "there are one or two normal latents: no noise at all",
            samples: 20,
            fixed_samples: true,
            ..About::DEFAULT
        },
        |_, setup, job| job.run(setup.params, Quadrature),
    )]
}
