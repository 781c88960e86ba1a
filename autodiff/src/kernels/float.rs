//! The two types of numbers that kernels compute with, and the primitives of their arithmetic.

use crate::kernels::element::{Buffers, Element, Pieces};
use crate::kernels::special::pair::Pair;
use crate::kernels::special::{Special, slices};
use crate::numbers::binary::binary;
use crate::numbers::real::Real;
use crate::numbers::unary::unary;
use std::cell::RefCell;
use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{AddAssign, MulAssign, SubAssign};
use std::thread::LocalKey;

/// A number that the kernels compute with: `f32` or `f64`. Tapes ask for a
/// [`Scalar`](crate::Scalar), which is the same with the engine compiled for it.
pub trait Float:
    Real
    + Element
    + PartialOrd
    + Debug
    + Display
    + Default
    + Send
    + Sync
    + AddAssign
    + SubAssign
    + MulAssign
    + Sum
    + From<f32>
    + 'static
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// The distance from one to the next number.
    const EPSILON: Self;
    /// `"f32"` or `"f64"`.
    const NAME: &'static str;
    /// The number nearest to `x`.
    fn from_f64(x: f64) -> Self;
    /// The same number in double precision.
    fn to_f64(self) -> f64;
    /// True if the number is neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// $e^{-|x|}$.
    #[doc(hidden)]
    fn exp_minus_abs(self) -> Self;
    /// $y_i = \sin x_i$, in a loop whose body has no branch.
    #[doc(hidden)]
    fn sin_slice(x: &[Self], y: &mut [Self]);
    /// $y_i = \cos x_i$.
    #[doc(hidden)]
    fn cos_slice(x: &[Self], y: &mut [Self]);
}

/// The method of a row of the unary table: a primitive is called, any other formula is computed as it stands.
macro_rules! float_method {
    ({ value: primitive, $($rest:tt)* } $method:ident($x:ident)) => {
        #[inline(always)]
        fn $method(self) -> Self {
            Special::$method(self)
        }
    };
    ({ value: $value:expr, $($rest:tt)* } $method:ident($x:ident)) => {
        #[inline(always)]
        fn $method(self) -> Self {
            // Over `Real`, so that the formula does not meet the standard library's functions of the same names.
            #[inline(always)]
            fn value<R: Real>($x: R) -> R {
                $value
            }
            value(self)
        }
    };
}

/// The method of a row of the binary table; an operator has none.
macro_rules! float_pair {
    ({ operator: $($rest:tt)* } $method:ident($a:ident, $b:ident)) => {};
    ({ value: primitive, $($rest:tt)* } $method:ident($a:ident, $b:ident)) => {
        #[inline(always)]
        fn $method(self, other: Self) -> Self {
            Pair::$method(self, other)
        }
    };
    ({ value: $value:expr, $($rest:tt)* } $method:ident($a:ident, $b:ident)) => {
        #[inline(always)]
        fn $method(self, other: Self) -> Self {
            #[inline(always)]
            fn value<R: Real>($a: R, $b: R) -> R {
                $value
            }
            value(self, other)
        }
    };
}

/// Writes the methods of one type of number from the unary table.
macro_rules! float_methods {
    ($($(#[$doc:meta])* $name:ident $method:ident($x:ident, $y:ident) $columns:tt)*) => {
        $(float_method! { $columns $method($x) })*
    };
}

/// Writes the methods of one type of number from the binary table.
macro_rules! float_pairs {
    ($($(#[$doc:meta])* $name:ident $method:ident($a:ident, $b:ident, $y:ident) $columns:tt)*) => {
        $(float_pair! { $columns $method($a, $b) })*
    };
}

/// Implements the traits for a type of number.
macro_rules! float {
    ($f:ident) => {
        impl Real for $f {
            #[inline(always)]
            fn of(self, c: f64) -> Self {
                c as $f
            }
            unary!(float_methods);
            binary!(float_pairs);
            #[inline(always)]
            fn select(self, yes: Self, no: Self) -> Self {
                if self != 0.0 { yes } else { no }
            }
        }

        impl Element for $f {
            const UNIT: Self = 1.0;

            #[inline(always)]
            fn multiply_add<const FMA: bool>(self, b: Self, c: Self) -> Self {
                // Without the instruction `mul_add` would be a call into the C library.
                if FMA { self.mul_add(b, c) } else { self * b + c }
            }

            fn buffers() -> &'static LocalKey<Buffers<Self>> {
                thread_local! {
                    static BUFFERS: Buffers<$f> = RefCell::default();
                }
                &BUFFERS
            }

            fn workspace() -> &'static LocalKey<Pieces<Self>> {
                thread_local! {
                    static WORKSPACE: Pieces<$f> = const { RefCell::new(Vec::new()) };
                }
                &WORKSPACE
            }
        }

        impl Float for $f {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const EPSILON: Self = $f::EPSILON;
            const NAME: &'static str = stringify!($f);
            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $f
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $f::is_finite(self)
            }
            #[inline(always)]
            fn exp_minus_abs(self) -> Self {
                Special::exp_minus_abs(self)
            }
            fn sin_slice(x: &[Self], y: &mut [Self]) {
                slices::sin_slice(x, y);
            }
            fn cos_slice(x: &[Self], y: &mut [Self]) {
                slices::cos_slice(x, y);
            }
        }
    };
}
float!(f32);
float!(f64);
