//! The options of criteria for energies of real numbers.

use super::options::{Kind, OptionRow, POSITIVE, Range, SHARE, Value, When, choice};

const NOT_NEGATIVE: Range = Range { words: "0 or more", contains: |x| x >= 0.0 && x.is_finite() };

pub(crate) const SAMPLER: &OptionRow = &OptionRow {
    name: "sampler",
    value_name: "NAME",
    about: "The moves of chains of real rows",
    kind: Kind::Choice(&[
        choice("langevin", "Langevin dynamics without acceptance", "Parisi 1981"),
        choice("mala", "Langevin dynamics with acceptance", "Besag 1994"),
        choice("hmc", "Hamiltonian Monte Carlo", "Duane et al. 1987"),
    ]),
    default: Some(Value::Choice("langevin")),
    when: None,
};

pub(crate) const STEP_SIZE: &OptionRow = &OptionRow {
    name: "step-size",
    value_name: "E",
    about: "The step of a move, in units of the standard deviations of the columns",
    kind: Kind::Number(POSITIVE),
    default: Some(Value::Number(0.1)),
    when: None,
};

pub(crate) const LEAPFROGS: &OptionRow = &OptionRow {
    name: "leapfrogs",
    value_name: "L",
    about: "The number of leapfrog steps of a move",
    kind: Kind::Count,
    default: Some(Value::Count(5)),
    when: Some(When { option: "sampler", is: &["hmc"] }),
};

pub(crate) const MOVES: &OptionRow = &OptionRow {
    name: "moves",
    value_name: "K",
    about: "The number of moves of each chain at each step",
    kind: Kind::Count,
    default: Some(Value::Count(10)),
    when: None,
};

pub(crate) const RESTART: &OptionRow = &OptionRow {
    name: "restart",
    value_name: "P",
    about: "The probability with which a chain begins anew at each step",
    kind: Kind::Number(SHARE),
    default: Some(Value::Number(0.01)),
    when: None,
};

/// The noise of denoising, and below it that of the energy discrepancy, which may be larger.
pub(crate) const NOISE: &OptionRow = &OptionRow {
    name: "noise",
    value_name: "S",
    about: "The standard deviation of the noise, in units of those of the columns",
    kind: Kind::Number(POSITIVE),
    default: Some(Value::Number(0.1)),
    when: None,
};

pub(crate) const DISCREPANCY_NOISE: &OptionRow =
    &OptionRow { default: Some(Value::Number(0.3)), ..*NOISE };

pub(crate) const STABILIZER: &OptionRow = &OptionRow {
    name: "stabiliser",
    value_name: "W",
    about: "The weight that the energy discrepancy adds to its points",
    kind: Kind::Number(NOT_NEGATIVE),
    default: Some(Value::Number(1.0)),
    when: None,
};

pub(crate) const DIRECTIONS: &OptionRow = &OptionRow {
    name: "directions",
    value_name: "LAW",
    about: "The law of the directions",
    kind: Kind::Choice(&[
        choice("rademacher", "independent signs", "Song et al. 2019"),
        choice("normal", "independent normal numbers", "Song et al. 2019"),
    ]),
    default: Some(Value::Choice("rademacher")),
    when: None,
};

pub(crate) const DRAWS: &OptionRow = &OptionRow {
    name: "draws",
    value_name: "K",
    about: "The number of directions, noisy copies, rows of noise or perturbed points for each row",
    kind: Kind::Count,
    default: Some(Value::Count(1)),
    when: None,
};

pub(crate) const MANY_DRAWS: &OptionRow = &OptionRow { default: Some(Value::Count(16)), ..*DRAWS };
