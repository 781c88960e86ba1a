//! REBAR (Tucker, Mnih, Maddison, Lawson and Sohl-Dickstein 2017).

use super::noise::{Noise, logistic};
use crate::estimator::{Estimator, Query, Work, require_samples};
use crate::optim::{Adam, Optimizer};
use pathscore_autodiff::Scalar;
use pathscore_models::RandomSource;
use pathscore_models::dist::{Bits, Distribution};
use pathscore_models::latent::LatentModel;
use pathscore_models::nn::Mlp;

/// The score-function gradient with the relaxed problem for a control variate, whose own gradient comes
/// along the path.
///
/// A bit is $b = 1_{z > 0}$ with $z = \eta + \ln\frac{u}{1 - u}$. Given the bit, $z$ is distributed as
/// $\tilde z = s \mathrm{softplus}(L + \mathrm{softplus}(s\eta))$ with $s = 2b - 1$ and another uniform number
/// $v$ in $L = \ln\frac{v}{1 - v}$. For any smooth $c$,
///
/// $$\nabla E f = E\big[(f(b) - c(\tilde z)) \nabla \ln q(b) + \nabla c(z) - \nabla c(\tilde z)\big],$$
///
/// here with $c(z) = \lambda f(\sigma(z/\tau))$, the model at relaxed bits. The second number
/// is coupled to the first, $L = |z| + \ln(1 - e^{-|z|}) - \mathrm{softplus}(s\eta)$ as a constant, so that
/// $\tilde z = z$ and only the derivatives differ: $\partial z/\partial\eta = 1$, and
/// $\partial\tilde z/\partial\eta = (1 - e^{-|z|}) \sigma(s\eta)$. The rest is one evaluation of $c$ and its
/// derivative:
///
/// $$\bar\eta = (f(b) - c(z)) (b - \sigma(\eta)) + c'(z) \big(1 - (1 - e^{-|z|}) \sigma(s\eta)\big).$$
///
/// Columns: $a = 1/K$ on $\ln p(x, b_k)$, and $\bar\eta/K$ on the logits. It is unbiased for the ELBO's gradient of
/// one layer of bits at any temperature $\tau$ and scale $\lambda$, if $\ln p(x, z)$ is smooth between the bits.
/// Adam changes $\tau$ and $\lambda$ so that $E\Vert\bar\eta\Vert^2$ falls; the derivative is a mean over the draws.
/// The step follows after the gradient was taken, so that both numbers are independent of the draws they are used with.
///
/// It costs two evaluations, and a recorded sweep that is differentiated again if $\tau$ and $\lambda$ are learnt: four
/// to five times [`Reinforce`](crate::score::Reinforce). A recorded sweep takes a little memory from the
/// allocator. Prefer it where draws are expensive and $f$ is far from linear; otherwise
/// [`DisArm`](super::DisArm).
///
/// ```
/// use pathscore_estimators::both::Rebar;
/// use pathscore_estimators::{Estimator, Query, Work};
/// use pathscore_models::{Params, latent::BernoulliToy, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = BernoulliToy::new(&mut params, 0.0, 0.45, rng);
/// let rebar = Rebar::fixed(0.5, 1.0);
/// rebar.estimate(Query::new(&model, &params, &[0.0], 1000), rng, &mut work);
/// // p(1 − p)(1 − 2t); a thousand draws have a standard deviation of 0.002.
/// assert!((work.gradient(1)[0] - 0.025).abs() < 0.01);
/// ```
#[doc(alias = "control variate")]
#[derive(Clone, Debug)]
pub struct Rebar {
    /// The learning rate of $\ln\tau$ and $\lambda$; zero keeps them as they are.
    pub rate: f64,
    /// $\ln\tau$ and $\lambda$.
    learnt: [f64; 2],
    adam: Adam<f64>,
}

/// The working memory of [`Rebar`].
#[derive(Debug, Default)]
struct Scratch<F> {
    noise: Noise<F>,
    /// $\bar\eta$, the cotangent of the logits.
    logits: Vec<F>,
    /// The cotangent of $c$ in the gradient of $-\Vert\bar\eta_k\Vert^2$ for every draw, by which $\tau$ and
    /// $\lambda$ are learnt.
    tune_level: Vec<F>,
    /// The cotangent of $c'$ in the same gradient, for every draw and bit.
    tune_slope: Vec<F>,
}

/// The least $\ln\tau$ that is learnt; the largest is its negative.
const LEAST_LOG_TEMPERATURE: f64 = -4.0;

impl Rebar {
    /// REBAR that learns its temperature and its scale, which begins at one.
    ///
    /// # Panics
    /// If the temperature is not positive.
    pub fn new(temperature: f64) -> Self {
        Self { rate: 0.01, ..Self::fixed(temperature, 1.0) }
    }

    /// REBAR whose temperature and scale stay as they are.
    ///
    /// # Panics
    /// If the temperature is not positive.
    pub fn fixed(temperature: f64, scale: f64) -> Self {
        assert!(temperature > 0.0, "the temperature is {temperature}; it must be positive");
        Self { rate: 0.0, learnt: [temperature.ln(), scale], adam: Adam::default() }
    }

    /// $\tau$.
    pub fn temperature(&self) -> f64 {
        self.learnt[0].exp()
    }

    /// $\lambda$.
    pub fn scale(&self) -> f64 {
        self.learnt[1]
    }

    /// Estimates the gradient with $c(z) = \lambda f(\sigma(z/\tau))$, to which `network` is added if there is one.
    pub(super) fn estimate_with<F, M, R>(
        &self,
        network: Option<Mlp>,
        query: Query<F, M>,
        rng: &mut R,
        work: &mut Work<F>,
    ) -> F
    where
        F: Scalar,
        M: LatentModel<F>,
        for<'t> M::Posterior<'t>: Bits<'t, F>,
        R: RandomSource,
    {
        let Query { model, params, batch, samples, scale, .. } = query;
        require_samples(samples, 1);
        work.tape.clear();
        let Work { tape, grads, stats, cotangents, scratch, .. } = work;
        let Scratch { noise, logits: bar, tune_level, tune_slope } = scratch.of::<Scratch<F>>();
        let bound = params.on(tape);
        let x = query.rows(tape);
        let q = model.posterior(bound, x);
        let (q_held, held) = (q.detach(), bound.detach());
        let eta = q_held.logits();
        let z = (eta + logistic(eta, samples, rng, noise)).value();
        let z = tape.leaf(z.values(), z.shape().clone());
        let bits = z.detach().greater(tape.number(F::ZERO));
        let joint = model.log_joint(bound, x, bits);
        let f = joint.detach() - q_held.log_prob(bits);
        // In c the parameters of the model are constants.
        let [log_temperature, size] =
            self.learnt.map(|learnt| tape.leaf(&[F::from_f64(learnt)], []));
        let soft = (z * (-log_temperature).exp()).sigmoid();
        let mut c = size * (model.log_joint(held, x, soft) - q_held.log_prob(soft));
        if let Some(net) = network {
            c = c + net.forward(bound, soft).sum_axis(-1);
        }
        let slope = c.sum().grad(&[z])[0];

        let share = scale / F::from_f64(samples as f64);
        let width = eta.size() / batch.max(1);
        let [f, level] = [f, c].map(|var| var.value());
        let [eta, places, slopes] = [eta, z, slope].map(|var| var.value());
        bar.clear();
        bar.resize(batch * width, F::ZERO);
        let rows = samples * batch;
        for (column, len) in [(&mut *tune_level, rows), (&mut *tune_slope, rows * width)] {
            column.clear();
            column.resize(len, F::ZERO);
        }
        let mut value = F::ZERO;
        for (row, tune_level) in tune_level.iter_mut().enumerate() {
            value += f.values()[row];
            let signal = f.values()[row] - level.values()[row];
            for i in 0..width {
                let (at, to) = (row * width + i, row % batch * width + i);
                let (z, eta) = (places.values()[at], eta.values()[to]);
                let (b, s) = if z > F::ZERO { (F::ONE, F::ONE) } else { (F::ZERO, -F::ONE) };
                let score = b - eta.sigmoid();
                let path = F::ONE + (-z.abs()).exp_m1() * (s * eta).sigmoid();
                let g = signal * score + slopes.values()[at] * path;
                bar[to] += share * g;
                *tune_level += share * (g + g) * score;
                tune_slope[at] = -share * (g + g) * path;
            }
        }
        cotangents.log_joint.clear();
        cotangents.log_joint.resize(rows, share);
        let pulled = [
            (joint, &cotangents.log_joint[..]),
            (q.logits(), &bar[..]),
            (c, &tune_level[..]),
            (slope, &tune_slope[..]),
        ];
        let learns = self.rate > 0.0;
        tape.pull_into(&pulled[..if learns { 4 } else { 2 }], &[], grads);
        stats.clear();
        if learns {
            let slope = |var| grads.get(var).map_or(0.0, |g| g[0].to_f64());
            stats.extend([slope(log_temperature), slope(size)]);
        }
        value / F::from_f64(samples as f64)
    }

    /// Makes a step that lowers the mean square of the gradient.
    pub(super) fn learn(&mut self, stats: &[f64]) {
        if let [_, _] = stats {
            self.adam.step(&mut self.learnt, stats, self.rate);
            self.learnt[0] = self.learnt[0].clamp(LEAST_LOG_TEMPERATURE, -LEAST_LOG_TEMPERATURE);
        }
    }

    /// See [`Estimator::state`].
    pub(super) fn learnt_numbers(&self) -> Vec<f64> {
        let mut state = self.learnt.to_vec();
        state.push(self.adam.steps() as f64);
        self.adam.state().iter().for_each(|(_, moments)| state.extend_from_slice(moments));
        state
    }

    /// See [`Estimator::restore`].
    pub(super) fn restore_learnt(&mut self, state: &[f64]) {
        let Some((&[log_temperature, size, steps], moments)) = state.split_first_chunk() else {
            return;
        };
        let (m, v) = moments.split_at(moments.len() / 2);
        let mut find = |name: &str| Some(if name == "m" { m } else { v }.to_vec());
        if self.adam.restore(steps as u64, &mut find).is_ok() {
            self.learnt = [log_temperature, size];
        }
    }
}

impl<F, M> Estimator<F, M> for Rebar
where
    F: Scalar,
    M: LatentModel<F>,
    for<'t> M::Posterior<'t>: Bits<'t, F>,
{
    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        self.estimate_with(None, query, rng, work)
    }

    fn observe(&mut self, stats: &[f64]) {
        self.learn(stats);
    }

    fn state(&self) -> Vec<f64> {
        self.learnt_numbers()
    }

    fn restore(&mut self, state: &[f64]) {
        self.restore_learnt(state);
    }
}
