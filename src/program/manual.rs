//! `man`: the pages of the manual, as `man` reads them.

use crate::program::usage_error::usage_error;
use clap::{Args, Command};
use clap_mangen::Man;
use std::io::{Write, stdout};

/// Options of `man`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  pathscore man > pathscore.1
  pathscore man train vae | man -l -")]
pub(crate) struct ManArgs {
    /// The command that the page describes, as in `train vae` [default: the program].
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// Prints the page of a command.
pub(crate) fn man(args: &ManArgs, mut parser: Command) -> anyhow::Result<()> {
    // Each command then knows the whole of its name.
    parser.build();
    let mut page = parser;
    let mut name = page.get_name().to_string();
    for word in &args.command {
        let Some(found) = page.find_subcommand(word) else {
            let names: Vec<&str> = page.get_subcommands().map(Command::get_name).collect();
            return Err(usage_error(match names.is_empty() {
                true => format!("`{name}` has no commands of its own"),
                false => format!("`{name}` has no command `{word}`: it has {}", names.join(", ")),
            }));
        };
        name = format!("{name} {word}");
        page = found.clone();
    }
    let mut text = Vec::new();
    let source = concat!("pathscore ", env!("CARGO_PKG_VERSION"));
    Man::new(page).source(source).render(&mut text)?;
    Ok(stdout().write_all(&text)?)
}
