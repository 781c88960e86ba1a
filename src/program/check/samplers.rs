//! Certificates of samplers of bits by their exact transition matrices.

use crate::program::table::{Format, figure, paragraph, print};
use pathscore::estimators::proof::{SamplerCase, SamplerClaim, sampler_cases};
use rayon::prelude::*;
use serde::Serialize;
use std::io::Write;

/// A sampler on a model.
#[derive(Serialize)]
pub(super) struct Row {
    sampler: String,
    model: &'static str,
    states: usize,
    claim: &'static str,
    verdict: &'static str,
    ok: bool,
    /// The total variation by which a transition moves the target.
    invariance: f64,
    /// The total variation between the stationary law and the target.
    bias: f64,
    second_eigenvalue: f64,
    mixing_time: Option<u64>,
}

/// A row of the table for people.
#[derive(Serialize)]
struct TableRow<'a> {
    sampler: &'a str,
    model: &'a str,
    states: usize,
    claim: &'a str,
    verdict: &'a str,
    ok: &'a str,
    #[serde(rename = "TV to target")]
    bias: String,
    #[serde(rename = "|λ₂|")]
    second_eigenvalue: String,
    #[serde(rename = "mixing time")]
    mixing_time: String,
}

impl Row {
    fn new(case: &SamplerCase) -> Self {
        let (sampler, model) = (case.sampler.clone(), case.model);
        let (claim, fails) = match case.claim {
            SamplerClaim::Invariant => ("invariant", "MOVES THE TARGET"),
            SamplerClaim::Approximate => ("approximate", "HAS NO BIAS"),
        };
        let nan = f64::NAN;
        match case.certify() {
            Some(found) => Self {
                sampler,
                model,
                states: found.states,
                claim,
                verdict: if found.ok { claim } else { fails },
                ok: found.ok,
                invariance: found.invariance,
                bias: found.bias,
                second_eigenvalue: found.second_eigenvalue,
                mixing_time: found.mixing_time,
            },
            None => Self {
                sampler,
                model,
                states: 0,
                claim,
                verdict: "not enumerated",
                ok: false,
                invariance: nan,
                bias: nan,
                second_eigenvalue: nan,
                mixing_time: None,
            },
        }
    }

    /// The sampler and the model, if the claim does not hold.
    pub(super) fn refuted(&self) -> Option<String> {
        (!self.ok).then(|| format!("{} on {}", self.sampler, self.model))
    }
}

/// Certifies every sampler on every model.
pub(super) fn certified() -> Vec<Row> {
    sampler_cases().par_iter().map(Row::new).collect()
}

/// Prints the certificates.
pub(super) fn print_rows(rows: &[Row], format: Format, out: &mut impl Write) -> anyhow::Result<()> {
    if format != Format::Table {
        return print(rows, format, out);
    }
    let words = "Samplers of bits, by their exact transition matrices: the total variation between the stationary law and the \
                 target, the second largest modulus of an eigenvalue, and the number of steps until the total variation from \
                 the stationary law is at most a quarter from any start. No chain is run.";
    writeln!(out, "{}\n", paragraph(words))?;
    let rows: Vec<TableRow> = rows.iter().map(table_row).collect();
    print(&rows, format, out)
}

fn table_row(row: &Row) -> TableRow<'_> {
    TableRow {
        sampler: &row.sampler,
        model: row.model,
        states: row.states,
        claim: row.claim,
        verdict: row.verdict,
        ok: if row.ok { "yes" } else { "NO" },
        bias: format!("{:.1e}", row.bias),
        second_eigenvalue: figure(row.second_eigenvalue),
        mixing_time: row.mixing_time.map_or("–".into(), |steps| steps.to_string()),
    }
}
