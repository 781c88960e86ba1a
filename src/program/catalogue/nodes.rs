//! Estimators that take a posterior apart: coordinate by coordinate, or node by node.

use super::options::{BITS_BY, Value};
use super::row::{About, Job, Row, Variant};
use pathscore::autodiff::Scalar;
use pathscore::estimators::both::{MeasureValued, PerNode, Strategy};
use pathscore::models::dist::{Factorised, Kind, WeakDerivative};
use pathscore::models::latent::LatentModel;

/// The rows of models whose posterior has a weak derivative in every coordinate.
pub(crate) fn weak_derivative_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: WeakDerivative<'t, F>,
    J: Job<F, M>,
{
    vec![Row::new(
        &About {
            name: "measure-valued",
            line: "ELBO, one coordinate at a time from the two parts of its density's derivative",
            source: "Mohamed et al. 2020",
            choose: "the latents are few and f is not smooth",
            each_latent: true,
            ..About::DEFAULT
        },
        |_, setup, job| job.run(setup.params, MeasureValued),
    )]
}

/// The rows of models whose latents are nodes of several kinds.
pub(crate) fn node_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: Factorised<'t, F>,
    J: Job<F, M>,
{
    vec![Row::new(
        &About {
            name: "per-node",
            line: "ELBO, a strategy for each node: normal numbers along their paths, bits by --bits-by",
            source: "Schulman et al. 2015",
            choose: "latents are of several kinds: each has the way that suits it",
            options: &[BITS_BY],
            samples: 2,
            variants: &[
                Variant {
                    name: "per-node",
                    line: "a strategy for each node: here path and sum",
                    ..Variant::DEFAULT
                },
                Variant {
                    name: "per-node-score",
                    line: "normal numbers by path, bits by score",
                    options: &[(BITS_BY, Value::Choice("score"))],
                    ..Variant::DEFAULT
                },
                Variant {
                    name: "per-node-straight-through",
                    line: "normal numbers by path, bits with the slope of their probabilities",
                    source: "Bengio et al. 2013",
                    options: &[(BITS_BY, Value::Choice("straight-through"))],
                    ..Variant::DEFAULT
                },
            ],
            ..About::DEFAULT
        },
        |options, setup, job| {
            let strategy = match options.choice(BITS_BY) {
                // Two samples: the strategy for bits does not depend on more.
                "automatic" => return job.run(setup.params, PerNode::automatic(&setup.nodes, 2)),
                "score" => Strategy::Score,
                _ => Strategy::StraightThrough,
            };
            let of = |kind: &Kind| match kind {
                Kind::Bits(_) => strategy,
                _ => Strategy::Path,
            };
            let strategies: Vec<Strategy> = setup.nodes.iter().map(of).collect();
            let per_node = PerNode::named(&setup.nodes, &strategies)
                .expect("bits have a score and a slope, other nodes a path");
            job.run(setup.params, per_node)
        },
    )]
}
