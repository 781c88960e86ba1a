//! The random walk of Metropolis.

use super::phase_point::{MetropolisState, PhasePoint, expect_positive};
use super::{Info, LogDensity, Sampler};
use pathscore_models::RandomSource;

/// Random walk Metropolis (Metropolis et al. 1953): $x' = x + s \odot \varepsilon$ with standard normal $\varepsilon$,
/// accepted with the probability $\min(1, \pi(x')/\pi(x))$.
///
/// For a normal target of many dimensions $d$ and standard deviations $\sigma_i$, $s_i = 2.38 \sigma_i/\sqrt d$ is best and
/// accepts 23 % (Roberts, Gelman and Gilks 1997); a draw costs one density, and about $3d$ draws are worth an
/// independent one. With a gradient, [`Hmc`](super::Hmc) is the better choice in more than a few dimensions.
///
/// ```
/// use pathscore_estimators::samplers::{FromFn, Options, RandomWalk, chains};
/// // An exponential distribution; its support ends at zero.
/// let log_prob = |x: &[f64]| if x[0] >= 0.0 { -x[0] } else { f64::NEG_INFINITY };
/// let target = FromFn { dim: 1, log_prob };
/// let draws = chains(&RandomWalk::new(2.0), &target, &vec![vec![1.0]; 4], Options::default());
/// let mean = draws.estimate(|x| x[0]);
/// assert!((mean.mean - 1.0).abs() < 5.0 * mean.standard_error && mean.standard_error < 0.1);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandomWalk {
    /// $s$, the standard deviation of a proposal: one number for all coordinates, or one for each.
    pub scale: Vec<f64>,
}

impl RandomWalk {
    /// A walk with one scale for all coordinates.
    pub fn new(scale: f64) -> Self {
        Self { scale: vec![scale] }
    }
}

impl<T: LogDensity + ?Sized> Sampler<T> for RandomWalk {
    type State = MetropolisState;

    fn init<R: RandomSource>(&self, target: &T, position: &[f64], _: &mut R) -> MetropolisState {
        expect_positive("random walk: scale", &self.scale, position.len());
        MetropolisState::new(PhasePoint::of(target, position))
    }

    fn restart<R: RandomSource>(
        &self,
        target: &T,
        position: &[f64],
        state: &mut MetropolisState,
        _: &mut R,
    ) {
        state.restart_without_grad(target, position);
    }

    fn step<R: RandomSource>(
        &self,
        target: &T,
        state: &mut MetropolisState,
        source: &mut R,
    ) -> Info {
        let MetropolisState { current, proposal } = state;
        let scales = self.scale.iter().cycle();
        for ((to, from), scale) in proposal.position.iter_mut().zip(&current.position).zip(scales) {
            *to = from + scale * source.normal();
        }
        proposal.log_prob = target.log_prob(&proposal.position);
        let energy_error = current.log_prob - proposal.log_prob;
        // There is no integrator that could be unstable.
        let info = Info::metropolis(energy_error, f64::INFINITY, 0, source);
        state.settle(Info { divergent: false, ..info })
    }
}
