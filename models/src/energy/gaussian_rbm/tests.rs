//! The machine of real numbers against its mixture of normal distributions.

use super::super::enumerate::{Branches, all_bits, assert_near, energies, log_sum, scramble};
use super::*;
use crate::seed::{Stream, rng};
use pathscore_autodiff::Tape;

const SDS: [f64; 2] = [0.7, 1.3];

fn machine(hidden: usize, learnt: bool) -> (GaussianRbm, Params<f64>) {
    let (mut params, rng) = (Params::new(), &mut rng(0, Stream::Init, 0));
    let model = match learnt {
        true => GaussianRbm::with_learnt_sds(&mut params, &SDS, hidden, rng),
        false => GaussianRbm::new(&mut params, &SDS, hidden, rng),
    };
    scramble(&mut params);
    if let LogSd::Learnt(id) = model.log_sd {
        params.get_mut(id).copy_from_slice(&SDS.map(f64::ln));
    }
    (model, params)
}

/// The weights of the components and their means, by loops over the definition.
fn components(model: &GaussianRbm, params: &Params<f64>) -> Vec<(f64, [f64; 2])> {
    let hidden = model.hidden;
    let (w, b, c) =
        (params.get(model.weights), params.get(model.visible_bias), params.get(model.hidden_bias));
    let each = all_bits(hidden);
    let found = each.chunks_exact(hidden).map(|h| {
        let mean =
            [0, 1].map(|i| b[i] + (0..hidden).map(|j| w[hidden * i + j] * h[j]).sum::<f64>());
        // ∫ exp(−E(v, h)) dv, completing the square around the mean.
        let bias: f64 = c.iter().zip(h).map(|(c, h)| c * h).sum();
        let squares = (0..2).map(|i| (mean[i].powi(2) - b[i].powi(2)) / (2.0 * SDS[i].powi(2)));
        (bias + squares.sum::<f64>() + (TAU * SDS[0] * SDS[1]).ln(), mean)
    });
    found.collect()
}

fn log_partition(model: &GaussianRbm, params: &Params<f64>) -> f64 {
    ExactPartition::<f64>::log_partition(model, params).expect("the hidden units are few")
}

#[test]
fn the_machine_is_a_mixture_of_normal_distributions() {
    for (hidden, learnt) in [(1, false), (3, true), (5, false)] {
        let (model, params) = machine(hidden, learnt);
        let components = components(&model, &params);
        let log_z = log_partition(&model, &params);
        assert!((log_z - log_sum(components.iter().map(|c| c.0))).abs() < 1e-12);
        let rows = [0.3, -1.2, 4.0, 2.5, -3.0, 0.0];
        for (v, energy) in rows.chunks_exact(2).zip(energies(&model, &params, &rows, 2)) {
            let log_density = log_sum(components.iter().map(|(log_weight, mean)| {
                let z = [0, 1].map(|i| (v[i] - mean[i]) / SDS[i]);
                let normal = -0.5 * (z[0] * z[0] + z[1] * z[1]) - (TAU * SDS[0] * SDS[1]).ln();
                log_weight - log_z + normal
            }));
            // Sums of 32 exponentials of numbers of order ten.
            assert!((-energy - log_z - log_density).abs() < 1e-12, "{hidden}: {v:?}");
        }
    }
}

#[test]
fn the_free_energy_sums_the_joint_energy_over_the_hidden_units() {
    let (model, params) = machine(3, true);
    let tape = Tape::new();
    let bound = params.on(&tape);
    let h = tape.constant(&all_bits(3), [8, 3]);
    for v in [[0.3, -1.2], [2.0, 0.5]] {
        let one = tape.constant(&v, [1, 2]);
        let joint = model.joint_energy(bound, one.broadcast_to([8, 2]), h);
        let summed = -(-joint).log_sum_exp(..).item();
        assert!((summed - model.energy(bound, one).item()).abs() < 1e-13);
        // p(h_1 = 1 | v) is the share of the states in which it is on.
        let on = (-joint)
            .value()
            .values()
            .iter()
            .zip(all_bits(3).chunks_exact(3))
            .map(|(e, h)| h[1] * e.exp())
            .sum::<f64>();
        let found = model.hidden_probs(bound, one).value().values()[1];
        assert!((found - on / (-summed).exp()).abs() < 1e-13);
    }
    assert_eq!((model.visible(), model.hidden()), (2, 3));
}

#[test]
fn the_gradient_is_that_of_differences() {
    let (model, params) = machine(3, true);
    let v = [0.3, -1.2];
    let value =
        |params: &Params<f64>| energies(&model, params, &v, 2)[0] + log_partition(&model, params);
    let tape = Tape::new();
    let bound = params.on(&tape);
    let energy = model.energy(bound, tape.constant(&v, [1, 2])).sum();
    let gradient = (energy + model.log_terms(bound, 0..8).log_sum_exp(..)).backward();
    let mut expected = Vec::new();
    for at in 0..params.len() {
        let moved = [1e-5, -1e-5].map(|step| {
            let mut moved = params.clone();
            moved.values_mut()[at] += step;
            value(&moved)
        });
        expected.push((moved[0] - moved[1]) / 2e-5);
    }
    // Third derivatives of order a hundred times 1e-10, and rounding of 1e-15 / 1e-5.
    assert_near(gradient.leading(params.len()), &expected, 1e-7);
}

/// Draws hidden bits in every combination, and normal numbers that are all the same.
struct Half<'a>(&'a mut Branches, f64);

impl RandomSource for Half<'_> {
    fn bernoulli(&mut self, p: f64) -> bool {
        self.0.bernoulli(p)
    }

    fn uniform(&mut self) -> f64 {
        unreachable!("a sweep draws bits and normal numbers")
    }

    fn normal(&mut self) -> f64 {
        self.1
    }
}

/// The density is invariant if $\int p(v) p(v' \mid v) dv = p(v')$; $p(v' \mid v)$ is a mixture over the hidden bits that the
/// sweep draws, of normal distributions whose means and deviations are read off its draws at $\varepsilon = 0$ and $1$.
#[test]
fn a_gibbs_sweep_leaves_the_density_invariant() {
    let (model, params) = machine(2, false);
    let log_z = log_partition(&model, &params);
    // The trapezoidal rule is exact to rounding for sums of normal densities if its step is below half a deviation.
    let (step, reach) = (0.3, 40_i32);
    let mut tape = Tape::new();
    let targets = [[0.4, -0.9], [2.0, 1.5], [-1.0, 0.2]];
    let mut after = [0.0; 3];
    for (i, j) in (-reach..=reach).flat_map(|i| (-reach..=reach).map(move |j| (i, j))) {
        let v = [f64::from(i) * step, f64::from(j) * step];
        tape.clear();
        let before = (-energies(&model, &params, &v, 2)[0] - log_z).exp() * step * step;
        if before < 1e-18 {
            continue;
        }
        Branches::each(|source| {
            let mut draw = |eps: f64, source: &mut Branches| {
                tape.clear();
                let x = tape.constant(&v, [1, 2]);
                let next = model.gibbs_sweep(params.on(&tape), x, &mut Half(source, eps));
                assert!(!next.is_tracked(), "a sweep carries no derivative");
                let next = next.value();
                [next.values()[0], next.values()[1]]
            };
            let mean = draw(0.0, source);
            let weight = before * source.probability;
            for (target, after) in targets.iter().zip(&mut after) {
                let z = [0, 1].map(|i| (target[i] - mean[i]) / SDS[i]);
                let density = (-0.5 * (z[0] * z[0] + z[1] * z[1])).exp() / (TAU * SDS[0] * SDS[1]);
                *after += weight * density;
            }
        });
    }
    let expected = targets.map(|v| (-energies(&model, &params, &v, 2)[0] - log_z).exp());
    // Sums of thousands of numbers below one.
    assert_near(&after, &expected, 1e-12);
}

#[test]
fn a_sweep_draws_around_the_means_with_the_deviations() {
    let (model, params) = machine(2, true);
    let tape = Tape::new();
    Branches::each(|source| {
        let x = tape.constant(&[0.1, 0.2], [1, 2]);
        let next = model.gibbs_sweep(params.on(&tape), x, &mut Half(source, 2.0)).value();
        let of_means = components(&model, &params).into_iter().any(|(_, mean)| {
            (0..2).all(|i| (next.values()[i] - mean[i] - 2.0 * SDS[i]).abs() < 1e-14)
        });
        assert!(of_means, "{:?}", next.values());
    });
}

#[test]
fn where_the_integral_diverges_the_partition_function_is_not_finite() {
    let (model, params) = machine(2, true);
    let LogSd::Learnt(id) = model.log_sd else { panic!("the deviations are learnt") };
    for bad in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 800.0] {
        let mut broken = params.clone();
        broken.get_mut(id)[1] = bad;
        let log_z = log_partition(&model, &broken);
        // e^800 is no number of double precision, but its logarithm is.
        assert_eq!(log_z.is_finite(), bad == 800.0, "{bad}: {log_z}");
    }
    let mut broken = params;
    broken.get_mut(model.weights)[0] = f64::INFINITY;
    assert!(!log_partition(&model, &broken).is_finite());
}

#[test]
#[should_panic(expected = "the standard deviation of column 1 is 0")]
fn a_deviation_is_positive() {
    GaussianRbm::new(&mut Params::<f64>::new(), &[1.0, 0.0], 2, &mut rng(0, Stream::Init, 0));
}

#[test]
fn the_base_model_has_independent_normal_columns() {
    for learnt in [false, true] {
        let (model, mut params) = machine(3, learnt);
        let log_z = model.set_base(&mut params, &[0.5, -2.0]);
        assert!((log_z - log_partition(&model, &params)).abs() < 1e-12);
        let log_prob = -energies(&model, &params, &[0.5, -2.0], 2)[0] - log_z;
        assert!((log_prob + (TAU * SDS[0] * SDS[1]).ln()).abs() < 1e-12);
    }
}

#[test]
fn single_precision_agrees_with_double() {
    let (model, params) = machine(3, true);
    let single = params.cast::<f32>();
    let tape = Tape::new();
    let energy = model.energy(single.on(&tape), tape.constant(&[0.5, -1.0], [1, 2])).item();
    // Numbers of order one, each rounded to 6e-8.
    assert!((f64::from(energy) - energies(&model, &params, &[0.5, -1.0], 2)[0]).abs() < 1e-5);
}
