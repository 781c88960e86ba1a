//! Reductions over any axes.

use super::axis_of;
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::fused::Fused;
use crate::tape::record::Var;
use smallvec::SmallVec;
use std::ops::RangeFull;

/// The axes of a reduction. The result drops them, or keeps them with length one.
///
/// They are made from one axis, from an array or slice of axes, or from `..` for all; negative axes count from the back.
///
/// ```
/// use pathscore_autodiff::{Axes, Tape};
/// let tape = Tape::new();
/// let x = tape.leaf(&[1.0, 2.0, 3.0, 4.0], [2, 2]);
/// assert_eq!(x.sum_axis(-1).value().values(), [3.0, 7.0]);
/// assert_eq!(x.sum_axis([0, 1]).item(), 10.0);
/// assert_eq!(*x.max_axis(Axes::from(..).keep()).shape(), [1, 1]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axes {
    /// The axes, or `None` for all.
    list: Option<SmallVec<[isize; 4]>>,
    keep: bool,
}

impl Axes {
    /// The same axes, kept with length one, so that the result broadcasts to the shape that was reduced.
    pub fn keep(self) -> Self {
        Self { keep: true, ..self }
    }

    /// For each axis of a shape, true if it is among these.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    fn among(&self, op: &str, shape: &Shape) -> SmallVec<[bool; 4]> {
        let mut among: SmallVec<[bool; 4]> = SmallVec::from_elem(self.list.is_none(), shape.len());
        for &axis in self.list.iter().flatten() {
            let position = axis_of(op, axis, shape);
            assert!(!among[position], "{op}: axis {axis} of a tensor of shape {shape} named twice");
            among[position] = true;
        }
        among
    }
}

impl From<isize> for Axes {
    fn from(axis: isize) -> Self {
        Self::from([axis])
    }
}

impl<const N: usize> From<[isize; N]> for Axes {
    fn from(axes: [isize; N]) -> Self {
        Self::from(&axes[..])
    }
}

impl From<&[isize]> for Axes {
    fn from(axes: &[isize]) -> Self {
        Self { list: Some(SmallVec::from_slice(axes)), keep: false }
    }
}

impl From<RangeFull> for Axes {
    fn from(_: RangeFull) -> Self {
        Self { list: None, keep: false }
    }
}

/// The shapes of a reduction and the size of the groups that it reduces.
struct Reduced {
    /// The shape with length one in place of each reduced axis.
    kept: Shape,
    /// The shape of the result.
    shape: Shape,
    /// The number of elements that are reduced to one.
    count: usize,
}

impl Reduced {
    #[track_caller]
    fn new(op: &str, axes: &Axes, shape: &Shape) -> Self {
        let among = axes.among(op, shape);
        let kept: Shape =
            shape.iter().zip(&among).map(|(&n, &gone)| if gone { 1 } else { n }).collect();
        let rest = shape.iter().zip(&among).filter(|(_, gone)| !**gone).map(|(n, _)| *n);
        let count = shape.iter().zip(&among).filter(|(_, gone)| **gone).map(|(n, _)| *n).product();
        let asked = if axes.keep { kept.clone() } else { rest.collect() };
        Self { kept, shape: asked, count }
    }
}

/// Positions of axes.
type Places = SmallVec<[usize; 8]>;

/// The kind of a norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// $\sum |x_i|$.
    L1,
    /// $\sqrt{\sum x_i^2}$.
    L2,
    /// $\max |x_i|$.
    Max,
}

impl<'t, F: Scalar> Var<'t, F> {
    /// The sum over axes. The derivative is one. The sum of no elements is zero.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    pub fn sum_axis(self, axes: impl Into<Axes>) -> Self {
        let Reduced { kept, shape, .. } = Reduced::new("sum_axis", &axes.into(), &self.shape());
        self.sum_to(kept).reshape(shape)
    }

    /// The mean over axes. The derivative is $1/n$. The mean of no elements is NaN.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    pub fn mean_axis(self, axes: impl Into<Axes>) -> Self {
        let axes = axes.into();
        let n = Reduced::new("mean_axis", &axes, &self.shape()).count;
        self.sum_axis(axes) / F::from_f64(n as f64)
    }

    /// $\tfrac{1}{n - c} \sum_i (x_i - \bar x)^2$ over axes, with the `correction` $c$: zero for the variance of
    /// the elements themselves, one for the unbiased estimate of the variance of their distribution. The derivative
    /// is $2(x_i - \bar x)/(n - c)$. With $n \le c$ elements it is NaN or infinite.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0, 3.0, 4.0], [4]);
    /// assert_eq!(x.var_axis(0, 0).item(), 1.25);
    /// assert_eq!(x.var_axis(0, 1).item(), 5.0 / 3.0);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    pub fn var_axis(self, axes: impl Into<Axes>, correction: usize) -> Self {
        let axes = axes.into();
        let n = Reduced::new("var_axis", &axes, &self.shape()).count;
        let deviation = self - self.mean_axis(axes.clone().keep());
        deviation.square().sum_axis(axes) / F::from_f64(n as f64 - correction as f64)
    }

    /// The standard deviation $s$: the square root of [`Var::var_axis`]. The derivative is $(x_i - \bar x)/((n - c)s)$, and
    /// is taken as zero where $s$ is zero.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    pub fn std_axis(self, axes: impl Into<Axes>, correction: usize) -> Self {
        self.var_axis(axes, correction).safe_sqrt()
    }

    /// A norm over axes. The derivatives are $\mathrm{sign}(x_i)$ ($L_1$), $x_i/\Vert x \Vert$ ($L_2$) and the sign of
    /// the largest element, shared evenly by elements that tie ($L_\infty$); at zero they are zero. The squares of $L_2$
    /// neither overflow nor underflow. The square of $L_2$ has the second derivatives of $\sum x_i^2$, also at zero.
    ///
    /// ```
    /// # use pathscore_autodiff::{Norm, Tape};
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[3.0, -4.0], [2]);
    /// let y = x.norm(.., Norm::L2);
    /// let slope = y.backward().of(x);
    /// let near = |i: usize, expected: f64| (slope.values()[i] - expected).abs() < 1e-15;
    /// assert!(y.item() == 5.0 && near(0, 0.6) && near(1, -0.8));
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    pub fn norm(self, axes: impl Into<Axes>, norm: Norm) -> Self {
        let axes = axes.into();
        match norm {
            Norm::L1 => self.abs().sum_axis(axes),
            Norm::Max => self.abs().max_axis(axes),
            Norm::L2 => self.reduce_with("norm", axes, |axis| Fused::NormL2 { axis }),
        }
    }

    /// The $p$-norm $\Vert x \Vert_p = \bigl( \sum_i |x_i|^p \bigr)^{1/p}$ over axes, for $1 \le p \le \infty$. The derivatives are
    /// $\mathrm{sign}(x_i) (|x_i|/\Vert x \Vert_p)^{p-1}$, and zero at zero; for $p = 1, 2, \infty$ it is [`Var::norm`]. The
    /// powers neither overflow nor underflow. For $p < 2$ the second derivative is infinite where an element is zero.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0_f64, -2.0], [2]);
    /// let y = x.p_norm(.., 3.0);
    /// assert!((y.item() - 9_f64.cbrt()).abs() < 1e-15);
    /// let slope = y.backward().of(x);
    /// assert!((slope.values()[1] + 4.0 / 9_f64.cbrt().powi(2)).abs() < 1e-15);
    /// ```
    ///
    /// # Panics
    /// If $p$ is NaN or less than one, or if an axis does not exist or is named twice.
    #[track_caller]
    pub fn p_norm(self, axes: impl Into<Axes>, p: f64) -> Self {
        assert!(p >= 1.0, "p_norm: p is {p}, but a norm has p of at least 1");
        let axes = axes.into();
        if p == 1.0 {
            return self.norm(axes, Norm::L1);
        } else if p == 2.0 {
            return self.norm(axes, Norm::L2);
        } else if p == f64::INFINITY {
            return self.norm(axes, Norm::Max);
        }
        let Reduced { shape, .. } = Reduced::new("p_norm", &axes, &self.shape());
        let unit = self.unit(&axes);
        let sum = (self / unit).abs().powf(F::from_f64(p)).sum_axis(axes);
        let zero = sum.equal(self.constant(0.0));
        let root = zero.select(self.constant(1.0), sum).powf(F::from_f64(1.0 / p));
        zero.select(self.constant(0.0), root) * unit.reshape(shape)
    }

    /// The largest magnitude over axes, by which elements are divided before they are raised to a power; one if it is zero or
    /// infinite. It has no derivative.
    #[track_caller]
    pub(crate) fn unit(self, axes: &Axes) -> Self {
        let top = self.detach().abs().max_axis(axes.clone().keep());
        let [zero, infinity] = [0.0, f64::INFINITY].map(|c| self.constant(c));
        let fit = top.greater(zero) * top.less(infinity);
        fit.select(top, self.constant(1.0)).detach()
    }

    /// $\sqrt x$ with the derivative zero at zero.
    #[track_caller]
    pub(crate) fn safe_sqrt(self) -> Self {
        let zero = self.equal(self.constant(0.0));
        zero.select(self.constant(0.0), zero.select(self.constant(1.0), self).sqrt())
    }

    /// Applies a kernel that reduces one axis to several axes. The axes are joined by a reshape, after a permutation if they
    /// are not neighbours.
    #[track_caller]
    pub(crate) fn reduce_with(self, op: &str, axes: Axes, kernel: impl Fn(u8) -> Fused) -> Self {
        let shape = self.shape();
        let among = axes.among(op, &shape);
        let Reduced { shape: asked, count, .. } = Reduced::new(op, &axes, &shape);
        let (gone, stay): (Places, Places) = (0..shape.len()).partition(|&i| among[i]);
        let neighbours = gone.windows(2).all(|two| two[1] == two[0] + 1);
        let (moved, place) = if neighbours {
            (self, gone.first().copied().unwrap_or(0))
        } else {
            let order: Places = stay.iter().chain(&gone).copied().collect();
            (self.permute(&order), stay.len())
        };
        let mut merged: Shape = stay.iter().map(|&axis| shape[axis]).collect();
        merged.insert(place, count);
        let joined = if *merged == *moved.shape() { moved } else { moved.reshape(merged) };
        let y = joined.record(Op::Fused(kernel(place as u8)), &[joined], None);
        if *y.shape() == *asked { y } else { y.reshape(asked) }
    }
}
