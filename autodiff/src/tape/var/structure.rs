//! Numbers in other places: stacking, cutting, picking by index, diagonals and triangles.

use super::axis_of;
use crate::error::Error;
use crate::rules::index::Index;
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::tape::Tape;
use crate::tape::op::{Move, Op};
use crate::tape::var::Var;

impl<F: Scalar> Tape<F> {
    /// Indices as a constant, to pick with: [`Var::gather`], [`Var::index_select`], [`Var::scatter_add`].
    ///
    /// # Panics
    /// If their number is not the size of the shape, or an `f32` cannot hold one exactly ($2^{24}$ and above).
    #[track_caller]
    pub fn indices(&self, indices: &[usize], shape: impl Into<Shape>) -> Var<'_, F> {
        let numbers: Vec<F> = indices.iter().map(|&i| F::from_f64(i as f64)).collect();
        for (&index, number) in indices.iter().zip(&numbers) {
            assert!(number.to_f64() == index as f64, "indices: {} does not hold {index}", F::NAME);
        }
        self.constant(&numbers, shape)
    }
}

impl<'t, F: Scalar> Var<'t, F> {
    /// Tensors of one shape along a new axis. The derivative of each is its slice of the result's.
    ///
    /// ```
    /// # use pathscore_autodiff::{Tape, Var};
    /// let tape = Tape::new();
    /// let (x, y) = (tape.leaf(&[1.0, 2.0], [2]), tape.leaf(&[3.0, 4.0], [2]));
    /// assert_eq!(Var::stack(&[x, y], 0).value().values(), [1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(Var::stack(&[x, y], -1).value().values(), [1.0, 3.0, 2.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// If there are none, their shapes differ, or the result has no such axis.
    #[track_caller]
    pub fn stack(parts: &[Self], axis: isize) -> Self {
        let shape = parts.first().expect("stack: no tensors").shape();
        for other in parts.iter().map(|part| part.shape()) {
            assert!(other == shape, "stack: shapes {shape} and {other} differ");
        }
        let rank = shape.len() as isize + 1;
        let at = if axis < 0 { axis + rank } else { axis };
        assert!((0..rank).contains(&at), "stack: no axis {axis} in a stack of shapes {shape}");
        let (before, behind) = shape.split_at(at as usize);
        let thin: Shape = before.iter().chain(&[1]).chain(behind).copied().collect();
        let thin: Vec<Self> = parts.iter().map(|part| part.reshape(&thin)).collect();
        Self::concat(&thin, at)
    }

    /// Pieces of these lengths one behind the other along `axis`. The derivative of the whole is theirs,
    /// each in its place.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0, 3.0], [3]);
    /// let [head, tail] = x.split(&[1, 2], 0)[..] else { unreachable!() };
    /// assert_eq!((head.item(), tail.value().values()), (1.0, &[2.0, 3.0][..]));
    /// ```
    ///
    /// # Panics
    /// If the lengths do not add up to that of the axis.
    #[track_caller]
    pub fn split(self, lengths: &[usize], axis: isize) -> Vec<Self> {
        let shape = self.shape();
        let n = shape[axis_of("split", axis, &shape)];
        assert!(
            lengths.iter().sum::<usize>() == n,
            "split: lengths {lengths:?} along axis {axis} of a tensor of shape {shape}"
        );
        let mut start = 0;
        let mut piece = |&n: &usize| {
            start += n;
            self.slice(axis, start - n..start)
        };
        lengths.iter().map(&mut piece).collect()
    }

    /// Repeated as often along each axis as `times` says, which may name new leading axes. The
    /// derivative is the sum over the copies.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0], [2]);
    /// let y = x.tile(&[2, 2]);
    /// assert_eq!(y.value().values(), [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
    /// assert_eq!(y.sum().backward().of(x).values(), [4.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// If `times` names fewer axes than there are.
    #[track_caller]
    pub fn tile(self, times: &[usize]) -> Self {
        let shape = self.shape();
        assert!(
            times.len() >= shape.len(),
            "tile: {times:?} names fewer axes than a tensor of shape {shape} has"
        );
        let missing = times.len() - shape.len();
        let own = |axis: usize| if axis < missing { 1 } else { shape[axis - missing] };
        let axes = || times.iter().enumerate();
        let thin: Shape = axes().flat_map(|(axis, _)| [1, own(axis)]).collect();
        let wide: Shape = axes().flat_map(|(axis, &n)| [n, own(axis)]).collect();
        let whole: Shape = axes().map(|(axis, &n)| n * own(axis)).collect();
        self.reshape(thin).broadcast_to(wide).reshape(whole)
    }

    /// $y_{i j k} = x_{i\,n(i, j, k)\,k}$: along `axis`, the numbers that `index` names. The index has as
    /// many axes; along the others it has the same length or stretches from length one.
    ///
    /// The derivative goes back where the numbers came from ([`Var::scatter_add`]), and is added up where
    /// one was picked more than once.
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
    #[track_caller]
    pub fn gather(self, axis: isize, index: Self) -> Result<Self, Error> {
        let axis = axis_of("gather", axis, &self.shape()) as u8;
        self.try_record(Op::Index(Index::Gather { axis }), &[self, index], None)
    }

    /// The positions along `axis` that a vector of indices names, in its order: the rows of an embedding.
    ///
    /// The derivative is added up where a position was named more than once.
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
    #[track_caller]
    pub fn index_select(self, axis: isize, index: Self) -> Result<Self, Error> {
        let (shape, indices) = (self.shape(), index.shape());
        let at = axis_of("index_select", axis, &shape);
        assert!(indices.len() == 1, "index_select: indices of shape {indices} are not a vector");
        let thin: Shape = (0..shape.len()).map(|i| if i == at { indices[0] } else { 1 }).collect();
        self.gather(axis, index.reshape(thin))
    }

    /// $y_{i n k} = x_{i n k} + \sum_{j : n(i, j, k) = n} s_{i j k}$: along `axis`, the numbers of
    /// `source` added where `index` says. The shapes are those of [`Var::gather`], whose adjoint this is.
    ///
    /// The derivative of $x$ is $\bar y$, that of the source what [`Var::gather`] picks from $\bar y$.
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

    /// Indices as rows of zeros with a single one, along a new last axis of length `classes`. No derivative.
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

    /// Matrices with the numbers of the last axis on a diagonal, `above` the main one (below it if
    /// negative), and zeros elsewhere. The derivative is the diagonal of the result's.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0], [2]);
    /// assert_eq!(x.diag(0).value().values(), [1.0, 0.0, 0.0, 2.0]);
    /// assert_eq!(x.diag(1).shape()[..], [3, 3]);
    /// assert_eq!(x.diag(-1).diagonal(-1).value(), x.value());
    /// ```
    ///
    /// # Panics
    /// If there is no axis.
    #[track_caller]
    pub fn diag(self, above: i32) -> Self {
        let mut shape = self.shape();
        let last = axis_of("diag", -1, &shape);
        shape[last] += above.unsigned_abs() as usize;
        let n = shape[last];
        shape.push(n);
        self.record(Op::Move(Move::Diag { above }), &[self], Some(&shape))
    }

    /// The diagonal of the last two axes that lies `above` the main one (below it if negative). The
    /// derivative stands on the diagonal, with zeros around it ([`Var::diag`]).
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]);
    /// assert_eq!(x.diagonal(0).value().values(), [1.0, 5.0]);
    /// assert_eq!(x.diagonal(1).value().values(), [2.0, 6.0]);
    /// assert_eq!(x.diagonal(-1).value().values(), [4.0]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn diagonal(self, above: i32) -> Self {
        self.record(Op::Move(Move::Diagonal { above }), &[self], None)
    }

    /// The last two axes on and below a diagonal, `above` the main one, and zeros above it. The
    /// derivative is cut likewise.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0, 3.0, 4.0], [2, 2]);
    /// assert_eq!(x.tril(0).value().values(), [1.0, 0.0, 3.0, 4.0]);
    /// assert_eq!(x.tril(-1).value().values(), [0.0, 0.0, 3.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn tril(self, above: i32) -> Self {
        self.record(Op::Move(Move::Tril { above }), &[self], None)
    }

    /// The last two axes on and above a diagonal, `above` the main one, and zeros below it. The
    /// derivative is cut likewise.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0, 3.0, 4.0], [2, 2]);
    /// assert_eq!(x.triu(0).value().values(), [1.0, 2.0, 0.0, 4.0]);
    /// assert_eq!(x.triu(1).value().values(), [0.0, 2.0, 0.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn triu(self, above: i32) -> Self {
        self.record(Op::Move(Move::Triu { above }), &[self], None)
    }
}
