//! The normal distribution whose covariance is a matrix of low rank plus a diagonal.

use super::parameters::check;
use super::{
    Constraint, Distribution, Entropy, Moments, ParameterError, Reparam, Support, sample_shape,
    unsqueeze, width,
};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Triangle, Var};
use std::f64::consts::TAU;

/// $\mathcal N(\mu, WW^\top + D)$ with `loc` $\mu$ of shape `[…, n]`, a `factor` $W$ of shape `[n, r]` and a diagonal $D$ of
/// shape `[n]`, both shared by the batch.
///
/// With $M = I + W^\top D^{-1} W$, of $r$ rows, Woodbury's formula gives the density without a matrix of $n$ rows: $\ln\det
/// \Sigma = \ln\det D + \ln\det M$ and $d^\top \Sigma^{-1} d = d^\top D^{-1} d - \Vert L^{-1} W^\top D^{-1} d \Vert^2$ with the
/// Cholesky factor $L$ of $M$. The derivatives are those of these formulas. A sample is $\mu + W\varepsilon_r +
/// \sqrt D\varepsilon_n$.
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
    loc: Var<'t, F>,
    factor: Var<'t, F>,
    diagonal: Var<'t, F>,
    /// The Cholesky factor of $M$.
    inner: Var<'t, F>,
}

impl<'t, F: Scalar> LowRankNormal<'t, F> {
    /// The distribution with this mean, this factor and this diagonal, which is that of a variance.
    ///
    /// # Errors
    /// If a number of the mean or of the factor is not finite, or one of the diagonal not positive. The factor is also
    /// refused if $M$ overflows.
    ///
    /// # Panics
    /// If the factor is no matrix, or if mean, factor and diagonal differ in the number of coordinates.
    #[track_caller]
    pub fn new(
        loc: Var<'t, F>,
        factor: Var<'t, F>,
        diagonal: Var<'t, F>,
    ) -> Result<Self, ParameterError> {
        let shapes = [loc, factor, diagonal].map(|parameter| parameter.shape());
        let n = shapes[2].last().copied().unwrap_or(0);
        let fit = shapes[0].last() == Some(&n) && shapes[1].len() == 2 && shapes[1][0] == n;
        let [of_loc, of_factor, of_diagonal] = &shapes;
        assert!(
            fit && of_diagonal.len() == 1,
            "LowRankNormal: a mean of shape {of_loc}, a factor of shape {of_factor} and a diagonal of shape \
             {of_diagonal} do not fit"
        );
        let parameters = [
            ("loc", loc, Constraint::Finite),
            ("factor", factor, Constraint::Finite),
            ("diagonal", diagonal, Constraint::Positive),
        ];
        check("LowRankNormal", &parameters)?;
        let rank = of_factor[1];
        let eye = loc.tape().constant_with([rank, rank], |out| {
            for (place, out) in out.iter_mut().enumerate() {
                *out = if place / rank == place % rank { F::ONE } else { F::ZERO };
            }
        });
        let scaled = factor / unsqueeze(diagonal);
        let inner = (eye + factor.matmul_with(true, scaled, false)).cholesky();
        let inner = inner.map_err(|_| ParameterError {
            distribution: "LowRankNormal",
            parameter: "factor",
            index: 0,
            value: factor.with(|factor| factor.first().map_or(f64::NAN, |number| number.to_f64())),
            constraint: Constraint::Finite,
        })?;
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

    /// $WW^\top + D$.
    pub fn covariance(self) -> Var<'t, F> {
        self.factor.matmul_with(false, self.factor, true) + self.diagonal.diag(0)
    }

    /// $\tfrac12\ln\det\Sigma + \tfrac n2 \ln 2\pi$.
    fn log_norm(self) -> Var<'t, F> {
        let half = F::from_f64(0.5);
        let constant = F::from_f64(0.5 * width(self.loc) as f64 * TAU.ln());
        let inner = self.inner.diagonal(0).ln().sum_axis(-1);
        self.diagonal.ln().sum_axis(-1) * half + inner + constant
    }

    fn draw<R: RandomSource>(self, count: usize, rng: &mut R) -> Var<'t, F> {
        let shape = sample_shape(count, self.loc);
        let mut few = shape.clone();
        let last = few.len() - 1;
        few[last] = width(self.factor);
        let along = rng.normal_var(self.loc.tape(), few).matmul_with(false, self.factor, true);
        let own = self.diagonal.sqrt() * rng.normal_var(self.loc.tape(), shape);
        self.loc + along + own
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for LowRankNormal<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.detach().draw(count, rng)
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        let d = x - self.loc;
        let shape = d.shape();
        let lead = Shape::from(&shape[..shape.len() - 1]);
        let scaled = d / self.diagonal;
        // One column for each event, so that all are solved as one triangular system.
        let rows = scaled.reshape([lead.size(), width(self.loc)]);
        let columns = self.factor.matmul_with(true, rows, true);
        let solved = self.inner.solve_triangular(Triangle::Lower, false, columns);
        let solved = solved.expect("the diagonal of a Cholesky factor is positive");
        let explained = solved.sum_squares(-2).reshape(lead);
        ((d * scaled).sum_axis(-1) - explained) * F::from_f64(-0.5) - self.log_norm()
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
    /// $\tfrac n2\ln 2\pi e + \tfrac12\ln\det\Sigma$.
    fn entropy(&self) -> Var<'t, F> {
        let shape = self.loc.shape();
        let half = F::from_f64(0.5 * width(self.loc) as f64);
        (self.log_norm() + half).broadcast_to(&shape[..shape.len() - 1])
    }
}
