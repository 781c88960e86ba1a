//! Every estimator, whatever models it fits.

use super::any::{any_rows, generative_rows};
use super::bits::bits_rows;
use super::energy::{base_rows, coupled_rows, energy_rows, flip_rows, partition_rows};
use super::exact::{enumerable_rows, normal_rows};
use super::likelihood::{prior_path_rows, prior_rows};
use super::nodes::{node_rows, weak_derivative_rows};
use super::path::{difference_rows, path_rows};
use super::real::real_rows;
use super::row::{About, Job, Row};
use super::tracked::tracked_rows;
use super::tractable::tractable_rows;
use pathscore::estimators::Estimator;
use pathscore::models::Params;
use pathscore::models::energy::{EnergyNet, Rbm};
use pathscore::models::latent::{LinearGaussian, MixedVae, SmallBelief};

/// The estimators that ask the same of a model.
pub(crate) struct Capability {
    /// The latents, or the energies, that a model must have.
    pub(crate) of: &'static str,
    /// A problem that has them.
    pub(crate) problem: &'static str,
    /// The estimators.
    pub(crate) estimators: Vec<&'static About>,
}

/// Every estimator by what it asks of a model, each capability represented by a model that has it.
pub(crate) fn capabilities() -> Vec<Capability> {
    let capability = |of, problem, estimators| Capability { of, problem, estimators };
    let anything = [abouts::<SmallBelief>(any_rows()), abouts::<SmallBelief>(generative_rows())];
    let few = [
        abouts::<SmallBelief>(enumerable_rows()),
        abouts::<LinearGaussian>(normal_rows()),
        abouts::<SmallBelief>(weak_derivative_rows()),
    ];
    let of_the_likelihood = [
        abouts::<SmallBelief>(prior_rows()),
        abouts::<LinearGaussian>(prior_path_rows()),
        abouts::<LinearGaussian>(difference_rows()),
        abouts::<LinearGaussian>(tractable_rows()),
    ];
    let of_bits = [
        abouts::<Rbm>(partition_rows()),
        abouts::<Rbm>(energy_rows()),
        abouts::<Rbm>(coupled_rows()),
        abouts::<Rbm>(tracked_rows()),
        abouts::<Rbm>(base_rows()),
        abouts::<Rbm>(flip_rows()),
    ];
    vec![
        capability("latents with a path", "logistic-normal", abouts::<LinearGaussian>(path_rows())),
        capability("any latents", "sbn-small", anything.concat()),
        capability("one layer of bits", "sbn-small", abouts::<SmallBelief>(bits_rows())),
        capability("few latents", "sbn-small", few.concat()),
        capability("latents of several kinds", "mixed-small", abouts::<MixedVae>(node_rows())),
        capability(
            "any latents, for ln p(x) itself",
            "linear-gaussian",
            of_the_likelihood.concat(),
        ),
        capability("energies of bits", "rbm-small", of_bits.concat()),
        capability("energies of real numbers", "gaussian-energy", abouts::<EnergyNet>(real_rows())),
    ]
}

/// The facts about every estimator.
pub(crate) fn estimators() -> Vec<&'static About> {
    capabilities().into_iter().flat_map(|capability| capability.estimators).collect()
}

fn abouts<M>(rows: Vec<Row<f64, M, NoJob>>) -> Vec<&'static About> {
    rows.into_iter().map(|row| row.about).collect()
}

/// A job that is never done, for rows of which only the facts are read.
struct NoJob;

impl<M> Job<f64, M> for NoJob {
    type Output = ();

    fn run<E>(self, _: Params<f64>, _: E)
    where
        E: Estimator<f64, M> + Clone + Send + Sync + 'static,
    {
    }
}
