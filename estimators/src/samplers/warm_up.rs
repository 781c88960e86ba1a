//! The choice of step size and mass matrix before sampling.

use super::{Differentiable, Hmc, PhasePoint, Sampler, leapfrog};
use crate::moments::Moments;
use pathscore_models::RandomSource;

/// The options of [`Hmc::warm_up`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarmUp {
    /// The number of transitions.
    pub draws: usize,
    /// The acceptance probability to aim at, $\delta$.
    pub target: f64,
}

impl Default for WarmUp {
    /// A thousand transitions with a target of 0.8, as in Stan.
    fn default() -> Self {
        Self { draws: 1000, target: 0.8 }
    }
}

/// The result of [`Hmc::warm_up`].
#[derive(Clone, Debug, PartialEq)]
pub struct Adapted {
    /// The sampler with the step size and the mass matrix found, which do not change any more.
    pub sampler: Hmc,
    /// The last position, from which chains may start.
    pub position: Vec<f64>,
    /// The number of divergent transitions. Some are usual while the step size is sought.
    pub divergences: usize,
    /// The number of gradients.
    pub gradients: usize,
}

/// Dual averaging of the logarithm of a step size (Nesterov 2009; Hoffman and Gelman 2014, section 3.2) with $\gamma =
/// 0.05$, $t_0 = 10$, $\kappa = 0.75$ and $\mu = \ln 10\varepsilon_1$. After the acceptance probability $\alpha_m$ of
/// transition $m$,
///
/// $$\bar H_m = \Big(1 - \frac1{m + t_0}\Big) \bar H_{m-1} + \frac{\delta - \alpha_m}{m + t_0}, \quad
///   \ln\varepsilon_{m+1} = \mu - \frac{\sqrt m}{\gamma} \bar H_m, \quad
///   \ln\bar\varepsilon_{m+1} = m^{-\kappa} \ln\varepsilon_{m+1} + (1 - m^{-\kappa}) \ln\bar\varepsilon_m.$$
///
/// ```
/// use pathscore_estimators::samplers::DualAveraging;
/// let mut averaging = DualAveraging::new(1.0, 0.8);
/// // An acceptance of e^{−ε} is 0.8 at ε = ln 1.25.
/// (0..2000).for_each(|_| averaging.observe((-averaging.step_size()).exp()));
/// // The error falls as 1/√m.
/// assert!((averaging.averaged() - 1.25_f64.ln()).abs() < 0.004);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DualAveraging {
    target: f64,
    mu: f64,
    count: f64,
    mean_error: f64,
    log_step: f64,
    log_averaged: f64,
}

const GAMMA: f64 = 0.05;
const T0: f64 = 10.0;
const KAPPA: f64 = 0.75;

impl DualAveraging {
    /// The averaging that begins at a step size and aims at an acceptance probability.
    pub fn new(step_size: f64, target: f64) -> Self {
        let log_step = step_size.ln();
        let mu = log_step + 10_f64.ln();
        Self { target, mu, count: 0.0, mean_error: 0.0, log_step, log_averaged: 0.0 }
    }

    /// Takes the acceptance probability of a transition with [`DualAveraging::step_size`].
    pub fn observe(&mut self, acceptance_probability: f64) {
        self.count += 1.0;
        let (m, share) = (self.count, 1.0 / (self.count + T0));
        self.mean_error += share * (self.target - acceptance_probability - self.mean_error);
        self.log_step = self.mu - m.sqrt() / GAMMA * self.mean_error;
        let eta = m.powf(-KAPPA);
        self.log_averaged += eta * (self.log_step - self.log_averaged);
    }

    /// $\varepsilon_{m+1}$, for the next transition.
    pub fn step_size(&self) -> f64 {
        self.log_step.exp()
    }

    /// $\bar\varepsilon_{m+1}$, to be used from now on; the initial step size before the first transition.
    pub fn averaged(&self) -> f64 {
        if self.count > 0.0 { self.log_averaged.exp() } else { self.step_size() }
    }
}

impl Hmc {
    /// Chooses step size and mass matrix in `options.draws` transitions from `position`, keeps the number of leapfrog
    /// steps, and returns the sampler that is then fixed.
    ///
    /// As in Stan, the first 15 % of the transitions adapt only the step size, by [`DualAveraging`]. The next 75 % are cut into
    /// windows of 25, 50, 100, … draws. After each window $M^{-1}$ becomes the sample variances of its draws (Welford 1962),
    /// shrunk towards $10^{-3}$ as if five draws had had that variance, and the step size starts afresh. The last 10 % adapt the
    /// step size to the final masses. The first step size is doubled or halved until the acceptance probability of one leapfrog
    /// step crosses one half (Hoffman and Gelman 2014, algorithm 4).
    ///
    /// The draws of a warm-up do not come from the target, because the transition depends on earlier draws.
    ///
    /// ```
    /// use pathscore_estimators::samplers::{FromTape, Hmc, WarmUp};
    /// use pathscore_models::seed;
    /// let target = FromTape::new(2, |x| {
    ///     (x / x.tape().constant(&[0.1, 3.0], [2])).sum_squares(-1) * -0.5
    /// });
    /// let rng = &mut seed::rng(0, seed::Stream::Sample, 0);
    /// let warm = Hmc::default().warm_up(&target, &[1.0, 1.0], WarmUp::default(), rng);
    /// let [narrow, wide] = warm.sampler.inverse_mass[..] else { panic!("two coordinates") };
    /// assert!((narrow / 0.01).ln().abs() < 0.7 && (wide / 9.0).ln().abs() < 0.7);
    /// ```
    ///
    /// # Panics
    /// If the dimensions do not fit, or `target` is not between zero and one.
    pub fn warm_up<T: Differentiable + ?Sized, R: RandomSource>(
        &self,
        target: &T,
        position: &[f64],
        options: WarmUp,
        source: &mut R,
    ) -> Adapted {
        let WarmUp { draws, target: aim } = options;
        assert!(aim > 0.0 && aim < 1.0, "warm up: an acceptance of {aim} cannot be aimed at");
        let mut sampler = self.clone();
        let mut state = sampler.init(target, position, source);
        sampler.step_size = reasonable_step_size(&sampler, target, &mut state.proposal, source);
        let mut averaging = DualAveraging::new(sampler.step_size, aim);
        let (first, last) = (draws * 15 / 100, draws - draws / 10);
        let (mut moments, mut window) = (Moments::new(position.len()), 25);
        let mut end = window_end(first, window, last);
        let (mut divergences, mut gradients) = (0, 0);
        for draw in 0..draws {
            sampler.step_size = averaging.step_size();
            let info = sampler.step(target, &mut state, source);
            divergences += usize::from(info.divergent);
            gradients += info.gradients;
            averaging.observe(info.acceptance_probability);
            if !(first..last).contains(&draw) {
                continue;
            }
            moments.add(&state.current.position);
            if draw + 1 == end {
                sampler.inverse_mass = shrunk_variances(&moments);
                moments = Moments::new(position.len());
                window *= 2;
                end = window_end(end, window, last);
                state.proposal.copy_from(&state.current);
                sampler.step_size = averaging.averaged();
                let step = reasonable_step_size(&sampler, target, &mut state.proposal, source);
                averaging = DualAveraging::new(step, aim);
            }
        }
        sampler.step_size = averaging.averaged();
        Adapted { sampler, position: state.current.position, divergences, gradients }
    }
}

/// The end of a window that begins at `begin`; a window after which no longer one fits reaches to `last`.
fn window_end(begin: usize, window: usize, last: usize) -> usize {
    if begin + 3 * window > last { last } else { begin + window }
}

/// The variances of $n$ draws with five more of variance $10^{-3}$.
fn shrunk_variances(moments: &Moments) -> Vec<f64> {
    let n = moments.draws;
    let shrunk = |i: usize| (n * moments.variance(i) + 5.0 * 1e-3) / (n + 5.0);
    (0..moments.mean.len()).map(shrunk).collect()
}

/// A step size at which one leapfrog step from `point` is accepted with a probability near one half.
fn reasonable_step_size<T: Differentiable + ?Sized, R: RandomSource>(
    sampler: &Hmc,
    target: &T,
    point: &mut PhasePoint,
    source: &mut R,
) -> f64 {
    let Hmc { inverse_mass, .. } = sampler;
    point.refresh(inverse_mass, source);
    let (start, before) = (point.clone(), point.energy(inverse_mass));
    let mut likely = |step_size: f64| {
        point.copy_from(&start);
        leapfrog(target, point, step_size, inverse_mass);
        // NaN is not likely.
        before - point.energy(inverse_mass) > 0.5_f64.ln()
    };
    let mut step_size = sampler.step_size;
    let grow = likely(step_size);
    let factor = if grow { 2.0 } else { 0.5 };
    // A flat or an impossible density would never cross: fifty doublings are enough for every other.
    for _ in 0..50 {
        if likely(step_size) != grow {
            break;
        }
        step_size *= factor;
    }
    step_size
}
