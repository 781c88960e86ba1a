//! Stochastic gradient ascent.

use super::{Optimizer, in_chunks};
use pathscore_autodiff::Scalar;

/// $u \leftarrow \mu u + g$, $\theta \leftarrow \theta + \mathrm{lr} u$, with `momentum` $\mu$ (Polyak 1964), as in
/// PyTorch.
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
    u: Vec<F>,
    steps: u64,
}

impl<F: Scalar> Sgd<F> {
    /// An optimiser with the given momentum.
    pub fn new(momentum: f64) -> Self {
        Self { momentum, u: Vec::new(), steps: 0 }
    }
}

impl<F: Scalar> Optimizer<F> for Sgd<F> {
    fn step(&mut self, params: &mut [F], grad: &[F], lr: f64) {
        if self.steps == 0 {
            self.u = vec![F::ZERO; params.len()];
        }
        assert!(
            params.len() == grad.len() && self.u.len() == grad.len(),
            "sgd: {} parameters, a gradient of {} numbers and a momentum of {} numbers do not fit",
            params.len(),
            grad.len(),
            self.u.len()
        );
        self.steps += 1;
        let (keep, rate) = (F::from_f64(self.momentum), F::from_f64(lr));
        in_chunks([params, &mut self.u], grad, &|[x, u]: [&mut [F]; 2], g: &[F]| {
            for ((x, u), &g) in x.iter_mut().zip(u).zip(g) {
                *u = keep * *u + g;
                *x += rate * *u;
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
        if steps > 0 {
            self.u = find("u").ok_or("u")?;
        }
        self.steps = steps;
        Ok(())
    }
}
