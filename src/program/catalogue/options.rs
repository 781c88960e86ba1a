//! The options that estimators have on the command line of `train` and in `run.toml`, each described once.

use crate::program::usage_error::usage_error;
use serde::Serialize;

/// An option of one or several estimators.
///
/// Two rows may have the same name and different defaults: then they are one argument on the command line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionRow {
    /// The name on the command line, without dashes.
    pub(crate) name: &'static str,
    /// The word that stands for the value in the help.
    pub(crate) value_name: &'static str,
    /// The description in one line.
    pub(crate) about: &'static str,
    /// The values that it takes.
    pub(crate) kind: Kind,
    /// The value if none is given; without a default the estimator does without.
    pub(crate) default: Option<Value>,
    /// The choice that it goes with. An estimator that does not offer this choice always has the option.
    pub(crate) when: Option<When>,
}

/// The values that an option takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A whole number, 1 or more.
    Count,
    /// A number in a range.
    Number(Range),
    /// One of several names.
    Choice(&'static [Choice]),
}

/// A range of numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    /// The range in words, as in "it must be positive".
    pub(crate) words: &'static str,
    /// True inside the range.
    pub(crate) contains: fn(f64) -> bool,
}

/// One of the names that an option takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    pub(crate) name: &'static str,
    /// The description in one line.
    pub(crate) about: &'static str,
    /// The paper; empty for none.
    pub(crate) source: &'static str,
}

/// The condition that another option has one of these values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct When {
    pub(crate) option: &'static str,
    pub(crate) is: &'static [&'static str],
}

/// The value of an option.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Count(usize),
    Number(f64),
    Choice(&'static str),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Choice(value) => value.fmt(f),
        }
    }
}

impl OptionRow {
    /// Reads a value.
    ///
    /// # Errors
    /// If the option does not take this value, with a sentence that says which values it takes.
    pub(crate) fn parse(&self, text: &str) -> Result<Value, String> {
        let wrong = |words: &str| format!("--{} is {text}; it must be {words}", self.name);
        match &self.kind {
            Kind::Count => match text.parse() {
                Ok(count) if count >= 1 => Ok(Value::Count(count)),
                _ => Err(wrong("a whole number, 1 or more")),
            },
            Kind::Number(range) => match text.parse() {
                Ok(number) if (range.contains)(number) => Ok(Value::Number(number)),
                _ => Err(wrong(range.words)),
            },
            Kind::Choice(choices) => match choices.iter().find(|choice| choice.name == text) {
                Some(choice) => Ok(Value::Choice(choice.name)),
                None => {
                    let names: Vec<&str> = choices.iter().map(|choice| choice.name).collect();
                    Err(wrong(&format!("one of {}", names.join(", "))))
                }
            },
        }
    }
}

/// The options of an estimator with their values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    values: Vec<(&'static str, Value)>,
}

impl Options {
    /// The values in `given`, and the defaults of the other options of the estimator called `estimator`.
    ///
    /// # Errors
    /// If the estimator does not have an option that is given, or another choice leaves it without effect.
    pub(crate) fn of(
        estimator: &str,
        rows: &[&'static OptionRow],
        given: &[(&str, Value)],
    ) -> anyhow::Result<Self> {
        if let Some((name, _)) = given.iter().find(|(name, _)| rows.iter().all(|r| r.name != *name))
        {
            let own: Vec<String> = rows.iter().map(|row| format!("--{}", row.name)).collect();
            let own = if own.is_empty() { "none".into() } else { own.join(", ") };
            return Err(usage_error(format!(
                "--{name} has no effect with the estimator {estimator}, whose own options are: {own}"
            )));
        }
        let value_of = |row: &OptionRow| {
            let given = given.iter().find(|(name, _)| *name == row.name);
            given.map(|(_, value)| *value).or(row.default)
        };
        let mut values = Vec::new();
        for row in rows {
            // A condition on a choice that this estimator does not offer holds.
            let choice = row.when.as_ref().and_then(|when| {
                let other = rows.iter().find(|other| other.name == when.option)?;
                Some((when, value_of(other)?))
            });
            let unmet = choice
                .filter(|(when, value)| !when.is.iter().any(|name| *value == Value::Choice(name)));
            match (unmet, given.iter().any(|(name, _)| *name == row.name)) {
                (None, _) => values.extend(value_of(row).map(|value| (row.name, value))),
                (Some(_), false) => {}
                (Some((when, value)), true) => {
                    let (name, option, names) = (row.name, when.option, when.is.join(" or "));
                    return Err(usage_error(format!(
                        "--{name} has no effect with --{option} {value}: it goes with --{option} {names}"
                    )));
                }
            }
        }
        Ok(Self { values })
    }

    /// The options and their values, in the order of the estimator's row.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, Value)> {
        self.values.iter().copied()
    }

    /// The value of an option, if it has one.
    pub(crate) fn get(&self, row: &OptionRow) -> Option<Value> {
        self.values.iter().find(|(name, _)| *name == row.name).map(|(_, value)| *value)
    }

    /// The value of an option that is a whole number.
    ///
    /// # Panics
    /// If it has no value, which a row that names the option among its own rules out by a default.
    pub(crate) fn count(&self, row: &OptionRow) -> usize {
        self.count_if_any(row).unwrap_or_else(|| panic!("--{} is not a whole number", row.name))
    }

    /// The value of an option that is a whole number or absent.
    pub(crate) fn count_if_any(&self, row: &OptionRow) -> Option<usize> {
        match self.get(row) {
            Some(Value::Count(count)) => Some(count),
            _ => None,
        }
    }

    /// The value of an option that is a number.
    ///
    /// # Panics
    /// As [`Options::count`].
    pub(crate) fn number(&self, row: &OptionRow) -> f64 {
        self.number_if_any(row).unwrap_or_else(|| panic!("--{} is not a number", row.name))
    }

    /// The value of an option that is a number or absent.
    pub(crate) fn number_if_any(&self, row: &OptionRow) -> Option<f64> {
        match self.get(row) {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        }
    }

    /// The name that was chosen.
    ///
    /// # Panics
    /// As [`Options::count`].
    pub(crate) fn choice(&self, row: &OptionRow) -> &'static str {
        match self.get(row) {
            Some(Value::Choice(name)) => name,
            other => panic!("--{} is {other:?}, not a choice", row.name),
        }
    }
}

pub(super) const fn choice(
    name: &'static str,
    about: &'static str,
    source: &'static str,
) -> Choice {
    Choice { name, about, source }
}

const FINITE: Range = Range { words: "a number", contains: f64::is_finite };
pub(super) const POSITIVE: Range =
    Range { words: "positive", contains: |x| x > 0.0 && x.is_finite() };
const BELOW_ONE: Range =
    Range { words: "at least 0 and below 1", contains: |x| (0.0..1.0).contains(&x) };
pub(super) const SHARE: Range =
    Range { words: "at least 0 and at most 1", contains: |x| (0.0..=1.0).contains(&x) };
const INSIDE: Range = Range { words: "above 0 and below 1", contains: |x| 0.0 < x && x < 1.0 };

pub(crate) const KL: &OptionRow = &OptionRow {
    name: "kl",
    value_name: "FORM",
    about: "The form in which KL(q ‖ p(z)) enters sgvb",
    kind: Kind::Choice(&[
        choice("analytic", "The divergence in closed form", "Kingma & Welling 2014"),
        choice("sampled", "ln q − ln p at the draws", "Kingma & Welling 2014"),
    ]),
    default: Some(Value::Choice("analytic")),
    when: None,
};

pub(crate) const BASELINE: &OptionRow = &OptionRow {
    name: "baseline",
    value_name: "NAME",
    about: "The baseline that reinforce subtracts from its signal",
    kind: Kind::Choice(&[
        choice("none", "nothing is subtracted", "Williams 1992"),
        choice("constant", "a constant, --baseline-value", "Williams 1992"),
        choice("running-mean", "the mean signal of earlier batches", "Mnih & Gregor 2014"),
        choice(
            "leave-one-out",
            "the mean of the other draws for the same row; needs --num-samples 2 or more",
            "Mnih & Rezende 2016",
        ),
        choice(
            "network",
            "a network of the row, --baseline-hidden units, learnt beside the model",
            "Mnih & Gregor 2014",
        ),
        choice(
            "optimal",
            "the constant of least variance, learnt from earlier batches by a second sweep back",
            "Greensmith et al. 2004",
        ),
    ]),
    default: Some(Value::Choice("leave-one-out")),
    when: None,
};

pub(crate) const BASELINE_VALUE: &OptionRow = &OptionRow {
    name: "baseline-value",
    value_name: "X",
    about: "The constant of --baseline constant",
    kind: Kind::Number(FINITE),
    default: Some(Value::Number(0.0)),
    when: Some(When { option: "baseline", is: &["constant"] }),
};

pub(crate) const BASELINE_DECAY: &OptionRow = &OptionRow {
    name: "baseline-decay",
    value_name: "D",
    about: "The part of its old value that a running baseline keeps at each step",
    kind: Kind::Number(BELOW_ONE),
    default: Some(Value::Number(0.9)),
    when: Some(When { option: "baseline", is: &["running-mean", "optimal"] }),
};

pub(crate) const BASELINE_HIDDEN: &OptionRow = &OptionRow {
    name: "baseline-hidden",
    value_name: "N",
    about: "The number of hidden units of the network that is learnt beside the model",
    kind: Kind::Count,
    default: Some(Value::Count(100)),
    when: Some(When { option: "baseline", is: &["network"] }),
};

pub(crate) const NVIL_MODE: &OptionRow = &OptionRow {
    name: "nvil-mode",
    value_name: "WHEN",
    about: "The time at which a batch enters the running mean and variance of nvil",
    kind: Kind::Choice(&[
        choice("unbiased", "after the gradient of the batch was taken", "Mnih & Gregor 2014"),
        choice(
            "paper",
            "before the gradient is taken, as in the paper: biased by a factor that depends on the batch's size",
            "Mnih & Gregor 2014",
        ),
    ]),
    default: Some(Value::Choice("unbiased")),
    when: None,
};

pub(crate) const NVIL_SCALE: &OptionRow = &OptionRow {
    name: "nvil-scale",
    value_name: "HOW",
    about: "The divisor of nvil's signal",
    kind: Kind::Choice(&[
        choice(
            "running",
            "the running standard deviation of the signal, if it is above one",
            "Mnih & Gregor 2014",
        ),
        choice("none", "no divisor, which is unbiased", "Mnih & Gregor 2014"),
    ]),
    default: Some(Value::Choice("running")),
    when: None,
};

pub(crate) const ALPHA: &OptionRow = &OptionRow {
    name: "alpha",
    value_name: "A",
    about: "The order of renyi's bound: 1 is the ELBO, 0 the importance-weighted bound",
    kind: Kind::Number(FINITE),
    default: Some(Value::Number(0.5)),
    when: None,
};

pub(crate) const POINTS: &OptionRow = &OptionRow {
    name: "points",
    value_name: "N",
    about: "The number of points of tvo's path from q to the posterior; with one point it is the ELBO",
    kind: Kind::Count,
    default: Some(Value::Count(5)),
    when: None,
};

pub(crate) const FIRST_POINT: &OptionRow = &OptionRow {
    name: "first-point",
    value_name: "B",
    about: "The first point of tvo's path behind zero; the others follow at equal ratios",
    kind: Kind::Number(INSIDE),
    // About where the searches of Masrani and others (2019) ended.
    default: Some(Value::Number(0.025)),
    when: None,
};

pub(crate) const WAKE: &OptionRow = &OptionRow {
    name: "wake",
    value_name: "L",
    about: "The part of the wake phase in the gradient of q; the rest is the sleep phase",
    kind: Kind::Number(SHARE),
    default: Some(Value::Number(0.5)),
    when: None,
};

pub(crate) const VIMCO_MEAN: &OptionRow = &OptionRow {
    name: "vimco-mean",
    value_name: "MEAN",
    about: "The mean of the other draws' weights in the baseline of vimco",
    kind: Kind::Choice(&[
        choice("geometric", "the geometric mean", "Mnih & Rezende 2016"),
        choice("arithmetic", "the arithmetic mean", "Mnih & Rezende 2016"),
    ]),
    default: Some(Value::Choice("geometric")),
    when: None,
};

/// The temperature of estimators that relax every bit.
pub(crate) const TEMPERATURE: &OptionRow = &OptionRow {
    name: "temperature",
    value_name: "T",
    about: "The temperature of relaxed bits; rebar and relax begin with it and learn it",
    kind: Kind::Number(POSITIVE),
    default: Some(Value::Number(0.5)),
    when: None,
};

/// The temperature of straight-through, which without one takes the slope of the probabilities.
pub(crate) const TEMPERATURE_IF_ANY: &OptionRow = &OptionRow { default: None, ..*TEMPERATURE };

pub(crate) const SWEEPS: &OptionRow = &OptionRow {
    name: "sweeps",
    value_name: "K",
    about: "The number of Gibbs sweeps of each chain at each step",
    kind: Kind::Count,
    default: Some(Value::Count(1)),
    when: None,
};

pub(crate) const CHAINS: &OptionRow = &OptionRow {
    name: "chains",
    value_name: "N",
    about: "The number of chains that go on from step to step; without a number, the rows of a step",
    kind: Kind::Count,
    default: None,
    when: None,
};

pub(crate) const BITS_BY: &OptionRow = &OptionRow {
    name: "bits-by",
    value_name: "STRATEGY",
    about: "The strategy of per-node for bits; normal latents go along their paths",
    kind: Kind::Choice(&[
        choice("automatic", "the best unbiased one: sum, score or pairs", "Schulman et al. 2015"),
        choice("score", "the score of their probabilities", "Schulman et al. 2015"),
        choice(
            "straight-through",
            "the slope of their probabilities, biased",
            "Bengio et al. 2013",
        ),
    ]),
    default: Some(Value::Choice("automatic")),
    when: None,
};
