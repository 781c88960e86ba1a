//! Divergences between normal distributions of three forms of covariance: a diagonal, a full matrix, and a matrix of low
//! rank plus a diagonal.

use super::{Distribution, Kl, LowRankNormal, MultivariateNormal, Normal, width};
use pathscore_autodiff::{Scalar, Shape, Triangle, Var};

/// A normal distribution of vectors.
trait Gaussian<'t, F: Scalar>: Distribution<'t, F> {
    /// $\mu$.
    fn mu(self) -> Var<'t, F>;
    /// $\tfrac12\ln\det\Sigma$.
    fn half_ln_det(self) -> Var<'t, F>;
    /// $d^\top\Sigma^{-1}d$ for vectors of shape `[m, …batch, n]`.
    fn distance(self, d: Var<'t, F>) -> Var<'t, F>;
    /// The diagonal of $\Sigma^{-1}$.
    fn precisions(self) -> Var<'t, F>;
    /// $A$ and $v$ with $\Sigma = AA^\top + \mathrm{diag}(v)$, as far as they are not zero.
    fn parts(self) -> [Option<Var<'t, F>>; 2];
}

impl<'t, F: Scalar> Gaussian<'t, F> for Normal<'t, F> {
    fn mu(self) -> Var<'t, F> {
        self.loc()
    }
    fn half_ln_det(self) -> Var<'t, F> {
        self.log_scale().sum_axis(-1)
    }
    fn distance(self, d: Var<'t, F>) -> Var<'t, F> {
        (d / self.scale()).sum_squares(-1)
    }
    fn precisions(self) -> Var<'t, F> {
        (self.log_scale() * F::from_f64(-2.0)).exp()
    }
    fn parts(self) -> [Option<Var<'t, F>>; 2] {
        [None, Some(self.scale().square())]
    }
}

impl<'t, F: Scalar> Gaussian<'t, F> for MultivariateNormal<'t, F> {
    fn mu(self) -> Var<'t, F> {
        self.loc()
    }
    fn half_ln_det(self) -> Var<'t, F> {
        self.log_det_scale()
    }
    fn distance(self, d: Var<'t, F>) -> Var<'t, F> {
        self.squared_distance(d)
    }
    fn precisions(self) -> Var<'t, F> {
        let n = width(self.loc());
        let eye = self.loc().tape().constant_with([n], |ones| ones.fill(F::ONE)).diag(0);
        let inverse = self.scale_tril().solve_triangular(Triangle::Lower, false, eye);
        inverse.expect("the diagonal of scale_tril is positive").sum_squares(-2)
    }
    fn parts(self) -> [Option<Var<'t, F>>; 2] {
        [Some(self.scale_tril()), None]
    }
}

impl<'t, F: Scalar> Gaussian<'t, F> for LowRankNormal<'t, F> {
    fn mu(self) -> Var<'t, F> {
        self.loc()
    }
    fn half_ln_det(self) -> Var<'t, F> {
        self.half_log_det()
    }
    fn distance(self, d: Var<'t, F>) -> Var<'t, F> {
        self.squared_distance(d)
    }
    fn precisions(self) -> Var<'t, F> {
        self.precision_diagonal()
    }
    fn parts(self) -> [Option<Var<'t, F>>; 2] {
        [Some(self.factor()), Some(self.diagonal())]
    }
}

/// $\tfrac12 (\mathrm{tr} \Sigma_p^{-1}\Sigma_q + d^\top\Sigma_p^{-1} d - n) + \tfrac12\ln\det\Sigma_p - \tfrac12\ln\det\Sigma_q$ with $d =
/// \mu_q - \mu_p$. The trace of $\Sigma_p^{-1} AA^\top$ is the sum of the squared distances of the columns of $A$, and that of
/// $\Sigma_p^{-1} \mathrm{diag}(v)$ the product of $v$ with the diagonal of $\Sigma_p^{-1}$.
#[track_caller]
fn divergence<'t, F: Scalar>(q: impl Gaussian<'t, F>, p: impl Gaussian<'t, F>) -> Var<'t, F> {
    let d = q.mu() - p.mu();
    let shape = d.shape();
    let (n, batch) = (width(d), &shape[..shape.len() - 1]);
    let [columns, variances] = q.parts();
    let of_columns = columns.map(|columns| {
        // The columns take the place of samples: axes `[m, …batch, n]`.
        let axes = columns.shape().len();
        let order: Vec<usize> = [axes - 1].into_iter().chain(0..axes - 1).collect();
        let rows = columns.permute(&order);
        let of_rows = rows.shape();
        let missing = batch.len() + 2 - axes;
        let (count, rest) = of_rows.split_at(1);
        let rows = rows
            .reshape(count.iter().chain(&vec![1; missing]).chain(rest).copied().collect::<Shape>());
        let whole: Shape = count.iter().chain(&shape[..]).copied().collect();
        p.distance(rows.broadcast_to(whole)).sum_axis(0)
    });
    let of_variances = variances.map(|variances| (p.precisions() * variances).sum_axis(-1));
    let one: Shape = [1].iter().chain(&shape[..]).copied().collect();
    let distance = p.distance(d.reshape(one)).reshape(batch);
    let terms = [of_columns, of_variances, Some(distance)].into_iter().flatten();
    let quadratic = terms.reduce(|sum, term| sum + term).expect("the distance is one of them");
    (quadratic - F::from_f64(n as f64)) * F::from_f64(0.5) + p.half_ln_det() - q.half_ln_det()
}

impl<'t, F: Scalar> Kl<'t, F, Self> for LowRankNormal<'t, F> {
    /// The divergence of two distributions of low rank, without a matrix of $n$ columns. It is a difference of the trace, $n$
    /// and the determinants, exact to rounding of these: where the two nearly coincide, no digit may be left. Where the
    /// factor of $p$ explains nearly all of a variance, the trace has no more digits than the difference of one and the share
    /// that it explains.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        divergence(*self, *p)
    }
}

impl<'t, F: Scalar> Kl<'t, F, MultivariateNormal<'t, F>> for LowRankNormal<'t, F> {
    fn kl(&self, p: &MultivariateNormal<'t, F>) -> Var<'t, F> {
        divergence(*self, *p)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Normal<'t, F>> for LowRankNormal<'t, F> {
    fn kl(&self, p: &Normal<'t, F>) -> Var<'t, F> {
        divergence(*self, *p)
    }
}

impl<'t, F: Scalar> Kl<'t, F, LowRankNormal<'t, F>> for MultivariateNormal<'t, F> {
    fn kl(&self, p: &LowRankNormal<'t, F>) -> Var<'t, F> {
        divergence(*self, *p)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Normal<'t, F>> for MultivariateNormal<'t, F> {
    fn kl(&self, p: &Normal<'t, F>) -> Var<'t, F> {
        divergence(*self, *p)
    }
}

impl<'t, F: Scalar> Kl<'t, F, LowRankNormal<'t, F>> for Normal<'t, F> {
    fn kl(&self, p: &LowRankNormal<'t, F>) -> Var<'t, F> {
        divergence(*self, *p)
    }
}

impl<'t, F: Scalar> Kl<'t, F, MultivariateNormal<'t, F>> for Normal<'t, F> {
    fn kl(&self, p: &MultivariateNormal<'t, F>) -> Var<'t, F> {
        divergence(*self, *p)
    }
}
