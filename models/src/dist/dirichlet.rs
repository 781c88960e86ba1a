//! The Dirichlet distribution.

use super::edges::{impossible, ln_quotient, off_simplex, smallest};
use super::gamma::ln_standard;
use super::near::concentrations;
use super::parameters::distribution;
use super::stirling::{any_large, divergence_or, entropy_parts, ln_gamma_rest};
use super::{
    Distribution, Entropy, Kl, Moments, Reparam, Shapes, Support, sample_shape, unsqueeze,
};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Var};

distribution! { joint
    /// $\mathrm{Dirichlet}(\alpha_1, \dots, \alpha_C)$ over probability vectors, of density
    /// $\frac{\Gamma(\alpha_0)}{\prod_c \Gamma(\alpha_c)} \prod_c x_c^{\alpha_c - 1}$ with $\alpha_0 = \sum_c \alpha_c$; an
    /// event is a row of numbers that sum to one.
    ///
    /// The means are $\alpha_c/\alpha_0$, the variances $m_c(1 - m_c)/(\alpha_0 + 1)$. The derivative of $\ln p$ with
    /// respect to $\alpha_c$ is $\ln x_c - \psi(\alpha_c) + \psi(\alpha_0)$. A sample is $\mathrm{softmax}(\ln g)$ of
    /// independent gamma variables $g_c$, each reparameterised implicitly (Figurnov, Mohamed and Mnih 2018). It is
    /// computed from logarithms up to the softmax, so no concentration is too small. Entries of a sample that underflow
    /// are replaced by the smallest normal number. A row is off the simplex, and its log-density $-\infty$, if a number is negative or the sum differs from one
    /// by more than the rounding of single precision, $10^{-6}$.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{Dirichlet, Distribution, Reparam};
    /// use pathscore_models::seed;
    /// let tape = Tape::new();
    /// let even = Dirichlet::new(tape.leaf(&[1.0_f64; 3], [3]))?;
    /// // With equal concentrations of one the density is uniform, 2!.
    /// let x = tape.constant(&[0.2, 0.5, 0.3], [3]);
    /// assert!((even.log_prob(x).item() - 2_f64.ln()).abs() < 1e-15);
    /// let rng = &mut seed::rng(0, seed::Stream::Sample, 0);
    /// let sum = even.rsample(1, rng).sum();
    /// // A sample sums to one, whatever the parameters.
    /// assert!((sum.item() - 1.0).abs() < 1e-15);
    /// assert!(sum.backward().leading(3).iter().all(|g| g.abs() < 1e-14));
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    Dirichlet {
        /// The concentration, $\alpha$, whose last axis is an event.
        concentration: Positive,
    }
}

impl<'t, F: Scalar> Dirichlet<'t, F> {
    /// $\ln x$ of `count` samples, through which derivatives flow. It is finite where $x$ itself would underflow.
    pub fn rsample_ln<R: RandomSource>(self, count: usize, rng: &mut R) -> Var<'t, F> {
        let shape = sample_shape(count, self.concentration);
        ln_standard(self.concentration, shape, rng).log_softmax(-1)
    }

    /// $\ln\frac{\prod_c \Gamma(\alpha_c)}{\Gamma(\alpha_0)}$.
    fn log_norm(self) -> Var<'t, F> {
        let sum = self.concentration.sum_axis(-1);
        self.concentration.ln_gamma().sum_axis(-1) - sum.ln_gamma()
    }

    /// The log-density without cancellation of large concentrations: $\sum_c \bigl(\alpha_c\ln\frac{x_c\alpha_0}{\alpha_c} + \alpha_c -
    /// x_c\alpha_0 - \ln x_c - h(\alpha_c)\bigr) + h(\alpha_0)$ with $h$ of `stirling.rs`, because the entries of a row sum to one.
    fn large_log_prob(self, x: Var<'t, F>) -> Var<'t, F> {
        let alpha = self.concentration;
        let sum = unsqueeze(alpha.sum_axis(-1));
        let (mean, rest) = (x * sum, ln_gamma_rest(alpha));
        let plain = (alpha - F::ONE).xlogy(x) + alpha * ln_quotient(sum, alpha) + alpha - mean;
        let terms = divergence_or(alpha, mean, mean - alpha, -x.ln() - rest, plain - rest);
        // Off the simplex the derivatives are those of the plain formula, which has no term α₀(1 − Σx).
        let away = (x.sum_axis(-1) - x.sum_axis(-1).detach()) * sum.sum_axis(-1);
        terms.sum_axis(-1) + ln_gamma_rest(sum).sum_axis(-1) + away
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for Dirichlet<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.detach().rsample(count, rng)
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        let log_prob = if any_large(self.concentration) {
            self.large_log_prob(x)
        } else {
            (self.concentration - F::ONE).xlogy(x).sum_axis(-1) - self.log_norm()
        };
        impossible(off_simplex(x), log_prob)
    }

    fn detach(&self) -> Self {
        self.detached()
    }

    fn support(&self) -> Support {
        Support::Simplex
    }

    fn shapes(&self) -> Shapes {
        Shapes::of(self.concentration)
    }
}

impl<'t, F: Scalar> Reparam<'t, F> for Dirichlet<'t, F> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        let x = self.rsample_ln(count, rng).exp();
        x.max(x.tape().number(smallest()))
    }
}

impl<'t, F: Scalar> Moments<'t, F> for Dirichlet<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        self.concentration / unsqueeze(self.concentration.sum_axis(-1))
    }

    /// $m_c(1 - m_c)/(\alpha_0 + 1)$.
    fn variance(&self) -> Var<'t, F> {
        let (mean, sum) = (self.mean(), unsqueeze(self.concentration.sum_axis(-1)));
        mean * (-mean + F::ONE) / (sum + F::ONE)
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for Dirichlet<'t, F> {
    /// $\sum_c \ln\Gamma(\alpha_c) - \ln\Gamma(\alpha_0) + (\alpha_0 - C)\psi(\alpha_0) - \sum_c (\alpha_c -
    /// 1)\psi(\alpha_c)$.
    fn entropy(&self) -> Var<'t, F> {
        let alpha = self.concentration;
        if any_large(alpha) {
            let sum = unsqueeze(alpha.sum_axis(-1));
            let parts = entropy_parts(alpha, sum).sum_axis(-1);
            return parts - ln_gamma_rest(sum).sum_axis(-1);
        }
        let parts = alpha.shape().last().copied().unwrap_or(1);
        let sum = alpha.sum_axis(-1);
        let whole = (sum - F::from_f64(parts as f64)) * sum.digamma();
        self.log_norm() + whole - ((alpha - F::ONE) * alpha.digamma()).sum_axis(-1)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Dirichlet<'t, F> {
    /// $\ln B(\alpha_p) - \ln B(\alpha_q) + \sum_c (\alpha_{q,c} - \alpha_{p,c})\psi(\alpha_{q,c}) - (\alpha_{q,0} -
    /// \alpha_{p,0})\psi(\alpha_{q,0})$ with the normaliser $B$; the derivative with respect to $\alpha_{q,c}$ is
    /// $(\alpha_{q,c} - \alpha_{p,c})\psi'(\alpha_{q,c}) - (\alpha_{q,0} - \alpha_{p,0})\psi'(\alpha_{q,0})$.
    ///
    /// Where the concentrations differ by less than an eighth, the relative error is a few units of rounding times the sum
    /// $\alpha_0$ over the smallest concentration; elsewhere it is that of the largest term.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let (q, other) = (self.concentration, p.concentration);
        let sums = [q, other, other - q].map(|x| unsqueeze(x.sum_axis(-1)));
        let [parts, whole] = concentrations(q, other, sums);
        parts.sum_axis(-1) - whole.sum_axis(-1)
    }
}
