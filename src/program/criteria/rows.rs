//! The criteria that are compared, as forms of rows of the catalogue.

use super::counted::Counted;
use super::problem::Enumerable;
use crate::program::catalogue::{
    CHAINS, FLIP, Job, OptionRow, SWEEPS, Setup, TEMPERATURES, Value, base_rows, coupled_rows,
    energy_rows, flip_rows, partition_rows, rows_of,
};
use pathscore::models::{Params, seed};

/// A form of a criterion.
pub(super) struct Criterion {
    /// The name in the table.
    pub(super) name: &'static str,
    row: &'static str,
    options: &'static [(&'static OptionRow, Value)],
}

const fn form(
    name: &'static str,
    row: &'static str,
    options: &'static [(&'static OptionRow, Value)],
) -> Criterion {
    Criterion { name, row, options }
}

/// All forms: what is exact first, then chains, then criteria without a partition function.
pub(super) const CRITERIA: &[Criterion] = &[
    form("ml", "ml", &[]),
    form("cd-1", "cd", &[]),
    form("cd-10", "cd", &[(SWEEPS, Value::Count(10))]),
    form("pcd", "pcd", &[(CHAINS, Value::Count(100))]),
    form("pt", "pt", &[(CHAINS, Value::Count(20)), (TEMPERATURES, Value::Count(5))]),
    form("ucd", "ucd", &[]),
    form("pl", "pl", &[]),
    form("ratio-matching", "ratio-matching", &[]),
    form("mpf", "mpf", &[]),
    form("nce", "nce", &[]),
    form("ed", "ed", &[]),
    form("ed-0.3", "ed", &[(FLIP, Value::Number(0.3))]),
    form("bis", "bis", &[]),
];

impl Criterion {
    /// Makes the criterion for a machine with some parameters and does a job with it; `log_partition` is about $\ln Z$ there.
    pub(super) fn run<J: Job<f64, Counted>>(
        &self,
        problem: &Enumerable,
        params: Params<f64>,
        log_partition: f64,
        job: J,
    ) -> J::Output {
        let rows =
            rows_of([partition_rows(), energy_rows(), coupled_rows(), base_rows(), flip_rows()]);
        let row = rows.iter().find(|row| row.about.name == self.row);
        let row = row.expect("every form is one of a row of the catalogue");
        let given: Vec<_> = self.options.iter().map(|(row, value)| (row.name, *value)).collect();
        let options = row.about.options(&given).expect("a form's options are its criterion's");
        let setup = Setup {
            params,
            columns: problem.columns,
            layers: Vec::new(),
            nodes: Vec::new(),
            means: problem.means(),
            log_partition,
            rng: seed::rng(0, seed::Stream::Init, 1),
        };
        row.run(&options, setup, job)
    }
}
