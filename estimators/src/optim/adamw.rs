//! AdamW: Adam with decoupled weight decay (Loshchilov and Hutter 2019).

use super::{Adam, Optimizer};
use pathscore_autodiff::Scalar;

/// $\theta \leftarrow (1 - \mathrm{lr} \lambda) \theta$, and then the step of [`Adam`].
///
/// The weights decay at the rate `weight_decay` $\lambda$, whatever the size of their gradients. A penalty
/// $\tfrac\lambda2 \Vert\theta\Vert^2$ of the objective would be something else: its gradient would be divided by
/// $\sqrt{\hat v}$ with the rest. The default is PyTorch's, $\lambda = 0.01$.
///
/// ```
/// use pathscore_estimators::optim::{AdamW, Optimizer};
/// let mut adamw = AdamW::<f64>::default();
/// let mut x = [2.0, 2.0];
/// adamw.step(&mut x, &[0.0, 5.0], 0.1);
/// assert!((x[0] - 2.0 * 0.999).abs() < 1e-15, "without a gradient the weight still decays");
/// assert!((x[1] - (2.0 * 0.999 + 0.1)).abs() < 1e-9, "and the step does not depend on the decay");
/// ```
#[derive(Clone, Debug)]
pub struct AdamW<F> {
    /// $\lambda$.
    pub weight_decay: f64,
    /// The optimiser that follows the gradient, with $\beta_1$, $\beta_2$ and $\epsilon$.
    pub adam: Adam<F>,
}

impl<F> Default for AdamW<F> {
    fn default() -> Self {
        Self { weight_decay: 0.01, adam: Adam::default() }
    }
}

impl<F: Scalar> Optimizer<F> for AdamW<F> {
    fn step(&mut self, params: &mut [F], grad: &[F], lr: f64) {
        let keep = F::from_f64(1.0 - lr * self.weight_decay);
        params.iter_mut().for_each(|x| *x *= keep);
        self.adam.step(params, grad, lr);
    }

    fn state(&self) -> Vec<(&'static str, &[F])> {
        self.adam.state()
    }

    fn steps(&self) -> u64 {
        self.adam.steps()
    }

    fn restore(
        &mut self,
        steps: u64,
        find: &mut dyn FnMut(&str) -> Option<Vec<F>>,
    ) -> Result<(), String> {
        self.adam.restore(steps, find)
    }
}
