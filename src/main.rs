//! The command-line program: train, evaluate, sample, compare, check, likelihood, criteria, list.
#![forbid(unsafe_code)]

mod program;

use clap::{CommandFactory, FromArgMatches};
use program::args::{Args, Command};
use program::printable::printable_lines;
use program::progress::say;
use program::run::{command, evaluate, sample};
use program::{check, compare, criteria, likelihood, limits, list, usage_error};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut parser = with_negative_numbers(
        Args::command().subcommand(command::command()).after_long_help(limits::table()),
    );
    let matches = match parser.try_get_matches_from_mut(std::env::args_os()) {
        Ok(matches) => matches,
        Err(error) => refuse(&error),
    };
    let outcome = match matches.subcommand_matches(command::NAME) {
        Some(train) => limits::check_arguments(&matches).and_then(|()| command::run(train)),
        None => match Args::from_arg_matches(&matches) {
            Ok(args) => limits::check_arguments(&matches).and_then(|()| run(args.command)),
            Err(error) => refuse(&error.format(&mut parser)),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if usage_error::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let words = usage_error::words(&error);
            say(&match error.is::<usage_error::Interrupted>() {
                true => words,
                false => format!("error: {words}"),
            });
            ExitCode::from(usage_error::exit_code(&error))
        }
    }
}

/// Lets `-1` be the value of an option, so that the option itself can say why it cannot be negative.
fn with_negative_numbers(command: clap::Command) -> clap::Command {
    let values = |arg: clap::Arg| match arg.get_action().takes_values() {
        true => arg.allow_negative_numbers(true),
        false => arg,
    };
    command.mut_args(values).mut_subcommands(with_negative_numbers)
}

/// Prints the parser's message, or the help that was asked for, and ends the program.
fn refuse(error: &clap::Error) -> ! {
    let text = error.to_string();
    let shown = printable_lines(&text);
    if text.trim_end() == shown.trim_end() {
        error.exit();
    }
    // The arguments have control characters.
    eprintln!("{shown}");
    std::process::exit(error.exit_code())
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
