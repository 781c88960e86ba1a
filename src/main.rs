//! The command-line program: train, evaluate, sample, encode, reconstruct, report, compare, check, likelihood,
//! criteria, list, and completions and a manual for the shell.
#![forbid(unsafe_code)]

use pathscore::bench::Bench;
use std::process::ExitCode;

fn main() -> ExitCode {
    Bench::catalogue().main()
}
