//! Numbers that carry their derivatives in `N` directions.

use std::ops::{Add, Div, Mul, Sub};

/// A value and its derivatives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dual<const N: usize> {
    /// The value.
    pub(super) v: f64,
    /// The derivatives.
    pub(super) d: [f64; N],
}

impl<const N: usize> Dual<N> {
    /// A constant.
    pub(super) fn constant(v: f64) -> Self {
        Self { v, d: [0.0; N] }
    }

    /// The variable number `i`.
    pub(super) fn variable(v: f64, i: usize) -> Self {
        Self { v, d: std::array::from_fn(|j| if i == j { 1.0 } else { 0.0 }) }
    }

    /// $1/x$.
    pub(super) fn recip(self) -> Self {
        let v = 1.0 / self.v;
        Self { v, d: self.d.map(|d| -v * v * d) }
    }
}

impl<const N: usize> Add for Dual<N> {
    type Output = Self;
    fn add(self, y: Self) -> Self {
        Self { v: self.v + y.v, d: std::array::from_fn(|i| self.d[i] + y.d[i]) }
    }
}

impl<const N: usize> Sub for Dual<N> {
    type Output = Self;
    fn sub(self, y: Self) -> Self {
        Self { v: self.v - y.v, d: std::array::from_fn(|i| self.d[i] - y.d[i]) }
    }
}

impl<const N: usize> Mul for Dual<N> {
    type Output = Self;
    #[expect(clippy::suspicious_arithmetic_impl, reason = "the rule of products has a sum")]
    fn mul(self, y: Self) -> Self {
        Self { v: self.v * y.v, d: std::array::from_fn(|i| self.d[i] * y.v + self.v * y.d[i]) }
    }
}

impl<const N: usize> Div for Dual<N> {
    type Output = Self;
    #[expect(clippy::suspicious_arithmetic_impl, reason = "a quotient is a product")]
    fn div(self, y: Self) -> Self {
        self * y.recip()
    }
}

impl<const N: usize> Add<f64> for Dual<N> {
    type Output = Self;
    fn add(self, y: f64) -> Self {
        Self { v: self.v + y, d: self.d }
    }
}

impl<const N: usize> Mul<f64> for Dual<N> {
    type Output = Self;
    fn mul(self, y: f64) -> Self {
        Self { v: self.v * y, d: self.d.map(|d| d * y) }
    }
}
