//! Estimators for one layer of bits.

use super::options::{BASELINE_HIDDEN, TEMPERATURE, TEMPERATURE_IF_ANY, Value};
use super::row::{About, Job, Row, Skip, Variant};
use pathscore::autodiff::Scalar;
use pathscore::estimators::both::{
    Arm, Concrete, DisArm, LocalExpectation, Many, Rebar, Relax, StraightThrough,
};
use pathscore::estimators::score::MuProp;
use pathscore::models::dist::Bits;
use pathscore::models::latent::LatentModel;

const BITS: About = About { one_layer: true, ..About::DEFAULT };

/// The mean of a relaxed estimator is sampled and not enumerated, and one such proof takes as long as all others.
const RELAXED: Skip = Skip {
    problems: &["bernoulli-toy"],
    why: "its proof is by samples and slow; sbn-small has the same bits behind a model",
};

/// The rows of models whose posterior is bits that are independent of each other.
pub(crate) fn bits_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: Bits<'t, F>,
    J: Job<F, M>,
{
    vec![
        Row::new(
            &About {
                name: "muprop",
                line: "ELBO, reinforce with a linear baseline: the tangent of f at the mean of the bits",
                source: "Gu et al. 2016",
                choose: "the network after the bits is nearly linear",
                ..BITS
            },
            |_, setup, job| job.run(setup.params, MuProp::default()),
        ),
        Row::new(
            &About {
                name: "arm",
                line: "ELBO, pairs of opposite bits of one uniform number, --num-samples pairs",
                source: "Yin & Zhou 2019",
                choose: "disarm is to be understood, which has never more noise",
                ..BITS
            },
            |_, setup, job| job.run(setup.params, Arm),
        ),
        Row::new(
            &About {
                name: "disarm",
                line: "ELBO, arm with its uniform numbers averaged out; prefer it to arm",
                source: "Dong, Mnih & Tucker 2020",
                choose: "two evaluations a draw are cheap, and less noise than reinforce is wanted",
                ..BITS
            },
            |_, setup, job| job.run(setup.params, DisArm),
        ),
        Row::new(
            &About {
                name: "disarm-bound",
                line: "the importance-weighted bound of K draws, through K pairs of opposite bits",
                source: "Dong, Mnih & Tucker 2020",
                choose: "the bound of K draws is wanted of one layer of bits",
                samples: 10,
                ..BITS
            },
            |_, setup, job| job.run(setup.params, Many(DisArm)),
        ),
        Row::new(
            &About {
                name: "rebar",
                line: "ELBO, the relaxed model as control variate, temperature and scale learnt",
                source: "Tucker et al. 2017",
                choose: "the relaxed model is a good control variate",
                options: &[TEMPERATURE],
                skips: &[RELAXED],
                ..BITS
            },
            |options, setup, job| job.run(setup.params, Rebar::new(options.number(TEMPERATURE))),
        ),
        Row::new(
            &About {
                name: "relax",
                line: "ELBO, rebar with a network added to its control variate",
                source: "Grathwohl et al. 2018",
                choose: "rebar's control variate is not enough; a network learns the rest",
                options: &[TEMPERATURE, BASELINE_HIDDEN],
                variants: &[Variant {
                    name: "relax",
                    line: "rebar with a network added to its control variate",
                    on_problems: &[(BASELINE_HIDDEN, Value::Count(2))],
                    ..Variant::DEFAULT
                }],
                skips: &[RELAXED],
                ..BITS
            },
            |options, mut setup, job| {
                let (latents, hidden) = (setup.layers.iter().sum(), options.count(BASELINE_HIDDEN));
                let mut relax = Relax::new(&mut setup.params, latents, hidden, &mut setup.rng);
                relax.rebar = Rebar::new(options.number(TEMPERATURE));
                job.run(setup.params, relax)
            },
        ),
        Row::new(
            &About {
                name: "local",
                line: "ELBO, each bit summed over exactly: one evaluation more for every latent",
                source: "Titsias & Lázaro-Gredilla 2015",
                choose: "the latents are few, or as the truth that others are compared with",
                each_latent: true,
                ..BITS
            },
            |_, setup, job| job.run(setup.params, LocalExpectation),
        ),
        Row::new(
            &About {
                name: "concrete",
                line: "relaxed bits at --temperature, biased: the model is trained on values between zero and one",
                source: "Maddison, Mnih & Teh 2017",
                choose: "a smooth start is worth a wrong end",
                options: &[TEMPERATURE],
                ..BITS
            },
            |options, setup, job| {
                job.run(setup.params, Concrete { temperature: options.number(TEMPERATURE) })
            },
        ),
        Row::new(
            &About {
                name: "straight-through",
                line: "bits with the slope of their probabilities or, with --temperature, of relaxed bits; biased",
                source: "Bengio et al. 2013",
                choose: "a simple, fast start is worth a wrong end",
                options: &[TEMPERATURE_IF_ANY],
                ..BITS
            },
            |options, setup, job| {
                let temperature = options.number_if_any(TEMPERATURE_IF_ANY);
                job.run(setup.params, StraightThrough { temperature })
            },
        ),
    ]
}
