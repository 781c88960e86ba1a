//! What a check found, in words.

use std::fmt::{self, Display};

/// What a derivative belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// One number of an argument: its index along each axis.
    Element {
        /// Which argument of the function.
        argument: usize,
        /// Where in it.
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

/// A number that a tape computed, beside the same number found in another way.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The order of the derivative; zero for a value.
    pub order: usize,
    /// What it belongs to.
    pub place: Place,
    /// What the tape says.
    pub found: f64,
    /// What the other way says.
    pub expected: f64,
    /// The difference that would have passed.
    pub allowed: f64,
    /// The step, where the other way is finite differences.
    pub step: Option<f64>,
    /// The other way.
    pub against: &'static str,
    /// Whether the function has a kink there, with another slope on each side.
    pub kink: bool,
}

impl Comparison {
    /// How far apart the two are.
    pub fn error(&self) -> f64 {
        (self.found - self.expected).abs()
    }

    /// Whether they agree. A NaN on one side only does not, nor one on both.
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

/// What was compared, when all of it agreed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// How many numbers.
    pub compared: usize,
    /// The one that came closest to failing.
    pub worst: Option<Comparison>,
    /// Kinks: the derivative lies between the slopes of the two sides, which is all that can be asked of it.
    pub kinks: Vec<Comparison>,
}

impl Report {
    /// Takes in a comparison.
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

    /// Takes in a derivative that lies between the slopes of the two sides of a kink.
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
