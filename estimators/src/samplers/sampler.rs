//! The capability of a Markov transition, and the facts about one of its steps.

use pathscore_models::RandomSource;

/// A Markov transition whose chains sample a target of type `T`.
///
/// All random numbers come from the source of a call, so a transition over finitely many states can be enumerated by an
/// [`Enumerator`](crate::Enumerator). A sampler is a plain value that a step does not change.
///
/// ```
/// use pathscore_estimators::samplers::{FromFn, RandomWalk, Sampler};
/// use pathscore_models::seed;
/// let target = FromFn { dim: 1, log_prob: |x: &[f64]| -0.5 * x[0] * x[0] };
/// let (sampler, rng) = (RandomWalk::new(2.4), &mut seed::rng(0, seed::Stream::Sample, 0));
/// let mut state = sampler.init(&target, &[0.5], rng);
/// let accepted = (0..1000).filter(|_| sampler.step(&target, &mut state, rng).accepted).count();
/// assert!(accepted > 300 && accepted < 600);
/// ```
pub trait Sampler<T: ?Sized> {
    /// The position of a chain with the memory that a step reuses.
    type State: Position;

    /// The state of a chain at `position`. The `source` is for samplers whose state has random parts.
    ///
    /// A chain that starts where the log density is not finite stays there, and its steps say so.
    ///
    /// # Panics
    /// If the dimensions of target, position and sampler do not fit.
    fn init<R: RandomSource>(&self, target: &T, position: &[f64], source: &mut R) -> Self::State;

    /// Moves a chain to a position of a target, which may be another one than before, as [`Sampler::init`] does but in the
    /// memory of the `state`. The samplers of this library allocate nothing here.
    ///
    /// # Panics
    /// If the dimensions of target, position, state and sampler do not fit.
    fn restart<R: RandomSource>(
        &self,
        target: &T,
        position: &[f64],
        state: &mut Self::State,
        source: &mut R,
    ) {
        *state = self.init(target, position, source);
    }

    /// Makes one transition. A density of NaN, a divergence and a rejection are information, not errors.
    fn step<R: RandomSource>(&self, target: &T, state: &mut Self::State, source: &mut R) -> Info;
}

/// A state that lies at a position.
pub trait Position {
    /// The coordinates.
    fn position(&self) -> &[f64];
}

impl Position for Vec<f64> {
    fn position(&self) -> &[f64] {
        self
    }
}

/// The facts about one step of a [`Sampler`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Info {
    /// True if the chain is at the proposal now.
    pub accepted: bool,
    /// $\min(1, e^{-\Delta})$ with the `energy_error` $\Delta$, and zero if $\Delta$ is NaN or $-\infty$; one for samplers
    /// that never reject.
    pub acceptance_probability: f64,
    /// True if the trajectory has left the region where the integrator is stable: the energy has *increased* by more than
    /// a threshold, or is NaN. Without an integrator there is no divergence.
    pub divergent: bool,
    /// True if `energy_error` is not finite. If it is NaN or $-\infty$ the proposal is rejected as well as at $+\infty$: a
    /// density that is infinite somewhere would hold the chain forever.
    pub non_finite: bool,
    /// $\Delta$, minus the logarithm of the Metropolis–Hastings ratio. For Hamiltonian dynamics it is $H$ at the end minus
    /// $H$ at the beginning, after the momentum was drawn.
    pub energy_error: f64,
    /// The number of gradients that the step has computed.
    pub gradients: usize,
}

impl Info {
    /// A step that is always accepted, after so many gradients.
    pub fn always(gradients: usize) -> Self {
        Self {
            accepted: true,
            acceptance_probability: 1.0,
            divergent: false,
            non_finite: false,
            energy_error: 0.0,
            gradients,
        }
    }

    /// Accepts or rejects a proposal with the probability $\min(1, e^{-\Delta})$ (Metropolis et al. 1953), and never if
    /// $\Delta$ is NaN or infinite. The step is divergent if $\Delta$ is above `threshold` or NaN.
    ///
    /// ```
    /// use pathscore_estimators::samplers::Info;
    /// use pathscore_models::seed;
    /// let rng = &mut seed::rng(0, seed::Stream::Sample, 0);
    /// assert!(Info::metropolis(-2000.0, 1000.0, 1, rng).accepted);
    /// let info = Info::metropolis(2000.0, 1000.0, 1, rng);
    /// assert!(info.divergent && !info.accepted && !info.non_finite);
    /// ```
    pub fn metropolis<R: RandomSource>(
        energy_error: f64,
        threshold: f64,
        gradients: usize,
        source: &mut R,
    ) -> Self {
        let non_finite = !energy_error.is_finite();
        let acceptance_probability = if non_finite { 0.0 } else { (-energy_error).exp().min(1.0) };
        let accepted = source.bernoulli(acceptance_probability);
        let divergent = energy_error > threshold || energy_error.is_nan();
        Self { accepted, acceptance_probability, divergent, non_finite, energy_error, gradients }
    }
}
