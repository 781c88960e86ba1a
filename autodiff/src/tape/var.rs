//! The methods of variables: each records an op.

mod elementwise;
mod factor;
mod index;
mod linalg;
mod reduce;
mod structure;

pub use factor::{CholeskyFactor, LuFactor};
pub use linalg::Triangle;
pub use reduce::{Axes, Norm};

use crate::numbers::binary::binary;
use crate::numbers::error::Error;
use crate::numbers::ops::{Binary, Unary};
use crate::numbers::real::Real;
use crate::numbers::shape::Shape;
use crate::numbers::table::named;
use crate::numbers::tensor::Tensor;
use crate::numbers::unary::unary;
use crate::tape::engine::Scalar;
use crate::tape::node::{Id, NO_BAR};
use crate::tape::op::Op;
use crate::tape::op::moves::Move;
use crate::tape::record::{Tape, Var};
use smallvec::SmallVec;
use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

/// The position of `axis` counted from the front, negative ones counting from the back.
#[track_caller]
pub(crate) fn axis_of(op: &str, axis: isize, shape: &Shape) -> usize {
    let rank = shape.len() as isize;
    let position = if axis < 0 { axis + rank } else { axis };
    assert!((0..rank).contains(&position), "{op}: axis {axis} of a tensor of shape {shape}");
    position as usize
}

/// Writes the elementwise methods from the table.
macro_rules! var_methods {
    ($($(#[$doc:meta])* $name:ident $method:ident($x:ident, $y:ident) $columns:tt)*) => {
        impl<'t, F: Scalar> Var<'t, F> {
            $(
                $(#[$doc])*
                #[track_caller]
                pub fn $method(self) -> Self {
                    self.record(Op::Map(Unary::$name), &[self], None)
                }
            )*
        }
    };
}
unary!(var_methods);

/// Writes the methods of two arguments, which broadcast.
macro_rules! var_pairs {
    ($($(#[$doc:meta])* $name:ident $method:ident($a:ident, $b:ident, $y:ident) $columns:tt)*) => {
        impl<'t, F: Scalar> Var<'t, F> {
            $(named! {
                $columns
                $(#[$doc])*
                ///
                /// # Panics
                /// If the shapes do not broadcast.
                #[track_caller]
                pub fn $method(self, other: Self) -> Self {
                    self.record(Op::Zip(Binary::$name), &[self, other], None)
                }
            })*
        }
    };
}
binary!(var_pairs);

impl<'t, F: Scalar> Var<'t, F> {
    /// Records an op whose shapes must fit.
    #[inline]
    #[track_caller]
    pub(crate) fn record(self, op: Op<F>, args: &[Self], shape: Option<&[usize]>) -> Self {
        if let Some(var) = self.tape.apply_to_numbers(op, args) {
            return var;
        }
        self.record_any(op, args, shape)
    }

    #[track_caller]
    fn record_any(self, op: Op<F>, args: &[Self], shape: Option<&[usize]>) -> Self {
        match self.tape.apply(op, args, shape) {
            Ok(var) => var,
            Err(error) => panic!("{error}"),
        }
    }

    /// Records an op that can fail although its shapes fit.
    #[track_caller]
    fn try_record(self, op: Op<F>, args: &[Self], shape: Option<&[usize]>) -> Result<Self, Error> {
        match self.tape.apply(op, args, shape) {
            Err(error @ Error::Shape { .. }) => panic!("{error}"),
            outcome => outcome,
        }
    }

    /// The tape on which the variable is recorded.
    pub fn tape(self) -> &'t Tape<F> {
        self.tape
    }

    /// The number of the variable's entry on the tape.
    pub fn id(self) -> Id {
        self.id
    }

    /// The arguments of the variable's entry.
    pub(crate) fn arguments(self) -> SmallVec<[Self; 5]> {
        self.tape.record().args(self.id).iter().map(|&arg| Self::new(self.tape, arg)).collect()
    }

    /// The shape of the variable: the lengths of its axes, outermost first.
    pub fn shape(self) -> Shape {
        Shape::from(self.tape.record().dims(self.id))
    }

    /// The number of elements of the variable.
    pub fn size(self) -> usize {
        self.tape.record().node(self.id).len
    }

    /// A copy of the numbers of the variable.
    pub fn value(self) -> Tensor<F> {
        self.with(|values| Tensor::new(values.to_vec(), self.shape()))
    }

    /// The only number of the variable.
    ///
    /// # Panics
    /// If the variable does not hold exactly one number.
    #[track_caller]
    pub fn item(self) -> F {
        let len = self.size();
        assert!(len == 1, "item: the shape {} holds {len} numbers", self.shape());
        self.with(|values| values[0])
    }

    /// Calls `read` with the numbers of the variable, without a copy.
    ///
    /// # Panics
    /// If `read` records an entry on the tape.
    pub fn with<R>(self, read: impl FnOnce(&[F]) -> R) -> R {
        read(self.tape.record().values(self.id))
    }

    /// True if derivatives flow through the variable.
    pub fn is_tracked(self) -> bool {
        self.tape.record().node(self.id).bar != NO_BAR
    }

    /// The constant `c` on the same tape, of shape `[]`.
    #[track_caller]
    pub fn constant(self, c: f64) -> Self {
        self.tape.constant(&[F::from_f64(c)], [])
    }

    /// `yes` where `self` is not zero, else `no`. The branch that is not taken reaches neither value nor
    /// derivative, even if it is NaN. The three shapes broadcast.
    ///
    /// The derivatives are one for the branch that is taken and zero for the other, and zero for `self`.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[doc(alias = "where")]
    #[track_caller]
    pub fn select(self, yes: Self, no: Self) -> Self {
        self.record(Op::Select, &[self, yes, no], None)
    }

    /// The sum over the axes along which `shape` would broadcast to the shape of this variable. The derivative is one,
    /// repeated along these axes.
    ///
    /// # Panics
    /// If `shape` does not broadcast to the shape of this variable.
    #[track_caller]
    pub fn sum_to(self, shape: impl Into<Shape>) -> Self {
        self.record(Op::Move(Move::SumTo), &[self], Some(&shape.into()))
    }

    /// The sum of all elements, of shape `[]`. The sum of no elements is zero. The derivative is one.
    #[track_caller]
    pub fn sum(self) -> Self {
        self.sum_to([])
    }

    /// The mean of all elements, of shape `[]`. The mean of no elements is NaN. The derivative is $1/n$.
    #[track_caller]
    pub fn mean(self) -> Self {
        let n = self.size();
        self.sum() / F::from_f64(n as f64)
    }

    /// The same value without a derivative: in formulas, $\mathrm{stop}(x)$.
    #[doc(alias = "stop_gradient")]
    #[track_caller]
    pub fn detach(self) -> Self {
        self.record(Op::Detach, &[self], None)
    }

    /// The same value, as a gate: the adjoint that flows back through it can be weighted when a gradient is pulled (see
    /// [`Tape::pull_into`]). Without weights the derivative is one.
    #[track_caller]
    pub fn gate(self) -> Self {
        self.record(Op::Gate, &[self], None)
    }
}

/// Implements an arithmetic operator between variables and between a variable and a number.
macro_rules! operator {
    ($($trait:ident $method:ident;)*) => {$(
        impl<F: Scalar> $trait for Var<'_, F> {
            type Output = Self;
            #[track_caller]
            fn $method(self, other: Self) -> Self {
                self.record(Op::Zip(Binary::$trait), &[self, other], None)
            }
        }

        impl<F: Scalar> $trait<F> for Var<'_, F> {
            type Output = Self;
            #[track_caller]
            fn $method(self, c: F) -> Self {
                self.record(Op::ZipRight(Binary::$trait, c), &[self], None)
            }
        }

        operator!(@number $trait $method f32);
        operator!(@number $trait $method f64);
    )*};
    (@number $trait:ident $method:ident $f:ident) => {
        impl<'t> $trait<Var<'t, $f>> for $f {
            type Output = Var<'t, $f>;
            #[track_caller]
            fn $method(self, x: Var<'t, $f>) -> Var<'t, $f> {
                x.record(Op::ZipLeft(Binary::$trait, self), &[x], None)
            }
        }
    };
}
operator! { Add add; Sub sub; Mul mul; Div div; Rem rem; }

/// The numbers as of the [`Tensor`] that [`Var::value`] returns.
///
/// ```
/// use pathscore_autodiff::Tape;
/// let tape = Tape::<f64>::new();
/// let x = tape.constant(&[0.5, 1.0, 2.0], [3]);
/// assert_eq!(format!("{x:.1}"), "[3]: 0.5, 1.0, 2.0");
/// assert_eq!(x.sum().to_string(), "3.5");
/// ```
impl<F: Scalar> fmt::Display for Var<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

impl<F: Scalar> Neg for Var<'_, F> {
    type Output = Self;
    #[track_caller]
    fn neg(self) -> Self {
        self * -F::ONE
    }
}

/// Writes the elementwise part of [`Real`] from the table.
macro_rules! real_methods {
    ($($(#[$doc:meta])* $name:ident $method:ident($x:ident, $y:ident) $columns:tt)*) => {
        $(fn $method(self) -> Self { Var::$method(self) })*
    };
}

/// Writes the part of two arguments.
macro_rules! real_pairs {
    ($($(#[$doc:meta])* $name:ident $method:ident($a:ident, $b:ident, $y:ident) $columns:tt)*) => {
        $(named! { $columns fn $method(self, other: Self) -> Self { Var::$method(self, other) } })*
    };
}

impl<F: Scalar> Real for Var<'_, F> {
    fn of(self, c: f64) -> Self {
        self.constant(c)
    }
    unary!(real_methods);
    binary!(real_pairs);
    fn select(self, yes: Self, no: Self) -> Self {
        Var::select(self, yes, no)
    }
}

impl<F: Scalar> Tape<F> {
    /// A number as a constant of shape `[]`.
    #[track_caller]
    pub fn number(&self, c: F) -> Var<'_, F> {
        self.constant(&[c], [])
    }
}
