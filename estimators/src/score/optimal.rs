//! The constant baseline of least variance (Greensmith, Bartlett and Baxter 2004; Weaver and Tao 2001).

use crate::draw::{Draw, Score};
use crate::estimator::{Estimator, Query, Work};
use pathscore_autodiff::{Grads, Scalar};
use pathscore_models::RandomSource;
use pathscore_models::latent::LatentModel;

/// [`Reinforce`](super::Reinforce) with the constant that leaves the least variance, learnt from the
/// batches before.
///
/// With $g = \frac1K \sum_k \nabla \ln p + f_k \nabla \ln q$ and $s = \frac1K \sum_k \nabla \ln q$, whose mean is
/// zero, the variance of $g - b s$, summed over the parameters, is least at
///
/// $$b = \frac{E\langle g, s\rangle}{E\langle s, s\rangle}.$$
///
/// Columns: $a = 1/K$, $b = (f_k - b)/K$, path 0. Both means run over earlier batches, so $b$ is independent
/// of the draws that it corrects, and the estimator is unbiased for the ELBO's gradient. It costs a second reverse
/// sweep for $s$. Prefer it where draws are expensive and all rows are similar; where rows differ, a baseline that
/// depends on the row ([`Nvil`](super::Nvil)) or on the other draws is better.
#[doc(alias = "control variate")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptimalConstant {
    /// The weight of the old means at each batch.
    pub decay: f64,
    /// $E\langle g, s\rangle$ and $E\langle s, s\rangle$ so far; zero before the first batch.
    means: [f64; 2],
}

/// The working memory of [`OptimalConstant`].
#[derive(Debug, Default)]
struct Scratch<F> {
    /// $f$ of every draw.
    f: Vec<F>,
    /// The adjoints of $s$.
    score: Grads<F>,
}

impl OptimalConstant {
    /// An estimator that has learnt nothing yet: until the first batch is over, the constant is zero.
    ///
    /// # Panics
    /// If `decay` is not at least zero and below one.
    pub fn new(decay: f64) -> Self {
        assert!(
            (0.0..1.0).contains(&decay),
            "the decay is {decay}; it must be at least 0 and below 1"
        );
        Self { decay, means: [0.0; 2] }
    }

    /// $b$.
    pub fn constant(&self) -> f64 {
        let [along, square] = self.means;
        if square > 0.0 { along / square } else { 0.0 }
    }
}

impl<F: Scalar, M: LatentModel<F>> Estimator<F, M> for OptimalConstant {
    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, samples, scale, .. } = query;
        work.tape.clear();
        let Work { tape, grads, stats, cotangents, scratch, .. } = work;
        let Scratch { f, score } = scratch.of::<Scratch<F>>();
        let x = query.rows(tape);
        let drawn = <Score as Draw<F, M>>::record(model, params.on(tape), x, samples, rng);
        let draws = F::from_f64(samples as f64);
        let (share, constant) = (scale / draws, F::from_f64(self.constant()));
        cotangents.log_joint.clear();
        cotangents.log_joint.resize(samples * batch, share);
        f.clear();
        drawn.log_joint.with(|log_joint| {
            drawn.log_q.with(|log_q| {
                f.extend(log_joint.iter().zip(log_q).map(|(&log_joint, &log_q)| log_joint - log_q));
            });
        });
        let bound: F = f.iter().copied().sum();
        cotangents.log_q.clear();
        cotangents.log_q.extend(f.iter().map(|&f| share * (f - constant)));
        let pulled =
            [(drawn.log_joint, &cotangents.log_joint[..]), (drawn.log_q, &cotangents.log_q[..])];
        tape.pull_into(&pulled, &[], grads);
        // The cotangents of s are the same shares as those of ln p.
        tape.pull_into(&[(drawn.log_q, &cotangents.log_joint[..])], &[], score);
        let pairs = grads.leading(params.len()).iter().zip(score.leading(params.len()));
        let (along, square) = pairs.fold((0.0, 0.0), |(along, square), (g, s)| {
            let (g, s) = (g.to_f64(), s.to_f64());
            (along + g * s, square + s * s)
        });
        stats.clear();
        stats.extend([along + self.constant() * square, square]);
        bound / draws
    }

    fn observe(&mut self, stats: &[f64]) {
        // Both means begin at zero, which scales them by the same factor and leaves the ratio.
        let update = |i: usize| self.decay * self.means[i] + (1.0 - self.decay) * stats[i];
        self.means = [update(0), update(1)];
    }

    fn state(&self) -> Vec<f64> {
        self.means.to_vec()
    }

    fn restore(&mut self, state: &[f64]) {
        self.means = state.try_into().unwrap_or([0.0; 2]);
    }
}
