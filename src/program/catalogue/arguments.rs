//! The arguments of `train` that come from the catalogue.

use super::options::{Kind, OptionRow};
use super::row::About;
use clap::builder::{PossibleValue, PossibleValuesParser, ValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches};

/// `--estimator`, one of these; `default` stands in the help.
pub(crate) fn estimator_argument(estimators: &[&'static About], default: &str) -> Arg {
    let value = |about: &&'static About| PossibleValue::new(about.name).help(about.line);
    Arg::new("estimator")
        .long("estimator")
        .value_name("NAME")
        .help(format!("The gradient estimator [default: {default}]"))
        .value_parser(PossibleValuesParser::new(estimators.iter().map(value)))
}

/// An argument for each option of these estimators, with its default and the estimators that have it.
pub(crate) fn option_arguments(estimators: &[&'static About]) -> Vec<Arg> {
    let mut names: Vec<&'static str> = Vec::new();
    for row in estimators.iter().flat_map(|about| about.options) {
        if !names.contains(&row.name) {
            names.push(row.name);
        }
    }
    names.into_iter().map(|name| option_argument(name, estimators)).collect()
}

fn option_argument(name: &'static str, estimators: &[&'static About]) -> Arg {
    let own = |about: &&'static About| {
        let row = about.options.iter().find(|row| row.name == name)?;
        Some((about.name, *row))
    };
    let owners: Vec<(&str, &'static OptionRow)> = estimators.iter().filter_map(own).collect();
    let row = owners[0].1;
    let mut defaults: Vec<String> = Vec::new();
    for (owner, row) in &owners {
        let default = match row.default {
            Some(value) => value.to_string(),
            None => format!("none for {owner}"),
        };
        if !defaults.contains(&default) {
            defaults.push(default);
        }
    }
    let owners: Vec<&str> = owners.iter().map(|(owner, _)| *owner).collect();
    let (owners, defaults) = (owners.join(", "), defaults.join("; "));
    Arg::new(name)
        .long(name)
        .value_name(row.value_name)
        .help(format!("{} [of {owners}; default: {defaults}]", row.about))
        .help_heading("Options of estimators")
        .allow_negative_numbers(true)
        .value_parser(parser(row))
}

/// Every value stays text until the estimator is known: see [`About::parse`].
fn parser(row: &'static OptionRow) -> ValueParser {
    match &row.kind {
        Kind::Choice(choices) => {
            let value = |choice: &super::options::Choice| {
                PossibleValue::new(choice.name).help(choice.about)
            };
            PossibleValuesParser::new(choices.iter().map(value)).into()
        }
        _ => ValueParser::new(move |text: &str| row.parse(text).map(|_| text.to_string())),
    }
}

/// The options of these estimators that stand on the command line, as [`About::parse`] takes them.
pub(crate) fn given_options(
    estimators: &[&'static About],
    matches: &ArgMatches,
) -> Vec<(String, String)> {
    let mut given: Vec<(String, String)> = Vec::new();
    for name in estimators.iter().flat_map(|about| about.options).map(|row| row.name) {
        let there = matches.value_source(name) == Some(ValueSource::CommandLine);
        if there && given.iter().all(|(known, _)| known != name) {
            given.extend(matches.get_one::<String>(name).map(|text| (name.into(), text.clone())));
        }
    }
    given
}
