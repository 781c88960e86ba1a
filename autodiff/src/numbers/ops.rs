//! The elementwise ops as data: an enum for each table.

use crate::numbers::binary::binary;
use crate::numbers::real::Real;
use crate::numbers::table::column;
use crate::numbers::unary::unary;

/// Writes the enum, the derivative and the descriptions of the unary ops.
macro_rules! unary_enum {
    ($($(#[$doc:meta])* $name:ident $method:ident($x:ident, $y:ident) $columns:tt)*) => {
        /// An elementwise function of one argument. Each variant is one row of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Unary { $($(#[$doc])* $name,)* }

        impl Unary {
            /// Every row of the table, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The derivative at `x`, where the value is `y`.
            #[inline(always)]
            #[allow(unused_variables)]
            pub fn slope<R: Real>(self, x: R, y: R) -> R {
                match self {
                    $(Self::$name => {
                        let ($x, $y) = (x, y);
                        column!(slope($x) $columns)
                    })*
                }
            }

            /// The function itself on a number, a dual or a variable.
            pub fn value<R: Real>(self, x: R) -> R {
                match self { $(Self::$name => Real::$method(x),)* }
            }

            /// The name of the method that records this op.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($method),)* }
            }

            /// An interval on which the function and its derivative are tame. Tests sample arguments from it.
            pub fn domain(self) -> (f64, f64) {
                match self { $(Self::$name => column!(sample $columns),)* }
            }

            /// True if the derivative is zero wherever it exists.
            #[inline]
            pub fn is_flat(self) -> bool {
                match self { $(Self::$name => column!(is_flat $columns),)* }
            }
        }
    };
}
unary!(unary_enum);

/// Writes the enum, the values, the derivatives and the descriptions of the binary ops.
macro_rules! binary_enum {
    ($($(#[$doc:meta])* $name:ident $method:ident($a:ident, $b:ident, $y:ident) $columns:tt)*) => {
        /// An elementwise function of two arguments, which broadcast. Each variant is one row of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Binary { $($(#[$doc])* $name,)* }

        impl Binary {
            /// Every row of the table, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The function itself on numbers, duals or variables.
            #[inline(always)]
            pub fn value<R: Real>(self, a: R, b: R) -> R {
                match self {
                    $(Self::$name => {
                        let ($a, $b) = (a, b);
                        column!(value $method($a, $b) $columns)
                    })*
                }
            }

            /// The derivative with respect to argument `side` (0 or 1) at `(a, b)`, where the value is `y`.
            #[inline(always)]
            #[allow(unused_variables)]
            pub fn slope<R: Real>(self, side: usize, a: R, b: R, y: R) -> R {
                match (self, side) {
                    $((Self::$name, 0) => {
                        let ($a, $b, $y) = (a, b, y);
                        column!(slope 0($a) $columns)
                    }
                    (Self::$name, _) => {
                        let ($a, $b, $y) = (a, b, y);
                        column!(slope 1($a) $columns)
                    })*
                }
            }

            /// Both derivatives at `(a, b)`, where the value is `y`.
            #[inline(always)]
            #[allow(unused_variables)]
            pub fn slopes<R: Real>(self, a: R, b: R, y: R) -> [R; 2] {
                match self {
                    $(Self::$name => {
                        let ($a, $b, $y) = (a, b, y);
                        [column!(slope 0($a) $columns), column!(slope 1($a) $columns)]
                    })*
                }
            }

            /// The name of the function.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($method),)* }
            }

            /// An interval on which the function and its derivatives are tame. Tests sample arguments from it.
            pub fn domain(self) -> (f64, f64) {
                match self { $(Self::$name => column!(sample $columns),)* }
            }

            /// True if both derivatives are zero wherever they exist.
            #[inline]
            pub fn is_flat(self) -> bool {
                match self { $(Self::$name => column!(is_flat $columns),)* }
            }
        }
    };
}
binary!(binary_enum);
