//! The columns of the two tables of elementwise ops, `unary.rs` and `binary.rs`. A row is a whole op.
//!
//! A row holds the doc, the variant, the method, the function, its derivative over any `Real`, and the interval
//! on which tests sample it. The enums, the loops, the methods of numbers, duals and variables, and the tests
//! are all written from these rows by macros ("readers"), so a new op is a new row:
//!
//! ```text
//! /// $x^2$. The derivative is $2x$.
//! Square square(x, y) { value: x * x, slope: x + x, sample: (-3.0, 3.0) }
//! ```
//!
//! Read it as: the op `Square`, recorded by the method `square`, computes $y = x \cdot x$ and has the derivative
//! $x + x$. `value` is `primitive` where the function is computed in `kernels/special`; any other formula is written in
//! the row itself. A slope may use the arguments and the result $y$. An op whose slope is `flat` has a derivative of
//! zero wherever it exists, and nothing is propagated through it. `operator` in place of `value` marks
//! the arithmetic operators, which have no method. Readers take single columns with [`column`].

/// $\tfrac12 \ln 2\pi$.
pub(crate) const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;

/// One column of a row. New columns are added at the end of the rows, and here.
macro_rules! column {
    (is_flat { $key:ident: $value:expr, slope: flat, $($rest:tt)* }) => {
        true
    };
    (is_flat { $key:ident: $value:expr, slopes: flat, $($rest:tt)* }) => {
        true
    };
    (is_flat $columns:tt) => {
        false
    };

    (slope($x:ident) { value: $value:expr, slope: flat, $($rest:tt)* }) => {
        $x.of(0.0)
    };
    (slope($x:ident) { value: $value:expr, slope: $slope:expr, $($rest:tt)* }) => {
        $slope
    };

    (slope $side:tt($a:ident) { $key:ident: $value:expr, slopes: flat, $($rest:tt)* }) => {
        $a.of(0.0)
    };
    (slope 0($a:ident) { $key:ident: $value:expr, slopes: ($da:expr, $db:expr), $($rest:tt)* }) => {
        $da
    };
    (slope 1($a:ident) { $key:ident: $value:expr, slopes: ($da:expr, $db:expr), $($rest:tt)* }) => {
        $db
    };

    (value $method:ident($a:ident, $b:ident) { operator: $value:expr, $($rest:tt)* }) => {
        $value
    };
    (value $method:ident($a:ident, $b:ident) $columns:tt) => {
        $a.$method($b)
    };

    (sample {
        $key:ident: $value:expr,
        $slopes:ident: $slope:expr,
        sample: ($low:expr, $high:expr) $(,)?
    }) => {
        ($low, $high)
    };
}
pub(crate) use column;

/// Keeps an item that belongs to the method of a row. Operators have no method, and their items are dropped.
macro_rules! named {
    ({ operator: $($rest:tt)* } $($item:tt)*) => {};
    ($columns:tt $($item:tt)*) => { $($item)* };
}
pub(crate) use named;
