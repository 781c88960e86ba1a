//! Langevin dynamics, unadjusted and adjusted.

use super::phase_point::{MetropolisState, PhasePoint, expect_positive};
use super::{Differentiable, Info, Sampler};
use pathscore_models::RandomSource;

/// An increase of the energy that shows a divergence, as in Stan.
pub(crate) const MAX_ENERGY_ERROR: f64 = 1000.0;

/// The unadjusted Langevin algorithm (Parisi 1981; Roberts and Tweedie 1996):
/// $x' = x + \frac12 s^2 \odot \nabla\ell(x) + s \odot \varepsilon$.
///
/// Nothing is rejected, so the chain has a stationary law of its own, with a bias of the order $s^2$: for
/// $\mathcal N(0, 1)$ it is $\mathcal N(0, 1/(1 - s^2/4))$. Only a proposal whose density is NaN or infinite is not taken.
/// [`Mala`] removes the bias.
///
/// ```
/// use pathscore_estimators::samplers::{FromTape, Options, Ula, chains};
/// let target = FromTape::new(1, |x| (x * x).sum() * -0.5);
/// let draws = chains(&Ula::new(1.0), &target, &vec![vec![0.0]; 4], Options::default());
/// let square = draws.estimate(|x| x[0] * x[0]);
/// assert!((square.mean - 4.0 / 3.0).abs() < 5.0 * square.standard_error);
/// assert!((square.mean - 1.0).abs() > 5.0 * square.standard_error);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Ula {
    /// $s$, the standard deviation of the noise: one number for all coordinates, or one for each.
    pub scale: Vec<f64>,
}

/// The Metropolis-adjusted Langevin algorithm (Besag 1994; Roberts and Tweedie 1996): the proposal of [`Ula`],
///
/// $$x' = x + \tfrac12 s^2 \odot \nabla\ell(x) + s \odot \varepsilon, \qquad
///   \ln q(x' \mid x) = -\tfrac12 \Vert (x' - x - \tfrac12 s^2 \odot \nabla\ell(x)) / s \Vert^2,$$
///
/// accepted with the probability $\min(1, \pi(x') q(x \mid x') / (\pi(x) q(x' \mid x)))$. It is one leapfrog step of
/// [`Hmc`](super::Hmc) with $s^2 = \varepsilon^2 M^{-1}$. In many dimensions an acceptance of 57 % is best (Roberts and Rosenthal
/// 1998).
///
/// ```
/// use pathscore_estimators::samplers::{FromTape, Mala, Options, chains};
/// let target = FromTape::new(1, |x| (x * x).sum() * -0.5);
/// let draws = chains(&Mala::new(1.0), &target, &vec![vec![0.0]; 4], Options::default());
/// let square = draws.estimate(|x| x[0] * x[0]);
/// assert!((square.mean - 1.0).abs() < 5.0 * square.standard_error);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Mala {
    /// $s$, the standard deviation of the noise: one number for all coordinates, or one for each.
    pub scale: Vec<f64>,
}

impl Ula {
    /// Dynamics with one scale for all coordinates.
    pub fn new(scale: f64) -> Self {
        Self { scale: vec![scale] }
    }
}

impl Mala {
    /// Dynamics with one scale for all coordinates.
    pub fn new(scale: f64) -> Self {
        Self { scale: vec![scale] }
    }
}

/// Draws the proposal and computes its density and gradient.
fn propose<T: Differentiable + ?Sized, R: RandomSource>(
    scale: &[f64],
    target: &T,
    MetropolisState { current, proposal }: &mut MetropolisState,
    source: &mut R,
) {
    let from = current.position.iter().zip(&current.grad).zip(scale.iter().cycle());
    for (to, ((x, g), s)) in proposal.position.iter_mut().zip(from) {
        *to = x + 0.5 * s * s * g + s * source.normal();
    }
    proposal.log_prob = target.log_prob_and_grad(&proposal.position, &mut proposal.grad);
}

/// $\ln q(\mathrm{to} \mid \mathrm{from})$ up to a constant.
fn log_q(scale: &[f64], to: &PhasePoint, from: &PhasePoint) -> f64 {
    let ends = to.position.iter().zip(&from.position).zip(&from.grad);
    let eps = ends.zip(scale.iter().cycle()).map(|(((to, x), g), s)| (to - x) / s - 0.5 * s * g);
    -0.5 * eps.map(|eps| eps * eps).sum::<f64>()
}

impl<T: Differentiable + ?Sized> Sampler<T> for Ula {
    type State = MetropolisState;

    fn init<R: RandomSource>(&self, target: &T, position: &[f64], _: &mut R) -> MetropolisState {
        expect_positive("ula: scale", &self.scale, position.len());
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
        propose(&self.scale, target, state, source);
        let accepted = state.proposal.log_prob.is_finite();
        let non_finite = !accepted;
        let acceptance_probability = if accepted { 1.0 } else { 0.0 };
        let info = Info { accepted, acceptance_probability, non_finite, ..Info::always(1) };
        state.settle(info)
    }
}

impl<T: Differentiable + ?Sized> Sampler<T> for Mala {
    type State = MetropolisState;

    fn init<R: RandomSource>(&self, target: &T, position: &[f64], _: &mut R) -> MetropolisState {
        expect_positive("mala: scale", &self.scale, position.len());
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
        propose(&self.scale, target, state, source);
        let MetropolisState { current, proposal } = &*state;
        let proposals =
            log_q(&self.scale, proposal, current) - log_q(&self.scale, current, proposal);
        let energy_error = current.log_prob - proposal.log_prob + proposals;
        state.settle(Info::metropolis(energy_error, MAX_ENERGY_ERROR, 1, source))
    }
}
