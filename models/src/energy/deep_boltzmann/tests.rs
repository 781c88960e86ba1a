//! The deep machine against sums over all of its states.

use super::super::enumerate::{
    all_bits, assert_consistent, assert_near, energies, log_sum, scramble,
};
use super::*;
use crate::seed::{Stream, rng};
use pathscore_autodiff::Tape;

fn machine(visible: usize, hidden: [usize; 2]) -> (DeepBoltzmann, Params<f64>) {
    let mut params = Params::new();
    let rng = &mut rng(0, Stream::Init, 0);
    let model = DeepBoltzmann::new(&mut params, visible, hidden, rng);
    scramble(&mut params);
    (model, params)
}

/// $E(v, h, g)$ by loops over the definition.
fn joint(model: &DeepBoltzmann, params: &Params<f64>, [v, h, g]: [&[f64]; 3]) -> f64 {
    let [lower, upper] = model.hidden;
    let dot = |id, x: &[f64]| params.get(id).iter().zip(x).map(|(b, x)| b * x).sum::<f64>();
    let form = |id, columns: usize, x: &[f64], y: &[f64]| {
        let each = params.get(id).iter().enumerate();
        each.map(|(at, w)| w * x[at / columns] * y[at % columns]).sum::<f64>()
    };
    -dot(model.visible_bias, v)
        - dot(model.hidden_bias, h)
        - dot(model.upper_bias, g)
        - form(model.weights, lower, v, h)
        - form(model.upper_weights, upper, h, g)
}

#[test]
fn sums_over_all_states_agree_from_both_sides() {
    // The middle layer is the smaller side, or the larger one.
    for (visible, hidden, terms) in [(3, [2, 2], 4), (2, [5, 2], 16)] {
        let (model, mut params) = machine(visible, hidden);
        assert_eq!(ExactPartition::<f64>::terms(&model), Some(terms));
        let (tape, columns) = (Tape::new(), model.columns());
        let bound = params.on(&tape);
        let by_hidden = model.log_terms_of_hidden(bound, 0..1 << hidden[0]).log_sum_exp(..).item();
        let by_outer = model.log_terms_of_outer(bound, 0..1 << columns).log_sum_exp(..).item();
        assert!((by_hidden - by_outer).abs() < 1e-12);
        let means = &[0.2, 0.7, 0.4, 0.9, 0.5][..columns];
        drop(tape);
        assert_consistent(&model, &mut params, &all_bits(columns), means);
    }
}

#[test]
fn the_energy_sums_the_middle_layer_and_the_free_energy_both() {
    let (model, params) = machine(3, [3, 2]);
    let (hs, gs) = (all_bits(3), all_bits(2));
    let tape = Tape::new();
    let bound = params.on(&tape);
    let vs = tape.constant(&hs, [8, 3]);
    let free = model.free_energy(bound, vs).expect("two units").value();
    for (row, v) in all_bits(3).chunks_exact(3).enumerate() {
        let mut of_g = Vec::new();
        for g in gs.chunks_exact(2) {
            let summed = log_sum(hs.chunks_exact(3).map(|h| -joint(&model, &params, [v, h, g])));
            let x = [v, g].concat();
            // A few dozen numbers of order one.
            assert!((energies(&model, &params, &x, 5)[0] + summed).abs() < 1e-13);
            of_g.push(summed);
        }
        assert!((free.values()[row] + log_sum(of_g)).abs() < 1e-13);
    }
    let (large, params) = machine(2, [2, 13]);
    let tape = Tape::new();
    assert!(large.free_energy(params.on(&tape), tape.constant(&[1.0, 0.0], [1, 2])).is_none());
}

#[test]
fn conditionals_are_shares_of_the_joint_energy() {
    let (model, params) = machine(3, [2, 2]);
    let tape = Tape::new();
    let bound = params.on(&tape);
    let (v, h, g) = ([1.0, 0.0, 1.0], [0.0, 1.0], [1.0, 1.0]);
    let x = tape.constant(&[&v[..], &g].concat(), [1, 5]);
    let hidden = model.hidden_probs(bound, x).value();
    let outer = model.outer_probs(bound, tape.constant(&h, [1, 2])).value();
    let odds = |off: f64, on: f64| 1.0 / (1.0 + (on - off).exp());
    for unit in 0..2 {
        let [off, on] = [0.0, 1.0].map(|bit| {
            let mut h = h;
            h[unit] = bit;
            joint(&model, &params, [&v, &h, &g])
        });
        assert!((hidden.values()[unit] - odds(off, on)).abs() < 1e-14);
        let [off, on] = [0.0, 1.0].map(|bit| {
            let mut g = g;
            g[unit] = bit;
            joint(&model, &params, [&v, &h, &g])
        });
        assert!((outer.values()[3 + unit] - odds(off, on)).abs() < 1e-14);
    }
    for unit in 0..3 {
        let [off, on] = [0.0, 1.0].map(|bit| {
            let mut v = v;
            v[unit] = bit;
            joint(&model, &params, [&v, &h, &g])
        });
        assert!((outer.values()[unit] - odds(off, on)).abs() < 1e-14);
    }
}

/// $E_q[E] - H(q)$ for a factorised $q$ over both hidden layers, by a sum over all of their states.
fn variational(model: &DeepBoltzmann, params: &Params<f64>, v: &[f64], means: [&[f64]; 2]) -> f64 {
    let probability = |x: &[f64], means: &[f64]| -> f64 {
        x.iter().zip(means).map(|(x, m)| if *x == 1.0 { *m } else { 1.0 - m }).product()
    };
    let mut total = 0.0;
    for h in all_bits(means[0].len()).chunks_exact(means[0].len()) {
        for g in all_bits(means[1].len()).chunks_exact(means[1].len()) {
            let q = probability(h, means[0]) * probability(g, means[1]);
            total += q * (joint(model, params, [v, h, g]) + q.ln());
        }
    }
    total
}

#[test]
fn mean_field_bounds_the_free_energy_and_no_step_loosens_the_bound() {
    let (mut model, params) = machine(3, [3, 2]);
    let tape = Tape::new();
    let bound = params.on(&tape);
    let v = tape.constant(&all_bits(3), [8, 3]);
    let exact = model.free_energy(bound, v).expect("two units").value();
    let mut last = [f64::INFINITY; 8];
    for steps in [0, 1, 2, 3, 5, 10, 100] {
        model.mean_field_steps = steps;
        let found = model.variational_free_energy(bound, v).value();
        let complete = model.complete(bound, v);
        let mu = model.mean_field(bound, v).value();
        let hidden = model.hidden_probs(bound, complete).value();
        for (row, last) in last.iter_mut().enumerate() {
            let value = found.values()[row];
            // Rounding of numbers of order ten.
            assert!(value <= *last + 1e-13, "{steps} steps: {value} after {}", *last);
            assert!(value >= exact.values()[row] - 1e-13, "{steps} steps");
            *last = value;
            let means = [&hidden.values()[3 * row..][..3], &mu.values()[2 * row..][..2]];
            let by_hand = variational(&model, &params, &all_bits(3)[3 * row..][..3], means);
            assert!((value - by_hand).abs() < 1e-12, "{steps} steps: {value} and {by_hand}");
        }
    }
    // The bound is not the free energy: the posterior does not factorise.
    assert!(last.iter().zip(exact.values()).all(|(bound, exact)| bound - exact > 1e-4));
}

#[test]
fn without_upper_weights_mean_field_is_exact() {
    let (model, mut params) = machine(3, [3, 2]);
    params.get_mut(model.upper_weights).fill(0.0);
    let tape = Tape::new();
    let bound = params.on(&tape);
    let v = tape.constant(&all_bits(3), [8, 3]);
    let exact = model.free_energy(bound, v).expect("two units").value();
    assert_near(model.variational_free_energy(bound, v).value().values(), exact.values(), 1e-13);
}

#[test]
fn at_a_fixed_point_the_gradient_of_the_bound_is_that_of_differences() {
    let (mut model, params) = machine(3, [3, 2]);
    // So many steps that mean field has converged to rounding: the envelope theorem holds there.
    model.mean_field_steps = 300;
    let v = [1.0, 0.0, 1.0];
    let value = |params: &Params<f64>| {
        let tape = Tape::new();
        model.variational_free_energy(params.on(&tape), tape.constant(&v, [1, 3])).item()
    };
    let tape = Tape::new();
    let energy = model.variational_free_energy(params.on(&tape), tape.constant(&v, [1, 3])).sum();
    let gradient = energy.backward();
    let expected: Vec<f64> = (0..params.len())
        .map(|at| {
            let [up, down] = [1e-5, -1e-5].map(|step| {
                let mut moved = params.clone();
                moved.values_mut()[at] += step;
                value(&moved)
            });
            (up - down) / 2e-5
        })
        .collect();
    assert_near(gradient.leading(params.len()), &expected, 1e-8);
}

#[test]
fn a_machine_tells_its_sizes() {
    let (model, _) = machine(3, [4, 2]);
    assert_eq!((model.visible(), model.hidden(), model.columns()), (3, [4, 2], 5));
    assert_eq!(MeanField::<f64>::observed(&model), 3);
}
