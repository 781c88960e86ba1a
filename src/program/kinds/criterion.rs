//! The criteria by which energy models are fitted: their options, their section of `run.toml`, and their trainer.

use super::chosen::{Chosen, find};
use super::trainer::{AnyTrainer, Start};
use crate::program::catalogue::{
    About, Job, Row, Setup, energy_rows, estimator_argument, given_options, option_arguments,
    tracked_rows,
};
use crate::program::run::options::Given;
use clap::Command;
use pathscore::autodiff::Scalar;
use pathscore::models::energy::Rbm;
use pathscore::models::seed::{self, Stream};
use pathscore::models::{BaseModel, Params};

/// The criterion if none is given.
const DEFAULT: &str = "pcd";

/// The name of the option that chooses the criterion.
const NAME: &str = "criterion";

/// The rows of the criteria.
fn rows<F: Scalar, M: BaseModel<F>, J: Job<F, M>>() -> Vec<Row<F, M, J>> {
    energy_rows().into_iter().chain(tracked_rows()).collect()
}

/// The criteria, which are the same for every energy model.
fn criteria() -> Vec<&'static About> {
    rows::<f64, Rbm, Start<Rbm>>().iter().map(|row| row.about).collect()
}

/// Adds the options of the criteria.
pub(crate) fn options(command: Command) -> Command {
    let criteria = criteria();
    let criterion = estimator_argument(&criteria, DEFAULT)
        .id(NAME)
        .long(NAME)
        .help(format!("The criterion [default: {DEFAULT}]"));
    command.next_help_heading("Criterion").arg(criterion).args(option_arguments(&criteria))
}

/// `[estimator]` of a new run.
pub(crate) fn settings(given: &Given) -> anyhow::Result<toml::Table> {
    let criteria = criteria();
    let about = find(&criteria, given.text(NAME).map_or(DEFAULT, String::as_str))?;
    for row in criteria.iter().flat_map(|other| other.options) {
        let has = |about: &&&About| about.options.iter().any(|own| own.name == row.name);
        if !has(&&about) {
            let owners: Vec<&str> = criteria.iter().filter(has).map(|other| other.name).collect();
            let owners = owners.join(" or ");
            let reason = format!("--{NAME} {} does not have it; it goes with {owners}", about.name);
            given.refuse(&[row.name], reason)?;
        }
    }
    let options = about.parse(&given_options(&criteria, given.matches()))?;
    Chosen::section(about, &options)
}

/// The criterion of a run with its options.
///
/// # Errors
/// If there is no such criterion, or it does not have one of the options.
pub(crate) fn read(section: &toml::Table) -> anyhow::Result<Chosen> {
    Chosen::read(section, &[], &criteria())
}

/// A trainer by a criterion.
pub(crate) fn trainer<F: Scalar, M: BaseModel<F> + 'static>(
    criterion: &Chosen,
    start: Start<M>,
    params: Params<F>,
) -> anyhow::Result<Box<dyn AnyTrainer<F, M>>> {
    let rows = rows();
    let row = rows.iter().find(|row| row.about.name == criterion.about.name);
    let row = row.expect("the criteria are the same for every energy model");
    let rng = seed::rng(start.settings.run.seed, Stream::Init, 1);
    let (columns, layers, nodes) = (0, Vec::new(), Vec::new());
    row.run(&criterion.options, Setup { params, columns, layers, nodes, rng }, start)
}
