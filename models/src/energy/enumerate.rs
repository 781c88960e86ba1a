//! Exact sums over everything that a sweep can draw, and the tests that every model of finitely many states must pass.

use crate::RandomSource;
use crate::capability::{BaseModel, BlockGibbs, Energy, ExactPartition};
use crate::params::Params;
use pathscore_autodiff::Tape;

/// A random source that takes every choice in turn.
pub(super) struct Branches {
    /// The outcome of each choice, and the number of its outcomes.
    path: Vec<[usize; 2]>,
    at: usize,
    /// The probability of the choices so far.
    pub(super) probability: f64,
}

impl Branches {
    /// Runs once for every combination of choices.
    pub(super) fn each(mut run: impl FnMut(&mut Self)) {
        let mut source = Self { path: Vec::new(), at: 0, probability: 1.0 };
        loop {
            (source.at, source.probability) = (0, 1.0);
            run(&mut source);
            while source.path.last().is_some_and(|[taken, of]| taken + 1 == *of) {
                source.path.pop();
            }
            match source.path.last_mut() {
                Some([taken, _]) => *taken += 1,
                None => return,
            }
        }
    }
}

impl RandomSource for Branches {
    fn bernoulli(&mut self, p: f64) -> bool {
        self.categorical(&[1.0 - p, p]) == 1
    }

    fn categorical(&mut self, probs: &[f64]) -> usize {
        if self.at == self.path.len() {
            self.path.push([0, probs.len()]);
        }
        let [taken, of] = self.path[self.at];
        assert_eq!(of, probs.len(), "the choices of a sweep depend on earlier ones");
        self.at += 1;
        self.probability *= probs[taken];
        taken
    }

    fn uniform(&mut self) -> f64 {
        unreachable!("a sweep over bits makes choices only")
    }

    fn normal(&mut self) -> f64 {
        unreachable!("a sweep over bits makes choices only")
    }
}

/// Parameters of order one without symmetries.
pub(super) fn scramble(params: &mut Params<f64>) {
    for (at, x) in params.values_mut().iter_mut().enumerate() {
        *x = (1.0 + 3.7 * at as f64).sin();
    }
}

/// Every row of so many bits, flat.
pub(super) fn all_bits(units: usize) -> Vec<f64> {
    (0..1_usize << units)
        .flat_map(|state| (0..units).map(move |unit| (state >> unit & 1) as f64))
        .collect()
}

pub(super) fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (at, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() < tolerance, "{at}: {a} and {b}");
    }
}

/// The energies of some rows.
pub(super) fn energies<M: Energy<f64>>(
    model: &M,
    params: &Params<f64>,
    rows: &[f64],
    columns: usize,
) -> Vec<f64> {
    let tape = Tape::new();
    let x = tape.constant(rows, [rows.len() / columns, columns]);
    model.energy(params.on(&tape), x).value().values().to_vec()
}

/// The logarithm of a sum of exponentials.
pub(super) fn log_sum(x: impl IntoIterator<Item = f64>) -> f64 {
    x.into_iter().fold(f64::NEG_INFINITY, |a, b| {
        let top = a.max(b);
        if top == f64::NEG_INFINITY { top } else { top + ((a - top).exp() + (b - top).exp()).ln() }
    })
}

/// The distribution over all states after a sweep, or after its reversal, if it was `before`.
fn after_sweep<M: BlockGibbs<f64>>(
    (model, reversal): (&M, bool),
    params: &Params<f64>,
    (states, columns): (&[f64], usize),
    before: &[f64],
) -> Vec<f64> {
    let mut after = vec![0.0; before.len()];
    let mut tape = Tape::new();
    for (x, p) in states.chunks_exact(columns).zip(before).filter(|(_, p)| **p > 0.0) {
        Branches::each(|source| {
            tape.clear();
            let (params, x) = (params.on(&tape), tape.constant(x, [1, columns]));
            let next = match reversal {
                true => model.reverse_sweep(params, x, source),
                false => model.gibbs_sweep(params, x, source),
            };
            assert!(!next.is_tracked(), "a sweep carries no derivative");
            let next = next.value();
            let to = states.chunks_exact(columns).position(|state| state == next.values());
            after[to.expect("a sweep leads to a state")] += p * source.probability;
        });
    }
    after
}

/// Tests that p(x) T(y | x) = p(y) R(x | y) for every pair of states, with the sweep T and its reversal R.
fn assert_reversal<M: BlockGibbs<f64>>(
    model: &M,
    params: &Params<f64>,
    states: (&[f64], usize),
    p: &[f64],
) {
    let from = |reversal: bool, state: usize| {
        let mut only = vec![0.0; p.len()];
        only[state] = p[state];
        after_sweep((model, reversal), params, states, &only)
    };
    let [there, back] =
        [false, true].map(|way| (0..p.len()).map(|x| from(way, x)).collect::<Vec<_>>());
    for x in 0..p.len() {
        let back: Vec<f64> = back.iter().map(|row| row[x]).collect();
        // Sums of some products of probabilities.
        assert_near(&there[x], &back, 1e-14);
    }
}

/// Tests a model whose states are the rows of `states`: the partition function by its terms and by all states, the
/// invariance of a sweep and its reversal, the gradient of the likelihood against differences, and the base model.
pub(super) fn assert_consistent<M>(
    model: &M,
    params: &mut Params<f64>,
    states: &[f64],
    means: &[f64],
) where
    M: BlockGibbs<f64> + ExactPartition<f64> + BaseModel<f64>,
{
    let columns = means.len();
    let log_z = |params: &Params<f64>| {
        ExactPartition::<f64>::log_partition(model, params).expect("the terms are few")
    };
    let by_states =
        |params: &Params<f64>| log_sum(energies(model, params, states, columns).iter().map(|e| -e));
    // Sums of at most a few thousand numbers of order ten round off by less.
    let rounding = 1e-12;
    assert!((log_z(params) - by_states(params)).abs() < rounding);

    let probabilities = |params: &Params<f64>| -> Vec<f64> {
        let log_z = by_states(params);
        energies(model, params, states, columns).iter().map(|e| (-e - log_z).exp()).collect()
    };
    let p = probabilities(params);
    let after = after_sweep((model, false), params, (states, columns), &p);
    assert_near(&after, &p, rounding);
    assert_reversal(model, params, (states, columns), &p);
    // A sweep is not the identity, and does not forget everything either.
    let mut first = vec![0.0; p.len()];
    first[0] = 1.0;
    let moved = after_sweep((model, false), params, (states, columns), &first);
    assert!(moved.iter().zip(&first).any(|(a, b)| (a - b).abs() > 1e-3), "the chain stands still");
    assert!(moved.iter().zip(&p).any(|(a, b)| (a - b).abs() > 1e-6), "the draws are independent");

    // The gradient of E(x) + ln Z by the tape, and by central differences of order h² with h = 1e-5, whose error is about
    // 1e-10 beside rounding of 1e-16 / 1e-5.
    let tape = Tape::new();
    let bound = params.on(&tape);
    let energy = model.energy(bound, tape.constant(&states[..columns], [1, columns])).sum();
    let terms = ExactPartition::<f64>::terms(model).expect("the terms are few");
    let loss = energy + model.log_terms(bound, 0..terms).log_sum_exp(..);
    let gradient = loss.backward().leading(params.len()).to_vec();
    for (at, found) in gradient.iter().enumerate() {
        let value = |step: f64| {
            let mut moved = params.clone();
            moved.values_mut()[at] += step;
            energies(model, &moved, &states[..columns], columns)[0] + by_states(&moved)
        };
        let slope = (value(1e-5) - value(-1e-5)) / 2e-5;
        assert!((found - slope).abs() < 1e-8, "parameter {at}: {found} and {slope}");
    }

    let of_base = model.set_base(params, means);
    assert!((of_base - log_z(params)).abs() < rounding);
    let p = probabilities(params);
    for (column, expected) in means.iter().enumerate() {
        let on = states.iter().skip(column).step_by(columns);
        let mean: f64 = on.zip(&p).map(|(x, p)| x * p).sum();
        assert!((mean - expected).abs() < rounding, "column {column}: {mean}");
    }
    // From one state, a sweep is an independent draw.
    assert_near(&after_sweep((model, false), params, (states, columns), &first), &p, rounding);
}
