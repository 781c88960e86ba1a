//! The names of choices on the command line and in `run.toml`.

use clap::ValueEnum;

/// The name of a choice as the command line spells it.
pub(crate) fn cli_name(choice: &impl ValueEnum) -> String {
    choice.to_possible_value().map(|value| value.get_name().to_string()).unwrap_or_default()
}
