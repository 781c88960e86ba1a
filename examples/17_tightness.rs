//! A tighter bound, and what it does to the gradient of the encoder.
//!
//! The seventeenth lesson. The bound of K draws, L_K = E ln (w₁ + … + w_K)/K, rises to ln p(x) as K grows (Burda, Grosse and Salakhutdinov
//! 2016). In the limit it does not depend on q any more: the gradient for the parameters of q falls like 1/K and its noise like
//! 1/√K, so that the signal-to-noise ratio falls like 1/√K (Rainforth and others 2018). The doubly reparameterised gradient has the same
//! mean, and a ratio that rises (Tucker and others 2019). The model has one normal latent, and its ln p(x) is known exactly.

use pathscore::estimators::path::{Dreg, Iwae};
use pathscore::estimators::proof::{Latent, Problem, Target};
use pathscore::models::latent::LinearGaussian;
use pathscore::prelude::*;

/// The estimates of each line.
const ESTIMATES: usize = 10_000;
/// The parameters m, ln √v, w and b: q = N(m, v), and x|z ~ N(wz + b, ½).
const AT: [f64; 4] = [0.3, -0.458145, 1.5, 0.2];
const NOISE_VARIANCE: f64 = 0.5;
const X: f64 = 1.0;

/// A mean of independent numbers and their standard deviation.
#[derive(Clone, Copy)]
struct Summary {
    mean: f64,
    deviation: f64,
}

impl Summary {
    fn of(numbers: &[f64]) -> Self {
        let count = numbers.len() as f64;
        let mean = numbers.iter().sum::<f64>() / count;
        let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Self { mean, deviation: variance.sqrt() }
    }

    fn standard_error(&self) -> f64 {
        self.deviation / (ESTIMATES as f64).sqrt()
    }
}

/// The model and its parameters.
fn model() -> (LinearGaussian, Params<f64>) {
    let mut params = Params::new();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    (LinearGaussian::new(&mut params, AT, NOISE_VARIANCE, rng), params)
}

/// The estimates of L_K, of ∂L_K/∂m (for q) and of ∂L_K/∂w (for the model).
fn estimates(estimator: impl Estimator<f64, LinearGaussian>, samples: usize) -> [Summary; 3] {
    let (model, params) = model();
    // The same seed for all: both estimators see the same draws.
    let (rng, mut work) = (&mut seed::rng(0, seed::Stream::Estimate, 0), Work::new());
    let mut seen = [const { Vec::new() }; 3];
    for _ in 0..ESTIMATES {
        let bound = estimator.estimate(Query::new(&model, &params, &[X], samples), rng, &mut work);
        let gradient = work.gradient(4);
        seen[0].push(bound);
        seen[1].push(gradient[0]);
        seen[2].push(gradient[2]);
    }
    seen.map(|numbers| Summary::of(&numbers))
}

fn main() {
    let log_p = LinearGaussian::log_marginal(X, NOISE_VARIANCE, [AT[2], AT[3]]);
    println!(
        "ln p(x) = {log_p:.5}, exactly. Each line has {ESTIMATES} estimates with K draws each.\n"
    );
    println!("                                      signal-to-noise ratio of one estimate");
    println!("       L_K                              q: ∂/∂m          model: ∂/∂w");
    println!("   K   mean of estimates     exact      IWAE      DReG      IWAE");
    for samples in [1, 5, 50, 500] {
        let (model, params) = model();
        let problem = Latent::new("a line", model, params, &[X]);
        let exact = Latent { samples, target: Target::Bound, ..problem }.truth();
        let exact = exact.expect("one normal latent is integrated");
        let [bound, of_q, of_model] = estimates(Iwae, samples);
        let [_, twice, _] = estimates(Dreg, samples);
        println!(
            "{samples:>4}   {:.5} ± {:.5}  {:.5}   {:>7.4}   {:>7.4}   {:>7.4}",
            bound.mean,
            bound.standard_error(),
            exact.value.expect("the bound is known"),
            exact.gradient[0].abs() / of_q.deviation,
            exact.gradient[0].abs() / twice.deviation,
            exact.gradient[2].abs() / of_model.deviation,
        );
    }
    println!(
        "\nThe bound comes near ln p(x). The gradient for the model becomes clearer with K. That of IWAE\n\
         for q drowns in its noise; the doubly reparameterised gradient, which has the same mean, does not."
    );
}
