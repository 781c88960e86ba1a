//! Adamax, the variant of Adam with the maximum norm (Kingma and Ba 2015, section 7.1).

use super::{Optimizer, find_all, in_chunks, prepare};
use pathscore_autodiff::Scalar;

/// $m \leftarrow \beta_1 m + (1 - \beta_1) g$, $u \leftarrow \max(\beta_2 u, |g| + \epsilon)$,
/// $\theta \leftarrow \theta + \mathrm{lr} \hat m / u$ with $\hat m = m / (1 - \beta_1^t)$.
///
/// The norm $u$ is a decaying maximum and needs no correction for its beginning. The paper has no $\epsilon$; PyTorch adds
/// it to $|g|$, so that a gradient of zero divides by no zero. The defaults are PyTorch's: $\beta_1 = 0.9$,
/// $\beta_2 = 0.999$, $\epsilon = 10^{-8}$; so is its usual learning rate, 0.002.
///
/// ```
/// use pathscore_estimators::optim::{Adamax, Optimizer};
/// let mut adamax = Adamax::<f64>::default();
/// let mut x = [0.0];
/// adamax.step(&mut x, &[4.0], 0.1);
/// assert!((x[0] - 0.1).abs() < 1e-9);
/// adamax.step(&mut x, &[0.0], 0.1);
/// assert!((x[0] - 0.1 - 0.1 * (0.36 / 0.19) / (0.999 * 4.0)).abs() < 1e-9);
/// ```
#[derive(Clone, Debug)]
pub struct Adamax<F> {
    /// $\beta_1$.
    pub beta1: f64,
    /// $\beta_2$.
    pub beta2: f64,
    /// $\epsilon$.
    pub eps: f64,
    m: Vec<F>,
    u: Vec<F>,
    steps: u64,
}

impl<F> Default for Adamax<F> {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, m: Vec::new(), u: Vec::new(), steps: 0 }
    }
}

impl<F: Scalar> Optimizer<F> for Adamax<F> {
    fn step(&mut self, params: &mut [F], grad: &[F], lr: f64) {
        prepare("adamax", self.steps, [params, grad], [&mut self.m, &mut self.u], F::ZERO);
        self.steps += 1;
        let number = F::from_f64;
        let (keep, new) = (number(self.beta1), number(1.0 - self.beta1));
        let (decay, eps) = (number(self.beta2), number(self.eps));
        let rate = number(lr / (1.0 - self.beta1.powf(self.steps as f64)));
        in_chunks(
            [params, &mut self.m, &mut self.u],
            grad,
            &|[x, m, u]: [&mut [F]; 3], g: &[F]| {
                for (((x, m), u), &g) in x.iter_mut().zip(m).zip(u).zip(g) {
                    *m = keep * *m + new * g;
                    *u = (decay * *u).max(g.abs() + eps);
                    *x += rate * *m / *u;
                }
            },
        );
    }

    fn state(&self) -> Vec<(&'static str, &[F])> {
        if self.steps == 0 { Vec::new() } else { vec![("m", &self.m), ("u", &self.u)] }
    }

    fn steps(&self) -> u64 {
        self.steps
    }

    fn restore(
        &mut self,
        steps: u64,
        find: &mut dyn FnMut(&str) -> Option<Vec<F>>,
    ) -> Result<(), String> {
        [self.m, self.u] = find_all(["m", "u"], steps, find)?;
        self.steps = steps;
        Ok(())
    }
}
