//! The normal distribution with a full covariance matrix.

use super::near::ln_ratio;
use super::parameters::check;
use super::{
    Constraint, Coordinates, Distribution, Entropy, Kl, Moments, ParameterError, Reparam, Shapes,
    Support, sample_shape, unsqueeze, width,
};
use crate::RandomSource;
use pathscore_autodiff::{Error, Scalar, Shape, Triangle, Var};

/// $\mathcal N(\mu, LL^\top)$ with `loc` $\mu$ of shape `[…, n]` and the lower triangular `scale_tril` $L$, either of
/// shape `[n, n]`, one for all members of the batch, or `[…, n, n]`, one for each; batches of the two broadcast against each
/// other.
///
/// With $y = L^{-1}(x - \mu)$ the log-density is $-\tfrac12 \Vert y \Vert^2 - \sum_i \ln L_{ii} - \tfrac n2 \ln
/// 2\pi$; its derivative is $L^{-\top} y$ for $\mu$, and the lower triangle of $L^{-\top}(y y^\top - I)$ for $L$
/// (whose diagonal part holds because $L^{-1}$ is lower triangular). A sample is $z = \mu + L\varepsilon$.
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
    ///
    /// # Errors
    /// If a number of the mean or of the lower triangle is not finite, or one of the diagonal not positive. The index of
    /// the error counts the numbers of the diagonal alone if the parameter is `diagonal of scale_tril`.
    ///
    /// # Panics
    /// If the factor is no square matrix with a row for each coordinate, or the batches do not broadcast.
    #[track_caller]
    pub fn from_scale_tril(
        loc: Var<'t, F>,
        scale_tril: Var<'t, F>,
    ) -> Result<Self, ParameterError> {
        let made = Self::from_scale_tril_unchecked(loc, scale_tril);
        let parameters = [
            ("loc", loc, Constraint::Finite),
            ("scale_tril", made.scale_tril, Constraint::Finite),
            ("diagonal of scale_tril", made.scale_tril.diagonal(0), Constraint::Positive),
        ];
        check("MultivariateNormal", &parameters)?;
        Ok(made)
    }

    /// [`MultivariateNormal::from_scale_tril`] without a look at the numbers.
    ///
    /// # Panics
    /// If the factor is no square matrix with a row for each coordinate, or the batches do not broadcast.
    #[track_caller]
    pub fn from_scale_tril_unchecked(loc: Var<'t, F>, scale_tril: Var<'t, F>) -> Self {
        Self::new(loc, scale_tril.tril(0))
    }

    #[track_caller]
    fn new(loc: Var<'t, F>, scale_tril: Var<'t, F>) -> Self {
        let (mean, factor) = (loc.shape(), scale_tril.shape());
        let n = mean.last().copied().unwrap_or(0);
        let square = factor.len() >= 2 && factor[factor.len() - 2..] == [n, n];
        // A factor without its columns has the shape of a mean.
        let rows = square.then(|| &factor[..factor.len() - 1]);
        let Some(whole) = rows.and_then(|rows| Shape::broadcast(&mean, rows)) else {
            panic!(
                "multivariate normal: a mean of shape {mean} needs a factor of shape [{n}, {n}] or one for each mean, \
                 not {factor}"
            );
        };
        let columns: Shape = whole.iter().copied().chain([n]).collect();
        let own = factor.len() == 2 || *factor == *columns;
        Self {
            loc: if *mean == *whole { loc } else { loc.broadcast_to(whole) },
            scale_tril: if own { scale_tril } else { scale_tril.broadcast_to(columns) },
        }
    }

    /// The distribution with this mean and this covariance matrix.
    ///
    /// # Errors
    /// If a covariance matrix is not positive definite.
    ///
    /// # Panics
    /// If the covariance is not a square matrix in the last two axes.
    #[track_caller]
    pub fn from_covariance(loc: Var<'t, F>, covariance: Var<'t, F>) -> Result<Self, Error> {
        Ok(Self::new(loc, covariance.cholesky()?))
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
    pub(super) fn log_det_scale(self) -> Var<'t, F> {
        self.scale_tril.diagonal(0).ln().sum_axis(-1)
    }

    /// $L^{-1} d$ for every vector `d` along the last axis: as columns of one matrix for a common factor, and otherwise of a matrix
    /// for each.
    fn solved(self, d: Var<'t, F>) -> Var<'t, F> {
        let (shape, n) = (d.shape(), width(d));
        let rows = shape[..shape.len() - 1].iter().product();
        // One triangular system with a column for each row of `d` is much faster than a system for each.
        let columns =
            if self.is_shared() { d.reshape([rows, n]).transpose() } else { unsqueeze(d) };
        let solved = self.scale_tril.solve_triangular(Triangle::Lower, false, columns);
        solved.expect("the diagonal of scale_tril is positive")
    }

    /// $\Vert L^{-1} d \Vert^2$ for every vector `d` along the last axis.
    pub(super) fn squared_distance(self, d: Var<'t, F>) -> Var<'t, F> {
        let shape = d.shape();
        self.solved(d).sum_squares(-2).reshape(Shape::from(&shape[..shape.len() - 1]))
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

    fn support(&self) -> Support {
        Support::Vectors
    }

    fn shapes(&self) -> Shapes {
        Shapes::of(self.loc)
    }
}

impl<'t, F: Scalar> Coordinates<'t, F> for MultivariateNormal<'t, F> {
    /// The density of a coordinate given those before it is normal: with $y = L^{-1}(x - \mu)$ its logarithm is $-\tfrac12 y_i^2 - \ln
    /// L_{ii} - \tfrac12\ln 2\pi$.
    fn log_prob_each(&self, x: Var<'t, F>) -> Var<'t, F> {
        let d = x - self.loc;
        let solved = self.solved(d);
        let y = if self.is_shared() { solved.transpose() } else { solved };
        let half = F::from_f64(0.5);
        let constant = F::from_f64(0.5 * std::f64::consts::TAU.ln());
        -(y.reshape(d.shape()).square() * half + self.scale_tril.diagonal(0).ln() + constant)
    }
}

impl<'t, F: Scalar> Moments<'t, F> for MultivariateNormal<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        self.loc
    }

    /// The diagonal of the covariance, the squared lengths of the rows of $L$.
    fn variance(&self) -> Var<'t, F> {
        self.scale_tril.sum_squares(-1).broadcast_to(self.loc.shape())
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
    /// $\ln\det L_p - \ln\det L_q + \tfrac12 (\Vert L_p^{-1} L_q \Vert_F^2 + \Vert L_p^{-1} (\mu_q - \mu_p) \Vert^2 -
    /// n)$.
    ///
    /// $L_p^{-1} L_q$ is triangular. With the logarithms $d_i$ of its diagonal the divergence is $\tfrac12\sum_i (e^{2d_i} - 1 -
    /// 2d_i)$ and half the squares below the diagonal, which are those of $L_p^{-1}(L_q - L_p)$: nothing cancels.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let apart = self.scale_tril - p.scale_tril;
        let solved = p.scale_tril.solve_triangular(Triangle::Lower, false, apart);
        let solved = solved.expect("the diagonal of scale_tril is positive");
        let [scale, other] = [self, p].map(|normal| normal.scale_tril.diagonal(0));
        let diagonal = (ln_ratio(scale, other) * F::from_f64(2.0)).exp_m1_less_x().sum_axis(-1);
        let quadratic = solved.tril(-1).sum_squares([-2, -1]) + diagonal;
        (quadratic + p.squared_distance(self.loc - p.loc)) * F::from_f64(0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::Normal;
    use crate::seed::{Stream, rng};
    use pathscore_autodiff::{Tape, Tensor, check};

    const LOC: [f64; 6] = [0.3, -1.0, 2.0, 0.0, 0.5, -0.7];
    const OTHER_LOC: [f64; 3] = [0.1, 0.4, -0.6];
    const SCALE: [f64; 9] = [1.2, 9.0, 9.0, -0.4, 0.7, 9.0, 0.3, 0.8, 1.5];
    const OTHER_SCALE: [f64; 9] = [0.9, 0.0, 0.0, 0.2, 1.1, 0.0, -0.5, 0.1, 0.8];

    fn close(found: Var<f64>, expected: Var<f64>) {
        assert_eq!(found.shape(), expected.shape());
        let (found, expected) = (found.value(), expected.value());
        for (a, b) in found.values().iter().zip(expected.values()) {
            // A few sums of numbers below a hundred.
            assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
    }

    #[test]
    fn with_a_diagonal_factor_it_is_the_normal_with_independent_coordinates() {
        let tape = Tape::new();
        let (loc, log_scale) = (tape.leaf(&LOC, [2, 3]), tape.leaf(&[-0.5, 0.2, 0.1], [3]));
        let other = (tape.leaf(&OTHER_LOC, [3]), tape.leaf(&[0.3, -0.1, 0.6], [3]));
        let spread = log_scale.broadcast_to([2, 3]);
        let (q, p) = (
            Normal::from_log_scale_unchecked(loc, spread),
            Normal::from_log_scale_unchecked(other.0, other.1),
        );
        fn full<'t>(loc: Var<'t, f64>, log_scale: Var<'t, f64>) -> MultivariateNormal<'t, f64> {
            MultivariateNormal::from_scale_tril_unchecked(loc, log_scale.exp().diag(0))
        }
        let (full_q, full_p) = (full(loc, log_scale), full(other.0, other.1));
        let x = q.sample(4, &mut rng(0, Stream::Sample, 0));
        close(full_q.log_prob(x), q.log_prob(x));
        close(full_q.entropy(), q.entropy());
        close(full_q.kl(&full_p), q.kl(&p));
        // The same noise gives the same samples.
        close(full_q.rsample(4, &mut rng(0, Stream::Sample, 0)), x);
    }

    #[test]
    fn one_factor_for_all_members_is_the_same_factor_for_each() {
        let tape = Tape::new();
        let (loc, scale) = (tape.leaf(&LOC, [2, 3]), tape.leaf(&SCALE, [3, 3]));
        let shared = MultivariateNormal::from_scale_tril_unchecked(loc, scale);
        let each =
            MultivariateNormal::from_scale_tril_unchecked(loc, scale.broadcast_to([2, 3, 3]));
        let x = shared.rsample(5, &mut rng(0, Stream::Sample, 0));
        close(each.rsample(5, &mut rng(0, Stream::Sample, 0)), x);
        close(each.log_prob(x), shared.log_prob(x));
        close(each.log_prob_each(x), shared.log_prob_each(x));
        close(shared.log_prob_each(x).sum_axis(-1), shared.log_prob(x));
        // A coordinate given those before it does not depend on those behind it, and the first has its marginal density.
        let first = Normal::from_scale_unchecked(loc.slice(-1, 0..1), tape.number(SCALE[0]));
        close(
            first.log_prob(x.slice(-1, 0..1)),
            shared.log_prob_each(x).slice(-1, 0..1).sum_axis(-1),
        );
        close(each.entropy(), shared.entropy());
        let other = tape.leaf(&OTHER_SCALE, [3, 3]);
        let p = MultivariateNormal::from_scale_tril_unchecked(tape.leaf(&OTHER_LOC, [3]), other);
        close(each.kl(&p), shared.kl(&p));
        close(each.kl(&each), tape.constant(&[0.0; 2], [2]));
    }

    #[test]
    fn derivatives_agree_with_finite_differences() {
        let at: Vec<Tensor<f64>> = [(&LOC[..], 2), (&SCALE, 3), (&OTHER_LOC, 1), (&OTHER_SCALE, 3)]
            .map(|(values, rows)| Tensor::new(values.to_vec(), [rows, 3]))
            .to_vec();
        type Q<'t> = MultivariateNormal<'t, f64>;
        let options = || check::Options::of::<f64>();
        check::gradient(
            |v| Q::from_scale_tril_unchecked(v[0], v[1]).log_prob(v[2]).square(),
            &at,
            options(),
        )
        .expect("the log-density");
        check::gradient(
            |v| Q::from_scale_tril_unchecked(v[0], v[1]).entropy().square(),
            &at,
            options(),
        )
        .expect("the entropy");
        check::gradient(
            |v| {
                let p = Q::from_scale_tril_unchecked(v[2].reshape([3]), v[3]);
                Q::from_scale_tril_unchecked(v[0], v[1]).kl(&p).square()
            },
            &at,
            options(),
        )
        .expect("the divergence");
    }

    #[test]
    fn samples_have_the_mean_and_the_covariance() {
        let tape = Tape::new();
        let (loc, scale) = (tape.leaf(&OTHER_LOC, [3]), tape.leaf(&SCALE, [3, 3]));
        let q = MultivariateNormal::from_scale_tril_unchecked(loc, scale);
        let n = 40_000;
        let x = q.sample(n, &mut rng(1, Stream::Sample, 0));
        assert!(!x.is_tracked());
        let centred = x - loc;
        let found = centred.matmul_with(true, centred, false) * (1.0 / n as f64);
        let (found, expected) = (found.value(), q.covariance().value());
        for i in 0..3 {
            let variance = expected.values()[4 * i];
            let mean = centred.mean_axis(0).value().values()[i];
            // Five standard errors of a mean.
            assert!(mean.abs() < 5.0 * (variance / n as f64).sqrt());
            for j in 0..3 {
                let (a, b) = (found.values()[3 * i + j], expected.values()[3 * i + j]);
                let error = (variance * expected.values()[4 * j] + b * b) / n as f64;
                // Five standard errors of a product of two normal numbers.
                assert!((a - b).abs() < 5.0 * error.sqrt());
            }
        }
    }
}
