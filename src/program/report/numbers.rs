//! The numbers of a run: those of `summary.json` if it has ended, and else the last of `metrics.jsonl`.

use super::meaning;
use crate::program::files::read;
use crate::program::run::folder::{METRICS, SUMMARY};
use crate::program::run::log::lines;
use anyhow::Context;
use serde_json::{Map, Value};
use std::path::Path;

/// A number, or a word about a run, with its meaning.
pub(super) struct Number {
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) error: Option<Value>,
    pub(super) unit: String,
    pub(super) meaning: String,
}

/// The numbers of a run.
pub(super) struct Numbers {
    /// The numbers of the model.
    pub(super) measured: Vec<Number>,
    /// The numbers and words about the run, none if it has not ended.
    pub(super) facts: Vec<Number>,
}

impl Numbers {
    /// The numbers of `summary.json`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn of_summary(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(SUMMARY);
        let failed = || format!("{} could not be read", path.display());
        let text = read(&path).with_context(failed)?;
        let summary: Map<String, Value> = serde_json::from_slice(&text).with_context(failed)?;
        let (mut measured, mut facts) = (Vec::new(), Vec::new());
        for (name, value) in &summary {
            let error = summary.get(&format!("{name}_se")).cloned();
            let of = name.strip_suffix("_se").is_some_and(|of| summary.contains_key(of));
            if of || value.is_object() {
                continue;
            }
            let unit = summary.get("units").and_then(|units| units[name].as_str());
            let fact = meaning::fact(name);
            let meaning = fact.map(str::to_string).or_else(|| meaning::number(name));
            let number = Number {
                name: name.replace('_', " "),
                value: value.clone(),
                error,
                unit: unit.unwrap_or_default().into(),
                meaning: meaning.unwrap_or_default(),
            };
            if fact.is_some() { facts.push(number) } else { measured.push(number) }
        }
        Ok(Self { measured, facts })
    }

    /// The last number of each name in `metrics.jsonl`.
    pub(super) fn of_metrics(dir: &Path) -> Self {
        let mut last = Map::new();
        for line in lines(&dir.join(METRICS)) {
            let Value::Object(line) = line else { continue };
            last.extend(line.into_iter().filter(|(_, value)| value.is_number()));
        }
        let number = |(name, value): (String, Value)| Number {
            meaning: meaning::number(&name).unwrap_or_default(),
            name: name.replace('_', " "),
            value,
            error: None,
            unit: String::new(),
        };
        Self { measured: last.into_iter().map(number).collect(), facts: Vec::new() }
    }
}
