//! The machine against enumeration of all of its states.

use super::*;
use crate::seed::{Stream, rng};
use pathscore_autodiff::Tape;

/// A machine with $W_{ij} = \sin(1 + 3i + 5j)$, $b_i = 0.1 (i - 1.5)$ and $c_j = 0.2 (j - 1)$.
fn machine(visible: usize, hidden: usize) -> (Rbm, Params<f64>) {
    let mut params = Params::new();
    let model = Rbm::new(&mut params, visible, hidden, &mut rng(0, Stream::Init, 0));
    for (at, w) in params.get_mut(model.weights).iter_mut().enumerate() {
        *w = (1.0 + 3.0 * (at / hidden) as f64 + 5.0 * (at % hidden) as f64).sin();
    }
    for (i, b) in params.get_mut(model.visible_bias).iter_mut().enumerate() {
        *b = 0.1 * (i as f64 - 1.5);
    }
    for (j, c) in params.get_mut(model.hidden_bias).iter_mut().enumerate() {
        *c = 0.2 * (j as f64 - 1.0);
    }
    (model, params)
}

fn all_states(units: usize) -> Vec<f64> {
    let mut states = vec![0.0; units << units];
    states.chunks_exact_mut(units).enumerate().for_each(|(state, out)| write_state(state, out));
    states
}

/// A source whose bits are those of a number, lowest first, and which keeps the probability of having drawn them.
struct Script {
    bits: usize,
    probability: f64,
}

impl RandomSource for Script {
    fn bernoulli(&mut self, p: f64) -> bool {
        let bit = self.bits & 1 == 1;
        self.bits >>= 1;
        self.probability *= if bit { p } else { 1.0 - p };
        bit
    }

    fn uniform(&mut self) -> f64 {
        unreachable!("a Gibbs sweep draws bits only")
    }

    fn normal(&mut self) -> f64 {
        unreachable!("a Gibbs sweep draws bits only")
    }
}

#[test]
fn the_log_partition_function_is_the_same_from_both_sides() {
    for (visible, hidden) in [(4, 3), (3, 7), (10, 9), (1, 1)] {
        let (model, params) = machine(visible, hidden);
        let tape = Tape::new();
        let [a, b] = [(Side::Visible, visible), (Side::Hidden, hidden)].map(|(side, units)| {
            let terms = model.log_terms_over(params.on(&tape), side, 0..1 << units);
            terms.log_sum_exp(..).item()
        });
        // Two sums of at most 1024 numbers around 1e2: rounding stays near 1e-13.
        assert!((a - b).abs() < 1e-10, "{visible} x {hidden}: {a} {b}");
    }
    let mut params = Params::<f32>::new();
    let rng = &mut rng(0, Stream::Init, 0);
    assert_eq!(Rbm::new(&mut params, 21, 30, rng).log_partition(&params), None);
}

#[test]
fn without_weights_the_partition_function_factorises() {
    let (model, mut params) = machine(5, 4);
    params.get_mut(model.weights).fill(0.0);
    let softplus = |id| params.get(id).iter().map(|x| x.softplus()).sum::<f64>();
    let expected = softplus(model.visible_bias) + softplus(model.hidden_bias);
    let found = model.log_partition(&params).expect("four units can be enumerated");
    assert!((found - expected).abs() < 1e-12);
}

/// Digits that were computed elsewhere by enumeration; twelve of them are given, ten for derived quantities.
#[test]
fn the_likelihood_and_its_gradient_have_their_known_digits() {
    let (model, params) = machine(4, 3);
    let log_z = model.log_partition(&params).expect("three units can be enumerated");
    assert!((log_z - 5.338_306_502_219).abs() < 1e-11);
    let tape = Tape::new();
    let bound = params.on(&tape);
    let data = [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0];
    let data = model.energy(bound, tape.constant(&data, [3, 4])).mean();
    let every = model.energy(bound, tape.constant(&all_states(4), [16, 4]));
    let log_likelihood = -data - (-every).log_sum_exp(..);
    assert!((log_likelihood.item() + 3.228_195_781_4).abs() < 1e-9);
    let gradient = log_likelihood.backward();
    let weights = gradient.of(bound.get(model.weights));
    let norm = weights.values().iter().map(|g| g * g).sum::<f64>().sqrt();
    assert!((norm - 0.677_230_528_9).abs() < 1e-9);
    assert!((weights.values()[0] - 0.228_507_558_5).abs() < 1e-9);
}

#[test]
fn the_free_energy_sums_the_joint_energy_over_the_hidden_units() {
    let (model, params) = machine(4, 3);
    let tape = Tape::new();
    let bound = params.on(&tape);
    let h = tape.constant(&all_states(3), [8, 3]);
    for v in all_states(4).chunks_exact(4) {
        let one = tape.constant(v, [1, 4]);
        let joint = model.joint_energy(bound, one.broadcast_to([8, 4]), h);
        let summed = -(-joint).log_sum_exp(..).item();
        // A dozen numbers of order one are added.
        assert!((summed - model.energy(bound, one).item()).abs() < 1e-13);
    }
}

#[test]
fn a_gibbs_sweep_leaves_the_distribution_invariant() {
    let (model, params) = machine(4, 3);
    let log_z = model.log_partition(&params).expect("three units can be enumerated");
    let states = all_states(4);
    let mut after = [0.0; 16];
    let mut tape = Tape::new();
    for v in states.chunks_exact(4) {
        for script in 0..1 << (4 + 3) {
            let bound = params.on(&tape);
            let x = tape.constant(v, [1, 4]);
            let before = (-model.energy(bound, x).item() - log_z).exp();
            let mut source = Script { bits: script, probability: before };
            let next = model.gibbs_sweep(bound, x, &mut source);
            assert!(!next.is_tracked(), "a sweep carries no derivative");
            let index = next.value().values().iter().rev().fold(0, |n, &bit| 2 * n + bit as usize);
            after[index] += source.probability;
            tape.clear();
        }
    }
    let bound = params.on(&tape);
    let energy = model.energy(bound, tape.constant(&states, [16, 4]));
    for (&energy, after) in energy.value().values().iter().zip(after) {
        // 2048 numbers that add up to one.
        assert!(((-energy - log_z).exp() - after).abs() < 1e-12);
    }
}

#[test]
fn the_visible_biases_are_the_clamped_log_odds_of_the_data() {
    let (model, mut params) = machine(3, 2);
    model.set_visible_bias(&mut params, &[0.25, 0.0, 1.0]);
    let expected = [-(3_f64.ln()), -(999_f64.ln()), 999_f64.ln()];
    for (found, expected) in params.get(model.visible_bias).iter().zip(expected) {
        // 1 − 0.999 is known to 1e-16 of 1e-3.
        assert!((found - expected).abs() < 1e-12);
    }
}

#[test]
fn single_precision_agrees_with_double() {
    let (model, params) = machine(4, 3);
    let mut single = Params::<f32>::new();
    Rbm::new(&mut single, 4, 3, &mut rng(0, Stream::Init, 0));
    for (to, from) in single.values_mut().iter_mut().zip(params.values()) {
        *to = *from as f32;
    }
    let [a, b] = [model.log_partition(&params), model.log_partition(&single)];
    // The parameters were rounded to 6e-8 of numbers of order one, and nothing else was.
    assert!((a.unwrap_or(0.0) - b.unwrap_or(1.0)).abs() < 1e-6);
    let (tape, x) = (Tape::new(), [1.0, 0.0, 1.0, 0.0]);
    let energy = model.energy(single.on(&tape), tape.constant(&x, [1, 4])).item();
    let (tape, x) = (Tape::new(), x.map(f64::from));
    let expected = model.energy(params.on(&tape), tape.constant(&x, [1, 4])).item();
    assert!((f64::from(energy) - expected).abs() < 1e-5);
}

#[test]
fn a_machine_tells_its_sizes_and_the_probabilities_of_its_units() {
    let (model, params) = machine(4, 3);
    assert_eq!((model.visible(), model.hidden()), (4, 3));
    let tape = Tape::new();
    let bound = params.on(&tape);
    let (v, h) = (tape.constant(&all_states(4), [16, 4]), tape.constant(&all_states(3), [8, 3]));
    // p(h_j = 1 | v) by the energies of the two states of a unit, the other units being zero, and likewise for v.
    let unit = |n: usize, i: usize, rows: usize| {
        let mut row = vec![0.0; n];
        row[i] = 1.0;
        tape.constant(&row.repeat(rows), [rows, n])
    };
    let zero = |rows: usize, n: usize| tape.constant(&vec![0.0; rows * n], [rows, n]);
    let probs = model.hidden_probs(bound, v).value();
    for j in 0..3 {
        let off = model.joint_energy(bound, v, zero(16, 3));
        let on = model.joint_energy(bound, v, unit(3, j, 16));
        let expected = (off - on).sigmoid().value();
        for (row, expected) in expected.values().iter().enumerate() {
            assert!((probs.values()[3 * row + j] - expected).abs() < 1e-14);
        }
    }
    let probs = model.visible_probs(bound, h).value();
    for i in 0..4 {
        let off = model.joint_energy(bound, zero(8, 4), h);
        let on = model.joint_energy(bound, unit(4, i, 8), h);
        let expected = (off - on).sigmoid().value();
        for (row, expected) in expected.values().iter().enumerate() {
            assert!((probs.values()[4 * row + i] - expected).abs() < 1e-14);
        }
    }
}

/// The machine without its cheaper form of the energies of flipped bits.
struct Plain(Rbm);

impl Energy<f64> for Plain {
    fn energy<'t>(&self, params: Bound<'t, f64>, x: Var<'t, f64>) -> Var<'t, f64> {
        self.0.energy(params, x)
    }
}

impl BitFlips<f64> for Plain {}

#[test]
fn the_energies_of_flipped_bits_are_those_of_flipped_rows_with_their_gradient() {
    let (model, params) = machine(4, 3);
    let (tape, states) = (Tape::new(), all_states(4));
    let bound = params.on(&tape);
    let x = tape.constant(&states, [16, 4]);
    let (fused, plain) =
        (model.flip_differences(bound, x), Plain(model).flip_differences(bound, x));
    assert_eq!(fused.shape(), plain.shape());
    let energy = model.energy(bound, x).value();
    for state in 0..16 {
        for bit in 0..4 {
            let by_hand = energy.values()[state ^ 1 << bit] - energy.values()[state];
            let found = [fused, plain].map(|e| e.value().values()[4 * state + bit]);
            // A dozen numbers of order one are added.
            assert!(found.iter().all(|x| (x - by_hand).abs() < 1e-13), "{state} {bit}: {found:?}");
        }
    }
    let slopes = [fused, plain].map(|e| (e * e).sum().backward());
    for id in [model.weights, model.visible_bias, model.hidden_bias] {
        let [a, b] = slopes.each_ref().map(|g| g.of(bound.get(id)));
        // Sums of 64 products below ten.
        a.values().iter().zip(b.values()).for_each(|(a, b)| assert!((a - b).abs() < 1e-11));
    }
}

#[test]
fn the_base_model_has_independent_columns_with_the_given_means() {
    let (model, mut params) = machine(3, 2);
    let means = [0.2, 0.5, 0.9];
    let log_z = BaseModel::set_base(&model, &mut params, &means);
    let exact =
        ExactPartition::log_partition(&model, &params).expect("two units can be enumerated");
    assert!((log_z - exact).abs() < 1e-14);
    let (tape, states) = (Tape::new(), all_states(3));
    let energies = model.energy(params.on(&tape), tape.constant(&states, [8, 3])).value();
    for (v, energy) in states.chunks_exact(3).zip(energies.values()) {
        let chance = |(&v, p): (&f64, f64)| if v == 1.0 { p } else { 1.0 - p };
        let p: f64 = v.iter().zip(means).map(chance).product();
        assert!(((-energy - log_z).exp() - p).abs() < 1e-14);
    }
}

#[test]
fn a_state_followed_by_its_next_rows_is_a_sweep() {
    let (model, params) = machine(4, 3);
    let tape = Tape::new();
    let (bound, x) = (params.on(&tape), tape.constant(&all_states(4), [16, 4]));
    let sources = || rng(7, Stream::Sample, 0);
    let swept = model.gibbs_sweep(bound, x, &mut sources());
    let source = &mut sources();
    let [energies, states] = model.energies_and_states(bound, x, 0..16, source);
    assert_eq!(energies.value().values(), model.energy(bound, x).value().values());
    assert_eq!(states.shape()[..], [16, 3]);
    assert!(!states.is_tracked());
    assert_eq!(model.next_rows(bound, states, source).value().values(), swept.value().values());
    let [_, some] = model.energies_and_states(bound, x, 4..6, &mut sources());
    assert_eq!(some.shape()[..], [2, 3]);
}

impl BlockGibbs<f64> for Plain {
    fn gibbs_sweep<'t, R: RandomSource>(
        &self,
        params: Bound<'t, f64>,
        x: Var<'t, f64>,
        rng: &mut R,
    ) -> Var<'t, f64> {
        self.0.gibbs_sweep(params, x, rng)
    }
}

impl BaseModel<f64> for Plain {
    fn set_base(&self, params: &mut Params<f64>, means: &[f64]) -> f64 {
        self.0.set_base(params, means)
    }
}

#[test]
fn a_step_of_annealing_has_the_weights_and_draws_of_two_energies_and_a_sweep() {
    let (model, target) = machine(4, 3);
    let mut base = target.clone();
    model.set_base(&mut base, &[0.2, 0.5, 0.9, 0.4]);
    let states = all_states(4);
    for betas in [[0.0, 0.3], [0.3, 1.0], [0.7, 0.2], [1.0, 0.0]] {
        let tape = Tape::new();
        let path = [base.on(&tape), target.on(&tape)];
        let x = tape.constant(&states, [16, 4]);
        let draw = |seed| rng(seed, Stream::Sample, 0);
        for seed in 0..20 {
            let (w, moved) = model.anneal_step(path, betas, x, &mut draw(seed));
            let (expected, other) = Plain(model).anneal_step(path, betas, x, &mut draw(seed));
            // A dozen numbers of order one are added. The probabilities of both differ by rounding, and no uniform
            // number of these seeds lies between them.
            let (w, expected) = (w.value(), expected.value());
            assert!(w.values().iter().zip(expected.values()).all(|(a, b)| (a - b).abs() < 1e-13));
            assert_eq!(moved.value(), other.value());
        }
    }
}
