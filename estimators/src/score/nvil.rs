//! Neural variational inference and learning (Mnih and Gregor 2014).

use crate::estimator::{Claim, Estimator, Query, Work};
use pathscore_autodiff::{Activation, Scalar, Var};
use pathscore_models::dist::{Distribution, Layers};
use pathscore_models::latent::LatentModel;
use pathscore_models::nn::Mlp;
use pathscore_models::{Params, RandomSource};
use rand::Rng;
use smallvec::SmallVec;

/// The time at which a batch enters the running mean and variance of the signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// After the gradient of the batch was taken: the moments are independent of the draws that they correct.
    #[default]
    Unbiased,
    /// Before the gradient is taken, as in Algorithm 1 of the paper: the centring then multiplies the posterior's
    /// gradient by $1 - (1 - d)/n$ for $n$ draws in the batch.
    Paper,
}

/// The score-function gradient with a network for a baseline, centred and scaled by running moments of the signal.
///
/// $$\frac1K \sum_k \nabla \ln p(x, z_k) + \sum_i \frac{s_i(z_k) - C_i - c_i}{\max(1, \sqrt{v_i})}
///   \nabla \ln q(h_i \mid h_{i-1})$$
///
/// In a model of several layers, with $h_0 = x$, the signal of layer $i$ is the sum of the terms that depend on it,
/// $s_i = \sum_{j \ge i} \ln p(h_{j-1} \mid h_j) - \ln q(h_j \mid h_{j-1})$ (and the prior), and its baseline $C_i$ is
/// a network of $h_{i-1}$, which does not depend on $h_i$. The tensors of the baselines follow the model's parameters
/// in the same vector. Their gradient, of $-(s_i - C_i - c_i)^2$ with a constant signal, lies in the same gradient
/// vector, and the two gradients do not influence each other. $c$ and $v$ are a running mean and variance of $s_i -
/// C_i$.
///
/// Columns: $a = 1/K$, $b$ as above over $K$, path 0. In [`Mode::Unbiased`] it is unbiased for the ELBO's gradient
/// without `normalise`; with it, the gradient of each layer of the posterior is divided by a number that is
/// independent of the draws. In [`Mode::Paper`] it is biased. It costs one draw and a small network: prefer it when
/// only one draw for each row is affordable; with several, [`Vimco`](super::Vimco) and leave-one-out need no learnt
/// baseline.
#[doc(alias = "baseline network")]
#[doc(alias = "control variate")]
#[derive(Clone, Debug)]
pub struct Nvil {
    nets: Layers<Mlp>,
    /// $d$, the weight of the old mean and variance at each batch.
    pub decay: f64,
    /// True if $c$ is subtracted.
    pub centre: bool,
    /// True if the signal is divided by $\max(1, \sqrt v)$.
    pub normalise: bool,
    /// The time at which $c$ and $v$ are updated.
    pub mode: Mode,
    /// $c$ and $v$ of each signal; nothing before the first batch.
    running: Layers<[f64; 2]>,
}

/// The working memory of [`Nvil`].
#[derive(Debug, Default)]
struct Scratch<F> {
    /// $s_i - C_i$ of every layer and draw, then $(s_i - C_i - c_i)/K$.
    residual: Vec<F>,
    /// The cotangents of the baselines, layer by layer.
    baseline: Vec<F>,
}

impl Nvil {
    /// NVIL whose baselines have one tanh layer of width `hidden` each; their tensors are added to `params` after those
    /// of the model.
    ///
    /// `inputs` are the widths of the baselines' inputs: the columns of the data and then, for signals of
    /// their own, the widths of all layers but the last. With one input there is one signal, the whole
    /// $\ln p(x, z) - \ln q(z \mid x)$, however many layers the model has.
    ///
    /// ```
    /// use pathscore_estimators::score::Nvil;
    /// use pathscore_models::{Params, seed};
    /// let mut params = Params::<f64>::new();
    /// let nvil = Nvil::new(&mut params, &[3], 5, &mut seed::rng(0, seed::Stream::Init, 0));
    /// assert_eq!((nvil.decay, params.len()), (0.8, 3 * 5 + 5 + 5 + 1));
    /// ```
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        inputs: &[usize],
        hidden: usize,
        rng: &mut R,
    ) -> Self {
        let mut net = |(i, &width): (usize, &usize)| {
            let name = format!("baseline.{}", i + 1);
            Mlp::new(params, &name, &[width, hidden, 1], Activation::Tanh, rng)
        };
        let nets = inputs.iter().enumerate().map(&mut net).collect();
        let (centre, normalise, mode) = (true, true, Mode::Unbiased);
        Self { nets, decay: 0.8, centre, normalise, mode, running: Layers::new() }
    }

    /// The same networks for baselines, where no signal is centred or scaled.
    pub fn plain(self) -> Self {
        Self { centre: false, normalise: false, ..self }
    }

    /// $c$ and $v$ of a signal after a batch with sums `[n, Σr, Σr²]`.
    fn updated(&self, signal: usize, &[n, sum, squares]: &[f64; 3]) -> [f64; 2] {
        let mean = sum / n;
        let now = [mean, (squares / n - mean * mean).max(0.0)];
        match self.running.get(signal) {
            None => now,
            Some(old) => [0, 1].map(|i| self.decay * old[i] + (1.0 - self.decay) * now[i]),
        }
    }

    /// The number that is subtracted from a signal, and its divisor.
    fn centre_and_divisor(&self, signal: usize, sums: &[f64; 3]) -> [f64; 2] {
        let [c, v] = match self.mode {
            Mode::Paper => self.updated(signal, sums),
            Mode::Unbiased => self.running.get(signal).copied().unwrap_or([0.0, 0.0]),
        };
        let divisor = if self.normalise { v.sqrt().max(1.0) } else { 1.0 };
        [if self.centre { c } else { 0.0 }, divisor]
    }
}

/// Adds the numbers of a variable, times `sign`, to `to`, over and over to its end.
fn add<F: Scalar>(to: &mut [F], var: Var<'_, F>, sign: F) {
    var.with(|from| to.iter_mut().zip(from.iter().cycle()).for_each(|(to, &x)| *to += sign * x));
}

impl<F: Scalar, M: LatentModel<F>> Estimator<F, M> for Nvil {
    fn claim(&self) -> Claim {
        let sees_draw = self.mode == Mode::Paper && (self.centre || self.normalise);
        match self.normalise {
            false if !sees_draw => Claim::Unbiased,
            // With one signal there is one divisor for the whole gradient of the posterior.
            true if !sees_draw && self.nets.len() == 1 => Claim::Shrunk,
            _ => Claim::Biased,
        }
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, samples, scale, .. } = query;
        work.tape.clear();
        let Work { tape, grads, stats, cotangents, scratch, .. } = work;
        let Scratch { residual, baseline: of_baseline } = scratch.of::<Scratch<F>>();
        let x = query.rows(tape);
        let bound = params.on(tape);
        let q = model.posterior(bound, x);
        let z = q.sample(samples, rng);
        let (mut joints, mut scores) = (model.log_joint_layers(bound, x, z), q.log_prob_layers(z));
        let signals = self.nets.len();
        if signals == 1 {
            let whole = |terms: &mut Layers<Var<'_, F>>| {
                let sum = terms.drain(..).reduce(|sum, term| sum + term);
                terms.extend(sum);
            };
            whole(&mut joints);
            whole(&mut scores);
        }
        let layers = scores.len();
        assert!(signals == layers, "{signals} baselines for a model of {layers} layers");
        // The inputs h₀ = x, h₁, … are constants, and the baseline of a layer has an earlier one.
        let inputs = std::iter::once(x).chain(q.layers(z));
        let baselines: Layers<Var<F>> =
            self.nets.iter().zip(inputs).map(|(net, input)| net.forward(bound, input)).collect();

        let draws = samples * batch;
        residual.clear();
        residual.resize(signals * draws, F::ZERO);
        for (i, row) in residual.chunks_exact_mut(draws).enumerate() {
            joints[i..].iter().for_each(|&joint| add(row, joint, F::ONE));
            scores[i..].iter().for_each(|&score| add(row, score, -F::ONE));
        }
        let share = scale / F::from_f64(samples as f64);
        let value: F = residual[..draws].iter().copied().sum();
        for (row, &baseline) in residual.chunks_exact_mut(draws).zip(&baselines) {
            add(row, baseline, -F::ONE);
        }
        stats.clear();
        cotangents.log_joint.clear();
        cotangents.log_joint.resize(draws, share);
        cotangents.log_q.clear();
        of_baseline.clear();
        for (i, row) in residual.chunks_exact_mut(draws).enumerate() {
            let (sum, squares) =
                row.iter().map(|r| r.to_f64()).fold((0.0, 0.0), |s, r| (s.0 + r, s.1 + r * r));
            let sums = [draws as f64, sum, squares];
            stats.extend(sums);
            let [centre, divisor] = self.centre_and_divisor(i, &sums).map(F::from_f64);
            row.iter_mut().for_each(|r| *r = share * (*r - centre));
            cotangents.log_q.extend(row.iter().map(|&r| r / divisor));
            // The derivative of −(s − C − c)², summed over the draws that share a baseline.
            let (start, size) = (of_baseline.len(), baselines[i].size());
            of_baseline.resize(start + size, F::ZERO);
            for shared in row.chunks_exact(size) {
                let bars = of_baseline[start..].iter_mut().zip(shared);
                bars.for_each(|(bar, &r)| *bar += r + r);
            }
        }
        let mut pulled: SmallVec<[(Var<F>, &[F]); 12]> = SmallVec::new();
        pulled.extend(joints.iter().map(|&joint| (joint, &cotangents.log_joint[..])));
        pulled.extend(scores.iter().copied().zip(cotangents.log_q.chunks_exact(draws)));
        let mut rest = &of_baseline[..];
        for &baseline in &baselines {
            let (own, others) = rest.split_at(baseline.size());
            pulled.push((baseline, own));
            rest = others;
        }
        tape.pull_into(&pulled, &[], grads);
        value / F::from_f64(samples as f64)
    }

    fn observe(&mut self, stats: &[f64]) {
        let (sums, _) = stats.as_chunks::<3>();
        let update = |(i, sums)| self.updated(i, sums);
        self.running = sums.iter().enumerate().map(update).collect();
    }

    fn state(&self) -> Vec<f64> {
        self.running.iter().flatten().copied().collect()
    }

    fn restore(&mut self, state: &[f64]) {
        self.running = state.as_chunks::<2>().0.iter().copied().collect();
    }
}
