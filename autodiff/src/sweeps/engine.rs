//! The rules and the sweeps, compiled for each type of number.

#![expect(private_interfaces, reason = "nobody outside can name the trait, or call it")]

use crate::kernels::random::{self, Sample};
use crate::kernels::special::Special;
use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::shape::Shape;
use crate::rules::fused;
use crate::rules::op;
use crate::sweeps::plan::run;
use crate::sweeps::reverse;
use crate::tape::engine::{Engine, Scalar};
use crate::tape::grads::Grads;
use crate::tape::node::Id;
use crate::tape::numbers;
use crate::tape::op::Op;
use crate::tape::op::fused::Fused;
use crate::tape::program::Instruction;
use crate::tape::record::{Record, Var};
use crate::tape::term::Sink;
use rand::Rng;
use std::ops::Range;

/// The engine for these types.
macro_rules! engine {
    ($($F:ty)*) => {$(
        impl Engine for $F {
            fn shape(
                op: Op<Self>,
                args: &[&[usize]],
                wanted: Option<&[usize]>,
            ) -> Result<Shape, Error> {
                op::shape(op, args, wanted)
            }
            fn forward(
                op: Op<Self>,
                args: &[View<Self>],
                dims: &[usize],
                y: &mut [Self],
            ) -> Result<(), Error> {
                op::forward(op, args, dims, y)
            }
            fn reverse(op: Op<Self>, args: &[&[usize]], sink: &mut dyn Sink<Self>) {
                op::reverse(op, args, sink);
            }
            fn define<'t>(kernel: Fused, args: &[Var<'t, Self>]) -> Var<'t, Self> {
                fused::with(kernel, |k| k.define(args))
            }
            fn value(op: Op<Self>, a: Self, b: Self) -> Self {
                numbers::value(op, a, b)
            }
            fn sweep(
                record: &Record<Self>,
                end: usize,
                gates: &[(Id, &[Self])],
                grads: &mut Grads<Self>,
            ) {
                reverse::sweep(record, end, gates, grads);
            }
            fn carry(record: &Record<Self>, id: Id, grads: &mut Grads<Self>) {
                reverse::carry(record, id, &[], grads);
            }
            fn run(code: &[Instruction], len: usize, values: &mut [Self]) {
                run::forward(code, len, values);
            }
            fn run_back(
                code: &[Instruction],
                fresh: &[Range<usize>],
                len: usize,
                values: &[Self],
                bars: &mut [Self],
            ) {
                run::back(code, fresh, len, values, bars);
            }
        }

        impl Scalar for $F {
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
            fn beta_inc(a: Self, b: Self, x: Self) -> [Self; 3] {
                Special::beta_inc(a, b, x)
            }
            fn beta_inc_second(a: Self, b: Self, x: Self) -> [Self; 3] {
                Special::beta_inc_second(a, b, x)
            }
        }
    )*};
}
engine!(f32 f64);
