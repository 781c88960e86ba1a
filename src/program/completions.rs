//! `completions`: the script by which a shell completes the commands and options of the program.

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

/// Prints the script for a shell.
pub(crate) fn completions(args: &CompletionsArgs, mut parser: Command) -> anyhow::Result<()> {
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
