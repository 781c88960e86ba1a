//! The command `train`: one subcommand for each kind of model, with the options of that kind and no others.

use super::options::{BESIDE_RESUME, Given, RunOptions};
use super::train;
use crate::program::kinds::KINDS;
use crate::program::kinds::kind::Kind;
use crate::program::usage_error::usage_error;
use clap::{ArgMatches, Args, Command, Id};
use pathscore::models::data::SOURCES;

/// The name of the command.
pub(crate) const NAME: &str = "train";

/// The kind that `train` alone means.
fn default_kind() -> &'static dyn Kind {
    KINDS[0]
}

/// `train` with a subcommand for each kind; its own options are those of the default kind.
pub(crate) fn command() -> Command {
    let default = default_kind().about().name;
    // clap gives a command the doc of the last group of options as its description, so ours is set after it.
    let train = with_options(Command::new(NAME), default_kind())
        .about("Train a model of one of the kinds below, and write a folder of numbers and pictures")
        .long_about(None)
        .after_help(format!(
            "`train` alone is `train {default}`, whose options are shown here; `train KIND --help` shows those \
             of another kind."
        ))
        .args_conflicts_with_subcommands(true)
        .subcommand_value_name("KIND")
        .subcommand_help_heading("Kinds of models")
        .disable_help_subcommand(true)
        .display_order(0);
    let others: Vec<Id> = train
        .get_arguments()
        .map(|argument| argument.get_id().clone())
        .filter(|id| id != "resume" && !BESIDE_RESUME.contains(&id.as_str()))
        .collect();
    let train = train.mut_arg("resume", |resume| resume.conflicts_with_all(others));
    KINDS.iter().fold(train, |train, kind| train.subcommand(subcommand(*kind)))
}

fn subcommand(kind: &'static dyn Kind) -> Command {
    let about = kind.about();
    // The kind of a resumed run stands in its settings, so `train KIND --resume` is refused with that reason: the
    // option is known here, and hidden.
    with_options(Command::new(about.name), kind)
        .about(format!("{} ({})", about.line, about.source))
        .long_about(None)
        .mut_arg("resume", |resume| resume.hide(true))
}

fn with_options(command: Command, kind: &dyn Kind) -> Command {
    let sources: Vec<&str> = SOURCES.iter().map(|source| source.usage).collect();
    let data = format!("The data: {}; `pathscore list` describes them", sources.join(", "));
    kind.options(RunOptions::augment_args(command).mut_arg("data", |argument| argument.help(data)))
}

/// Runs `train` with what was parsed.
pub(crate) fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    let Some((name, matches)) = matches.subcommand() else {
        return train::train(default_kind(), &Given::new(matches));
    };
    let kind = KINDS.iter().find(|kind| kind.about().name == name);
    let kind = kind.expect("every subcommand of `train` is a kind of the table");
    let given = Given::new(matches);
    if given.has("resume") {
        return Err(usage_error(
            "--resume takes the kind of model from the run: pathscore train --resume DIR",
        ));
    }
    train::train(*kind, &given)
}
