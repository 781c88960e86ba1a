//! Optimisers: first steps to the digits of an independent script, checkpoints, chunks, and deterministic searches on
//! functions with known optima.

mod lbfgs;
mod natural;

use pathscore_autodiff::Scalar;
use pathscore_estimators::optim::{
    AdaGrad, Adam, AdamW, Adamax, Average, Averaged, Optimizer, RmsProp, Sgd,
};

/// Longer than two chunks of the parallel loop, and no multiple of one.
const LONG: usize = 40_001;

fn rmsprop<F: Scalar>(momentum: f64, centered: bool) -> Box<dyn Optimizer<F>> {
    let mut rule = RmsProp::default();
    (rule.momentum, rule.centered) = (momentum, centered);
    Box::new(rule)
}

fn averaged<F: Scalar>(average: Average) -> Box<dyn Optimizer<F>> {
    Box::new(Averaged::new(Box::new(Sgd::new(0.0)), average))
}

/// Every rule under its name in `steps.csv`.
fn rules<F: Scalar>() -> Vec<(&'static str, Box<dyn Optimizer<F>>)> {
    vec![
        ("adam", Box::new(Adam::default())),
        ("adamw", Box::new(AdamW::default())),
        ("adamax", Box::new(Adamax::default())),
        ("adagrad", Box::new(AdaGrad::default())),
        ("rmsprop", rmsprop(0.0, false)),
        ("rmsprop_momentum", rmsprop(0.9, false)),
        ("rmsprop_centered", rmsprop(0.0, true)),
        ("rmsprop_both", rmsprop(0.9, true)),
        ("nesterov", Box::new(Sgd::nesterov(0.9))),
        ("average", averaged(Average::Uniform)),
        ("exponential_average", averaged(Average::Exponential { decay: 0.9 })),
    ]
}

fn rule<F: Scalar>(name: &str) -> Box<dyn Optimizer<F>> {
    rules().into_iter().find(|rule| rule.0 == name).unwrap().1
}

/// The largest difference in five steps between a rule and the lines of a name in `steps.csv`. `make_steps.py` computes
/// them in 50 digits from the formulas of PyTorch's documentation, with the sign of an ascent.
fn difference(rule: &mut dyn Optimizer<f64>, lines: &str) -> f64 {
    const GRADIENTS: [[f64; 2]; 5] =
        [[1.0, -0.5], [0.25, 2.0], [-3.0, 0.125], [0.0, -1.0], [0.5, 0.75]];
    let expected = include_str!("steps.csv").lines().filter_map(|line| {
        let numbers = line.strip_prefix(lines)?.strip_prefix(',')?.split(',').skip(1);
        Some(numbers.map(|number| number.parse().unwrap()).collect::<Vec<f64>>())
    });
    let expected: Vec<Vec<f64>> = expected.collect();
    assert_eq!(expected.len(), 5, "{lines}");
    let mut x = [1.0, -2.0];
    let mut most = 0.0_f64;
    for (gradient, expected) in GRADIENTS.iter().zip(expected) {
        rule.step(&mut x, gradient, 0.1);
        let found = rule.average().unwrap_or(&x);
        for (found, expected) in found.iter().zip(expected) {
            most = most.max((found - expected).abs());
        }
    }
    most
}

#[test]
fn five_steps_have_the_digits_of_the_formulas() {
    for (name, mut rule) in rules() {
        let difference = difference(&mut *rule, name);
        // Five steps of length one at most, each rounded a few times. The centred variance of the first step is a
        // hundredth less a ten-thousandth of g², so that its errors are not enlarged.
        assert!(difference < 4e-15, "{name}: {difference:e}");
        assert_eq!(rule.steps(), 5);
    }
}

#[test]
fn rules_with_a_mistake_differ_from_the_right_ones() {
    for (name, wrong, least) in [
        // The decay divided by √v̂ with the gradient, and no decay.
        ("adamw", "adam_l2", 1e-3),
        ("adamw", "adam", 1e-3),
        // The mean not corrected for its beginning.
        ("adamax", "adamax_uncorrected", 1e-2),
        ("rmsprop_centered", "rmsprop", 1e-3),
        ("average", "exponential_average", 1e-2),
    ] {
        let difference = difference(&mut *rule(name), wrong);
        assert!(difference > least, "{name} and {wrong} differ by {difference:e} only");
    }
}

fn gradient<F: Scalar>(len: usize, t: u64) -> Vec<F> {
    (0..len).map(|i| F::from_f64(((i as u64 + 7 * t) as f64).sin())).collect()
}

/// The bits of the parameters and averages after some steps, counted from the number that the rule has taken.
fn bits<F: Scalar>(rule: &mut dyn Optimizer<F>, x: &mut [F], steps: u64) -> Vec<u64> {
    for _ in 0..steps {
        rule.step(x, &gradient(x.len(), rule.steps()), 0.1);
    }
    x.iter().chain(rule.average().unwrap_or_default()).map(|x| x.to_f64().to_bits()).collect()
}

#[test]
fn a_restored_optimiser_continues_with_the_same_bits_and_needs_every_vector() {
    for (name, mut first) in rules::<f64>() {
        assert!(first.state().is_empty(), "{name}: no vectors before the first step");
        let mut x = vec![0.5; 5];
        bits(&mut *first, &mut x, 3);
        let own = |(name, vector): &(&'static str, &[f64])| (*name, vector.to_vec());
        let state: Vec<_> = first.state().iter().map(own).collect();
        assert!(!state.is_empty());
        let restore = |state: &[(&'static str, Vec<f64>)]| {
            let mut rule = rule(name);
            let mut find = |name: &str| Some(state.iter().find(|v| v.0 == name)?.1.clone());
            let restored = rule.restore(3, &mut find);
            (rule, restored)
        };
        let (mut second, restored) = restore(&state);
        assert_eq!(restored, Ok(()));
        let mut y = x.clone();
        let (rest, again) = (bits(&mut *first, &mut x, 3), bits(&mut *second, &mut y, 3));
        assert!(rest == again, "{name}: other bits");
        for i in 0..state.len() {
            if name.ends_with("average") && state[i].0 == "u" {
                // The average stands around ascent without momentum.
                continue;
            }
            let mut changed = state.clone();
            changed[i].1[2] += 1e-3;
            let (mut other, _) = restore(&changed);
            let mut y = vec![0.25; 5];
            let mut z = y.clone();
            let (mut same, _) = restore(&state);
            let (same, other) = (bits(&mut *same, &mut y, 1), bits(&mut *other, &mut z, 1));
            assert!(same != other, "{name}: {} makes no difference", state[i].0);
            let missing = changed.remove(i).0;
            let (rule, refused) = restore(&changed);
            assert_eq!(refused, Err(missing.to_string()), "{name}");
            assert_eq!((rule.steps(), rule.state().len()), (0, 0), "{name} has changed");
        }
    }
}

/// A vector of several chunks has the bits of its parts, on any number of threads.
fn chunks_make_no_difference<F: Scalar>() {
    for (name, mut whole) in rules::<F>() {
        let on = |threads: usize, rule: &mut dyn Optimizer<F>| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut x = vec![F::ONE; LONG];
            pool.install(|| bits(rule, &mut x, 2))
        };
        let found = on(3, &mut *whole);
        assert!(found == on(1, &mut *rule(name)), "{name}: threads make a difference");
        let mut parts = rule::<F>(name);
        let gradient = [gradient(LONG, 0), gradient(LONG, 1)];
        let range = 33_000..33_500;
        let mut x = vec![F::ONE; range.len()];
        gradient.iter().for_each(|g| parts.step(&mut x, &g[range.clone()], 0.1));
        let part: Vec<u64> = x.iter().map(|x| x.to_f64().to_bits()).collect();
        assert!(part == found[range], "{name}: chunks make a difference");
    }
}

#[test]
fn chunks_and_threads_make_no_difference() {
    chunks_make_no_difference::<f64>();
    chunks_make_no_difference::<f32>();
}

#[test]
fn a_gradient_of_no_change_divides_by_no_rounding_error() {
    // Of a constant gradient the variance falls to zero, and rounding may make it negative.
    let mut rule = rmsprop::<f32>(0.0, true);
    let mut x = [0.0];
    for _ in 0..4000 {
        rule.step(&mut x, &[0.1], 1e-12);
    }
    assert!(x[0].is_finite(), "{x:?}");
}

#[test]
fn an_average_starts_when_it_is_told_to() {
    let mut late = Averaged::new(Box::new(Sgd::<f64>::new(0.0)), Average::Uniform);
    late.start = 2;
    let mut x = [0.0];
    for expected in [1.0, 2.0, 3.0, 3.5, 4.0] {
        late.step(&mut x, &[1.0], 1.0);
        assert_eq!(late.average(), Some(&[expected][..]));
    }
}
