//! The normal distribution whose covariance is a matrix of low rank plus a diagonal.

use super::parameters::check;
use super::{
    Constraint, Distribution, Entropy, Moments, ParameterError, Reparam, Shapes, Support,
    sample_shape, unsqueeze, width,
};
use crate::RandomSource;
use pathscore_autodiff::{Error, Scalar, Shape, Triangle, Var};
use std::f64::consts::TAU;

/// $\mathcal N(\mu, WW^\top + D)$ with `loc` $\mu$ of shape `[…, n]`, a `factor` $W$ of shape `[n, r]` or `[…, n, r]` and a
/// `diagonal` $D$ of variances, of shape `[…, n]`; batches broadcast against each other.
///
/// With $M = I + W^\top D^{-1} W$, of $r$ rows, the determinant lemma says $\ln\det\Sigma = \ln\det D + \ln\det M$, and by
/// Woodbury's formula $d^\top \Sigma^{-1} d = \Vert D^{-1/2} (d - Wz) \Vert^2 + \Vert z \Vert^2$ with $z = M^{-1} W^\top D^{-1}
/// d$, which is the least value over all $z$: no two nearly equal numbers are subtracted, however large $W$ is. The time
/// for an event is $O(nr)$ after $O(nr^2)$ for $M$, and no matrix has $n$ columns. The derivatives are those of
/// these formulas, $\Sigma^{-1}d$ for $\mu$. A sample is $\mu + W\varepsilon_r + \sqrt D\varepsilon_n$.
///
/// The relative error of $\ln\det M$ and of $z$ grows as the condition number of $M$ times $\epsilon$. With collinear columns of
/// $D^{-1/2} W$ whose squares exceed $1/\epsilon$, the ones of $M$ are rounded away: the density may then be wrong without a sign of it, or $M$ has
/// no Cholesky factor.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Distribution, LowRankNormal};
/// let tape = Tape::new();
/// // The covariance is [[2, 1], [1, 2]], its determinant 3, and xᵀ Σ⁻¹ x = 2/3 at x = (1, 1).
/// let [loc, diagonal] = [0.0_f64, 1.0].map(|c| tape.leaf(&[c; 2], [2]));
/// let q = LowRankNormal::new(loc, tape.leaf(&[1.0, 1.0], [2, 1]), diagonal)?;
/// let log_prob = q.log_prob(tape.constant(&[1.0, 1.0], [2])).item();
/// let expected = -1.0 / 3.0 - 0.5 * 3_f64.ln() - std::f64::consts::TAU.ln();
/// assert!((log_prob - expected).abs() < 1e-15);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "LowRankMultivariateNormal")]
pub struct LowRankNormal<'t, F> {
    /// The mean, in the shape of the batch and an event.
    loc: Var<'t, F>,
    factor: Var<'t, F>,
    diagonal: Var<'t, F>,
    /// The Cholesky factor of $M$.
    inner: Var<'t, F>,
}

impl<'t, F: Scalar> LowRankNormal<'t, F> {
    /// The distribution with this mean, this factor and this diagonal of variances.
    ///
    /// # Errors
    /// If a number of the mean or of the factor is not finite, or one of the diagonal not positive. The factor is also
    /// refused if $M$ overflows or has no Cholesky factor in this precision.
    ///
    /// # Panics
    /// If mean, factor and diagonal differ in the number of coordinates, if the factor has no column, or if the batches do
    /// not broadcast.
    #[track_caller]
    pub fn new(
        loc: Var<'t, F>,
        factor: Var<'t, F>,
        diagonal: Var<'t, F>,
    ) -> Result<Self, ParameterError> {
        let parameters = [
            ("loc", loc, Constraint::Finite),
            ("factor", factor, Constraint::Finite),
            ("diagonal", diagonal, Constraint::Positive),
        ];
        check("LowRankNormal", &parameters)?;
        Self::new_unchecked(loc, factor, diagonal).map_err(|_| {
            // The largest number is the one to blame.
            let numbers = factor.value();
            let sizes = numbers.values().iter().map(|w| w.to_f64().abs());
            let largest = sizes.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
            let (index, value) = largest.unwrap_or((0, f64::NAN));
            let (distribution, parameter) = ("LowRankNormal", "factor");
            ParameterError { distribution, parameter, index, value, constraint: Constraint::Finite }
        })
    }

    /// [`LowRankNormal::new`] without a look at the numbers.
    ///
    /// # Errors
    /// If $M$ has no Cholesky factor: a number is NaN or overflows, or collinear columns of $W$ are too large against $D$ for this
    /// precision.
    ///
    /// # Panics
    /// If mean, factor and diagonal differ in the number of coordinates, if the factor has no column, or if the batches do
    /// not broadcast.
    #[track_caller]
    pub fn new_unchecked(
        loc: Var<'t, F>,
        factor: Var<'t, F>,
        diagonal: Var<'t, F>,
    ) -> Result<Self, Error> {
        let [of_loc, of_factor, of_diagonal] = [loc, factor, diagonal].map(|x| x.shape());
        let n = of_loc.last().copied().unwrap_or(0);
        let (rows, rank) = match *of_factor {
            [.., _, rank] if rank > 0 => (&of_factor[..of_factor.len() - 1], rank),
            _ => (&[][..], 0),
        };
        let fit = rows.last() == Some(&n) && of_diagonal.last() == Some(&n);
        let whole = Shape::broadcast(&of_loc, rows).filter(|_| fit);
        let Some(whole) = whole.and_then(|whole| Shape::broadcast(&whole, &of_diagonal)) else {
            panic!(
                "LowRankNormal: a mean of shape {of_loc}, a factor of shape {of_factor} and a diagonal of shape \
                 {of_diagonal} do not fit"
            );
        };
        let loc = if *of_loc == *whole { loc } else { loc.broadcast_to(whole) };
        let eye = loc.tape().constant_with([rank, rank], |out| {
            for (place, out) in out.iter_mut().enumerate() {
                *out = if place / rank == place % rank { F::ONE } else { F::ZERO };
            }
        });
        let scaled = factor / unsqueeze(diagonal);
        let inner = (eye + factor.matmul_with(true, scaled, false)).cholesky()?;
        Ok(Self { loc, factor, diagonal, inner })
    }

    /// The mean, $\mu$.
    pub fn loc(self) -> Var<'t, F> {
        self.loc
    }

    /// The factor, $W$.
    pub fn factor(self) -> Var<'t, F> {
        self.factor
    }

    /// The numbers of the diagonal $D$.
    pub fn diagonal(self) -> Var<'t, F> {
        self.diagonal
    }

    /// $WW^\top + D$, which has $n$ columns.
    pub fn covariance(self) -> Var<'t, F> {
        self.factor.matmul_with(false, self.factor, true) + self.diagonal.diag(0)
    }

    /// $\tfrac12\ln\det\Sigma$, one number for each covariance.
    pub(super) fn half_log_det(self) -> Var<'t, F> {
        let inner = self.inner.diagonal(0).ln().sum_axis(-1);
        self.diagonal.ln().sum_axis(-1) * F::from_f64(0.5) + inner
    }

    /// $L^{-1}b$ with the Cholesky factor $L$ of $M$, or $L^{-\top}b$.
    fn solve(self, transposed: bool, b: Var<'t, F>) -> Var<'t, F> {
        let solved = self.inner.solve_triangular(Triangle::Lower, transposed, b);
        solved.expect("the diagonal of a Cholesky factor is positive")
    }

    /// $d^\top \Sigma^{-1} d$ for every vector `d` along the last axis, in the shape of a batch of the distribution.
    pub(super) fn squared_distance(self, d: Var<'t, F>) -> Var<'t, F> {
        let (shape, scaled) = (d.shape(), d / self.diagonal);
        let lead = Shape::from(&shape[..shape.len() - 1]);
        let minimum = |b| self.solve(true, self.solve(false, b));
        let (fitted, size) = if self.inner.shape().len() == 2 && self.factor.shape().len() == 2 {
            // One column for each event, so that all are solved as one triangular system.
            let rows = scaled.reshape([lead.size(), width(self.loc)]);
            let z = minimum(self.factor.matmul_with(true, rows, true));
            (z.matmul_with(true, self.factor, true), z.sum_squares(-2))
        } else {
            let z = minimum(self.factor.matmul_with(true, unsqueeze(scaled), false));
            (self.factor.matmul(z), z.sum_squares(-2))
        };
        let rest = d - fitted.reshape(shape);
        (rest.square() / self.diagonal).sum_axis(-1) + size.reshape(lead)
    }

    /// The diagonal of $\Sigma^{-1}$, $(1 - h_i)/D_i$ with $h_i = \Vert L^{-1}w_i \Vert^2/D_i$ for the rows $w_i$ of $W$. Where the
    /// factor explains nearly all of the variance of a coordinate, $1 - h_i$ has no more digits than one has.
    pub(super) fn precision_diagonal(self) -> Var<'t, F> {
        let columns = self.factor.permute(&swapped(self.factor.shape().len()));
        let explained = self.solve(false, columns).sum_squares(-2);
        (-(explained / self.diagonal) + F::ONE) / self.diagonal
    }

    fn draw<R: RandomSource>(self, count: usize, rng: &mut R) -> Var<'t, F> {
        let shape = sample_shape(count, self.loc);
        let mut few = shape.clone();
        let last = few.len() - 1;
        few[last] = width(self.factor);
        let common = rng.normal_var(self.loc.tape(), few);
        let along = match self.factor.shape().len() {
            2 => common.matmul_with(false, self.factor, true),
            _ => self.factor.matmul(unsqueeze(common)).reshape(shape.clone()),
        };
        self.loc + along + self.diagonal.sqrt() * rng.normal_var(self.loc.tape(), shape)
    }
}

/// The order of axes with the last two exchanged.
fn swapped(axes: usize) -> Vec<usize> {
    (0..axes - 2).chain([axes - 1, axes - 2]).collect()
}

impl<'t, F: Scalar> Distribution<'t, F> for LowRankNormal<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.detach().draw(count, rng)
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        let constant = F::from_f64(0.5 * width(self.loc) as f64 * TAU.ln());
        let distance = self.squared_distance(x - self.loc);
        -(distance * F::from_f64(0.5) + self.half_log_det() + constant)
    }

    fn detach(&self) -> Self {
        let Self { loc, factor, diagonal, inner } = *self;
        let [loc, factor, diagonal, inner] =
            [loc, factor, diagonal, inner].map(|parameter| parameter.detach());
        Self { loc, factor, diagonal, inner }
    }

    fn support(&self) -> Support {
        Support::Vectors
    }

    fn shapes(&self) -> Shapes {
        Shapes::of(self.loc)
    }
}

impl<'t, F: Scalar> Reparam<'t, F> for LowRankNormal<'t, F> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.draw(count, rng)
    }
}

impl<'t, F: Scalar> Moments<'t, F> for LowRankNormal<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        self.loc
    }

    /// The diagonal of the covariance.
    fn variance(&self) -> Var<'t, F> {
        let variance = self.diagonal + self.factor.sum_squares(-1);
        variance.broadcast_to(self.loc.shape())
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for LowRankNormal<'t, F> {
    /// $\tfrac n2\ln 2\pi e + \tfrac12\ln\det\Sigma$, whose derivative with respect to $\Sigma$ is $\tfrac12\Sigma^{-1}$.
    fn entropy(&self) -> Var<'t, F> {
        let shape = self.loc.shape();
        let constant = 0.5 * width(self.loc) as f64 * (1.0 + TAU.ln());
        let entropy = self.half_log_det() + F::from_f64(constant);
        entropy.broadcast_to(&shape[..shape.len() - 1])
    }
}
