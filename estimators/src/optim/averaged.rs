//! Averages of the parameters over the steps of another optimiser.

use super::{Optimizer, in_chunks};
use pathscore_autodiff::Scalar;

/// The weights of the steps in an average.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Average {
    /// $\bar\theta = \frac1n \sum_i \theta_i$ (Polyak and Juditsky 1992, Ruppert 1988): all steps count alike.
    Uniform,
    /// $\bar\theta \leftarrow \mathrm{decay} \bar\theta + (1 - \mathrm{decay}) \theta$: the average of the last
    /// $1/(1 - \mathrm{decay})$ steps or so. It begins at the parameters of the first averaged step.
    Exponential {
        /// The factor of the older steps, often 0.999.
        decay: f64,
    },
}

/// Another optimiser whose parameters are averaged, from the step after `start` on.
///
/// The parameters move as without the average, and gradients are taken at them; [`Optimizer::average`] has less
/// noise, since steps to and fro cancel in it, and is what a model is evaluated with. For stochastic gradient ascent with
/// a constant learning rate the uniform average reaches the smallest possible variance (Polyak and Juditsky 1992). A
/// checkpoint has the average beside the vectors of the optimiser, by the name `average`.
///
/// ```
/// use pathscore_estimators::optim::{Average, Averaged, Optimizer, Sgd};
/// let mut sgd = Averaged::new(Box::new(Sgd::<f64>::new(0.0)), Average::Uniform);
/// let mut x = [0.0];
/// for g in [1.0, -1.0, 1.0, -1.0] {
///     sgd.step(&mut x, &[g], 0.5);
/// }
/// assert_eq!(x, [0.0]);
/// assert_eq!(sgd.average(), Some(&[0.25][..]), "the mean of 0.5, 0, 0.5 and 0");
/// ```
pub struct Averaged<F> {
    /// The optimiser that moves the parameters; it may not be an `Averaged` itself.
    pub optimizer: Box<dyn Optimizer<F>>,
    /// The weights of the steps.
    pub average: Average,
    /// The steps that are not averaged, because they still carry the starting point.
    pub start: u64,
    mean: Vec<F>,
}

impl<F: Scalar> Averaged<F> {
    /// An average of all steps of an optimiser that has taken none yet.
    pub fn new(optimizer: Box<dyn Optimizer<F>>, average: Average) -> Self {
        Self { optimizer, average, start: 0, mean: Vec::new() }
    }
}

impl<F: Scalar> Optimizer<F> for Averaged<F> {
    fn step(&mut self, params: &mut [F], grad: &[F], lr: f64) {
        self.optimizer.step(params, grad, lr);
        let steps = self.optimizer.steps();
        if steps <= self.start + 1 {
            // Until the average begins it is the present parameters, and so it is at its first step.
            self.mean.clear();
            self.mean.extend_from_slice(params);
            return;
        }
        let new = F::from_f64(match self.average {
            Average::Uniform => 1.0 / (steps - self.start) as f64,
            Average::Exponential { decay } => 1.0 - decay,
        });
        in_chunks([&mut self.mean], params, &|[mean]: [&mut [F]; 1], x: &[F]| {
            for (mean, &x) in mean.iter_mut().zip(x) {
                *mean += new * (x - *mean);
            }
        });
    }

    fn state(&self) -> Vec<(&'static str, &[F])> {
        let mut vectors = self.optimizer.state();
        if self.optimizer.steps() > 0 {
            vectors.push(("average", &self.mean));
        }
        vectors
    }

    fn steps(&self) -> u64 {
        self.optimizer.steps()
    }

    fn restore(
        &mut self,
        steps: u64,
        find: &mut dyn FnMut(&str) -> Option<Vec<F>>,
    ) -> Result<(), String> {
        let mean = if steps > 0 { find("average").ok_or("average")? } else { Vec::new() };
        self.optimizer.restore(steps, find)?;
        self.mean = mean;
        Ok(())
    }

    fn average(&self) -> Option<&[F]> {
        (self.optimizer.steps() > 0).then_some(&self.mean[..])
    }
}
