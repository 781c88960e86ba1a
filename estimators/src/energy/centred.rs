//! The centred gradient of models with visible and hidden units.

use crate::estimator::{Claim, Estimator, Query, rows};
use crate::target::Target;
use crate::work::Work;
use pathscore_autodiff::{Scalar, Tape};
use pathscore_models::{Bipartite, RandomSource};
use std::sync::Mutex;

/// The means are updated every so many steps, because the means of the hidden units cost a product.
const EVERY: u64 = 10;

/// The part of the old means that an update replaces: a hundredth for each step.
const RATE: f64 = 0.01 * EVERY as f64;

/// The gradient of another criterion in *centred* parameters (Montavon and Müller 2012; Melchior, Fischer and Wiskott
/// 2016), for models with visible units $v$, hidden units $h$ and weights $W$ between them.
///
/// The energy $-(v - \mu)^\top b' - (h - \lambda)^\top c' - (v - \mu)^\top W (h - \lambda)$ is that of the same model with
/// $b = b' - W \lambda$ and $c = c' - W^\top \mu$: another parameterisation, not another density. A step along its gradient
/// is, in the usual parameters and with their gradients $\nabla_W$, $\nabla_b$ and $\nabla_c$,
///
/// $$\Delta W = \nabla_W - \mu \nabla_c^\top - \nabla_b \lambda^\top, \qquad
/// \Delta b = \nabla_b - \Delta W \lambda, \qquad \Delta c = \nabla_c - \Delta W^\top \mu.$$
///
/// With the offsets near the means of the units, weights and biases no longer push in the same direction: learning is
/// faster, and no longer depends on which of its two values a unit calls one. The vector is an ascent direction and not
/// the gradient itself, so the claim is *biased*; the target and the value are those of the other criterion.
///
/// The offsets are running means: $\mu$ of the rows and $\lambda$ of the probabilities of the hidden units given the rows.
/// They start at the means of the first batch, whose own gradient is not centred. They are part of a checkpoint. It costs
/// a product of matrices every tenth step and one pass over the weights.
#[doc(alias = "enhanced gradient")]
#[derive(Clone, Debug, PartialEq)]
pub struct Centred<E> {
    /// The criterion whose gradient is centred.
    pub criterion: E,
    /// If false, the gradient is that of the criterion, so that both forms of training are one type.
    pub active: bool,
    /// The number of batches seen.
    steps: u64,
    /// $\mu$, then $\lambda$; empty before the first batch.
    offsets: Vec<f64>,
}

impl<E> Centred<E> {
    /// The centred gradient of a criterion.
    pub fn new(criterion: E) -> Self {
        Self { criterion, active: true, steps: 0, offsets: Vec::new() }
    }

    /// The offsets $\mu$ of the visible units and, behind them, $\lambda$ of the hidden units; empty before the first batch.
    pub fn offsets(&self) -> &[f64] {
        &self.offsets
    }

    /// True if the next batch is asked for the means of its units.
    fn measures(&self) -> bool {
        self.active && self.steps.is_multiple_of(EVERY)
    }
}

/// Working memory: the offsets, the gradient of the hidden biases, and a tape for the means of the hidden units, so that
/// the tape of the criterion stays as it is. The mutex is never locked; it lets threads share the memory around it.
#[derive(Debug, Default)]
struct Scratch<F> {
    offsets: Vec<F>,
    before: Vec<F>,
    tape: Mutex<Tape<F>>,
}

/// Turns the gradient with respect to $W$, $b$ and $c$ into the step of the centred parameters.
fn centre<F: Scalar>(
    [weights, visible, hidden]: [&mut [F]; 3],
    offsets: &[F],
    hidden_before: &mut Vec<F>,
) {
    let (mu, lambda) = offsets.split_at(visible.len());
    hidden_before.clear();
    hidden_before.extend_from_slice(hidden);
    for ((row, b), &mu) in weights.chunks_exact_mut(lambda.len()).zip(visible).zip(mu) {
        let (before, mut along) = (*b, F::ZERO);
        for (((w, c), &c_before), &lambda) in
            row.iter_mut().zip(&mut *hidden).zip(&*hidden_before).zip(lambda)
        {
            *w -= mu * c_before + before * lambda;
            along += *w * lambda;
            *c -= *w * mu;
        }
        *b -= along;
    }
}

impl<F: Scalar, M: Bipartite<F>, E: Estimator<F, M>> Estimator<F, M> for Centred<E> {
    fn target(&self) -> Target {
        self.criterion.target()
    }

    fn claim(&self) -> Claim {
        if self.active { Claim::Biased } else { self.criterion.claim() }
    }

    fn reports_target(&self) -> bool {
        self.criterion.reports_target()
    }

    fn min_samples(&self) -> usize {
        self.criterion.min_samples()
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, x, batch, .. } = query;
        let value = self.criterion.estimate(query, rng, work);
        if !self.active {
            return value;
        }
        let Work { grads, stats, scratch, .. } = work;
        let Scratch { offsets, before, tape } = scratch.of();
        let tape = tape.get_mut().expect("nothing panics with the mutex locked");
        if !self.offsets.is_empty() {
            offsets.clear();
            offsets.extend(self.offsets.iter().map(|&x| F::from_f64(x)));
            let places = model.weights_and_biases().map(|id| params.range(id));
            let gradient = grads.leading_mut(params.len());
            let parts = gradient.get_disjoint_mut(places);
            centre(parts.expect("the tensors of a model do not overlap"), offsets, before);
        }
        if self.measures() {
            let before = stats.len();
            let rows_of = rows(tape, x, batch);
            for units in [rows_of, model.hidden_means(params.on(tape).detach(), rows_of)] {
                units.sum_axis(0).with(|sums| stats.extend(sums.iter().map(|x| x.to_f64())));
            }
            let (rows, units) = (batch as f64, (stats.len() - before) as f64);
            stats.extend([rows, rows * units]);
            tape.clear();
        }
        value
    }

    fn observe(&mut self, stats: &[f64]) {
        let mut of_criterion = stats;
        if self.measures()
            && let [of_others @ .., rows, rows_times_units] = stats
        {
            let units = (rows_times_units / rows).round() as usize;
            let (criterion, sums) = of_others.split_at(of_others.len() - units);
            of_criterion = criterion;
            let rate = if self.offsets.is_empty() { 1.0 } else { RATE };
            self.offsets.resize(units, 0.0);
            for (offset, sum) in self.offsets.iter_mut().zip(sums) {
                *offset += rate * (sum / rows - *offset);
            }
        }
        self.steps += 1;
        self.criterion.observe(of_criterion);
    }

    fn log_partition(&self) -> Option<f64> {
        self.criterion.log_partition()
    }

    /// The number of batches, the number of offsets, the offsets, and the state of the criterion; this alone if the gradient
    /// is not centred.
    fn state(&self) -> Vec<f64> {
        if !self.active {
            return self.criterion.state();
        }
        let counts = [self.steps as f64, self.offsets.len() as f64];
        [&counts[..], &self.offsets, &self.criterion.state()].concat()
    }

    fn restore(&mut self, state: &[f64]) {
        if !self.active {
            return self.criterion.restore(state);
        }
        let [steps, count, numbers @ ..] = state else { return };
        let (offsets, of_criterion) = numbers.split_at((*count as usize).min(numbers.len()));
        self.steps = *steps as u64;
        self.offsets = offsets.to_vec();
        self.criterion.restore(of_criterion);
    }
}
