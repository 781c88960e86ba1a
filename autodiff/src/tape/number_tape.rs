//! Numbers that record their own derivatives, for plain functions of numbers.

use crate::kernels::float::Float;
use crate::numbers::binary::binary;
use crate::numbers::ops::{Binary, Unary};
use crate::numbers::real::Real;
use crate::numbers::table::named;
use crate::numbers::unary::unary;
use std::cell::Cell;
use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

/// The place of a constant, which has no derivative.
const CONSTANT: u32 = u32::MAX;

/// An operation on two numbers: their places, and the derivatives with respect to the numbers there.
#[derive(Clone, Copy)]
struct Entry<F> {
    places: [u32; 2],
    slopes: [F; 2],
}

/// The entries of one evaluation in their order.
///
/// Those for which there is no room are counted, so that an operation calls nothing: the evaluation is repeated with more room.
struct Record<F> {
    entries: Vec<Cell<Entry<F>>>,
    count: Cell<usize>,
    /// The number of inputs, whose places come before those of the entries.
    inputs: usize,
}

impl<F: Float> Record<F> {
    /// Keeps an operation, and returns its place.
    #[inline]
    fn keep(&self, places: [u32; 2], slopes: [F; 2]) -> u32 {
        let count = self.count.get();
        self.count.set(count + 1);
        if let Some(entry) = self.entries.get(count) {
            entry.set(Entry { places, slopes });
        }
        (self.inputs + count) as u32
    }
}

/// A number whose operations are recorded; [`NumberTape::gradient`] makes them, and they implement [`Real`].
///
/// It is a dual number whose derivative is with respect to one place, an input or an earlier operation. An operation is
/// kept only if its arguments have different places; its result then has a place of its own.
#[derive(Clone, Copy)]
pub struct Number<'t, F> {
    value: F,
    slope: F,
    place: u32,
    record: &'t Record<F>,
}

/// Has the size of a [`Number`], and keeps its memory between evaluations.
struct Slot<F> {
    _numbers: [F; 2],
    _place: u32,
    _record: usize,
}

/// An empty vector in the memory of another one, whose elements have the same size.
fn emptied<A, B>(mut from: Vec<A>) -> Vec<B> {
    from.clear();
    // The standard library collects into the memory of a vector that it consumes, if the elements fit.
    from.into_iter().map(|_| unreachable!("it is empty")).collect()
}

/// Reverse-mode differentiation of plain functions of numbers, `fn f<R: Real>(x: &[R]) -> R`.
///
/// An operation on two results keeps its derivatives with respect to them, $\partial v_i / \partial v_j$, as it is computed; functions of one result
/// are folded into the next operation by the chain rule. The way back adds
///
/// $$\bar v_j \mathrel{+}= \bar v_i \frac{\partial v_i}{\partial v_j}$$
///
/// from the last operation to the first, from $\bar y = 1$ (Griewank and Walther, *Evaluating Derivatives*, 2008,
/// chapter 4). Where $\bar v_i$ is zero, nothing is added. The derivatives are those of [`Var`](crate::Var) wherever every factor of the chain rule is
/// finite. An outer derivative of zero hides an infinite one within, as on a tape of tensors; but terms that cancel do not: $u - u$ with
/// $u = \sqrt x$ at zero is NaN here. A [`Tape`](crate::Tape) has tensors, batches and matrices; this one is faster for functions that compute number by
/// number.
///
/// The tape keeps its memory: the second gradient of a function allocates nothing. Numbers are [`Real`], so that a [`Dual`](crate::Dual) of
/// numbers gives products of the Hessian with a vector.
///
/// ```
/// use pathscore_autodiff::{NumberTape, Real};
/// fn rosenbrock<R: Real>(x: &[R]) -> R {
///     let (a, b) = (x[0].of(1.0) - x[0], x[1] - x[0] * x[0]);
///     a * a + x[0].of(100.0) * b * b
/// }
/// let mut tape = NumberTape::new();
/// let (value, gradient) = tape.gradient(&[-1.0_f64, 2.0], |x| rosenbrock(x));
/// // (1 − x)² + 100 (y − x²)² has the derivatives −2 (1 − x) − 400 x (y − x²) and 200 (y − x²).
/// assert_eq!((value, gradient), (104.0, &[396.0, 200.0][..]));
/// ```
pub struct NumberTape<F> {
    record: Record<F>,
    inputs: Vec<Slot<F>>,
    adjoints: Vec<F>,
}

impl<F: Float> NumberTape<F> {
    /// A tape without memory.
    #[must_use]
    pub fn new() -> Self {
        let record = Record { entries: Vec::new(), count: Cell::new(0), inputs: 0 };
        Self { record, inputs: Vec::new(), adjoints: Vec::new() }
    }

    /// The value of a function at `x`, and its gradient. A constant has the gradient zero.
    ///
    /// If the function keeps more operations than the tape has room for, the room grows and the function is called a second
    /// time.
    ///
    /// # Panics
    /// If there are $2^{32} - 1$ inputs and operations or more.
    pub fn gradient(
        &mut self,
        x: &[F],
        f: impl for<'t> Fn(&[Number<'t, F>]) -> Number<'t, F>,
    ) -> (F, &[F]) {
        let (value, slope, place) = loop {
            let result = self.evaluate(x, &f);
            let count = self.record.count.get();
            if count <= self.record.entries.len() {
                break result;
            }
            let none = Entry { places: [0; 2], slopes: [F::ZERO; 2] };
            self.record.entries.resize(count.next_power_of_two(), Cell::new(none));
        };
        let entries = &self.record.entries[..self.record.count.get()];
        self.adjoints.clear();
        self.adjoints.resize(x.len() + entries.len(), F::ZERO);
        if place != CONSTANT {
            self.adjoints[place as usize] = slope;
        }
        let adjoints = Cell::from_mut(&mut self.adjoints[..]).as_slice_of_cells();
        for (entry, adjoint) in entries.iter().zip(&adjoints[x.len()..]).rev() {
            let (Entry { places, slopes }, adjoint) = (entry.get(), adjoint.get());
            if adjoint != F::ZERO {
                for (place, slope) in places.into_iter().zip(slopes) {
                    let into = &adjoints[place as usize];
                    into.set(into.get() + adjoint * slope);
                }
            }
        }
        (value, &self.adjoints[..x.len()])
    }

    /// The value of a function, its slope and its place.
    fn evaluate(
        &mut self,
        x: &[F],
        f: impl for<'t> Fn(&[Number<'t, F>]) -> Number<'t, F>,
    ) -> (F, F, u32) {
        self.record.count.set(0);
        self.record.inputs = x.len();
        let mut inputs = emptied(std::mem::take(&mut self.inputs));
        for (place, &value) in (0..).zip(x) {
            inputs.push(Number { value, slope: F::ONE, place, record: &self.record });
        }
        let Number { value, slope, place, .. } = f(&inputs);
        self.inputs = emptied(inputs);
        let places = x.len() + self.record.count.get();
        assert!(places < CONSTANT as usize, "number tape: {places} places, the limit is 2^32 − 2");
        (value, slope, place)
    }
}

impl<F: Float> fmt::Debug for NumberTape<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a tape of {} operations", self.record.count.get())
    }
}

impl<F: Float> Default for NumberTape<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'t, F: Float> Number<'t, F> {
    /// The value.
    #[inline]
    #[must_use]
    pub fn value(self) -> F {
        self.value
    }

    /// The constant with this value, on the same tape.
    #[inline]
    fn constant(self, value: F) -> Self {
        Self { value, slope: F::ZERO, place: CONSTANT, ..self }
    }

    #[inline]
    fn unary(self, op: Unary, value: F) -> Self {
        if self.place == CONSTANT || op.is_flat() {
            return self.constant(value);
        }
        Self { value, slope: op.slope(self.value, value).mul_no_nan(self.slope), ..self }
    }

    #[inline]
    fn binary(self, op: Binary, other: Self, value: F) -> Self {
        // The derivative by one argument alone: that by a constant may be costly.
        let slope = |side, of: F| op.slope(side, self.value, other.value, value).mul_no_nan(of);
        if op.is_flat() {
            self.constant(value)
        } else if other.place == CONSTANT {
            Self { value, slope: slope(0, self.slope), ..self }
        } else if self.place == CONSTANT {
            Self { value, slope: slope(1, other.slope), ..other }
        } else {
            let [left, right] = op.slopes(self.value, other.value, value);
            let slopes = [left.mul_no_nan(self.slope), right.mul_no_nan(other.slope)];
            if self.place == other.place {
                return Self { value, slope: slopes[0] + slopes[1], ..self };
            }
            let place = self.record.keep([self.place, other.place], slopes);
            Self { value, slope: F::ONE, place, ..self }
        }
    }
}

impl<F: Float> fmt::Debug for Number<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.value, f)
    }
}

impl<F: Float> Add for Number<'_, F> {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        self.binary(Binary::Add, other, self.value + other.value)
    }
}

impl<F: Float> Sub for Number<'_, F> {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        self.binary(Binary::Sub, other, self.value - other.value)
    }
}

impl<F: Float> Mul for Number<'_, F> {
    type Output = Self;
    #[inline]
    fn mul(self, other: Self) -> Self {
        self.binary(Binary::Mul, other, self.value * other.value)
    }
}

impl<F: Float> Div for Number<'_, F> {
    type Output = Self;
    #[inline]
    fn div(self, other: Self) -> Self {
        self.binary(Binary::Div, other, self.value / other.value)
    }
}

impl<F: Float> Rem for Number<'_, F> {
    type Output = Self;
    #[inline]
    fn rem(self, other: Self) -> Self {
        self.binary(Binary::Rem, other, self.value % other.value)
    }
}

impl<F: Float> Neg for Number<'_, F> {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self { value: -self.value, slope: -self.slope, ..self }
    }
}

/// Writes the unary methods from the table.
macro_rules! number_methods {
    ($($(#[$doc:meta])* $name:ident $method:ident($x:ident, $y:ident) $columns:tt)*) => {
        $(#[inline] fn $method(self) -> Self { self.unary(Unary::$name, self.value.$method()) })*
    };
}

/// Writes the binary methods in the same way.
macro_rules! number_pairs {
    ($($(#[$doc:meta])* $name:ident $method:ident($a:ident, $b:ident, $y:ident) $columns:tt)*) => {
        $(named! { $columns #[inline] fn $method(self, other: Self) -> Self {
            self.binary(Binary::$name, other, self.value.$method(other.value))
        } })*
    };
}

impl<F: Float> Real for Number<'_, F> {
    #[inline]
    fn of(self, c: f64) -> Self {
        self.constant(F::from_f64(c))
    }
    unary!(number_methods);
    binary!(number_pairs);
    #[inline]
    fn select(self, yes: Self, no: Self) -> Self {
        if self.value == F::ZERO { no } else { yes }
    }
}
