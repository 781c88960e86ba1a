//! Bridge sampling: one estimate of a ratio of normalisers from paths in both directions.

use pathscore_autodiff::Real;

/// The most halvings of the bracket: it has then the length of the last bit.
const HALVINGS: usize = 200;

/// An estimate of $\ln(Z_1/Z_0)$ by [`bridge`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bridge {
    /// $\ln (Z_1 / Z_0)$; NaN if no weight is finite, because nothing is known then.
    pub value: f64,
    /// The standard error to first order (Shirts and Chodera 2008), which means something while it is far below one; it is infinite where
    /// the two sides do not overlap.
    pub standard_error: f64,
}

/// Bennett's acceptance ratio (Bennett 1976; Meng and Wong 1996): the best combination of the weights of $n$ paths from the
/// base, $\ln w_i$ in `forward`, and of $m$ paths from the target, $\ln w_j$ of the same paths forward in `reverse`. It is the
/// root $c$ of
///
/// $$\sum_{i=1}^n \sigma(\ln w_i - c - \ln(n/m)) = \sum_{j=1}^m \sigma(c + \ln(n/m) - \ln w_j),$$
///
/// which exists and is unique, because the left side falls and the right side grows. Both directions take part where they
/// overlap, so that its error is at most that of the better one-sided estimate when paths are many. With steps of zero
/// temperatures between the ends the paths are single draws, and this is bridge sampling between two densities.
///
/// ```
/// use pathscore_estimators::samplers::bridge;
/// // Paths without variance have the ratio itself as their weight.
/// let found = bridge(&[1.5; 10], &[1.5; 20]);
/// assert!((found.value - 1.5).abs() < 1e-12 && found.standard_error < 1e-7);
/// // Paths that never arrive say nothing.
/// assert!(bridge(&[f64::NEG_INFINITY; 3], &[f64::INFINITY]).value.is_nan());
/// ```
///
/// # Panics
/// If a side has no weights, or a weight is NaN.
#[doc(alias = "BAR")]
#[doc(alias = "bridge sampling")]
pub fn bridge(forward: &[f64], reverse: &[f64]) -> Bridge {
    let (n, m) = (forward.len() as f64, reverse.len() as f64);
    assert!(n > 0.0 && m > 0.0, "bridge: {n} weights forward and {m} in reverse");
    let all = || forward.iter().chain(reverse);
    assert!(all().all(|w| !w.is_nan()), "bridge: a weight is NaN");
    if all().all(|w| w.is_infinite()) {
        return Bridge { value: f64::NAN, standard_error: f64::INFINITY };
    }
    let shift = (n / m).ln();
    let finite = || all().copied().filter(|w| w.is_finite());
    let [mut low, mut high] = [
        finite().fold(f64::INFINITY, f64::min) - shift.abs() - 1.0,
        finite().fold(f64::NEG_INFINITY, f64::max) + shift.abs() + 1.0,
    ];
    // Logarithms keep their digits where the terms themselves are zero.
    let log_sum = |terms: &mut dyn Iterator<Item = f64>| {
        terms.fold(f64::NEG_INFINITY, |sum, term| sum.log_add_exp(term))
    };
    let sides = |c: f64| {
        let of_forward = log_sum(&mut forward.iter().map(|w| (w - c - shift).log_sigmoid()));
        let of_reverse = log_sum(&mut reverse.iter().map(|w| (c + shift - w).log_sigmoid()));
        of_forward - of_reverse
    };
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if sides(middle) > 0.0 { low = middle } else { high = middle }
    }
    let value = 0.5 * (low + high);
    // 1/Σ σ(1 − σ) − 1/n − 1/m over the weights of both sides: infinite where they do not overlap.
    let overlap: f64 = all()
        .map(|w| ((w - value - shift).log_sigmoid() + (value + shift - w).log_sigmoid()).exp())
        .sum();
    let variance = 1.0 / overlap - 1.0 / n - 1.0 / m;
    Bridge { value, standard_error: variance.max(0.0).sqrt() }
}
