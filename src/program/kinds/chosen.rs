//! The section `[estimator]` of `run.toml`: a row of the catalogue and its options.

use crate::program::catalogue::{About, Options};
use crate::program::usage_error::usage_error;

/// An estimator with its options.
pub(crate) struct Chosen {
    pub(crate) about: &'static About,
    pub(crate) options: Options,
}

impl Chosen {
    /// Reads a section; keys of `others` are no options.
    ///
    /// # Errors
    /// If there is no such estimator, or it does not have one of the options.
    pub(crate) fn read(
        section: &toml::Table,
        others: &[&str],
        fitting: &[&'static About],
    ) -> anyhow::Result<Self> {
        let text = |value: &toml::Value| match value {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let options =
            section.iter().filter(|(key, _)| *key != "name" && !others.contains(&key.as_str()));
        let given: Vec<_> = options.map(|(key, value)| (key.clone(), text(value))).collect();
        let name = section.get("name").and_then(toml::Value::as_str);
        let name = name.ok_or_else(|| usage_error("run.toml, [estimator]: name is missing"))?;
        let about = find(fitting, name)?;
        Ok(Self { about, options: about.parse(&given)? })
    }

    /// The section of an estimator.
    ///
    /// # Errors
    /// If TOML cannot hold an option.
    pub(crate) fn section(about: &About, options: &Options) -> anyhow::Result<toml::Table> {
        let mut section = toml::Table::new();
        section.insert("name".into(), about.name.into());
        for (name, value) in options.iter() {
            section.insert(name.into(), toml::Value::try_from(value)?);
        }
        Ok(section)
    }

    /// The estimator and its options in a few words.
    pub(crate) fn words(&self) -> String {
        let options = self.options.iter().map(|(name, value)| format!(", {name} {value}"));
        format!("{}{}", self.about.name, options.collect::<String>())
    }
}

/// The estimator of a name.
///
/// # Errors
/// If there is none.
pub(crate) fn find(fitting: &[&'static About], name: &str) -> anyhow::Result<&'static About> {
    let found = fitting.iter().copied().find(|about| about.name == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = fitting.iter().map(|about| about.name).collect();
        let names = names.join(", ");
        usage_error(format!("{name} does not fit this kind of model; the choices are {names}"))
    })
}
