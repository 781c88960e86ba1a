//! AdaGrad (Duchi, Hazan and Singer 2011).

use super::{Optimizer, find_all, in_chunks, prepare};
use pathscore_autodiff::Scalar;

/// $s \leftarrow s + g^2$, $\theta \leftarrow \theta + \mathrm{lr} g / (\sqrt s + \epsilon)$, as in PyTorch.
///
/// The sum only grows, so that the steps of a parameter become the shorter the more gradient it has seen: rare features
/// keep a long step. The defaults are PyTorch's, $\epsilon = 10^{-10}$ and a sum that begins at zero; so is its usual
/// learning rate, 0.01.
///
/// ```
/// use pathscore_estimators::optim::{AdaGrad, Optimizer};
/// let mut adagrad = AdaGrad::<f64>::default();
/// let mut x = [0.0];
/// adagrad.step(&mut x, &[3.0], 0.1);
/// adagrad.step(&mut x, &[4.0], 0.1);
/// assert!((x[0] - 0.1 * (1.0 + 4.0 / 5.0)).abs() < 1e-9);
/// ```
#[derive(Clone, Debug)]
pub struct AdaGrad<F> {
    /// $\epsilon$.
    pub eps: f64,
    /// The sum of squares before the first step.
    pub initial_accumulator_value: f64,
    s: Vec<F>,
    steps: u64,
}

impl<F> Default for AdaGrad<F> {
    fn default() -> Self {
        Self { eps: 1e-10, initial_accumulator_value: 0.0, s: Vec::new(), steps: 0 }
    }
}

impl<F: Scalar> Optimizer<F> for AdaGrad<F> {
    fn step(&mut self, params: &mut [F], grad: &[F], lr: f64) {
        let begin = F::from_f64(self.initial_accumulator_value);
        prepare("adagrad", self.steps, [params, grad], [&mut self.s], begin);
        self.steps += 1;
        let (rate, eps) = (F::from_f64(lr), F::from_f64(self.eps));
        in_chunks([params, &mut self.s], grad, &|[x, s]: [&mut [F]; 2], g: &[F]| {
            for ((x, s), &g) in x.iter_mut().zip(s).zip(g) {
                *s += g * g;
                *x += rate * g / (s.sqrt() + eps);
            }
        });
    }

    fn state(&self) -> Vec<(&'static str, &[F])> {
        if self.steps == 0 { Vec::new() } else { vec![("s", &self.s)] }
    }

    fn steps(&self) -> u64 {
        self.steps
    }

    fn restore(
        &mut self,
        steps: u64,
        find: &mut dyn FnMut(&str) -> Option<Vec<F>>,
    ) -> Result<(), String> {
        [self.s] = find_all(["s"], steps, find)?;
        self.steps = steps;
        Ok(())
    }
}
