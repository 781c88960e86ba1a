//! Numbers: what a rule is written over ([`Real`]) and what a tape stores ([`Scalar`]).

use crate::engine::Engine;
use crate::kernels::gemm::Gemm;
use crate::kernels::linalg::Workspace;
use crate::kernels::random::{self, Sample};
use crate::kernels::special::{Special, slices};
use crate::tape::table::{binary, named, unary};
use rand::Rng;
use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Rem, Sub, SubAssign};

/// Hands both tables to [`real_trait`].
macro_rules! real {
    ($($unary:tt)*) => { binary! { real_trait { $($unary)* } } };
}

/// Writes the trait from both tables.
macro_rules! real_trait {
    (
        { $($(#[$doc:meta])* $name:ident $method:ident($x:ident, $y:ident) => $slope:expr, $kind:ident ($low:expr, $high:expr);)* }
        $($(#[$doc2:meta])* $name2:ident $method2:ident($a:ident, $b:ident, $y2:ident) = $value:expr => ($da:expr, $db:expr), $kind2:ident ($low2:expr, $high2:expr);)*
    ) => {
        /// Real arithmetic: a rule written over `Real` runs on numbers, on duals and on variables.
        ///
        /// ```
        /// use pathscore_autodiff::{Dual, Real};
        /// fn cube<R: Real>(x: R) -> R { x * x * x }
        /// assert_eq!(cube(2.0_f64), 8.0);
        /// assert_eq!(cube(Dual::variable(2.0_f64)).d, 12.0);
        /// ```
        pub trait Real:
            Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Rem<Output = Self> + Neg<Output = Self>
        {
            /// The constant `c` in the company of `self`: same type, same tape, no derivative.
            fn of(self, c: f64) -> Self;
            $($(#[$doc])* fn $method(self) -> Self;)*
            $(named! { $kind2 $(#[$doc2])* fn $method2(self, other: Self) -> Self; })*
            /// `yes` where `self` is not zero, else `no`; the one not taken never reaches value or derivative.
            fn select(self, yes: Self, no: Self) -> Self;
        }
    };
}
unary!(real);

/// A number a tape can store: `f32` or `f64`.
pub trait Scalar:
    Real
    + Engine
    + Gemm
    + Workspace
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
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// A uniform number in $[0, 1)$ from the top bits of a random word, as many as the precision has.
    fn uniform(word: u64) -> Self;
    /// Fills with independent uniform numbers of $[0, 1)$, one word of `rng` each.
    fn fill_uniform<R: Rng>(out: &mut [Self], rng: &mut R);
    /// Fills with independent standard normal numbers (Box and Muller 1958), the same on every machine in single
    /// precision, and in double precision to a few units in the last place, which depend on whether the processor
    /// has fused products.
    ///
    /// ```
    /// use pathscore_autodiff::Scalar;
    /// use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};
    /// let mut x = [0.0_f64; 1000];
    /// f64::fill_normal(&mut x, &mut Xoshiro256PlusPlus::seed_from_u64(0));
    /// let mean = x.iter().sum::<f64>() / 1000.0;
    /// assert!(mean.abs() < 5.0 / 1000_f64.sqrt());
    /// ```
    fn fill_normal<R: Rng>(out: &mut [Self], rng: &mut R);
    /// $e^{-|x|}$.
    #[doc(hidden)]
    fn exp_minus_abs(self) -> Self;
    /// $y_i = \sin x_i$: a loop without a branch for each number.
    #[doc(hidden)]
    fn sin_slice(x: &[Self], y: &mut [Self]);
    /// $I_x(a, b)$ and its slopes by $a$ and $b$.
    #[doc(hidden)]
    fn beta_inc(a: Self, b: Self, x: Self) -> [Self; 3];
    /// $y_i = \cos x_i$.
    #[doc(hidden)]
    fn cos_slice(x: &[Self], y: &mut [Self]);
}

/// Writes the unary methods of one type of number from the table.
macro_rules! float_methods {
    ($($(#[$doc:meta])* $name:ident $method:ident($x:ident, $y:ident) => $slope:expr, $kind:ident ($low:expr, $high:expr);)*) => {
        $(#[inline(always)] fn $method(self) -> Self { Special::$method(self) })*
    };
}

/// Implements both traits for a type of number.
macro_rules! float {
    ($f:ident) => {
        impl Real for $f {
            #[inline(always)]
            fn of(self, c: f64) -> Self {
                c as $f
            }
            unary!(float_methods);
            #[inline(always)]
            fn pow(self, exponent: Self) -> Self {
                self.powf(exponent)
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // A comparison with NaN is false: the sum then carries the NaN on.
                if self > other {
                    self
                } else if other >= self {
                    other
                } else {
                    self + other
                }
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                -Real::max(-self, -other)
            }
            #[inline(always)]
            fn log_add_exp(self, other: Self) -> Self {
                let (high, low) = if self > other { (self, other) } else { (other, self) };
                // Equal infinities would make ∞ − ∞; the larger one is the answer already.
                if high == low {
                    high + <$f>::ln(2.0)
                } else {
                    high + Special::ln_1p(Special::exp(low - high))
                }
            }
            fn polygamma(self, x: Self) -> Self {
                let order = f64::from(self);
                if order < 0.0 || order.fract() != 0.0 || order > 170.0 {
                    return <$f>::NAN;
                }
                match order as u32 {
                    0 => Special::digamma(x),
                    order => Special::polygamma(x, order),
                }
            }
            fn atan2(self, other: Self) -> Self {
                libm::atan2(f64::from(self), f64::from(other)) as $f
            }
            fn hypot(self, other: Self) -> Self {
                libm::hypot(f64::from(self), f64::from(other)) as $f
            }
            #[inline(always)]
            fn xlogy(self, other: Self) -> Self {
                if self == 0.0 && !other.is_nan() { 0.0 } else { self * Special::ln(other) }
            }
            #[inline(always)]
            fn xlog1py(self, other: Self) -> Self {
                if self == 0.0 && !other.is_nan() { 0.0 } else { self * Special::ln_1p(other) }
            }
            fn gamma_p(self, x: Self) -> Self {
                Special::gamma_p(self, x)
            }
            fn gamma_q(self, x: Self) -> Self {
                Special::gamma_q(self, x)
            }
            fn gamma_p_da(self, x: Self) -> Self {
                Special::gamma_p_da(self, x)
            }
            fn gamma_density(self, x: Self) -> Self {
                Special::gamma_density(self, x)
            }
            fn ln_beta(self, other: Self) -> Self {
                Special::ln_beta(self, other)
            }
            fn digamma_gap(self, other: Self) -> Self {
                Special::digamma_gap(self, other)
            }
            #[inline(always)]
            fn weigh(self, other: Self) -> Self {
                if self == 0.0 { 0.0 } else { self * other }
            }
            #[inline(always)]
            fn greater(self, other: Self) -> Self {
                if self > other { 1.0 } else { 0.0 }
            }
            #[inline(always)]
            fn equal(self, other: Self) -> Self {
                if self == other { 1.0 } else { 0.0 }
            }
            #[inline(always)]
            fn select(self, yes: Self, no: Self) -> Self {
                if self != 0.0 { yes } else { no }
            }
        }

        impl Scalar for $f {
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
            fn uniform(word: u64) -> Self {
                Sample::uniform(word)
            }
            fn fill_uniform<R: Rng>(out: &mut [Self], rng: &mut R) {
                random::fill_uniform(out, rng);
            }
            fn fill_normal<R: Rng>(out: &mut [Self], rng: &mut R) {
                random::fill_normal(out, rng);
            }
            #[inline(always)]
            fn exp_minus_abs(self) -> Self {
                Special::exp_minus_abs(self)
            }
            fn beta_inc(a: Self, b: Self, x: Self) -> [Self; 3] {
                Special::beta_inc(a, b, x)
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
