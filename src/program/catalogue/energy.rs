//! Estimators for energy models: by chains of block Gibbs sweeps, by flipped bits and noise, by sums over all states.

use super::energy_options::{
    BURN_IN, DRAWS, FAST_RATE, FLIP, MOST_SWEEPS, MPF_NEIGHBOURS, NEIGHBOURS, NOISE_RATIO, PL_BITS,
    STABILISER, TEMPERATURES,
};
use super::options::{CHAINS, SWEEPS, Value};
use super::row::{About, Job, Reported, Row, Variant};
use pathscore::autodiff::Scalar;
use pathscore::estimators::energy::{
    BiasedImportanceSampling, ContrastiveDivergence, EnergyDiscrepancy,
    FastPersistentContrastiveDivergence, IndependentBits, MaximumLikelihood,
    MinimumProbabilityFlow, NoiseContrastive, PersistentContrastiveDivergence, PseudoLikelihood,
    RatioMatching, StochasticPseudoLikelihood, TemperedContrastiveDivergence,
    UnbiasedContrastiveDivergence,
};
use pathscore::models::{BaseModel, BitFlips, BlockGibbs, ExactPartition};

/// The rows of energy models whose units are sampled in blocks.
pub(crate) fn energy_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: BlockGibbs<F>,
    J: Job<F, M>,
{
    vec![
        Row::new(
            &About {
                name: "cd",
                line: "ln p(x), contrastive divergence: chains that begin at the data; biased",
                source: "Hinton 2002",
                choose: "a fast start is enough, or its bias is to be seen",
                reported: Reported::FreeEnergyDifference,
                options: &[SWEEPS],
                ..About::DEFAULT
            },
            |options, setup, job| {
                job.run(setup.params, ContrastiveDivergence { sweeps: options.count(SWEEPS) })
            },
        ),
        Row::new(
            &About {
                name: "pcd",
                line: "ln p(x), persistent contrastive divergence: chains that go on from step to step; biased",
                source: "Tieleman 2008",
                choose: "a Boltzmann machine is trained for its likelihood",
                reported: Reported::FreeEnergyDifference,
                options: &[SWEEPS, CHAINS],
                ..About::DEFAULT
            },
            |options, setup, job| {
                let (sweeps, chains) = (options.count(SWEEPS), options.count_if_any(CHAINS));
                job.run(setup.params, PersistentContrastiveDivergence { sweeps, chains })
            },
        ),
        Row::new(
            &About {
                name: "fpcd",
                line: "ln p(x), persistent chains with fast weights, which drive them on; biased",
                source: "Tieleman & Hinton 2009",
                choose: "the chains of pcd stick",
                reported: Reported::FreeEnergyDifference,
                options: &[SWEEPS, CHAINS, FAST_RATE],
                ..About::DEFAULT
            },
            |options, setup, job| {
                let (sweeps, chains) = (options.count(SWEEPS), options.count_if_any(CHAINS));
                let rate = options.number(FAST_RATE);
                let fast = FastPersistentContrastiveDivergence {
                    sweeps,
                    chains,
                    rate,
                    ..Default::default()
                };
                job.run(setup.params, fast)
            },
        ),
    ]
}

/// The rows of energy models whose chains can be coupled and whose states are rows of data.
pub(crate) fn coupled_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: BlockGibbs<F>,
    J: Job<F, M>,
{
    vec![Row::new(
        &About {
            name: "ucd",
            line: "ln p(x), unbiased contrastive divergence: pairs of coupled chains until they meet",
            source: "Qiu et al. 2020",
            choose: "bias matters more than time",
            reported: Reported::FreeEnergyDifference,
            options: &[BURN_IN, MOST_SWEEPS],
            ..About::DEFAULT
        },
        |options, setup, job| {
            let (burn_in, most) = (options.count(BURN_IN), options.count_if_any(MOST_SWEEPS));
            job.run(setup.params, UnbiasedContrastiveDivergence { burn_in, most })
        },
    )]
}

/// The rows of energy models whose partition function is a sum over listed terms.
pub(crate) fn partition_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: ExactPartition<F>,
    J: Job<F, M>,
{
    vec![Row::new(
        &About {
            name: "ml",
            line: "ln p(x), maximum likelihood: the sum over all terms of Z",
            source: "exact",
            choose: "one side has up to some twenty bits, so that Z can be summed",
            reported: Reported::LogLikelihood,
            ..About::DEFAULT
        },
        |_, setup, job| job.run(setup.params, MaximumLikelihood),
    )]
}

/// The rows of energy models that contain a model of independent columns.
pub(crate) fn base_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: BaseModel<F>,
    J: Job<F, M>,
{
    vec![
        Row::new(
            &About {
                name: "pt",
                line: "ln p(x), persistent chains that exchange states along a ladder of temperatures; biased",
                source: "Desjardins et al. 2010",
                choose: "modes lie so far apart that the chains of pcd do not cross",
                reported: Reported::FreeEnergyDifference,
                options: &[SWEEPS, CHAINS, TEMPERATURES],
                ..About::DEFAULT
            },
            |options, setup, job| {
                let (sweeps, chains) = (options.count(SWEEPS), options.count_if_any(CHAINS));
                let (temperatures, means) = (options.count(TEMPERATURES), setup.means);
                let pt = TemperedContrastiveDivergence { sweeps, chains, temperatures, means };
                job.run(setup.params, pt)
            },
        ),
        Row::new(
            &About {
                name: "bis",
                line: "ln p(x), weighted draws of independent columns in place of chains; biased",
                source: "Bengio & Senécal 2003",
                choose: "the columns are few and nearly independent",
                options: &[DRAWS],
                ..About::DEFAULT
            },
            |options, setup, job| {
                let (draws, means) = (options.count(DRAWS), setup.means);
                job.run(setup.params, BiasedImportanceSampling { draws, means })
            },
        ),
    ]
}

/// The rows of energy models of bits, which compare the energies of the data with those of neighbours and of noise.
pub(crate) fn flip_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: BitFlips<F>,
    J: Job<F, M>,
{
    vec![
        Row::new(
            &About {
                name: "pl",
                line: "pseudo-likelihood: every bit given all others; biased for ln p(x)",
                source: "Besag 1975",
                choose: "the couplings among visible bits are wanted, not samples",
                options: &[PL_BITS],
                variants: &[
                    Variant {
                        name: "pl",
                        line: "pseudo-likelihood of all bits; biased for ln p(x)",
                        ..Variant::DEFAULT
                    },
                    Variant {
                        name: "pl-one",
                        line: "pseudo-likelihood of a random bit, times the number of bits; biased for ln p(x)",
                        options: &[(PL_BITS, Value::Choice("one"))],
                        ..Variant::DEFAULT
                    },
                ],
                ..About::DEFAULT
            },
            |options, setup, job| match options.choice(PL_BITS) {
                "one" => job.run(setup.params, StochasticPseudoLikelihood),
                _ => job.run(setup.params, PseudoLikelihood),
            },
        ),
        Row::new(
            &About {
                name: "ratio-matching",
                line: "ratio matching: score matching for bits; biased for ln p(x)",
                source: "Hyvärinen 2007",
                choose: "score matching is wanted of bits",
                ..About::DEFAULT
            },
            |_, setup, job| job.run(setup.params, RatioMatching),
        ),
        Row::new(
            &About {
                name: "mpf",
                line: "minimum probability flow from the data to neighbours; biased for ln p(x)",
                source: "Sohl-Dickstein et al. 2011",
                choose: "a fast, deterministic fit of couplings is wanted",
                options: &[MPF_NEIGHBOURS],
                ..About::DEFAULT
            },
            |options, setup, job| {
                let between_data = options.choice(MPF_NEIGHBOURS) == "all";
                job.run(setup.params, MinimumProbabilityFlow { between_data })
            },
        ),
        Row::new(
            &About {
                name: "nce",
                line: "noise-contrastive estimation, with ln Z as a parameter of its own; biased for ln p(x)",
                source: "Gutmann & Hyvärinen 2012",
                choose: "ln Z is wanted with the parameters, and a good noise distribution is at hand",
                learns_log_partition: true,
                options: &[NOISE_RATIO],
                ..About::DEFAULT
            },
            |options, setup, job| {
                let (mut params, mut rng) = (setup.params, setup.rng);
                let (noise, ratio) =
                    (IndependentBits::new(&setup.means), options.count(NOISE_RATIO));
                let c = setup.log_partition;
                let nce = NoiseContrastive::new(&mut params, noise, ratio, c, &mut rng);
                job.run(params, nce)
            },
        ),
        Row::new(
            &About {
                name: "ed",
                line: "energy discrepancy: data against blurred data, no chains; biased for ln p(x)",
                source: "Schröder et al. 2023",
                choose: "neither chains nor derivatives with respect to the data are wanted",
                options: &[FLIP, NEIGHBOURS, STABILISER],
                ..About::DEFAULT
            },
            |options, setup, job| {
                let (flip, neighbours) = (options.number(FLIP), options.count(NEIGHBOURS));
                let stabiliser = options.number(STABILISER);
                job.run(setup.params, EnergyDiscrepancy { flip, neighbours, stabiliser })
            },
        ),
    ]
}
