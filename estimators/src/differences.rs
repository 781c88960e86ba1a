//! Estimators of last resort: values alone, at parameters moved a little.
//!
//! They need nothing but a value that can be drawn, no derivative of anything, and pay for it with bias and
//! with evaluations or variance.

use crate::estimator::{Claim, Estimator, Query, Work};
use pathscore_autodiff::{Scalar, Tape, Var};
use pathscore_models::dist::Distribution;
use pathscore_models::latent::LatentModel;
use pathscore_models::{Params, RandomSource};

/// $\frac{F(\theta + h e_i) - F(\theta - h e_i)}{2h}$ for every parameter, $F = \frac1K \sum_k f_k$ a draw of the
/// ELBO, with common random numbers on all sides.
///
/// Its mean is the same difference of the ELBO, off the derivative by $h^2/6$ times the third: biased by
/// $O(h^2)$, exact where the ELBO is quadratic in the parameter. Random numbers shared by the sides make the
/// variance that of the path's derivative where $f$ is smooth in the noise; with draws that jump, as bits do,
/// it grows as $1/h$, and with numbers of their own for each side as $1/h^2$. Costs $2P$ evaluations for $P$
/// parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FiniteDifferences {
    /// $h$.
    pub step: f64,
}

/// Simultaneous perturbation (Spall 1992): $\frac{F(\theta + c\Delta) - F(\theta - c\Delta)}{2c}\,\Delta_i^{-1}$ with
/// $\Delta_i = \pm1$ independent and fair, all parameters moved at once, and common random numbers on both sides
/// (Kleinman, Spall and Naiman 1999).
///
/// The other parameters' slopes stay in the estimate with random signs: its mean is off by $O(c^2)$, nothing
/// where the ELBO is quadratic, and its variance in each component is of the size of the whole squared
/// gradient. Costs two evaluations for any number of parameters, the mean of `directions` such estimates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spsa {
    /// $c$.
    pub step: f64,
    /// How many $\Delta$ are drawn.
    pub directions: usize,
}

impl Default for FiniteDifferences {
    /// A step at which the bias of smooth functions is in the fourth digit.
    fn default() -> Self {
        Self { step: 0.01 }
    }
}

impl Default for Spsa {
    /// The step of [`FiniteDifferences`], one direction.
    fn default() -> Self {
        Self { step: 0.01, directions: 1 }
    }
}

impl<F: Scalar, M: LatentModel<F>> Estimator<F, M> for FiniteDifferences {
    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let mut moved = Moved::new(query, rng, work);
        let value = moved.value(&[], 0.0);
        let mut direction = vec![0.0; query.params.len()];
        let mut gradient = Vec::with_capacity(direction.len());
        for i in 0..direction.len() {
            direction[i] = 1.0;
            gradient.push(moved.slope(&direction, self.step));
            direction[i] = 0.0;
        }
        leave(query, work, &gradient, value)
    }
}

impl<F: Scalar, M: LatentModel<F>> Estimator<F, M> for Spsa {
    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        assert!(self.directions >= 1, "spsa: no direction");
        let len = query.params.len();
        let signs: Vec<f64> = (0..self.directions * len)
            .map(|_| if rng.bernoulli(0.5) { 1.0 } else { -1.0 })
            .collect();
        let mut moved = Moved::new(query, rng, work);
        let value = moved.value(&[], 0.0);
        let mut gradient = vec![0.0; len];
        for signs in signs.chunks_exact(len.max(1)) {
            let slope = moved.slope(signs, self.step) / self.directions as f64;
            // 1/Δ is Δ.
            gradient.iter_mut().zip(signs).for_each(|(g, sign)| *g += slope * sign);
        }
        leave(query, work, &gradient, value)
    }
}

/// The value of the bound at parameters that are moved, always with the same random numbers.
struct Moved<'a, F, M, R> {
    query: Query<'a, F, M>,
    params: Params<F>,
    common: Common<'a, R>,
    tape: &'a mut Tape<F>,
}

impl<'a, F: Scalar, M: LatentModel<F>, R: RandomSource> Moved<'a, F, M, R> {
    fn new(query: Query<'a, F, M>, rng: &'a mut R, work: &'a mut Work<F>) -> Self {
        let common = Common { source: rng, units: Vec::new(), normals: Vec::new(), at: [0; 2] };
        Self { query, params: query.params.clone(), common, tape: &mut work.tape }
    }

    /// $\sum_b \frac1K \sum_k f_k$ at $\theta$ + `by` · `direction`; at $\theta$, if there is no direction.
    fn value(&mut self, direction: &[f64], by: f64) -> f64 {
        let Query { model, params, samples, .. } = self.query;
        // The tape shares the parameters until it is cleared.
        self.tape.clear();
        let places = self.params.values_mut().iter_mut().zip(params.values());
        for (i, (to, &from)) in places.enumerate() {
            let away = direction.get(i).map_or(0.0, |d| by * d);
            *to = from + F::from_f64(away);
        }
        self.common.at = [0; 2];
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

/// Leaves a gradient where estimators leave theirs.
fn leave<F: Scalar, M>(query: Query<F, M>, work: &mut Work<F>, gradient: &[f64], value: f64) -> F {
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

/// Random numbers that come again, in their order, after `at` is set back.
///
/// Bits and classes are made from uniform numbers, so that they change with their probabilities only where
/// the number lies between.
struct Common<'a, R> {
    source: &'a mut R,
    units: Vec<f64>,
    normals: Vec<f64>,
    at: [usize; 2],
}

impl<R: RandomSource> RandomSource for Common<'_, R> {
    fn uniform(&mut self) -> f64 {
        let at = self.at[0];
        self.at[0] += 1;
        if at == self.units.len() {
            self.units.push(self.source.uniform());
        }
        self.units[at]
    }

    fn normal(&mut self) -> f64 {
        let at = self.at[1];
        self.at[1] += 1;
        if at == self.normals.len() {
            self.normals.push(self.source.normal());
        }
        self.normals[at]
    }
}
