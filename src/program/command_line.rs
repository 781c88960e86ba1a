//! The command line: parses it, runs the command, and turns an error into a message and an exit code.

use super::args::{self, Args, BenchArgs, BenchCommand};
use super::bench::Bench;
use super::printable::printable_lines;
use super::progress::say;
use super::run::{command, evaluate, sample};
use super::width::{filled, of_output};
use super::{check, compare, criteria, likelihood, limits, list, usage_error};
use clap::builder::{Resettable, StyledStr};
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};
use std::process::ExitCode;

impl Bench {
    /// The program of the bench, with the commands `compare`, `check` and `list` and all their options, as `pathscore` has
    /// them; that of [`Bench::catalogue`] is `pathscore` itself.
    ///
    /// It reads the arguments of the process. Return its exit code from `main`: 0 for success, 1 if a claim of an estimator does not hold
    /// or something fails, 2 for a request that cannot be served.
    ///
    /// ```no_run
    /// use pathscore::bench::Bench;
    /// use pathscore::estimators::proof::Latent;
    /// use pathscore::models::latent::SmallBelief;
    /// use pathscore::prelude::*;
    ///
    /// fn main() -> std::process::ExitCode {
    ///     let mut params = Params::new();
    ///     let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    ///     let mut bench = Bench::new();
    ///     bench
    ///         .on(Latent::new("two bits", model, params, &[1.0, 0.0, 1.0]))
    ///         .add("mine", Reinforce { baseline: Baseline::LeaveOneOut });
    ///     bench.main()
    /// }
    /// ```
    pub fn main(&self) -> ExitCode {
        let parser = match self.is_catalogue {
            true => Args::command().subcommand(command::command()).after_long_help(limits::table()),
            false => BenchArgs::command(),
        };
        let mut parser = prepared(parser, 0);
        let matches = match parser.try_get_matches_from_mut(std::env::args_os()) {
            Ok(matches) => matches,
            Err(error) => refuse(&error),
        };
        let outcome = limits::check_arguments(&matches).and_then(|()| {
            self.run(&matches).unwrap_or_else(|error| refuse(&error.format(&mut parser)))
        });
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

    /// Runs what was parsed, or returns the error of arguments that do not fit each other.
    fn run(&self, matches: &ArgMatches) -> Result<anyhow::Result<()>, clap::Error> {
        if !self.is_catalogue {
            return Ok(self.run_own(&BenchArgs::from_arg_matches(matches)?.command));
        }
        if let Some(train) = matches.subcommand_matches(command::NAME) {
            return Ok(command::run(train));
        }
        Ok(match Args::from_arg_matches(matches)?.command {
            args::Command::Evaluate(args) => evaluate::evaluate(&args),
            args::Command::Sample(args) => sample::sample(&args),
            args::Command::Likelihood(args) => likelihood::likelihood(&args),
            args::Command::Criteria(args) => criteria::criteria(&args),
            args::Command::Bench(command) => self.run_own(&command),
        })
    }

    fn run_own(&self, command: &BenchCommand) -> anyhow::Result<()> {
        match command {
            BenchCommand::Compare(args) => compare::compare(args, self),
            BenchCommand::Check(args) => check::check(args, self),
            BenchCommand::List(args) => list::list(args, self),
        }
    }
}

/// The indentation of the words about an argument.
const INDENT: usize = 10;

/// Breaks the lines of the help where the terminal ends, and lets `-1` be the value of an option, so that the option itself can say
/// why it cannot be negative. `indent` is the place of the words about the command in the list of commands.
fn prepared(command: Command, indent: usize) -> Command {
    let name = |command: &Command| command.get_name().len();
    let longest = command.get_subcommands().map(name).max().unwrap_or(0).max("help".len());
    let command =
        command.mut_args(prepared_argument).mut_subcommands(|inner| prepared(inner, longest + 4));
    let filled = |text: Option<&StyledStr>, indent| -> Resettable<StyledStr> {
        text.map(|text| lines(text, indent)).into()
    };
    let about = filled(command.get_about(), indent);
    let long_about = filled(command.get_long_about(), 0);
    let after = filled(command.get_after_help(), 0);
    let long_after = filled(command.get_after_long_help(), 0);
    command.about(about).long_about(long_about).after_help(after).after_long_help(long_after)
}

fn prepared_argument(argument: Arg) -> Arg {
    let filled = |text: Option<&StyledStr>| -> Resettable<StyledStr> {
        text.map(|text| lines(text, INDENT)).into()
    };
    let (help, long_help) = (filled(argument.get_help()), filled(argument.get_long_help()));
    let argument = argument.help(help).long_help(long_help).next_line_help(true);
    match argument.get_action().takes_values() {
        true => argument.allow_negative_numbers(true),
        false => argument,
    }
}

/// A text of the help in lines that fit beside an indentation.
fn lines(text: &StyledStr, indent: usize) -> StyledStr {
    filled(&text.to_string(), of_output().saturating_sub(indent)).into()
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
