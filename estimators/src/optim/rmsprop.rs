//! RMSProp (Tieleman and Hinton 2012), with momentum and in its centred form (Graves 2013).

use super::{Optimizer, find_all, in_chunks, prepare};
use pathscore_autodiff::Scalar;

/// $v \leftarrow \alpha v + (1 - \alpha) g^2$, $\theta \leftarrow \theta + \mathrm{lr} g / (\sqrt v + \epsilon)$, as in
/// PyTorch.
///
/// If it is `centered`, the root is taken of the variance $v - \bar g^2$ with
/// $\bar g \leftarrow \alpha \bar g + (1 - \alpha) g$; a difference that rounding has made negative counts as zero. With
/// `momentum` $\mu$ the quotient is summed, $u \leftarrow \mu u + g / (\sqrt v + \epsilon)$, and the step is
/// $\mathrm{lr} u$. The mean begins at zero and is not corrected for it: the first steps are longer by
/// $1/\sqrt{1 - \alpha^t}$ than those of [`Adam`](super::Adam). The defaults are PyTorch's: $\alpha = 0.99$,
/// $\epsilon = 10^{-8}$, neither momentum nor centring; so is its usual learning rate, 0.01.
///
/// ```
/// use pathscore_estimators::optim::{Optimizer, RmsProp};
/// let mut rmsprop = RmsProp::<f64>::default();
/// let mut x = [0.0];
/// rmsprop.step(&mut x, &[3.0], 0.01);
/// assert!((x[0] - 0.01 / 0.01_f64.sqrt()).abs() < 1e-8);
/// ```
#[derive(Clone, Debug)]
pub struct RmsProp<F> {
    /// $\alpha$.
    pub alpha: f64,
    /// $\epsilon$.
    pub eps: f64,
    /// $\mu$; zero switches momentum off, which may not change after the first step.
    pub momentum: f64,
    /// True if the root is taken of the variance; it may not change after the first step.
    pub centered: bool,
    v: Vec<F>,
    mean: Vec<F>,
    u: Vec<F>,
    steps: u64,
}

impl<F> Default for RmsProp<F> {
    fn default() -> Self {
        let (v, mean, u) = Default::default();
        Self { alpha: 0.99, eps: 1e-8, momentum: 0.0, centered: false, v, mean, u, steps: 0 }
    }
}

impl<F> RmsProp<F> {
    /// True if the rule has the vector of a name.
    fn uses(&self, name: &str) -> bool {
        match name {
            "mean" => self.centered,
            "u" => self.momentum != 0.0,
            _ => true,
        }
    }
}

impl<F: Scalar> Optimizer<F> for RmsProp<F> {
    fn step(&mut self, params: &mut [F], grad: &[F], lr: f64) {
        let (momentum, centered) = (self.momentum != 0.0, self.centered);
        prepare("rmsprop", self.steps, [params, grad], [&mut self.v], F::ZERO);
        if centered {
            prepare("rmsprop", self.steps, [params, grad], [&mut self.mean], F::ZERO);
        }
        if momentum {
            prepare("rmsprop", self.steps, [params, grad], [&mut self.u], F::ZERO);
        }
        self.steps += 1;
        let number = F::from_f64;
        let (keep, new) = (number(self.alpha), number(1.0 - self.alpha));
        let (mu, rate, eps) = (number(self.momentum), number(lr), number(self.eps));
        in_chunks(
            [params, &mut self.v, &mut self.mean, &mut self.u],
            grad,
            &|[x, v, mean, u]: [&mut [F]; 4], g: &[F]| {
                for i in 0..g.len() {
                    v[i] = keep * v[i] + new * g[i] * g[i];
                    let mut square = v[i];
                    if centered {
                        mean[i] = keep * mean[i] + new * g[i];
                        square = (square - mean[i] * mean[i]).max(F::ZERO);
                    }
                    let mut step = g[i] / (square.sqrt() + eps);
                    if momentum {
                        step += mu * u[i];
                        u[i] = step;
                    }
                    x[i] += rate * step;
                }
            },
        );
    }

    fn state(&self) -> Vec<(&'static str, &[F])> {
        let all = [("v", &self.v), ("mean", &self.mean), ("u", &self.u)];
        let used = all.into_iter().filter(|(name, _)| self.steps > 0 && self.uses(name));
        used.map(|(name, vector)| (name, &vector[..])).collect()
    }

    fn steps(&self) -> u64 {
        self.steps
    }

    fn restore(
        &mut self,
        steps: u64,
        find: &mut dyn FnMut(&str) -> Option<Vec<F>>,
    ) -> Result<(), String> {
        let mut vectors = [const { Vec::new() }; 3];
        for (vector, name) in vectors.iter_mut().zip(["v", "mean", "u"]) {
            if self.uses(name) {
                [*vector] = find_all([name], steps, find)?;
            }
        }
        [self.v, self.mean, self.u] = vectors;
        self.steps = steps;
        Ok(())
    }
}
