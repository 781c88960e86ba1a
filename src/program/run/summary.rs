//! The end of a run: its pictures, its curve, `summary.json` and the lines on the terminal.

use super::folder::{CURVE, METRICS, SUMMARY};
use super::log::lines;
use super::settings::Settings;
use crate::program::chart::{Series, curve_svg};
use crate::program::choice::cli_name;
use crate::program::files::write_atomically;
use crate::program::kinds::kind::{Curve, Fitting, Quantity};
use crate::program::printable::printable;
use crate::program::table::{Format, print};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::Path;

/// True if the results of a run of so many steps are in its folder. They are the last file that a run writes.
pub(crate) fn is_written(dir: &Path, steps: u64) -> bool {
    let text = std::fs::read(dir.join(SUMMARY)).unwrap_or_default();
    serde_json::from_slice::<Value>(&text).is_ok_and(|summary| summary["steps"] == json!(steps))
}

/// Evaluates, draws pictures, and writes and prints the results of a run.
pub(crate) fn write(
    kind: &str,
    settings: &Settings,
    dir: &Path,
    seconds: f64,
    fitting: &mut dyn Fitting,
) -> anyhow::Result<()> {
    let results = fitting.results()?;
    let pictures = fitting.pictures()?;
    for (name, png) in &pictures {
        write_atomically(dir.join(name), png)?;
    }
    write_atomically(dir.join(CURVE), curve(kind, settings, dir, fitting).as_bytes())?;
    let steps = fitting.taken();

    let mut summary = Map::new();
    let mut say = |key: &str, value: Value| {
        summary.insert(key.into(), value);
    };
    say("model", json!(kind));
    say("data", json!(settings.data.source));
    say("estimator", json!(fitting.words()));
    say("parameters", json!(fitting.parameters()));
    say("steps", json!(steps));
    say("epochs", json!(steps as f64 / fitting.per_epoch() as f64));
    say("seconds", json!(seconds));
    for Quantity { name, value, error, samples, rows, .. } in &results {
        say(name, json!(value));
        if let Some(error) = error {
            say(&format!("{name}_se"), json!(error));
        }
        if let Some(samples) = samples.filter(|samples| *samples > 1) {
            let name = name.trim_end_matches("_test");
            say(&format!("{name}_samples"), json!(samples));
        }
        if name.ends_with("_test") {
            say("test_rows", json!(rows));
        }
    }
    let units = results.iter().map(|one| (one.name.clone(), json!(one.unit)));
    say("units", units.collect::<Map<_, _>>().into());
    say("seed", json!(settings.run.seed));
    say("threads", json!(rayon::current_num_threads()));
    say("dtype", json!(cli_name(&settings.run.dtype)));
    say("pathscore", json!(settings.run.pathscore));
    write_atomically(dir.join(SUMMARY), &serde_json::to_vec_pretty(&summary)?)?;

    let out = &mut std::io::stdout().lock();
    print(&results.iter().map(Line::of).collect::<Vec<_>>(), Format::Table, out)?;
    let name = pictures.first().map_or(SUMMARY, |picture| picture.0);
    let [dir, picture] = [dir, &dir.join(name)].map(|path| printable(&path.display().to_string()));
    if fitting.needs_annealing() {
        writeln!(
            out,
            "ln Z is not known; for the likelihood: pathscore evaluate {dir} --ais 1000"
        )?;
    }
    let s = if steps == 1 { "" } else { "s" };
    writeln!(out, "{steps} step{s} in {seconds:.1} s; see {picture}")?;
    Ok(())
}

/// A quantity for people: a line of the table at the end of `train` and of that of `evaluate`.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    quantity: String,
    value: f64,
    #[serde(rename = "±")]
    error: Option<f64>,
    unit: &'a str,
    rows: usize,
}

impl<'a> Line<'a> {
    pub(super) fn of(result: &'a Quantity) -> Self {
        let Quantity { name, value, error, unit, samples, rows } = result;
        let mut quantity = name.replace('_', " ");
        if let Some(samples) = samples.filter(|samples| *samples > 1) {
            quantity += &format!(", {samples} samples");
        }
        Self { quantity, value: *value, error: *error, unit, rows: *rows }
    }
}

/// The training curve of a run as SVG.
pub(crate) fn curve(kind: &str, settings: &Settings, dir: &Path, fitting: &dyn Fitting) -> String {
    let title = format!("{kind} on {}: {}", printable(settings.data_name()), fitting.words());
    let curve = fitting.curve();
    curve_svg(&curves(&dir.join(METRICS), &curve), "step", &curve.labels, &title)
}

/// The training and the test curve of a run.
fn curves(metrics: &Path, curve: &Curve) -> Vec<Series> {
    let lines = lines(metrics);
    let series = |name: &str, key: &str| Series {
        name: name.into(),
        points: lines
            .iter()
            .filter_map(|line| Some((line["step"].as_f64()?, line[key].as_f64()?)))
            .collect(),
    };
    let [train, test] = curve.names;
    vec![series(train, curve.train), series(test, curve.test)]
}
