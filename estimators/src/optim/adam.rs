//! Adam (Kingma and Ba 2015).

use super::{Optimizer, find_all, in_chunks, prepare};
use pathscore_autodiff::Scalar;
use pathscore_autodiff::vector::dispatch;

/// $m \leftarrow \beta_1 m + (1 - \beta_1) g$, $v \leftarrow \beta_2 v + (1 - \beta_2) g^2$,
/// $\theta \leftarrow \theta + \mathrm{lr} \hat m / (\sqrt{\hat v} + \epsilon)$ with the means corrected for their
/// beginning at zero.
///
/// The defaults are those of PyTorch and optax: $\beta_1 = 0.9$, $\beta_2 = 0.999$, $\epsilon = 10^{-8}$.
///
/// ```
/// use pathscore_estimators::optim::{Adam, Optimizer};
/// let mut adam = Adam::<f64>::default();
/// let mut x = [0.0];
/// for _ in 0..2000 {
///     let grad = [2.0 * (3.0 - x[0])];
///     adam.step(&mut x, &grad, 0.05);
/// }
/// assert!((x[0] - 3.0).abs() < 1e-3);
/// ```
#[derive(Clone, Debug)]
pub struct Adam<F> {
    /// $\beta_1$.
    pub beta1: f64,
    /// $\beta_2$.
    pub beta2: f64,
    /// $\epsilon$.
    pub eps: f64,
    m: Vec<F>,
    v: Vec<F>,
    steps: u64,
}

impl<F> Default for Adam<F> {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, m: Vec::new(), v: Vec::new(), steps: 0 }
    }
}

impl<F: Scalar> Optimizer<F> for Adam<F> {
    fn step(&mut self, params: &mut [F], grad: &[F], lr: f64) {
        prepare("adam", self.steps, [params, grad], [&mut self.m, &mut self.v], F::ZERO);
        self.steps += 1;
        let t = self.steps as f64;
        let number = F::from_f64;
        let (keep_m, keep_v) = (number(self.beta1), number(self.beta2));
        let (new_m, new_v) = (number(1.0 - self.beta1), number(1.0 - self.beta2));
        // lr m̂ / (√v̂ + ε) with both corrections taken out of the loop.
        let rate = number(lr / (1.0 - self.beta1.powf(t)));
        let scale_v = number(1.0 / (1.0 - self.beta2.powf(t)).sqrt());
        let eps = number(self.eps);
        in_chunks(
            [params, &mut self.m, &mut self.v],
            grad,
            &|[x, m, v]: [&mut [F]; 3], g: &[F]| {
                dispatch(
                    #[inline(always)]
                    || {
                        let n = g.len();
                        let (x, m, v) = (&mut x[..n], &mut m[..n], &mut v[..n]);
                        for i in 0..n {
                            m[i] = keep_m * m[i] + new_m * g[i];
                            v[i] = keep_v * v[i] + new_v * g[i] * g[i];
                            x[i] += rate * m[i] / (v[i].sqrt() * scale_v + eps);
                        }
                    },
                );
            },
        );
    }

    fn state(&self) -> Vec<(&'static str, &[F])> {
        if self.steps == 0 { Vec::new() } else { vec![("m", &self.m), ("v", &self.v)] }
    }

    fn steps(&self) -> u64 {
        self.steps
    }

    fn restore(
        &mut self,
        steps: u64,
        find: &mut dyn FnMut(&str) -> Option<Vec<F>>,
    ) -> Result<(), String> {
        [self.m, self.v] = find_all(["m", "v"], steps, find)?;
        self.steps = steps;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_steps_are_those_of_the_paper() {
        let mut adam = Adam::<f64>::default();
        let mut x = [0.0, 0.0];
        adam.step(&mut x, &[4.0, -1e-3], 0.1);
        // m̂ = g and v̂ = g² at the first step: lr in the direction of the sign.
        assert!((x[0] - 0.1).abs() < 1e-9 && (x[1] + 0.1).abs() < 1e-5);
        adam.step(&mut x, &[0.0, -1e-3], 0.1);
        let (m, v) = (0.9 * 0.4 / (1.0 - 0.81), 0.999 * 0.016 / (1.0 - 0.999_f64.powi(2)));
        assert!((x[0] - 0.1 - 0.1 * m / (v.sqrt() + 1e-8)).abs() < 1e-8);
    }
}
