//! Formulas at the edges: values outside a support, and differences that cancel.

use crate::RandomSource;
use pathscore_autodiff::{Real, Scalar, Shape, Tape, Var};

/// The log-density, and $-\infty$ with zero derivatives where `outside` is not zero.
pub(super) fn impossible<'t, F: Scalar>(
    outside: Var<'t, F>,
    log_density: Var<'t, F>,
) -> Var<'t, F> {
    outside.select(log_density.constant(f64::NEG_INFINITY), log_density)
}

/// Not zero where `x` is negative or infinite.
pub(super) fn off_half_line<F: Scalar>(x: Var<'_, F>) -> Var<'_, F> {
    x.less(x.constant(0.0)) + x.equal(x.constant(f64::INFINITY))
}

/// Not zero where `x` is outside the unit interval.
pub(super) fn off_unit_interval<F: Scalar>(x: Var<'_, F>) -> Var<'_, F> {
    x.less(x.constant(0.0)) + x.greater(x.constant(1.0))
}

/// Not zero where `x` is not one of 0, 1, 2, ….
pub(super) fn off_counts<F: Scalar>(x: Var<'_, F>) -> Var<'_, F> {
    off_half_line(x) + x.greater(x.floor())
}

/// Not zero, for each row, where a number of the row is negative or the numbers do not sum to one. Rows may have been
/// computed in single precision, so the sum may differ from one by $10^{-6}$.
pub(super) fn off_simplex<F: Scalar>(x: Var<'_, F>) -> Var<'_, F> {
    let sum = (x.sum_axis(-1) - F::ONE).abs();
    sum.greater(sum.constant(1e-6)) + x.less(x.constant(0.0)).sum_axis(-1)
}

/// Not zero where `x` is below `end`, and zero at NaN.
pub(super) fn below<F: Scalar>(x: Var<'_, F>, end: f64) -> Var<'_, F> {
    x.less(x.constant(end))
}

/// The smallest normal number of the precision.
pub(super) fn smallest<F: Scalar>() -> F {
    F::from_f64(if F::NAME == "f64" { f64::MIN_POSITIVE } else { f64::from(f32::MIN_POSITIVE) })
}

/// The largest finite number of the precision.
pub(super) fn largest<F: Scalar>() -> F {
    F::from_f64(if F::NAME == "f64" { f64::MAX } else { f64::from(f32::MAX) })
}

/// Samples of the line, with those beyond the largest number replaced by it, with its sign.
pub(super) fn in_range<F: Scalar>(x: Var<'_, F>) -> Var<'_, F> {
    let [low, high] = [-largest::<F>(), largest()].map(|end| x.tape().number(end));
    x.max(low).min(high)
}

/// `n`, and the largest number of the precision for numbers above it.
pub(super) fn within<F: Scalar>(n: f64) -> f64 {
    let end = largest::<F>().to_f64();
    if n > end { end } else { n }
}

/// $\ln\frac ab$ of numbers that are not negative, also where the quotient or its derivative would not be a number of the precision. Where the
/// quotient is moderate its logarithm is recorded, which keeps the digits of $a$ near $b$; elsewhere the difference of two
/// logarithms is large, too.
pub(super) fn ln_quotient<'t, F: Scalar>(a: Var<'t, F>, b: Var<'t, F>) -> Var<'t, F> {
    let quotient = a / b;
    let (low, high) = (F::EPSILON, F::ONE / F::EPSILON);
    if quotient.with(|q| q.iter().all(|&q| q >= low && q <= high)) {
        return quotient.ln();
    }
    let [low, high] = [low, high].map(|end| a.tape().number(end));
    let moderate = quotient.greater_equal(low) * quotient.less_equal(high);
    moderate.select(quotient.ln(), a.ln() - b.ln())
}

/// The largest number below one.
pub(super) fn below_one<F: Scalar>() -> F {
    F::ONE - F::EPSILON * F::from_f64(0.5)
}

/// Samples of the open unit interval that were rounded to an end: at least the smallest normal number, and at most the
/// largest number below one.
pub(super) fn off_ends<F: Scalar>(x: Var<'_, F>) -> Var<'_, F> {
    x.max(x.tape().number(smallest())).min(x.tape().number(below_one()))
}

/// Uniform numbers between zero and one, and neither of them: half a step above those of the source.
pub(super) fn open_uniform<'t, F: Scalar, R: RandomSource>(
    tape: &'t Tape<F>,
    shape: Shape,
    rng: &mut R,
) -> Var<'t, F> {
    let u = rng.uniform_var(tape, shape);
    // The sum rounds to one where the source returns its largest number.
    (u + F::EPSILON * F::from_f64(0.25)).min(tape.number(below_one()))
}

/// $u$, and NaN where it is no probability.
pub(super) fn level<F: Scalar>(u: Var<'_, F>) -> Var<'_, F> {
    off_unit_interval(u).select(u.constant(f64::NAN), u)
}

/// $x$ with everything below zero replaced by zero, where a distribution function on the half line is zero.
pub(super) fn from_zero<F: Scalar>(x: Var<'_, F>) -> Var<'_, F> {
    x.less(x.constant(0.0)).select(x.constant(0.0), x)
}

/// $\ln(1 + x) - x$ in plain numbers, to the last digits also near zero.
///
/// With $r = x/(2 + x)$ it is $r(2(r^2/3 + r^4/5 + \dots) - x)$, because $\ln(1 + x) = 2\mathrm{artanh}(r)$ and
/// $2r - x = -rx$.
pub(super) fn ln_1p_excess(x: f64) -> f64 {
    if x.abs() > 0.25 {
        return x.ln_1p() - x;
    }
    let r = x / (2.0 + x);
    let square = r * r;
    // |r| ≤ 1/7: the first term that is left out is below 49⁻¹⁰ < 10⁻¹⁶.
    let tail = (1..=10).rev().fold(0.0, |tail, k| square * (tail + 1.0 / f64::from(2 * k + 1)));
    r * (2.0 * tail - x)
}

/// $\ln \frac{\lambda^n e^{-\lambda}}{n!}$ in plain numbers, without cancellation for large $\lambda$ (Loader 2000).
pub(super) fn ln_poisson(n: f64, rate: f64) -> f64 {
    if n < 100.0 || rate < 50.0 {
        return n * rate.ln() - rate - Real::ln_gamma(n + 1.0);
    }
    // n ln(λ/n) + n − λ = n (ln(1 + u) − u) with u = λ/n − 1.
    let bulk = n * ln_1p_excess((rate - n) / n);
    let y = 1.0 / (n * n);
    let stirling = (1.0 / 12.0 - y * (1.0 / 360.0 - y / 1260.0)) / n;
    bulk - 0.5 * (std::f64::consts::TAU * n).ln() - stirling
}

/// $\ln \binom nk p^k q^{n-k}$ in plain numbers with $q = 1 - p$, without cancellation for large $n$ (Loader 2000).
pub(super) fn ln_binomial(k: f64, n: f64, p: f64, q: f64) -> f64 {
    if k == 0.0 || k == n {
        return if k == 0.0 { n * (-p).ln_1p() } else { n * p.ln() };
    }
    let rest = |n: f64| {
        if n < 30.0 {
            return Real::ln_gamma(n + 1.0) - (n + 0.5) * n.ln() + n
                - 0.5 * std::f64::consts::TAU.ln();
        }
        let y = 1.0 / (n * n);
        (1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y / 1680.0))) / n
    };
    // x ln(m/x) + x − m with the mean m, as x(ln(1 + u) − u) with u = m/x − 1.
    let bulk = |x: f64, mean: f64| x * ln_1p_excess((mean - x) / x);
    let width = k / n * (n - k);
    bulk(k, n * p) + bulk(n - k, n * q) + rest(n)
        - rest(k)
        - rest(n - k)
        - 0.5 * (std::f64::consts::TAU * width).ln()
}

#[cfg(test)]
#[allow(clippy::excessive_precision, reason = "the digits of the source")]
mod tests {
    use super::*;

    #[test]
    fn differences_that_cancel_keep_their_digits() {
        // From mpmath with 40 digits.
        for (x, expected) in [
            (1e-9, -4.999999996666667291982580619649e-19),
            (0.2, -0.01767844320604537563865368255407964),
            (-0.2, -0.02314355131420975854185265187272595),
            (0.25, -0.0268564486857902442337049096901655),
        ] {
            assert!((ln_1p_excess(x) / expected - 1.0).abs() < 1e-14, "{x}: {}", ln_1p_excess(x));
        }
        // ln 1000^1000 e^{-1000}/1000! and a rate at which the plain formula keeps no digit.
        assert!((ln_poisson(1000.0, 1000.0) + 4.372899506026296824_f64).abs() < 1e-14);
        assert!((ln_poisson(1e18, 1e18) + 0.5 * (std::f64::consts::TAU * 1e18).ln()).abs() < 1e-12);
    }
}
