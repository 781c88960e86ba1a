//! Mistakes with baselines: they depend on the draw that they correct, or scale the signal by it.

use super::problems::{belief, sigmoid};
use super::specimen::{About, LatentProblem, Property, Specimen};
use crate::draw::{Draw, Score};
use crate::estimator::{Claim, Columns, Cotangents, Estimator, LogWeights, Query, Work};
use crate::proof::{Applied, Effect, Solved};
use crate::score::{Baseline, Reinforce};
use crate::target::Target;
use pathscore_autodiff::Scalar;
use pathscore_models::latent::LatentModel;
use pathscore_models::{Init, ParamId, RandomSource, seed};
use std::sync::Arc;

/// Zoo 1: the baseline is the mean of all draws, including the one that it corrects.
///
/// $E[(f_k - \bar f) \nabla \ln q(z_k)]$ is $(K - 1)/K$ of the gradient. Many training loops contain it;
/// tinker-cookbook fixed it (PR 135) as "(G − 1)/G".
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

/// Zoo 2: the running mean is updated with the batch before it is subtracted from its signals.
///
/// The gradient is multiplied by $1 - (1 - d)/B$. Found in TFSnippet's `nvil_estimator`, Storchastic's
/// `MovingAverageBaseline` and optax' `moving_avg_baseline`.
#[derive(Clone, Copy, Debug)]
pub struct UpdatedRunningMean {
    /// The decay $d$.
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

/// Zoo 29: the sum of the other draws is divided by $K$ instead of $K - 1$.
///
/// The baseline is still independent of the draw that it corrects, so the mean is right and no comparison of means
/// detects the mistake. But a constant added to the signal changes the draws: with $f$ in the hundreds the variance
/// is nearly that without a baseline.
#[derive(Clone, Copy, Debug)]
pub struct OthersOverK {
    /// The number that is subtracted from $K$ in the divisor: 1 is right.
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

/// Zoo 18: NVIL's divisor, $\max(\text{floor}, \sqrt v)$, with a floor of zero, or with a variance $v$ that contains
/// the draw itself.
///
/// Without the floor of one it amplifies small signals. If $v$ contains the draw, the divisor depends on the draw
/// that it divides, and the mean is not even proportional to the gradient.
#[derive(Clone, Copy, Debug)]
pub struct NvilDivisor {
    /// The smallest divisor: 1 is right.
    pub floor: f64,
    /// True if $v$ is updated with the signal before it divides the signal.
    pub includes_draw: bool,
    /// The running mean $c$ and the running variance $v$.
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
            let v = if self.includes_draw { self.updated(f)[1] } else { self.running[1] };
            let (c, divisor) = (F::from_f64(self.running[0]), v.sqrt().max(self.floor));
            move |k| (share, share * (w.log_weight(k, b) - c) / F::from_f64(divisor))
        });
    }

    fn observe(&mut self, mean: f64) {
        self.running = self.updated(mean);
    }
}

/// Zoo 3: a learnt baseline that is a function of the latents whose score it multiplies.
///
/// $C(z) = w_0 + \langle w, z\rangle$, fitted to $f$ by steps of least squares, removes the covariance of $f$ and
/// $\nabla \ln q$: the better it fits, the less is left of the gradient. Before the first step the mean is right.
#[derive(Clone, Debug, Default)]
pub struct BaselineOfLatents {
    /// $w_0, w_1, \dots$; empty before the first batch.
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
        let signal = |(f, z): (&f64, &[f64])| {
            let feature = |i: usize| if i == 0 { 1.0 } else { z[i - 1] };
            let fitted: f64 = self.weights.iter().enumerate().map(|(i, w)| w * feature(i)).sum();
            let signal = f - fitted;
            stats.iter_mut().enumerate().for_each(|(i, sum)| *sum += signal * feature(i));
            share * signal
        };
        let of_log_q: Vec<f64> =
            f.values().iter().zip(z.values().chunks(width)).map(signal).collect();
        let of_log_joint = vec![share; of_log_q.len()];
        let cotangents = [(drawn.log_joint, &of_log_joint[..]), (drawn.log_q, &of_log_q[..])];
        tape.pull_into(&cotangents, &[], grads);
        f.values().iter().sum::<f64>() / samples as f64
    }

    fn observe(&mut self, stats: &[f64]) {
        self.weights.resize(stats.len(), 0.0);
        self.weights.iter_mut().zip(stats).for_each(|(w, slope)| *w += 0.1 * slope);
    }
}

/// Zoo 4: the gradient of the baseline's loss $(f - C)^2$ flows into $q$ and the model, or that of the score term
/// into the baseline.
///
/// A surrogate loss does so if one `detach` is forgotten: that of $f$ in the loss, or that of $C$ in $(f - C) \ln q$.
#[derive(Clone, Copy, Debug)]
pub struct LeakyBaseline {
    /// The baseline $C$, a learnt number.
    pub baseline: ParamId,
    /// True if $f$ stays on the tape in the loss.
    pub into_q: bool,
    /// True if $C$ stays on the tape in the score term.
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
        let (mut of_log_joint, mut of_log_q, mut of_baseline) = (Vec::new(), Vec::new(), 0.0);
        drawn.log_q.with(|log_q| {
            for (f, log_q) in f.values().iter().zip(log_q) {
                let signal = f - params.get(self.baseline)[0];
                // −∇(f − C)² = −2(f − C)(∇ln p − ∇ln q)
                let leak = if self.into_q { 2.0 * signal } else { 0.0 };
                of_log_joint.push(share * (1.0 - leak));
                of_log_q.push(share * (signal + leak));
                of_baseline +=
                    share * (2.0 * signal - if self.into_baseline { *log_q } else { 0.0 });
            }
        });
        let (baseline, of_baseline) = (on_tape.get(self.baseline), [of_baseline]);
        let cotangents = [
            (drawn.log_joint, &of_log_joint[..]),
            (drawn.log_q, &of_log_q[..]),
            (baseline, &of_baseline[..]),
        ];
        tape.pull_into(&cotangents, &[], grads);
        f.values().iter().sum::<f64>() / samples as f64
    }
}

const NO_BASELINE: Reinforce = Reinforce { baseline: Baseline::None };

/// The mistakes with baselines, each with its problem and its fix.
pub(super) fn specimens() -> Vec<Specimen> {
    let elbo = |samples, rows| LatentProblem::new(belief(Target::Elbo, samples, rows));
    let (one, three) = (elbo(1, 1), elbo(3, 1));
    // The mean of the signals is −2.7; with a variance of four the divisor is two.
    let divisor = |floor, includes_draw, v| {
        let running = [-2.7, v];
        NvilDivisor { floor, includes_draw, running }
    };
    let over = |correction, shift| OthersOverK { correction, shift };
    let shifted = |correction| Box::new(Applied::new(&three.latent, over(correction, 100.0)));
    vec![
        About {
            number: 1,
            name: "batch-mean",
            wrong: "the baseline contains the draw it corrects",
            source: "tinker-cookbook PR 135",
            evidence: "times 0.666667: (K − 1)/K: the baseline contains the draw",
        }
        .on_latent(&three, BatchMean, Reinforce { baseline: Baseline::LeaveOneOut }),
        About {
            number: 2,
            name: "seen-mean",
            wrong: "the running mean has seen the batch",
            source: "TFSnippet, Storchastic, optax",
            evidence: "times 0.950000: 1 − (1 − d)/B: a running mean that has seen the batch",
        }
        .on_latent(
            &elbo(1, 2),
            UpdatedRunningMean { decay: 0.9, mean: -2.5 },
            Reinforce { baseline: Baseline::RunningMean { decay: 0.9, mean: Some(-2.5) } },
        ),
        About {
            number: 3,
            name: "sees-draw",
            wrong: "a learnt baseline sees the draw",
            source: "a baseline of (x, z)",
            evidence: "only after",
        }
        .on_latent(&one, BaselineOfLatents::default(), NO_BASELINE),
        leaky(
            About {
                number: 4,
                name: "loss-into-q",
                wrong: "the baseline's loss reaches q",
                source: "f not detached",
                evidence: "+ the slope of the baseline's loss in q and p",
            },
            true,
        ),
        leaky(
            About {
                number: 4,
                name: "q-into-baseline",
                wrong: "the score term reaches the baseline",
                source: "C not detached",
                evidence: "+ the slope of (f − C) ln q in the baseline",
            },
            false,
        ),
        About {
            number: 18,
            name: "divisor-below-one",
            wrong: "NVIL's divisor has no floor of one",
            source: "max(1, ·) left out",
            evidence: "amplifies",
        }
        .on_latent(&one, divisor(0.0, false, 0.4), divisor(1.0, false, 0.4)),
        About {
            number: 18,
            name: "divisor-sees-draw",
            wrong: "NVIL's variance includes the draw",
            source: "paper, Algorithm 1",
            evidence: "phi",
        }
        .on_latent(&one, divisor(1.0, true, 4.0), divisor(1.0, false, 4.0)),
        Specimen {
            property: Property::ShiftInvariance { candidate: shifted(0.0), fixed: shifted(1.0) },
            ..About {
                number: 29,
                name: "others-over-k",
                wrong: "the mean of the others is divided by K",
                source: "a common slip",
                evidence: "a constant added to the signal moves a draw",
            }
            .on_latent(&three, over(0.0, 0.0), over(1.0, 0.0))
        },
    ]
}

/// [`LeakyBaseline`] on the ELBO, to which the loss of the baseline $\psi$ is added.
fn leaky(about: About, into_q: bool) -> Specimen {
    let mut problem = belief(Target::Elbo, 1, 1);
    let (rng, psi) = (&mut seed::rng(0, seed::Stream::Init, 0), -2.0);
    let baseline = problem.params.add("baseline", [1], Init::Constant(psi), rng);
    let right = LeakyBaseline { baseline, into_q: false, into_baseline: false };
    let wrong = LeakyBaseline { into_q, into_baseline: !into_q, ..right };
    let leak = problem.gradient_at_fixed_draws(|f| -(f - psi).powi(2));
    let entropy = |eta: f64| eta.exp().ln_1p() - eta * sigmoid(eta);
    let mut into_baseline = vec![0.0; problem.params.len()];
    let mut solved = Solved::of(&problem).expect("a sum over four states is exact");
    // The baseline maximises −E(f − ψ)², whose derivative with respect to ψ is 2(E f − ψ).
    let value = solved.truth.value.expect("a bound has a value");
    *solved.truth.gradient.last_mut().expect("ψ is a parameter") = 2.0 * (value - psi);
    *into_baseline.last_mut().expect("ψ is a parameter") = entropy(0.8) + entropy(-0.5);
    let solved = solved
        .with_mistake("the slope of the baseline's loss in q and p", Effect::Beside(leak))
        .with_mistake("the slope of (f − C) ln q in the baseline", Effect::Beside(into_baseline));
    let shared = Arc::new(problem);
    about.on(solved, Applied::new(&shared, wrong), Applied::new(&shared, right))
}
