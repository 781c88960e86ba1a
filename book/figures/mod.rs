//! The pictures of the book, computed and drawn by the project: `cargo run --release -p pathscore-book --bin figures` writes
//! them to `book/src/figures`.

mod plot;

use pathscore::estimators::Target;
use pathscore::estimators::proof::{Latent, Problem};
use pathscore::models::latent::SmallBelief;
use pathscore::prelude::{Params, seed};
use plot::{Curve, Plot, Scale};

/// All pictures: the names of their files and their texts.
pub fn all() -> Vec<(&'static str, String)> {
    vec![
        ("variances.svg", variances()),
        ("bounds.svg", bounds()),
        ("relaxed.svg", relaxed()),
        ("energy.svg", energy()),
    ]
}

/// Equally spaced numbers from `low` to `high`.
fn steps(low: f64, high: f64, count: usize) -> impl Iterator<Item = f64> {
    (0..=count).map(move |i| low + (high - low) * i as f64 / count as f64)
}

/// The variances of one draw of ∂E z²/∂μ at σ = 1 over μ: the closed forms of chapter 4.
fn variances() -> String {
    let over = |variance: fn(f64) -> f64| steps(0.0, 4.0, 80).map(|a| (a, variance(a))).collect();
    Plot {
        title: "Noise of a draw of the gradient of E z² by μ, for z ~ N(μ, 1)",
        x: "μ",
        y: "variance of one draw",
        x_range: [0.0, 4.0],
        y_range: [1.0, 1000.0],
        x_scale: Scale::Linear,
        y_scale: Scale::Logarithmic,
        curves: vec![
            Curve::new("path", over(|_| 4.0)),
            Curve::new("score", over(|a| a.powi(4) + 14.0 * a * a + 15.0)),
            Curve::new("score, b = E f", over(|a| 8.0 * a * a + 10.0)),
            Curve::new("score, best b", over(|a| 8.0 * a * a + 6.0)),
        ],
    }
    .svg()
}

/// L_K of two bits behind three, for K from 1 to 32, and ln p(x).
fn bounds() -> String {
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    let one = Latent::new("two bits", model, params, &[1.0, 0.0, 1.0]);
    let value = |target, samples| {
        let truth = Latent { target, samples, ..one.clone() }.truth();
        truth.ok().and_then(|truth| truth.value).expect("the four outcomes are listed")
    };
    let log_p = value(Target::LogLikelihood, 1);
    let draws = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];
    let bounds = draws.into_iter().map(|k| (k as f64, value(Target::Bound, k))).collect();
    Plot {
        title: "The bound of K draws rises to ln p(x)",
        x: "K",
        y: "nats",
        x_range: [1.0, 32.0],
        y_range: [-2.7, -2.54],
        x_scale: Scale::Logarithmic,
        y_scale: Scale::Linear,
        curves: vec![
            Curve::new("L_K", bounds),
            Curve::new("ln p(x)", vec![(1.0, log_p), (32.0, log_p)]),
        ],
    }
    .svg()
}

/// The ratio of the gradient of the relaxed bit to that of the bit, over the temperature.
fn relaxed() -> String {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let exact = sigmoid(1.0) * sigmoid(-1.0) * 0.1;
    let ratio = |theta: f64, temperature: f64| {
        let h = 4e-3;
        let slope = |z: f64| {
            let (noise, s) = (sigmoid(z - theta) * sigmoid(theta - z), sigmoid(z / temperature));
            noise * 2.0 * (s - 0.45) * s * (1.0 - s) / temperature
        };
        (-8_000..=8_000).map(|i| h * slope(f64::from(i) * h)).sum::<f64>() / exact
    };
    let over = |theta: f64| {
        let temperatures = steps(0.01_f64.ln(), 2_f64.ln(), 60).map(f64::exp);
        temperatures.map(|temperature| (temperature, ratio(theta, temperature))).collect()
    };
    Plot {
        title: "The gradient of a relaxed bit, divided by that of the bit",
        x: "temperature τ",
        y: "ratio",
        x_range: [0.01, 2.0],
        y_range: [-1.0, 3.0],
        x_scale: Scale::Logarithmic,
        y_scale: Scale::Linear,
        curves: vec![
            Curve::new("θ = 1", over(1.0)),
            Curve::new("θ = −1", over(-1.0)),
            Curve::new("the bit itself", vec![(0.01, 1.0), (2.0, 1.0)]),
        ],
    }
    .svg()
}

/// The energy error along steps of size 0.2 on U(q) = q²/2: by Euler's method, and by leapfrog steps.
fn energy() -> String {
    const STEP: f64 = 0.2;
    let run = |step: fn(f64, f64) -> (f64, f64)| {
        let (mut q, mut p) = (1.0, 0.0);
        let mut points = vec![(0.0, 0.0)];
        for i in 1..=60 {
            (q, p) = step(q, p);
            points.push((f64::from(i), 0.5 * (q * q + p * p) - 0.5));
        }
        points
    };
    let euler = run(|q, p| (q + STEP * p, p - STEP * q));
    let leapfrog = run(|q, p| {
        let p = p - 0.5 * STEP * q;
        let q = q + STEP * p;
        (q, p - 0.5 * STEP * q)
    });
    Plot {
        title: "The energy error of two integrators, step 0.2",
        x: "steps",
        y: "H − H at the start",
        x_range: [0.0, 60.0],
        y_range: [-0.2, 0.6],
        x_scale: Scale::Linear,
        y_scale: Scale::Linear,
        curves: vec![Curve::new("Euler", euler), Curve::new("leapfrog", leapfrog)],
    }
    .svg()
}
