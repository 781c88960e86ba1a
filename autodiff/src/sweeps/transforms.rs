//! Jacobians, Hessians, and the gradient of every sample of a batch.

use crate::numbers::shape::Shape;
use crate::numbers::tensor::Tensor;
use crate::tape::engine::Scalar;
use crate::tape::grads::Grads;
use crate::tape::record::Var;

impl<F: Scalar> Var<'_, F> {
    /// The Jacobian $\partial y_i / \partial x_j$ of every element of this variable $y$ and of `x`, as numbers. Its shape is
    /// that of $y$ followed by that of `x`.
    ///
    /// It is computed row by row in reverse mode, or column by column in forward mode where `x` has far fewer elements.
    /// The tape is left as it was.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0_f64, 2.0], [2]);
    /// let y = x * x.sum();
    /// assert_eq!(y.jacobian(x).values(), [4.0, 1.0, 2.0, 5.0]);
    /// ```
    ///
    /// # Panics
    /// If `x` is a constant, because no derivatives are computed with respect to constants.
    #[track_caller]
    pub fn jacobian(self, x: Self) -> Tensor<F> {
        assert!(x.is_tracked(), "jacobian: entry {} is a constant", x.id.index());
        let shape: Shape = self.shape().iter().chain(x.shape().iter()).copied().collect();
        let (rows, columns) = (self.size(), x.size());
        let mut matrix = vec![F::ZERO; rows * columns];
        // A forward sweep is recorded and costs about as much as three reverse sweeps.
        if 3 * columns < rows {
            for column in 0..columns {
                let mark = self.tape.mark();
                let along = self.tape.constant_with(x.shape(), |to| {
                    to.fill(F::ZERO);
                    to[column] = F::ONE;
                });
                self.jvp(&[x], &[along]).with(|dot| {
                    (0..rows).for_each(|row| matrix[row * columns + column] = dot[row]);
                });
                self.tape.rewind(mark);
            }
        } else {
            let (mut seed, mut grads) = (vec![F::ZERO; rows], Grads::new());
            for row in 0..rows {
                seed[row] = F::ONE;
                self.tape.pull_into(&[(self, &seed)], &[], &mut grads);
                seed[row] = F::ZERO;
                if let Some(bar) = grads.get(x) {
                    matrix[row * columns..][..columns].copy_from_slice(bar);
                }
            }
        }
        Tensor::new(matrix, shape)
    }

    /// The Hessian $\partial^2 y / \partial x_i \partial x_j$ of the sum $y$ of this variable, as numbers. Its shape is that
    /// of `x` twice. The tape is left as it was. The product with a vector, [`Var::hvp`], is far cheaper.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0_f64, 2.0], [2]);
    /// let y = (x * x).sum() * x.sum();
    /// assert_eq!(y.hessian(x).values(), [10.0, 6.0, 6.0, 14.0]);
    /// ```
    ///
    /// # Panics
    /// If `x` is a constant, because no derivatives are computed with respect to constants.
    #[track_caller]
    pub fn hessian(self, x: Self) -> Tensor<F> {
        let mark = self.tape.mark();
        let matrix = self.grad(&[x])[0].jacobian(x);
        self.tape.rewind(mark);
        matrix
    }

    /// One copy of this variable for each sample of a batch, along a new first axis. The adjoint of a copy is the gradient
    /// of its sample, and the adjoint of the variable is the sum of these; a single sweep computes all.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let weight = tape.leaf(&[0.5_f64, -1.0], [2, 1]);
    /// let x = tape.constant(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [3, 1, 2]);
    /// let each = weight.per_sample(3);
    /// let loss = x.matmul(each).square();
    /// let grads = loss.sum().backward();
    /// // 2 (x·w) x of every sample x
    /// assert_eq!(grads.of(each).values(), [-3.0, -6.0, -15.0, -20.0, -35.0, -42.0]);
    /// assert_eq!(grads.of(weight).values(), [-53.0, -68.0]);
    /// ```
    #[track_caller]
    pub fn per_sample(self, batch: usize) -> Self {
        let copies: Shape = std::iter::once(batch).chain(self.shape().iter().copied()).collect();
        self.broadcast_to(copies)
    }
}
