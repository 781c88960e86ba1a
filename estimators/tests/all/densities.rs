//! Densities by networks: what they draw is what they say, and a flow reaches a density that is known in closed form.

use pathscore_autodiff::vector::Lanes;
use pathscore_autodiff::{Activation, Tape};
use pathscore_estimators::Enumerator;
use pathscore_estimators::fit::{Options, Trainer};
use pathscore_estimators::optim::{Adam, Schedule};
use pathscore_estimators::tractable::ExactLikelihood;
use pathscore_models::seed::{self, Stream};
use pathscore_models::tractable::{CouplingFlow, Made, Nade};
use pathscore_models::{Params, RandomSource, Tractable};
use std::ops::Range;

/// Numbers of the order of one for all parameters.
fn wave(params: &mut Params<f64>) {
    let numbers = params.values_mut().iter_mut().enumerate();
    numbers.for_each(|(i, x)| *x = 1.2 * (1.7 * i as f64 + 0.3).sin());
}

/// The probability with which each row of four bits is drawn is the model's probability of the row.
fn draws_have_their_probability<M: Tractable<f64>>(
    model: &M,
    params: &Params<f64>,
    draw: impl Fn(&mut Enumerator) -> Vec<f64>,
) {
    let mut drawn = [0.0; 16];
    Enumerator::for_each(0, 1000, |source| {
        let row = draw(source);
        let number: usize = row.iter().enumerate().map(|(d, &x)| (x as usize) << d).sum();
        drawn[number] += source.probability();
    });
    let tape = Tape::new();
    let x = tape.constant_with([16, 4], |x| {
        x.iter_mut().enumerate().for_each(|(i, x)| *x = f64::from(((i / 4) as u32 >> (i % 4)) & 1));
    });
    let exact = model.log_prob(params.on(&tape), x).exp().value();
    for (row, (found, exact)) in drawn.iter().zip(exact.values()).enumerate() {
        // Products of four probabilities, and sums over the orders.
        assert!((found - exact).abs() < 1e-14, "row {row:04b}: {found}, not {exact}");
    }
}

#[test]
fn draws_of_nade_and_made_have_the_probabilities_of_the_models() {
    let rng = &mut seed::rng(0, Stream::Init, 0);
    let mut params = Params::new();
    let nade = Nade::new(&mut params, 4, 5, rng);
    wave(&mut params);
    draws_have_their_probability(&nade, &params, |source| nade.sample(&params, 1, source));
    for (hidden, orders) in [(&[6][..], 1), (&[5, 7], 1), (&[6], 3), (&[4, 3, 5], 2)] {
        let mut params = Params::new();
        let made = Made::new(&mut params, 4, hidden, orders, Activation::Softplus, rng);
        wave(&mut params);
        draws_have_their_probability(&made, &params, |source| made.sample(&params, 1, source));
    }
}

/// A mixture of normal distributions with equal weights: centres, standard deviations along two axes, and the angle of the axes.
const COMPONENTS: [([f64; 2], [f64; 2], f64); 4] = [
    ([2.0, 0.5], [0.9, 0.3], 0.6),
    ([-1.8, 1.2], [0.4, 1.0], -0.4),
    ([-0.6, -1.9], [1.1, 0.35], 0.1),
    ([0.4, 2.4], [0.5, 0.5], 0.0),
];

fn mixture_density(x: [f64; 2]) -> f64 {
    let each = COMPONENTS.iter().map(|&(centre, scales, angle)| {
        let (sin, cos) = angle.sin_cos();
        let by = [x[0] - centre[0], x[1] - centre[1]];
        let along = [cos * by[0] + sin * by[1], cos * by[1] - sin * by[0]];
        let squares = (along[0] / scales[0]).powi(2) + (along[1] / scales[1]).powi(2);
        (-0.5 * squares).exp() / (std::f64::consts::TAU * scales[0] * scales[1])
    });
    each.sum::<f64>() / COMPONENTS.len() as f64
}

fn draw_of_mixture(source: &mut impl RandomSource) -> [f64; 2] {
    let (centre, scales, angle) = COMPONENTS[source.categorical(&[0.25; 4])];
    let (sin, cos) = f64::sin_cos(angle);
    let [a, b] = scales.map(|scale| scale * source.normal());
    [centre[0] + cos * a - sin * b, centre[1] + sin * a + cos * b]
}

/// $\mathrm{KL}(p \Vert q)$ of the mixture $p$ from a model $q$, by the trapezoidal rule. At the ends the mixture is e⁻¹⁰ of its height
/// or less, and its least standard deviation spans five steps.
fn divergence(model: &CouplingFlow, params: &Params<f32>) -> f64 {
    const POINTS: usize = 240;
    let step = 14.0 / POINTS as f64;
    let at = |i: usize| (i as f64 + 0.5) * step - 7.0;
    let (mut mass, mut sum, mut tape) = (0.0, 0.0, Tape::new());
    for i in 0..POINTS {
        let x: Vec<f32> = (0..POINTS).flat_map(|j| [at(i) as f32, at(j) as f32]).collect();
        let log_q = model.log_prob(params.on(&tape), tape.constant(&x, [POINTS, 2])).value();
        for (j, &log_q) in log_q.values().iter().enumerate() {
            let p = mixture_density([at(i), at(j)]);
            mass += p * step * step;
            sum += if p > 0.0 { p * (p.ln() - f64::from(log_q)) * step * step } else { 0.0 };
        }
        tape.clear();
    }
    assert!((mass - 1.0).abs() < 1e-5, "{mass}");
    sum
}

#[test]
fn a_flow_reaches_a_density_in_closed_form() {
    let rng = &mut seed::rng(1, Stream::Init, 0);
    let mut params = Params::new();
    let model = CouplingFlow::new(&mut params, 2, 12, &[32, 32], Activation::Relu, rng);
    model.standardize(&mut params, &[0.0, 0.55], &[1.8, 1.9]);
    let before = divergence(&model, &params);
    let steps = 2500;
    let options =
        Options { lr: 5e-3, schedule: Schedule::CosineDecay { steps }, ..Options::default() };
    let adam = Box::new(Adam::default());
    let mut trainer = Trainer::new(model, params, ExactLikelihood, adam, options);
    for _ in 0..steps {
        // New draws in every step.
        let fill = |_: Range<usize>, x: &mut [f32], rng: &mut Lanes| {
            for x in x.chunks_exact_mut(2) {
                x.copy_from_slice(&draw_of_mixture(rng).map(|x| x as f32));
            }
        };
        trainer.step([200, 2], fill).expect("the density of every row is finite");
    }
    let after = divergence(&trainer.model, &trainer.params);
    println!("KL from the mixture: {before:.4} before, {after:.5} after {steps} steps");
    assert!(before > 0.1 && after < 0.02 && after > 0.0, "{before}, {after}");
}
