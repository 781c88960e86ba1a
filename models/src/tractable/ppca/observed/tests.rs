//! Rows with missing cells against the dense normal distribution of their observed ones.

use super::*;
use crate::RandomSource;
use crate::capability::Tractable;
use crate::dist::{Distribution, MultivariateNormal};
use crate::seed::{Stream, rng};

const ROWS: usize = 60;
const COLUMNS: usize = 5;
const LATENTS: usize = 2;

/// Rows near a plane.
fn whole() -> Vec<f64> {
    let source = &mut rng(8, Stream::Sample, 0);
    let mut row = || {
        let [a, b] = [(); 2].map(|()| RandomSource::normal(source));
        [1.0 + 2.0 * a, a - b, 0.5 * b - 3.0, a + b, 0.3 * a]
            .map(|x| x + 0.5 * RandomSource::normal(source))
    };
    (0..ROWS).flat_map(|_| row()).collect()
}

/// The same rows, of whose cells about a quarter are missing, and all of one row.
fn with_gaps() -> Vec<f64> {
    let gap = |i: usize| (7 * i * i + 3 * i) % 11 < 3 || i / COLUMNS == 4;
    whole().into_iter().enumerate().map(|(i, x)| if gap(i) { f64::NAN } else { x }).collect()
}

fn model() -> (Ppca, Params<f64>) {
    let mut params = Params::new();
    let model = Ppca::new(&mut params, COLUMNS, LATENTS, &mut rng(1, Stream::Init, 0));
    for (i, x) in params.values_mut().iter_mut().enumerate() {
        *x += 0.4 * (1.0 + i as f64).sin();
    }
    (model, params)
}

fn log_probs(model: &Ppca, params: &Params<f64>, x: &[f64]) -> Vec<f64> {
    let tape = Tape::new();
    let x = tape.constant(x, [x.len() / COLUMNS, COLUMNS]);
    model.observed_log_prob(params.on(&tape), x).value().values().to_vec()
}

fn mean_log_prob(model: &Ppca, params: &Params<f64>, x: &[f64]) -> f64 {
    log_probs(model, params, x).iter().sum::<f64>() / (x.len() / COLUMNS) as f64
}

/// $WW^\top + \sigma^2 I$, restricted to some rows and columns.
fn covariance(model: &Ppca, params: &Params<f64>, rows: &[usize], columns: &[usize]) -> Vec<f64> {
    let (w, noise) = (params.get(model.weights()), params.get(model.log_noise())[0].exp());
    let entry = |i: usize, j: usize| {
        let dot: f64 = (0..LATENTS).map(|k| w[LATENTS * i + k] * w[LATENTS * j + k]).sum();
        if i == j { dot + noise } else { dot }
    };
    rows.iter().flat_map(|&i| columns.iter().map(move |&j| entry(i, j))).collect()
}

/// The places of the missing and of the observed cells of a row.
fn places(row: &[f64]) -> [Vec<usize>; 2] {
    [true, false].map(|missing| (0..COLUMNS).filter(|&j| row[j].is_nan() == missing).collect())
}

#[test]
fn the_likelihood_is_the_dense_marginal_of_the_observed_cells() {
    let ((model, params), x) = (model(), with_gaps());
    let mean = params.get(model.loc());
    let found = log_probs(&model, &params, &x);
    let mut sizes = [0; COLUMNS + 1];
    for (row, found) in x.chunks(COLUMNS).zip(found) {
        let [_, observed] = places(row);
        sizes[observed.len()] += 1;
        if observed.is_empty() {
            assert!(found.abs() < 1e-14, "a row without cells has the density one: {found}");
            continue;
        }
        let (tape, n) = (Tape::new(), observed.len());
        let pick = |of: &[f64]| observed.iter().map(|&j| of[j]).collect::<Vec<_>>();
        let dense = covariance(&model, &params, &observed, &observed);
        let dense = tape.constant(&dense, [n, n]);
        let normal = MultivariateNormal::from_covariance(tape.constant(&pick(mean), [n]), dense)
            .expect("a covariance is positive definite");
        let expected = normal.log_prob(tape.constant(&pick(row), [n])).item();
        // Quadratic forms near 1e2 in two orders of summation.
        assert!((found - expected).abs() < 1e-10, "{found} {expected}");
    }
    assert!(sizes[0] > 0 && sizes[1..].iter().filter(|&&n| n > 0).count() >= 3, "{sizes:?}");
}

#[test]
fn with_nothing_missing_it_is_the_plain_likelihood_and_the_plain_step() {
    let ((model, params), x) = (model(), whole());
    let tape = Tape::new();
    let (bound, rows) = (params.on(&tape), tape.constant(&x, [ROWS, COLUMNS]));
    let plain = model.log_prob(bound, rows);
    let observed = model.observed_log_prob(bound, rows);
    for (a, b) in plain.value().values().iter().zip(observed.value().values()) {
        assert!((a - b).abs() < 1e-12 * (1.0 + a.abs()), "{a} {b}");
    }
    let [a, b] = [plain, observed].map(|log_prob| log_prob.mean().backward());
    for (a, b) in a.leading(params.len()).iter().zip(b.leading(params.len())) {
        assert!((a - b).abs() < 1e-12 * (1.0 + a.abs()), "{a} {b}");
    }
    let (mut first, mut second) = (params.clone(), params);
    let value = model.em_step(&mut first, &x, ROWS);
    assert_eq!(model.observed_em_step(&mut second, &x, ROWS), value);
    assert_eq!(first.values(), second.values());
}

#[test]
fn regressions_of_whole_rows_find_the_closed_form() {
    let ((model, mut params), x) = (model(), whole());
    let mut last = f64::NEG_INFINITY;
    for _ in 0..3000 {
        let (next, log_prob) = step::<f64>(&model.read(&params), &x, LATENTS);
        assert!(log_prob >= last - 1e-10, "{last} then {log_prob}");
        last = log_prob;
        model.write(&mut params, &next.expect("the systems can be solved"));
    }
    let best = model.closed_form(&mut params, &x, ROWS).expect("eigenvalues are found");
    assert!((last - best).abs() < 1e-6, "{last} {best}");
}

#[test]
fn the_likelihood_of_observed_cells_never_falls_and_ends_where_its_slope_is_zero() {
    let ((model, mut params), x) = (model(), with_gaps());
    let mut last = f64::NEG_INFINITY;
    for _ in 0..5000 {
        let before = mean_log_prob(&model, &params, &x);
        let found = model.observed_em_step(&mut params, &x, ROWS);
        assert!((before - found).abs() < 1e-11, "the value before the step: {before} {found}");
        assert!(found >= last - 1e-10, "{last} then {found}");
        last = found;
    }
    let tape = Tape::new();
    let rows = tape.constant(&x, [ROWS, COLUMNS]);
    let slopes = model.observed_log_prob(params.on(&tape), rows).mean().backward();
    let largest = slopes.leading(params.len()).iter().fold(0.0, |top: f64, x| top.max(x.abs()));
    // EM has converged to about the square root of the precision of its value.
    assert!(largest < 1e-6, "{largest}");
}

#[test]
fn slopes_agree_with_finite_differences_and_missing_cells_have_none() {
    let ((model, mut params), x) = (model(), with_gaps());
    let tape = Tape::new();
    let bound = params.on(&tape);
    let rows = tape.leaf(&x, [ROWS, COLUMNS]);
    let grads = model.observed_log_prob(bound, rows).sum().backward();
    let of_rows = grads.of(rows);
    for (slope, x) in of_rows.values().iter().zip(&x) {
        assert!(slope.is_finite() && (x.is_nan() == (*slope == 0.0)), "{slope} at {x}");
    }
    let slopes = grads.leading(params.len()).to_vec();
    for (i, slope) in slopes.iter().enumerate() {
        let h = 1e-5;
        let mut at = |shift: f64| {
            params.values_mut()[i] += shift;
            let value = mean_log_prob(&model, &params, &x) * ROWS as f64;
            params.values_mut()[i] -= shift;
            value
        };
        let expected = (at(h) - at(-h)) / (2.0 * h);
        // Sums near 1e3 with errors of 1e-13, over 2e-5; the third derivative times 1e-10.
        assert!((slope - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{slope} {expected}");
    }
}

#[test]
fn a_missing_cell_becomes_its_conditional_mean() {
    let ((model, params), x) = (model(), with_gaps());
    let mean = params.get(model.loc());
    let filled = model.impute(&params, &x, ROWS);
    for (row, filled) in x.chunks(COLUMNS).zip(filled.chunks(COLUMNS)) {
        let [missing, observed] = places(row);
        assert!(observed.iter().all(|&j| filled[j] == row[j]));
        let (tape, n, m) = (Tape::new(), observed.len(), missing.len());
        if n == 0 || m == 0 {
            assert!(m == 0 || filled.iter().zip(mean).all(|(a, b)| (a - b).abs() < 1e-14));
            continue;
        }
        let pulled: Vec<f64> = observed.iter().map(|&j| row[j] - mean[j]).collect();
        let own = tape.constant(&covariance(&model, &params, &observed, &observed), [n, n]);
        let across = tape.constant(&covariance(&model, &params, &missing, &observed), [m, n]);
        let solved = own.solve(tape.constant(&pulled, [n, 1])).expect("it is invertible");
        let expected = across.matmul(solved).value();
        for (&j, expected) in missing.iter().zip(expected.values()) {
            assert!((filled[j] - mean[j] - expected).abs() < 1e-11);
        }
    }
}

#[test]
fn a_column_without_observed_cells_keeps_its_parameters() {
    let ((model, mut params), mut x) = (model(), whole());
    x.iter_mut().skip(2).step_by(COLUMNS).for_each(|x| *x = f64::NAN);
    let (weights, mean) = (params.get(model.weights())[4..6].to_vec(), params.get(model.loc())[2]);
    for _ in 0..20 {
        assert!(model.observed_em_step(&mut params, &x, ROWS).is_finite());
    }
    assert_eq!(params.get(model.weights())[4..6], weights);
    assert_eq!(params.get(model.loc())[2], mean);
}

#[test]
#[should_panic(expected = "of which 10 are missing")]
fn rows_without_any_observed_cell_are_refused() {
    let (model, mut params) = model();
    model.observed_em_step(&mut params, &[f64::NAN; 10], 2);
}

#[test]
fn minka_finds_the_number_of_latents() {
    let source = &mut rng(5, Stream::Sample, 0);
    let mut row = || {
        let z: [f64; 3] = [(); 3].map(|()| RandomSource::normal(source));
        let column = |j: usize| {
            let loading = |k: usize| (1.3 * (j + 1) as f64 * (k + 2) as f64).sin();
            let noise = 0.5 * RandomSource::normal(source);
            (0..3).map(|k| loading(k) * z[k]).sum::<f64>() + noise
        };
        (0..8).map(column).collect::<Vec<f64>>()
    };
    let x: Vec<f64> = (0..300).flat_map(|_| row()).collect();
    let (latents, evidence) = Ppca::choose_latents(&x, 300, 8).expect("eigenvalues are found");
    assert_eq!((latents, evidence.len()), (3, 7), "{evidence:?}");
}
