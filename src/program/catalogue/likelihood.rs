//! Estimators of the gradient of p(x) and ln p(x) by draws from the prior.

use super::row::{About, Job, Row, Skip};
use pathscore::autodiff::Scalar;
use pathscore::estimators::likelihood::{PriorPath, PriorScore, SelfNormalised, UniformBox};
use pathscore::models::dist::Reparam;
use pathscore::models::latent::LatentModel;

/// Models of several parts show nothing more of an estimator that draws all latents from the prior.
const PARTS: Skip = Skip {
    problems: &["sbn-two-layers", "sbn-three-layers", "mixed-small"],
    why: "it does not use the layers or kinds of the latents; sbn-small and linear-gaussian prove it",
};

/// The rows of all models with latents.
pub(crate) fn prior_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: LatentModel<F>,
    J: Job<F, M>,
{
    vec![
        Row::new(
            &About {
                name: "prior-score",
                line: "p(x), draws from the prior, through its score",
                source: "Fisher 1925",
                skips: &[PARTS],
                ..About::DEFAULT
            },
            |_, setup, job| job.run(setup.params, PriorScore),
        ),
        Row::new(
            &About {
                name: "self-normalised",
                line: "ln p(x), draws from the prior, weighted by the likelihood; biased",
                source: "Fisher 1925",
                skips: &[PARTS],
                ..About::DEFAULT
            },
            |_, setup, job| job.run(setup.params, SelfNormalised),
        ),
    ]
}

/// The rows of models whose prior has a path.
pub(crate) fn prior_path_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Prior<'t>: Reparam<'t, F>,
    J: Job<F, M>,
{
    vec![
        Row::new(
            &About {
                name: "prior-path",
                line: "p(x), draws from the prior, along their path",
                source: "Kingma & Welling 2014",
                ..About::DEFAULT
            },
            |_, setup, job| job.run(setup.params, PriorPath),
        ),
        Row::new(
            &About {
                name: "prior-box",
                line: "p(x), uniform draws in a box, times its volume",
                source: "crude Monte Carlo",
                ..About::DEFAULT
            },
            |_, setup, job| {
                // A standard normal prior has less than 10⁻¹² outside.
                let sides = vec![[-7.5, 8.0]; setup.layers.iter().sum()];
                job.run(setup.params, UniformBox { sides })
            },
        ),
    ]
}
