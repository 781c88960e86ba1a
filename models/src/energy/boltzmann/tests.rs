//! The fully visible machine against sums over all states, transfer matrices and the solution of Onsager and Kaufman.

use super::super::enumerate::{
    Branches, all_bits, assert_consistent, assert_near, energies, log_sum, scramble,
};
use super::super::graph::Boundary;
use super::*;
use crate::seed::{Stream, rng};

fn machine(graph: &Graph) -> (BoltzmannMachine, Params<f64>) {
    let mut params = Params::new();
    let model = BoltzmannMachine::new(&mut params, graph, &mut rng(0, Stream::Init, 0));
    scramble(&mut params);
    (model, params)
}

/// The same machine with the other form of its products.
fn other_form(model: &BoltzmannMachine) -> BoltzmannMachine {
    let layout = Layout { dense: !model.layout.dense, ..Layout::new(model.graph()) };
    BoltzmannMachine { layout: Arc::new(layout), ..*model }
}

fn log_partition(model: &BoltzmannMachine, params: &Params<f64>) -> f64 {
    ExactPartition::<f64>::log_partition(model, params).expect("the units are few")
}

#[test]
fn sums_over_all_states_agree_on_every_graph() {
    for (graph, terms) in [
        (Graph::full(4), 8),
        (Graph::lattice(2, 3, Boundary::Open), 8),
        (Graph::lattice(2, 3, Boundary::Periodic), 16),
        (Graph::of_edges(5, &[(4, 0), (0, 2)]), 4),
        (Graph::of_edges(2, &[]), 1),
    ] {
        let (model, params) = machine(&graph);
        assert_eq!(ExactPartition::<f64>::terms(&model), Some(terms), "{graph:?}");
        let means: Vec<f64> = (0..graph.units()).map(|i| 0.2 + 0.1 * i as f64).collect();
        for model in [other_form(&model), model] {
            let states = all_bits(graph.units());
            if graph.edges().is_empty() {
                // Every draw is independent, which the common test takes for a mistake.
                let all = log_sum(energies(&model, &params, &states, 2).iter().map(|e| -e));
                assert!((log_partition(&model, &params) - all).abs() < 1e-14);
            } else {
                assert_consistent(&model, &mut params.clone(), &states, &means);
            }
        }
    }
}

#[test]
fn the_energy_is_the_sum_over_edges() {
    for graph in [Graph::full(5), Graph::of_edges(5, &[(4, 0), (1, 2), (0, 2)])] {
        let (model, params) = machine(&graph);
        let (w, b) = (params.get(model.couplings), params.get(model.bias));
        let states = all_bits(5);
        let by_hand: Vec<f64> = states
            .chunks_exact(5)
            .map(|x| {
                let pairs = graph.edges().iter().zip(w).map(|(&[i, j], w)| w * x[i] * x[j]);
                -pairs.sum::<f64>() - b.iter().zip(x).map(|(b, x)| b * x).sum::<f64>()
            })
            .collect();
        for model in [other_form(&model), model] {
            assert_near(&energies(&model, &params, &states, 5), &by_hand, 1e-13);
            let tape = Tape::new();
            let x = tape.constant(&states, [32, 5]);
            let flips = model.flip_differences(params.on(&tape), x).value();
            let expected: Vec<f64> = (0..32)
                .flat_map(|state| (0..5).map(move |bit| (state, state ^ 1 << bit)))
                .map(|(from, to): (usize, usize)| by_hand[to] - by_hand[from])
                .collect();
            assert_near(flips.values(), &expected, 1e-13);
        }
    }
}

#[test]
fn known_units_stay_and_the_others_are_drawn_given_them() {
    let graph = Graph::lattice(2, 2, Boundary::Open);
    let (model, params) = machine(&graph);
    let known = [false, true, false, true];
    let states = all_bits(4);
    let weights: Vec<f64> =
        energies(&model, &params, &states, 4).iter().map(|e| (-e).exp()).collect();
    let agree = |a: &[f64], b: &[f64]| (0..4).all(|i| !known[i] || a[i] == b[i]);
    let start = [0.0, 1.0, 0.0, 0.0];
    let total: f64 =
        states.chunks_exact(4).zip(&weights).filter(|(x, _)| agree(x, &start)).map(|x| x.1).sum();
    let mut after = vec![0.0; 16];
    let mut tape = Tape::new();
    for (x, weight) in states.chunks_exact(4).zip(&weights).filter(|(x, _)| agree(x, &start)) {
        Branches::each(|source| {
            tape.clear();
            let from = tape.constant(x, [1, 4]);
            let next = model.gibbs_sweep_given(params.on(&tape), from, &known, source).value();
            assert!(agree(next.values(), &start));
            let to = states.chunks_exact(4).position(|state| state == next.values());
            after[to.expect("a state")] += weight / total * source.probability;
        });
    }
    for ((x, weight), after) in states.chunks_exact(4).zip(&weights).zip(after) {
        let expected = if agree(x, &start) { weight / total } else { 0.0 };
        assert!((after - expected).abs() < 1e-14, "{x:?}: {after} and {expected}");
    }
}

/// $\ln Z$ of the Ising model by the transfer matrix between rows of spins.
fn by_transfer_matrix(height: usize, width: usize, boundary: Boundary, [j, h]: [f64; 2]) -> f64 {
    let spin = |state: usize, at: usize| if state >> at & 1 == 1 { 1.0 } else { -1.0 };
    let around = boundary == Boundary::Periodic;
    let states = 1_usize << width;
    let row = |s: usize| {
        let pairs = (0..if around { width } else { width - 1 })
            .map(|at| j * spin(s, at) * spin(s, (at + 1) % width));
        pairs.sum::<f64>() + (0..width).map(|at| h * spin(s, at)).sum::<f64>()
    };
    let between =
        |s: usize, t: usize| (0..width).map(|at| j * spin(s, at) * spin(t, at)).sum::<f64>();
    let forward = |from: &[f64]| -> Vec<f64> {
        (0..states)
            .map(|t| row(t) + log_sum((0..states).map(|s| from[s] + between(s, t))))
            .collect()
    };
    if !around {
        let mut of_row: Vec<f64> = (0..states).map(row).collect();
        (1..height).for_each(|_| of_row = forward(&of_row));
        return log_sum(of_row);
    }
    // The trace: every state of the first row, followed around the torus.
    log_sum((0..states).map(|first| {
        let mut of_row = vec![f64::NEG_INFINITY; states];
        of_row[first] = 0.0;
        (0..height).for_each(|_| of_row = forward(&of_row));
        of_row[first]
    }))
}

#[test]
fn lattices_have_the_partition_function_of_their_transfer_matrix() {
    for (height, width, boundary) in [
        (3, 4, Boundary::Open),
        (1, 6, Boundary::Open),
        (4, 3, Boundary::Periodic),
        (4, 4, Boundary::Periodic),
    ] {
        for [j, h] in [[0.44, 0.0], [-0.3, 0.2], [0.1, -0.5]] {
            let (model, mut params) = machine(&Graph::lattice(height, width, boundary));
            let offset = model.set_ising(&mut params, j, h);
            let found = log_partition(&model, &params) - offset;
            let expected = by_transfer_matrix(height, width, boundary, [j, h]);
            // Thousands of terms around e^20.
            assert!(
                (found - expected).abs() < 1e-11,
                "{height} x {width} {j} {h}: {found} {expected}"
            );
        }
    }
}

/// Kaufman (1949): the torus of m rows and n columns without a field.
///
/// $Z = \frac12 (2 \sinh 2J)^{mn/2} \Bigl[\prod_r 2\cosh\frac{m\gamma_{2r+1}}2 + \prod_r 2\sinh\frac{m\gamma_{2r+1}}2 +
/// \prod_r 2\cosh\frac{m\gamma_{2r}}2 + \prod_r 2\sinh\frac{m\gamma_{2r}}2\Bigr]$ with $\cosh\gamma_k = \cosh 2J \coth
/// 2J - \cos\frac{\pi k}n$, and $\gamma_0 = 2J + \ln\tanh J$ with its sign.
#[test]
fn a_torus_has_the_partition_function_of_onsager_and_kaufman() {
    let (m, n) = (4_usize, 6_usize);
    let critical = 0.5 * (1.0 + 2_f64.sqrt()).ln();
    for j in [0.3, critical, 0.7] {
        let gamma = |k: usize| match k {
            0 => 2.0 * j + j.tanh().ln(),
            _ => {
                let angle = std::f64::consts::PI * k as f64 / n as f64;
                ((2.0 * j).cosh().powi(2) / (2.0 * j).sinh() - angle.cos()).acosh()
            }
        };
        let product = |odd: usize, f: fn(f64) -> f64| -> f64 {
            (0..n).map(|r| 2.0 * f(0.5 * m as f64 * gamma(2 * r + odd))).product()
        };
        let sum = product(1, f64::cosh)
            + product(1, f64::sinh)
            + product(0, f64::cosh)
            + product(0, f64::sinh);
        let expected =
            0.5_f64.ln() + 0.5 * (m * n) as f64 * (2.0 * (2.0 * j).sinh()).ln() + sum.ln();
        let (model, mut params) = machine(&Graph::lattice(m, n, Boundary::Periodic));
        let offset = model.set_ising(&mut params, j, 0.0);
        let found = log_partition(&model, &params) - offset;
        // Four thousand terms of softplus around ln Z = 20.
        assert!((found - expected).abs() < 1e-10, "{j}: {found} and {expected}");
    }
}

#[test]
fn both_forms_of_a_sweep_have_the_same_bits() {
    let (model, params) = machine(&Graph::full(40));
    let swept = |model: &BoltzmannMachine| {
        let (tape, mut rng) = (Tape::new(), rng(1, Stream::Sample, 0));
        let bound = params.on(&tape);
        let start = tape.constant_with([3, 40], |out| out.fill(1.0));
        let there = model.gibbs_sweep(bound, start, &mut rng);
        model.reverse_sweep(bound, there, &mut rng).value().values().to_vec()
    };
    assert!(model.layout.dense);
    assert_eq!(swept(&model), swept(&other_form(&model)));
}

#[test]
fn large_graphs_choose_the_cheaper_form() {
    assert!(machine(&Graph::full(30)).0.layout.dense);
    let lattice = machine(&Graph::lattice(20, 20, Boundary::Open)).0;
    assert!(!lattice.layout.dense);
    assert_eq!(ExactPartition::<f64>::terms(&lattice), None);
}

#[test]
fn a_machine_tells_its_parts() {
    let (model, mut params) = machine(&Graph::full(3));
    assert_eq!((model.units(), model.graph().edges().len()), (3, 3));
    assert_eq!((params.get(model.couplings()).len(), params.get(model.bias()).len()), (3, 3));
    model.set_bias(&mut params, &[0.25, 0.0, 0.5]);
    let expected = [-(3_f64.ln()), -(999_f64.ln()), 0.0];
    assert_near(params.get(model.bias()), &expected, 1e-12);
}
