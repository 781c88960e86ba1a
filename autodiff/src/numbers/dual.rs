//! Dual numbers: a value and its derivative along one direction, computed together.

use crate::numbers::binary::binary;
use crate::numbers::ops::{Binary, Unary};
use crate::numbers::real::Real;
use crate::numbers::table::named;
use crate::numbers::unary::unary;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

/// The dual number $v + d \varepsilon$ with $\varepsilon^2 = 0$: forward-mode differentiation of functions of numbers.
///
/// ```
/// use pathscore_autodiff::{Dual, Real};
/// let y = Dual::variable(0.5_f64).tanh();
/// assert!((y.d - (1.0 - y.v * y.v)).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dual<A> {
    /// The value.
    pub v: A,
    /// The derivative.
    pub d: A,
}

impl<A: Real> Dual<A> {
    /// The variable of differentiation, whose derivative is one.
    pub fn variable(v: A) -> Self {
        Self { v, d: v.of(1.0) }
    }

    /// A constant, whose derivative is zero.
    pub fn constant(v: A) -> Self {
        Self { v, d: v.of(0.0) }
    }

    fn binary(self, op: Binary, other: Self, v: A) -> Self {
        if op.is_flat() {
            return Self::constant(v);
        }
        let part = |side| op.slope(side, self.v, other.v, v);
        Self { v, d: self.d * part(0) + other.d * part(1) }
    }
}

impl<A: Real> Add for Dual<A> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.binary(Binary::Add, other, self.v + other.v)
    }
}

impl<A: Real> Sub for Dual<A> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.binary(Binary::Sub, other, self.v - other.v)
    }
}

impl<A: Real> Mul for Dual<A> {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        self.binary(Binary::Mul, other, self.v * other.v)
    }
}

impl<A: Real> Div for Dual<A> {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        self.binary(Binary::Div, other, self.v / other.v)
    }
}

impl<A: Real> Rem for Dual<A> {
    type Output = Self;
    fn rem(self, other: Self) -> Self {
        self.binary(Binary::Rem, other, self.v % other.v)
    }
}

impl<A: Real> Neg for Dual<A> {
    type Output = Self;
    fn neg(self) -> Self {
        Self { v: -self.v, d: -self.d }
    }
}

/// Writes the unary methods from the table. The value is the method of the number; the derivative is the slope of
/// the row.
macro_rules! dual_methods {
    ($($(#[$doc:meta])* $name:ident $method:ident($x:ident, $y:ident) $columns:tt)*) => {
        $(fn $method(self) -> Self {
            let y = self.v.$method();
            Self { v: y, d: self.d * Unary::$name.slope(self.v, y) }
        })*
    };
}

/// Writes the binary methods in the same way.
macro_rules! dual_pairs {
    ($($(#[$doc:meta])* $name:ident $method:ident($a:ident, $b:ident, $y:ident) $columns:tt)*) => {
        $(named! { $columns fn $method(self, other: Self) -> Self {
            self.binary(Binary::$name, other, self.v.$method(other.v))
        } })*
    };
}

impl<A: Real> Real for Dual<A> {
    fn of(self, c: f64) -> Self {
        Self::constant(self.v.of(c))
    }
    unary!(dual_methods);
    binary!(dual_pairs);
    fn select(self, yes: Self, no: Self) -> Self {
        Self { v: self.v.select(yes.v, no.v), d: self.v.select(yes.d, no.d) }
    }
}
