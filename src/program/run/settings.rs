//! `run.toml`: everything that determines a run, with a version of its format.

use super::choices::{Dtype, OptimizerName, ScheduleName};
use crate::program::files::read;
use crate::program::limits::check_section;
use crate::program::usage_error::usage_error;
use anyhow::Context;
use pathscore::estimators::optim::Schedule;
use pathscore::models::data::{Batches, Binarize, Source};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The name of the file.
pub(crate) const FILE: &str = "run.toml";

/// The version of the format of run folders that this program writes and reads.
pub(crate) const FORMAT: u32 = 3;

/// The length of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Length {
    /// Passes through the training rows.
    Epochs(u64),
    /// Steps.
    Steps(u64),
    /// Seconds of training.
    Seconds(f64),
}

/// The settings of a run; every default is resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) format: u32,
    pub(crate) run: RunSettings,
    pub(crate) data: DataSettings,
    /// The options of the kind of model.
    pub(crate) model: toml::Table,
    /// The name of the estimator (or of the method, or the criterion) and its options.
    pub(crate) estimator: toml::Table,
    /// Absent if no gradient is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) optimizer: Option<OptimizerSettings>,
    /// The options of the evaluation at the end of the run.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub(crate) evaluation: toml::Table,
}

/// The section `[run]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunSettings {
    /// The version of the program that began the run.
    pub(crate) pathscore: String,
    pub(crate) kind: String,
    pub(crate) seed: u64,
    pub(crate) dtype: Dtype,
    pub(crate) length: Length,
}

/// The section `[data]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataSettings {
    pub(crate) source: String,
    pub(crate) binarize: String,
    /// True if the columns are brought to one scale.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) standardize: bool,
    /// A sentence that says how the data were split.
    pub(crate) split: String,
}

/// The section `[optimizer]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OptimizerSettings {
    pub(crate) name: OptimizerName,
    /// Rows of a step; absent if each step takes all rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) batch: Option<usize>,
    pub(crate) lr: f64,
    pub(crate) schedule: ScheduleName,
    /// The momentum of sgd and rmsprop; absent for other optimisers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) momentum: Option<f64>,
    /// Nesterov's momentum of sgd.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) nesterov: bool,
    /// The centred form of rmsprop.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) centered: bool,
    /// The weight decay of adamw; absent for other optimisers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) weight_decay: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) clip: Option<f64>,
}

impl Settings {
    /// The settings of a new run of a kind of model; the kind fills in the rest.
    pub(crate) fn new(kind: &str, run: (u64, Dtype, Length), data: DataSettings) -> Self {
        let (seed, dtype, length) = run;
        let run = RunSettings {
            pathscore: env!("CARGO_PKG_VERSION").into(),
            kind: kind.into(),
            seed,
            dtype,
            length,
        };
        let (model, estimator, evaluation) = Default::default();
        Self { format: FORMAT, run, data, model, estimator, optimizer: None, evaluation }
    }

    /// Reads the settings of the run in a folder.
    ///
    /// # Errors
    /// If there is no such run, or its format or a value in it is not one of this program.
    pub(crate) fn read(run: &Path) -> anyhow::Result<Self> {
        let path = run.join(FILE);
        let name = path.display();
        let wrong = |error: &dyn std::fmt::Display| {
            usage_error(format!("{name}: {error}; is this the folder of a run?"))
        };
        let text = read(&path).map_err(|error| wrong(&error))?;
        let text = String::from_utf8(text).map_err(|_| wrong(&"this is no text"))?;
        Self::from_text(&text, &name.to_string())
    }

    /// Reads the settings in a text that stands in `name`.
    ///
    /// # Errors
    /// If its format, its version or a value in it is not one of this program.
    pub(crate) fn from_text(text: &str, name: &str) -> anyhow::Result<Self> {
        let wrong = |error: toml::de::Error| {
            // The line itself is not shown: the file may be any file.
            let line = error
                .span()
                .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let line = line.map_or(String::new(), |line| format!(", line {line}"));
            usage_error(format!("{name}{line}: {}", error.message().trim_end()))
        };
        let table: toml::Table = text.parse().map_err(wrong)?;
        check_format(name, table.get("format").and_then(toml::Value::as_integer))?;
        let settings: Self = toml::from_str(text).map_err(wrong)?;
        let (wrote, reads) = (&settings.run.pathscore, env!("CARGO_PKG_VERSION"));
        if wrote != reads {
            return Err(usage_error(format!(
                "{name}: version {wrote} of the program began the run; this is version {reads}, whose numbers may differ"
            )));
        }
        settings.check().with_context(|| name.to_string())?;
        Ok(settings)
    }

    /// The first setting that differs in another run, with both values. Where the data lie is none that counts: a checkpoint
    /// knows the data themselves.
    ///
    /// # Errors
    /// If TOML cannot hold a value.
    pub(crate) fn difference(&self, other: &Self) -> anyhow::Result<Option<(String, [String; 2])>> {
        let mut one = self.clone();
        one.data.source.clone_from(&other.data.source);
        let (one, other) = (toml::Table::try_from(one)?, toml::Table::try_from(other)?);
        Ok(difference("", Some(&one.into()), Some(&other.into())))
    }

    /// The text of `run.toml`.
    pub(crate) fn to_text(&self) -> anyhow::Result<String> {
        Ok(toml::to_string(self)?)
    }

    /// Checks the values that every kind of model has.
    ///
    /// # Errors
    /// If a value is out of its range.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        for section in [&self.model, &self.estimator, &self.evaluation] {
            check_section(section)?;
        }
        match self.run.length {
            Length::Seconds(s) => within("--seconds", s, positive(s), "positive")?,
            Length::Epochs(n) => at_least_one("--epochs", n)?,
            Length::Steps(n) => at_least_one("--steps", n)?,
        }
        let Some(optimizer) = &self.optimizer else { return Ok(()) };
        optimizer.batch.map_or(Ok(()), |batch| at_least_one("--batch", batch as u64))?;
        within("--lr", optimizer.lr, positive(optimizer.lr), "positive")?;
        if let Some(momentum) = optimizer.momentum {
            let fits = (0.0..1.0).contains(&momentum);
            within("--momentum", momentum, fits, "at least 0 and below 1")?;
        }
        if let Some(decay) = optimizer.weight_decay {
            let fits = decay >= 0.0 && decay.is_finite();
            within("--weight-decay", decay, fits, "at least 0 and finite")?;
        }
        if let Some(clip) = optimizer.clip {
            within("--clip", clip, positive(clip), "positive")?;
        }
        let known = !matches!(self.run.length, Length::Seconds(_));
        if !known && optimizer.schedule != ScheduleName::Constant {
            return Err(usage_error(
                "--schedule needs a known number of steps: give --epochs or --steps instead of --seconds",
            ));
        }
        Ok(())
    }

    pub(crate) fn source(&self) -> anyhow::Result<Source> {
        Ok(self.data.source.parse()?)
    }

    pub(crate) fn binarize(&self) -> anyhow::Result<Binarize> {
        Ok(self.data.binarize.parse()?)
    }

    /// The section `[model]`, as a type of the kind.
    pub(crate) fn model<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        section("model", &self.model)
    }

    /// The section `[estimator]`, as a type of the kind.
    pub(crate) fn estimator<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        section("estimator", &self.estimator)
    }

    /// The section `[evaluation]`, as a type of the kind.
    pub(crate) fn evaluation<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        section("evaluation", &self.evaluation)
    }

    /// The section `[optimizer]`, which is there if a gradient is followed.
    pub(crate) fn optimizer(&self) -> anyhow::Result<&OptimizerSettings> {
        self.optimizer
            .as_ref()
            .ok_or_else(|| usage_error(format!("{FILE}: the section [optimizer] is missing")))
    }

    /// The batches of a training part of so many rows.
    pub(crate) fn batches(&self, rows: usize) -> anyhow::Result<Batches> {
        let batch = self.optimizer()?.batch.unwrap_or(rows);
        Ok(Batches::new(rows, batch, self.run.seed)?)
    }

    /// The number of steps of the run, where `per_epoch` steps are an epoch; the largest number if the length is in
    /// seconds.
    pub(crate) fn steps(&self, per_epoch: u64) -> u64 {
        match self.run.length {
            Length::Epochs(n) => n.saturating_mul(per_epoch),
            Length::Steps(n) => n,
            Length::Seconds(_) => u64::MAX,
        }
    }

    /// The learning-rate schedule of the run, where `per_epoch` steps are an epoch.
    pub(crate) fn schedule(&self, per_epoch: u64) -> anyhow::Result<Schedule> {
        Ok(self.optimizer()?.schedule.of(self.steps(per_epoch)))
    }

    /// The data's name without the folders that it is in.
    pub(crate) fn data_name(&self) -> &str {
        self.data.source.rsplit('/').next().unwrap_or(&self.data.source)
    }
}

/// Refuses another format of a file of a run than that of this version.
///
/// # Errors
/// The message names the file and both formats.
pub(super) fn check_format(file: &str, found: Option<i64>) -> anyhow::Result<()> {
    match found {
        Some(format) if format == i64::from(FORMAT) => Ok(()),
        Some(format) => Err(usage_error(format!(
            "{file}: the format is {format}; this version of the program reads format {FORMAT}"
        ))),
        None => Err(usage_error(format!(
            "{file}: it has no `format`, so an older version of the program wrote it; this version reads format {FORMAT}"
        ))),
    }
}

/// The first value that differs between two values of the key `name`.
fn difference(
    name: &str,
    one: Option<&toml::Value>,
    other: Option<&toml::Value>,
) -> Option<(String, [String; 2])> {
    use toml::Value::Table;
    match (one, other) {
        (Some(Table(a)), Some(Table(b))) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let dot = if name.is_empty() { "" } else { "." };
            keys.into_iter()
                .find_map(|key| difference(&format!("{name}{dot}{key}"), a.get(key), b.get(key)))
        }
        _ if one == other => None,
        _ => {
            let text = |value: Option<&toml::Value>| {
                value.map_or("nothing".to_string(), ToString::to_string)
            };
            Some((name.to_string(), [text(one), text(other)]))
        }
    }
}

fn section<T: DeserializeOwned>(name: &str, table: &toml::Table) -> anyhow::Result<T> {
    toml::Value::Table(table.clone()).try_into().map_err(|error: toml::de::Error| {
        usage_error(format!("{FILE}, [{name}]: {}", error.to_string().trim_end()))
    })
}

/// A value as a section of `run.toml`.
pub(crate) fn to_section(value: &impl Serialize) -> anyhow::Result<toml::Table> {
    Ok(toml::Table::try_from(value)?)
}

/// Refuses zero.
pub(crate) fn at_least_one(option: &str, value: u64) -> anyhow::Result<()> {
    match value {
        0 => Err(usage_error(format!("{option} must be at least 1"))),
        _ => Ok(()),
    }
}

/// The number of rows that are asked for, or all that are there.
///
/// # Errors
/// If there are fewer.
pub(crate) fn rows_of(option: &str, asked: Option<usize>, there: usize) -> anyhow::Result<usize> {
    match asked {
        Some(asked) if asked > there => {
            Err(usage_error(format!("{option} is {asked}; there are {there} rows")))
        }
        _ => Ok(asked.unwrap_or(there)),
    }
}

/// Refuses a value that does not fit its range.
pub(crate) fn within(option: &str, value: f64, fits: bool, range: &str) -> anyhow::Result<()> {
    match fits {
        true => Ok(()),
        false => Err(usage_error(format!("{option} is {value}; it must be {range}"))),
    }
}

/// True if a number is positive and finite.
pub(crate) fn positive(x: f64) -> bool {
    x > 0.0 && x.is_finite()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_text_is_read_or_refused_in_one_line() {
        let data = DataSettings {
            source: "bars".into(),
            binarize: "none".into(),
            standardize: false,
            split: "bars: 4 x 4".into(),
        };
        let mut settings = Settings::new("vae", (3, Dtype::F64, Length::Epochs(7)), data);
        settings.model.insert("hidden".into(), vec![20, 10].into());
        settings.estimator.insert("name".into(), "sgvb".into());
        let whole = settings.to_text().unwrap();
        assert_eq!(Settings::from_text(&whole, "a").unwrap(), settings);
        let count = std::env::var("PATHSCORE_MUTATIONS").map_or(3000, |text| text.parse().unwrap());
        let mut state = 0_u64;
        let mut below = |n: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % n.max(1)
        };
        for number in 0..count {
            let mut bytes = whole.clone().into_bytes();
            for _ in 0..=below(3) {
                if bytes.is_empty() {
                    break;
                }
                let (at, more) = (below(bytes.len()), below(40));
                match below(4) {
                    0 => bytes[at] ^= 1 << below(8),
                    1 => {
                        let end = (at + more).min(bytes.len());
                        bytes.drain(at..end);
                    }
                    2 => bytes.insert(at, b"[]{}=\"'.9-e\n#\\"[below(14)]),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            let Ok(text) = String::from_utf8(bytes) else { continue };
            if let Err(error) = Settings::from_text(&text, "a") {
                let words = format!("{error:#}");
                // A value of the wrong type may be shown, and no line of the file.
                let lines = words.contains('\n') || words.contains("split = ");
                assert!(words.starts_with('a') && !lines, "{number}: {words}");
            }
        }
    }
}
