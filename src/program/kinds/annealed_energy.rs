//! The quantities of `evaluate --ais` for an energy model: ln Z from two sides, and the likelihoods that it gives.

use super::kind::{Ais, Quantity};
use super::tractable::Mean;
use crate::program::progress::{Progress, Total};
use crate::program::usage_error::usage_error;
use pathscore::autodiff::Scalar;
use pathscore::estimators::energy::{EnergyChains, LogPartition, ParameterPath};
use pathscore::estimators::samplers::{Annealing, LogMeanWeight, bridge};
use pathscore::models::seed::{Stream, derive};
use pathscore::models::{BaseModel, Params};
use std::sync::Mutex;

/// The chains if no number is given.
const CHAINS: usize = 100;

/// The part of the steps that a pilot run takes to find the temperatures, and the fewest of its steps.
const PILOT: (usize, usize) = (5, 20);

/// The number of chains.
///
/// # Errors
/// If a number of rows was given, which would have no effect.
pub(super) fn chains(Ais { chains, rows, .. }: Ais) -> anyhow::Result<usize> {
    if rows.is_some() {
        let reason = "the chains of an energy model serve all rows";
        return Err(usage_error(format!("--ais-rows has no effect here: {reason}")));
    }
    Ok(chains.unwrap_or(CHAINS))
}

/// An energy model whose ln Z is estimated.
pub(crate) struct Annealed<'a, F, M> {
    pub(crate) model: &'a M,
    pub(crate) params: &'a Params<F>,
    /// The number of columns of a state.
    pub(crate) columns: usize,
    /// The means of the columns of the training data, from which the base model is made.
    pub(crate) means: &'a [f64],
    /// The free energies of test rows; none if the rows have no density under the model.
    pub(crate) free_energies: Option<FreeEnergies>,
}

/// The free energies of rows.
pub(crate) struct FreeEnergies {
    pub(crate) each: Vec<f64>,
    /// False if they are upper bounds, from which a lower bound of the likelihood follows.
    pub(crate) exact: bool,
}

impl FreeEnergies {
    /// The name of the mean of $-F(x) - \ln Z$.
    pub(crate) fn likelihood(&self) -> &'static str {
        if self.exact { "log_likelihood" } else { "elbo" }
    }
}

impl<F: Scalar, M: BaseModel<F>> Annealed<'_, F, M> {
    /// ln Z forward and in reverse with their intervals, the estimate of both together, the gap between them, and the mean
    /// log-likelihood of the rows by each. The temperatures come from a pilot run, and the reverse chains begin at samples that have made as
    /// many sweeps as there are steps, beginning where the forward chains end.
    ///
    /// # Errors
    /// If a number of rows was given, which would have no effect.
    pub(crate) fn quantities(&self, ais: Ais, seed: u64) -> anyhow::Result<Vec<Quantity>> {
        let Ais { steps, progress, .. } = ais;
        let count = chains(ais)?;
        let path = ParameterPath::new(self.model, self.params, self.means);
        let moves = |index: u64| {
            let seed = derive(seed, Stream::Evaluate, index);
            EnergyChains::new(count, self.columns, seed)
        };
        let pilot = Annealing::sigmoid(steps.div_ceil(PILOT.0).max(PILOT.1));
        let temperatures = path.pilot(&pilot, &mut moves(0), steps);
        let mut chains = moves(1);
        // A step is one of all chains; forward, sweeps and reverse have as many.
        let total = 3 * temperatures.betas().len().saturating_sub(1);
        let shown = Mutex::new((Progress::new(progress, Total::Steps(total as u64), "ln Z"), 0));
        let done = |sign: f64| {
            let (shown, log_base) = (&shown, path.log_base());
            move |sums: &[f64]| {
                let (progress, moved) =
                    &mut *shown.lock().expect("no thread panics while it prints");
                *moved += sums.len();
                // ln Z as far as this part of the chains knows it at its place on the path.
                let mean = LogMeanWeight::of(sums);
                let log_z = log_base + sign * mean.value;
                progress.estimate((*moved / count) as u64, log_z, mean.standard_error);
            }
        };
        let forward = path.forward(&temperatures, &mut chains, &done(1.0));
        let sweeps = temperatures.betas().len() - 1;
        chains.sweep(self.model, self.params, sweeps, &done(1.0));
        let reverse = path.reverse(&temperatures, &mut chains, &done(-1.0));
        let (progress, _) = shown.into_inner().expect("no thread panics while it prints");
        // The parts of the chains know less than all of them.
        let both = bridge(&forward.log_weights, &reverse.log_weights);
        progress.finish_at(both.value, both.standard_error, "annealed");
        Ok(listed(count, &forward, &reverse, self.free_energies.as_ref()))
    }
}

/// ln Z from both sides with intervals, both together and their gap, and the likelihoods of rows with these free energies. A
/// likelihood by annealing never stands alone.
pub(super) fn listed(
    count: usize,
    forward: &LogPartition,
    reverse: &LogPartition,
    free_energies: Option<&FreeEnergies>,
) -> Vec<Quantity> {
    let of_chains = |name: &str, value: f64, error: Option<f64>, unit: &'static str| Quantity {
        name: name.into(),
        value,
        error,
        unit,
        samples: Some(count),
        rows: 0,
    };
    let both = bridge(&forward.log_weights, &reverse.log_weights);
    let mut found = Vec::new();
    for (side, one) in [("", forward), ("_reverse", reverse)] {
        let [low, high] = one.interval;
        let name = |of: &str| format!("{of}_ais{side}");
        found.extend([
            of_chains(&name("log_partition"), one.value, None, "nats"),
            of_chains(&format!("{}_low", name("log_partition")), low, None, "nats"),
            of_chains(&format!("{}_high", name("log_partition")), high, None, "nats"),
            of_chains(&format!("effective_chains_ais{side}"), one.effective_chains, None, "chains"),
        ]);
    }
    found.extend([
        of_chains("log_partition_gap", reverse.value - forward.value, None, "nats"),
        of_chains("log_partition_bridge", both.value, Some(both.standard_error), "nats"),
    ]);
    if let Some(energies) = free_energies {
        let likelihood = energies.likelihood();
        let mean = Mean::of(&energies.each.iter().map(|energy| -energy).collect::<Vec<_>>());
        for (side, log_z) in [("", forward.value), ("_reverse", reverse.value)] {
            let mean = Mean { value: mean.value - log_z, ..mean };
            let name = format!("{likelihood}_ais{side}");
            found.push(Quantity { samples: Some(count), ..mean.quantity(name, "nats") });
        }
    }
    found
}
