//! Gathering and scattering by indices.

use super::axis_of;
use crate::numbers::error::Error;
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::index::Index;
use crate::tape::record::Tape;
use crate::tape::record::Var;

impl<F: Scalar> Tape<F> {
    /// Records indices as a constant, for [`Var::gather`], [`Var::index_select`], [`Var::scatter_add`].
    ///
    /// # Panics
    /// If the number of indices is not the size of the shape, or an `f32` cannot hold one exactly ($2^{24}$ and above).
    #[track_caller]
    pub fn indices(&self, indices: &[usize], shape: impl Into<Shape>) -> Var<'_, F> {
        let numbers: Vec<F> = indices.iter().map(|&i| F::from_f64(i as f64)).collect();
        for (&index, number) in indices.iter().zip(&numbers) {
            assert!(number.to_f64() == index as f64, "indices: {} does not hold {index}", F::NAME);
        }
        self.constant(&numbers, shape)
    }
}

impl<F: Scalar> Var<'_, F> {
    /// $y_{i j k} = x_{i n(i, j, k) k}$: along `axis`, the numbers at the positions in `index`. The index has as
    /// many axes as `self`; along the other axes it has the same length or is broadcast from length one.
    ///
    /// The adjoint is [`Var::scatter_add`]: the derivative of a number is the sum over all places to which it was gathered.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0, 3.0, 4.0], [2, 2]);
    /// let y = x.gather(1, tape.indices(&[0, 0, 1, 0], [2, 2])).unwrap();
    /// assert_eq!(y.value().values(), [1.0, 1.0, 4.0, 3.0]);
    /// assert_eq!(y.sum().backward().of(x).values(), [2.0, 0.0, 1.0, 1.0]);
    /// ```
    ///
    /// # Errors
    /// If an index is not a whole number below the length of the axis.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[doc(alias = "take_along_axis")]
    #[track_caller]
    pub fn gather(self, axis: isize, index: Self) -> Result<Self, Error> {
        let axis = axis_of("gather", axis, &self.shape()) as u8;
        self.try_record(Op::Index(Index::Gather { axis }), &[self, index], None)
    }

    /// The positions along `axis` given by a vector of indices, in its order: a look-up of rows of an embedding.
    ///
    /// The derivative is summed where a position occurs more than once.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0, 3.0, 4.0], [2, 2]);
    /// let y = x.index_select(0, tape.indices(&[1, 1, 0], [3])).unwrap();
    /// assert_eq!(y.value().values(), [3.0, 4.0, 3.0, 4.0, 1.0, 2.0]);
    /// assert_eq!(y.sum().backward().of(x).values(), [1.0, 1.0, 2.0, 2.0]);
    /// ```
    ///
    /// # Errors
    /// If an index is not a whole number below the length of the axis.
    ///
    /// # Panics
    /// If the indices are not a vector.
    #[doc(alias = "embedding")]
    #[track_caller]
    pub fn index_select(self, axis: isize, index: Self) -> Result<Self, Error> {
        let (shape, indices) = (self.shape(), index.shape());
        let at = axis_of("index_select", axis, &shape);
        assert!(indices.len() == 1, "index_select: indices of shape {indices} are not a vector");
        let thin: Shape = (0..shape.len()).map(|i| if i == at { indices[0] } else { 1 }).collect();
        self.gather(axis, index.reshape(thin))
    }

    /// $y_{i n k} = x_{i n k} + \sum_{j : n(i, j, k) = n} s_{i j k}$: along `axis`, the numbers of
    /// `source` are added at the positions in `index`. The shapes are those of [`Var::gather`], whose adjoint this is.
    ///
    /// The adjoint of $x$ is $\bar y$; that of the source is [`Var::gather`] of $\bar y$.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[10.0, 20.0], [2]);
    /// let y = x.scatter_add(0, tape.indices(&[1, 1, 0], [3]), tape.leaf(&[1.0, 2.0, 3.0], [3]));
    /// assert_eq!(y.unwrap().value().values(), [13.0, 23.0]);
    /// ```
    ///
    /// # Errors
    /// If an index is not a whole number below the length of the axis.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn scatter_add(self, axis: isize, index: Self, source: Self) -> Result<Self, Error> {
        let shape = self.shape();
        let axis = axis_of("scatter_add", axis, &shape) as u8;
        let op = Op::Index(Index::ScatterAdd { axis });
        Ok(self + self.try_record(op, &[source, index], Some(&shape))?)
    }

    /// The one-hot encoding of indices: zeros with a single one, along a new last axis of length `classes`. The derivative is zero.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::<f64>::new();
    /// let y = tape.indices(&[1, 0], [2]).one_hot(3).unwrap();
    /// assert_eq!(y.value().values(), [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    /// ```
    ///
    /// # Errors
    /// If an index is not a whole number below `classes`.
    #[track_caller]
    pub fn one_hot(self, classes: usize) -> Result<Self, Error> {
        let mut thin = self.shape();
        thin.push(1);
        let axis = thin.len() as u8 - 1;
        let mut wide = thin.clone();
        wide[usize::from(axis)] = classes;
        let ones = self.constant(1.0).broadcast_to(&thin);
        let op = Op::Index(Index::ScatterAdd { axis });
        self.try_record(op, &[ones, self.detach().reshape(thin)], Some(&wide))
    }
}
