//! The largest requests: a limit for each option that is a size, and one for the memory that a run may need.

use super::usage_error::usage_error;
use clap::{ArgMatches, parser::ValueSource};
use toml::Value;

/// A limit of an option, on the command line as in `run.toml`.
pub(crate) struct Limit {
    /// The option, or several with the same limit.
    pub(crate) options: &'static [&'static str],
    pub(crate) most: u64,
    pub(crate) why: &'static str,
}

/// Every option that is a size or a number of repetitions.
pub(crate) const LIMITS: &[Limit] = &[
    Limit {
        options: &["threads"],
        most: 1024,
        why: "each has a stack and working memory of its own",
    },
    Limit {
        options: &[
            "hidden",
            "layers",
            "latent-dim",
            "flow-hidden",
            "baseline-hidden",
            "components",
        ],
        most: 1 << 16,
        why: "the weights between two layers are the product of their sizes",
    },
    Limit { options: &["inducing"], most: 1 << 14, why: "memory grows with the square" },
    Limit {
        options: &["flow-layers", "orders"],
        most: 1 << 10,
        why: "each has weights of its own",
    },
    Limit {
        options: &["levels"],
        most: 1 << 16,
        why: "each row has a number for each column and level",
    },
    Limit {
        options: &["num-samples", "eval-samples", "points", "neighbours", "noise-ratio"],
        most: 1 << 20,
        why: "each row of a batch has so many draws",
    },
    Limit {
        options: &["chains", "ais-chains", "temperatures"],
        most: 1 << 20,
        why: "each chain has a state",
    },
    Limit {
        options: &["batch", "rows", "test-rows", "ais-rows"],
        most: 1 << 27,
        why: "a file has no more values",
    },
    Limit { options: &["count"], most: 1 << 16, why: "each row becomes a picture on one sheet" },
    Limit {
        options: &["draws"],
        most: 10_000_000,
        why: "the gradients of all draws are kept for the charts",
    },
    Limit {
        options: &[
            "ais",
            "sweeps",
            "burn-in",
            "most-sweeps",
            "mean-field-steps",
            "leapfrogs",
            "moves",
        ],
        most: 1 << 30,
        why: "no run would end",
    },
];

/// The largest memory of a run in bytes, if the machine has as much.
const MEMORY: u64 = 256 << 30;

/// Keys of `run.toml` that are not called like their options.
const KEYS: [(&str, &str); 2] = [("latents", "latent-dim"), ("samples", "eval-samples")];

/// The name of the option of a key, whose words are joined by hyphens or underscores.
fn option_of(key: &str) -> String {
    let known = KEYS.iter().find(|one| one.0 == key).map_or(key, |one| one.1);
    known.replace('_', "-")
}

/// Refuses a number beyond the limit of the option of a key.
fn check(key: &str, value: u64) -> anyhow::Result<()> {
    let option = option_of(key);
    match LIMITS.iter().find(|limit| limit.options.contains(&option.as_str())) {
        Some(Limit { most, why, .. }) if value > *most => {
            Err(usage_error(format!("--{option} is {value}, above its limit of {most}: {why}")))
        }
        _ => Ok(()),
    }
}

/// Refuses numbers on the command line that are beyond the limits of their options.
///
/// # Errors
/// The message names the option and its limit.
pub(crate) fn check_arguments(matches: &ArgMatches) -> anyhow::Result<()> {
    if let Some((_, command)) = matches.subcommand() {
        check_arguments(command)?;
    }
    for id in matches.ids().map(|id| id.as_str()) {
        if matches.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        // Whatever the type of an option is, its number was written in digits.
        for text in matches.get_raw(id).into_iter().flatten() {
            let text = text.to_string_lossy();
            for number in text.split(',').filter_map(|part| part.parse::<u64>().ok()) {
                check(id, number)?;
            }
        }
    }
    Ok(())
}

/// Refuses numbers of a section of `run.toml` that are beyond the limits of their options.
///
/// # Errors
/// The message names the option and its limit.
pub(crate) fn check_section(section: &toml::Table) -> anyhow::Result<()> {
    fn visit(key: &str, value: &Value) -> anyhow::Result<()> {
        match value {
            Value::Integer(number) => check(key, u64::try_from(*number).unwrap_or(0)),
            Value::Array(values) => values.iter().try_for_each(|value| visit(key, value)),
            Value::Table(table) => table.iter().try_for_each(|(key, value)| visit(key, value)),
            _ => Ok(()),
        }
    }
    section.iter().try_for_each(|(key, value)| visit(key, value))
}

/// Refuses a request that needs more bytes than there are; `what` says for what.
///
/// # Errors
/// The message tells both sizes.
pub(crate) fn check_memory(what: &str, bytes: f64) -> anyhow::Result<()> {
    let most = free_memory().unwrap_or(MEMORY).min(MEMORY) as f64;
    if bytes <= most {
        return Ok(());
    }
    let gib = |bytes: f64| format!("{:.1} GiB", bytes / f64::from(1 << 30));
    Err(usage_error(format!(
        "{what} would need about {} of memory, and {} are free",
        gib(bytes),
        gib(most)
    )))
}

/// The memory that Linux can give to a program.
fn free_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The table of limits, for the help.
pub(crate) fn table() -> String {
    let mut text = String::from("Limits (a request beyond them is refused with exit code 2):\n");
    for Limit { options, most, why } in LIMITS {
        let options: Vec<String> = options.iter().map(|option| format!("--{option}")).collect();
        text += &format!("  {most:>10}  {}: {why}\n", options.join(", "));
    }
    text + "A run whose parameters, draws and tables need more memory than is free, and a file of more than 134217728\n\
            numbers, of lines beyond 16 MiB, or of gzip that unpacks to more than 200 times its size, are refused, too."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_checked_at_every_depth() {
        let read = |text: &str| check_section(&text.parse().unwrap()).map_err(|e| e.to_string());
        assert_eq!(read("hidden = [200, 200]\nlatent_dim = 2\nother = 9999999999999"), Ok(()));
        let text = read("[a]\nhidden = [200, 70000]").unwrap_err();
        assert_eq!(
            text,
            "--hidden is 70000, above its limit of 65536: the weights between two layers are the product of their sizes"
        );
        for text in ["latent_dim = 65537", "latents = [65537]"] {
            assert!(read(text).unwrap_err().contains("--latent-dim"));
        }
    }

    #[test]
    fn memory_that_is_not_there_is_refused() {
        assert!(check_memory("a model", 1e6).is_ok());
        let text = check_memory("a model", 1e18).unwrap_err().to_string();
        assert!(text.starts_with("a model would need about 931322574.6 GiB"), "{text}");
    }

    #[test]
    fn every_option_has_one_limit() {
        let mut all: Vec<&str> = LIMITS.iter().flat_map(|limit| limit.options).copied().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
