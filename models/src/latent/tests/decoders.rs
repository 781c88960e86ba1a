//! The likelihoods of grey values against their formulas, with sums of plain numbers on the other side.

use super::*;

const GREY: Likelihood = Likelihood::ContinuousBernoulli;

fn levels(levels: usize) -> Likelihood {
    Likelihood::Categorical { levels }
}

/// A linear model of `columns` columns and two latents with numbers of its own in every parameter.
fn model(columns: usize, likelihood: Likelihood) -> (Vae, Params<f64>) {
    let mut params = Params::<f64>::new();
    let rng = &mut rng(0, Stream::Init, 0);
    let model = Vae::new(&mut params, columns, &[], 2, Activation::Tanh, likelihood, rng);
    spread(&mut params);
    (model, params)
}

/// $\ln\mathrm{softmax}(y)_k$.
fn log_class(y: &[f64], k: usize) -> f64 {
    y[k] - y.iter().map(|y| y.exp()).sum::<f64>().ln()
}

#[test]
fn levels_have_the_probabilities_of_their_logits() {
    let (model, params) = model(2, levels(3));
    let z = [0.6, -1.4];
    let y = affine(&params, "decoder.0", &z);
    assert_eq!(y.len(), 6);
    let tape = Tape::new();
    let bound = params.on(&tape);
    let point = tape.constant(&z, [1, 2]);
    let mut total = 0.0;
    for (a, b) in (0..3).flat_map(|a| (0..3).map(move |b| (a, b))) {
        let x = tape.constant(&[a as f64 / 2.0, b as f64 / 2.0], [1, 2]);
        let log_prob = model.log_likelihood(bound, x, point);
        let expected = log_class(&y[..3], a) + log_class(&y[3..], b);
        assert_close("ln p(x | z)", log_prob, &[expected]);
        total += log_prob.item().exp();
    }
    assert!((total - 1.0).abs() < CLOSE, "the probabilities of all levels add up to {total}");
    let mean = |y: &[f64]| (0..3).map(|k| log_class(y, k).exp() * k as f64 / 2.0).sum();
    let expected = [mean(&y[..3]), mean(&y[3..])];
    assert_close("E[x | z]", Decoder::mean(&model, bound, point), &expected);
}

#[test]
fn a_grey_value_stands_for_the_nearest_level() {
    let (model, params) = model(1, levels(5));
    let tape = Tape::new();
    let bound = params.on(&tape);
    let y = affine(&params, "decoder.0", &[0.2, 0.3]);
    // The borders of five levels are 1/8, 3/8, 5/8 and 7/8; a border belongs to the upper level.
    let at = [0.0, 0.124, 0.125, 0.374, 0.5, 0.626, 0.875, 1.0, -3.0, 7.0];
    let expected = [0, 0, 1, 1, 2, 3, 4, 4, 0, 4].map(|k| log_class(&y, k));
    let z = tape.constant(&[0.2, 0.3], [1, 2]).broadcast_to([10, 2]);
    let x = tape.constant(&at, [10, 1]);
    assert_close("ln p(x | z)", model.log_likelihood(bound, x, z), &expected);
    // All pixels of eight bits are the levels that they are, in single precision too.
    for k in 0..256 {
        let single = Tape::new();
        let x = single.constant(&[k as f32 / 255.0], []);
        assert_eq!((x * 255.0 + 0.5).floor().item(), k as f32);
    }
}

#[test]
fn data_and_draws_of_different_shapes_meet() {
    let (model, params) = model(2, levels(3));
    let tape = Tape::new();
    let bound = params.on(&tape);
    let x = tape.constant(&[0.0, 0.5, 1.0, 1.0, 0.5, 0.0], [3, 2]);
    let z = tape.constant(&[0.1, -0.4, 0.8, 0.3, 1.1, -0.6, 0.2, 0.9], [4, 1, 2]);
    let all = model.log_likelihood(bound, x, z);
    assert_eq!(all.shape()[..], [4, 3]);
    let wide = model.log_likelihood(bound, x, z.broadcast_to([4, 3, 2]));
    assert_eq!(all.value(), wide.value());
    let one = model.log_likelihood(bound, x.slice(0, 1..2), z.slice(0, 2..3));
    assert_close("one of them", one, &[all.value().values()[2 * 3 + 1]]);
}

#[test]
fn derivatives_of_grey_likelihoods_are_those_of_differences() {
    for likelihood in [GREY, levels(3), levels(2)] {
        let (model, mut params) = model(2, likelihood);
        let (x, z) = ([0.5, 1.0, 0.0, 0.5], [0.4, -0.2, 1.3, 0.7]);
        let value = |params: &Params<f64>| {
            let tape = Tape::new();
            let (x, z) = (tape.constant(&x, [2, 2]), tape.constant(&z, [2, 2]));
            model.log_likelihood(params.on(&tape), x, z).sum().item()
        };
        let slopes = {
            let tape = Tape::new();
            let (x, z) = (tape.constant(&x, [2, 2]), tape.constant(&z, [2, 2]));
            let log_prob = model.log_likelihood(params.on(&tape), x, z).sum();
            log_prob.backward().leading(params.len()).to_vec()
        };
        assert!(slopes.iter().any(|slope| *slope != 0.0));
        for (i, slope) in slopes.iter().enumerate() {
            let (at, h) = (params.values()[i], 1e-5);
            let mut moved = [h, -h].map(|h| {
                params.values_mut()[i] = at + h;
                value(&params)
            });
            params.values_mut()[i] = at;
            moved.iter_mut().for_each(|value| *value /= 2.0 * h);
            // A third derivative below ten times h² and a rounding of numbers near ten over h.
            let found = moved[0] - moved[1];
            assert!((found - slope).abs() < 1e-8, "{likelihood:?}: number {i}: {slope}, {found}");
        }
    }
}

#[test]
fn a_continuous_bernoulli_decoder_is_safe_at_a_logit_of_zero() {
    let (model, mut params) = model(3, GREY);
    // All weights are zero, and the biases are the logits.
    let tape = Tape::new();
    let logits = [0.0, 1e-9, -2.5];
    let at = params.len() - 3;
    params.values_mut()[at - 6..at].fill(0.0);
    params.values_mut()[at..].copy_from_slice(&logits);
    let bound = params.on(&tape);
    let (x, z) = (tape.constant(&[0.3, 0.8, 0.6], [1, 3]), tape.constant(&[0.5, -1.0], [1, 2]));
    // A(0) = 0, and A(η) = η/2 to first order.
    let log_norm = |eta: f64| ((eta.exp() - 1.0) / eta).ln();
    let expected = 1e-9 * (0.8 - 0.5) - 2.5 * 0.6 - log_norm(-2.5);
    let log_prob = model.log_likelihood(bound, x, z);
    assert_close("ln p(x | z)", log_prob, &[expected]);
    let mean = 1.0 / (1.0 - 2.5_f64.exp()) + 1.0 / 2.5;
    assert_close("E[x | z]", Decoder::mean(&model, bound, z), &[0.5, 0.5 + 1e-9 / 12.0, mean]);
    let slopes = log_prob.backward().leading(params.len())[at..].to_vec();
    for (slope, expected) in slopes.iter().zip([0.3 - 0.5, 0.8 - 0.5, 0.6 - mean]) {
        assert!((slope - expected).abs() < 1e-9, "{slope}, not {expected}");
    }
}

#[test]
fn samples_of_grey_decoders_have_their_means() {
    for likelihood in [GREY, levels(4)] {
        let (model, params) = model(2, likelihood);
        let tape = Tape::new();
        let (n, bound) = (20_000, params.on(&tape));
        let z = tape.constant(&[0.8, -0.3], [1, 2]).broadcast_to([n, 2]);
        let x = model.sample_data(bound, z, &mut rng(1, Stream::Sample, 0));
        assert!(!x.is_tracked() && x.shape()[..] == [n, 2]);
        let mean = Decoder::mean(&model, bound, z.slice(0, 0..1)).value();
        let x = x.value();
        if likelihood == levels(4) {
            assert!(x.values().iter().all(|x| (x * 3.0 - (x * 3.0).round()).abs() < 1e-12));
        }
        for j in 0..2 {
            let found = x.values()[j..].iter().step_by(2).sum::<f64>() / n as f64;
            // A standard deviation on the unit interval is at most a half; five standard errors.
            let error = (found - mean.values()[j]).abs();
            assert!(error < 5.0 * 0.5 / (n as f64).sqrt(), "{likelihood:?}: column {j}: {found}");
        }
    }
}

#[test]
#[should_panic(expected = "a categorical likelihood needs at least 2 levels, not 1")]
fn one_level_describes_nothing() {
    model(2, levels(1));
}
