//! The wrong estimators of the zoo, each with the evidence against it.

use super::args::CheckArgs;
use super::method::method_name;
use crate::program::progress::Count;
use crate::program::table::{Format, paragraph, print};
use crate::program::threads::pool;
use crate::program::usage_error::Refuted;
use pathscore::estimators::proof::Options;
use pathscore::estimators::zoo::{Examination, Specimen, zoo};
use serde::Serialize;
use std::io::Write;

#[derive(Serialize)]
struct Row {
    number: usize,
    name: &'static str,
    wrong: &'static str,
    source: &'static str,
    problem: String,
    verdict: String,
    caught: bool,
    at: String,
    bias: f64,
    error: f64,
    factor: Option<f64>,
    z: Option<f64>,
    draws: usize,
    method: &'static str,
    evidence: String,
}

/// A row of the table for people.
#[derive(Serialize)]
struct TableRow<'a> {
    #[serde(rename = "no.")]
    number: usize,
    name: &'a str,
    problem: &'a str,
    verdict: &'a str,
    caught: &'a str,
    at: &'a str,
    #[serde(rename = "bias ± error")]
    bias: String,
    factor: Option<f64>,
    method: &'a str,
}

/// Examines every wrong estimator, prints a row for each, and fails if one is not caught.
pub(super) fn check(args: &CheckArgs, options: &Options) -> anyhow::Result<()> {
    let rows: Vec<Row> = pool(args.threads)?.install(|| {
        let specimens = zoo();
        let count = Count::new(specimens.len(), "wrong estimators");
        let examined = |specimen: &Specimen| {
            let row = row(specimen, specimen.examine(options));
            count.one_more();
            row
        };
        let rows = specimens.iter().map(examined).collect();
        count.finish();
        rows
    });
    let mut numbers: Vec<usize> = rows.iter().map(|row| row.number).collect();
    numbers.dedup();
    let whole = |number: &&usize| rows.iter().all(|row| row.number != **number || row.caught);
    let caught = numbers.iter().filter(whole).count();
    let rate = format!("{caught} of {} caught, in {} forms", numbers.len(), rows.len());
    let out = &mut std::io::stdout().lock();
    if args.format == Format::Table {
        print(&rows.iter().map(table_row).collect::<Vec<_>>(), args.format, out)?;
        writeln!(out, "\nThe evidence against each:")?;
        for Row { number, wrong, source, evidence, caught, .. } in &rows {
            let survived = if *caught { "" } else { "SURVIVED: " };
            let words = format!("{number:>2}  {wrong} ({source})\n    {survived}{evidence}");
            writeln!(out, "{}", paragraph(&words))?;
        }
        writeln!(out, "\n{rate}")?;
    } else {
        print(&rows, args.format, out)?;
        eprintln!("{rate}");
    }
    let survivors: Vec<&str> = rows.iter().filter(|row| !row.caught).map(|row| row.name).collect();
    match survivors.is_empty() {
        true => Ok(()),
        false => Err(Refuted(format!("not caught: {}", survivors.join(", "))).into()),
    }
}

fn row(specimen: &Specimen, finding: Examination) -> Row {
    let Examination { caught, evidence, proof } = finding;
    let worst = proof.worst();
    Row {
        number: specimen.number,
        name: specimen.name,
        wrong: specimen.wrong,
        source: specimen.source,
        problem: proof.problem.clone(),
        verdict: proof.verdict.to_string(),
        caught,
        at: proof.at.clone(),
        bias: worst.map_or(0.0, |c| c.mean - c.exact),
        error: worst.map_or(0.0, |c| c.error),
        factor: proof.factor,
        z: proof.z,
        draws: proof.draws,
        method: method_name(proof.method),
        evidence,
    }
}

fn table_row(row: &Row) -> TableRow<'_> {
    TableRow {
        number: row.number,
        name: row.name,
        problem: &row.problem,
        verdict: &row.verdict,
        caught: if row.caught { "yes" } else { "NO" },
        at: &row.at,
        bias: format!("{:+.6} ± {:.0e}", row.bias, row.error),
        factor: row.factor,
        method: row.method,
    }
}
