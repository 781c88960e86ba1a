//! The normal distribution on an interval.

use super::edges::{impossible, level};
use super::implicit::implicit;
use super::parameters::distribution;
use super::quantiles::{common, left_of, root};
use super::{Cdf, Entropy, Moments, near_end, over_event};
use crate::RandomSource;
use pathscore_autodiff::{Real, Scalar, Shape, Var};
use std::f64::consts::TAU;

distribution! { continuous Interval
    /// The normal distribution $\mathcal N(\mu, \sigma^2)$ between `low` and `high`, of which either may be infinite.
    ///
    /// With $t = (x - \mu)/\sigma$, the ends $a$ and $b$ on the same scale and $Z = \Phi(b) - \Phi(a)$ the density is
    /// $\varphi(t)/(\sigma Z)$. The mean is $\mu + \sigma h$ with $h = (\varphi(a) - \varphi(b))/Z$, the variance $\sigma^2\bigl(1 -
    /// h^2 + (a\varphi(a) - b\varphi(b))/Z\bigr)$. The derivatives of
    /// $\ln p$ are $(t - h)/\sigma$ for $\mu$ and $(t^2 - 1 - (a\varphi(a) - b\varphi(b))/Z)/\sigma$ for $\sigma$; the means
    /// of those for the ends are not zero, because the support moves with them. Where the interval is narrow or
    /// lies in a tail, all of these are computed from the distances to the end nearest the mode, so that they are as accurate as
    /// others. A sample is the quantile of a uniform number, lies in the interval and carries derivatives of first order.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{Distribution, TruncatedNormal};
    /// let tape = Tape::new();
    /// let of = |c: f64| tape.leaf(&[c], [1]);
    /// let q = TruncatedNormal::new(of(0.0), of(1.0), of(0.0), of(f64::INFINITY))?;
    /// // It is the half-normal distribution.
    /// let log_prob = q.log_prob(tape.constant(&[0.0], [1])).item();
    /// assert!((log_prob - 0.5 * std::f64::consts::FRAC_2_PI.ln()).abs() < 1e-15);
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    TruncatedNormal {
        /// The mean of the normal distribution, $\mu$.
        loc: Finite,
        /// The standard deviation of the normal distribution, $\sigma$.
        scale: Positive,
        /// The lower end of the interval.
        low: Low,
        /// The upper end of the interval.
        high: EndAboveLow,
    }
}

/// An interval is narrow if its width times the larger of one and its distance from zero is below this number. Then the
/// difference of the distribution functions is the series [`narrow`], whose next term is below $10^{-18}$.
const NARROW: f64 = 0.05;

/// The distance from the mode, in standard deviations, beyond which there is no mass in any precision.
const BEYOND: f64 = 1e15;

/// $\ln w - \tfrac12 m^2 - \tfrac12\ln 2\pi + \ln\Bigl(1 + \frac{m^2 - 1}{24}w^2 + \frac{m^4 - 6m^2 + 3}{1920}w^4 + \frac{m^6 - 15m^4 +
/// 45m^2 - 15}{322560}w^6\Bigr)$: the logarithm of $\Phi(b) - \Phi(a)$ from the derivatives of $\varphi$ at the middle $m$ of
/// an interval of width $w$.
fn narrow<R: Real>(m: R, w: R) -> R {
    let c = |value| m.of(value);
    let (m2, w2) = (m * m, w * w);
    let second = (m2 - c(1.0)) / c(24.0);
    let fourth = (m2 * (m2 - c(6.0)) + c(3.0)) / c(1920.0);
    let sixth = (m2 * (m2 * (m2 - c(15.0)) + c(45.0)) - c(15.0)) / c(322_560.0);
    let series = w2 * (second + w2 * (fourth + w2 * sixth));
    w.ln() - c(0.5) * m2 - c(0.5 * TAU.ln()) + series.ln_1p()
}

/// $\ln(\Phi(b) - \Phi(a))$ for $a < b$, with both reflected if most of the interval is positive.
fn ln_mass<'t, F: Scalar>(a: Var<'t, F>, b: Var<'t, F>) -> Var<'t, F> {
    let positive = (a + b).greater(a.constant(0.0));
    let lower = positive.select(-b, a).log_normal_cdf();
    let upper = positive.select(-a, b).log_normal_cdf();
    let (m, w) = ((a + b) * F::from_f64(0.5), b - a);
    let small = (w * m.abs().max(m.constant(1.0))).less(m.constant(NARROW));
    small.select(narrow(m, w), upper + (lower - upper).log1m_exp())
}

/// The same in plain numbers.
fn ln_mass_of(a: f64, b: f64) -> f64 {
    let (m, w) = (0.5 * (a + b), b - a);
    if w * m.abs().max(1.0) < NARROW {
        return narrow(m, w);
    }
    let (a, b) = if a + b > 0.0 { (-b, -a) } else { (a, b) };
    let (lower, upper) = (Real::log_normal_cdf(a), Real::log_normal_cdf(b));
    upper + Real::log1m_exp(lower - upper)
}

/// $t$ with $\Phi(t) - \Phi(a) = uZ$.
fn quantile_of([a, b, u]: [f64; 3]) -> f64 {
    if !(0.0..=1.0).contains(&u) || a.is_nan() || b.is_nan() {
        return f64::NAN;
    }
    if u == 0.0 || u == 1.0 {
        return if u == 0.0 { a } else { b };
    }
    let all = ln_mass_of(a, b);
    let start = 0.0_f64.clamp(a, b);
    let t = root(start, |t| {
        let inside = t.clamp(a, b);
        let part = |a: f64, b: f64| if a < b { (ln_mass_of(a, b) - all).exp() } else { 0.0 };
        // Beyond the ends the function is flat, so that the bracket is halved.
        let slope = if inside == t { (-0.5 * t * t - 0.5 * TAU.ln() - all).exp() } else { 0.0 };
        left_of(u, slope, || part(a, inside), || part(inside, b))
    });
    t.clamp(a, b)
}

/// The derivatives of [`quantile_of`]: $(1 - u)\varphi(a)/\varphi(t)$, $u\varphi(b)/\varphi(t)$ and $Z/\varphi(t)$.
fn slopes_of([a, b, u]: [f64; 3], t: f64) -> [f64; 3] {
    let ratio = |end: f64| (0.5 * (t - end) * (t + end)).exp();
    let by_end = |part: f64, end: f64| if end.is_infinite() { 0.0 } else { part * ratio(end) };
    let by_level = (ln_mass_of(a, b) + 0.5 * t * t + 0.5 * TAU.ln()).exp();
    [by_end(1.0 - u, a), by_end(u, b), by_level]
}

/// The interval seen from its end nearest the mode.
#[derive(Clone, Copy)]
struct NearEnd<'t, F> {
    /// Not zero where the interval is narrow or in a tail, so that it is looked at in this way.
    needed: Var<'t, F>,
    /// The end, and the direction from there into the interval, plus or minus one.
    end: Var<'t, F>,
    up: Var<'t, F>,
    /// The distance of the end from the mode, negative if the mode lies inside, and the width, in standard deviations.
    e: Var<'t, F>,
    w: Var<'t, F>,
}

impl<'t, F: Scalar> TruncatedNormal<'t, F> {
    /// The view from the near end, if it is needed anywhere; ordinary intervals do not pay for it.
    fn near_end(self) -> Option<NearEnd<'t, F>> {
        let [a, b] = self.ends();
        let positive = (a + b).greater(a.constant(0.0));
        let (e, w) = (positive.select(a, -b), (self.high - self.low) / self.scale);
        let needed = near_end::needed(e, w);
        if needed.with(|needed| needed.iter().all(|&here| here == F::ZERO)) {
            return None;
        }
        let up = positive.select(e.constant(1.0), e.constant(-1.0));
        Some(NearEnd { needed, end: positive.select(self.low, self.high), up, e, w })
    }

    /// The number that the view from the near end gives where it is needed, and elsewhere the `plain` one.
    fn seen(
        self,
        plain: impl FnOnce() -> Var<'t, F>,
        near: impl FnOnce(NearEnd<'t, F>) -> Var<'t, F>,
    ) -> Var<'t, F> {
        match self.near_end() {
            Some(view) => view.needed.select(near(view), plain()),
            None => plain(),
        }
    }

    /// The ends on the scale of the standard normal distribution.
    fn ends(self) -> [Var<'t, F>; 2] {
        [self.low, self.high].map(|end| (end - self.loc) / self.scale)
    }

    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        let u = rng.uniform_var(self.loc.tape(), shape);
        self.quantile(u)
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        let plain = || {
            let [a, b] = self.ends();
            let t = (x - self.loc) / self.scale;
            t.square() * F::from_f64(-0.5) - ln_mass(a, b) - F::from_f64(0.5 * TAU.ln())
        };
        let near = |view: NearEnd<'t, F>| {
            let s = (x - view.end) * view.up / self.scale;
            -near_end::exponent(view.e, s) - near_end::moments(view.e, view.w)[0]
        };
        let density = self.seen(plain, near) - self.scale.ln();
        impossible(x.less(self.low) + x.greater(self.high), density)
    }

    /// $\ln Z$.
    pub(super) fn ln_mass(self) -> Var<'t, F> {
        let [a, b] = self.ends();
        ln_mass(a, b)
    }

    /// $(\varphi(a) - \varphi(b))/Z$ and $(a\varphi(a) - b\varphi(b))/Z$.
    pub(super) fn moments_of_ends(self) -> [Var<'t, F>; 2] {
        let [a, b] = self.ends();
        let ln_norm = ln_mass(a, b) + F::from_f64(0.5 * TAU.ln());
        let density = |end: Var<'t, F>| (end.square() * F::from_f64(-0.5) - ln_norm).exp();
        let [at_a, at_b] = [density(a), density(b)];
        // At an infinite end the density wins over the end.
        [at_a - at_b, at_a.mul_no_nan(a) - at_b.mul_no_nan(b)]
    }
}

impl<'t, F: Scalar> Moments<'t, F> for TruncatedNormal<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        let plain = || self.loc + self.scale * self.moments_of_ends()[0];
        self.seen(plain, |view| {
            view.end + view.up * self.scale * near_end::moments(view.e, view.w)[1]
        })
    }

    fn variance(&self) -> Var<'t, F> {
        self.std().square()
    }

    fn std(&self) -> Var<'t, F> {
        let plain = || {
            let [first, second] = self.moments_of_ends();
            (second - first.square() + F::ONE).sqrt()
        };
        self.scale * self.seen(plain, |view| near_end::moments(view.e, view.w)[2])
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for TruncatedNormal<'t, F> {
    /// $(\Phi(t) - \Phi(a))/Z$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        let [zero, one] = [0.0, 1.0].map(|end| x.constant(end));
        let (below, above) = (x.less_equal(self.low), x.greater_equal(self.high));
        let plain = || {
            let [a, b] = self.ends();
            let t = (x - self.loc) / self.scale;
            // Beyond, nothing is left of the tails, and the logarithm of the distribution function would overflow.
            let t = t.max(t.constant(-BEYOND)).min(t.constant(BEYOND));
            (ln_mass(a, t) - ln_mass(a, b)).exp()
        };
        let near = |view: NearEnd<'t, F>| {
            let up = view.up.greater(view.up.constant(0.0));
            let [from_low, from_high] = [x - self.low, self.high - x].map(|part| part / self.scale);
            let (s, rest) = (up.select(from_low, from_high), up.select(from_high, from_low));
            let [near, far] = near_end::parts(view.e, view.w, s, rest);
            up.select(near, far)
        };
        below.select(zero, above.select(one, self.seen(plain, near)))
    }

    /// The inverse of the distribution function, by Newton's iteration. It can be differentiated once.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        let u = level(u);
        let plain = || {
            let [a, b] = self.ends();
            self.loc + self.scale * implicit([a, b, u], &common(a, u), quantile_of, slopes_of)
        };
        let near = |view: NearEnd<'t, F>| {
            let s = near_end::quantile([view.e, view.w, view.up], u);
            view.end + view.up * self.scale * s
        };
        // A quantile that rounding carried out of the interval is its end.
        let x = self.seen(plain, near);
        let x = x.less(self.low).select(self.low, x);
        x.greater(self.high).select(self.high, x)
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for TruncatedNormal<'t, F> {
    /// $\sum \ln(\sigma Z\sqrt{2\pi e}) + \tfrac12 (a\varphi(a) - b\varphi(b))/Z$.
    ///
    /// From the near end it is $\sum \ln\sigma + \ln\int e^{-es - s^2/2}\mathrm ds + eEs + \tfrac12 Es^2$.
    fn entropy(&self) -> Var<'t, F> {
        let half = F::from_f64(0.5);
        let plain = || {
            let [a, b] = self.ends();
            ln_mass(a, b) + F::from_f64(0.5 + 0.5 * TAU.ln()) + self.moments_of_ends()[1] * half
        };
        let near = |view: NearEnd<'t, F>| {
            let [ln_mass, mean, std] = near_end::moments(view.e, view.w);
            ln_mass + view.e * mean + (std.square() + mean.square()) * half
        };
        over_event(self.loc, self.scale.ln() + self.seen(plain, near))
    }
}
