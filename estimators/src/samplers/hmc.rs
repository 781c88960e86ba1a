//! Hamiltonian Monte Carlo.

use super::langevin::MAX_ENERGY_ERROR;
use super::phase_point::{MetropolisState, PhasePoint, expect_positive};
use super::{Differentiable, Info, Sampler, leapfrog};
use pathscore_models::RandomSource;

/// Hamiltonian Monte Carlo (Duane et al. 1987; Neal 2011): a momentum $p \sim \mathcal N(0, M)$ is drawn, `steps`
/// [`leapfrog`] steps are made, and their end is accepted with the probability $\min(1, e^{-\Delta H})$ with
///
/// $$H(x, p) = -\ell(x) + \tfrac12 p^\top M^{-1} p.$$
///
/// The energy of the beginning is computed after the momentum was drawn. A proposal with a $\Delta H$ that is not finite is
/// rejected; the step is divergent if the energy has increased by more than `max_energy_error`. A trajectory ends early where the
/// density is not finite.
///
/// In many dimensions an acceptance of 65 % is best (Beskos et al. 2013); [`Hmc::warm_up`] aims at 80 %, as Stan does, and
/// finds the mass matrix. A trajectory of half a period of a normal coordinate comes to $-x$, so that $x^2$ never
/// changes: `jitter` prevents such resonances.
///
/// ```
/// use pathscore_estimators::samplers::{FromTape, Hmc, Options, chains};
/// let target = FromTape::new(3, |x| x.sum_squares(-1) * -0.5);
/// let hmc = Hmc { step_size: 0.5, steps: 3, ..Hmc::default() };
/// let draws = chains(&hmc, &target, &vec![vec![0.0; 3]; 4], Options::default());
/// let square = draws.estimate(|x| x[2] * x[2]);
/// assert!((square.mean - 1.0).abs() < 5.0 * square.standard_error);
/// assert!(draws.acceptance() > 0.9);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "hybrid Monte Carlo")]
pub struct Hmc {
    /// $\varepsilon$, positive.
    pub step_size: f64,
    /// The number of leapfrog steps in a trajectory.
    pub steps: usize,
    /// The diagonal of $M^{-1}$, best equal to the variances of the target: one number for all coordinates, or one for
    /// each.
    pub inverse_mass: Vec<f64>,
    /// A trajectory has the step size $\varepsilon (1 + j (2u - 1))$ with a uniform number $u$ and this $j$ from $[0, 1)$; at
    /// zero no number is drawn.
    pub jitter: f64,
    /// An increase of the energy above this is a divergence.
    pub max_energy_error: f64,
}

impl Default for Hmc {
    /// Ten steps of size 0.1 with unit masses and a jitter of 20 %, as in Neal (2011); a divergence begins at an increase of
    /// 1000, as in Stan.
    fn default() -> Self {
        Self {
            step_size: 0.1,
            steps: 10,
            inverse_mass: vec![1.0],
            jitter: 0.2,
            max_energy_error: MAX_ENERGY_ERROR,
        }
    }
}

impl<T: Differentiable + ?Sized> Sampler<T> for Hmc {
    type State = MetropolisState;

    fn init<R: RandomSource>(&self, target: &T, position: &[f64], _: &mut R) -> MetropolisState {
        expect_positive("hmc: step_size", &[self.step_size], position.len());
        expect_positive("hmc: inverse_mass", &self.inverse_mass, position.len());
        assert!(self.steps > 0, "hmc: a trajectory needs a step");
        let jitter = self.jitter;
        assert!((0.0..1.0).contains(&jitter), "hmc: a jitter of {jitter} is not in [0, 1)");
        MetropolisState::new(PhasePoint::new(target, position))
    }

    fn restart<R: RandomSource>(
        &self,
        target: &T,
        position: &[f64],
        state: &mut MetropolisState,
        _: &mut R,
    ) {
        state.restart(target, position);
    }

    fn step<R: RandomSource>(
        &self,
        target: &T,
        state: &mut MetropolisState,
        source: &mut R,
    ) -> Info {
        let MetropolisState { current, proposal } = state;
        current.refresh(&self.inverse_mass, source);
        let before = current.energy(&self.inverse_mass);
        proposal.copy_from(current);
        let jitter = self.jitter;
        let factor = if jitter > 0.0 { 1.0 + jitter * (2.0 * source.uniform() - 1.0) } else { 1.0 };
        let mut gradients = 0;
        while gradients < self.steps && proposal.log_prob.is_finite() {
            leapfrog(target, proposal, factor * self.step_size, &self.inverse_mass);
            gradients += 1;
        }
        let energy_error = proposal.energy(&self.inverse_mass) - before;
        state.settle(Info::metropolis(energy_error, self.max_energy_error, gradients, source))
    }
}
