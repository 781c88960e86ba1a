//! Geweke's joint test (2004) on a normal sample with unknown mean and precision.

use pathscore_estimators::samplers::convergence::standard_error;
use pathscore_estimators::samplers::{Conditionals, Differentiable, LogDensity, Position, Sampler};
use pathscore_models::{RandomSource, seed};

/// $\tau \sim \mathrm{Gamma}(6, 5)$, $\mu \mid \tau \sim \mathcal N(0, 1/\tau)$, and three $y_i \sim \mathcal N(\mu,
/// 1/\tau)$: the posterior of $(\mu, \ln\tau)$.
pub(super) struct Posterior {
    y: [f64; 3],
    /// False for a mistake: the density of $\tau$ is taken for that of $\ln\tau$.
    jacobian: bool,
}

const SHAPE: i32 = 6;
const RATE: f64 = 5.0;

impl Posterior {
    /// The rate of $\tau$ given $\mu$ and $y$.
    fn rate(&self, mu: f64) -> f64 {
        RATE + 0.5 * (mu * mu + self.y.iter().map(|y| (y - mu) * (y - mu)).sum::<f64>())
    }

    /// The power of $\tau$ in the density of $\ln \tau$: the shape and half of four normals.
    fn power(&self) -> f64 {
        f64::from(SHAPE) + 2.0 - if self.jacobian { 0.0 } else { 1.0 }
    }
}

impl LogDensity for Posterior {
    fn dim(&self) -> usize {
        2
    }

    fn log_prob(&self, x: &[f64]) -> f64 {
        self.power() * x[1] - x[1].exp() * self.rate(x[0])
    }
}

impl Differentiable for Posterior {
    fn log_prob_and_grad(&self, x: &[f64], grad: &mut [f64]) -> f64 {
        let tau = x[1].exp();
        grad[0] = tau * (self.y.iter().sum::<f64>() - 4.0 * x[0]);
        grad[1] = self.power() - tau * self.rate(x[0]);
        self.log_prob(x)
    }
}

/// A draw of $\mathrm{Gamma}(k, b)$ with an integer shape: a sum of exponentials.
fn gamma<R: RandomSource>(shape: i32, rate: f64, source: &mut R) -> f64 {
    (0..shape).map(|_| -(1.0 - source.uniform()).ln()).sum::<f64>() / rate
}

impl Conditionals for Posterior {
    fn dim(&self) -> usize {
        2
    }

    fn blocks(&self) -> usize {
        2
    }

    fn update<R: RandomSource>(&self, block: usize, x: &mut [f64], source: &mut R) {
        if block == 0 {
            let mean = self.y.iter().sum::<f64>() / 4.0;
            x[0] = mean + source.normal() / (4.0 * x[1].exp()).sqrt();
        } else {
            x[1] = gamma(SHAPE + 2, self.rate(x[0]), source).ln();
        }
    }
}

fn prior<R: RandomSource>(source: &mut R) -> [f64; 2] {
    let tau = gamma(SHAPE, RATE, source);
    [source.normal() / tau.sqrt(), tau.ln()]
}

fn data<R: RandomSource>(theta: [f64; 2], source: &mut R) -> [f64; 3] {
    [(); 3].map(|()| theta[0] + source.normal() * (-0.5 * theta[1]).exp())
}

/// The functions of parameters and data whose means are compared.
fn functions([mu, log_tau]: [f64; 2], y: [f64; 3]) -> [f64; 9] {
    let mean = y.iter().sum::<f64>() / 3.0;
    let tau = log_tau.exp();
    [mu, mu * mu, log_tau, log_tau * log_tau, tau, mu * log_tau, mean, mu * mean, y[0] * y[1]]
}

/// The largest difference, in standard errors, between the means of the functions in the marginal-conditional simulation
/// (parameters from the prior, data given parameters) and the successive-conditional one (a step of the sampler given
/// data, data given parameters).
pub(super) fn geweke<S: Sampler<Posterior>>(
    sampler: &S,
    jacobian: bool,
    draws: usize,
    seed: u64,
) -> f64 {
    let rng = &mut seed::rng(seed, seed::Stream::Sample, 0);
    let mut theta = prior(rng);
    let mut y = data(theta, rng);
    let mut series = [(); 2].map(|()| vec![Vec::new(); 9]);
    for _ in 0..draws {
        let independent = prior(rng);
        let mut state = sampler.init(&Posterior { y, jacobian }, &theta, rng);
        sampler.step(&Posterior { y, jacobian }, &mut state, rng);
        theta.copy_from_slice(state.position());
        let values = [functions(independent, data(independent, rng)), functions(theta, y)];
        y = data(theta, rng);
        for (series, values) in series.iter_mut().zip(values) {
            series.iter_mut().zip(values).for_each(|(series, value)| series.push(value));
        }
    }
    let z = |at: usize| {
        let [a, b] = [0, 1].map(|simulation: usize| {
            let values = &series[simulation][at];
            let mean = values.iter().sum::<f64>() / draws as f64;
            (mean, standard_error(std::slice::from_ref(values)))
        });
        let z = (a.0 - b.0).abs() / a.1.hypot(b.1);
        if z.is_nan() { f64::INFINITY } else { z }
    };
    (0..9).map(z).fold(0.0, f64::max)
}
