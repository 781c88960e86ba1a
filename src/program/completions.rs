//! `completions`: the script by which a shell completes the commands and options of the program.

use crate::program::bench::Bench;
use clap::builder::PossibleValuesParser;
use clap::{Args, Command, ValueEnum};
use clap_complete::aot::{Shell as Script, generate};
use std::io::{Write, stdout};

/// The shells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Options of `completions`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  source <(pathscore completions bash)    in ~/.bashrc
  source <(pathscore completions zsh)     in ~/.zshrc, after compinit
  pathscore completions fish | source     in ~/.config/fish/config.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell that reads the script.
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// Prints the script for a shell, which knows the problems and estimators of a bench and the commands that have a page of the manual.
pub(crate) fn completions(
    args: &CompletionsArgs,
    parser: Command,
    bench: &Bench,
) -> anyhow::Result<()> {
    let problems: Vec<&str> = bench.problems.iter().map(|problem| &*problem.name).collect();
    let commands = parser.get_subcommands().map(|command| command.get_name().to_string());
    let commands: Vec<String> = commands.collect();
    let mut parser = of(parser, "man", "command", commands);
    for command in ["compare", "check"] {
        parser = of(parser, command, "problem", owned(&problems));
        parser = of(parser, command, "estimators", owned(&bench.estimators()));
    }
    let shell = match args.shell {
        Shell::Bash => Script::Bash,
        Shell::Zsh => Script::Zsh,
        Shell::Fish => Script::Fish,
    };
    let name = parser.get_name().to_string();
    let mut script = Vec::new();
    generate(shell, &mut parser, name, &mut script);
    Ok(stdout().write_all(&script)?)
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// The parser with names that an argument of a command may have.
fn of(parser: Command, command: &str, argument: &'static str, names: Vec<String>) -> Command {
    parser.mut_subcommand(command, |command| {
        command
            .mut_arg(argument, |argument| argument.value_parser(PossibleValuesParser::new(names)))
    })
}
