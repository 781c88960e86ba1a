//! The command-line program: train, evaluate, sample, compare, check, likelihood, criteria, list.
#![forbid(unsafe_code)]

mod program;

use clap::{CommandFactory, FromArgMatches};
use program::args::{Args, Command};
use program::run::{command, evaluate, sample};
use program::{check, compare, criteria, likelihood, list, usage_error};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut parser = Args::command().subcommand(command::command());
    let matches = parser.get_matches_mut();
    let outcome = match matches.subcommand_matches(command::NAME) {
        Some(train) => command::run(train),
        None => match Args::from_arg_matches(&matches) {
            Ok(args) => run(args.command),
            Err(error) => error.format(&mut parser).exit(),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if usage_error::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!(
                "{}{error:#}",
                if error.is::<usage_error::Interrupted>() { "" } else { "error: " }
            );
            ExitCode::from(usage_error::exit_code(&error))
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Evaluate(args) => evaluate::evaluate(&args),
        Command::Sample(args) => sample::sample(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Check(args) => check::check(&args),
        Command::Likelihood(args) => likelihood::likelihood(&args),
        Command::Criteria(args) => criteria::criteria(&args),
        Command::List(args) => list::list(args.format),
    }
}
