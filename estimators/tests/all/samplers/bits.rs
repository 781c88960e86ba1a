//! Samplers of bits by their exact transition matrices on a Boltzmann machine of sixteen visible states.

use crate::energy::{machine, probabilities, states};
use pathscore_autodiff::Tape;
use pathscore_estimators::Enumerator;
use pathscore_estimators::samplers::{
    Dmala, Dula, EnergyDensity, ExactFlips, FromFn, GibbsBits, GibbsWithGradients, Heated, Ladder,
    LogDensity, ParallelTempering, Sampler, TransitionMatrix,
};
use pathscore_models::{BlockGibbs, RandomSource};

fn rows() -> Vec<Vec<f64>> {
    states().iter().map(|row| row.to_vec()).collect()
}

/// The matrix of a sampler on the machine, and the machine's law.
fn certified(
    sampler: &impl for<'a> Sampler<EnergyDensity<'a, pathscore_models::energy::Rbm>>,
) -> (TransitionMatrix, Vec<f64>) {
    let (model, params) = machine();
    let target = EnergyDensity::new(&model, &params, 4);
    let matrix = TransitionMatrix::of(sampler, &target, &rows()).expect("bits are enumerated");
    (matrix, probabilities(&model, &params))
}

/// Sums of up to 32 products of probabilities round off by less.
const ROUNDING: f64 = 1e-14;

/// Half a unit of the last of four digits, to which the numbers were computed elsewhere.
fn assert_digits(found: f64, expected: f64, digits: i32, what: &str) {
    assert!((found - expected).abs() <= 0.51 * 10_f64.powi(-digits), "{what}: {found} {expected}");
}

#[test]
fn gibbs_with_gradients_is_reversible_and_as_fast_as_is_known() {
    let (exact, pi) = certified(&GibbsWithGradients::exact());
    let (first_order, _) = certified(&GibbsWithGradients::by_gradient());
    for (matrix, second) in [(exact, 0.8408), (first_order, 0.8448)] {
        assert!(matrix.bias(&pi).expect("one law") < ROUNDING);
        assert!(matrix.invariance(&pi) < ROUNDING && matrix.detailed_balance(&pi) < ROUNDING);
        assert_digits(matrix.second_eigenvalue().expect("it is found"), second, 4, "λ₂");
    }
}

#[test]
fn discrete_langevin_dynamics_have_their_known_bias_and_speed() {
    for (alpha, bias, unadjusted, adjusted) in [
        (0.1, 0.0044, 0.990, 0.990),
        (0.2, 0.0243, 0.887, 0.894),
        (0.4, 0.0675, 0.659, 0.715),
        (0.8, 0.1046, 0.449, 0.596),
    ] {
        let (dula, pi) = certified(&Dula::by_gradient(alpha));
        let (dmala, _) = certified(&Dmala::by_gradient(alpha));
        let words = format!("α = {alpha}");
        assert_digits(dula.bias(&pi).expect("one law"), bias, 4, &words);
        assert_digits(dula.second_eigenvalue().expect("it is found"), unadjusted, 3, &words);
        assert_digits(dmala.second_eigenvalue().expect("it is found"), adjusted, 3, &words);
        assert!(dmala.invariance(&pi) < ROUNDING && dmala.detailed_balance(&pi) < 1e-16);
    }
    let (exact, pi) = certified(&Dmala { step_size: 0.4, flips: ExactFlips });
    assert!(exact.bias(&pi).expect("one law") < ROUNDING);
}

/// The rows of two rungs, and the product of their laws.
fn on_two_rungs<T: LogDensity, S: Sampler<T>>(
    sampler: &ParallelTempering<S>,
    ladder: &Ladder<T>,
) -> (TransitionMatrix, Vec<f64>) {
    let rows = rows();
    let matrix = TransitionMatrix::enumerate(256, |from, source| {
        let start = [&rows[from / 16][..], &rows[from % 16][..]];
        let mut chains = sampler.init_at(ladder, &start, source);
        sampler.step(ladder, &mut chains, source);
        let at = |x: &[f64]| rows.iter().position(|row| row == x).expect("a row of bits");
        chains.positions().fold(0, |index, x| 16 * index + at(x))
    });
    let laws = ladder.rungs().iter().map(|rung| {
        let weights: Vec<f64> = rows.iter().map(|row| rung.log_prob(row).exp()).collect();
        let total: f64 = weights.iter().sum();
        weights.into_iter().map(|w| w / total).collect::<Vec<_>>()
    });
    let laws: Vec<Vec<f64>> = laws.collect();
    let pi = (0..256).map(|at| laws[0][at / 16] * laws[1][at % 16]).collect();
    (matrix.expect("bits are enumerated"), pi)
}

#[test]
fn parallel_tempering_leaves_the_product_of_its_targets_invariant() {
    let (model, params) = machine();
    let target = EnergyDensity::new(&model, &params, 4);
    let ladder = Ladder::tempered(&target, &[0.5, 1.0]);
    let tempering = |steps| ParallelTempering { sampler: GibbsBits, steps };
    // Exchanges alone: a sum of two products for each state.
    let (swaps, pi) = on_two_rungs(&tempering(0), &ladder);
    assert!(swaps.invariance(&pi) < 1e-16 && swaps.detailed_balance(&pi) < 1e-17);
    let (matrix, pi) = on_two_rungs(&tempering(1), &ladder);
    assert!(matrix.invariance(&pi) < ROUNDING);
    assert!(matrix.bias(&pi).expect("one law") < 1e-12);
    // Rungs of two moments of training: other parameters, not other temperatures.
    let mut earlier = params.clone();
    earlier.values_mut().iter_mut().enumerate().for_each(|(i, x)| *x += 0.3 * (i as f64).sin());
    let other = EnergyDensity::new(&model, &earlier, 4);
    let ladder = Ladder::new(vec![&other, &target]);
    let (matrix, pi) = on_two_rungs(&tempering(1), &ladder);
    assert!(matrix.invariance(&pi) < ROUNDING);
}

/// The sampler of every rung alone is slow between two towers of bits; with the ladder it is not.
#[test]
fn parallel_tempering_crosses_a_barrier() {
    let towers =
        FromFn { dim: 4, log_prob: |x: &[f64]| 2.0 * (x.iter().sum::<f64>() - 2.0).powi(2) };
    let matrix = TransitionMatrix::of(&GibbsBits, &towers, &rows()).expect("bits are enumerated");
    let alone = matrix.second_eigenvalue().expect("it is found");
    let ladder = Ladder::tempered(&towers, &[0.0, 1.0]);
    let tempering = ParallelTempering { sampler: GibbsBits, steps: 1 };
    let (matrix, pi) = on_two_rungs(&tempering, &ladder);
    assert!(matrix.invariance(&pi) < ROUNDING);
    let together = matrix.second_eigenvalue().expect("it is found");
    println!("{alone} alone, {together} with a rung of temperature zero");
    assert!(together < alone - 0.03, "{alone} {together}");
    let slow = TransitionMatrix::of(&GibbsBits, &towers, &rows()).expect("bits are enumerated");
    assert!(matrix.mixing_time() < slow.mixing_time());
}

#[test]
fn a_density_of_temperature_zero_is_flat_even_where_the_target_is_not_finite() {
    let never =
        FromFn { dim: 1, log_prob: |x: &[f64]| if x[0] > 0.0 { f64::NEG_INFINITY } else { 0.0 } };
    let flat = Heated { target: &never, beta: 0.0 };
    assert_eq!((flat.log_prob(&[1.0]), flat.log_prob(&[0.0])), (0.0, 0.0));
    let half = Heated { target: &never, beta: 0.5 };
    assert_eq!(half.log_prob(&[1.0]), f64::NEG_INFINITY);
}

#[test]
fn a_matrix_tells_what_a_chain_does() {
    // Two states that change places with the probabilities ¼ and ½: π = (⅔, ⅓), λ₂ = ¼.
    let flip = [0.25, 0.5];
    let step = |from: usize, source: &mut Enumerator| {
        if source.bernoulli(flip[from]) { 1 - from } else { from }
    };
    let matrix = TransitionMatrix::enumerate(2, step).expect("one bit is drawn");
    assert_eq!((matrix.size(), matrix.probability(0, 1)), (2, 0.25));
    let pi = matrix.stationary().expect("one law");
    assert!((pi[0] - 2.0 / 3.0).abs() < 1e-15);
    assert!((matrix.second_eigenvalue().expect("it is found") - 0.25).abs() < 1e-15);
    assert!(matrix.detailed_balance(&pi) < 1e-16);
    assert!((matrix.bias(&[0.5, 0.5]).expect("one law") - 1.0 / 6.0).abs() < 1e-15);
    assert!((matrix.invariance(&[0.5, 0.5]) - 0.125).abs() < 1e-15);
    // From the second state the distance is ⅔, then ⅙.
    assert_eq!(matrix.mixing_time(), Some(1));
    // A chain that goes round never mixes, and one that stays has many laws.
    let round = TransitionMatrix::enumerate(3, |from, _| (from + 1) % 3).expect("no choices");
    assert!((round.second_eigenvalue().expect("it is found") - 1.0).abs() < 1e-12);
    assert_eq!(round.mixing_time(), None);
    let still = TransitionMatrix::enumerate(2, |from, _| from).expect("no choices");
    assert_eq!((still.stationary(), still.mixing_time()), (None, None));
    // A continuous draw cannot be listed.
    let wide = TransitionMatrix::enumerate(1, |_, source| usize::from(source.normal() > 9.0));
    assert_eq!(wide, None);
}

#[test]
fn block_gibbs_has_a_matrix_too() {
    let (model, params) = machine();
    let pi = probabilities(&model, &params);
    let rows = rows();
    let matrix = TransitionMatrix::enumerate(16, |from, source| {
        let tape = Tape::new();
        let v = tape.constant(&rows[from], [1, 4]);
        let moved = model.gibbs_sweep(params.on(&tape), v, source).value();
        rows.iter().position(|row| row == moved.values()).expect("a row of bits")
    });
    let matrix = matrix.expect("bits are enumerated");
    assert!(matrix.bias(&pi).expect("one law") < ROUNDING);
    // Two blocks, of which one is summed out: the chain of the visible units is reversible.
    assert!(matrix.detailed_balance(&pi) < 1e-16);
}

#[test]
#[should_panic(expected = "dmala: 0.5 is no bit")]
fn a_row_that_is_no_row_of_bits_is_refused() {
    let target = FromFn { dim: 1, log_prob: |x: &[f64]| x[0] };
    let sampler = Dmala { step_size: 0.1, flips: ExactFlips };
    TransitionMatrix::of(&sampler, &target, &[vec![0.5]]);
}
