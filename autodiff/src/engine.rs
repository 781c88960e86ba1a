//! The engine, compiled once for each type of number.
//!
//! What is generic is compiled anew in every crate that calls it, and most of what is here three times over, for
//! three widths of vectors. Everything else reaches it through this trait, whose functions are of one type
//! each: a program, a bench or a test compiles none of it.

#![expect(private_interfaces, reason = "nobody outside can name the trait, or call it")]

use crate::error::Error;
use crate::kernels::zip::View;
use crate::rules::{self, fused::Fused, numbers};
use crate::shape::Shape;
use crate::sweeps::plan::stretch::{self, Instruction};
use crate::sweeps::reverse::{self, Grads};
use crate::tape::op::Op;
use crate::tape::term::Sink;
use crate::tape::var::Var;
use crate::tape::{Id, Record};
use std::ops::Range;

/// What an engine of one type of number computes.
pub trait Engine: Sized {
    /// [`rules::shape`].
    fn shape(op: Op<Self>, args: &[&[usize]], wanted: Option<&[usize]>) -> Result<Shape, Error>;
    /// [`rules::forward`].
    fn forward(
        op: Op<Self>,
        args: &[View<Self>],
        dims: &[usize],
        y: &mut [Self],
    ) -> Result<(), Error>;
    /// [`rules::reverse`].
    fn reverse(op: Op<Self>, args: &[&[usize]], sink: &mut dyn Sink<Self>);
    /// What a kernel means, in elementary ops.
    fn define<'t>(kernel: Fused, args: &[Var<'t, Self>]) -> Var<'t, Self>;
    /// [`numbers::value`].
    fn value(op: Op<Self>, a: Self, b: Self) -> Self;
    /// [`reverse::sweep`].
    fn sweep(record: &Record<Self>, end: usize, gates: &[(Id, &[Self])], grads: &mut Grads<Self>);
    /// [`reverse::carry`].
    fn carry(record: &Record<Self>, id: Id, grads: &mut Grads<Self>);
    /// [`stretch::forward`].
    fn stretch(code: &[Instruction], len: usize, values: &mut [Self]);
    /// [`stretch::back`].
    fn stretch_back(
        code: &[Instruction],
        fresh: &[Range<usize>],
        len: usize,
        values: &[Self],
        bars: &mut [Self],
    );
}

/// The engine for these types.
macro_rules! engine {
    ($($F:ty)*) => {$(
        impl Engine for $F {
            fn shape(op: Op<Self>, args: &[&[usize]], wanted: Option<&[usize]>) -> Result<Shape, Error> {
                rules::shape(op, args, wanted)
            }
            fn forward(op: Op<Self>, args: &[View<Self>], dims: &[usize], y: &mut [Self]) -> Result<(), Error> {
                rules::forward(op, args, dims, y)
            }
            fn reverse(op: Op<Self>, args: &[&[usize]], sink: &mut dyn Sink<Self>) {
                rules::reverse(op, args, sink);
            }
            fn define<'t>(kernel: Fused, args: &[Var<'t, Self>]) -> Var<'t, Self> {
                kernel.with(|k| k.define(args))
            }
            fn value(op: Op<Self>, a: Self, b: Self) -> Self {
                numbers::value(op, a, b)
            }
            fn sweep(record: &Record<Self>, end: usize, gates: &[(Id, &[Self])], grads: &mut Grads<Self>) {
                reverse::sweep(record, end, gates, grads);
            }
            fn carry(record: &Record<Self>, id: Id, grads: &mut Grads<Self>) {
                reverse::carry(record, id, &[], grads);
            }
            fn stretch(code: &[Instruction], len: usize, values: &mut [Self]) {
                stretch::forward(code, len, values);
            }
            fn stretch_back(code: &[Instruction], fresh: &[Range<usize>], len: usize, values: &[Self], bars: &mut [Self]) {
                stretch::back(code, fresh, len, values, bars);
            }
        }
    )*};
}
engine!(f32 f64);
