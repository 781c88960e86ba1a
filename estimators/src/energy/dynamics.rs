//! Langevin and Hamiltonian dynamics of many rows at a time.

use crate::work::Work;
use pathscore_autodiff::{Grads, Scalar, Tape, Var};
use pathscore_models::energy::RealEnergy;
use pathscore_models::{Bound, Params, RandomSource};

/// A Markov transition of every row of a table along the gradient of an energy: a momentum $p \sim \mathcal N(0, I)$ is
/// drawn, and `leapfrogs` leapfrog steps are made with the scales $s$ of the model's base as units,
///
/// $$p \mathrel{-}= \tfrac\varepsilon2 s \odot \nabla E(x), \qquad x \mathrel{+}= \varepsilon s \odot p, \qquad
///   p \mathrel{-}= \tfrac\varepsilon2 s \odot \nabla E(x).$$
///
/// With one leapfrog step it is Langevin dynamics, $x' = x - \frac12 \varepsilon^2 s^2 \odot \nabla E(x) + \varepsilon s
/// \odot p$, in which noise and gradient belong together: with other scales the chain samples another temperature. With
/// several it is Hamiltonian Monte Carlo (Duane et al. 1987). If it is adjusted, the end is accepted with the
/// probability $\min(1, e^{-\Delta H})$, $H = E(x) + \frac12 \Vert p \Vert^2$, for each row on its own, and $p(x)$ is invariant.
/// Without the adjustment the invariant law is another one: for one leapfrog step and $\mathcal N(0, 1)$ it is
/// $\mathcal N(0, 1 / (1 - \varepsilon^2 / 4))$. A proposal whose energy is not finite is never taken.
///
/// The samplers of [`samplers`](crate::samplers) move one chain at a time in double precision; this one moves the rows of
/// a batch with one evaluation of a network, in the number type of the model.
///
/// ```
/// use pathscore_estimators::{Work, energy::Dynamics};
/// use pathscore_models::energy::{GaussianEnergy, NormalBase};
/// use pathscore_models::{Params, seed};
/// let (mut params, rng) = (Params::<f64>::new(), &mut seed::rng(0, seed::Stream::Sample, 0));
/// let model = GaussianEnergy::new(&mut params, NormalBase::new(vec![3.0], vec![2.0]), rng);
/// let mut rows = vec![0.0; 2000];
/// let accepted = Dynamics::hmc(0.5, 3).advance((&model, &params), 20, &mut rows, &mut Work::new(), rng);
/// let mean = rows.iter().sum::<f64>() / 2000.0;
/// let variance = rows.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 2000.0;
/// // The standard errors are 0.045 and 0.13.
/// assert!((mean - 3.0).abs() < 0.2 && (variance - 4.0).abs() < 0.6 && accepted > 0.9);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dynamics {
    /// $\varepsilon$, positive, in units of the scales of the base.
    pub step_size: f64,
    /// The number of leapfrog steps of one transition, one or more.
    pub leapfrogs: usize,
    /// True if the end of a trajectory is accepted or rejected.
    pub adjusted: bool,
}

/// The moving rows: where they are, where they might go, and their momenta.
#[derive(Debug)]
struct Moving<F> {
    /// One for each row: the cotangents of the energies.
    ones: Vec<F>,
    here: Point<F>,
    there: Point<F>,
    momentum: Vec<F>,
    /// $H$ of each row at the beginning of a trajectory.
    before: Vec<f64>,
}

impl<F> Default for Moving<F> {
    fn default() -> Self {
        let (here, there) = Default::default();
        Self { ones: Vec::new(), here, there, momentum: Vec::new(), before: Vec::new() }
    }
}

/// Rows with their energies and gradients.
#[derive(Debug)]
struct Point<F> {
    x: Vec<F>,
    energy: Vec<F>,
    grad: Vec<F>,
}

impl<F> Default for Point<F> {
    fn default() -> Self {
        Self { x: Vec::new(), energy: Vec::new(), grad: Vec::new() }
    }
}

impl<F: Copy> Point<F> {
    fn copy_from(&mut self, other: &Self) {
        self.x.clone_from(&other.x);
        self.energy.clone_from(&other.energy);
        self.grad.clone_from(&other.grad);
    }

    /// Takes over one row of another point.
    fn take_row(&mut self, row: usize, columns: usize, other: &Self) {
        let range = row * columns..(row + 1) * columns;
        self.x[range.clone()].copy_from_slice(&other.x[range.clone()]);
        self.grad[range.clone()].copy_from_slice(&other.grad[range]);
        self.energy[row] = other.energy[row];
    }
}

/// An energy of rows at fixed parameters, with the units in which they move.
pub(super) struct Landscape<'a, F, E> {
    pub(super) params: &'a Params<F>,
    pub(super) energy: E,
    pub(super) scale: &'a [f64],
}

impl<'a, F: Scalar, E> Landscape<'a, F, E>
where
    E: for<'t> Fn(Bound<'t, F>, Var<'t, F>) -> Var<'t, F>,
{
    pub(super) fn new(params: &'a Params<F>, scale: &'a [f64], energy: E) -> Self {
        Self { params, energy, scale }
    }

    /// Computes the energies and gradients of the rows of a point.
    fn evaluate(&self, point: &mut Point<F>, tape: &mut Tape<F>, grads: &mut Grads<F>, ones: &[F]) {
        tape.clear();
        let bound = self.params.on(tape).detach();
        let x = tape.leaf(&point.x, [ones.len(), self.scale.len()]);
        let energies = (self.energy)(bound, x);
        tape.pull_into(&[(energies, ones)], &[], grads);
        point.energy.clear();
        energies.with(|values| point.energy.extend_from_slice(values));
        point.grad.clear();
        match grads.get(x) {
            Some(grad) => point.grad.extend_from_slice(grad),
            None => point.grad.resize(point.x.len(), F::ZERO),
        }
    }
}

/// $\mathrm{to} \mathrel{+}= c s \odot \mathrm{by}$, row by row.
fn add_scaled<F: Scalar>(to: &mut [F], c: f64, scale: &[f64], by: &[F]) {
    let columns = scale.len();
    for (to, by) in to.chunks_exact_mut(columns).zip(by.chunks_exact(columns)) {
        for ((to, &by), s) in to.iter_mut().zip(by).zip(scale) {
            *to += F::from_f64(c * s) * by;
        }
    }
}

/// $E + \frac12 \Vert p \Vert^2$ of one row.
fn hamiltonian<F: Scalar>(energy: F, momentum: &[F]) -> f64 {
    let kinetic: f64 = momentum.iter().map(|p| p.to_f64() * p.to_f64()).sum();
    energy.to_f64() + 0.5 * kinetic
}

impl Dynamics {
    /// Unadjusted Langevin dynamics (Parisi 1981; Roberts and Tweedie 1996).
    pub fn langevin(step_size: f64) -> Self {
        Self { step_size, leapfrogs: 1, adjusted: false }
    }

    /// The Metropolis-adjusted Langevin algorithm (Besag 1994).
    pub fn mala(step_size: f64) -> Self {
        Self { step_size, leapfrogs: 1, adjusted: true }
    }

    /// Hamiltonian Monte Carlo with trajectories of so many leapfrog steps (Duane et al. 1987; Neal 2011).
    pub fn hmc(step_size: f64, leapfrogs: usize) -> Self {
        Self { step_size, leapfrogs, adjusted: true }
    }

    /// Makes `moves` transitions of every row under the energy of a model, and returns the mean acceptance probability;
    /// without an adjustment it is one, unless an energy is not finite. Without a move it is NaN.
    ///
    /// # Panics
    /// If the step size is not positive, there is no leapfrog step, or `rows` are no rows of the model's columns.
    pub fn advance<F: Scalar, M: RealEnergy<F>, R: RandomSource>(
        &self,
        (model, params): (&M, &Params<F>),
        moves: usize,
        rows: &mut [F],
        work: &mut Work<F>,
        rng: &mut R,
    ) -> f64 {
        let energy =
            Landscape::new(params, model.base().scale(), |params, x| model.energy(params, x));
        self.advance_on(&energy, moves, rows, work, rng)
    }

    /// [`Dynamics::advance`] under any energy of the parameters.
    pub(super) fn advance_on<F: Scalar, E, R: RandomSource>(
        &self,
        landscape: &Landscape<'_, F, E>,
        moves: usize,
        rows: &mut [F],
        work: &mut Work<F>,
        rng: &mut R,
    ) -> f64
    where
        E: for<'t> Fn(Bound<'t, F>, Var<'t, F>) -> Var<'t, F>,
    {
        let (step, columns) = (self.step_size, landscape.scale.len());
        assert!(step > 0.0 && step.is_finite(), "dynamics: a step size of {step}");
        assert!(self.leapfrogs > 0, "dynamics: a transition needs a leapfrog step");
        let (numbers, count) = (rows.len(), rows.len() / columns);
        assert!(numbers == count * columns, "dynamics: {numbers} numbers, not rows of {columns}");
        let Work { tape, grads, scratch, .. } = work;
        let Moving { ones, here, there, momentum, before } = scratch.of::<Moving<F>>();
        ones.clear();
        ones.resize(count, F::ONE);
        here.x.clear();
        here.x.extend_from_slice(rows);
        landscape.evaluate(here, tape, grads, ones);
        let mut accepted = 0.0;
        for _ in 0..moves {
            momentum.clear();
            rng.normal_var(tape, [numbers].into()).with(|eps| momentum.extend_from_slice(eps));
            before.clear();
            let starts = here.energy.iter().zip(momentum.chunks_exact(columns));
            before.extend(starts.map(|(&energy, p)| hamiltonian(energy, p)));
            there.copy_from(here);
            for _ in 0..self.leapfrogs {
                add_scaled(momentum, -0.5 * step, landscape.scale, &there.grad);
                add_scaled(&mut there.x, step, landscape.scale, momentum);
                landscape.evaluate(there, tape, grads, ones);
                add_scaled(momentum, -0.5 * step, landscape.scale, &there.grad);
            }
            for (row, p) in momentum.chunks_exact(columns).enumerate() {
                let energy_error = hamiltonian(there.energy[row], p) - before[row];
                let probability = match (there.energy[row].to_f64().is_finite(), self.adjusted) {
                    (true, true) if energy_error.is_finite() => (-energy_error).exp().min(1.0),
                    (true, false) => 1.0,
                    _ => 0.0,
                };
                accepted += probability;
                let taken =
                    if self.adjusted { rng.bernoulli(probability) } else { probability > 0.0 };
                if taken {
                    here.take_row(row, columns, there);
                }
            }
        }
        rows.copy_from_slice(&here.x);
        // The tape shares the parameters, which an optimiser changes next.
        tape.clear();
        accepted / (moves * count) as f64
    }
}
