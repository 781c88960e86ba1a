//! Baselines that know too much, and signals that are scaled by themselves.

use crate::draw::{Draw, Score};
use crate::estimator::{Claim, Columns, Cotangents, Estimator, LogWeights, Query, Work};
use pathscore_autodiff::Scalar;
use pathscore_models::latent::LatentModel;
use pathscore_models::{ParamId, RandomSource};

/// Zoo 1: the baseline is the mean of all draws, the one it corrects among them.
///
/// $E[(f_k - \bar f) \nabla \ln q(z_k)]$ is $(K - 1)/K$ of the gradient. Shipped in many a training loop; fixed
/// in tinker-cookbook (PR 135) as "(G − 1)/G".
#[derive(Clone, Copy, Debug)]
pub struct BatchMean;

impl Columns for BatchMean {
    type Draw = Score;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        let share = F::ONE / F::from_f64(w.draws() as f64);
        cotangents.fill(w, |b| {
            let mean = w.mean(b);
            move |k| (share, share * (w.log_weight(k, b) - mean))
        });
    }
}

/// Zoo 2: the running mean takes in the batch before it is subtracted from it.
///
/// The gradient is multiplied by $1 - (1 - d)/B$. In TFSnippet's `nvil_estimator`, Storchastic's
/// `MovingAverageBaseline` and optax' `moving_avg_baseline`.
#[derive(Clone, Copy, Debug)]
pub struct UpdatedRunningMean {
    /// $d$.
    pub decay: f64,
    /// The mean before this batch.
    pub mean: f64,
}

impl UpdatedRunningMean {
    fn updated(&self, now: f64) -> f64 {
        self.decay * self.mean + (1.0 - self.decay) * now
    }
}

impl Columns for UpdatedRunningMean {
    type Draw = Score;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        let share = F::ONE / F::from_f64(w.draws() as f64);
        let now = (0..w.batch()).map(|b| w.mean(b).to_f64()).sum::<f64>() / w.batch() as f64;
        let baseline = F::from_f64(self.updated(now));
        cotangents.fill(w, |b| move |k| (share, share * (w.log_weight(k, b) - baseline)));
    }

    fn observe(&mut self, mean: f64) {
        self.mean = self.updated(mean);
    }
}

/// Zoo 29: the mean of the others, divided by $K$ instead of $K - 1$.
///
/// Still independent of the draw it corrects, so the mean is right and no comparison of means can tell. But
/// a constant added to the signal no longer changes nothing: with $f$ in the hundreds the variance is that of
/// no baseline.
#[derive(Clone, Copy, Debug)]
pub struct OthersOverK {
    /// What is missing from $K$ in the divisor: 1 is right.
    pub correction: f64,
    /// A constant that is added to the signal.
    pub shift: f64,
}

impl Columns for OthersOverK {
    type Draw = Score;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        let (draws, shift) = (F::from_f64(w.draws() as f64), F::from_f64(self.shift));
        let divisor = draws - F::from_f64(self.correction);
        cotangents.fill(w, |b| {
            let sum = draws * (w.mean(b) + shift);
            move |k| {
                let f = w.log_weight(k, b) + shift;
                (F::ONE / draws, (f - (sum - f) / divisor) / draws)
            }
        });
    }
}

/// Zoo 18: NVIL's divisor, $\max(\text{floor}, \sqrt v)$, with a floor of zero or with this draw in $v$.
///
/// Without the floor of one it amplifies where signals are small; with the draw itself in $v$ it is no
/// constant to that draw, and what is estimated is not even proportional to the gradient.
#[derive(Clone, Copy, Debug)]
pub struct NvilDivisor {
    /// The least divisor: 1 is right.
    pub floor: f64,
    /// Whether $v$ takes in the signal before it divides it.
    pub sees_itself: bool,
    /// $c$ and $v$.
    pub running: [f64; 2],
}

impl NvilDivisor {
    const DECAY: f64 = 0.8;

    fn updated(&self, f: f64) -> [f64; 2] {
        let ([c, v], d) = (self.running, Self::DECAY);
        [d * c + (1.0 - d) * f, d * v + (1.0 - d) * (f - c).powi(2)]
    }
}

impl Columns for NvilDivisor {
    type Draw = Score;

    fn claim(&self) -> Claim {
        Claim::Shrunk
    }

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        let share = F::ONE / F::from_f64(w.draws() as f64);
        cotangents.fill(w, |b| {
            let f = w.mean(b).to_f64();
            let v = if self.sees_itself { self.updated(f)[1] } else { self.running[1] };
            let (c, divisor) = (F::from_f64(self.running[0]), v.sqrt().max(self.floor));
            move |k| (share, share * (w.log_weight(k, b) - c) / F::from_f64(divisor))
        });
    }

    fn observe(&mut self, mean: f64) {
        self.running = self.updated(mean);
    }
}

/// Zoo 3: a baseline learnt from the latents it corrects.
///
/// $C(z) = w_0 + \langle w, z\rangle$, fitted to $f$ by least squares in steps, takes away what $f$ and $\nabla \ln q$
/// have in common: the better it has learnt, the less is left of the gradient. Right before it has learnt anything.
#[derive(Clone, Debug, Default)]
pub struct BaselineOfLatents {
    /// $w_0, w_1, \dots$; nothing before the first batch.
    pub weights: Vec<f64>,
}

impl<M: LatentModel<f64>> Estimator<f64, M> for BaselineOfLatents {
    fn estimate<R: RandomSource>(
        &self,
        query: Query<f64, M>,
        rng: &mut R,
        work: &mut Work<f64>,
    ) -> f64 {
        let Query { model, params, samples, scale, .. } = query;
        work.tape.clear();
        let Work { tape, grads, stats, .. } = work;
        let x = query.rows(tape);
        let drawn = <Score as Draw<f64, M>>::record(model, params.on(tape), x, samples, rng);
        let f = (drawn.log_joint - drawn.log_q).value();
        let z = drawn.z.value();
        let width = z.values().len() / f.values().len();
        stats.clear();
        stats.resize(width + 1, 0.0);
        let share = scale / samples as f64;
        let left = |(f, z): (&f64, &[f64])| {
            let place = |i: usize| if i == 0 { 1.0 } else { z[i - 1] };
            let known: f64 = self.weights.iter().enumerate().map(|(i, w)| w * place(i)).sum();
            let left = f - known;
            stats.iter_mut().enumerate().for_each(|(i, sum)| *sum += left * place(i));
            share * left
        };
        let score: Vec<f64> = f.values().iter().zip(z.values().chunks(width)).map(left).collect();
        let joint = vec![share; score.len()];
        tape.pull_into(&[(drawn.log_joint, &joint), (drawn.log_q, &score)], &[], grads);
        f.values().iter().sum::<f64>() / samples as f64
    }

    fn observe(&mut self, stats: &[f64]) {
        self.weights.resize(stats.len(), 0.0);
        self.weights.iter_mut().zip(stats).for_each(|(w, slope)| *w += 0.1 * slope);
    }
}

/// Zoo 4: the gradient of the baseline's loss $(f - C)^2$ flows into $q$ and the model, or the score term's into
/// the baseline.
///
/// What a surrogate loss does when one `detach` is forgotten: $f$ in the loss, or $C$ in $(f - C) \ln q$.
#[derive(Clone, Copy, Debug)]
pub struct LeakyBaseline {
    /// $C$, a number that is learnt.
    pub baseline: ParamId,
    /// Whether $f$ is left on the tape in the loss.
    pub into_q: bool,
    /// Whether $C$ is left on the tape in the score term.
    pub into_baseline: bool,
}

impl<M: LatentModel<f64>> Estimator<f64, M> for LeakyBaseline {
    fn estimate<R: RandomSource>(
        &self,
        query: Query<f64, M>,
        rng: &mut R,
        work: &mut Work<f64>,
    ) -> f64 {
        let Query { model, params, samples, scale, .. } = query;
        work.tape.clear();
        let Work { tape, grads, .. } = work;
        let x = query.rows(tape);
        let on_tape = params.on(tape);
        let drawn = <Score as Draw<f64, M>>::record(model, on_tape, x, samples, rng);
        let f = (drawn.log_joint - drawn.log_q).value();
        let share = scale / samples as f64;
        let (mut joint, mut score, mut slope) = (Vec::new(), Vec::new(), 0.0);
        drawn.log_q.with(|log_q| {
            for (f, log_q) in f.values().iter().zip(log_q) {
                let left = f - params.get(self.baseline)[0];
                // −∇(f − C)² = −2(f − C)(∇ln p − ∇ln q)
                let leak = if self.into_q { 2.0 * left } else { 0.0 };
                joint.push(share * (1.0 - leak));
                score.push(share * (left + leak));
                slope += share * (2.0 * left - if self.into_baseline { *log_q } else { 0.0 });
            }
        });
        let (baseline, slope) = (on_tape.get(self.baseline), [slope]);
        let pulled =
            [(drawn.log_joint, &joint[..]), (drawn.log_q, &score[..]), (baseline, &slope[..])];
        tape.pull_into(&pulled, &[], grads);
        f.values().iter().sum::<f64>() / samples as f64
    }
}
