//! Chains of an energy-based model that move together on the tape.

use crate::parallel::for_each;
use pathscore_autodiff::{Scalar, Tape, vector::Lanes};
use pathscore_models::seed::{self, Stream};
use pathscore_models::{BaseModel, BlockGibbs, Params, RandomSource};

/// The most chains that move together; constant, so that the result does not depend on the number of threads.
pub const PARALLEL_CHAINS: usize = 50;

/// Chains of an energy-based model with their positions, weights and random numbers. They are cut into parts of at most
/// [`PARALLEL_CHAINS`], each with a tape and a random stream of its own; a warm step allocates nothing.
#[derive(Debug)]
pub struct EnergyChains<F> {
    columns: usize,
    walks: Vec<Walk<F>>,
}

/// A part of the chains.
#[derive(Debug)]
pub(super) struct Walk<F> {
    pub(super) memory: Memory<F>,
    pub(super) source: Lanes,
    /// The number, sum and sum of squares of the increments of each step of a pilot run.
    pub(super) moments: Vec<[f64; 3]>,
}

/// The positions and weights of some chains that move together.
#[derive(Debug)]
pub(crate) struct Memory<F> {
    tape: Tape<F>,
    columns: usize,
    pub(crate) x: Vec<F>,
    pub(crate) log_weights: Vec<f64>,
    /// $\ln w$ before the last step.
    before: Vec<f64>,
}

impl<F: Scalar> EnergyChains<F> {
    /// So many chains of rows of so many columns, which lie at zero, with random numbers from a seed.
    ///
    /// # Panics
    /// If there are no chains or no columns.
    pub fn new(chains: usize, columns: usize, seed: u64) -> Self {
        Self::from_rows(&vec![F::ZERO; chains * columns], columns, seed)
    }

    /// Chains at some rows, flat.
    ///
    /// # Panics
    /// If there are no rows of `columns` columns.
    pub fn from_rows(x: &[F], columns: usize, seed: u64) -> Self {
        let fits = columns > 0 && !x.is_empty() && x.len().is_multiple_of(columns);
        assert!(fits, "chains: {} numbers are no rows of {columns} columns", x.len());
        let chains = x.len() / columns;
        // Equal parts, one chain apart at most.
        let parts = chains.div_ceil(PARALLEL_CHAINS);
        let walk = |part: usize| {
            let [from, to] = [part, part + 1].map(|part| part * chains / parts * columns);
            let source = seed::lanes(seed, Stream::Evaluate, part as u64);
            Walk { memory: Memory::new(&x[from..to], columns), source, moments: Vec::new() }
        };
        Self { columns, walks: (0..parts).map(walk).collect() }
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The positions of all chains, flat.
    pub fn rows(&self) -> Vec<F> {
        self.walks.iter().flat_map(|walk| walk.memory.x.iter().copied()).collect()
    }

    /// Makes `sweeps` Gibbs sweeps of every chain at some parameters. `done` is called after each sweep of a part of the chains
    /// with the sums that its last walk left.
    pub fn sweep<M: BlockGibbs<F>>(
        &mut self,
        model: &M,
        params: &Params<F>,
        sweeps: usize,
        done: &(dyn Fn(&[f64]) + Sync),
    ) {
        self.each(|Walk { memory, source, .. }| {
            for _ in 0..sweeps {
                memory.sweep(model, params, source);
                done(&memory.log_weights);
            }
        });
    }

    /// The sums that the last walk left, chain by chain.
    pub(super) fn log_weights(&self) -> impl Iterator<Item = f64> {
        self.walks.iter().flat_map(|walk| walk.memory.log_weights.iter().copied())
    }

    pub(super) fn each(&mut self, run: impl Fn(&mut Walk<F>) + Sync) {
        for_each(&mut self.walks, &|_, walk| run(walk));
    }

    /// The standard deviation over all chains of the increment of each step of a pilot run.
    pub(super) fn deviations(&self, steps: usize) -> Vec<f64> {
        let of_step = |step: usize| {
            let [n, sum, squares] = self.walks.iter().fold([0.0; 3], |total, walk| {
                let of_part = walk.moments[step];
                [0, 1, 2].map(|i| total[i] + of_part[i])
            });
            (squares / n - (sum / n) * (sum / n)).max(0.0).sqrt()
        };
        (0..steps).map(of_step).collect()
    }
}

impl<F: Scalar> Memory<F> {
    pub(crate) fn new(x: &[F], columns: usize) -> Self {
        let (log_weights, before) = (vec![0.0; x.len() / columns], vec![0.0; x.len() / columns]);
        Self { tape: Tape::new(), columns, x: x.to_vec(), log_weights, before }
    }

    /// Weights of one, and a sweep at the first temperature: from the base it is an exact draw, and from a draw of the model
    /// another one.
    pub(crate) fn start<M: BaseModel<F>, R: RandomSource>(
        &mut self,
        model: &M,
        ends: [&Params<F>; 2],
        beta: f64,
        source: &mut R,
    ) {
        assert!(beta == 0.0 || beta == 1.0, "annealing: a path begins at an end, not at {beta}");
        self.log_weights.fill(0.0);
        let Self { tape, columns, x, .. } = self;
        tape.clear();
        let params = ends[beta as usize].on(tape).detach();
        let at = tape.constant(x, [x.len() / *columns, *columns]);
        let moved = match beta {
            0.0 => model.gibbs_sweep(params, at, source),
            _ => model.reverse_sweep(params, at, source),
        };
        moved.with(|moved| x.copy_from_slice(moved));
    }

    /// A step from one temperature to the next: the weight, then the move. Weights are summed in double precision.
    pub(crate) fn step<M: BaseModel<F>, R: RandomSource>(
        &mut self,
        model: &M,
        ends: [&Params<F>; 2],
        betas: [f64; 2],
        source: &mut R,
    ) {
        let Self { tape, columns, x, log_weights, before } = self;
        before.copy_from_slice(log_weights);
        tape.clear();
        let path = ends.map(|params| params.on(tape));
        let at = tape.constant(x, [x.len() / *columns, *columns]);
        let (step, moved) = model.anneal_step(path, betas, at, source);
        step.with(|step| log_weights.iter_mut().zip(step).for_each(|(w, s)| *w += s.to_f64()));
        moved.with(|moved| x.copy_from_slice(moved));
    }

    pub(crate) fn sweep<M: BlockGibbs<F>, R: RandomSource>(
        &mut self,
        model: &M,
        params: &Params<F>,
        source: &mut R,
    ) {
        let Self { tape, columns, x, .. } = self;
        tape.clear();
        let at = tape.constant(x, [x.len() / *columns, *columns]);
        let moved = model.gibbs_sweep(params.on(tape).detach(), at, source);
        moved.with(|moved| x.copy_from_slice(moved));
    }

    /// The number, sum and sum of squares of the increments of the last step.
    pub(crate) fn moments(&self) -> [f64; 3] {
        let steps = self.log_weights.iter().zip(&self.before).map(|(after, before)| after - before);
        steps.fold([0.0; 3], |[n, sum, squares], step| [n + 1.0, sum + step, squares + step * step])
    }
}
