//! Samplers of bits whose proposals follow the differences of the log density.

use super::flips::FlipPoint;
use super::langevin::MAX_ENERGY_ERROR;
use super::{ExactFlips, Flips, GradientFlips, Info, LogDensity, Position, Sampler};
use pathscore_autodiff::Real;
use pathscore_models::RandomSource;

/// Gibbs with gradients (Grathwohl et al. 2021): flips one bit, chosen by the differences $\Delta_i$ of the log density,
///
/// $$q(i \mid x) = \frac{e^{\Delta_i(x)/2}}{\sum_j e^{\Delta_j(x)/2}}, \qquad
/// \min\left(1, e^{\ell(x') - \ell(x)} \frac{q(i \mid x')}{q(i \mid x)}\right),$$
///
/// with the exact differences of [`ExactFlips`] (a locally balanced proposal; Zanella 2020) or those of a gradient,
/// [`GradientFlips`]. The root in the proposal makes the acceptance near one where single flips change little. A step costs
/// the differences at the proposal: one gradient, however many bits there are. Prefer it to [`GibbsBits`](super::GibbsBits) where most bits
/// are all but certain.
///
/// ```
/// use pathscore_estimators::samplers::{FromTape, GibbsWithGradients, Options, chains};
/// // Two bits, equal with the odds e : 1.
/// let target = FromTape::new(2, |x| {
///     let [a, b] = [0, 1].map(|bit| x.slice(-1, bit..bit + 1).reshape([]));
///     a * b + (a - 1.0) * (b - 1.0)
/// });
/// let draws = chains(&GibbsWithGradients::by_gradient(), &target, &vec![vec![0.0; 2]; 4], Options::default());
/// let equal = draws.estimate(|x| if x[0] == x[1] { 1.0 } else { 0.0 });
/// let exact = 1.0 / (1.0 + (-1.0_f64).exp());
/// assert!((equal.mean - exact).abs() < 5.0 * equal.standard_error);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "GWG")]
#[doc(alias = "locally balanced proposal")]
pub struct GibbsWithGradients<D = GradientFlips> {
    /// The differences.
    pub flips: D,
}

impl GibbsWithGradients {
    /// The sampler with differences to first order.
    pub fn by_gradient() -> Self {
        Self { flips: GradientFlips }
    }
}

impl GibbsWithGradients<ExactFlips> {
    /// The sampler with exact differences.
    pub fn exact() -> Self {
        Self { flips: ExactFlips }
    }
}

/// Discrete unadjusted Langevin dynamics (Zhang, Liu and Liu 2022): flips every bit by itself with the probability
///
/// $$\sigma\left(\tfrac12 \Delta_i - \tfrac{1}{2\alpha}\right),$$
///
/// which is the proposal $\mathcal N(x + \frac{\alpha}{2} \nabla \ell, \alpha)$ of Langevin dynamics, restricted to bits. Nothing
/// is rejected, so the stationary law is not the target's; the bias vanishes with the step size $\alpha$, and so does the speed. Only a
/// proposal whose log density is NaN or infinite is not taken. [`Dmala`] removes the bias.
///
/// ```
/// use pathscore_estimators::samplers::{Dula, FromTape, Options, chains};
/// // Independent bits have differences that the first order finds, but are flipped together.
/// let target = FromTape::new(2, |x| x.sum() * 1.0);
/// let draws = chains(&Dula::by_gradient(0.3), &target, &vec![vec![0.0; 2]; 4], Options::default());
/// let one = draws.estimate(|x| x[0]);
/// assert!((one.mean - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 5.0 * one.standard_error + 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "discrete Langevin proposal")]
pub struct Dula<D = GradientFlips> {
    /// $\alpha$, the step size, above zero.
    pub step_size: f64,
    /// The differences.
    pub flips: D,
}

/// The discrete Metropolis-adjusted Langevin algorithm (Zhang, Liu and Liu 2022): the proposal of [`Dula`], accepted with the
/// probability
///
/// $$\min\left(1, e^{\ell(x') - \ell(x)} \frac{q(x \mid x')}{q(x' \mid x)}\right), \qquad
/// q(x' \mid x) = \prod_i \sigma(\pm a_i(x)), \quad a_i = \tfrac12 \Delta_i - \tfrac{1}{2\alpha},$$
///
/// with the positive sign for the bits that differ. It leaves the target invariant for any step size and any differences.
///
/// ```
/// use pathscore_estimators::samplers::{Dmala, FromTape, Options, chains};
/// let target = FromTape::new(2, |x| x.sum() * 1.0);
/// let draws = chains(&Dmala::by_gradient(0.8), &target, &vec![vec![0.0; 2]; 4], Options::default());
/// let one = draws.estimate(|x| x[0]);
/// assert!((one.mean - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 5.0 * one.standard_error);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "discrete Langevin proposal")]
pub struct Dmala<D = GradientFlips> {
    /// $\alpha$, the step size, above zero.
    pub step_size: f64,
    /// The differences.
    pub flips: D,
}

impl Dula {
    /// Dynamics with differences to first order.
    pub fn by_gradient(step_size: f64) -> Self {
        Self { step_size, flips: GradientFlips }
    }
}

impl Dmala {
    /// Dynamics with differences to first order.
    pub fn by_gradient(step_size: f64) -> Self {
        Self { step_size, flips: GradientFlips }
    }
}

/// A row of bits and the proposal, each with its log density and differences.
#[derive(Clone, Debug)]
pub struct FlipState {
    current: FlipPoint,
    proposal: FlipPoint,
    /// The probabilities of a proposal.
    probs: Vec<f64>,
}

impl Position for FlipState {
    fn position(&self) -> &[f64] {
        &self.current.position
    }
}

impl FlipState {
    fn new<T: LogDensity + ?Sized, D: Flips<T>>(name: &str, d: D, target: &T, x: &[f64]) -> Self {
        let current = FlipPoint::new(name, d, target, x);
        Self { proposal: current.clone(), probs: vec![0.0; x.len()], current }
    }

    fn restart<T: ?Sized, D: Flips<T>>(&mut self, name: &str, flips: D, target: &T, x: &[f64]) {
        self.current.position.copy_from_slice(x);
        self.current.update(name, flips, target);
    }

    /// The current row becomes the proposal, whose bits are then flipped.
    fn begin(&mut self) {
        self.proposal.position.copy_from_slice(&self.current.position);
    }

    /// The proposal becomes current if it was accepted.
    fn settle(&mut self, info: Info) -> Info {
        if info.accepted {
            std::mem::swap(&mut self.current, &mut self.proposal);
        }
        info
    }
}

/// $\ln q(i \mid x)$ of one bit by its differences.
fn log_share(differences: &[f64], bit: usize) -> f64 {
    let top = differences.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = differences.iter().map(|d| (0.5 * (d - top)).exp()).sum();
    0.5 * (differences[bit] - top) - sum.ln()
}

impl<T: LogDensity + ?Sized, D: Flips<T>> Sampler<T> for GibbsWithGradients<D> {
    type State = FlipState;

    fn init<R: RandomSource>(&self, target: &T, position: &[f64], _: &mut R) -> FlipState {
        FlipState::new("gibbs with gradients", self.flips, target, position)
    }

    fn restart<R: RandomSource>(
        &self,
        target: &T,
        position: &[f64],
        state: &mut FlipState,
        _: &mut R,
    ) {
        state.restart("gibbs with gradients", self.flips, target, position);
    }

    fn step<R: RandomSource>(&self, target: &T, state: &mut FlipState, source: &mut R) -> Info {
        state.begin();
        let FlipState { current, proposal, probs } = state;
        let shares = (0..probs.len()).map(|bit| log_share(&current.differences, bit).exp());
        probs.iter_mut().zip(shares).for_each(|(p, share)| *p = share);
        let bit = source.categorical(probs);
        proposal.position[bit] = 1.0 - proposal.position[bit];
        proposal.update("gibbs with gradients", self.flips, target);
        let proposals =
            log_share(&current.differences, bit) - log_share(&proposal.differences, bit);
        let energy_error = current.log_prob - proposal.log_prob + proposals;
        let gradients = self.flips.gradients();
        let info = Info::metropolis(energy_error, MAX_ENERGY_ERROR, gradients, source);
        state.settle(info)
    }
}

/// $a_i$, the log-odds of a flip.
fn log_odds(difference: f64, step_size: f64) -> f64 {
    0.5 * difference - 0.5 / step_size
}

/// Flips every bit of the proposal by itself.
fn propose<R: RandomSource>(step_size: f64, state: &mut FlipState, source: &mut R) {
    state.begin();
    let FlipState { current, proposal, .. } = state;
    for (bit, difference) in proposal.position.iter_mut().zip(&current.differences) {
        if source.bernoulli(log_odds(*difference, step_size).log_sigmoid().exp()) {
            *bit = 1.0 - *bit;
        }
    }
}

/// $\ln q(\mathrm{to} \mid \mathrm{from})$.
fn log_q(step_size: f64, to: &FlipPoint, from: &FlipPoint) -> f64 {
    let bits = to.position.iter().zip(&from.position).zip(&from.differences);
    let each = bits.map(|((to, x), difference)| {
        let a = log_odds(*difference, step_size);
        (if to == x { -a } else { a }).log_sigmoid()
    });
    each.sum()
}

fn expect_step_size(name: &str, step_size: f64) {
    let fits = step_size > 0.0 && step_size.is_finite();
    assert!(fits, "{name}: a step size is a positive number, not {step_size}");
}

impl<T: LogDensity + ?Sized, D: Flips<T>> Sampler<T> for Dula<D> {
    type State = FlipState;

    fn init<R: RandomSource>(&self, target: &T, position: &[f64], _: &mut R) -> FlipState {
        expect_step_size("dula", self.step_size);
        FlipState::new("dula", self.flips, target, position)
    }

    fn restart<R: RandomSource>(
        &self,
        target: &T,
        position: &[f64],
        state: &mut FlipState,
        _: &mut R,
    ) {
        state.restart("dula", self.flips, target, position);
    }

    fn step<R: RandomSource>(&self, target: &T, state: &mut FlipState, source: &mut R) -> Info {
        propose(self.step_size, state, source);
        state.proposal.update("dula", self.flips, target);
        let accepted = state.proposal.log_prob.is_finite();
        let acceptance_probability = if accepted { 1.0 } else { 0.0 };
        let always = Info::always(self.flips.gradients());
        let non_finite = !accepted;
        state.settle(Info { accepted, acceptance_probability, non_finite, ..always })
    }
}

impl<T: LogDensity + ?Sized, D: Flips<T>> Sampler<T> for Dmala<D> {
    type State = FlipState;

    fn init<R: RandomSource>(&self, target: &T, position: &[f64], _: &mut R) -> FlipState {
        expect_step_size("dmala", self.step_size);
        FlipState::new("dmala", self.flips, target, position)
    }

    fn restart<R: RandomSource>(
        &self,
        target: &T,
        position: &[f64],
        state: &mut FlipState,
        _: &mut R,
    ) {
        state.restart("dmala", self.flips, target, position);
    }

    fn step<R: RandomSource>(&self, target: &T, state: &mut FlipState, source: &mut R) -> Info {
        propose(self.step_size, state, source);
        state.proposal.update("dmala", self.flips, target);
        let FlipState { current, proposal, .. } = &*state;
        let proposals =
            log_q(self.step_size, proposal, current) - log_q(self.step_size, current, proposal);
        let energy_error = current.log_prob - proposal.log_prob + proposals;
        let gradients = self.flips.gradients();
        let info = Info::metropolis(energy_error, MAX_ENERGY_ERROR, gradients, source);
        state.settle(info)
    }
}
