//! Estimators along the path of a sample: the posterior is a smooth function of noise.

use super::options::{ALPHA, KL, Value};
use super::row::{About, Job, Place, Row, Skip, Variant};
use pathscore::autodiff::Scalar;
use pathscore::estimators::differences::{FiniteDifferences, Spsa};
use pathscore::estimators::path::{Dreg, Iwae, Renyi, Sgvb, SgvbKl, StickingTheLanding};
use pathscore::models::dist::{Kl, Reparam};
use pathscore::models::latent::LatentModel;

/// The rows of models whose posterior has a path and a divergence from the prior in closed form.
pub(crate) fn path_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: Reparam<'t, F> + Kl<'t, F, M::Prior<'t>>,
    J: Job<F, M>,
{
    let mut rows: Vec<Row<F, M, J>> = vec![Row::new(
        &About {
            name: "sgvb",
            line: "ELBO, along the path of a reparameterised sample",
            source: "Kingma & Welling 2014",
            choose: "there is a path: it is cheap, and its noise is seldom the problem",
            options: &[KL],
            variants: &[
                Variant {
                    name: "sgvb-analytic",
                    line: "sgvb, divergence in closed form",
                    options: &[(KL, Value::Choice("analytic"))],
                    ..Variant::DEFAULT
                },
                Variant {
                    name: "sgvb-sampled",
                    line: "sgvb, divergence at the draws",
                    options: &[(KL, Value::Choice("sampled"))],
                    ..Variant::DEFAULT
                },
            ],
            ..About::DEFAULT
        },
        |options, setup, job| match options.choice(KL) {
            "analytic" => job.run(setup.params, SgvbKl),
            _ => job.run(setup.params, Sgvb),
        },
    )];
    rows.extend(reparam_rows());
    rows
}

/// The rows of models whose posterior has a path, and no divergence from the prior in closed form.
pub(crate) fn sampled_path_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: Reparam<'t, F>,
    J: Job<F, M>,
{
    let mut rows: Vec<Row<F, M, J>> = vec![Row::new(
        &About {
            name: "sgvb",
            line: "ELBO, along the path of a reparameterised sample",
            source: "Kingma & Welling 2014",
            choose: "there is a path: it is cheap, and its noise is seldom the problem",
            ..About::DEFAULT
        },
        |_, setup, job| job.run(setup.params, Sgvb),
    )];
    rows.extend(reparam_rows());
    rows
}

/// The rows that need a path alone.
fn reparam_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: Reparam<'t, F>,
    J: Job<F, M>,
{
    vec![
        Row::new(
            &About {
                name: "stl",
                line: "ELBO, sgvb without the score of q: no noise where q is the posterior",
                source: "Roeder et al. 2017",
                choose: "q comes near the posterior, where its noise vanishes",
                ..About::DEFAULT
            },
            |_, setup, job| job.run(setup.params, StickingTheLanding),
        ),
        Row::new(
            &About {
                name: "iwae",
                line: "the importance-weighted bound of K draws, along the path",
                source: "Burda et al. 2016",
                choose: "a tighter bound matters more than q, whose gradient fades as K grows",
                samples: 10,
                ..About::DEFAULT
            },
            |_, setup, job| job.run(setup.params, Iwae),
        ),
        Row::new(
            &About {
                name: "dreg",
                line: "iwae, doubly reparameterised: less noise for q; prefer it to iwae",
                source: "Tucker et al. 2019",
                choose: "a tighter bound matters and q is to profit from larger K",
                samples: 10,
                ..About::DEFAULT
            },
            |_, setup, job| job.run(setup.params, Dreg),
        ),
        Row::new(
            &About {
                name: "renyi",
                line: "Rényi's bound of order --alpha, along the path",
                source: "Li & Turner 2016",
                choose: "q is to cover more (α < 1) or less (α > 1) of the posterior than the ELBO asks",
                options: &[ALPHA],
                samples: 10,
                variants: &[
                    Variant {
                        name: "renyi-half",
                        line: "Rényi's bound with α = ½",
                        options: &[(ALPHA, Value::Number(0.5))],
                        place: Place::Problems,
                        skips: &[Skip {
                            problems: &["logistic-normal"],
                            why: "its columns differ from iwae's by the power alone, and iwae is proven there",
                        }],
                        ..Variant::DEFAULT
                    },
                    Variant {
                        name: "renyi",
                        line: "Rényi's bound of order --alpha",
                        place: Place::Runs,
                        ..Variant::DEFAULT
                    },
                ],
                ..About::DEFAULT
            },
            |options, setup, job| job.run(setup.params, Renyi { alpha: options.number(ALPHA) }),
        ),
    ]
}

/// One problem with a closed form and one toy are enough for differences, which use no derivative of the model.
const DIFFERENCES: Skip = Skip {
    problems: &["logistic-normal"],
    why: "differences use no derivative of the model: linear-gaussian and gaussian-quadratic show their bias",
};

/// The rows of differences of the reported value with common random numbers, which need draws that move smoothly.
pub(crate) fn difference_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: Reparam<'t, F>,
    J: Job<F, M>,
{
    vec![
        Row::new(
            &About {
                name: "differences",
                line: "central differences with common random numbers, one parameter at a time",
                source: "Glasserman & Yao 1992",
                choose: "no derivative is at hand and the parameters are few",
                skips: &[DIFFERENCES],
                ..About::DEFAULT
            },
            |_, setup, job| job.run(setup.params, FiniteDifferences::default()),
        ),
        Row::new(
            &About {
                name: "spsa",
                line: "central differences in a random direction",
                source: "Spall 1992",
                choose: "no derivative is at hand and the parameters are many",
                skips: &[DIFFERENCES],
                ..About::DEFAULT
            },
            |_, setup, job| job.run(setup.params, Spsa::default()),
        ),
    ]
}
