//! The command line: parses it, runs the command, and turns an error into a message and an exit code.

use super::args::{self, Args, BenchArgs, BenchCommand};
use super::bench::Bench;
use super::printable::printable_lines;
use super::progress::say;
use super::run::{command, encode, evaluate, reconstruct, sample};
use super::width::{filled, of_output};
use super::{
    chart, check, compare, completions, criteria, likelihood, limits, list, manual, report,
    usage_error,
};
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};
use std::io::{Write, stderr, stdout};
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
        let mut parser = match self.is_catalogue {
            true => parser(),
            false => prepared(of_own_bench(BenchArgs::command())),
        };
        let matches = match parser.try_get_matches_from_mut(std::env::args_os()) {
            Ok(matches) => matches,
            Err(error) => refuse(&error),
        };
        let fits = chart::check_variable().and_then(|()| limits::check_arguments(&matches));
        let outcome = fits.and_then(|()| {
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
            args::Command::Encode(args) => encode::encode(&args),
            args::Command::Reconstruct(args) => reconstruct::reconstruct(&args),
            args::Command::Report(args) => report::report(&args),
            args::Command::Likelihood(args) => likelihood::likelihood(&args),
            args::Command::Criteria(args) => criteria::criteria(&args),
            args::Command::Completions(args) => completions::completions(&args, parser(), self),
            args::Command::Man(args) => manual::man(&args, parser()),
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

/// The commands of a bench of one's own: what concerns the catalogue and runs of `train` is not in its help.
fn of_own_bench(command: Command) -> Command {
    let problem = |command: Command| {
        command.mut_arg("problem", |argument| {
            let help = "The problem [default: all]; `list` names them.";
            argument.value_name("NAME").help(help).long_help(help)
        })
    };
    let without = |command: Command, name: &'static str| command.mut_arg(name, |a| a.hide(true));
    command
        .mut_subcommand("compare", problem)
        .mut_subcommand("check", |command| without(without(problem(command), "samplers"), "zoo"))
        .mut_subcommand("list", |command| {
            without(command.about("List the problems and their estimators"), "guide")
        })
}

/// The parser of the program.
fn parser() -> Command {
    prepared(Args::command().subcommand(command::command()).after_long_help(limits::table()))
}

/// Lets `-1` be the value of an option, so that the option itself can say why it cannot be negative, and gives the words about each
/// option lines of their own.
fn prepared(command: Command) -> Command {
    let argument = |argument: Arg| match argument.get_action().takes_values() {
        true => argument.allow_negative_numbers(true).next_line_help(true),
        false => argument.next_line_help(true),
    };
    command.mut_args(argument).mut_subcommands(prepared)
}

/// Prints the parser's message, or the help that was asked for, in lines that fit the terminal, and ends the program.
fn refuse(error: &clap::Error) -> ! {
    let (plain, on_errors) = (error.to_string(), error.use_stderr());
    let shown = printable_lines(&plain);
    let colours =
        if on_errors { console::colors_enabled_stderr() } else { console::colors_enabled() };
    // Arguments may have control characters of their own.
    let text = match colours && plain.trim_end() == shown.trim_end() {
        true => error.render().ansi().to_string(),
        false => shown,
    };
    let text = filled(text.trim_end(), of_output());
    // A reader that has gone away is no failure.
    let _ = match on_errors {
        true => writeln!(stderr(), "{text}"),
        false => writeln!(stdout(), "{text}"),
    };
    std::process::exit(error.exit_code())
}
