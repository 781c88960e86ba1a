//! Divergences of distributions that nearly coincide, where the plain formula is a difference of large numbers.
//!
//! The divergence of two members of an exponential family is the Bregman divergence $f(p) - f(q) - f'(q)(p - q)$ of the
//! logarithm $f$ of the normaliser. Where $q$ and $p$ are close it is computed as $\int_0^1 (1 - s) f^{\prime\prime}(q + s(p - q)) \mathrm ds$ times
//! $(p - q)^2$: all terms are positive.

use super::edges::{below, smallest};
use pathscore_autodiff::{Scalar, Shape, Var};

/// The nodes and weights of the Gauss–Jacobi rule of six nodes for the weight $1 - s$ on the unit interval.
///
/// For $f^{\prime\prime} = 1/x^2$ and $|p - q| \le q/8$ its error is $2 \cdot 10^{-17}$.
#[rustfmt::skip]
const RULE: [[f64; 2]; 6] = [
    [0.029_316_427_159_784_893, 0.072_310_330_725_508_69],
    [0.148_078_599_668_484_3, 0.135_542_497_231_518_62],
    [0.336_984_690_281_154_3, 0.140_792_553_788_198_94],
    [0.558_671_518_771_550_1, 0.098_661_150_890_655_26],
    [0.769_233_862_030_054_5, 0.043_955_165_550_508_976],
    [0.926_945_671_319_741_1, 0.008_738_301_813_609_533],
];

/// $\int_0^1 (1 - s) f(q + sd) \mathrm ds$.
pub(super) fn remainder<'t, F: Scalar>(
    q: Var<'t, F>,
    d: Var<'t, F>,
    f: impl Fn(Var<'t, F>) -> Var<'t, F>,
) -> Var<'t, F> {
    // The nodes lie along an axis in front.
    let axes = q.shape().len().max(d.shape().len());
    let shape: Shape = std::iter::once(RULE.len()).chain(std::iter::repeat_n(1, axes)).collect();
    let column = |i: usize| {
        let numbers = RULE.map(|row| F::from_f64(row[i]));
        q.tape().constant(&numbers, shape.clone())
    };
    (f(q + column(0) * d) * column(1)).sum_axis(0)
}

/// $\ln(a/b)$ of positive numbers with $d = a - b$, to the last digits also where they are close. Where $a/b$ leaves the range of
/// the normal numbers it is $\ln a - \ln b$, which is recorded only if there is such a ratio.
pub(super) fn ln_ratio_by<'t, F: Scalar>(
    a: Var<'t, F>,
    b: Var<'t, F>,
    d: Var<'t, F>,
) -> Var<'t, F> {
    let (part, ratio) = (d / b, a / b);
    let near = below(part.abs(), 0.5).select(part.ln_1p(), ratio.ln());
    let [least, most] = [smallest::<F>(), smallest::<F>().recip()];
    if ratio.with(|ratio| ratio.iter().all(|&r| !(r < least || r > most))) {
        return near;
    }
    let outside = ratio.less(ratio.tape().number(least)) + ratio.greater(ratio.tape().number(most));
    outside.select(a.ln() - b.ln(), near)
}

/// $\ln(a/b)$ of positive numbers, to the last digits also where they are close.
pub(super) fn ln_ratio<'t, F: Scalar>(a: Var<'t, F>, b: Var<'t, F>) -> Var<'t, F> {
    ln_ratio_by(a, b, a - b)
}

/// $x^2(\psi'(x) - 1/x)$, which falls from one at zero to one half.
///
/// From 16 on it is the asymptotic series (DLMF 5.15.8), whose next term is below $10^{-17}$; below, $\psi'(x) = \psi'(x + 1) +
/// 1/x^2$.
fn curvature<F: Scalar>(x: Var<'_, F>) -> Var<'_, F> {
    let near = x.square() * (x + F::ONE).trigamma() - x + F::ONE;
    let inverse = x.recip();
    let square = inverse.square();
    // The Bernoulli numbers B₂, B₄, …
    let numbers =
        [1.0 / 6.0, -1.0 / 30.0, 1.0 / 42.0, -1.0 / 30.0, 5.0 / 66.0, -691.0 / 2730.0, 7.0 / 6.0];
    let sum = numbers.iter().rev().fold(x * F::ZERO, |sum, &b| sum * square + F::from_f64(b));
    below(x, 16.0).select(near, sum * inverse + F::from_f64(0.5))
}

/// The Bregman divergence $h(p) - h(q) - h'(q) d$, with $d = p - q$, of $h(x) = \ln\Gamma(x) - x\ln x + x$, where $x\ln x - x$ are
/// the leading terms of Stirling's formula. It is not negative, because $h$ is convex.
///
/// To about $30\varepsilon$ of itself where $|d| \le q/8$; elsewhere to $\varepsilon$ times the largest of $\ln\Gamma(q)$,
/// $\ln\Gamma(p)$ and $\psi(q) d$.
pub(super) fn stirling_bregman<'t, F: Scalar>(
    q: Var<'t, F>,
    p: Var<'t, F>,
    d: Var<'t, F>,
) -> Var<'t, F> {
    let near = remainder(q, d, |x| curvature(x) * (d / x).square());
    let stirling = p * (-ln_ratio_by(p, q, d)).exp_m1_less_x();
    let far = p.ln_gamma() - q.ln_gamma() - q.digamma() * d - stirling;
    below((d / q).abs(), 0.125).select(near, far)
}

/// The divergence of two Gumbel distributions with the ratio $r = a/b$ of their scales and the distance $d$ of their locations
/// in units of the scale of $p$: $\gamma(r - 1) - \ln r - d - 1 + e^d\Gamma(1 + r)$.
///
/// With $B = \ln\Gamma(r) + \gamma(r - 1)$ and $y = d + \ln\Gamma(1 + r) = d + \ln r - \gamma(r - 1) + B$ it is $(e^y - 1 - y) + B$,
/// and neither term is negative. For small $r$ the first term of $B$ is infinite, so that it is taken from $\Gamma(r) =
/// \Gamma(1 + r)/r$.
pub(super) fn gumbel<'t, F: Scalar>(a: Var<'t, F>, b: Var<'t, F>, d: Var<'t, F>) -> Var<'t, F> {
    let u = (a - b) / b;
    let along = u * F::from_f64(std::f64::consts::EULER_GAMMA);
    let near = remainder(u.constant(1.0), u, |x| x.trigamma()) * u.square();
    let ln_r = ln_ratio(a, b);
    let far = (a / b + F::ONE).ln_gamma() - ln_r + along;
    let rest = below(u.abs(), 0.125).select(near, far);
    (d + ln_r - along + rest).exp_m1_less_x() + rest
}

/// The divergence of two Dirichlet distributions without its sums over the concentrations: those of each concentration,
/// and what is taken off for their sum. `q`, `p` are the concentrations, `sums` the sums of `q` and `p` and of `d` $= p - q$ in a
/// shape that broadcasts against them.
///
/// $\ln\Gamma$ is $x\ln x - x$ and a rest. The first part gives $\sum_c p_c (e^{y_c} - 1 - y_c)$ with $y_c = \ln\frac{q_c
/// p_0}{p_c q_0}$, and the second the terms of [`stirling_bregman`] for each concentration less that for the sum, which may cancel
/// the first where one concentration is small beside the sum.
pub(super) fn concentrations<'t, F: Scalar>(
    q: Var<'t, F>,
    p: Var<'t, F>,
    sums: [Var<'t, F>; 3],
) -> [Var<'t, F>; 2] {
    let d = p - q;
    let [sum_q, sum_p, sum_d] = sums;
    let y = ln_ratio_by(sum_p, sum_q, sum_d) - ln_ratio_by(p, q, d);
    [p * y.exp_m1_less_x() + stirling_bregman(q, p, d), stirling_bregman(sum_q, sum_p, sum_d)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule of six nodes is exact up to degree eleven: $\int_0^1 (1 - s) s^n \mathrm ds = \frac1{(n + 1)(n + 2)}$.
    #[test]
    fn the_rule_integrates_polynomials_exactly() {
        for n in 0..12 {
            let sum: f64 = RULE.iter().map(|[s, weight]| weight * s.powi(n)).sum();
            let exact = 1.0 / f64::from((n + 1) * (n + 2));
            // The nodes and the weights are rounded.
            assert!((sum - exact).abs() < 2e-16, "{n}: {sum}, not {exact}");
        }
    }
}
