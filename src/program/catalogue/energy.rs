//! Estimators for energy models by chains of block Gibbs sweeps.

use super::options::{CHAINS, SWEEPS};
use super::row::{About, Job, Row};
use pathscore::autodiff::Scalar;
use pathscore::estimators::energy::{ContrastiveDivergence, PersistentContrastiveDivergence};
use pathscore::models::BlockGibbs;

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
                options: &[SWEEPS, CHAINS],
                ..About::DEFAULT
            },
            |options, setup, job| {
                let (sweeps, chains) = (options.count(SWEEPS), options.count_if_any(CHAINS));
                job.run(setup.params, PersistentContrastiveDivergence { sweeps, chains })
            },
        ),
    ]
}
