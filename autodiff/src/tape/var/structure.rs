//! Moves of numbers: shapes, axes, slices, copies, diagonals and triangles.

use super::axis_of;
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::moves::Move;
use crate::tape::record::Var;

impl<F: Scalar> Var<'_, F> {
    /// The same numbers under another shape, in row order. It copies nothing. The adjoint is reshaped back.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [6]);
    /// assert_eq!(x.reshape([2, 3]).slice(0, 1..2).value().values(), [4.0, 5.0, 6.0]);
    /// ```
    ///
    /// # Panics
    /// If the sizes of the shapes differ.
    #[track_caller]
    pub fn reshape(self, shape: impl Into<Shape>) -> Self {
        self.record(Op::Reshape, &[self], Some(&shape.into()))
    }

    /// The tensor broadcast to a shape: it is repeated along axes of length one and along new leading axes. The adjoint is
    /// the sum over the copies ([`Var::sum_to`]).
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0], [2, 1]);
    /// let y = x.broadcast_to([2, 3]);
    /// assert_eq!(y.value().values(), [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
    /// assert_eq!(y.sum().backward().of(x).values(), [3.0, 3.0]);
    /// ```
    ///
    /// # Panics
    /// If this shape does not broadcast to the other: axes are aligned at the last one, and only axes of length one are
    /// repeated.
    #[doc(alias = "expand")]
    #[track_caller]
    pub fn broadcast_to(self, shape: impl Into<Shape>) -> Self {
        self.record(Op::Move(Move::Broadcast), &[self], Some(&shape.into()))
    }

    /// The axes in another order: result axis `i` is axis `order[i]` of this one. The adjoint is
    /// permuted back.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1, 2, 3]);
    /// let y = x.permute(&[2, 0, 1]);
    /// assert_eq!(y.shape()[..], [3, 1, 2]);
    /// assert_eq!(y.value().values(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    /// ```
    ///
    /// # Panics
    /// If `order` does not name every axis once, or there are more than eight.
    #[track_caller]
    pub fn permute(self, order: &[usize]) -> Self {
        let shape = self.shape();
        let named = |axis| order.iter().filter(|&&o| o == axis).count() == 1;
        assert!(
            order.len() == shape.len() && order.len() <= 8 && (0..shape.len()).all(named),
            "permute: {order:?} does not name every axis of a tensor of shape {shape} once"
        );
        let mut fixed = [0; 8];
        order.iter().enumerate().for_each(|(i, &axis)| fixed[i] = axis as u8);
        self.record(Op::Move(Move::Permute { order: fixed }), &[self], None)
    }

    /// The transpose: the last two axes exchanged. The adjoint is transposed back.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]);
    /// assert_eq!(x.transpose().value().values(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes, or more than eight.
    #[track_caller]
    pub fn transpose(self) -> Self {
        let shape = self.shape();
        let rank = shape.len();
        assert!((2..=8).contains(&rank), "transpose: {rank} axes of a tensor of shape {shape}");
        self.record(Op::Move(Move::transposition(rank)), &[self], None)
    }

    /// The positions `range` along `axis` (negative axes count from the back). The adjoint is padded
    /// with zeros at the positions outside the range.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0, 3.0, 4.0], [4]);
    /// let y = x.slice(0, 1..3);
    /// assert_eq!(y.value().values(), [2.0, 3.0]);
    /// assert_eq!(y.sum().backward().of(x).values(), [0.0, 1.0, 1.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis, or the range reaches past its end.
    #[track_caller]
    pub fn slice(self, axis: isize, range: std::ops::Range<usize>) -> Self {
        let mut shape = self.shape();
        let axis = axis_of("slice", axis, &shape);
        assert!(
            range.start <= range.end && range.end <= shape[axis],
            "slice: {range:?} along axis {axis} of a tensor of shape {shape}"
        );
        shape[axis] = range.len();
        let op = Move::Slice { axis: axis as u8, start: range.start as u32 };
        self.record(Op::Move(op), &[self], Some(&shape))
    }

    /// The tensor with zeros along `axis`: `before` of them in front and `after` behind. The adjoint is the slice between
    /// them.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0], [2]);
    /// assert_eq!(x.pad(0, 1, 2).value().values(), [0.0, 1.0, 2.0, 0.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn pad(self, axis: isize, before: usize, after: usize) -> Self {
        let mut shape = self.shape();
        let axis = axis_of("pad", axis, &shape);
        shape[axis] += before + after;
        let op = Move::Pad { axis: axis as u8, start: before as u32 };
        self.record(Op::Move(op), &[self], Some(&shape))
    }

    /// The positions of one axis in reverse order. The adjoint is reversed back.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0, 3.0], [3]);
    /// assert_eq!(x.flip(0).value().values(), [3.0, 2.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn flip(self, axis: isize) -> Self {
        let axis = axis_of("flip", axis, &self.shape()) as u8;
        self.record(Op::Move(Move::Flip { axis }), &[self], None)
    }

    /// The arguments concatenated along `axis`. The adjoint of each is its slice of the result's adjoint.
    ///
    /// ```
    /// # use pathscore_autodiff::{Tape, Var};
    /// let tape = Tape::new();
    /// let (x, y) = (tape.leaf(&[1.0, 2.0], [2, 1]), tape.leaf(&[3.0, 4.0], [2, 1]));
    /// assert_eq!(Var::concat(&[x, y], 0).value().values(), [1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(Var::concat(&[x, y], 1).value().values(), [1.0, 3.0, 2.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// If there are no tensors, their other axes differ, or they have no such axis.
    #[track_caller]
    pub fn concat(parts: &[Self], axis: isize) -> Self {
        let first = parts.first().expect("concat: no tensors");
        let axis = axis_of("concat", axis, &first.shape()) as u8;
        first.record(Op::Concat { axis }, parts, None)
    }

    /// Tensors of one shape stacked along a new axis. The adjoint of each is its slice of the result's adjoint.
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
    /// If there are no tensors, their shapes differ, or the result has no such axis.
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

    /// Slices of these lengths along `axis`, one after the other. The adjoint of the whole is the concatenation
    /// of the adjoints of the slices.
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
    /// If there is no such axis, or the sum of the lengths is not its length.
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

    /// The tensor tiled: repeated `times[i]` times along axis `i`. `times` may have more entries than there are axes, for
    /// new leading axes. The adjoint is the sum over the copies.
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
    /// If `times` has fewer entries than there are axes.
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

    /// Matrices with the numbers of the last axis on a diagonal, `above` the main one (below it if
    /// negative), and zeros elsewhere. The adjoint is that diagonal of the result's adjoint.
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
    /// adjoint has the result's adjoint on that diagonal and zeros elsewhere ([`Var::diag`]).
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
    /// adjoint is cut in the same way.
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
    /// adjoint is cut in the same way.
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
