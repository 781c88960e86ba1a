//! `evaluate`: the quantities that are known of a trained model, on its test part.

use super::memory;
use super::saved::Saved;
use super::settings::{at_least_one, rows_of};
use super::summary::Line;
use crate::program::args::EvaluateArgs;
use crate::program::kinds::kind::{Ais, Measure, Quantity};
use crate::program::table::{Format, print};
use crate::program::threads::pool;
use crate::program::usage_error::usage_error;
use serde::Serialize;

/// A row of the result for programs.
#[derive(Serialize)]
struct Row {
    quantity: String,
    value: f64,
    unit: &'static str,
    standard_error: Option<f64>,
    samples: Option<usize>,
    rows: usize,
}

/// Measures a trained model on its test part and prints the quantities.
pub(crate) fn evaluate(args: &EvaluateArgs) -> anyhow::Result<()> {
    if args.num_samples == Some(0) {
        return Err(usage_error("--num-samples must be at least 1"));
    }
    for (option, number) in [
        ("--rows", args.rows.unwrap_or(1)),
        ("--ais", args.ais.unwrap_or(1)),
        ("--ais-chains", args.ais_chains.unwrap_or(1)),
        ("--ais-rows", args.ais_rows.unwrap_or(1)),
    ] {
        at_least_one(option, number as u64)?;
    }
    let saved = Saved::read(&args.run)?;
    let columns = saved.split.test.columns();
    memory::check_chains(&saved.settings, columns, args.ais_chains.unwrap_or(1))?;
    let test = saved.split.test.len();
    let rows = rows_of("--rows", args.rows, test)?;
    let (chains, progress) = (args.ais_chains, args.progress);
    let ais = args.ais.map(|steps| Ais { steps, chains, rows: args.ais_rows, progress });
    let how = Measure { samples: args.num_samples, rows, seed: args.seed, ais };
    let found = pool(args.threads)?.install(|| saved.open()?.measure(&how))?;
    let out = &mut std::io::stdout().lock();
    if args.format == Format::Table {
        return print(&found.iter().map(Line::of).collect::<Vec<_>>(), args.format, out);
    }
    let row = |one: Quantity| Row {
        quantity: one.name,
        value: one.value,
        unit: one.unit,
        standard_error: one.error,
        samples: one.samples,
        rows: one.rows,
    };
    let rows: Vec<Row> = found.into_iter().map(row).collect();
    print(&rows, args.format, out)
}
