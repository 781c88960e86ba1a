//! The command-line program: train, evaluate, sample, compare, check, likelihood, criteria, list.
#![forbid(unsafe_code)]

use pathscore::bench::Bench;
use std::process::ExitCode;

fn main() -> ExitCode {
    Bench::catalogue().main()
}
