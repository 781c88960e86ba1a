//! The criteria by which energy models are fitted: their options, their section of `run.toml`, and their trainer.

use super::steps::{Start, Steps};
use crate::program::catalogue::Job;
use crate::program::choice::cli_name;
use crate::program::run::options::Given;
use crate::program::run::settings::{at_least_one, to_section};
use clap::{Args, ValueEnum};
use pathscore::autodiff::Scalar;
use pathscore::estimators::energy::{ContrastiveDivergence, PersistentContrastiveDivergence};
use pathscore::models::{BlockGibbs, Params};
use serde::{Deserialize, Serialize};

/// The criteria.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Criterion {
    /// Contrastive divergence: chains that begin at the data (Hinton 2002).
    Cd,
    /// Persistent contrastive divergence: chains that go on from step to step (Tieleman 2008).
    Pcd,
}

/// The options of the criteria.
#[derive(Args, Debug)]
#[command(next_help_heading = "Criterion")]
pub(crate) struct CriterionOptions {
    /// The criterion.
    #[arg(long, value_enum, default_value_t = Criterion::Pcd, value_name = "NAME")]
    criterion: Criterion,

    /// Gibbs sweeps of each chain at each step.
    #[arg(long, default_value_t = 1, value_name = "K")]
    sweeps: usize,

    /// Chains of --criterion pcd [default: as many as the rows of a step].
    #[arg(long, value_name = "N")]
    chains: Option<usize>,
}

/// `[estimator]`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Divergence {
    name: Criterion,
    sweeps: usize,
    /// Only of persistent contrastive divergence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chains: Option<usize>,
}

/// `[estimator]` of a new run.
pub(crate) fn settings(given: &Given) -> anyhow::Result<toml::Table> {
    let CriterionOptions { criterion, sweeps, chains } = given.options()?;
    at_least_one("--sweeps", sweeps as u64)?;
    chains.map_or(Ok(()), |chains| at_least_one("--chains", chains as u64))?;
    if criterion == Criterion::Cd {
        let reason = "--criterion cd begins a chain at each row of a step; it goes with pcd";
        given.refuse(&["chains"], reason)?;
    }
    to_section(&Divergence { name: criterion, sweeps, chains })
}

impl Divergence {
    /// The criterion and its options in a few words.
    pub(crate) fn words(&self) -> String {
        let Self { name, sweeps, chains } = self;
        let chains = chains.map_or(String::new(), |chains| format!(", chains {chains}"));
        format!("{}, sweeps {sweeps}{chains}", cli_name(name))
    }

    /// A trainer by this criterion.
    pub(crate) fn trainer<F: Scalar, M: BlockGibbs<F> + 'static>(
        &self,
        start: Start<M>,
        params: Params<F>,
    ) -> anyhow::Result<Box<dyn Steps<F, M>>> {
        let &Self { name, sweeps, chains } = self;
        match name {
            Criterion::Cd => start.run(params, ContrastiveDivergence { sweeps }),
            Criterion::Pcd => start.run(params, PersistentContrastiveDivergence { sweeps, chains }),
        }
    }
}
