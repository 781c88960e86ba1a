//! Real arithmetic as a trait: a rule is written over it once and runs on numbers, on duals and on variables.

use crate::numbers::binary::binary;
use crate::numbers::table::named;
use crate::numbers::unary::unary;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

/// Hands both tables to `real_trait`.
macro_rules! real {
    ($($unary:tt)*) => { binary! { real_trait { $($unary)* } } };
}

/// Writes the trait from both tables.
macro_rules! real_trait {
    (
        { $($(#[$doc:meta])* $name:ident $method:ident($x:ident, $y:ident) $columns:tt)* }
        $(
            $(#[$doc2:meta])*
            $name2:ident $method2:ident($a:ident, $b:ident, $y2:ident) $columns2:tt
        )*
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
            Copy
            + Add<Output = Self>
            + Sub<Output = Self>
            + Mul<Output = Self>
            + Div<Output = Self>
            + Rem<Output = Self>
            + Neg<Output = Self>
        {
            /// The constant `c` as a number like `self`: of the same type and on the same tape, without a derivative.
            fn of(self, c: f64) -> Self;
            $($(#[$doc])* fn $method(self) -> Self;)*
            $(named! { $columns2 $(#[$doc2])* fn $method2(self, other: Self) -> Self; })*
            /// `yes` where `self` is not zero, else `no`. The branch that is not taken reaches neither value nor
            /// derivative.
            fn select(self, yes: Self, no: Self) -> Self;
        }
    };
}
unary!(real);
