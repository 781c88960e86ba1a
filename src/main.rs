//! The command-line program: train, evaluate, sample, compare, check, list.
#![forbid(unsafe_code)]

mod program;

use clap::Parser;
use program::args::{Args, Command};
use program::{check, compare, list, session, usage_error};
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = match Args::parse().command {
        Command::Train(args) => session::train(args),
        Command::Evaluate(args) => session::evaluate(&args),
        Command::Sample(args) => session::sample(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Check(args) => check::check(&args),
        Command::List(args) => list::list(args.format),
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
