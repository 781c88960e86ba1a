//! The normal distribution with a full covariance matrix.

use super::{Distribution, Entropy, Kl, Reparam, sample_shape, unsqueeze, width};
use crate::RandomSource;
use pathscore_autodiff::{Error, Scalar, Shape, Triangle, Var};

/// $\mathcal N(\mu, LL^\top)$ with `loc` $\mu$ of shape `[…, n]` and the lower triangular `scale_tril` $L$, either of shape
/// `[n, n]`, one for all members of the batch, or `[…, n, n]`, one for each.
///
/// With $y = L^{-1}(x - \mu)$ the log-density is
/// $-\tfrac12 \Vert y \Vert^2 - \sum_i \ln L_{ii} - \tfrac n2 \ln 2\pi$; its derivative is $L^{-\top} y$ for $\mu$, and the lower
/// triangle of $L^{-\top}(y y^\top - I)$ for $L$ (whose diagonal part holds because $L^{-1}$ is lower triangular). A sample is
/// $z = \mu + L\varepsilon$.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Distribution, MultivariateNormal};
/// let tape = Tape::new();
/// let loc = tape.leaf(&[0.0_f64, 0.0], [2]);
/// let covariance = tape.leaf(&[4.0, 2.0, 2.0, 2.0], [2, 2]);
/// let q = MultivariateNormal::from_covariance(loc, covariance)?;
/// assert_eq!(q.scale_tril().value().values(), [2.0, 0.0, 1.0, 1.0]);
/// // The determinant is 4, and xᵀ Σ⁻¹ x = 1 at x = (2, 1).
/// let log_prob = q.log_prob(tape.constant(&[2.0, 1.0], [2])).item();
/// assert!((log_prob + 0.5 + 2_f64.ln() + std::f64::consts::TAU.ln()).abs() < 1e-15);
/// # Ok::<(), pathscore_autodiff::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "full covariance")]
pub struct MultivariateNormal<'t, F> {
    loc: Var<'t, F>,
    scale_tril: Var<'t, F>,
}

impl<'t, F: Scalar> MultivariateNormal<'t, F> {
    /// The distribution with this mean and this Cholesky factor of its covariance. The diagonal of the factor must be
    /// positive; numbers above the diagonal are ignored.
    #[track_caller]
    pub fn from_scale_tril(loc: Var<'t, F>, scale_tril: Var<'t, F>) -> Self {
        Self { loc, scale_tril: scale_tril.tril(0) }
    }

    /// The distribution with this mean and this covariance matrix.
    ///
    /// # Errors
    /// If a covariance matrix is not positive definite.
    #[track_caller]
    pub fn from_covariance(loc: Var<'t, F>, covariance: Var<'t, F>) -> Result<Self, Error> {
        Ok(Self { loc, scale_tril: covariance.cholesky()? })
    }

    /// $\mu$, the mean.
    pub fn loc(self) -> Var<'t, F> {
        self.loc
    }

    /// $L$, the Cholesky factor of the covariance.
    pub fn scale_tril(self) -> Var<'t, F> {
        self.scale_tril
    }

    /// $LL^\top$.
    pub fn covariance(self) -> Var<'t, F> {
        self.scale_tril.matmul_with(false, self.scale_tril, true)
    }

    /// True if all members of the batch have the same factor.
    fn is_shared(self) -> bool {
        self.scale_tril.shape().len() == 2
    }

    /// $\ln\det L = \sum_i \ln L_{ii}$, one number for each factor.
    fn log_det_scale(self) -> Var<'t, F> {
        self.scale_tril.diagonal(0).ln().sum_axis(-1)
    }

    /// $\Vert L^{-1} d \Vert^2$ for every vector `d` along the last axis.
    fn squared_distance(self, d: Var<'t, F>) -> Var<'t, F> {
        let shape = d.shape();
        let (n, lead) = (width(d), Shape::from(&shape[..shape.len() - 1]));
        // One triangular system with a column for each row of `d` is much faster than a system for each.
        let columns =
            if self.is_shared() { d.reshape([lead.size(), n]).transpose() } else { unsqueeze(d) };
        let solved = self.scale_tril.solve_triangular(Triangle::Lower, false, columns);
        let y = solved.expect("the diagonal of scale_tril is positive");
        y.sum_squares(-2).reshape(lead)
    }

    /// $\mu + L\varepsilon$.
    fn draw<R: RandomSource>(self, count: usize, rng: &mut R) -> Var<'t, F> {
        let shape = sample_shape(count, self.loc);
        let eps = rng.normal_var(self.loc.tape(), shape.clone());
        let scaled = if self.is_shared() {
            eps.matmul_with(false, self.scale_tril, true)
        } else {
            self.scale_tril.matmul(unsqueeze(eps)).reshape(shape)
        };
        self.loc + scaled
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for MultivariateNormal<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.detach().draw(count, rng)
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        let constant = 0.5 * width(self.loc) as f64 * std::f64::consts::TAU.ln();
        let distance = self.squared_distance(x - self.loc);
        -(distance * F::from_f64(0.5) + self.log_det_scale() + F::from_f64(constant))
    }

    fn detach(&self) -> Self {
        Self { loc: self.loc.detach(), scale_tril: self.scale_tril.detach() }
    }
}

impl<'t, F: Scalar> Reparam<'t, F> for MultivariateNormal<'t, F> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.draw(count, rng)
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for MultivariateNormal<'t, F> {
    /// $\tfrac n2 \ln 2\pi e + \sum_i \ln L_{ii}$, of shape `[…]`; the derivative with respect to $\ln L_{ii}$ is one.
    fn entropy(&self) -> Var<'t, F> {
        let (shape, n) = (self.loc.shape(), width(self.loc));
        let constant = n as f64 * (0.5 + 0.5 * std::f64::consts::TAU.ln());
        let entropy = self.log_det_scale() + F::from_f64(constant);
        entropy.broadcast_to(&shape[..shape.len() - 1])
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for MultivariateNormal<'t, F> {
    /// $\ln\det L_p - \ln\det L_q + \tfrac12 (\Vert L_p^{-1} L_q \Vert_F^2 + \Vert L_p^{-1} (\mu_q - \mu_p) \Vert^2 - n)$.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let solved = p.scale_tril.solve_triangular(Triangle::Lower, false, self.scale_tril);
        let ratio = solved.expect("the diagonal of scale_tril is positive").sum_squares([-2, -1]);
        let distance = p.squared_distance(self.loc - p.loc);
        let n = F::from_f64(width(self.loc) as f64);
        let quadratic = distance + ratio - n;
        quadratic * F::from_f64(0.5) + p.log_det_scale() - self.log_det_scale()
    }
}
