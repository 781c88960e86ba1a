//! Estimators for energy models that know ln Z along training.

use super::options::{CHAINS, SWEEPS};
use super::row::{About, Job, Reported, Row};
use pathscore::autodiff::Scalar;
use pathscore::estimators::energy::TrackedContrastiveDivergence;
use pathscore::models::BaseModel;

/// The rows of energy models that have a base model, from which annealing starts.
pub(crate) fn tracked_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: BaseModel<F>,
    J: Job<F, M>,
{
    vec![Row::new(
        &About {
            name: "tracked-pcd",
            line: "ln p(x), pcd, and beside it as many chains with weights that know ln Z at every step; biased",
            source: "Carbone et al. 2023",
            choose: "ln p(x) is to be watched while a machine learns",
            reported: Reported::FreeEnergyDifference,
            options: &[SWEEPS, CHAINS],
            ..About::DEFAULT
        },
        |options, setup, job| {
            let (sweeps, chains) = (options.count(SWEEPS), options.count_if_any(CHAINS));
            let mut tracked = TrackedContrastiveDivergence::new(sweeps);
            tracked.chains = chains;
            job.run(setup.params, tracked)
        },
    )]
}
