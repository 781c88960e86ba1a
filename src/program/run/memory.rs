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

/// Numbers for each unit of a chain: its state, that of a checkpoint, and what its moves record.
const MOVED: f64 = 32.0;

/// Options that say how many draws each row of a batch has.
const DRAWS: [&str; 5] = ["num-samples", "points", "neighbours", "noise-ratio", "draws"];

/// Matrices of all rows that a Gaussian process holds.
const MATRICES: f64 = 4.0;

/// Refuses a run that does not fit into memory. The sum is of the size of what is needed, and not exact.
///
/// # Errors
/// The message names the part that is too large.
pub(crate) fn check(settings: &Settings, split: &Split) -> anyhow::Result<()> {
    let Settings { model, estimator, optimizer, .. } = settings;
    let (columns, rows) = (split.train.columns() as f64, split.train.len() as f64);
    let (number, Layers { widths, repeated }) = (bytes(settings), Layers::of(settings, columns));
    let units: f64 = widths.iter().flatten().sum();
    // The layers of one option are connected one after another, and the widest with those of the other options.
    let within: f64 = widths.iter().flat_map(|one| one.windows(2)).map(|two| two[0] * two[1]).sum();
    let widest: Vec<f64> =
        widths.iter().map(|one| one.iter().copied().fold(0.0, f64::max)).collect();
    let (all, squares) =
        (widest.iter().sum::<f64>(), widest.iter().map(|one| one * one).sum::<f64>());
    let pairs = within + (all * all - squares) / 2.0;
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
    let recorded = batch.min(rows) * units * repeated * number * RECORDED;
    for option in DRAWS {
        let what = format!("--batch rows with --{option} draws each of this model");
        check_memory(&what, recorded * one(estimator, option))?;
    }
    check_memory("--mean-field-steps of this model", recorded * one(model, "mean-field-steps"))?;
    // Without --chains there are as many as rows in a batch.
    let chains = found(estimator, "chains").map_or(batch.min(rows), sum);
    let states = match found(estimator, "temperatures") {
        Some(temperatures) => chains * sum(temperatures),
        None => one(estimator, "chains"),
    };
    check_memory("--chains or --temperatures of this model", states * units * number * MOVED)?;
    if matches!(settings.run.kind.as_str(), "gp" | "gplvm") {
        let taken = found(model, "rows").map_or(rows, sum).min(rows);
        check_memory("the matrices of all --rows", taken * taken * 8.0 * MATRICES)?;
    }
    Ok(())
}

/// Refuses so many chains of a run's model.
///
/// # Errors
/// If they do not fit into memory.
pub(crate) fn check_chains(
    settings: &Settings,
    columns: usize,
    chains: usize,
) -> anyhow::Result<()> {
    let Layers { widths, repeated } = Layers::of(settings, columns as f64);
    let units = widths.iter().flatten().sum::<f64>() * repeated;
    let needed = chains as f64 * units * bytes(settings) * MOVED;
    check_memory("--ais-chains of this model", needed)
}

/// The bytes of a number.
fn bytes(settings: &Settings) -> f64 {
    match settings.run.dtype {
        Dtype::F32 => 4.0,
        Dtype::F64 => 8.0,
    }
}

/// The sizes of a model.
struct Layers {
    /// The units of the rows and of the layers of each option.
    widths: Vec<Vec<f64>>,
    /// The number of copies of all of them.
    repeated: f64,
}

impl Layers {
    fn of(Settings { model, estimator, .. }: &Settings, columns: f64) -> Self {
        let mut widths = vec![vec![columns * one(model, "levels")]];
        for key in ["hidden", "flow-hidden", "latent-dim", "latents", "components", "inducing"] {
            widths.extend(found(model, key).map(numbers));
        }
        widths.extend(found(estimator, "baseline-hidden").map(numbers));
        let posterior = found(model, "posterior").and_then(Value::as_table);
        let of_flow = |key| posterior.map_or(1.0, |posterior| one(posterior, key));
        if let Some(form) = posterior.and_then(|posterior| posterior.get("form")) {
            widths.push(vec![of_flow("hidden")]);
            if form.as_str() == Some("full") {
                // The network puts out a triangular matrix.
                let latents = one(model, "latents");
                widths.push(vec![latents * (latents + 1.0) / 2.0]);
            }
        }
        // An array has the sizes of layers, and a number is that of layers.
        let repeated = match found(model, "layers") {
            Some(Value::Integer(layers)) => *layers as f64,
            layers => {
                widths.extend(layers.map(numbers));
                one(model, "flow-layers") * of_flow("layers")
            }
        };
        Self { widths, repeated }
    }
}

/// The size that an option gives, or one.
fn one(table: &Table, option: &str) -> f64 {
    found(table, option).map_or(1.0, |value| sum(value).max(1.0))
}

/// The value of an option, whose words are joined by underscores or hyphens.
fn found<'a>(table: &'a Table, option: &str) -> Option<&'a Value> {
    table.get(option).or_else(|| table.get(&option.replace('-', "_")))
}

/// The numbers of a value.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Integer(number) => vec![*number as f64],
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}

/// The sum of the numbers of a value.
fn sum(value: &Value) -> f64 {
    numbers(value).iter().sum()
}
