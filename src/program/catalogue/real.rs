//! Criteria for energies of real rows: score matching, contrasts, and chains by dynamics.

use super::options::{CHAINS, Options, Value};
use super::real_options::{
    DIRECTIONS, DISCREPANCY_NOISE, DRAWS, LEAPFROGS, MANY_DRAWS, MOVES, NOISE, RESTART, SAMPLER,
    STABILIZER, STEP_SIZE,
};
use super::row::{About, Job, Row, Variant};
use pathscore::autodiff::Scalar;
use pathscore::estimators::energy::{
    DenoisingScoreMatching, Directions, DynamicContrastiveDivergence, Dynamics,
    NormalEnergyDiscrepancy, NormalNoiseContrastive, PersistentDynamicDivergence, ScoreMatching,
    SlicedScoreMatching,
};
use pathscore::models::energy::RealEnergy;

/// The moves of chains that the options name.
fn dynamics(options: &Options) -> Dynamics {
    let step = options.number(STEP_SIZE);
    match options.choice(SAMPLER) {
        "hmc" => Dynamics::hmc(step, options.count(LEAPFROGS)),
        "mala" => Dynamics::mala(step),
        _ => Dynamics::langevin(step),
    }
}

/// The moves of chains, if the criterion has chains.
pub(crate) fn dynamics_if_any(options: &Options) -> Option<Dynamics> {
    options.get(SAMPLER).map(|_| dynamics(options))
}

/// The rows of energies of real numbers.
pub(crate) fn real_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: RealEnergy<F>,
    J: Job<F, M>,
{
    vec![
        Row::new(
            &About {
                name: "sm",
                line: "score matching with the exact trace of the Hessian, for few columns",
                source: "Hyvärinen 2005",
                choose: "the columns are few and the energy is smooth",
                ..About::DEFAULT
            },
            |_, setup, job| job.run(setup.params, ScoreMatching),
        ),
        Row::new(
            &About {
                name: "ssm",
                line: "sliced score matching: the Hessian along random directions",
                source: "Song et al. 2019",
                choose: "the columns are many and the energy is smooth",
                options: &[DIRECTIONS, DRAWS],
                ..About::DEFAULT
            },
            |options, setup, job| {
                let directions = match options.choice(DIRECTIONS) {
                    "normal" => Directions::Normal,
                    _ => Directions::Rademacher,
                };
                job.run(setup.params, SlicedScoreMatching { directions })
            },
        ),
        Row::new(
            &About {
                name: "dsm",
                line: "denoising score matching: the score points back from noise to the data",
                source: "Vincent 2011",
                choose: "some blur is harmless: it is the cheapest of the three",
                options: &[NOISE, DRAWS],
                ..About::DEFAULT
            },
            |options, setup, job| {
                let noise = options.number(NOISE);
                job.run(setup.params, DenoisingScoreMatching { noise })
            },
        ),
        Row::new(
            &About {
                name: "nce",
                line: "noise contrast with a normal law as noise, which learns ln Z too",
                source: "Gutmann & Hyvärinen 2010",
                choose: "ln Z is wanted with the parameters, and a good noise distribution is at hand",
                options: &[MANY_DRAWS],
                variants: &[Variant {
                    name: "nce-normal",
                    line: "noise contrast with a normal law as noise",
                    ..Variant::DEFAULT
                }],
                ..About::DEFAULT
            },
            |_, setup, job| job.run(setup.params, NormalNoiseContrastive),
        ),
        Row::new(
            &About {
                name: "ed",
                line: "energy discrepancy: rows against points that were perturbed twice",
                source: "Schröder et al. 2023",
                choose: "neither chains nor derivatives with respect to the data are wanted",
                options: &[DISCREPANCY_NOISE, STABILIZER, MANY_DRAWS],
                variants: &[Variant {
                    name: "ed-normal",
                    line: "energy discrepancy with normal perturbations",
                    on_problems: &[(STABILIZER, Value::Number(0.0))],
                    ..Variant::DEFAULT
                }],
                ..About::DEFAULT
            },
            |options, setup, job| {
                let (noise, stabiliser) =
                    (options.number(DISCREPANCY_NOISE), options.number(STABILIZER));
                job.run(setup.params, NormalEnergyDiscrepancy { noise, stabiliser })
            },
        ),
        Row::new(
            &About {
                name: "cd",
                line: "ln p(x), contrastive divergence: chains by dynamics from the data; biased",
                source: "Hinton 2002",
                choose: "a fast start is enough, or its bias is to be seen",
                options: &[SAMPLER, STEP_SIZE, LEAPFROGS, MOVES],
                variants: &[Variant {
                    name: "cd-dynamics",
                    line: "contrastive divergence with chains by Langevin dynamics",
                    ..Variant::DEFAULT
                }],
                ..About::DEFAULT
            },
            |options, setup, job| {
                let (dynamics, moves) = (dynamics(options), options.count(MOVES));
                job.run(setup.params, DynamicContrastiveDivergence { dynamics, moves })
            },
        ),
        Row::new(
            &About {
                name: "pcd",
                line: "ln p(x), persistent contrastive divergence: chains by dynamics that go on; biased",
                source: "Tieleman 2008; Du & Mordatch 2019",
                choose: "a Boltzmann machine is trained for its likelihood",
                keeps_chains: true,
                options: &[SAMPLER, STEP_SIZE, LEAPFROGS, MOVES, CHAINS, RESTART],
                variants: &[Variant {
                    name: "pcd-dynamics",
                    line: "persistent contrastive divergence with chains by Langevin dynamics",
                    ..Variant::DEFAULT
                }],
                ..About::DEFAULT
            },
            |options, setup, job| {
                let (dynamics, moves) = (dynamics(options), options.count(MOVES));
                let (chains, restart) = (options.count_if_any(CHAINS), options.number(RESTART));
                let pcd = PersistentDynamicDivergence { dynamics, moves, chains, restart };
                job.run(setup.params, pcd)
            },
        ),
    ]
}
