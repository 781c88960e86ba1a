//! Estimators of the gradient of p(x) and ln p(x) by draws from the prior, by series of bounds and by Markov chains.

use super::row::{About, Job, Row, Skip};
use pathscore::autodiff::Scalar;
use pathscore::estimators::likelihood::{
    CoupledChains, Multilevel, PosteriorChains, PriorPath, PriorScore, RussianRoulette,
    ScoreClimbing, SelfNormalised, UniformBox,
};
use pathscore::estimators::samplers::Mala;
use pathscore::models::dist::Reparam;
use pathscore::models::latent::LatentModel;

/// Models of several parts show nothing more of an estimator that draws all latents from the prior.
const PARTS: Skip = Skip {
    problems: &["sbn-two-layers", "sbn-three-layers", "mixed-small"],
    why: "it does not use the layers or kinds of the latents; sbn-small and linear-gaussian prove it",
};

/// The number of draws of an estimate is not bounded, so that draws of the gradient decide, and these proofs take long.
const UNBOUNDED: Skip = Skip {
    problems: &[
        "linear-gaussian",
        "logistic-normal",
        "sbn-two-layers",
        "sbn-three-layers",
        "mixed-small",
    ],
    why: "its proof is one of many draws, and it does not use the layers or kinds of the latents; sbn-small proves it",
};

/// The tails of the estimate are too heavy for a verdict.
const HEAVY_TAILS: Skip = Skip {
    problems: &[
        "sbn-small",
        "linear-gaussian",
        "logistic-normal",
        "sbn-two-layers",
        "sbn-three-layers",
        "mixed-small",
    ],
    why: "the terms fall no faster than their probabilities, so that rare draws carry the variance and no number of draws decides; \
          multilevel estimates the same, with a finite variance",
};

/// The mean of a chain that has just begun says nothing about one that has run.
const CHAINS: Skip = Skip {
    problems: &["linear-gaussian", "logistic-normal"],
    why: "its chains lag behind by an amount that depends on their start, and every transition is a choice more to enumerate: \
          no proof ends in time; `likelihood` shows its gradient beside the exact one",
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
                choose: "likelihood by draws from the prior is to be seen failing, then understood",
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
                choose: "there is no q, and the prior is near the posterior",
                skips: &[PARTS],
                ..About::DEFAULT
            },
            |_, setup, job| job.run(setup.params, SelfNormalised),
        ),
        Row::new(
            &About {
                name: "multilevel",
                line: "ln p(x), the sum of differences of bounds at a level that is drawn",
                source: "Shi & Cornish 2021",
                choose: "ln p(x) itself is wanted without bias, and moderate tails are bearable",
                samples: 3,
                fixed_samples: true,
                skips: &[UNBOUNDED],
                ..About::DEFAULT
            },
            |_, setup, job| job.run(setup.params, Multilevel),
        ),
        Row::new(
            &About {
                name: "russian-roulette",
                line: "ln p(x), the steps between bounds cut at random; heavy tails",
                source: "Luo et al. 2020",
                choose: "an unbiased ln p(x) by truncation is to be compared with multilevel, which has lighter tails",
                skips: &[HEAVY_TAILS],
                ..About::DEFAULT
            },
            |_, setup, job| job.run(setup.params, RussianRoulette),
        ),
        Row::new(
            &About {
                name: "coupled-cis",
                line: "ln p(x), two chains of K ≥ 2 candidates until they meet",
                source: "Ruiz et al. 2021",
                choose: "ln p(x) is wanted without bias, and q is good enough for chains to meet",
                skips: &[UNBOUNDED],
                ..About::DEFAULT
            },
            |_, setup, job| job.run(setup.params, CoupledChains::default()),
        ),
        Row::new(
            &About {
                name: "score-climbing",
                line: "ln p(x), a chain of K ≥ 2 candidates for each row; q climbs the inclusive divergence",
                source: "Naesseth et al. 2020",
                choose: "q is to cover the posterior, with a state for each row of the data",
                skips: &[PARTS],
                ..About::DEFAULT
            },
            |_, setup, job| job.run(setup.params, ScoreClimbing),
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
                choose: "likelihood by draws from the prior is to be seen where they have a path",
                ..About::DEFAULT
            },
            |_, setup, job| job.run(setup.params, PriorPath),
        ),
        Row::new(
            &About {
                name: "posterior-chains",
                line: "ln p(x), Langevin chains over the posterior, which last from step to step",
                source: "Fisher 1925",
                choose: "there is no q, and the latents have gradients",
                skips: &[CHAINS],
                ..About::DEFAULT
            },
            |_, setup, job| {
                job.run(setup.params, PosteriorChains { sampler: Mala::new(0.5), steps: 10 })
            },
        ),
        Row::new(
            &About {
                name: "prior-box",
                line: "p(x), uniform draws in a box, times its volume",
                source: "crude Monte Carlo",
                choose: "crude Monte Carlo is to be seen, in one or two dimensions",
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
