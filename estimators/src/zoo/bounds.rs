//! Bounds of several draws with a weight, an axis or a score term in the wrong place.

use crate::draw::{Path, Score, StoppedPath};
use crate::estimator::{Columns, Cotangents, LogWeights};
use crate::score::Vimco;
use pathscore_autodiff::Scalar;

/// Zoo 6: $\sum_k \tilde w_k f_k$ differentiated with $\tilde w$ left on the tape.
///
/// $\nabla \tilde w_k = \tilde w_k (\nabla f_k - \sum_j \tilde w_j \nabla f_j)$ comes beside the gradient of $L_K$.
/// In PyTorch-VAE's IWAE (issue 34).
#[derive(Clone, Copy, Debug)]
pub struct UndetachedWeights;

impl Columns for UndetachedWeights {
    type Draw = Path;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        cotangents.fill(w, |b| {
            let share = w.normalised(b);
            let mean: F = (0..w.draws()).map(|k| share(k) * w.log_weight(k, b)).sum();
            move |k| {
                let a = share(k) * (F::ONE + w.log_weight(k, b) - mean);
                (a, -a)
            }
        });
    }

    fn bound<F: Scalar>(&self, w: &LogWeights<F>, b: usize) -> F {
        w.bound(b)
    }
}

/// Zoo 7: the squared weights of doubly reparameterised gradients on the model too.
///
/// $\tilde w^2$ belongs to the path into the posterior; the model keeps $\tilde w$. In TensorFlow Probability's
/// `DOUBLY_REPARAMETERIZED`, whose weights stand before the whole of $\ln w$.
#[derive(Clone, Copy, Debug)]
pub struct SquaredForModel;

impl Columns for SquaredForModel {
    type Draw = StoppedPath;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        cotangents.fill(w, |b| {
            let share = w.normalised(b);
            move |k| (share(k) * share(k), -share(k) * share(k))
        });
    }

    fn bound<F: Scalar>(&self, w: &LogWeights<F>, b: usize) -> F {
        w.bound(b)
    }
}

/// VIMCO's columns with a slip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongVimco {
    /// Zoo 8: $-\ln q$ is missing from the second sum, $\sum_k \tilde w_k \nabla f_k$.
    NoLogQ,
    /// Zoo 9: the learning signals are summed to one number, which then multiplies every $\nabla \ln q(z_k)$: a sum
    /// over the wrong axis (parmesan, issue 46).
    Broadcast,
    /// Zoo 15: autodiff of the bound with discrete draws, $\sum_k \tilde w_k \nabla f_k$, and no score term; on two bits
    /// the sign flips.
    NoScore,
    /// Zoo 16: nothing at all for the posterior, since its draws have no path: Pyro's `RenyiELBO` with a guide
    /// that cannot be reparameterised (issue 3289).
    NoPosteriorGradient,
    /// Zoo 19: the weights $w_k/K$, not normalised, for the model: what is followed is $p(x)$ and not $\ln p(x)$.
    Unnormalised,
}

impl Columns for WrongVimco {
    type Draw = Score;

    fn min_samples(&self) -> usize {
        2
    }

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        Vimco::default().cotangents(w, cotangents);
        let (batch, draws) = (w.batch(), w.draws());
        for b in 0..batch {
            let at = |k: usize| k * batch + b;
            // The signal of draw k is b_k + a_k.
            let signals: F =
                (0..draws).map(|k| cotangents.log_q[at(k)] + cotangents.log_joint[at(k)]).sum();
            for k in 0..draws {
                let (a, score) = (cotangents.log_joint[at(k)], &mut cotangents.log_q[at(k)]);
                match self {
                    Self::NoLogQ => *score += a,
                    Self::Broadcast => *score = signals - a,
                    Self::NoScore => *score = -a,
                    Self::NoPosteriorGradient => *score = F::ZERO,
                    Self::Unnormalised => {
                        let weight = w.log_weight(k, b).exp() / F::from_f64(draws as f64);
                        cotangents.log_joint[at(k)] = weight;
                    }
                }
            }
        }
    }

    fn bound<F: Scalar>(&self, w: &LogWeights<F>, b: usize) -> F {
        w.bound(b)
    }
}

/// Zoo 10: the log-weights are averaged over the batch before the log-sum-exp over the draws.
///
/// The bound of one latent shared by all rows instead of one bound for each (breze, PR 85; a comment to Pyro's
/// issue 3104).
#[derive(Clone, Copy, Debug)]
pub struct BatchAveragedWeights;

impl BatchAveragedWeights {
    /// The means over the rows, as the weights of one member.
    fn means<F: Scalar>(w: &LogWeights<F>) -> Vec<F> {
        let batch = F::from_f64(w.batch() as f64);
        let mean = |k| (0..w.batch()).map(|b| w.log_weight(k, b)).sum::<F>() / batch;
        (0..w.draws()).map(mean).collect()
    }
}

impl Columns for BatchAveragedWeights {
    type Draw = Score;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        let (means, zeros) = (Self::means(w), vec![F::ZERO; w.draws()]);
        let pooled = LogWeights::new(w.draws(), 1, &means, &zeros);
        let bound = F::from_f64(w.batch() as f64) * pooled.bound(0);
        cotangents.fill(w, |_| {
            let share = pooled.normalised(0);
            move |k| (share(k), bound - share(k))
        });
    }

    fn bound<F: Scalar>(&self, w: &LogWeights<F>, _: usize) -> F {
        LogWeights::new(w.draws(), 1, &Self::means(w), &vec![F::ZERO; w.draws()]).bound(0)
    }
}

/// Zoo 20: the average of the logs instead of the log of the average.
///
/// $\frac1K \sum_k \ln w_k$ is the ELBO for every $K$; a run with $K = 50$ believes it has trained on $L_{50}$.
#[derive(Clone, Copy, Debug)]
pub struct MeanOfLogs;

impl Columns for MeanOfLogs {
    type Draw = Path;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        let share = F::ONE / F::from_f64(w.draws() as f64);
        cotangents.fill(w, |_| |_| (share, -share));
    }
}

/// Zoo 14: the score-function estimator at a draw that carries its path.
///
/// $f \nabla \ln q(z)$ with $z = \mu + \sigma\varepsilon$ on the tape: $\ln q(z)$ no longer depends on $\mu$ at all, and the
/// signal has nothing to multiply (TensorFlow, issue 7236: "gradient is incorrect for log pdf of Normal").
#[derive(Clone, Copy, Debug)]
pub struct UndetachedSample;

impl Columns for UndetachedSample {
    type Draw = Path;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        let share = F::ONE / F::from_f64(w.draws() as f64);
        cotangents.fill(w, |b| move |k| (share, share * w.log_weight(k, b)));
    }
}

/// Zoo 5: the scale $N/B$ of a batch enters twice before the score.
///
/// The estimator knows the scale and applies it to the signal, and what calls it applies it to the gradient
/// (Pyro, issue 531: at sites without a path the scale entered squared).
#[derive(Clone, Copy, Debug)]
pub struct ScaledTwice {
    /// $N/B$: 1 is right.
    pub scale: f64,
}

impl Columns for ScaledTwice {
    type Draw = Score;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        let share = F::ONE / F::from_f64(w.draws() as f64);
        let scale = F::from_f64(self.scale);
        cotangents.fill(w, |b| move |k| (share, share * scale * w.log_weight(k, b)));
    }
}
