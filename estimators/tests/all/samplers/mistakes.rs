//! Samplers that are wrong on purpose.

use pathscore_estimators::samplers::{
    Differentiable, Hmc, Info, LogDensity, PhasePoint, Position, Sampler, leapfrog,
};
use pathscore_models::RandomSource;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    /// Nothing is wrong: the twin that every check must let pass.
    None,
    /// The first half step of the momentum is a full one.
    FullFirstStep,
    /// The energy of the beginning is that of the last transition's end, with another momentum.
    OldHamiltonian,
    /// The acceptance probability is $\min(1, e^{+\Delta H})$.
    WrongSign,
}

pub(super) const MISTAKES: [Mistake; 3] =
    [Mistake::FullFirstStep, Mistake::OldHamiltonian, Mistake::WrongSign];

/// Hamiltonian Monte Carlo, written again, with a mistake.
#[derive(Clone, Debug)]
pub(super) struct WrongHmc(pub(super) Hmc, pub(super) Mistake);

pub(super) struct State {
    point: PhasePoint,
    energy: f64,
}

impl Position for State {
    fn position(&self) -> &[f64] {
        self.point.position()
    }
}

/// A trajectory with the mistake of [`Mistake::FullFirstStep`], or a right one.
pub(super) fn trajectory<T: Differentiable>(
    target: &T,
    point: &mut PhasePoint,
    (step_size, steps): (f64, usize),
    inverse_mass: &[f64],
    mistake: Mistake,
) {
    if mistake == Mistake::FullFirstStep {
        let PhasePoint { momentum, grad, .. } = point;
        momentum.iter_mut().zip(&*grad).for_each(|(p, g)| *p += 0.5 * step_size * g);
    }
    (0..steps).for_each(|_| leapfrog(target, point, step_size, inverse_mass));
}

impl<T: Differentiable> Sampler<T> for WrongHmc {
    type State = State;

    fn init<R: RandomSource>(&self, target: &T, position: &[f64], _: &mut R) -> State {
        let point = PhasePoint::new(target, position);
        State { energy: point.energy(&self.0.inverse_mass), point }
    }

    fn step<R: RandomSource>(&self, target: &T, state: &mut State, source: &mut R) -> Info {
        let Self(Hmc { step_size, steps, inverse_mass, .. }, mistake) = self;
        state.point.refresh(inverse_mass, source);
        if *mistake != Mistake::OldHamiltonian {
            state.energy = state.point.energy(inverse_mass);
        }
        let mut proposal = state.point.clone();
        trajectory(target, &mut proposal, (*step_size, *steps), inverse_mass, *mistake);
        let energy = proposal.energy(inverse_mass);
        let sign = if *mistake == Mistake::WrongSign { -1.0 } else { 1.0 };
        let info = Info::metropolis(sign * (energy - state.energy), 1000.0, *steps, source);
        if info.accepted {
            *state = State { point: proposal, energy };
        }
        info
    }
}

/// Langevin dynamics that is accepted without the ratio of the proposals.
#[derive(Clone, Copy, Debug)]
pub(super) struct WithoutProposals {
    pub(super) scale: f64,
}

impl<T: Differentiable> Sampler<T> for WithoutProposals {
    type State = PhasePoint;

    fn init<R: RandomSource>(&self, target: &T, position: &[f64], _: &mut R) -> PhasePoint {
        PhasePoint::new(target, position)
    }

    fn step<R: RandomSource>(&self, target: &T, state: &mut PhasePoint, source: &mut R) -> Info {
        let s = self.scale;
        let ends = state.position.iter().zip(&state.grad);
        let to: Vec<f64> = ends.map(|(x, g)| x + 0.5 * s * s * g + s * source.normal()).collect();
        let proposal = PhasePoint::new(target, &to);
        let info = Info::metropolis(state.log_prob - proposal.log_prob, 1000.0, 1, source);
        if info.accepted {
            *state = proposal;
        }
        info
    }
}

/// A Gibbs sampler of bits that draws all of them at once, each given the old values of the others.
pub(super) struct Synchronous;

impl<T: LogDensity> Sampler<T> for Synchronous {
    type State = Vec<f64>;

    fn init<R: RandomSource>(&self, _: &T, position: &[f64], _: &mut R) -> Vec<f64> {
        position.to_vec()
    }

    fn step<R: RandomSource>(&self, target: &T, state: &mut Vec<f64>, source: &mut R) -> Info {
        let old = state.clone();
        for (at, bit) in state.iter_mut().enumerate() {
            let log_prob = |value: f64| {
                let mut x = old.clone();
                x[at] = value;
                target.log_prob(&x)
            };
            let p = 1.0 / (1.0 + (log_prob(0.0) - log_prob(1.0)).exp());
            *bit = f64::from(source.bernoulli(p));
        }
        Info::always(0)
    }
}

/// A random walk that accepts with $\min(1, \pi(x)/\pi(x'))$.
pub(super) struct Upside(pub(super) f64);

impl<T: LogDensity> Sampler<T> for Upside {
    type State = Vec<f64>;

    fn init<R: RandomSource>(&self, _: &T, position: &[f64], _: &mut R) -> Vec<f64> {
        position.to_vec()
    }

    fn step<R: RandomSource>(&self, target: &T, state: &mut Vec<f64>, source: &mut R) -> Info {
        let to: Vec<f64> = state.iter().map(|x| x + self.0 * source.normal()).collect();
        let change = target.log_prob(&to) - target.log_prob(state);
        let info = Info::metropolis(change, f64::INFINITY, 0, source);
        if info.accepted {
            *state = to;
        }
        info
    }
}
