//! Persistent contrastive divergence with fast weights (Tieleman and Hinton 2009).

use super::contrastive::{Scratch, contrast, swept};
use super::criterion::{chain_count, constant};
use crate::estimator::{Claim, Estimator, Query, record_stats};
use crate::target::Target;
use crate::work::{ShardState, Work};
use pathscore_autodiff::{Scalar, Tape, Var};
use pathscore_models::{BlockGibbs, Params, RandomSource};
use std::sync::Mutex;

/// Persistent contrastive divergence with fast weights, FPCD: the chains move at parameters of their own, $\theta + \phi$, whose
/// fast part drives them away from where they are (Tieleman and Hinton 2009).
///
/// After each gradient $g$ of the mean over the rows the fast part becomes $\phi \leftarrow \rho \phi + \epsilon g$: it raises the energy of
/// the states in which chains sit, so that they leave them, and fades with the rate $\rho$. The gradient is that of
/// [`PersistentContrastiveDivergence`](super::PersistentContrastiveDivergence) with these chains,
///
/// $$-\frac1B \sum_b \nabla E_\theta(x_b) + \frac1n \sum_i \nabla E_\theta(x_i).$$
///
/// The chains are not distributed as the model, even if the parameters stand still: it is *biased* for $\ln p(x)$. It pays
/// where the chains of PCD mix too slowly for the learning rate. Each shard of a batch has chains and a fast part of its own, which belong to
/// a checkpoint. It costs what PCD costs, and three passes over the parameters.
///
/// ```
/// use pathscore_estimators::{Estimator, Query, Work, energy::FastPersistentContrastiveDivergence};
/// use pathscore_models::{Params, energy::Rbm, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = Rbm::new(&mut params, 4, 3, rng);
/// let estimator = FastPersistentContrastiveDivergence { chains: Some(500), ..Default::default() };
/// estimator.estimate(Query::new(&model, &params, &[1.0, 0.0, 0.0, 1.0], 1), rng, &mut work);
/// // Almost without weights the slope of the first bias is 1 − ½.
/// assert!((work.gradient(params.len())[12] - 0.5).abs() < 0.15);
/// ```
#[doc(alias = "FPCD")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FastPersistentContrastiveDivergence {
    /// The number of sweeps before each gradient.
    pub sweeps: usize,
    /// $n$, the number of chains; see
    /// [`PersistentContrastiveDivergence::chains`](super::PersistentContrastiveDivergence::chains).
    pub chains: Option<usize>,
    /// $\epsilon$, the learning rate of the fast part.
    pub rate: f64,
    /// $\rho$, the part of it that a step keeps, below one.
    pub decay: f64,
}

impl Default for FastPersistentContrastiveDivergence {
    /// One sweep, as many chains as rows, $\epsilon = 0.01$, and $\rho = 0.95$ as in the paper.
    fn default() -> Self {
        Self { sweeps: 1, chains: None, rate: 0.01, decay: 0.95 }
    }
}

/// The chains of one shard, row by row, and its fast part $\phi$.
#[derive(Debug, Default)]
struct Fast {
    offset: Vec<f64>,
    rows: Vec<f64>,
}

impl ShardState for Fast {
    /// The number of parameters, the fast part, the chains.
    fn save(&self) -> Vec<f64> {
        [&[self.offset.len() as f64], &self.offset[..], &self.rows].concat()
    }

    fn restore(&mut self, numbers: &[f64]) {
        if let [count, numbers @ ..] = numbers {
            let (offset, rows) = numbers.split_at((*count as usize).min(numbers.len()));
            *self = Self { offset: offset.to_vec(), rows: rows.to_vec() };
        }
    }
}

/// The tape on which the chains move, and the parameters $\theta + \phi$. The mutex is never locked; it lets threads share the
/// memory around it.
#[derive(Debug, Default)]
struct Moves<F> {
    tape: Mutex<Tape<F>>,
    params: Params<F>,
}

impl<F: Scalar, M: BlockGibbs<F>> Estimator<F, M> for FastPersistentContrastiveDivergence {
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn reports_target(&self) -> bool {
        false
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, samples, scale, .. } = query;
        work.tape.clear();
        let Work { tape, grads, stats, scratch, state, parts, .. } = work;
        let bound = params.on(tape);
        let of_rows = model.complete(bound, query.rows(tape));
        let columns = of_rows.size() / batch.max(1);
        let Fast { offset, rows } = state.of();
        offset.resize(params.len(), 0.0);
        if rows.is_empty() {
            let count = chain_count(self.chains, samples * batch, *parts);
            of_rows.with(|x| {
                rows.extend(x.iter().map(|x| x.to_f64()).cycle().take(count * columns));
            });
        }
        let shape = [rows.len() / columns, columns];

        let Moves { tape: of_moves, params: moved } = scratch.of::<Moves<F>>();
        if moved.len() != params.len() {
            moved.clone_from(params);
        }
        let values = moved.values_mut().iter_mut().zip(params.values()).zip(&*offset);
        values.for_each(|((moved, &x), &fast)| *moved = x + F::from_f64(fast));
        let of_moves = of_moves.get_mut().expect("nothing panics with the mutex locked");
        let at_moves = moved.on(of_moves);
        let before = constant(of_moves, shape, rows.iter().copied());
        swept(model, at_moves, before, self.sweeps, rng)
            .with(|x| rows.iter_mut().zip(x).for_each(|(row, x)| *row = x.to_f64()));
        of_moves.clear();

        let chains = constant(tape, shape, rows.iter().copied());
        let energies = model.energy(bound, Var::concat(&[of_rows, chains], 0));
        let gap = contrast(&query, tape, grads, scratch.of::<Scratch<F>>(), energies);
        // Without a scale there is no gradient to learn from.
        let of_all = scale.to_f64() * batch as f64;
        let of_a_row = if of_all == 0.0 { 0.0 } else { self.rate / of_all };
        for (fast, slope) in offset.iter_mut().zip(grads.leading(params.len())) {
            *fast = self.decay * *fast + of_a_row * slope.to_f64();
        }
        record_stats(stats, batch, gap)
    }
}
