//! The criteria by which energy models are fitted: their options, their section of `run.toml`, and their trainer.

use super::trainer::{AnyTrainer, Start};
use crate::program::catalogue::{
    About, Options, Setup, energy_rows, estimator_argument, given_options, option_arguments,
};
use crate::program::run::options::Given;
use crate::program::usage_error::usage_error;
use clap::Command;
use pathscore::autodiff::Scalar;
use pathscore::models::energy::Rbm;
use pathscore::models::seed::{self, Stream};
use pathscore::models::{BlockGibbs, Params};

/// The criterion if none is given.
const DEFAULT: &str = "pcd";

/// The name of the option that chooses the criterion.
const NAME: &str = "criterion";

/// The criteria, which are the same for every energy model.
fn criteria() -> Vec<&'static About> {
    energy_rows::<f64, Rbm, Start<Rbm>>().iter().map(|row| row.about).collect()
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
    let mut section = toml::Table::new();
    section.insert("name".into(), about.name.into());
    for (name, value) in options.iter() {
        section.insert(name.into(), toml::Value::try_from(value)?);
    }
    Ok(section)
}

fn find(criteria: &[&'static About], name: &str) -> anyhow::Result<&'static About> {
    criteria.iter().copied().find(|about| about.name == name).ok_or_else(|| {
        let names: Vec<&str> = criteria.iter().map(|about| about.name).collect();
        usage_error(format!(
            "no criterion is called `{name}`: the choices are {}",
            names.join(", ")
        ))
    })
}

/// The criterion of a run with its options.
pub(crate) struct Criterion {
    about: &'static About,
    options: Options,
}

impl Criterion {
    /// Reads `[estimator]`.
    ///
    /// # Errors
    /// If there is no such criterion, or it does not have one of the options.
    pub(crate) fn read(section: &toml::Table) -> anyhow::Result<Self> {
        let name = section.get("name").and_then(toml::Value::as_str).unwrap_or_default();
        let about = find(&criteria(), name)?;
        let options = section.iter().filter(|(name, _)| *name != "name");
        let given: Vec<_> =
            options.map(|(name, value)| (name.clone(), value.to_string())).collect();
        Ok(Self { about, options: about.parse(&given)? })
    }

    /// The criterion and its options in a few words.
    pub(crate) fn words(&self) -> String {
        let options = self.options.iter().map(|(name, value)| format!(", {name} {value}"));
        format!("{}{}", self.about.name, options.collect::<String>())
    }

    /// A trainer by this criterion.
    pub(crate) fn trainer<F: Scalar, M: BlockGibbs<F> + 'static>(
        &self,
        start: Start<M>,
        params: Params<F>,
    ) -> anyhow::Result<Box<dyn AnyTrainer<F, M>>> {
        let rows = energy_rows();
        let row = rows.iter().find(|row| row.about.name == self.about.name);
        let row = row.expect("the criteria are the same for every energy model");
        let rng = seed::rng(start.settings.run.seed, Stream::Init, 1);
        let (columns, layers, nodes) = (0, Vec::new(), Vec::new());
        row.run(&self.options, Setup { params, columns, layers, nodes, rng }, start)
    }
}
