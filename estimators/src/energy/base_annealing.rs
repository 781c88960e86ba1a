//! Annealed importance sampling between the normal base of an energy and the model, from both sides.

use super::dynamics::{Dynamics, Landscape};
use crate::work::Work;
use pathscore_autodiff::Scalar;
use pathscore_models::energy::RealEnergy;
use pathscore_models::{Params, RandomSource};

/// Annealed importance sampling (Neal 2001) of $\ln Z$ along $E_\beta(x) = \beta E(x) - (1 - \beta) \ln p_0(x)$ from the normal base
/// $p_0$ at $\beta = 0$, whose normaliser is one, to the model at $\beta = 1$.
///
/// [`BaseAnnealing::forward`] starts at exact draws of the base, and the mean of its weights is $Z$: the logarithm of a mean
/// of few weights is *below* $\ln Z$ on average, and a likelihood from it too high. [`BaseAnnealing::reverse`] starts at rows of the
/// model and ends at the base; with exact rows, the logarithm of the mean of its weights is *above* $\ln Z$ on average (Burda,
/// Grosse and Salakhutdinov 2015). Rows of a chain are no exact draws, so that this end is as good as the chain.
///
/// ```
/// use pathscore_estimators::energy::{BaseAnnealing, Dynamics};
/// use pathscore_estimators::{Work, samplers::LogMeanWeight};
/// use pathscore_models::energy::{GaussianEnergy, NormalBase};
/// use pathscore_models::{Params, seed};
/// let (mut params, rng) = (Params::<f64>::new(), &mut seed::rng(0, seed::Stream::Sample, 0));
/// let model = GaussianEnergy::new(&mut params, NormalBase::standard(1), rng);
/// params.values_mut().copy_from_slice(&[1.0, 0.5]);
/// let annealing = BaseAnnealing { dynamics: Dynamics::hmc(0.4, 3), steps: 50, moves: 1 };
/// let (log_weights, rows) = annealing.forward((&model, &params), 200, &mut Work::new(), rng);
/// let found = LogMeanWeight::of(&log_weights);
/// assert!((found.value - model.log_partition(&params)).abs() < 4.0 * found.standard_error);
/// let back = LogMeanWeight::of(&annealing.reverse((&model, &params), rows, &mut Work::new(), rng));
/// assert!((-back.value - model.log_partition(&params)).abs() < 4.0 * back.standard_error + 0.02);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BaseAnnealing {
    /// The transition at each temperature, which should be adjusted.
    pub dynamics: Dynamics,
    /// The number of equal steps of $\beta$ from zero to one.
    pub steps: usize,
    /// The number of transitions at each temperature.
    pub moves: usize,
}

impl BaseAnnealing {
    /// The logarithms of the weights of `chains` runs from the base to the model, whose mean weight is $Z$, and the rows at which
    /// the runs end.
    ///
    /// # Panics
    /// If there are no steps, or as [`Dynamics::advance`].
    pub fn forward<F: Scalar, M: RealEnergy<F>, R: RandomSource>(
        &self,
        model: (&M, &Params<F>),
        chains: usize,
        work: &mut Work<F>,
        rng: &mut R,
    ) -> (Vec<f64>, Vec<F>) {
        work.tape.clear();
        let start = model.0.base().sample(&work.tape, chains, rng).value();
        let mut rows = start.values().to_vec();
        let log_weights = self.run(model, &mut rows, |step| step, work, rng);
        (log_weights, rows)
    }

    /// The logarithms of the weights of runs from rows of the model to the base, whose mean weight is $1/Z$ if the rows are
    /// exact draws.
    ///
    /// # Panics
    /// As [`BaseAnnealing::forward`].
    pub fn reverse<F: Scalar, M: RealEnergy<F>, R: RandomSource>(
        &self,
        model: (&M, &Params<F>),
        mut rows: Vec<F>,
        work: &mut Work<F>,
        rng: &mut R,
    ) -> Vec<f64> {
        let steps = self.steps;
        self.run(model, &mut rows, |step| steps - step, work, rng)
    }

    /// Walks along the temperatures number `at(0)`, `at(1)`, …
    fn run<F: Scalar, M: RealEnergy<F>, R: RandomSource>(
        &self,
        (model, params): (&M, &Params<F>),
        rows: &mut [F],
        at: impl Fn(usize) -> usize,
        work: &mut Work<F>,
        rng: &mut R,
    ) -> Vec<f64> {
        assert!(self.steps > 0, "annealing: a path needs a step");
        let (base, columns) = (model.base(), model.base().columns());
        let count = rows.len() / columns;
        let mut log_weights = vec![0.0; count];
        let beta = |step| at(step) as f64 / self.steps as f64;
        for step in 1..=self.steps {
            let (from, to) = (beta(step - 1), beta(step));
            // The weight is that of the rows before they move: E_from(x) − E_to(x) = (from − to)(E + ln p₀).
            work.tape.clear();
            let bound = params.on(&work.tape).detach();
            let x = work.tape.constant(rows, [count, columns]);
            let difference = model.energy(bound, x) + base.log_prob(x);
            difference.with(|each| {
                let weights = log_weights.iter_mut().zip(each);
                weights.for_each(|(w, d)| *w += (from - to) * d.to_f64());
            });
            let landscape = Landscape::new(params, base.scale(), |params, x| {
                let (own, known) = (model.energy(params, x), base.log_prob(x));
                own * F::from_f64(to) - known * F::from_f64(1.0 - to)
            });
            self.dynamics.advance_on(&landscape, self.moves, rows, work, rng);
        }
        log_weights
    }
}
