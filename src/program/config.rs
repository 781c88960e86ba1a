//! The name under which `compare` and `check` know the names of choices.

pub(crate) use super::choice::cli_name;
