//! Quantiles of distributions whose distribution function has no inverse in closed form.

use super::implicit::{implicit, ln_gamma_slope, logit_beta_slopes};
use pathscore_autodiff::{Real, Scalar, Shape, Var};

/// The $y$ at which an increasing function $F$ of the real line reaches $u$. `missing` returns $g(u) - g(F(y))$ with some
/// increasing function $g$, and the slope of $g(F(y))$.
///
/// Newton's steps are taken within a bracket that every value narrows. The bracket is halved instead where a step leaves
/// it, or is not half as long as the one before: in an exponential tail Newton's steps all have the same length. The
/// bracket begins with unit width about `start` and doubles until it holds the root.
pub(super) fn root(start: f64, missing: impl Fn(f64) -> [f64; 2]) -> f64 {
    let (mut low, mut high, mut width) = (start, start, 1.0);
    while missing(high)[0] > 0.0 && high < f64::MAX {
        (low, high, width) = (high, high + width, 2.0 * width);
    }
    width = 1.0;
    while missing(low)[0] < 0.0 && low > f64::MIN {
        (high, low, width) = (low, low - width, 2.0 * width);
    }
    let (mut y, mut last) = (0.5 * (low + high), f64::INFINITY);
    // Bisection alone needs about sixty steps for the digits of a double; quick steps between halvings can make it three
    // times as many.
    for _ in 0..200 {
        let [left, slope] = missing(y);
        if left == 0.0 {
            return y;
        }
        if left > 0.0 {
            low = y
        } else {
            high = y
        }
        let newton = y + left / slope;
        let quick = newton >= low && newton <= high && (newton - y).abs() <= 0.5 * last;
        let next = if quick { newton } else { 0.5 * (low + high) };
        let step = (next - y).abs();
        if next == y || step <= f64::EPSILON * y.abs() {
            return next;
        }
        (y, last) = (next, step);
    }
    y
}

/// $\ln u - \ln F$ and the slope of $\ln F$, or in the upper half $\ln(1 - F) - \ln(1 - u)$ and the slope of $-\ln(1 - F)$, so that
/// neither loses its digits; `slope` is that of $F$.
///
/// The logarithm of a distribution function bends little, also far out, where Newton's steps on the function itself are shorter
/// by orders of magnitude than the distance that is left.
pub(super) fn left_of(
    u: f64,
    slope: f64,
    lower: impl Fn() -> f64,
    upper: impl Fn() -> f64,
) -> [f64; 2] {
    if u <= 0.5 {
        let lower = lower();
        [Real::ln(u / lower), slope / lower]
    } else {
        let upper = upper();
        [Real::ln(upper / (1.0 - u)), slope / upper]
    }
}

/// The result at the two ends of the levels, where there is no root.
fn at_ends(u: f64, inside: impl Fn() -> f64) -> f64 {
    match u {
        0.0 => f64::NEG_INFINITY,
        1.0 => f64::INFINITY,
        u if u.is_nan() => u,
        _ => inside(),
    }
}

/// The common shape of parameters and levels.
#[track_caller]
pub(super) fn common<'t, F: Scalar>(parameter: Var<'t, F>, u: Var<'t, F>) -> Shape {
    let (of_parameter, of_level) = (parameter.shape(), u.shape());
    Shape::broadcast(&of_parameter, &of_level).unwrap_or_else(|| {
        panic!("quantile: levels of shape {of_level} and parameters of shape {of_parameter} do not broadcast")
    })
}

/// $\ln z$ with $P(\alpha, z) = u$. Its derivatives are those of implicit samples for $\alpha$, and one over the density of
/// $\ln z$ for $u$.
pub(super) fn ln_gamma_quantile<'t, F: Scalar>(alpha: Var<'t, F>, u: Var<'t, F>) -> Var<'t, F> {
    gamma_root::<F, false>(alpha, u)
}

/// $\ln z$ with $Q(\alpha, z) = u$, and its derivatives.
pub(super) fn ln_gamma_upper_quantile<'t, F: Scalar>(
    alpha: Var<'t, F>,
    u: Var<'t, F>,
) -> Var<'t, F> {
    gamma_root::<F, true>(alpha, u)
}

fn gamma_root<'t, F: Scalar, const UPPER: bool>(alpha: Var<'t, F>, u: Var<'t, F>) -> Var<'t, F> {
    let density = |alpha: f64, y: f64| y.exp() * Real::gamma_density(alpha, y.exp());
    let find = |[alpha, u]: [f64; 2]| {
        // For small z the distribution function is z^α/Γ(α + 1).
        let ln_level = if UPPER { (-u).ln_1p() } else { u.ln() };
        let small = (ln_level + Real::ln_gamma(alpha + 1.0)) / alpha;
        if small < -30.0 {
            return small;
        }
        root(small.min(alpha.ln()), |y| {
            let z = y.exp();
            let (lower, upper) = (|| Real::gamma_p(alpha, z), || Real::gamma_q(alpha, z));
            let slope = density(alpha, y);
            if UPPER {
                let [left, slope] = left_of(u, slope, upper, lower);
                [-left, slope]
            } else {
                left_of(u, slope, lower, upper)
            }
        })
    };
    let slopes = |[alpha, _]: [f64; 2], y: f64| {
        let by_level = 1.0 / density(alpha, y);
        [ln_gamma_slope(alpha, y), if UPPER { -by_level } else { by_level }]
    };
    let draw = |[alpha, u]: [f64; 2]| {
        let end = at_ends(u, || find([alpha, u]));
        if UPPER && end.is_infinite() { -end } else { end }
    };
    implicit([alpha, u], &common(alpha, u), draw, slopes)
}

/// The logit $y$ of the $x$ with $I_x(a, b) = u$, with its derivatives.
pub(super) fn logit_beta_quantile<'t, F: Scalar>(
    a: Var<'t, F>,
    b: Var<'t, F>,
    u: Var<'t, F>,
) -> Var<'t, F> {
    let density = |a: f64, b: f64, y: f64| {
        (-a * Real::softplus(-y) - b * Real::softplus(y) - Real::ln_beta(a, b)).exp()
    };
    let find = |[a, b, u]: [f64; 3]| {
        // Near an end the distribution function is x^a/(a B(a, b)), and likewise from the other end.
        let low = (u.ln() + a.ln() + Real::ln_beta(a, b)) / a;
        let high = -((-u).ln_1p() + b.ln() + Real::ln_beta(a, b)) / b;
        if low < -40.0 {
            return low;
        }
        if high > 40.0 {
            return high;
        }
        root(a.ln() - b.ln(), |y| {
            let lower = || f64::beta_inc(a, b, Real::sigmoid(y))[0];
            let upper = || f64::beta_inc(b, a, Real::sigmoid(-y))[0];
            left_of(u, density(a, b, y), lower, upper)
        })
    };
    let slopes = |[a, b, _]: [f64; 3], y: f64| {
        let [by_a, by_b] = logit_beta_slopes([a, b], y);
        [by_a, by_b, 1.0 / density(a, b, y)]
    };
    let shape = common(a, u);
    implicit([a, b, u], &shape, |at| at_ends(at[2], || find(at)), slopes)
}

/// The quantile of a distribution over counts, as a constant: `find` returns it for the parameters and the level of each
/// element. At level zero it is the smallest count, and at level one infinite unless `find` says otherwise.
#[track_caller]
pub(super) fn count_quantile<'t, F: Scalar, const P: usize>(
    parameters: [Var<'t, F>; P],
    u: Var<'t, F>,
    find: impl Fn([f64; P], f64) -> f64,
) -> Var<'t, F> {
    let shape = common(parameters[0], u);
    let values = parameters.map(|parameter| parameter.broadcast_to(&shape).value());
    let levels = u.broadcast_to(&shape).value();
    u.tape().constant_with(shape, |out| {
        for (i, (n, level)) in out.iter_mut().zip(levels.values()).enumerate() {
            let at = std::array::from_fn(|p| values[p].values()[i].to_f64());
            let level = level.to_f64();
            *n = F::from_f64(if level.is_nan() { level } else { find(at, level) });
        }
    })
}

/// The smallest whole number at which a distribution function, given as its complement to `u`, reaches `u`: `reached(n)`
/// is true from there on.
pub(super) fn first_count(start: f64, reached: impl Fn(f64) -> bool) -> f64 {
    let start = start.max(0.0).floor();
    let (mut low, mut high, mut width) = (start - 1.0, start, 1.0);
    while !reached(high) {
        if high > 1e300 {
            return f64::INFINITY;
        }
        (low, high, width) = (high, high + width, 2.0 * width);
    }
    width = 1.0;
    while low >= 0.0 && reached(low) {
        (high, low, width) = (low, (low - width).max(-1.0), 2.0 * width);
    }
    // Beyond 2⁵³ neighbouring doubles are more than one apart, and the middle may be an end.
    while high - low > 1.0 {
        let middle = (0.5 * (low + high)).floor();
        if middle <= low || middle >= high {
            break;
        }
        if reached(middle) { high = middle } else { low = middle }
    }
    high
}

#[cfg(test)]
mod tests;
