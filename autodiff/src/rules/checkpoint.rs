//! Checkpointed segments: work of which only the result is kept, which saves memory for time.
//!
//! A segment is computed on a tape of its own, which is dropped. In the reverse sweep it is recorded once more from the
//! values of its arguments, the adjoint of its result is pulled through it, and the tape is dropped again. A chain of
//! $n$ steps that is cut into $\sqrt n$ segments keeps $O(\sqrt n)$ results at any time, and computes each twice.

use crate::kernels::walk::add_slice;
use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::node::Id;
use crate::tape::op::Op;
use crate::tape::record::Tape;
use crate::tape::record::Var;
use crate::tape::record::{Bars, Kernel, Pass};
use std::sync::Arc;

/// A checkpointed segment.
struct Segment<C>(C);

impl<F, C> Kernel<F> for Segment<C>
where
    F: Scalar,
    C: for<'t> Fn(&[Var<'t, F>]) -> Var<'t, F>,
{
    fn shape(&self, _: &[&[usize]]) -> Result<Shape, Error> {
        unreachable!("the shape of a segment is that of its result")
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let tape = Tape::new();
        let args: Vec<Var<F>> = args.iter().map(|x| tape.constant(x.values, x.dims)).collect();
        (self.0)(&args).with(|values| y.copy_from_slice(values));
    }

    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let tape = Tape::new();
        let input = |(arg, x): (usize, &View<F>)| match bars.of(arg) {
            Some(_) => tape.leaf(x.values, x.dims),
            None => tape.constant(x.values, x.dims),
        };
        let args: Vec<Var<F>> = pass.args.iter().enumerate().map(input).collect();
        let grads = tape.pull(&[((self.0)(&args), pass.y_bar)]);
        for (arg, &x) in args.iter().enumerate() {
            if let (Some(bar), Some(gain)) = (bars.of(arg), grads.get(x)) {
                add_slice(gain, bar);
            }
        }
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        (self.0)(args)
    }
}

impl<F: Scalar> Tape<F> {
    /// The result of `work` on `args` as one entry. Intermediate results are not kept; they are computed again when the
    /// result is differentiated in numbers. Cut a long chain into segments of about the square root of its length.
    /// Segments may be nested.
    ///
    /// The work must compute the same result from the same arguments, and use no variables but these: parameters
    /// are arguments too. Gates inside it cannot be weighted. Where a derivative is recorded ([`Var::grad`],
    /// [`Var::jvp`]), the work is recorded too.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let (x, rate) = (tape.leaf(&[0.5_f64], []), tape.leaf(&[3.9], []));
    /// let mut y = x;
    /// for _ in 0..10 {
    ///     y = tape.checkpoint(
    ///         |args| (0..10).fold(args[0], |y, _| args[1] * y * (1.0 - y)),
    ///         &[y, rate],
    ///     );
    /// }
    /// assert_eq!(tape.len(), 12); // two inputs and ten results, not three hundred
    /// assert!(y.backward().of(rate).item().is_finite());
    /// ```
    ///
    /// # Panics
    /// If the work panics.
    #[doc(alias = "remat")]
    #[track_caller]
    pub fn checkpoint<'t>(
        &'t self,
        work: impl for<'a> Fn(&[Var<'a, F>]) -> Var<'a, F> + Send + Sync + 'static,
        args: &[Var<'t, F>],
    ) -> Var<'t, F> {
        let scratch = Tape::new();
        let copy = |x: &Var<F>| x.with(|values| scratch.constant(values, x.shape()));
        let result = work(&args.iter().map(copy).collect::<Vec<_>>());
        let ids: Vec<Id> = args.iter().map(|arg| arg.id).collect();
        let op = Op::Custom(self.record_mut().custom.push("checkpoint", Arc::new(Segment(work))));
        self.insert_with(op, &ids, &result.shape(), |y| {
            result.with(|values| y.copy_from_slice(values))
        })
    }
}
