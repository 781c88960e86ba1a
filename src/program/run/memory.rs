//! The memory that a run needs, added up before anything is allocated.

use super::choices::Dtype;
use super::settings::Settings;
use crate::program::limits::check_memory;
use pathscore::models::data::Split;
use toml::{Table, Value};

/// Copies of the parameters: their values, those of a checkpoint, the gradients of some shards, two vectors of the optimiser.
const COPIES: f64 = 8.0;

/// Numbers on a tape for each unit of a layer, row and draw.
const RECORDED: f64 = 4.0;

/// Matrices of all rows that a Gaussian process holds.
const MATRICES: f64 = 4.0;

/// Refuses a run that does not fit into memory. The sum is of the size of what is needed, and not exact.
///
/// # Errors
/// The message names the part that is too large.
pub(crate) fn check(settings: &Settings, split: &Split) -> anyhow::Result<()> {
    let number = match settings.run.dtype {
        Dtype::F32 => 4.0,
        Dtype::F64 => 8.0,
    };
    let Settings { model, estimator, optimizer, .. } = settings;
    let (columns, rows) = (split.train.columns() as f64, split.train.len() as f64);
    let one = |table: &Table, key: &str| found(table, key).map_or(1.0, |value| sum(value).max(1.0));
    let levels = one(model, "levels");
    let mut widths = vec![columns * levels];
    for key in ["hidden", "flow-hidden", "latent-dim", "latents", "components", "inducing"] {
        widths.extend(found(model, key).map(sum));
    }
    widths.extend(found(estimator, "baseline-hidden").map(sum));
    // An array has the sizes of layers, and a number is that of layers.
    let repeated = match found(model, "layers") {
        Some(Value::Integer(layers)) => *layers as f64,
        layers => {
            widths.extend(layers.map(sum));
            one(model, "flow-layers")
        }
    };
    let units: f64 = widths.iter().sum();
    let squares: f64 = widths.iter().map(|width| width * width).sum();
    // Layers are connected with others, and those of one option with each other.
    let pairs = (units * units - squares) / 2.0 + squares - columns * levels * columns * levels;
    let dense = match settings.run.kind.as_str() {
        "ising" | "ppca" | "fa" => columns * columns,
        "gmm" => columns * columns * one(model, "components"),
        _ => 0.0,
    };
    let params = (pairs + dense) * repeated * one(model, "orders");
    check_memory(
        "--hidden, --latent-dim and the other sizes of this model",
        params * number * COPIES,
    )?;
    let batch = optimizer.as_ref().and_then(|one| one.batch).map_or(rows, |batch| batch as f64);
    let draws = one(estimator, "num-samples").max(one(estimator, "points"));
    let recorded = batch.min(rows) * draws * units * repeated * number * RECORDED;
    check_memory("--batch rows with --num-samples draws each of this model", recorded)?;
    let chains = one(estimator, "chains") * units * 8.0;
    check_memory("--chains of this model", chains)?;
    if matches!(settings.run.kind.as_str(), "gp" | "gplvm") {
        let taken = found(model, "rows").map_or(rows, sum).min(rows);
        check_memory("the matrices of all --rows", taken * taken * 8.0 * MATRICES)?;
    }
    Ok(())
}

/// The value of an option, whose words are joined by underscores or hyphens.
fn found<'a>(table: &'a Table, option: &str) -> Option<&'a Value> {
    table.get(option).or_else(|| table.get(&option.replace('-', "_")))
}

/// The sum of the numbers of a value.
fn sum(value: &Value) -> f64 {
    match value {
        Value::Integer(number) => *number as f64,
        Value::Array(values) => values.iter().map(sum).sum(),
        _ => 0.0,
    }
}
