//! The machine of categories against sums over all of its states.

use super::super::enumerate::{
    all_bits, assert_consistent, assert_near, energies, log_sum, scramble,
};
use super::*;
use crate::seed::{Stream, rng};
use pathscore_autodiff::Tape;

fn machine(groups: usize, classes: usize, hidden: usize) -> (SoftmaxRbm, Params<f64>) {
    let mut params = Params::new();
    let rng = &mut rng(0, Stream::Init, 0);
    let model = SoftmaxRbm::new(&mut params, groups, classes, hidden, rng);
    scramble(&mut params);
    (model, params)
}

/// Every combination of one-hot groups, by loops of its own.
fn states(groups: usize, classes: usize) -> Vec<f64> {
    let mut rows = vec![Vec::new()];
    for _ in 0..groups {
        rows = (0..classes)
            .flat_map(|class| {
                let one_hot = (0..classes).map(move |k| f64::from(k == class));
                rows.iter().map(move |row| row.iter().copied().chain(one_hot.clone()).collect())
            })
            .collect();
    }
    rows.concat()
}

#[test]
fn sums_over_all_states_agree_from_both_sides() {
    // Nine visible states under eight and under sixteen hidden ones, so that either side is listed.
    for (groups, classes, hidden, listed) in [(2, 3, 3, 8), (2, 3, 4, 9), (3, 2, 1, 2)] {
        let (model, mut params) = machine(groups, classes, hidden);
        assert_eq!(ExactPartition::<f64>::terms(&model), Some(listed));
        let shares = [[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]].concat();
        let means = if classes == 3 { shares } else { [[0.2, 0.8]; 3].concat() };
        assert_consistent(&model, &mut params, &states(groups, classes), &means);
    }
}

#[test]
fn the_free_energy_sums_the_joint_energy_over_the_hidden_units() {
    let (model, params) = machine(2, 3, 3);
    let (w, b, c) =
        (params.get(model.weights), params.get(model.visible_bias), params.get(model.hidden_bias));
    for v in states(2, 3).chunks_exact(6) {
        let joint = |h: &[f64]| {
            let inner = |i: usize| b[i] + (0..3).map(|j| w[3 * i + j] * h[j]).sum::<f64>();
            let visible: f64 = (0..6).map(|i| v[i] * inner(i)).sum();
            -visible - (0..3).map(|j| c[j] * h[j]).sum::<f64>()
        };
        let summed = -log_sum(all_bits(3).chunks_exact(3).map(|h| -joint(h)));
        // A dozen numbers of order one are added.
        assert!((summed - energies(&model, &params, v, 6)[0]).abs() < 1e-13);
    }
}

#[test]
fn a_category_has_the_shares_of_its_energies() {
    let (model, params) = machine(2, 3, 2);
    let tape = Tape::new();
    let bound = params.on(&tape);
    let h = all_bits(2);
    let probs = model.visible_probs(bound, tape.constant(&h, [4, 2])).value();
    for (row, h) in h.chunks_exact(2).enumerate() {
        for group in 0..2 {
            let odds: Vec<f64> = (0..3)
                .map(|k| {
                    let at = 3 * group + k;
                    let w = &params.get(model.weights)[2 * at..2 * at + 2];
                    (params.get(model.visible_bias)[at] + w[0] * h[0] + w[1] * h[1]).exp()
                })
                .collect();
            let total: f64 = odds.iter().sum();
            let expected: Vec<f64> = odds.iter().map(|x| x / total).collect();
            let at = 6 * row + 3 * group;
            assert_near(&probs.values()[at..at + 3], &expected, 1e-14);
        }
    }
    assert_eq!((model.groups(), model.classes(), model.columns(), model.hidden()), (2, 3, 6, 2));
    let on = model.hidden_probs(bound, tape.constant(&[1.0, 0.0, 0.0, 0.0, 0.0, 1.0], [1, 6]));
    let w = params.get(model.weights);
    let input = params.get(model.hidden_bias)[1] + w[1] + w[11];
    assert!((on.value().values()[1] - 1.0 / (1.0 + (-input).exp())).abs() < 1e-15);
}

#[test]
fn a_number_on_all_classes_of_a_group_changes_no_probability() {
    let (model, params) = machine(2, 3, 3);
    let mut moved = params.clone();
    moved.get_mut(model.visible_bias)[3..].iter_mut().for_each(|b| *b += 0.7);
    let all = states(2, 3);
    let log_probs = |params: &Params<f64>| -> Vec<f64> {
        let log_z = ExactPartition::<f64>::log_partition(&model, params).expect("eight terms");
        energies(&model, params, &all, 6).iter().map(|e| -e - log_z).collect()
    };
    assert_near(&log_probs(&moved), &log_probs(&params), 1e-13);
}
