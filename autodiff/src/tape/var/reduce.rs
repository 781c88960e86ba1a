//! Reductions over any axes, and running sums and products along one.

use super::axis_of;
use crate::rules::fused::Fused;
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::tape::op::Op;
use crate::tape::var::Var;
use smallvec::SmallVec;
use std::ops::RangeFull;

/// The axes of a reduction, and whether they stay, with length one.
///
/// One axis, an array or slice of them, or `..` for all; negative axes count from the back.
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
    /// `None` for all.
    list: Option<SmallVec<[isize; 4]>>,
    keep: bool,
}

impl Axes {
    /// The same axes, which stay with length one, so that the result stretches to what was reduced.
    pub fn keep(self) -> Self {
        Self { keep: true, ..self }
    }

    /// For each axis of a shape whether it is among these.
    ///
    /// # Panics
    /// If an axis is not there, or named twice.
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

/// What a reduction leaves, and how many elements go into each of the result's.
struct Reduced {
    /// With length one where an axis went.
    kept: Shape,
    /// What was asked for.
    shape: Shape,
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

/// Which norm.
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
    /// The sum over axes. The derivative is one; of no elements, zero.
    #[track_caller]
    pub fn sum_axis(self, axes: impl Into<Axes>) -> Self {
        let Reduced { kept, shape, .. } = Reduced::new("sum_axis", &axes.into(), &self.shape());
        self.sum_to(kept).reshape(shape)
    }

    /// The mean over axes. The derivative is $1/n$; of no elements, NaN.
    #[track_caller]
    pub fn mean_axis(self, axes: impl Into<Axes>) -> Self {
        let axes = axes.into();
        let n = Reduced::new("mean_axis", &axes, &self.shape()).count;
        self.sum_axis(axes) / F::from_f64(n as f64)
    }

    /// The product over axes. The derivative is $\prod_{j \ne i} x_j$, computed without division and right
    /// where factors are zero; of no elements, one.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[2.0, 0.0, 3.0], [3]);
    /// let y = x.prod_axis(..);
    /// assert_eq!(y.item(), 0.0);
    /// assert_eq!(y.backward().of(x).values(), [0.0, 6.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn prod_axis(self, axes: impl Into<Axes>) -> Self {
        self.folded("prod_axis", axes.into(), |axis| Fused::Prod { axis })
    }

    /// The largest element over axes; NaN if one is. Elements that tie share the derivative evenly; of no
    /// elements, $-\infty$.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 4.0, 4.0], [3]);
    /// assert_eq!(x.max_axis(0).backward().of(x).values(), [0.0, 0.5, 0.5]);
    /// ```
    #[track_caller]
    pub fn max_axis(self, axes: impl Into<Axes>) -> Self {
        self.folded("max_axis", axes.into(), |axis| Fused::Max { axis })
    }

    /// The smallest element over axes; NaN if one is. Elements that tie share the derivative evenly; of no
    /// elements, $\infty$.
    #[track_caller]
    pub fn min_axis(self, axes: impl Into<Axes>) -> Self {
        -(-self).max_axis(axes)
    }

    /// $\ln \sum_i e^{x_i}$ over axes. The derivative is $\mathrm{softmax}(x)$; of no elements, or of $-\infty$
    /// only, the value is $-\infty$ with zero derivative.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[0.0, 0.0], [2]);
    /// assert!((x.log_sum_exp(0).item() - 2_f64.ln()).abs() < 1e-15);
    /// ```
    #[track_caller]
    pub fn log_sum_exp(self, axes: impl Into<Axes>) -> Self {
        self.folded("log_sum_exp", axes.into(), |axis| Fused::LogSumExp { axis })
    }

    /// $\ln \tfrac1n \sum_i e^{x_i}$ over axes: of log-weights, the bound of Burda, Grosse and Salakhutdinov
    /// (2016). The derivative is $\mathrm{softmax}(x)$; edges as in [`Var::log_sum_exp`].
    #[track_caller]
    pub fn log_mean_exp(self, axes: impl Into<Axes>) -> Self {
        self.folded("log_mean_exp", axes.into(), |axis| Fused::LogMeanExp { axis })
    }

    /// $\sum_i x_i^2$ over axes; of no elements, zero. The derivative is $2x$.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[3.0, 4.0], [2]);
    /// assert_eq!(x.sum_squares(0).item(), 25.0);
    /// ```
    #[track_caller]
    pub fn sum_squares(self, axes: impl Into<Axes>) -> Self {
        self.folded("sum_squares", axes.into(), |axis| Fused::SumSquares { axis })
    }

    /// $\tfrac{1}{n - c} \sum_i (x_i - \bar x)^2$ over axes, with the `correction` $c$: zero for the variance of
    /// the elements themselves, one for the unbiased estimate of what they were drawn from. The derivative
    /// is $2(x_i - \bar x)/(n - c)$; of $n \le c$ elements, NaN or infinite.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0, 3.0, 4.0], [4]);
    /// assert_eq!(x.var_axis(0, 0).item(), 1.25);
    /// assert_eq!(x.var_axis(0, 1).item(), 5.0 / 3.0);
    /// ```
    #[track_caller]
    pub fn var_axis(self, axes: impl Into<Axes>, correction: usize) -> Self {
        let axes = axes.into();
        let n = Reduced::new("var_axis", &axes, &self.shape()).count;
        let away = self - self.mean_axis(axes.clone().keep());
        away.square().sum_axis(axes) / F::from_f64(n as f64 - correction as f64)
    }

    /// The root of [`Var::var_axis`]. Where it is zero, so is its derivative.
    #[track_caller]
    pub fn std_axis(self, axes: impl Into<Axes>, correction: usize) -> Self {
        self.var_axis(axes, correction).root()
    }

    /// A norm over axes. The derivatives are $\mathrm{sign}(x_i)$ ($L_1$), $x_i/\|x\|$ ($L_2$) and the sign of
    /// the largest, ties sharing ($L_\infty$); at zero they are zero. Squares neither overflow nor vanish.
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
    #[track_caller]
    pub fn norm(self, axes: impl Into<Axes>, norm: Norm) -> Self {
        let axes = axes.into();
        match norm {
            Norm::L1 => self.abs().sum_axis(axes),
            Norm::Max => self.abs().max_axis(axes),
            Norm::L2 => {
                // In units of the largest, if that is a number to divide by.
                let Reduced { shape, .. } = Reduced::new("norm", &axes, &self.shape());
                let top = self.detach().abs().max_axis(axes.clone().keep());
                let [zero, infinity] = [0.0, f64::INFINITY].map(|c| self.constant(c));
                let fit = top.greater(zero) * top.less(infinity);
                let unit = fit.select(top, self.constant(1.0)).detach();
                (self / unit).square().sum_axis(axes).root() * unit.reshape(shape)
            }
        }
    }

    /// $\sqrt x$ whose derivative at zero is zero.
    #[track_caller]
    fn root(self) -> Self {
        let zero = self.equal(self.constant(0.0));
        zero.select(self.constant(0.0), zero.select(self.constant(1.0), self).sqrt())
    }

    /// $y_i = \sum_{j \le i} x_j$ along an axis. The derivative of each is one with respect to those before.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0, 3.0], [3]);
    /// assert_eq!(x.cumsum(0).value().values(), [1.0, 3.0, 6.0]);
    /// assert_eq!(x.cumsum(0).sum().backward().of(x).values(), [3.0, 2.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn cumsum(self, axis: isize) -> Self {
        let axis = axis_of("cumsum", axis, &self.shape()) as u8;
        self.record(Op::Fused(Fused::CumSum { axis }), &[self], None)
    }

    /// $y_i = \prod_{j \le i} x_j$ along an axis. The derivative is computed without division and right where
    /// factors are zero.
    #[track_caller]
    pub fn cumprod(self, axis: isize) -> Self {
        let axis = axis_of("cumprod", axis, &self.shape()) as u8;
        self.record(Op::Fused(Fused::CumProd { axis }), &[self], None)
    }

    /// The position of the largest element along an axis, which is dropped; the first of those that tie.
    /// NaN is larger than any number, as in NumPy and PyTorch. No derivative.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[0.0, 7.0, 7.0, 5.0, 1.0, 2.0], [2, 3]);
    /// assert_eq!(x.argmax(1).value().values(), [1.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If the axis has no positions.
    #[track_caller]
    pub fn argmax(self, axis: isize) -> Self {
        let mut along = self.shape();
        let position = axis_of("argmax", axis, &along);
        let n = along[position];
        assert!(n > 0, "argmax: axis {axis} of a tensor of shape {along} has no positions");
        let x = self.detach();
        along.iter_mut().enumerate().for_each(|(i, m)| *m = if i == position { n } else { 1 });
        let places = self.tape().constant_with(along, |out| {
            out.iter_mut().enumerate().for_each(|(i, place)| *place = F::from_f64(i as f64));
        });
        // The largest of some with NaN is NaN, which equals nothing, not even itself.
        let largest = x.equal(x.max_axis(Axes::from(axis).keep())) + x.not_equal(x);
        largest.select(places, self.constant(n as f64)).min_axis(axis).detach()
    }

    /// $x_i - \ln \sum_j e^{x_j}$ along an axis. The derivative is $\delta_{ij} - \mathrm{softmax}(x)_j$.
    #[track_caller]
    pub fn log_softmax(self, axis: isize) -> Self {
        let axis = axis_of("log_softmax", axis, &self.shape()) as u8;
        self.record(Op::Fused(Fused::LogSoftmax { axis }), &[self], None)
    }

    /// $e^{x_i} / \sum_j e^{x_j}$ along an axis. The derivative is $y_i(\delta_{ij} - y_j)$.
    #[track_caller]
    pub fn softmax(self, axis: isize) -> Self {
        self.log_softmax(axis).exp()
    }

    /// $-\sum_c t_c \ln \mathrm{softmax}(x)_c$ along an axis, which is dropped, with `target`
    /// probabilities $t$ (one-hot for a class). The derivative is $\mathrm{softmax}(x)_c \sum t - t_c$. A target
    /// of zero counts nothing, also against a logit of $-\infty$.
    #[track_caller]
    pub fn cross_entropy(self, target: Self, axis: isize) -> Self {
        let log_probs = self.log_softmax(axis);
        let [zero, never] = [0.0, f64::NEG_INFINITY].map(|c| self.constant(c));
        let none = target.equal(zero) * log_probs.equal(never);
        -none.select(zero, target * log_probs).sum_axis(axis)
    }

    /// $\sum_j \mathrm{KL}(\mathcal N(\mu_j, e^{2s_j}) \| \mathcal N(m_j, e^{2r_j}))$ over the last axis, with
    /// `self` $\mu$, `log_scale` $s$ and the other's `loc` $m$ and `other_log_scale` $r$, which broadcast.
    ///
    /// With $d = s - r$ and $t = (\mu - m) e^{-r}$ it is $\sum \tfrac12 (e^{2d} - 1 - 2d + t^2)$, and the derivatives are
    /// $t e^{-r}$ ($\mu$), $e^{2d} - 1$ ($s$), $-t e^{-r}$ ($m$) and $1 - e^{2d} - t^2$ ($r$).
    #[track_caller]
    pub fn normal_kl(self, log_scale: Self, loc: Self, other_log_scale: Self) -> Self {
        let args = [self, log_scale, loc, other_log_scale];
        let shapes = args.map(|arg| arg.shape());
        let whole = shapes[1..].iter().try_fold(shapes[0].clone(), |a, b| Shape::broadcast(&a, b));
        let Some(whole) = whole else {
            let [mu, s, m, r] = shapes;
            panic!("normal_kl: shapes {mu}, {s}, {m} and {r} do not stretch to one another");
        };
        // The kernel itself repeats along leading axes; only other ways to stretch need a copy.
        let repeats = |shape: &Shape| !shape.is_empty() && whole.ends_with(shape);
        let args = args.map(|x| if repeats(&x.shape()) { x } else { x.broadcast_to(&whole) });
        self.record(Op::Fused(Fused::NormalKl), &args, None)
    }

    /// A kernel over one axis applied to several: they are brought together first, which moves
    /// nothing if they are neighbours.
    #[track_caller]
    fn folded(self, op: &str, axes: Axes, kernel: impl Fn(u8) -> Fused) -> Self {
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
