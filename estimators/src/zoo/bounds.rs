//! Mistakes with bounds: a weight, an axis, a scale or a score term in the wrong place.

use super::problems::{belief, line};
use super::specimen::{About, LatentProblem, Specimen};
use crate::draw::{Draw, Path, Score, StoppedPath};
use crate::estimator::{Columns, Cotangents, Estimator, LogWeights, Query, Work};
use crate::path::{Dreg, Iwae};
use crate::proof::Latent;
use crate::score::{Baseline, Reinforce, Vimco};
use crate::target::Target;
use pathscore_autodiff::Scalar;
use pathscore_models::RandomSource;
use pathscore_models::dist::{Bernoulli, Kl};
use pathscore_models::latent::LatentModel;

/// Zoo 6: the weights $\tilde w_k$ in $\sum_k \tilde w_k f_k$ are not detached.
///
/// The gradient of the weights, $\nabla \tilde w_k = \tilde w_k (\nabla f_k - \sum_j \tilde w_j \nabla f_j)$, is added
/// to that of $L_K$. Found in PyTorch-VAE's IWAE (issue 34).
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

/// Zoo 7: the squared weights of doubly reparameterised gradients multiply the model's gradient too.
///
/// $\tilde w^2$ belongs to the path into the posterior, and $\tilde w$ to the model. Found in TensorFlow Probability's
/// `DOUBLY_REPARAMETERIZED`, where the squared weights multiply the whole of $\ln w$.
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

/// VIMCO with a mistake in its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongVimco {
    /// Zoo 8: $-\ln q$ is missing from the second sum, $\sum_k \tilde w_k \nabla f_k$.
    NoLogQ,
    /// Zoo 9: the learning signals are summed to one number, which then multiplies every $\nabla \ln q(z_k)$: a sum
    /// over the wrong axis (parmesan, issue 46).
    Broadcast,
    /// Zoo 15: automatic differentiation of the bound with discrete draws, $\sum_k \tilde w_k \nabla f_k$, without a
    /// score term; on two bits the sign is wrong.
    NoScore,
    /// Zoo 16: the posterior gets no gradient, since its draws have no path. Found in Pyro's `RenyiELBO` with a guide
    /// that cannot be reparameterised (issue 3289).
    NoPosteriorGradient,
    /// Zoo 19: the weights $w_k/K$ of the model are not normalised, which gives the gradient of $p(x)$ and not of
    /// $\ln p(x)$.
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
                let (a, b_k) = (cotangents.log_joint[at(k)], &mut cotangents.log_q[at(k)]);
                match self {
                    Self::NoLogQ => *b_k += a,
                    Self::Broadcast => *b_k = signals - a,
                    Self::NoScore => *b_k = -a,
                    Self::NoPosteriorGradient => *b_k = F::ZERO,
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
/// The result is the bound of one latent shared by all rows, instead of one bound for each row (breze, PR 85; a comment
/// on Pyro's issue 3104).
#[derive(Clone, Copy, Debug)]
pub struct BatchAveragedWeights;

impl BatchAveragedWeights {
    /// The log-weights averaged over the rows.
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

/// Zoo 20: the average of logarithms instead of the logarithm of the average.
///
/// $\frac1K \sum_k \ln w_k$ is a draw of the ELBO for every $K$, and not of $L_K$.
#[derive(Clone, Copy, Debug)]
pub struct MeanOfLogs;

impl Columns for MeanOfLogs {
    type Draw = Path;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        let share = F::ONE / F::from_f64(w.draws() as f64);
        cotangents.fill(w, |_| |_| (share, -share));
    }
}

/// Zoo 14: the score-function estimator with a sample that is not detached.
///
/// In $f \nabla \ln q(z)$ with $z = \mu + \sigma\varepsilon$ on the tape, $\ln q(z)$ does not depend on $\mu$ at all,
/// and its gradient is zero (TensorFlow, issue 7236: "gradient is incorrect for log pdf of Normal").
#[derive(Clone, Copy, Debug)]
pub struct UndetachedSample;

impl Columns for UndetachedSample {
    type Draw = Path;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        let share = F::ONE / F::from_f64(w.draws() as f64);
        cotangents.fill(w, |b| move |k| (share, share * w.log_weight(k, b)));
    }
}

/// Zoo 5: the scale $N/B$ of a batch enters the score term twice.
///
/// The estimator applies the scale to the signal, and its caller to the gradient (Pyro, issue 531: the scale entered
/// squared at sites without a path).
#[derive(Clone, Copy, Debug)]
pub struct ScaledTwice {
    /// The factor $N/B$ on the signal: 1 is right.
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

/// Zoo 13: a mean over latents or over pixels where the ELBO has a sum.
///
/// Either the divergence is averaged over the latents, or the likelihood over the pixels, while the other term is
/// summed: that is the bound of another model. Users report this mistake most often.
#[derive(Clone, Copy, Debug, Default)]
pub struct AveragedTerms {
    /// True if the divergence is averaged over the latents.
    pub latents: bool,
    /// True if the likelihood is averaged over the pixels.
    pub pixels: bool,
}

impl<M> Estimator<f64, M> for AveragedTerms
where
    M: for<'t> LatentModel<f64, Posterior<'t> = Bernoulli<'t, f64>, Prior<'t> = Bernoulli<'t, f64>>,
{
    fn estimate<R: RandomSource>(
        &self,
        query: Query<f64, M>,
        rng: &mut R,
        work: &mut Work<f64>,
    ) -> f64 {
        let Query { model, params, batch, samples, scale, .. } = query;
        work.tape.clear();
        let Work { tape, grads, .. } = work;
        let x = query.rows(tape);
        let on_tape = params.on(tape);
        let q = model.posterior(on_tape, x);
        let z = <Score as Draw<f64, M>>::draw(&q, samples, rng);
        let likelihood = model.log_likelihood(on_tape, x, z);
        let log_q = <Score as Draw<f64, M>>::log_probs(model, on_tape, x, &q, z).log_q;
        let divergence = q.kl(&model.prior(on_tape));
        let divisor = |averaged: bool, size: usize| if averaged { size as f64 } else { 1.0 };
        let share = scale / (samples as f64 * divisor(self.pixels, x.size() / batch));
        let latents = z.size() / (samples * batch);
        let weights = vec![share; samples * batch];
        let signal: Vec<f64> = likelihood.with(|all| all.iter().map(|l| share * l).collect());
        let of_divergence = vec![-scale / divisor(self.latents, latents); batch];
        let cotangents = [(likelihood, &weights), (log_q, &signal), (divergence, &of_divergence)];
        tape.pull_into(&cotangents.map(|(var, column)| (var, &column[..])), &[], grads);
        let mean = |likelihood: &[f64]| likelihood.iter().sum::<f64>() / samples as f64;
        likelihood.with(mean) - divergence.with(|divergence| divergence.iter().sum::<f64>())
    }
}

const NO_BASELINE: Reinforce = Reinforce { baseline: Baseline::None };

/// The mistakes with bounds, each with its problem and its fix.
pub(super) fn specimens() -> Vec<Specimen> {
    let bits = LatentProblem::new(belief(Target::Bound, 2, 1));
    // Quadrature in two dimensions is slow, so several specimens share this problem.
    let normal = LatentProblem::new(line(Target::Bound, 2));
    let elbo = LatentProblem::new(belief(Target::Elbo, 2, 1));
    // Two of five rows are observed at a time.
    let scaled = LatentProblem::new(Latent { scale: 2.5, ..belief(Target::Elbo, 1, 2) });
    let vimco = Vimco::default();
    vec![
        About {
            number: 5,
            name: "scaled-twice",
            wrong: "N/B enters twice before the score",
            source: "Pyro issue 531",
            evidence: "times 2.500000: the scale of the batch enters twice",
        }
        .on_latent(&scaled, ScaledTwice { scale: 2.5 }, ScaledTwice { scale: 1.0 }),
        About {
            number: 6,
            name: "unstopped",
            wrong: "w̃ is not stopped in Σ w̃ₖ fₖ",
            source: "PyTorch-VAE issue 34",
            evidence: "w̃ is not stopped",
        }
        .on_latent(&normal, UndetachedWeights, Iwae),
        About {
            number: 7,
            name: "squared-for-model",
            wrong: "w̃² on the model's parameters",
            source: "TFP DOUBLY_REPARAMETERIZED",
            evidence: "w̃² instead of w̃",
        }
        .on_latent(&normal, SquaredForModel, Dreg),
        About {
            number: 8,
            name: "no-log-q",
            wrong: "VIMCO without −∇ln q in its second sum",
            source: "the usual slip",
            evidence: "+ Σ w̃ₖ ∇ln q(zₖ), beside the gradient",
        }
        .on_latent(&bits, WrongVimco::NoLogQ, vimco),
        About {
            number: 9,
            name: "broadcast",
            wrong: "signals are summed, then broadcast",
            source: "parmesan issue 46",
            evidence: "phi",
        }
        .on_latent(&bits, WrongVimco::Broadcast, vimco),
        About {
            number: 10,
            name: "pooled",
            wrong: "the log-sum-exp comes after the batch mean",
            source: "breze PR 85",
            evidence: "the log-sum-exp comes after the mean over the batch",
        }
        .on_latent(
            &LatentProblem::new(belief(Target::Bound, 2, 2)),
            BatchAveragedWeights,
            vimco,
        ),
        About {
            number: 13,
            name: "divergence-averaged",
            wrong: "the divergence is averaged over the latents",
            source: "common",
            evidence: "the divergence from the prior counts 0.5000 times",
        }
        .on_latent(
            &elbo,
            AveragedTerms { latents: true, pixels: false },
            AveragedTerms::default(),
        ),
        About {
            number: 13,
            name: "likelihood-averaged",
            wrong: "the likelihood is averaged over the pixels",
            source: "common",
            evidence: "the likelihood of the data counts 0.3333 times",
        }
        .on_latent(
            &elbo,
            AveragedTerms { latents: false, pixels: true },
            AveragedTerms::default(),
        ),
        About {
            number: 14,
            name: "carried",
            wrong: "the draw of the score carries its path",
            source: "TensorFlow issue 7236",
            evidence: "z is not stopped",
        }
        .on_latent(
            &LatentProblem::new(line(Target::Elbo, 1)),
            UndetachedSample,
            NO_BASELINE,
        ),
        About {
            number: 15,
            name: "no-score",
            wrong: "L_K of discrete draws without a score term",
            source: "autodiff of IWAE",
            evidence: "the score term is missing",
        }
        .on_latent(&bits, WrongVimco::NoScore, vimco),
        About {
            number: 16,
            name: "silent",
            wrong: "no gradient arrives where there is no path",
            source: "Pyro issue 3289",
            evidence: "zero, no derivative arrives",
        }
        .on_latent(&bits, WrongVimco::NoPosteriorGradient, vimco),
        About {
            number: 19,
            name: "unnormalised",
            wrong: "weights are not normalised",
            source: "the gradient of p, not ln p",
            evidence: "weights are not normalised",
        }
        .on_latent(&bits, WrongVimco::Unnormalised, vimco),
        About {
            number: 20,
            name: "mean-of-logs",
            wrong: "the average of logs for the log of the average",
            source: "multi-sample ELBO",
            evidence: "the gradient of ELBO instead",
        }
        .on_latent(&normal, MeanOfLogs, Iwae),
    ]
}
