//! The criteria by which energy models are fitted: their options, their section of `run.toml`, and their trainer.

use super::chosen::{Chosen, find};
use super::trainer::{AnyTrainer, Start};
use crate::program::catalogue::{
    About, Job, Row, Setup, base_rows, energy_rows, estimator_argument, flip_rows, given_options,
    option_arguments, partition_rows, rows_of, tracked_rows,
};
use crate::program::run::options::Given;
use crate::program::usage_error::usage_error;
use clap::Command;
use pathscore::autodiff::Scalar;
use pathscore::estimators::energy::IndependentBits;
use pathscore::models::energy::Rbm;
use pathscore::models::seed::{self, Stream};
use pathscore::models::{BaseModel, BitFlips, Energy, ExactPartition, Params};

/// The criterion if none is given.
const DEFAULT: &str = "pcd";

/// The name of the option that chooses the criterion.
const NAME: &str = "criterion";

/// The criteria of all energy models: those of the machine that has every capability.
fn criteria() -> Vec<&'static About> {
    let rows = bit_rows::<f64, Rbm, Start<Rbm>>();
    rows.iter().map(|row| row.about).collect()
}

/// The criteria of energy models of bits whose units are sampled in blocks, with a partition function and a base model.
pub(crate) fn bit_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: BaseModel<F> + BitFlips<F> + ExactPartition<F>,
    J: Job<F, M>,
{
    rows_of([energy_rows(), tracked_rows(), partition_rows(), base_rows(), flip_rows()])
}

/// Adds the options of the criteria.
pub(crate) fn options(command: Command) -> Command {
    options_of(&criteria(), DEFAULT, command)
}

/// `[estimator]` of a new run.
pub(crate) fn settings(given: &Given) -> anyhow::Result<toml::Table> {
    settings_of(&criteria(), DEFAULT, given)
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
pub(crate) fn read(section: &toml::Table) -> anyhow::Result<Chosen> {
    Chosen::read(section, &[], &criteria())
}

/// The draws from which $\ln Z$ of a new model is estimated.
const PARTITION_DRAWS: usize = 1000;

/// A trainer by a criterion among the `rows` that fit the model, for data with these means of their columns.
///
/// # Errors
/// If the model does not have what the criterion needs.
pub(crate) fn trainer<'a, F: Scalar, M: Energy<F> + 'static>(
    criterion: &Chosen,
    rows: Vec<Row<F, M, Start<'a, M>>>,
    start: Start<'a, M>,
    params: Params<F>,
    means: Vec<f64>,
) -> anyhow::Result<Box<dyn AnyTrainer<F, M>>> {
    let name = criterion.about.name;
    let Some(row) = rows.iter().find(|row| row.about.name == name) else {
        let fits: Vec<&str> = rows.iter().map(|row| row.about.name).collect();
        return Err(usage_error(format!(
            "--{NAME} {name} does not fit this kind of model, for which there are {}",
            fits.join(", ")
        )));
    };
    let seed = start.settings.run.seed;
    let log_partition = match name {
        "nce" => {
            let rng = &mut seed::rng(seed, Stream::Init, 2);
            let noise = IndependentBits::new(&means);
            noise.log_partition(&start.model, &params, PARTITION_DRAWS, rng)
        }
        _ => 0.0,
    };
    let rng = seed::rng(seed, Stream::Init, 1);
    let (columns, layers, nodes) = (means.len(), Vec::new(), Vec::new());
    let setup = Setup { params, columns, layers, nodes, means, log_partition, rng };
    row.run(&criterion.options, setup, start)
}
