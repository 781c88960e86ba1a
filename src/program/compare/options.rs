//! Options of a comparison.

/// Options of [`Bench::compare`](crate::bench::Bench::compare).
///
/// ```
/// let options = pathscore::bench::Options { samples: 5, ..Default::default() };
/// assert_eq!((options.draws, options.seed), (20_000, 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The number of gradients drawn from each estimator, at least 20.
    pub draws: usize,
    /// $K$, the number of samples within each gradient.
    pub samples: usize,
    /// The seed from which every random number is derived.
    pub seed: u64,
}

impl Default for Options {
    /// 20 000 gradients of two samples each.
    fn default() -> Self {
        Self { draws: 20_000, samples: 2, seed: 0 }
    }
}
