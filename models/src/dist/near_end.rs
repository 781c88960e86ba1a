//! The standard normal density on an interval, seen from the end nearest the mode: $e^{-es - s^2/2}$ for the distances $s$ from that
//! end up to the width $w$, where the end has the signed distance $e$ from the mode.
//!
//! In a tail, where $e$ is large, and in a narrow interval nothing is left of a difference of distribution functions, nor of a
//! moment about the mode. Here no large terms cancel.

use super::implicit::implicit;
use super::quantiles::{common, left_of, root};
use pathscore_autodiff::{Real, Scalar, Var};

/// The nodes and weights of the Gauss–Legendre rule of ten nodes on the unit interval.
///
/// For $e^{-x}$ and $e^{-x^2}$ its error is below $10^{-18}$.
const RULE: [[f64; 2]; 10] = [
    [0.013_046_735_741_414_14, 0.033_335_672_154_344_07],
    [0.067_468_316_655_507_74, 0.074_725_674_575_290_3],
    [0.160_295_215_850_487_8, 0.109_543_181_257_991_02],
    [0.283_302_302_935_376_4, 0.134_633_359_654_998_18],
    [0.425_562_830_509_184_4, 0.147_762_112_357_376_44],
    [0.574_437_169_490_815_6, 0.147_762_112_357_376_44],
    [0.716_697_697_064_623_6, 0.134_633_359_654_998_18],
    [0.839_704_784_149_512_2, 0.109_543_181_257_991_02],
    [0.932_531_683_344_492_3, 0.074_725_674_575_290_3],
    [0.986_953_264_258_585_9, 0.033_335_672_154_344_07],
];

/// The exponent at which the tail beyond an interval is below all numbers.
const NOTHING: f64 = 800.0;

/// $es + \tfrac12 s^2$.
pub(super) fn exponent<R: Real>(e: R, s: R) -> R {
    s * (e + s * s.of(0.5))
}

/// Not zero where the density varies by less than about a factor of $e$ over the width.
fn narrow<R: Real>(e: R, w: R) -> R {
    w.of(1.0).greater(exponent(e.abs(), w))
}

/// Not zero where the interval is narrow, or begins beyond one standard deviation: where this module is needed.
pub(super) fn needed<R: Real>(e: R, w: R) -> R {
    narrow(e, w) + e.greater(e.of(1.0))
}

/// $\ln\int_0^w e^{-es - s^2/2}\mathrm ds$, and the mean and the standard deviation of $s$.
///
/// In a narrow interval they are sums of the rule, without cancellation.
fn by_rule<R: Real>(e: R, w: R) -> [R; 3] {
    let points = RULE.map(|[node, weight]| {
        let t = w.of(node);
        (t, w.of(weight) * (-exponent(e, w * t)).exp())
    });
    let sum = |f: &dyn Fn(R) -> R| {
        points.iter().map(|&(t, p)| p * f(t)).fold(w.of(0.0), |sum, term| sum + term)
    };
    let mass = sum(&|t| t.of(1.0));
    let mean = sum(&|t| t) / mass;
    let variance = sum(&|t| (t - mean) * (t - mean)) / mass;
    [w.ln() + mass.ln(), w * mean, w * variance.sqrt()]
}

/// The same in a tail: the half line beyond the end is a mixture of the interval and of the half line beyond the other end, which
/// has a part $p$ of the mass. The mean and the variance of both half lines are kernels.
fn in_tail<R: Real>(e: R, w: R) -> [R; 3] {
    let one = e.of(1.0);
    let all = exponent(e, w).greater(e.of(NOTHING));
    let w = all.select(one, w);
    let at = |e: R| (-e).inverse_mills();
    let part = (-exponent(e, w)).exp() * (at(e) / at(e + w));
    let part = all.select(e.of(0.0), part);
    let [near, far] = [e, e + w].map(|e| (-e).inverse_mills_gap());
    let [about_near, about_far] = [e, e + w].map(|e| (-e).truncated_normal_variance());
    let rest = one - part;
    let apart = (w + far - near) / rest;
    let variance = (about_near - part * about_far) / rest - part * apart * apart;
    [(-part).ln_1p() - at(e).ln(), near - part * apart, variance.sqrt()]
}

/// $\ln\int_0^w e^{-es - s^2/2}\mathrm ds$, and the mean and the standard deviation of $s$.
pub(super) fn moments<R: Real>(e: R, w: R) -> [R; 3] {
    let small = narrow(e, w);
    let (narrow, tail) = (by_rule(e, w), in_tail(e, w));
    std::array::from_fn(|i| small.select(narrow[i], tail[i]))
}

/// The first two of [`moments`] in plain numbers.
fn moments_of(e: f64, w: f64) -> [f64; 2] {
    let [ln_mass, mean, _] = if narrow(e, w) != 0.0 { by_rule(e, w) } else { in_tail(e, w) };
    [ln_mass, mean]
}

/// The part of the mass between the near end and $s$, and the part beyond it, of which `rest` is the length.
pub(super) fn parts<R: Real>(e: R, w: R, s: R, rest: R) -> [R; 2] {
    let ln_all = moments(e, w)[0];
    let below = moments(e, s)[0] - ln_all;
    let above = moments(e + s, rest)[0] - exponent(e, s) - ln_all;
    [below.exp(), above.exp()]
}

/// The same in plain numbers, with the means of $s$ in both parts and the density at $s$.
struct Cut {
    parts: [f64; 2],
    means: [f64; 2],
    density: f64,
}

impl Cut {
    fn at(e: f64, w: f64, s: f64) -> Self {
        let ln_all = moments_of(e, w)[0];
        let ([below, mean_below], [above, mean_above]) =
            (moments_of(e, s), moments_of(e + s, w - s));
        let height = -exponent(e, s) - ln_all;
        let part = |length: f64, ln_part: f64| if length > 0.0 { ln_part.exp() } else { 0.0 };
        Self {
            parts: [part(s, below - ln_all), part(w - s, above + height)],
            means: [mean_below, s + mean_above],
            density: height.exp(),
        }
    }
}

/// The distance $s$ below which the part $u$ of the mass lies, where `up` is positive, and otherwise the part $1 - u$.
fn distance([e, w, u, up]: [f64; 4]) -> f64 {
    if !(0.0..=1.0).contains(&u) || e.is_nan() || w.is_nan() {
        return f64::NAN;
    }
    let up = up > 0.0;
    if u == 0.0 || u == 1.0 {
        return if (u == 0.0) == up { 0.0 } else { w };
    }
    let unit = if e > 1.0 { w.min(e.recip()) } else { w };
    let below = if up { u } else { 1.0 - u };
    // The quantile of a linear exponent.
    let start = -(below * (-exponent(e, w)).exp_m1()).ln_1p() / (e * unit);
    let start = if e > 1.0 && start.is_finite() { start } else { below };
    let y = root(start, |y| {
        let s = (y * unit).clamp(0.0, w);
        let cut = Cut::at(e, w, s);
        // Beyond the ends the function is flat, so that the bracket is halved.
        let slope = if s == y * unit { cut.density * unit } else { 0.0 };
        let [below, above] = cut.parts;
        if up {
            return left_of(u, slope, || below, || above);
        }
        let [left, slope] = left_of(u, slope, || above, || below);
        [-left, slope]
    });
    (y * unit).clamp(0.0, w)
}

/// The derivatives of [`distance`]. With the density $f$, the part $P$ below $s$, the means $m$ of the whole and $m_-$, $m_+$ of
/// the parts they are $P(m_- - m)/f$, which is $(1 - P)(m - m_+)/f$, for $e$; $P f(w)/f$ for $w$; and $\pm1/f$ for $u$.
fn slopes([e, w, u, up]: [f64; 4], s: f64) -> [f64; 4] {
    let cut = Cut::at(e, w, s);
    let [below, above] = if up > 0.0 { [u, 1.0 - u] } else { [1.0 - u, u] };
    let (by_level, mean) = (up / cut.density, moments_of(e, w)[1]);
    if below == 0.0 || above == 0.0 {
        return [0.0, if below == 0.0 { 0.0 } else { 1.0 }, by_level, 0.0];
    }
    let moved =
        if below <= 0.5 { below * (cut.means[0] - mean) } else { above * (mean - cut.means[1]) };
    let end = (-exponent(e + s, w - s)).exp();
    [moved / cut.density, below * end, by_level, 0.0]
}

/// The distances of [`distance`], which can be differentiated once.
pub(super) fn quantile<'t, F: Scalar>([e, w, up]: [Var<'t, F>; 3], u: Var<'t, F>) -> Var<'t, F> {
    implicit([e, w, u, up], &common(e, u), distance, slopes)
}
