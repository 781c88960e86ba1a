//! The results of a check, and their text.

use std::fmt::{self, Display};

/// The place to which a compared number belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// One number of an argument: its index along each axis.
    Element {
        /// The number of the argument.
        argument: usize,
        /// The index along each axis of the argument.
        index: Vec<usize>,
    },
    /// A random direction of all arguments together.
    Direction(usize),
    /// One number of the result.
    Value(usize),
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Element { argument, index } => {
                write!(f, "element {index:?} of argument {argument}")
            }
            Self::Direction(number) => write!(f, "random direction {number}"),
            Self::Value(number) => write!(f, "number {number} of the result"),
        }
    }
}

/// A number that a tape computed, and the same number computed in another way.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The order of the derivative; zero for a value.
    pub order: usize,
    /// The place to which the number belongs.
    pub place: Place,
    /// The number that the tape computed.
    pub found: f64,
    /// The number that the other way computed.
    pub expected: f64,
    /// The largest difference that passes.
    pub allowed: f64,
    /// The step, if the other way is finite differences.
    pub step: Option<f64>,
    /// The other way, in words.
    pub against: &'static str,
    /// True if the function has a kink there, with another slope on each side.
    pub kink: bool,
}

impl Comparison {
    /// The difference of the two numbers.
    pub fn error(&self) -> f64 {
        (self.found - self.expected).abs()
    }

    /// True if the two numbers agree. NaN agrees with no number, not even with NaN.
    pub fn passes(&self) -> bool {
        self.error() <= self.allowed
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { order, place, found, expected, allowed, step, against, kink } = self;
        match order {
            0 => write!(f, "{place}: ")?,
            order => write!(f, "derivative of order {order}, {place}: ")?,
        }
        write!(f, "expected {expected} by {against}")?;
        if let Some(step) = step {
            write!(f, " of step {step:.1e}")?;
        }
        write!(f, ", found {found}; error {:.1e}, allowed {allowed:.1e}", self.error())?;
        if *kink { f.write_str("; there is a kink") } else { Ok(()) }
    }
}

impl std::error::Error for Comparison {}

/// The comparisons of a check, all of which agreed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The number of comparisons.
    pub compared: usize,
    /// The comparison that came closest to failing.
    pub worst: Option<Comparison>,
    /// The kinks. There the derivative lies between the slopes of the two sides, and no more can be checked.
    pub kinks: Vec<Comparison>,
}

impl Report {
    /// Adds a comparison, or returns it if it fails.
    pub(crate) fn take(&mut self, comparison: Comparison) -> Result<(), Comparison> {
        if !comparison.passes() {
            return Err(comparison);
        }
        self.compared += 1;
        let share = |c: &Comparison| c.error() / c.allowed.max(f64::MIN_POSITIVE);
        if self.worst.as_ref().is_none_or(|worst| share(&comparison) > share(worst)) {
            self.worst = Some(comparison);
        }
        Ok(())
    }

    /// Adds a derivative that lies between the slopes of the two sides of a kink.
    pub(crate) fn take_kink(&mut self, comparison: Comparison) {
        self.compared += 1;
        self.kinks.push(comparison);
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} numbers agree", self.compared)?;
        if let Some(worst) = &self.worst {
            write!(f, "\n  worst: {worst}")?;
        }
        self.kinks.iter().try_for_each(|kink| write!(f, "\n  kink: {kink}"))
    }
}
