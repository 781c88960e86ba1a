//! Custom ops: the only extension of the closed list of ops.

use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::error::shape_error;
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::record::Tape;
use crate::tape::record::Var;
use crate::tape::record::{Bars, Kernel, Pass};
use std::sync::Arc;

/// A custom op; see [`Tape::custom`].
pub trait Custom<F>: Send + Sync {
    /// The name of the op, for messages and drawings.
    fn name(&self) -> &'static str;

    /// The shape of the result.
    ///
    /// # Errors
    /// If the shapes of the arguments do not fit. The error is a text that names the shapes that the op accepts.
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, String>;

    /// Writes every number of the result. The contents of `y` before are not defined.
    fn forward(&self, args: &[View<'_, F>], y: &mut [F]);

    /// Adds $\bar y \partial y/\partial x_i$ to the adjoint of every argument $x_i$ that has one. The sum must be
    /// linear in `y_bar`.
    fn reverse(&self, args: &[View<'_, F>], y: &[F], y_bar: &[F], bars: &mut Adjoints<'_, F>);

    /// Records the definition of the op in existing ops. It is needed where a derivative is recorded ([`Var::grad`],
    /// [`Var::jvp`], second derivatives), and [`check::definition`](crate::check::definition) compares the op with it. Returns
    /// `None` if there is no definition.
    fn define<'t>(&self, _args: &[Var<'t, F>]) -> Option<Var<'t, F>> {
        None
    }
}

/// The adjoints of the arguments of an op, lent one at a time.
pub struct Adjoints<'a, F>(&'a mut dyn Bars<F>);

impl<F> Adjoints<'_, F> {
    /// The adjoint of argument `arg`, to add to; `None` if it is not needed.
    pub fn of(&mut self, arg: usize) -> Option<&mut [F]> {
        self.0.of(arg)
    }
}

/// A custom op as a kernel of the library.
struct Adapter<C>(C);

impl<F, C: Custom<F>> Kernel<F> for Adapter<C> {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        self.0.shape(args).map_err(|expected| shape_error(self.0.name(), args, expected))
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        self.0.forward(args, y);
    }

    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        self.0.reverse(pass.args, pass.y, pass.y_bar, &mut Adjoints(bars));
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        self.0.define(args).unwrap_or_else(|| {
            panic!(
                "{}: an op without a definition is differentiated only in numbers (backward, pull)",
                self.0.name()
            )
        })
    }
}

impl<F: Scalar> Tape<F> {
    /// Records a custom op.
    ///
    /// The op replays in a [`Plan`](crate::Plan), is drawn under its name, and can be checked like every other
    /// ([`check::gradient`](crate::check::gradient)).
    ///
    /// ```
    /// use pathscore_autodiff::{Adjoints, Custom, Shape, Tape, Tensor, Var, View, check};
    ///
    /// /// $x^3$.
    /// struct Cube;
    ///
    /// impl Custom<f64> for Cube {
    ///     fn name(&self) -> &'static str {
    ///         "cube"
    ///     }
    ///     fn shape(&self, args: &[&[usize]]) -> Result<Shape, String> {
    ///         Ok(Shape::from(args[0]))
    ///     }
    ///     fn forward(&self, args: &[View<'_, f64>], y: &mut [f64]) {
    ///         y.iter_mut().zip(args[0].values).for_each(|(y, x)| *y = x * x * x);
    ///     }
    ///     fn reverse(&self, args: &[View<'_, f64>], _: &[f64], y_bar: &[f64], bars: &mut Adjoints<'_, f64>) {
    ///         let Some(bar) = bars.of(0) else { return };
    ///         for i in 0..bar.len() {
    ///             let x = args[0].values[i];
    ///             bar[i] += y_bar[i] * 3.0 * x * x;
    ///         }
    ///     }
    ///     fn define<'t>(&self, args: &[Var<'t, f64>]) -> Option<Var<'t, f64>> {
    ///         Some(args[0] * args[0] * args[0])
    ///     }
    /// }
    ///
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[2.0], []);
    /// let y = tape.custom(Cube, &[x]);
    /// assert_eq!(y.backward().of(x).item(), 12.0);
    /// assert_eq!(y.grad(&[x])[0].grad(&[x])[0].item(), 12.0);
    ///
    /// let at = [Tensor::new(vec![0.5, -2.0], [2])];
    /// check::gradient(|x| x[0].tape().custom(Cube, x), &at, check::Options::of::<f64>()).unwrap();
    /// ```
    ///
    /// # Panics
    /// If the shapes of the arguments do not fit the op.
    #[track_caller]
    pub fn custom<'t>(&'t self, op: impl Custom<F> + 'static, args: &[Var<'t, F>]) -> Var<'t, F> {
        let op = self.record_mut().custom.push(op.name(), Arc::new(Adapter(op)));
        match self.apply(Op::Custom(op), args, None) {
            Ok(y) => y,
            Err(error) => panic!("{error}"),
        }
    }
}
