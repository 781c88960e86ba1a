//! Flows: determinants against Jacobians, inverses, masks, and densities that integrate to one.

use crate::{SEED, rng};
use pathscore_autodiff::{Activation, Tape, Tensor, Var, check};
use pathscore_models::dist::*;
use pathscore_models::nn::{Mask, MaskedMlp};
use pathscore_models::{Init, Params};

const KINDS: [FlowKind; 2] = [FlowKind::Coupling, FlowKind::InverseAutoregressive];

/// Every parameter is a normal number with this standard deviation.
fn at_random(params: &mut Params<f64>, scale: f64) {
    let mut random = Params::<f64>::new();
    random.add("all", [params.len()], Init::Normal(scale), &mut rng());
    params.values_mut().copy_from_slice(random.values());
}

/// Three layers of a kind for events of `columns` numbers, with a context of two.
fn flow(kind: FlowKind, columns: usize, activation: Activation) -> (FlowNetwork, Params<f64>) {
    let mut params = Params::<f64>::new();
    let form = (kind, 3);
    let net =
        FlowNetwork::new(&mut params, "flow", [columns, 2], form, &[7, 5], activation, &mut rng());
    at_random(&mut params, 0.6);
    (net, params)
}

const CONTEXT: [f64; 4] = [0.4, -1.1, 0.9, 0.2];
const AT: [f64; 8] = [0.3, -1.2, 2.0, 0.1, -0.4, 1.1, 0.7, -0.9];

/// The Jacobian of row `row` of `y` with respect to the same row of `x`, row after row.
fn jacobian(x: Var<f64>, y: Var<f64>, row: usize) -> Vec<f64> {
    let n = x.shape()[1];
    let gradient = |i: usize| {
        let grads = y.slice(0, row..row + 1).slice(1, i..i + 1).sum().backward();
        grads.of(x).values()[row * n..(row + 1) * n].to_vec()
    };
    (0..n).flat_map(gradient).collect()
}

#[test]
fn determinants_of_flows_are_those_of_their_jacobians() {
    for (kind, columns) in KINDS.into_iter().flat_map(|kind| [(kind, 4), (kind, 3), (kind, 2)]) {
        for activation in [Activation::Tanh, Activation::Relu] {
            let (net, params) = flow(kind, columns, activation);
            let tape = Tape::new();
            let context = tape.constant(&CONTEXT, [2, 2]);
            let flow = net.on(params.on(&tape), Some(context));
            let x = tape.leaf(&AT[..2 * columns], [2, columns]);
            let [y, log_det] = flow.forward_and_log_det(x, 1);
            assert_eq!(y.value(), flow.forward(x).value());
            for row in 0..2 {
                let matrix = tape.constant(&jacobian(x, y, row), [columns, columns]);
                let (sign, expected) = matrix.slogdet().unwrap();
                let found = log_det.value().values()[row];
                // A few dozen roundings of numbers below ten.
                assert!((found - expected.item()).abs() < 1e-12, "{kind:?}: {found}");
                assert_eq!(sign.item(), 1.0);
            }
            assert!(log_det.value().values().iter().all(|log_det| log_det.abs() > 1e-3));
            assert_eq!(flow.outside(y, 1).value().values(), [0.0, 0.0]);
        }
    }
}

#[test]
fn flows_are_inverted_exactly() {
    for (kind, columns) in KINDS.into_iter().flat_map(|kind| [(kind, 4), (kind, 3), (kind, 2)]) {
        let (net, params) = flow(kind, columns, Activation::Tanh);
        let tape = Tape::new();
        let flow = net.on(params.on(&tape), Some(tape.constant(&CONTEXT, [2, 2])));
        // With several draws for each row of the context.
        let values: Vec<f64> = (0..10 * columns).map(|i| 3.0 * (1.3 * i as f64).sin()).collect();
        let x = tape.constant(&values, [5, 2, columns]);
        for found in [flow.inverse(flow.forward(x)), flow.forward(flow.inverse(x))] {
            for (a, b) in found.value().values().iter().zip(&values) {
                assert!((a - b).abs() < 1e-10, "{kind:?}: {a} for {b}");
            }
        }
    }
    // A single coordinate has a scale and a shift of the context.
    let (net, params) = flow(FlowKind::InverseAutoregressive, 1, Activation::Tanh);
    let tape = Tape::new();
    let flow = net.on(params.on(&tape), Some(tape.constant(&CONTEXT, [2, 2])));
    let x = tape.constant(&[0.7, 0.7], [2, 1]);
    let y = flow.forward(x).value();
    assert!((y.values()[0] - y.values()[1]).abs() > 1e-3, "the context is used");
    let back = flow.inverse(flow.forward(x)).value();
    assert!(back.values().iter().all(|x| (x - 0.7).abs() < 1e-12));
}

/// Every weight that may be one is in use, and no other: the pattern of the Jacobian is the mask.
#[test]
fn outputs_of_masked_networks_depend_on_earlier_inputs_only() {
    let before = |i: usize, j: usize| j < i;
    let behind = |i: usize, j: usize| j > i;
    let upper = |i: usize, j: usize| i >= 2 && j < 2;
    let lower = |i: usize, j: usize| i < 3 && j >= 3;
    type Pattern = fn(usize, usize) -> bool;
    let cases: [(Mask, bool, Pattern); 4] = [
        (Mask::Autoregressive, false, before),
        (Mask::Autoregressive, true, behind),
        (Mask::Halves, false, upper),
        (Mask::Halves, true, lower),
    ];
    for (mask, reversed, expected) in cases {
        for hidden in [&[][..], &[9], &[6, 8], &[11, 7, 9]] {
            let mut params = Params::<f64>::new();
            let (form, sigmoid) = ((mask, reversed), Activation::Sigmoid);
            let net = MaskedMlp::new(&mut params, "net", [5, 3], hidden, form, sigmoid, &mut rng());
            at_random(&mut params, 1.0);
            let tape = Tape::new();
            let x = tape.leaf(&AT[..5], [1, 5]);
            let c = tape.leaf(&[0.3, 0.1, -0.5], [1, 3]);
            let outputs = net.on(params.on(&tape), Some(c)).forward(x);
            for y in outputs {
                let found = jacobian(x, y, 0);
                for (i, j) in (0..5).flat_map(|i| (0..5).map(move |j| (i, j))) {
                    let depends = found[5 * i + j] != 0.0;
                    assert_eq!(depends, expected(i, j), "{mask:?} {hidden:?}: {i} of {j}");
                }
                for i in 0..5 {
                    let grads = y.slice(1, i..i + 1).sum().backward();
                    let uses = grads.of(c).values().iter().all(|slope| *slope != 0.0);
                    // An output that stays zero has no context; others always do.
                    let has = mask == Mask::Autoregressive || (0..5).any(|j| expected(i, j));
                    assert_eq!(uses, has, "{mask:?} {hidden:?}: output {i}");
                }
            }
        }
    }
}

#[test]
fn derivatives_of_flows_are_those_of_differences() {
    for kind in KINDS {
        let mut params = Params::<f64>::new();
        let form = (kind, 2);
        let net =
            FlowNetwork::new(&mut params, "flow", [3, 0], form, &[4], Activation::Tanh, &mut rng());
        at_random(&mut params, 0.6);
        let x = [Tensor::new(AT[..6].to_vec(), [2, 3])];
        let options = check::Options::of::<f64>;
        for inverse in [false, true] {
            check::gradient(
                |v| {
                    let flow = net.on(params.on(v[0].tape()).detach(), None);
                    let y = if inverse { flow.inverse(v[0]) } else { flow.forward(v[0]) };
                    (y.sin().sum_axis(-1) + flow.log_det(v[0], 1)).square()
                },
                &x,
                options(),
            )
            .unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        }
    }
}

/// By the trapezoidal rule over the plane, whose error for a smooth density that vanishes at its ends falls faster than any power of
/// the step.
#[test]
fn densities_of_flows_integrate_to_one() {
    for kind in KINDS {
        let (net, params) = flow(kind, 2, Activation::Tanh);
        let tape = Tape::new();
        let base = Normal::from_scale(
            tape.constant(&[0.2, -0.3], [1, 2]),
            tape.constant(&[0.8, 1.1], [1, 2]),
        );
        let context = tape.constant(&CONTEXT[..2], [1, 2]);
        let q = Transformed::new(base.unwrap(), net.on(params.on(&tape).detach(), Some(context)));
        let sample = q.sample(20_000, &mut rng()).value();
        let end = |j: usize, sign: f64| {
            let column = sample.values()[j..].iter().step_by(2);
            sign * column.fold(0.0_f64, |top, z| top.max(sign * z))
        };
        // Three times as far as any of the draws.
        let (n, mut total) = (600, 0.0);
        let [low, high] = [-1.0, 1.0].map(|sign| [0, 1].map(|j| 3.0 * end(j, sign) + sign));
        let step = [0, 1].map(|j| (high[j] - low[j]) / n as f64);
        let mut inner = Tape::new();
        for i in 0..=n {
            inner.clear();
            let bound = params.on(&inner).detach();
            let context = inner.constant(&CONTEXT[..2], [1, 2]);
            let base = Normal::from_scale_unchecked(
                inner.constant(&[0.2, -0.3], [1, 2]),
                inner.constant(&[0.8, 1.1], [1, 2]),
            );
            let q = Transformed::new(base, net.on(bound, Some(context)));
            let row =
                (0..=n).flat_map(|j| [low[0] + step[0] * i as f64, low[1] + step[1] * j as f64]);
            let points: Vec<f64> = row.collect();
            let log_prob = q.log_prob(inner.constant(&points, [n + 1, 1, 2]));
            total += log_prob.with(|log_prob| log_prob.iter().map(|log| log.exp()).sum::<f64>());
        }
        let total = total * step[0] * step[1];
        assert!((total - 1.0).abs() < 1e-8, "seed {SEED}: {kind:?}: {total}");
    }
}

/// The argument of a sample has the distribution function of the base.
#[test]
fn samples_of_flows_fit_their_densities() {
    for kind in KINDS {
        let (net, params) = flow(kind, 3, Activation::Tanh);
        let tape = Tape::new();
        let base = Normal::from_scale(
            tape.leaf(&[0.2, -0.3, 0.0], [1, 3]),
            tape.leaf(&[0.8, 1.1, 0.5], [1, 3]),
        );
        let (base, bound) = (base.unwrap(), params.on(&tape));
        let context = tape.leaf(&CONTEXT[..2], [1, 2]);
        let q = Transformed::new(base, net.on(bound, Some(context)));
        assert_eq!(q.support(), Support::Vectors);
        let [z, log_q] = q.sample_and_log_prob(50_000, &mut rng());
        assert!(!z.is_tracked() && log_q.is_tracked());
        let levels = base.cdf(q.bijection().inverse(z)).value();
        for j in 0..3 {
            let mut column: Vec<f64> = levels.values()[j..].iter().step_by(3).copied().collect();
            let fit = uniform_fit(&mut column);
            // Six columns at this rate give a false alarm with probability 6 · 10⁻⁶ under a new seed.
            assert!(fit.passes(1e-6), "seed {SEED}: {kind:?}: column {j}: {fit:?}");
        }
        // Without derivatives the same numbers come from the way forward.
        let [same, again] = q.detach().sample_and_log_prob(50_000, &mut rng());
        assert_eq!(same.value(), z.value());
        for (a, b) in again.value().values().iter().zip(log_q.value().values()) {
            assert!((a - b).abs() < 1e-10 * (1.0 + b.abs()), "{a} {b}");
        }
        assert!(!again.is_tracked());
    }
}
