//! Fast gradients of $J = E_{q}[f(z)]$ for a function of many independent normals or bits.
//!
//! There is no model and, unless $f$ is recorded on one, no tape: $q$ is a [`Gaussian`] or [`Bernoulli`], $f$ is a
//! function of a block of draws, and the result is the mean and the variance of one draw's gradient for each
//! parameter of $q$. Along the path,
//!
//! $$z = \mu + \sigma\varepsilon, \qquad g^\mu = \nabla f(z), \qquad g^{\ln\sigma} = \nabla f(z) \sigma\varepsilon,$$
//!
//! and through the score, with the mean of the other draws for a baseline,
//!
//! $$g_n = \Big(f(z_n) - \frac1{N-1}\sum_{m \ne n} f(z_m)\Big) \nabla \ln q(z_n), \qquad
//!   \nabla_\mu \ln q = \frac{\varepsilon}{\sigma},\quad \nabla_{\ln\sigma} \ln q = \varepsilon^2 - 1,\quad
//!   \nabla_\eta \ln q = h - \sigma(\eta).$$
//!
//! Both are unbiased for the gradient of $J$. The variance is the sample variance of the $N$ gradients, with the
//! divisor $N - 1$. The baseline correlates the draws, so the variance of the mean is the variance of one draw over
//! $N$ only up to a factor $1 + O(1/N)$.
//!
//! ```
//! use pathscore_estimators::montecarlo::{Gaussian, MonteCarlo};
//! // J = E Σ z² = Σ μ² + σ², so ∂J/∂μ = 2μ and ∂J/∂ln σ = 2σ².
//! let q = Gaussian { mu: &[0.5, -1.0], log_sigma: &[0.0, -1.0] };
//! let square = |z: &[f64], f: &mut [f64], slope: &mut [f64]| {
//!     for ((z, f), slope) in z.chunks(2).zip(f).zip(slope.chunks_mut(2)) {
//!         *f = z[0] * z[0] + z[1] * z[1];
//!         (slope[0], slope[1]) = (2.0 * z[0], 2.0 * z[1]);
//!     }
//! };
//! let mut monte_carlo = MonteCarlo::new();
//! let path = monte_carlo.reparam(q, &square, 10_000, 0);
//! let exact = [1.0, -2.0, 2.0, 2.0 * (-2.0_f64).exp()];
//! for (i, exact) in exact.into_iter().enumerate() {
//!     let standard_error = (path.variance[i] / 10_000.0).sqrt();
//!     assert!((path.mean[i] - exact).abs() < 5.0 * standard_error);
//! }
//! ```
//!
//! The number of draws and the number of latents alone decide how the draws are divided into streams. A stream has
//! its own random numbers, is computed block by block in the first-level cache, and keeps sums only; the sums are
//! added in order. Therefore the bits do not depend on the number of threads. They depend on whether the processor can fuse a
//! product with a sum, which the normals, the draws and the sums do where it can. The threads are those of the rayon
//! pool of the caller. The memory is kept: after the first call with the same sizes nothing is allocated.

mod columns;
mod distribution;
mod estimate;
mod integrand;
mod partition;
pub(crate) mod pool;
mod sums;

pub use distribution::{Bernoulli, Gaussian, ScoreFunction};
pub use estimate::{Estimate, MonteCarlo};
pub use integrand::{GradientOnly, OnTape, Values, ValuesAndGradients, gradient_only, on_tape};

#[cfg(test)]
mod tests;
