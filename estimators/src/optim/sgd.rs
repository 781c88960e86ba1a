//! Stochastic gradient ascent.

use super::{Optimizer, find_all, in_chunks, prepare};
use pathscore_autodiff::Scalar;

/// $u \leftarrow \mu u + g$, $\theta \leftarrow \theta + \mathrm{lr} u$, with `momentum` $\mu$ (Polyak 1964), as in
/// PyTorch.
///
/// With `nesterov` the step is $\theta \leftarrow \theta + \mathrm{lr} (g + \mu u)$ with the new $u$ (Nesterov 1983, in
/// the form of Sutskever et al. 2013 that PyTorch has): the gradient counts once more, as if it had been taken one step
/// of momentum further on. Without momentum it makes no difference.
///
/// ```
/// use pathscore_estimators::optim::{Optimizer, Sgd};
/// let mut sgd = Sgd::<f64>::new(0.9);
/// let mut x = [0.0];
/// sgd.step(&mut x, &[1.0], 0.1);
/// sgd.step(&mut x, &[1.0], 0.1);
/// assert!((x[0] - (0.1 + 0.19)).abs() < 1e-15);
/// ```
#[derive(Clone, Debug)]
pub struct Sgd<F> {
    /// $\mu$; zero switches momentum off.
    pub momentum: f64,
    /// True for Nesterov's momentum.
    pub nesterov: bool,
    u: Vec<F>,
    steps: u64,
}

impl<F: Scalar> Sgd<F> {
    /// An optimiser with the given momentum.
    pub fn new(momentum: f64) -> Self {
        Self { momentum, nesterov: false, u: Vec::new(), steps: 0 }
    }

    /// An optimiser with Nesterov's momentum.
    ///
    /// ```
    /// use pathscore_estimators::optim::{Optimizer, Sgd};
    /// let mut sgd = Sgd::<f64>::nesterov(0.9);
    /// let mut x = [0.0];
    /// sgd.step(&mut x, &[1.0], 0.1);
    /// assert!((x[0] - 0.19).abs() < 1e-15);
    /// ```
    pub fn nesterov(momentum: f64) -> Self {
        Self { nesterov: true, ..Self::new(momentum) }
    }
}

impl<F: Scalar> Optimizer<F> for Sgd<F> {
    fn step(&mut self, params: &mut [F], grad: &[F], lr: f64) {
        prepare("sgd", self.steps, [params, grad], [&mut self.u], F::ZERO);
        self.steps += 1;
        let (keep, rate) = (F::from_f64(self.momentum), F::from_f64(lr));
        let nesterov = self.nesterov;
        in_chunks([params, &mut self.u], grad, &|[x, u]: [&mut [F]; 2], g: &[F]| {
            for ((x, u), &g) in x.iter_mut().zip(u).zip(g) {
                *u = keep * *u + g;
                *x += rate * if nesterov { g + keep * *u } else { *u };
            }
        });
    }

    fn state(&self) -> Vec<(&'static str, &[F])> {
        if self.steps == 0 { Vec::new() } else { vec![("u", &self.u)] }
    }

    fn steps(&self) -> u64 {
        self.steps
    }

    fn restore(
        &mut self,
        steps: u64,
        find: &mut dyn FnMut(&str) -> Option<Vec<F>>,
    ) -> Result<(), String> {
        [self.u] = find_all(["u"], steps, find)?;
        self.steps = steps;
        Ok(())
    }
}
