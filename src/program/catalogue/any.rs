//! Estimators that need only draws and log-probabilities of a posterior, so that they fit any latents.

use super::options::{
    BASELINE, BASELINE_DECAY, BASELINE_HIDDEN, BASELINE_VALUE, FIRST_POINT, NVIL_MODE, NVIL_SCALE,
    Options, POINTS, VIMCO_MEAN, Value, WAKE,
};
use super::row::{About, Job, Place, Row, Setup, Skip, Variant};
use pathscore::autodiff::Scalar;
use pathscore::estimators::score::{
    Baseline, Mean, Mode, Nvil, OptimalConstant, Reinforce, Tvo, Vimco, Wake, WakeSleep,
};
use pathscore::models::latent::{Generative, LatentModel};

/// The estimator does not use the layers of the latents, so several layers prove no more than one.
const LAYERS: Skip = Skip {
    problems: &["sbn-two-layers", "sbn-three-layers"],
    why: "it does not use the layers of the latents; sbn-small proves it for one layer",
};

/// Proofs by quadrature are slow.
const QUADRATURE: Skip = Skip {
    problems: &["logistic-normal"],
    why: "its proof there is a quadrature and slow; linear-gaussian proves it for a normal latent",
};

/// Proofs for mixed latents are the slowest.
const MIXED: Skip = Skip {
    problems: &["mixed-small"],
    why: "its proof there is a quadrature for every state and slow; reinforce-leave-one-out is proven there",
};

/// The toys have no data for a network to depend on.
const TOYS: Skip = Skip {
    problems: &["bernoulli-toy", "gaussian-quadratic"],
    why: "the expectation does not depend on x, so a network of x is a constant",
};

/// The form differs from another by a number that `sbn-small` proves.
const ONE_FORM: &[Skip] = &[
    Skip {
        problems: &["linear-gaussian", "sbn-two-layers", "sbn-three-layers"],
        why: "it differs from nvil by its running numbers alone, which sbn-small proves",
    },
    TOYS,
    QUADRATURE,
    MIXED,
];

const SMALL_NVIL: &[(&super::options::OptionRow, Value)] =
    &[(BASELINE_DECAY, Value::Number(0.8)), (BASELINE_HIDDEN, Value::Count(2))];

/// The rows of all models with latents.
pub(crate) fn any_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: LatentModel<F>,
    J: Job<F, M>,
{
    vec![
        Row::new(
            &About {
                name: "reinforce",
                line: "ELBO, through the score of the density, with --baseline",
                source: "Williams 1992",
                choose: "there is no path; with --baseline leave-one-out and K ≥ 2, not none",
                options: &[BASELINE, BASELINE_VALUE, BASELINE_DECAY, BASELINE_HIDDEN],
                samples: 4,
                variants: &[
                    Variant {
                        name: "reinforce-none",
                        line: "reinforce without a baseline",
                        options: &[(BASELINE, Value::Choice("none"))],
                        skips: &[QUADRATURE, MIXED],
                        ..Variant::DEFAULT
                    },
                    Variant {
                        name: "reinforce-constant",
                        line: "baseline constant; on problems near the mean signal",
                        options: &[(BASELINE, Value::Choice("constant"))],
                        on_problems: &[(BASELINE_VALUE, Value::Number(-2.0))],
                        on_problem: &[
                            ("bernoulli-toy", BASELINE_VALUE, Value::Number(0.25)),
                            ("gaussian-quadratic", BASELINE_VALUE, Value::Number(3.0)),
                        ],
                        skips: &[LAYERS, QUADRATURE, MIXED],
                        ..Variant::DEFAULT
                    },
                    Variant {
                        name: "reinforce-running-mean",
                        line: "baseline of earlier gradients",
                        source: "Mnih & Gregor 2014",
                        options: &[(BASELINE, Value::Choice("running-mean"))],
                        skips: &[LAYERS, QUADRATURE, MIXED],
                        ..Variant::DEFAULT
                    },
                    Variant {
                        name: "reinforce-leave-one-out",
                        line: "baseline of the other draws",
                        source: "Mnih & Rezende 2016",
                        options: &[(BASELINE, Value::Choice("leave-one-out"))],
                        ..Variant::DEFAULT
                    },
                    Variant {
                        name: "reinforce-network",
                        line: "baseline of a network of the row",
                        source: "Mnih & Gregor 2014",
                        options: &[(BASELINE, Value::Choice("network"))],
                        // On problems nvil, which adds a running centre, is studied instead.
                        place: Place::Runs,
                        ..Variant::DEFAULT
                    },
                    Variant {
                        name: "reinforce-optimal",
                        line: "the constant of least variance, learnt",
                        source: "Greensmith et al. 2004",
                        options: &[(BASELINE, Value::Choice("optimal"))],
                        skips: &[LAYERS, QUADRATURE, MIXED],
                        ..Variant::DEFAULT
                    },
                ],
                ..About::DEFAULT
            },
            |options, setup, job| {
                let baseline = match options.choice(BASELINE) {
                    "none" => Baseline::None,
                    "constant" => Baseline::Constant(options.number(BASELINE_VALUE)),
                    "running-mean" => {
                        let decay = options.number(BASELINE_DECAY);
                        Baseline::RunningMean { decay, mean: None }
                    }
                    "leave-one-out" => Baseline::LeaveOneOut,
                    "optimal" => {
                        let optimal = OptimalConstant::new(options.number(BASELINE_DECAY));
                        return job.run(setup.params, optimal);
                    }
                    _ => {
                        let (network, setup) = networks(options, setup);
                        return job.run(setup.params, network.plain());
                    }
                };
                job.run(setup.params, Reinforce { baseline })
            },
        ),
        Row::new(
            &About {
                name: "nvil",
                line: "ELBO, with a baseline network of the row, centred and scaled, for each layer",
                source: "Mnih & Gregor 2014",
                choose: "belief nets see one draw a row: its network learns the baseline of each row",
                options: &[BASELINE_DECAY, BASELINE_HIDDEN, NVIL_MODE, NVIL_SCALE],
                variants: &[
                    Variant {
                        name: "nvil",
                        line: "a network of the row and a running centre",
                        on_problems: &[
                            (NVIL_SCALE, Value::Choice("none")),
                            (BASELINE_DECAY, Value::Number(0.8)),
                            (BASELINE_HIDDEN, Value::Count(2)),
                        ],
                        skips: &[TOYS, QUADRATURE, MIXED],
                        ..Variant::DEFAULT
                    },
                    Variant {
                        name: "nvil-normalised",
                        line: "nvil, divided by its running deviation",
                        on_problems: SMALL_NVIL,
                        place: Place::Problems,
                        skips: ONE_FORM,
                        ..Variant::DEFAULT
                    },
                    Variant {
                        name: "nvil-paper",
                        line: "nvil, its running numbers updated before their use",
                        options: &[(NVIL_MODE, Value::Choice("paper"))],
                        on_problems: SMALL_NVIL,
                        place: Place::Problems,
                        skips: &[
                            Skip {
                                problems: &["linear-gaussian", "sbn-three-layers"],
                                why: "it differs from nvil by its running numbers alone, which sbn-small and \
                                      sbn-two-layers prove",
                            },
                            TOYS,
                            QUADRATURE,
                            MIXED,
                        ],
                        ..Variant::DEFAULT
                    },
                ],
                ..About::DEFAULT
            },
            |options, setup, job| {
                let (mut nvil, setup) = networks(options, setup);
                nvil.decay = options.number(BASELINE_DECAY);
                nvil.normalise = options.choice(NVIL_SCALE) == "running";
                nvil.mode = match options.choice(NVIL_MODE) {
                    "paper" => Mode::Paper,
                    _ => Mode::Unbiased,
                };
                job.run(setup.params, nvil)
            },
        ),
        Row::new(
            &About {
                name: "vimco",
                line: "the importance-weighted bound of K ≥ 2 draws, each with the others as baseline",
                source: "Mnih & Rezende 2016",
                choose: "the bound of K draws is wanted of bits or mixed latents, with K from 5 to 50",
                options: &[VIMCO_MEAN],
                samples: 10,
                variants: &[
                    Variant {
                        name: "vimco",
                        line: "many draws, others' geometric mean",
                        skips: &[MIXED],
                        ..Variant::DEFAULT
                    },
                    Variant {
                        name: "vimco-arithmetic",
                        line: "many draws, others' arithmetic mean",
                        options: &[(VIMCO_MEAN, Value::Choice("arithmetic"))],
                        place: Place::Problems,
                        skips: &[LAYERS, QUADRATURE, MIXED],
                        ..Variant::DEFAULT
                    },
                ],
                ..About::DEFAULT
            },
            |options, setup, job| {
                let mean = match options.choice(VIMCO_MEAN) {
                    "arithmetic" => Mean::Arithmetic,
                    _ => Mean::Geometric,
                };
                job.run(setup.params, Vimco { mean })
            },
        ),
        Row::new(
            &About {
                name: "wake",
                line: "reweighted wake-sleep: model and posterior learn from the same K weighted draws",
                source: "Bornschein & Bengio 2015",
                choose: "q is to cover the posterior, not to seek one mode",
                samples: 10,
                skips: &[
                    Skip {
                        problems: &["sbn-three-layers"],
                        why: "it does not use the layers of the latents; sbn-two-layers proves it for several",
                    },
                    QUADRATURE,
                    MIXED,
                ],
                ..About::DEFAULT
            },
            |_, setup, job| job.run(setup.params, Wake),
        ),
        Row::new(
            &About {
                name: "tvo",
                line: "the thermodynamic objective between the ELBO and ln p(x), --points",
                source: "Masrani et al. 2019",
                choose: "q is to learn from a bound tighter than the ELBO without a path",
                options: &[POINTS, FIRST_POINT],
                samples: 10,
                variants: &[Variant {
                    name: "tvo",
                    line: "points from q to the posterior; on problems three",
                    on_problems: &[(POINTS, Value::Count(3)), (FIRST_POINT, Value::Number(0.1))],
                    ..Variant::DEFAULT
                }],
                skips: &[LAYERS, QUADRATURE, MIXED],
                ..About::DEFAULT
            },
            |options, setup, job| {
                let (points, first) = (options.count(POINTS), options.number(FIRST_POINT));
                job.run(setup.params, Tvo::log_spaced(points, first))
            },
        ),
    ]
}

/// The rows of models that draw data given their latents.
pub(crate) fn generative_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: Generative<F>,
    J: Job<F, M>,
{
    vec![Row::new(
        &About {
            name: "wake-sleep",
            line: "wake for the model; for q a mixture of the wake and the sleep phase, --wake",
            source: "Bornschein & Bengio 2015",
            choose: "q is to learn from data that the model dreams up as well",
            options: &[WAKE],
            samples: 10,
            variants: &[
                Variant {
                    name: "sleep",
                    line: "q from data that the model has drawn, the model by its wake phase",
                    options: &[(WAKE, Value::Number(0.0))],
                    place: Place::Problems,
                    ..Variant::DEFAULT
                },
                Variant {
                    name: "wake-sleep",
                    line: "a mixture of the wake and the sleep phase, --wake",
                    place: Place::Runs,
                    ..Variant::DEFAULT
                },
            ],
            ..About::DEFAULT
        },
        |options, setup, job| job.run(setup.params, WakeSleep { wake: options.number(WAKE) }),
    )]
}

/// NVIL with a network for each layer of latents, whose input is the layer nearer the data.
fn networks<F: Scalar>(options: &Options, mut setup: Setup<F>) -> (Nvil, Setup<F>) {
    let lower = &setup.layers[..setup.layers.len().saturating_sub(1)];
    let inputs: Vec<usize> = std::iter::once(setup.columns).chain(lower.iter().copied()).collect();
    let hidden = options.count(BASELINE_HIDDEN);
    let mut nvil = Nvil::new(&mut setup.params, &inputs, hidden, &mut setup.rng);
    // A plain network has no use for its running mean, but a checkpoint holds it.
    nvil.decay = 0.9;
    (nvil, setup)
}
