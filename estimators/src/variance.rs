//! Studies of estimators: bias, variance and time of their draws, compared with the exact gradient.

use crate::enumerator::Enumerator;
use crate::estimator::{Claim, Estimator, Query, Work};
use crate::moments::{BLOCK, Moments, sample};
use crate::proof::Candidate;
use crate::samplers::convergence::ess;
use pathscore_autodiff::Scalar;
use pathscore_models::Params;
use pathscore_models::seed::{self, Stream};
use std::sync::Mutex;

/// Statistics of one component of the gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ComponentStats {
    /// The exact value.
    pub exact: f64,
    /// The mean of the draws.
    pub mean: f64,
    /// The variance of one draw.
    pub variance: f64,
    /// The number of draws.
    pub draws: usize,
    /// The number of independent draws whose mean has the same variance: fewer than [`draws`](Self::draws) where an estimator runs a chain
    /// from draw to draw.
    pub effective_draws: f64,
}

impl ComponentStats {
    /// The standard error of the mean, $\sqrt{\sigma^2 / n}$ with the effective number of draws $n$.
    pub fn standard_error(&self) -> f64 {
        (self.variance / self.effective_draws).sqrt()
    }

    /// $z$, the difference of the mean from the exact value in standard errors; zero if they differ by rounding alone.
    pub fn z(&self) -> f64 {
        let error = self.mean - self.exact;
        // Draws without variance have a standard error of zero, and differ from the truth by rounding.
        let rounding = 1e-9 * self.exact.abs().max(1.0);
        if error.abs() <= rounding && self.standard_error() <= rounding {
            0.0
        } else {
            error / self.standard_error()
        }
    }

    /// $z$ where the exact value has an error itself, which counts beside the standard error of the mean.
    ///
    /// ```
    /// use pathscore_estimators::variance::ComponentStats;
    /// let found = ComponentStats { exact: 1.0, mean: 1.05, variance: 9.0, draws: 10_000, effective_draws: 1e4 };
    /// // The standard errors are 0.03 and 0.04, together 0.05.
    /// assert!((found.z_with(0.04) - 1.0).abs() < 1e-12);
    /// ```
    pub fn z_with(&self, exact_error: f64) -> f64 {
        let z = self.z();
        let standard_error = self.standard_error();
        match exact_error > 0.0 && z != 0.0 {
            true => (self.mean - self.exact) / standard_error.hypot(exact_error),
            false => z,
        }
    }

    /// The signal-to-noise ratio of one draw, $|g| / \sqrt{\mathrm{var}}$.
    pub fn snr(&self) -> f64 {
        self.exact.abs() / self.variance.sqrt()
    }
}

/// The statistics of the draws of an estimator.
#[derive(Clone, Debug, PartialEq)]
pub struct Study {
    /// The claim of the estimator about its mean.
    pub claim: Claim,
    /// The components of the gradient, in the order of the parameters.
    pub components: Vec<ComponentStats>,
    /// The time in seconds for one draw of the whole gradient on one thread.
    pub seconds_per_draw: f64,
    /// The number of draws with a component that is not finite. With one such draw, no mean and no variance is a number.
    pub non_finite: usize,
}

/// Draws the gradient at `x` (one row) `draws` times, with `samples` samples each, and compares the draws with `exact`.
///
/// An estimator that learns does so from draw to draw within a block of 500 draws. Each block starts with a copy of
/// `estimator`, so that the bits do not depend on the number of threads.
///
/// ```
/// use pathscore_estimators::{path::Sgvb, variance::study};
/// use pathscore_models::{Params, latent::LinearGaussian, seed};
/// let mut params = Params::new();
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let model = LinearGaussian::new(&mut params, [0.3, -0.46, 1.5, 0.2], 0.5, rng);
/// // ∂ELBO/∂m is 0.75; the other components are not compared here.
/// let found = study(&model, &params, &Sgvb, &[1.0], 1, &[0.75], 10_000, 0);
/// assert!(found.components[0].z().abs() < 5.0);
/// ```
#[allow(clippy::too_many_arguments)]
pub fn study<F, M, E>(
    model: &M,
    params: &Params<F>,
    estimator: &E,
    x: &[F],
    samples: usize,
    exact: &[f64],
    draws: usize,
    seed: u64,
) -> Study
where
    F: Scalar,
    M: Sync,
    E: Estimator<F, M> + Clone + Send,
{
    let (moments, seconds) = sample(exact.len(), 0..draws, |index| {
        let mut rng = seed::rng(seed, Stream::Estimate, index);
        let (mut work, mut estimator) = (Work::new(), estimator.clone());
        move |out: &mut [f64]| {
            let query = Query::new(model, params, x, samples);
            estimator.estimate(query, &mut rng, &mut work);
            let gradient = work.gradient(out.len());
            out.iter_mut().zip(gradient).for_each(|(out, g)| *out = g.to_f64());
            estimator.observe(&work.stats);
        }
    });
    Study::new(estimator.claim(), &moments, exact, seconds)
}

/// Like [`study`], for any [`Gradient`](crate::proof::Gradient) that can be cloned.
///
/// Where draws depend on earlier ones, as those of a Markov chain that goes on from draw to draw, the first 1500 draws tell how many effective
/// ones there are, by [`ess`] of the blocks of 500, between which nothing is kept. Fewer draws are taken for independent.
pub fn study_candidate(candidate: &dyn Candidate, exact: &[f64], draws: usize, seed: u64) -> Study {
    let claim = candidate.claim();
    let first = Mutex::new(candidate.clone_box());
    let (moments, seconds) = sample(exact.len(), 0..draws, |index| {
        let mut candidate =
            first.lock().expect("no thread panics while it holds the lock").clone_box();
        let mut source = Enumerator::seeded(seed, index);
        move |out: &mut [f64]| {
            candidate.draw(&mut source, out);
        }
    });
    let mut study = Study::new(claim, &moments, exact, seconds);
    let first = first_draws(candidate, exact.len(), draws.min(CORRELATION_DRAWS), seed);
    for (component, draws) in study.components.iter_mut().zip(&first) {
        component.effective_draws /= autocorrelation_time(draws);
    }
    study
}

/// The draws by whose correlation the effective number of all draws is estimated.
const CORRELATION_DRAWS: usize = 3 * BLOCK;

/// The autocorrelation time of independent draws is 1, and its estimate from 1500 of them is 1.03 with a standard deviation of 0.07 (1500
/// times three blocks of normal numbers; the largest was 1.37): what is less than six of these above is taken for none.
const INDEPENDENT: f64 = 1.5;

/// The number of draws that tell as much about the mean as one independent draw: 1 for draws that are independent, or too few to tell.
fn autocorrelation_time(draws: &[f64]) -> f64 {
    if draws.len() < CORRELATION_DRAWS {
        return 1.0;
    }
    let blocks: Vec<Vec<f64>> = draws.chunks_exact(BLOCK).map(<[f64]>::to_vec).collect();
    let time = (blocks.len() * blocks[0].len()) as f64 / ess(&blocks);
    // Draws that are all equal, or not all finite, have no such time.
    if time > INDEPENDENT { time } else { 1.0 }
}

/// The first `count` of the draws that [`study_candidate`] measures with `len` components, component by component.
///
/// ```
/// use pathscore_estimators::Enumerator;
/// use pathscore_estimators::proof::FromFn;
/// use pathscore_estimators::variance::{first_draws, study_candidate};
/// use pathscore_models::RandomSource;
/// let candidate = FromFn(|source: &mut Enumerator, out: &mut [f64]| out[0] = source.normal());
/// let draws = first_draws(&candidate, 1, 1200, 7);
/// let mean = draws[0].iter().sum::<f64>() / 1200.0;
/// assert!((mean - study_candidate(&candidate, &[0.0], 1200, 7).components[0].mean).abs() < 1e-12);
/// ```
pub fn first_draws(
    candidate: &dyn Candidate,
    len: usize,
    count: usize,
    seed: u64,
) -> Vec<Vec<f64>> {
    let (mut gradient, mut draws) = (vec![0.0; len], vec![Vec::with_capacity(count); len]);
    for index in 0..count.div_ceil(BLOCK) {
        let mut candidate = candidate.clone_box();
        let mut source = Enumerator::seeded(seed, index as u64);
        for _ in index * BLOCK..count.min((index + 1) * BLOCK) {
            candidate.draw(&mut source, &mut gradient);
            draws.iter_mut().zip(&gradient).for_each(|(draws, &g)| draws.push(g));
        }
    }
    draws
}

impl Study {
    fn new(claim: Claim, moments: &Moments, exact: &[f64], seconds: f64) -> Self {
        let non_finite = moments.non_finite as usize;
        let draws = moments.draws as usize + non_finite;
        // The moments leave out what is not finite, which no mean of all draws may do.
        let of_all = |moment: f64| if non_finite == 0 { moment } else { f64::NAN };
        let component = |(i, &exact): (usize, &f64)| ComponentStats {
            exact,
            mean: of_all(moments.mean[i]),
            variance: of_all(moments.variance(i)),
            draws,
            effective_draws: draws as f64,
        };
        let components = exact.iter().enumerate().map(component).collect();
        let seconds_per_draw = seconds / draws.max(1) as f64;
        Self { claim, components, seconds_per_draw, non_finite }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::FromFn;
    use pathscore_models::RandomSource;

    #[test]
    fn draws_of_a_chain_count_for_fewer_and_independent_ones_for_themselves() {
        // x' = 0.7 x + ε has the autocorrelations 0.7^t, so that the time is 1.7 / 0.3 = 17 / 3.
        let mut x = 0.0;
        let chain = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
            x = 0.7 * x + source.normal();
            out[0] = x;
        });
        let plain = FromFn(|source: &mut Enumerator, out: &mut [f64]| out[0] = source.normal());
        let draws = 20_000;
        let time = |candidate: &dyn Candidate, draws: usize| {
            let found = study_candidate(candidate, &[0.0], draws, 3).components[0];
            draws as f64 / found.effective_draws
        };
        // From 1500 draws the time is known to about a quarter of it (one standard deviation).
        let found = time(&chain, draws);
        assert!((found * 3.0 / 17.0).ln().abs() < 0.75, "{found}");
        assert_eq!([time(&plain, draws), time(&chain, 1000)], [1.0, 1.0]);
    }
}
