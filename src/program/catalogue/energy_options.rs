//! The options of criteria for energy models.

use super::options::{Kind, OptionRow, Range, Value, choice};

/// A probability with which a bit is flipped.
const FLIPPED: Range =
    Range { words: "above 0 and at most 0.5", contains: |x| 0.0 < x && x <= 0.5 };
const NOT_NEGATIVE: Range = Range { words: "at least 0", contains: |x| x >= 0.0 && x.is_finite() };

pub(crate) const TEMPERATURES: &OptionRow = &OptionRow {
    name: "temperatures",
    value_name: "R",
    about: "The number of temperatures between independent columns and the model, along which chains exchange states",
    kind: Kind::Count,
    // About where the gains of Desjardins and others (2010) levelled off.
    default: Some(Value::Count(10)),
    when: None,
};

pub(crate) const FAST_RATE: &OptionRow = &OptionRow {
    name: "fast-rate",
    value_name: "RATE",
    about: "The learning rate of the fast weights, which keep 0.95 of themselves from step to step",
    kind: Kind::Number(NOT_NEGATIVE),
    default: Some(Value::Number(0.01)),
    when: None,
};

pub(crate) const BURN_IN: &OptionRow = &OptionRow {
    name: "burn-in",
    value_name: "K",
    about: "The sweeps of coupled chains before the sum over their differences begins",
    kind: Kind::Count,
    default: Some(Value::Count(1)),
    when: None,
};

pub(crate) const MOST_SWEEPS: &OptionRow = &OptionRow {
    name: "most-sweeps",
    value_name: "N",
    about: "The sweeps after which coupled chains that have not met are cut, which makes ucd as biased as cd with as \
            many sweeps; without a number, they always run until they meet",
    kind: Kind::Count,
    default: None,
    when: None,
};

pub(crate) const PL_BITS: &OptionRow = &OptionRow {
    name: "pl-bits",
    value_name: "WHICH",
    about: "The bits of each row whose conditional probabilities are multiplied",
    kind: Kind::Choice(&[
        choice("all", "all bits", "Besag 1975"),
        choice(
            "one",
            "a random bit, times the number of bits: unbiased for all",
            "Marlin et al. 2010",
        ),
    ]),
    default: Some(Value::Choice("all")),
    when: None,
};

pub(crate) const MPF_NEIGHBOURS: &OptionRow = &OptionRow {
    name: "mpf-neighbours",
    value_name: "WHICH",
    about: "The neighbours by one flipped bit to which probability flows",
    kind: Kind::Choice(&[
        choice("all", "all neighbours", "Sohl-Dickstein et al. 2011"),
        choice(
            "outside",
            "those that are no rows of the batch, as in the paper",
            "Sohl-Dickstein et al. 2011",
        ),
    ]),
    default: Some(Value::Choice("all")),
    when: None,
};

pub(crate) const NOISE_RATIO: &OptionRow = &OptionRow {
    name: "noise-ratio",
    value_name: "NU",
    about: "The draws of noise for each row, from independent columns with the means of the data",
    kind: Kind::Count,
    default: Some(Value::Count(10)),
    when: None,
};

pub(crate) const FLIP: &OptionRow = &OptionRow {
    name: "flip",
    value_name: "P",
    about: "The probability with which noise flips a bit; at 0.5 it is maximum likelihood by importance sampling",
    kind: Kind::Number(FLIPPED),
    default: Some(Value::Number(0.1)),
    when: None,
};

pub(crate) const NEIGHBOURS: &OptionRow = &OptionRow {
    name: "neighbours",
    value_name: "M",
    about: "The neighbours of each row whose energies are compared with its own",
    kind: Kind::Count,
    default: Some(Value::Count(32)),
    when: None,
};

pub(crate) const STABILISER: &OptionRow = &OptionRow {
    name: "stabiliser",
    value_name: "W",
    about: "The weight beside those of the neighbours, which bounds the gradient",
    kind: Kind::Number(NOT_NEGATIVE),
    default: Some(Value::Number(1.0)),
    when: None,
};

pub(crate) const DRAWS: &OptionRow = &OptionRow {
    name: "draws",
    value_name: "N",
    about: "The weighted draws of independent columns for each row",
    kind: Kind::Count,
    default: Some(Value::Count(100)),
    when: None,
};
