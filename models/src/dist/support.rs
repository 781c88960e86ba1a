//! The sets on which distributions put their mass.

/// The set of values that an event, or each coordinate of an event, can take.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Distribution, Exponential, Support};
/// let tape = Tape::new();
/// let waiting = Exponential::new(tape.leaf(&[2.0_f64], [1]))?;
/// assert_eq!(waiting.support(), Support::NonNegative);
/// assert!(!waiting.support().is_discrete());
/// // Outside its support a log-density is −∞.
/// assert_eq!(waiting.log_prob(tape.constant(&[-1.0], [1])).item(), f64::NEG_INFINITY);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Support {
    /// All real numbers.
    Real,
    /// The numbers from zero.
    NonNegative,
    /// The numbers between zero and one.
    UnitInterval,
    /// The numbers between two parameters of the distribution.
    Interval,
    /// The numbers from a parameter of the distribution.
    HalfLine,
    /// Angles: the density has the period $2\pi$, and all real numbers are allowed.
    Angles,
    /// Zero and one.
    Bits,
    /// The whole numbers from zero.
    Counts,
    /// The whole numbers from zero to a parameter of the distribution.
    BoundedCounts,
    /// Rows in which a single number is one and the others are zero.
    OneHot,
    /// Rows of whole numbers with a fixed sum.
    CountVectors,
    /// Rows of numbers that are not negative and sum to one.
    Simplex,
    /// Rows of real numbers that depend on each other.
    Vectors,
    /// Rows of increasing real numbers.
    Ordered,
    /// Lower triangular matrices with a positive diagonal.
    CholeskyFactors,
    /// Events whose parts are of different kinds.
    Mixed,
}

impl Support {
    /// True if the values can be counted, so that `log_prob` is the logarithm of a probability and not of a density.
    pub fn is_discrete(self) -> bool {
        use Support::{Bits, BoundedCounts, CountVectors, Counts, OneHot};
        matches!(self, Bits | Counts | BoundedCounts | OneHot | CountVectors)
    }
}
