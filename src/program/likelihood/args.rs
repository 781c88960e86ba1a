//! The options of `likelihood`.

use crate::program::table::Format;
use crate::program::usage_error::usage_error;
use clap::Args;
use pathscore::models::data::Source;
use std::path::PathBuf;

/// Options of `likelihood`.
#[derive(Args, Debug)]
pub(crate) struct LikelihoodArgs {
    /// The data. Pictures of more than 64 pixels are averaged over blocks until at most 64 are left.
    #[arg(long, default_value = "digits", value_name = "SOURCE")]
    pub(crate) data: Source,

    /// The number of latents, less than the columns of the data [default: 8, or half of the columns if that is less].
    #[arg(long, value_name = "D")]
    pub(crate) latent_dim: Option<usize>,

    /// The number of training rows, from the first on, at least 20 [default: 500, or all].
    #[arg(long, value_name = "N")]
    pub(crate) rows: Option<usize>,

    /// The number of test rows on which ln p(x) is estimated, from the first on, at least 2 [default: 20, or all].
    #[arg(long, value_name = "N")]
    pub(crate) test_rows: Option<usize>,

    /// The number of draws of one estimate, K, at least 10.
    #[arg(long, default_value_t = 1000, value_name = "K")]
    pub(crate) num_samples: usize,

    /// The number of temperatures between prior and posterior in annealed importance sampling, at least 2.
    #[arg(long, default_value_t = 100, value_name = "T")]
    pub(crate) temperatures: usize,

    /// The seed from which every random number is derived.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,

    /// The number of threads; results do not depend on it [default: all].
    #[arg(long, value_name = "T")]
    pub(crate) threads: Option<usize>,

    /// The folder for the pictures, each as SVG and PNG.
    ///
    /// ladder shows the estimates of ln p(x) in order: prior Monte Carlo, the ELBO, the bound of K draws, the exact value,
    /// annealed importance sampling from below and from above. dimension shows how the effective sample size and the
    /// relative error of K draws from the prior fare with the number of latents.
    #[arg(long, default_value = "runs/likelihood", value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// The format of the result.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) format: Format,
}

/// The largest numbers of draws, temperatures and rows: an estimate then takes a gigabyte or an hour.
const MOST: usize = 1_000_000;

impl LikelihoodArgs {
    /// Refuses numbers that are out of their range.
    ///
    /// # Errors
    /// If one of them is.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let numbers = [
            ("--latent-dim", self.latent_dim, 1),
            ("--rows", self.rows, 20),
            ("--test-rows", self.test_rows, 2),
            ("--num-samples", Some(self.num_samples), 10),
            ("--temperatures", Some(self.temperatures), 2),
        ];
        for (option, given, least) in numbers {
            let Some(given) = given else { continue };
            if !(least..=MOST).contains(&given) {
                return Err(usage_error(format!(
                    "{option} is {given}; it must be between {least} and {MOST}"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Options for a test: few rows and few draws.
    pub(in super::super) fn few() -> LikelihoodArgs {
        LikelihoodArgs {
            data: "digits".parse().expect("the built-in data"),
            latent_dim: Some(3),
            rows: Some(60),
            test_rows: Some(6),
            num_samples: 200,
            temperatures: 20,
            seed: 0,
            threads: None,
            out: "unused".into(),
            format: Format::Json,
        }
    }
}
