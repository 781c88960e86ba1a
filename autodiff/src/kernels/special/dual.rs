//! Numbers that carry their derivatives in `N` directions. The numbers may carry derivatives themselves, which makes
//! second ones.

use std::ops::{Add, Mul, Sub};

/// A number with its derivatives or without: the series and the continued fractions of this folder compute with it.
pub(super) trait Number:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Add<f64, Output = Self>
    + Mul<f64, Output = Self>
{
    /// A constant.
    fn constant(v: f64) -> Self;
    /// The value.
    fn value(self) -> f64;
    /// $1/x$.
    fn recip(self) -> Self;
    /// A function of $x$, given its value and its derivatives at the value of $x$, in order.
    fn compose(self, f: &[f64]) -> Self;
    /// True if `test` holds for every part of `self` beside the same part of `other`; it is told the order of the
    /// derivative too, from `order` on.
    fn every(self, other: Self, order: u32, test: &impl Fn(u32, f64, f64) -> bool) -> bool;
}

impl Number for f64 {
    fn constant(v: f64) -> Self {
        v
    }
    fn value(self) -> f64 {
        self
    }
    fn recip(self) -> Self {
        1.0 / self
    }
    fn compose(self, f: &[f64]) -> Self {
        f[0]
    }
    fn every(self, other: Self, order: u32, test: &impl Fn(u32, f64, f64) -> bool) -> bool {
        test(order, self, other)
    }
}

/// A value and its derivatives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dual<A, const N: usize> {
    /// The value.
    pub(super) v: A,
    /// The derivatives.
    pub(super) d: [A; N],
}

impl<A: Number, const N: usize> Dual<A, N> {
    /// The variable number `i`.
    pub(super) fn variable(v: A, i: usize) -> Self {
        let one = |j| A::constant(if i == j { 1.0 } else { 0.0 });
        Self { v, d: std::array::from_fn(one) }
    }
}

impl<A: Number, const N: usize> Number for Dual<A, N> {
    fn constant(v: f64) -> Self {
        Self { v: A::constant(v), d: [A::constant(0.0); N] }
    }

    fn value(self) -> f64 {
        self.v.value()
    }

    fn recip(self) -> Self {
        let v = self.v.recip();
        let slope = v * v * -1.0;
        Self { v, d: self.d.map(|d| slope * d) }
    }

    fn compose(self, f: &[f64]) -> Self {
        let slope = self.v.compose(&f[1..]);
        Self { v: self.v.compose(f), d: self.d.map(|d| d * slope) }
    }

    fn every(self, other: Self, order: u32, test: &impl Fn(u32, f64, f64) -> bool) -> bool {
        self.v.every(other.v, order, test)
            && (0..N).all(|i| self.d[i].every(other.d[i], order + 1, test))
    }
}

impl<A: Number, const N: usize> Add for Dual<A, N> {
    type Output = Self;
    fn add(self, y: Self) -> Self {
        Self { v: self.v + y.v, d: std::array::from_fn(|i| self.d[i] + y.d[i]) }
    }
}

impl<A: Number, const N: usize> Sub for Dual<A, N> {
    type Output = Self;
    fn sub(self, y: Self) -> Self {
        Self { v: self.v - y.v, d: std::array::from_fn(|i| self.d[i] - y.d[i]) }
    }
}

impl<A: Number, const N: usize> Mul for Dual<A, N> {
    type Output = Self;
    #[expect(clippy::suspicious_arithmetic_impl, reason = "the rule of products has a sum")]
    fn mul(self, y: Self) -> Self {
        Self { v: self.v * y.v, d: std::array::from_fn(|i| self.d[i] * y.v + self.v * y.d[i]) }
    }
}

impl<A: Number, const N: usize> Add<f64> for Dual<A, N> {
    type Output = Self;
    fn add(self, y: f64) -> Self {
        Self { v: self.v + y, d: self.d }
    }
}

impl<A: Number, const N: usize> Mul<f64> for Dual<A, N> {
    type Output = Self;
    fn mul(self, y: f64) -> Self {
        Self { v: self.v * y, d: self.d.map(|d| d * y) }
    }
}
