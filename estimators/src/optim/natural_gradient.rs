//! Natural gradients of normal distributions (Amari 1998), as steps in their natural parameters (Khan and Lin 2017).

use nalgebra::{Cholesky, DMatrix, DVector};

/// A step along the natural gradient of the parameters of a normal distribution $q$.
///
/// The gradient of an objective $L$ with respect to the *expectation* parameters $E z$ and $E z z^\top$ is the natural
/// gradient with respect to the natural parameters $\Sigma^{-1} \mu$ and $-\tfrac12 \Sigma^{-1}$ (Khan and Lin 2017), so
/// that no Fisher information need be inverted. With the step size $\rho$ the step is
///
/// $$\Sigma^{-1} \leftarrow \Sigma^{-1} - 2 \rho \nabla_\Sigma L, \qquad \mu \leftarrow \mu + \rho \Sigma \nabla_\mu L,$$
///
/// where the second formula has the new $\Sigma$. The methods take the gradients with respect to the location and the
/// scale, which a tape yields. It ascends. If $L$ is the ELBO of a conjugate model, a single step with $\rho = 1$ leads
/// from anywhere to the exact posterior.
///
/// ```
/// use pathscore_estimators::optim::NaturalGradient;
/// // p(z) = N(3, 0.5²): the ELBO is ln σ - ((μ - 3)² + σ²) / (2 · 0.25) up to a constant.
/// let (mut loc, mut scale) = ([-1.0], [2.0]);
/// let grads = [[(3.0 - loc[0]) / 0.25], [1.0 / scale[0] - scale[0] / 0.25]];
/// NaturalGradient { rate: 1.0 }.normal(&mut loc, &mut scale, &grads[0], &grads[1])?;
/// assert!((loc[0] - 3.0).abs() < 1e-14 && (scale[0] - 0.5).abs() < 1e-14);
/// # Ok::<(), pathscore_estimators::optim::NotPositiveDefinite>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NaturalGradient {
    /// $\rho$, between zero and one for an ELBO.
    pub rate: f64,
}

/// A step of [`NaturalGradient`] that would lead to a precision that is not positive definite; location and scale are
/// as they were, and a shorter step may succeed.
///
/// ```
/// use pathscore_estimators::optim::NaturalGradient;
/// let (mut loc, mut scale) = ([0.0], [1.0]);
/// let error = NaturalGradient { rate: 1.0 }.normal(&mut loc, &mut scale, &[1.0], &[2.0]);
/// assert!(error.unwrap_err().to_string().contains("shorter"));
/// assert_eq!((loc, scale), ([0.0], [1.0]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "after a step of {rate} along the natural gradient the precision is not positive definite; take a shorter one"
)]
pub struct NotPositiveDefinite {
    /// $\rho$.
    pub rate: f64,
}

impl NaturalGradient {
    /// A step of independent normals with the locations `loc` and the standard deviations `scale`:
    /// $\sigma^{-2} \leftarrow \sigma^{-2} - \rho \sigma^{-1} \partial L / \partial \sigma$, and the location as above.
    ///
    /// # Errors
    /// If a precision would not be positive; nothing has changed then.
    ///
    /// # Panics
    /// If the lengths differ.
    #[track_caller]
    pub fn normal(
        &self,
        loc: &mut [f64],
        scale: &mut [f64],
        grad_loc: &[f64],
        grad_scale: &[f64],
    ) -> Result<(), NotPositiveDefinite> {
        let lengths = [loc.len(), scale.len(), grad_loc.len(), grad_scale.len()];
        assert!(
            lengths.iter().all(|&len| len == lengths[0]),
            "natural gradient: {} locations, {} scales and gradients of {} and {} numbers do not fit",
            lengths[0],
            lengths[1],
            lengths[2],
            lengths[3]
        );
        let factors =
            scale.iter().zip(grad_scale).map(|(scale, grad)| 1.0 - self.rate * scale * grad);
        let factors: Vec<f64> = factors.collect();
        if !factors.iter().all(|&factor| factor > 0.0 && factor.is_finite()) {
            return Err(NotPositiveDefinite { rate: self.rate });
        }
        for i in 0..loc.len() {
            scale[i] /= factors[i].sqrt();
            loc[i] += self.rate * scale[i] * scale[i] * grad_loc[i];
        }
        Ok(())
    }

    /// A step of a normal vector with the location `loc` and the Cholesky factor `scale_tril` $= C$ of its covariance,
    /// row by row.
    ///
    /// With the gradient $\bar C$ and the lower triangle $\Phi$ of $C^\top \bar C$ with half its diagonal, the gradient of
    /// the covariance is $\tfrac12 C^{-\top} (\Phi + \Phi^\top) C^{-1}$ (Murray 2016), so that
    /// $\Sigma \leftarrow C (I - \rho (\Phi + \Phi^\top))^{-1} C^\top$. Numbers above the diagonals are not read.
    ///
    /// ```
    /// use pathscore_estimators::optim::NaturalGradient;
    /// // The precision [[2, 1], [1, 2]] around (1, 1), from the standard normal distribution: the gradients of the ELBO
    /// // are P (1 - μ) and diag(1/C) - P C.
    /// let (mut loc, mut scale) = ([0.0, 0.0], [1.0, 0.0, 0.0, 1.0]);
    /// let step = NaturalGradient { rate: 1.0 };
    /// step.multivariate_normal(&mut loc, &mut scale, &[3.0, 3.0], &[-1.0, 0.0, -1.0, -1.0])?;
    /// assert!(loc.iter().all(|x| (x - 1.0).abs() < 1e-14));
    /// let variance = scale[2].powi(2) + scale[3].powi(2);
    /// assert!((scale[0].powi(2) - 2.0 / 3.0).abs() < 1e-14 && (variance - 2.0 / 3.0).abs() < 1e-14);
    /// # Ok::<(), pathscore_estimators::optim::NotPositiveDefinite>(())
    /// ```
    ///
    /// # Errors
    /// If the precision would not be positive definite; nothing has changed then.
    ///
    /// # Panics
    /// If the lengths do not fit.
    #[track_caller]
    pub fn multivariate_normal(
        &self,
        loc: &mut [f64],
        scale_tril: &mut [f64],
        grad_loc: &[f64],
        grad_scale_tril: &[f64],
    ) -> Result<(), NotPositiveDefinite> {
        let d = loc.len();
        let lengths = [scale_tril.len(), grad_loc.len(), grad_scale_tril.len()];
        assert!(
            lengths == [d * d, d, d * d],
            "natural gradient: {d} locations, a scale of {} numbers and gradients of {} and {} numbers do not fit",
            lengths[0],
            lengths[1],
            lengths[2]
        );
        let lower = |numbers: &[f64]| DMatrix::from_row_slice(d, d, numbers).lower_triangle();
        let c = lower(scale_tril);
        let mut phi = (c.transpose() * lower(grad_scale_tril)).lower_triangle();
        phi.set_diagonal(&(0.5 * phi.diagonal()));
        let inner = DMatrix::identity(d, d) - self.rate * (&phi + phi.transpose());
        let refused = NotPositiveDefinite { rate: self.rate };
        let inner = Cholesky::new(inner).ok_or(refused)?;
        let covariance = &c * inner.solve(&c.transpose());
        let symmetric = 0.5 * (&covariance + covariance.transpose());
        let new = Cholesky::new(symmetric).ok_or(refused)?.l();
        if !new.iter().all(|x| x.is_finite()) {
            return Err(refused);
        }
        let step = self.rate * (&new * (new.transpose() * DVector::from_row_slice(grad_loc)));
        loc.iter_mut().zip(&step).for_each(|(x, step)| *x += step);
        for (i, x) in scale_tril.iter_mut().enumerate() {
            *x = new[(i / d, i % d)];
        }
        Ok(())
    }
}
