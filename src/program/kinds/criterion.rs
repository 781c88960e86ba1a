//! The criteria by which energy models are fitted: their options, their section of `run.toml`, and their trainer.

use super::chosen::{Chosen, find};
use super::energy::model::EnergyKindModel;
use super::trainer::{AnyTrainer, Start};
use crate::program::catalogue::{
    About, Setup, estimator_argument, given_options, option_arguments,
};
use crate::program::run::options::Given;
use clap::Command;
use pathscore::autodiff::Scalar;
use pathscore::estimators::energy::IndependentBits;
use pathscore::models::Params;
use pathscore::models::seed::{self, Stream};

/// The criterion if none is given.
const DEFAULT: &str = "pcd";

/// The name of the option that chooses the criterion.
const NAME: &str = "criterion";

/// The criteria of a model, which do not depend on the number type.
fn criteria<M: EnergyKindModel<f64>>() -> Vec<&'static About> {
    M::criteria::<Start<M>>().iter().map(|row| row.about).collect()
}

/// Adds the options of the criteria.
pub(crate) fn options<M: EnergyKindModel<f64>>(command: Command) -> Command {
    options_of(&criteria::<M>(), DEFAULT, command)
}

/// `[estimator]` of a new run.
pub(crate) fn settings<M: EnergyKindModel<f64>>(given: &Given) -> anyhow::Result<toml::Table> {
    settings_of(&criteria::<M>(), DEFAULT, given)
}

/// Adds the options of some criteria.
pub(crate) fn options_of(criteria: &[&'static About], default: &str, command: Command) -> Command {
    let criterion = estimator_argument(criteria, default)
        .id(NAME)
        .long(NAME)
        .help(format!("The criterion [default: {default}]"));
    command.next_help_heading("Criterion").arg(criterion).args(option_arguments(criteria))
}

/// `[estimator]` of a new run by one of these criteria.
pub(crate) fn settings_of(
    criteria: &[&'static About],
    default: &str,
    given: &Given,
) -> anyhow::Result<toml::Table> {
    let about = find(criteria, given.text(NAME).map_or(default, String::as_str))?;
    for row in criteria.iter().flat_map(|other| other.options) {
        let has = |about: &&&About| about.options.iter().any(|own| own.name == row.name);
        if !has(&&about) {
            let owners: Vec<&str> = criteria.iter().filter(has).map(|other| other.name).collect();
            let owners = owners.join(" or ");
            let reason = format!("--{NAME} {} does not have it; it goes with {owners}", about.name);
            given.refuse(&[row.name], reason)?;
        }
    }
    let options = about.parse(&given_options(criteria, given.matches()))?;
    Chosen::section(about, &options)
}

/// The criterion of a run with its options.
///
/// # Errors
/// If there is no such criterion, or it does not have one of the options.
pub(crate) fn read<M: EnergyKindModel<f64>>(section: &toml::Table) -> anyhow::Result<Chosen> {
    Chosen::read(section, &[], &criteria::<M>())
}

/// The draws from which $\ln Z$ of a new model is estimated.
const PARTITION_DRAWS: usize = 1000;

/// A trainer by a criterion, for data with these means of their columns.
///
/// # Errors
/// If the settings are not of this kind of model.
pub(crate) fn trainer<F: Scalar, M: EnergyKindModel<F>>(
    criterion: &Chosen,
    start: Start<M>,
    params: Params<F>,
    means: Vec<f64>,
) -> anyhow::Result<Box<dyn AnyTrainer<F, M>>> {
    let seed = start.settings.run.seed;
    let log_partition = match criterion.about.learns_log_partition {
        true => {
            let rng = &mut seed::rng(seed, Stream::Init, 2);
            let noise = IndependentBits::new(&means);
            noise.log_partition(&start.model, &params, PARTITION_DRAWS, rng)
        }
        false => 0.0,
    };
    let rng = seed::rng(seed, Stream::Init, 1);
    let (columns, layers, nodes) = (means.len(), Vec::new(), Vec::new());
    let setup = Setup { params, columns, layers, nodes, means, log_partition, rng };
    M::trainer(criterion, setup, start)
}
