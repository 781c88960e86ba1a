//! Parallel tempering: chains on a ladder of targets that exchange their positions.

use super::{Differentiable, Info, LogDensity, Position, Sampler};
use pathscore_models::RandomSource;

/// The density $e^{\beta \ell(x)}$ of a target $\ell$ at an inverse temperature $\beta$; its gradient is $\beta \nabla \ell$.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heated<T> {
    /// The target.
    pub target: T,
    /// $\beta$, between zero (every state is as likely) and one (the target itself).
    pub beta: f64,
}

impl<T: LogDensity> LogDensity for Heated<T> {
    fn dim(&self) -> usize {
        self.target.dim()
    }

    fn log_prob(&self, x: &[f64]) -> f64 {
        if self.beta == 0.0 { 0.0 } else { self.beta * self.target.log_prob(x) }
    }
}

impl<T: Differentiable> Differentiable for Heated<T> {
    fn log_prob_and_grad(&self, x: &[f64], grad: &mut [f64]) -> f64 {
        if self.beta == 0.0 {
            grad.fill(0.0);
            return 0.0;
        }
        let log_prob = self.target.log_prob_and_grad(x, grad);
        grad.iter_mut().for_each(|g| *g *= self.beta);
        self.beta * log_prob
    }
}

/// Targets between which [`ParallelTempering`] exchanges positions, the one of interest last. They may be one target at
/// several temperatures ([`Ladder::tempered`]), or the same model at several moments of its training.
#[derive(Clone, Debug)]
pub struct Ladder<T> {
    rungs: Vec<T>,
}

impl<T: LogDensity> Ladder<T> {
    /// A ladder of targets of one dimension.
    ///
    /// # Panics
    /// If there are no targets, or they differ in dimension.
    pub fn new(rungs: Vec<T>) -> Self {
        let dims = rungs.first().map(T::dim);
        let same = rungs.iter().all(|rung| Some(rung.dim()) == dims);
        assert!(!rungs.is_empty() && same, "a ladder of {} targets of one dimension", rungs.len());
        Self { rungs }
    }

    /// The targets, the one of interest last.
    pub fn rungs(&self) -> &[T] {
        &self.rungs
    }
}

impl<T: LogDensity + Clone> Ladder<Heated<T>> {
    /// A target at some inverse temperatures, which rise to one; the target may be a reference.
    ///
    /// # Panics
    /// If the temperatures do not rise to one from zero or above.
    pub fn tempered(target: T, betas: &[f64]) -> Self {
        let rises = betas.windows(2).all(|pair| pair[0] < pair[1]);
        let ends = betas.last() == Some(&1.0) && betas[0] >= 0.0;
        assert!(rises && ends, "tempering: temperatures must rise to 1, not {betas:?}");
        Self::new(betas.iter().map(|&beta| Heated { target: target.clone(), beta }).collect())
    }
}

/// Parallel tempering (Swendsen and Wang 1986; Geyer 1991): a chain on every rung of a [`Ladder`], and exchanges of the positions of
/// neighbours $a$ and $b$ with the probability
///
/// $$\min\left(1, e^{\ell_a(x_b) + \ell_b(x_a) - \ell_a(x_a) - \ell_b(x_b)}\right), \quad\text{for temperatures }
/// \min\left(1, e^{(\beta_a - \beta_b)(\ell(x_b) - \ell(x_a))}\right).$$
///
/// A step makes `steps` transitions of the inner sampler on every rung and then tries all neighbours in turn, from the
/// first rung on. It leaves the product of all targets invariant, so the last chain samples the target of interest. The hot rungs
/// carry it over barriers that it would not cross by itself.
///
/// ```
/// use pathscore_estimators::samplers::{FromFn, GibbsBits, Ladder, Options, ParallelTempering, chains};
/// // Four bits that are all zero or all one but for a probability of some e⁻⁹: single flips hardly ever go across.
/// let target = FromFn { dim: 4, log_prob: |x: &[f64]| 3.0 * (x.iter().sum::<f64>() - 2.0).powi(2) };
/// let ladder = Ladder::tempered(&target, &[0.0, 0.25, 0.5, 1.0]);
/// let tempering = ParallelTempering { sampler: GibbsBits, steps: 1 };
/// let draws = chains(&tempering, &ladder, &vec![vec![0.0; 4]; 4], Options::default());
/// let one = draws.estimate(|x| x[0]);
/// assert!((one.mean - 0.5).abs() < 5.0 * one.standard_error && one.ess > 200.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[doc(alias = "replica exchange")]
pub struct ParallelTempering<S> {
    /// The sampler of every rung.
    pub sampler: S,
    /// The number of its transitions between exchanges.
    pub steps: usize,
}

/// The chains of [`ParallelTempering`]; the position is that of the last.
#[derive(Clone, Debug)]
pub struct TemperedState<S> {
    states: Vec<S>,
    /// The position of one chain while two are exchanged.
    memory: Vec<f64>,
    swaps: Vec<usize>,
    tried: usize,
}

impl<S: Position> TemperedState<S> {
    /// The positions on all rungs, in their order.
    pub fn positions(&self) -> impl Iterator<Item = &[f64]> {
        self.states.iter().map(S::position)
    }

    /// The share of exchanges between each rung and the next that were accepted since the chain began.
    pub fn swap_rates(&self) -> impl Iterator<Item = f64> {
        self.swaps.iter().map(|&swaps| swaps as f64 / self.tried.max(1) as f64)
    }
}

impl<S: Position> Position for TemperedState<S> {
    fn position(&self) -> &[f64] {
        self.states.last().expect("a ladder has a rung").position()
    }
}

impl<S> ParallelTempering<S> {
    /// The chains at one position for each rung.
    ///
    /// # Panics
    /// If there is not one position for each rung.
    pub fn init_at<T: LogDensity, R: RandomSource>(
        &self,
        ladder: &Ladder<T>,
        positions: &[&[f64]],
        source: &mut R,
    ) -> TemperedState<S::State>
    where
        S: Sampler<T>,
    {
        let (found, rungs) = (positions.len(), ladder.rungs.len());
        assert!(found == rungs, "tempering: {found} positions for {rungs} rungs");
        let pairs = ladder.rungs.iter().zip(positions);
        let states = pairs.map(|(rung, at)| self.sampler.init(rung, at, source)).collect();
        let memory = positions[0].to_vec();
        TemperedState { states, memory, swaps: vec![0; rungs - 1], tried: 0 }
    }

    /// Tries to exchange the positions of every rung and the next; true if the last two were exchanged.
    fn swap<T: LogDensity, R: RandomSource>(
        &self,
        ladder: &Ladder<T>,
        chains: &mut TemperedState<S::State>,
        source: &mut R,
    ) -> bool
    where
        S: Sampler<T>,
    {
        let TemperedState { states, memory, swaps, tried } = chains;
        let mut swapped = false;
        for (pair, swaps) in swaps.iter_mut().enumerate() {
            let [a, b] = [&ladder.rungs[pair], &ladder.rungs[pair + 1]];
            let (left, right) = states.split_at_mut(pair + 1);
            let [at_a, at_b] = [&mut left[pair], &mut right[0]];
            let (x_a, x_b) = (at_a.position(), at_b.position());
            let gain = a.log_prob(x_b) + b.log_prob(x_a) - a.log_prob(x_a) - b.log_prob(x_b);
            // NaN rejects.
            swapped = source.bernoulli(if gain.is_nan() { 0.0 } else { gain.exp().min(1.0) });
            if swapped {
                *swaps += 1;
                memory.copy_from_slice(x_a);
                self.sampler.restart(a, x_b, at_a, source);
                self.sampler.restart(b, memory, at_b, source);
            }
        }
        *tried += 1;
        swapped
    }
}

impl<T: LogDensity, S: Sampler<T>> Sampler<Ladder<T>> for ParallelTempering<S> {
    type State = TemperedState<S::State>;

    fn init<R: RandomSource>(
        &self,
        ladder: &Ladder<T>,
        position: &[f64],
        source: &mut R,
    ) -> TemperedState<S::State> {
        self.init_at(ladder, &vec![position; ladder.rungs.len()], source)
    }

    /// The facts are those of the last transition on the last rung, with the gradients of all rungs; it is `accepted` too if
    /// the last exchange was.
    fn step<R: RandomSource>(
        &self,
        ladder: &Ladder<T>,
        chains: &mut TemperedState<S::State>,
        source: &mut R,
    ) -> Info {
        let (mut info, mut gradients) = (Info::always(0), 0);
        for (rung, state) in ladder.rungs.iter().zip(&mut chains.states) {
            for _ in 0..self.steps {
                info = self.sampler.step(rung, state, source);
                gradients += info.gradients;
            }
        }
        let swapped = self.swap(ladder, chains, source);
        Info { accepted: info.accepted || swapped, gradients, ..info }
    }
}
