//! Gradient-free estimators: differences of values at parameters that are moved a little.
//!
//! They need no derivatives, only values that can be drawn, at the price of bias and of many evaluations or a high
//! variance.

use crate::estimator::{Claim, Estimator, Query, Work};
use pathscore_autodiff::{Scalar, Tape, Var};
use pathscore_models::dist::Distribution;
use pathscore_models::latent::LatentModel;
use pathscore_models::{Params, RandomSource};

/// Central finite differences, $\frac{F(\theta + h e_i) - F(\theta - h e_i)}{2h}$ for every parameter, where
/// $F = \frac1K \sum_k f_k$ is a draw of the ELBO, with common random numbers on all sides.
///
/// The mean is the same difference of the ELBO, which differs from the derivative by $h^2/6$ times the third
/// derivative: the bias is $O(h^2)$, and zero where the ELBO is quadratic in the parameter. With common random
/// numbers the variance is that of the pathwise derivative where $f$ is smooth in the noise, and grows as $1/h$ for
/// bits; with independent noise for each side it would grow as $1/h^2$. It costs $2P + 1$ evaluations for $P$
/// parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FiniteDifferences {
    /// $h$.
    pub step: f64,
}

/// Simultaneous perturbation stochastic approximation, SPSA (Spall 1992):
/// $\frac{F(\theta + c\Delta) - F(\theta - c\Delta)}{2c} \Delta_i^{-1}$ with independent $\Delta_i = \pm1$ of equal
/// probability, all parameters moved at once, and common random numbers on both sides (Kleinman, Spall and
/// Naiman 1999).
///
/// The derivatives with respect to the other parameters enter with random signs. So the bias is $O(c^2)$, zero where
/// the ELBO is quadratic, and the variance of each component is as large as the squared norm of the whole gradient.
/// The estimate is the mean over `directions` vectors $\Delta$. It costs two evaluations for each of them, for any
/// number of parameters, and one more for the value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spsa {
    /// $c$.
    pub step: f64,
    /// The number of vectors $\Delta$ that are drawn.
    pub directions: usize,
}

impl Default for FiniteDifferences {
    /// The step is 0.01, with which the bias of smooth functions is in the fourth digit.
    fn default() -> Self {
        Self { step: 0.01 }
    }
}

impl Default for Spsa {
    /// The step is that of [`FiniteDifferences`], and there is one direction.
    fn default() -> Self {
        Self { step: 0.01, directions: 1 }
    }
}

impl<F: Scalar, M: LatentModel<F>> Estimator<F, M> for FiniteDifferences {
    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let mut elbo = MovedElbo::new(query, rng, work);
        let value = elbo.value(&[], 0.0);
        let mut direction = vec![0.0; query.params.len()];
        let mut gradient = Vec::with_capacity(direction.len());
        for i in 0..direction.len() {
            direction[i] = 1.0;
            gradient.push(elbo.slope(&direction, self.step));
            direction[i] = 0.0;
        }
        store(query, work, &gradient, value)
    }
}

impl<F: Scalar, M: LatentModel<F>> Estimator<F, M> for Spsa {
    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        assert!(self.directions >= 1, "spsa: the number of directions must be at least one");
        let len = query.params.len();
        let signs: Vec<f64> = (0..self.directions * len)
            .map(|_| if rng.bernoulli(0.5) { 1.0 } else { -1.0 })
            .collect();
        let mut elbo = MovedElbo::new(query, rng, work);
        let value = elbo.value(&[], 0.0);
        let mut gradient = vec![0.0; len];
        for signs in signs.chunks_exact(len.max(1)) {
            let slope = elbo.slope(signs, self.step) / self.directions as f64;
            // 1/Δ = Δ.
            gradient.iter_mut().zip(signs).for_each(|(g, sign)| *g += slope * sign);
        }
        store(query, work, &gradient, value)
    }
}

/// The ELBO at moved parameters, always from the same random numbers.
struct MovedElbo<'a, F, M, R> {
    query: Query<'a, F, M>,
    params: Params<F>,
    common: CommonNoise<'a, R>,
    tape: &'a mut Tape<F>,
}

impl<'a, F: Scalar, M: LatentModel<F>, R: RandomSource> MovedElbo<'a, F, M, R> {
    fn new(query: Query<'a, F, M>, rng: &'a mut R, work: &'a mut Work<F>) -> Self {
        let common = CommonNoise::new(rng);
        Self { query, params: query.params.clone(), common, tape: &mut work.tape }
    }

    /// $\sum_b \frac1K \sum_k f_k$ at $\theta$ + `by` · `direction`, or at $\theta$ if the direction is empty.
    fn value(&mut self, direction: &[f64], by: f64) -> f64 {
        let Query { model, params, samples, .. } = self.query;
        // The tape shares the parameters until it is cleared.
        self.tape.clear();
        let moved = self.params.values_mut().iter_mut().zip(params.values());
        for (i, (to, &from)) in moved.enumerate() {
            let away = direction.get(i).map_or(0.0, |d| by * d);
            *to = from + F::from_f64(away);
        }
        self.common.restart();
        let params = self.params.on(self.tape).detach();
        let x = self.query.rows(self.tape);
        let q = model.posterior(params, x);
        let z = q.sample(samples, &mut self.common);
        let f = model.log_joint(params, x, z) - q.log_prob(z);
        f.with(|f| f.iter().map(|f| f.to_f64()).sum::<f64>()) / samples as f64
    }

    /// The central difference along a direction.
    fn slope(&mut self, direction: &[f64], step: f64) -> f64 {
        (self.value(direction, step) - self.value(direction, -step)) / (2.0 * step)
    }
}

/// Stores a gradient in `work`, as if the tape had computed it, with the batch size and the value for `observe`;
/// returns the value.
fn store<F: Scalar, M>(query: Query<F, M>, work: &mut Work<F>, gradient: &[f64], value: f64) -> F {
    work.tape.clear();
    let Work { tape, grads, stats, .. } = work;
    let cotangents: Vec<F> = gradient.iter().map(|&g| query.scale * F::from_f64(g)).collect();
    let params = query.params.on(tape);
    let mut pulled: Vec<(Var<'_, F>, &[F])> = Vec::new();
    for (id, (_, shape, at)) in query.params.ids().zip(query.params.iter()) {
        pulled.push((params.get(id), &cotangents[at..at + shape.size()]));
    }
    tape.pull_into(&pulled, &[], grads);
    stats.clear();
    stats.extend([query.batch as f64, value]);
    F::from_f64(value)
}

/// A source that repeats its random numbers in the same order after every restart.
///
/// Bits and categories are made from uniform numbers, so that a small change of their probabilities seldom changes
/// them.
struct CommonNoise<'a, R> {
    source: &'a mut R,
    uniforms: Vec<f64>,
    normals: Vec<f64>,
    next_uniform: usize,
    next_normal: usize,
}

impl<'a, R> CommonNoise<'a, R> {
    fn new(source: &'a mut R) -> Self {
        let (uniforms, normals) = Default::default();
        Self { source, uniforms, normals, next_uniform: 0, next_normal: 0 }
    }

    fn restart(&mut self) {
        (self.next_uniform, self.next_normal) = (0, 0);
    }
}

impl<R: RandomSource> RandomSource for CommonNoise<'_, R> {
    fn uniform(&mut self) -> f64 {
        let at = self.next_uniform;
        self.next_uniform += 1;
        if at == self.uniforms.len() {
            self.uniforms.push(self.source.uniform());
        }
        self.uniforms[at]
    }

    fn normal(&mut self) -> f64 {
        let at = self.next_normal;
        self.next_normal += 1;
        if at == self.normals.len() {
            self.normals.push(self.source.normal());
        }
        self.normals[at]
    }
}
