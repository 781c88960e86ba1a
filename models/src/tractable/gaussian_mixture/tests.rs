//! Mixtures against sums over components, against gradients and on data that leave a component nothing.

use super::*;
use crate::seed::{Stream, rng};
use crate::tractable::{aic, bic};
use pathscore_autodiff::Tape;

const FORMS: [Covariance; 2] = [Covariance::Diagonal, Covariance::Full];
const MEANS: [[f64; 2]; 3] = [[0.0, 0.0], [4.0, 1.0], [-1.0, 5.0]];

/// Rows of three components with weights 1/2, 1/4 and 1/4, with correlated columns if `along` is not zero.
fn generated(rows: usize, along: f64, seed: u64) -> Vec<f64> {
    let source = &mut rng(seed, Stream::Sample, 0);
    let row = |i: usize| {
        let mean = MEANS[[0, 1, 0, 2][i % 4]];
        let [a, b] = [(); 2].map(|()| RandomSource::normal(source));
        [mean[0] + a, mean[1] + along * a + 0.5 * b]
    };
    (0..rows).flat_map(row).collect()
}

fn model<F: Scalar>(k: usize, d: usize, form: Covariance) -> (GaussianMixture, Params<F>) {
    let mut params = Params::new();
    let model = GaussianMixture::new(&mut params, d, k, form, &mut rng(1, Stream::Init, 0));
    (model, params)
}

fn started(k: usize, form: Covariance, x: &[f64], seed: u64) -> (GaussianMixture, Params<f64>) {
    let (model, mut params) = model(k, 2, form);
    model
        .start(&mut params, x, x.len() / 2, &mut rng(seed, Stream::Init, 1))
        .expect("the rows are distinct");
    (model, params)
}

/// Any parameters, and rows for them.
fn perturbed(form: Covariance) -> (GaussianMixture, Params<f64>, Vec<f64>) {
    let (model, mut params) = model(3, 4, form);
    for (i, x) in params.values_mut().iter_mut().enumerate() {
        *x += 0.4 * (1.0 + 2.0 * i as f64).sin();
    }
    let x = (0..10 * 4).map(|i| 2.0 * (1.3 * f64::from(i)).cos()).collect();
    (model, params, x)
}

fn mean_log_prob(model: &GaussianMixture, params: &Params<f64>, x: &[f64]) -> f64 {
    let (tape, d) = (Tape::new(), model.columns());
    model.log_prob(params.on(&tape), tape.constant(x, [x.len() / d, d])).mean().item()
}

/// Steps until a step gains nothing, and the last value.
fn em(model: &GaussianMixture, params: &mut Params<f64>, x: &[f64], steps: usize) -> f64 {
    let mut last = f64::NEG_INFINITY;
    for _ in 0..steps {
        let found = model.em_step(params, x, x.len() / model.columns());
        assert!(found.is_finite() && found >= last - 1e-10, "{last} then {found}");
        if found - last < 1e-13 {
            return found;
        }
        last = found;
    }
    last
}

#[test]
fn the_density_is_the_sum_over_components() {
    for form in FORMS {
        let (model, params, x) = perturbed(form);
        let tape = Tape::new();
        let bound = params.on(&tape);
        let rows = tape.constant(&x, [10, 4]);
        let found = model.log_prob(bound, rows).value();
        let r = model.responsibilities(bound, rows).value();
        let posterior = model.exact_posterior(bound, rows).log_probs().value();
        let covariances = model.covariances(bound);
        let weights: Vec<f64> = params.get(model.logits).iter().map(|x| x.exp()).collect();
        let total: f64 = weights.iter().sum();
        for (n, row) in x.chunks(4).enumerate() {
            let density = |k: usize| {
                let loc = tape.constant(&params.get(model.mean)[4 * k..4 * k + 4], [4]);
                let covariance = covariances.slice(0, k..k + 1).reshape([4, 4]);
                let normal = MultivariateNormal::from_covariance(loc, covariance)
                    .expect("a covariance is positive definite");
                weights[k] / total * normal.log_prob(tape.constant(row, [4])).item().exp()
            };
            let each = [0, 1, 2].map(density);
            let sum: f64 = each.iter().sum();
            let error = (found.values()[n] - sum.ln()).abs();
            // Logarithms below a hundred.
            assert!(error < 1e-12 * (1.0 + sum.ln().abs()), "{form:?}: {error}");
            let r = &r.values()[3 * n..3 * n + 3];
            assert!((r.iter().sum::<f64>() - 1.0).abs() < 1e-14, "{r:?}");
            for (k, r) in r.iter().enumerate() {
                assert!((r - each[k] / sum).abs() < 1e-11, "{form:?}: {r}");
                assert!((posterior.values()[3 * n + k] - r.ln()).abs() < 1e-10);
            }
        }
    }
}

#[test]
fn slopes_agree_with_finite_differences() {
    for form in FORMS {
        let (model, mut params, x) = perturbed(form);
        let tape = Tape::new();
        let slopes = {
            let rows = tape.constant(&x, [10, 4]);
            model.log_prob(params.on(&tape), rows).mean().backward().leading(params.len()).to_vec()
        };
        for (i, slope) in slopes.into_iter().enumerate() {
            let h = 1e-5;
            let mut at = |shift: f64| {
                params.values_mut()[i] += shift;
                let value = mean_log_prob(&model, &params, &x);
                params.values_mut()[i] -= shift;
                value
            };
            let expected = (at(h) - at(-h)) / (2.0 * h);
            let error = (slope - expected).abs() / (1.0 + expected.abs());
            // Rounding of values near a hundred, over 2e-5, and the third derivative times 1e-10.
            assert!(error < 1e-7, "{form:?}, {:?}: {slope} {expected}", params.name_at(i));
        }
    }
}

#[test]
fn em_and_gradients_from_one_start_find_the_same_maximum() {
    let x = generated(80, 0.6, 3);
    for form in FORMS {
        let (model, mut params) = started(3, form, &x, 1);
        let start = params.clone();
        for _ in 0..5 {
            let before = mean_log_prob(&model, &params, &x);
            let told = model.em_step(&mut params, &x, 80);
            assert!((before - told).abs() < 1e-11, "the value before the step: {before} {told}");
        }
        let best = em(&model, &mut params, &x, 5000);
        let mut params = start;
        let mut velocity = vec![0.0; params.len()];
        let mut tape = Tape::new();
        for _ in 0..6000 {
            let rows = tape.constant(&x, [80, 2]);
            let gradient = model.log_prob(params.on(&tape), rows).mean().backward();
            let slopes = gradient.leading(params.len()).to_vec();
            tape.clear();
            for ((x, v), slope) in params.values_mut().iter_mut().zip(&mut velocity).zip(slopes) {
                *v = 0.9 * *v + 0.03 * slope;
                *x += *v;
            }
        }
        let found = mean_log_prob(&model, &params, &x);
        assert!((found - best).abs() < 1e-6, "{form:?}: gradients {found}, EM {best}");
    }
}

#[test]
fn separated_components_are_recovered() {
    let x = generated(2000, 0.6, 5);
    let (model, mut params) = started(3, Covariance::Full, &x, 2);
    em(&model, &mut params, &x, 500);
    let tape = Tape::new();
    let bound = params.on(&tape);
    let weights = bound.get(model.logits).log_softmax(-1).exp().value();
    let covariances = model.covariances(bound).value();
    for (mean, weight) in MEANS.iter().zip([0.5, 0.25, 0.25]) {
        let distance = |k: &usize| {
            let found = &params.get(model.mean)[2 * k..2 * k + 2];
            (found[0] - mean[0]).hypot(found[1] - mean[1])
        };
        let k = (0..3).min_by(|a, b| distance(a).total_cmp(&distance(b))).expect("three");
        // Standard errors of 500 rows are near 1/sqrt(500) = 0.045; components overlap a little.
        assert!(distance(&k) < 0.2, "{mean:?}: {:?}", params.get(model.mean));
        assert!((weights.values()[k] - weight).abs() < 0.03, "{weights:?}");
        let covariance = &covariances.values()[4 * k..4 * k + 4];
        for (a, b) in covariance.iter().zip([1.0, 0.6, 0.6, 0.61]) {
            assert!((a - b).abs() < 0.25, "{covariance:?}");
        }
    }
}

#[test]
fn the_criteria_choose_the_number_of_components() {
    // BIC finds three components for each of the seeds from 0 to 15, AIC for seven of them: it is not consistent.
    let x = generated(400, 0.6, 0);
    let criteria = |k: usize| {
        let fit = |seed: u64| {
            let (model, mut params) = started(k, Covariance::Full, &x, seed);
            (model.free_parameters(), em(&model, &mut params, &x, 400))
        };
        let best = (0..3).map(fit).max_by(|a, b| a.1.total_cmp(&b.1)).expect("three");
        [aic(400.0 * best.1, best.0), bic(400.0 * best.1, best.0, 400)]
    };
    let found = [1, 2, 3, 4, 5].map(criteria);
    for which in [0, 1] {
        assert!(found.iter().all(|one| one[which] >= found[2][which]), "{which}: {found:?}");
    }
}

#[test]
fn one_component_has_a_closed_form() {
    let x = generated(50, 0.6, 2);
    let data = Rows::new("test", &x, 50, 2);
    let covariance = data.covariance_times(None);
    for form in FORMS {
        let (model, mut params) = started(1, form, &x, 1);
        model.em_step(&mut params, &x, 50);
        for (a, b) in params.get(model.mean).iter().zip(&data.mean) {
            assert!((a - b).abs() < 1e-13, "{a} {b}");
        }
        let tape = Tape::new();
        let found = model.covariances(params.on(&tape)).value();
        for (i, (a, b)) in found.values().iter().zip(&covariance).enumerate() {
            let b = if form == Covariance::Full || i % 3 == 0 { *b } else { 0.0 };
            assert!((a - b).abs() < 1e-13, "{form:?}: {a} {b}");
        }
        // The value is minus half of ln det 2πe S.
        let [a, b, _, d] = covariance[..] else { panic!("four numbers") };
        let det = if form == Covariance::Full { a * d - b * b } else { a * d };
        let expected = -0.5 * det.ln() - (std::f64::consts::TAU * std::f64::consts::E).ln();
        assert!((model.em_step(&mut params, &x, 50) - expected).abs() < 1e-12);
    }
}

#[test]
fn diagonal_covariances_are_full_ones_without_correlations() {
    let x = generated(60, 0.0, 2);
    let (diagonal, params) = started(3, Covariance::Diagonal, &x, 1);
    let (full, mut of_full) = model::<f64>(3, 2, Covariance::Full);
    of_full.values_mut()[..params.len()].copy_from_slice(params.values());
    let [a, b] = [(diagonal, &params), (full, &of_full)].map(|(m, p)| mean_log_prob(&m, p, &x));
    assert!((a - b).abs() < 1e-13, "{a} {b}");
    assert_eq!((diagonal.free_parameters(), full.free_parameters()), (2 + 12, 2 + 6 + 9));
    assert_eq!([diagonal, full].map(|m| m.covariance()), FORMS);
}

#[test]
fn a_start_needs_rows_that_are_distinct_and_finite() {
    let start = |k: usize, x: &[f64], rows: usize| {
        let (model, mut params) = model::<f64>(k, x.len() / rows, Covariance::Full);
        let before = params.clone();
        let found = model.start(&mut params, x, rows, &mut rng(0, Stream::Init, 1));
        assert_eq!(found.is_err(), before.values() == params.values(), "errors change nothing");
        found
    };
    assert_eq!(start(1, &[1.0, 2.0], 1), Err(StartError::NoVariance { rows: 1 }));
    assert_eq!(start(2, &[0.1; 12], 6), Err(StartError::NoVariance { rows: 6 }));
    let two = [1.0, 2.0, 3.0, 4.0].repeat(5);
    let few = StartError::TooFewRows { distinct: 2, components: 3 };
    assert!(few.to_string().contains("only 2 rows are distinct, fewer than the 3 components"));
    assert_eq!(start(3, &two, 10), Err(few));
    let Err(StartError::NotFinite { row, column, value }) = start(1, &[0.0, 1.0, f64::NAN, 2.0], 2)
    else {
        panic!("a NaN is found");
    };
    assert!((row, column) == (1, 0) && value.is_nan());
    assert_eq!(start(2, &two, 10), Ok(()));
}

#[test]
fn degenerate_data_stop_at_the_floor() {
    fn check<F: Scalar>(x: &[f64], d: usize, k: usize, slack: f64) {
        let x: Vec<F> = x.iter().map(|&x| F::from_f64(x)).collect();
        let rows = x.len() / d;
        for form in FORMS {
            let (model, mut params) = model::<F>(k, d, form);
            let model = model.with_covariance_floor(1e-4);
            // Without variance there is no start, and the first parameters are as good as any.
            let _ = model.start(&mut params, &x, rows, &mut rng(4, Stream::Init, 1));
            let mut last = f64::NEG_INFINITY;
            for _ in 0..60 {
                let found = model.em_step(&mut params, &x, rows);
                assert!(
                    found.is_finite() && found >= last - slack,
                    "{form:?}: {last} then {found}"
                );
                last = found;
            }
            assert!(
                params.values().iter().all(|x| x.is_finite()),
                "{form:?} {:?}",
                params.values()
            );
            let floors = model.covariance_floors(&x, rows);
            assert!(model.hold_covariances(&mut params, &floors) > 0, "{form:?} of {x:?}");
            let tape = Tape::new();
            let rows = tape.constant(&x, [rows, d]);
            let log_prob = model.log_prob(params.on(&tape), rows).mean();
            assert!(log_prob.backward().leading(params.len()).iter().all(|x| x.is_finite()));
        }
    }
    // Rows on a line, a constant column, as many components as rows, a group of equal rows.
    let line: Vec<f64> = (0..20).flat_map(|i| [f64::from(i), 2.0 * f64::from(i)]).collect();
    let constant: Vec<f64> = (0..20).flat_map(|i| [f64::from(i * i % 7), 3.5]).collect();
    let few = [0.0, 1.0, 2.0, 5.0, -1.0, 0.5];
    let group = [[1.0, 1.0].repeat(6), vec![4.0, 5.0, 6.0, 3.0, 5.0, 6.0]].concat();
    let single = |x: &[f64]| x.iter().step_by(2).copied().collect::<Vec<_>>();
    check::<f64>(&constant, 2, 2, 1e-10);
    check::<f64>(&few, 2, 3, 1e-10);
    check::<f64>(&group, 2, 2, 1e-10);
    check::<f64>(&single(&few), 1, 3, 1e-10);
    check::<f32>(&constant, 2, 2, 1e-3);
    check::<f32>(&few, 2, 3, 1e-3);
    // A single row, for which only the least positive number is left.
    check::<f64>(&[1.0, 2.0], 2, 1, 1e-10);
    // Diagonal covariances see no line.
    let (model, mut params) = started(1, Covariance::Full, &line, 1);
    em(&model, &mut params, &line, 50);
    let floors = model.covariance_floors(&line, 20);
    assert_eq!(model.hold_covariances(&mut params, &floors), 1);
}

#[test]
fn a_held_covariance_is_the_best_above_the_floor() {
    let x = generated(60, 0.6, 2);
    let x: Vec<f64> = x.chunks(2).flat_map(|row| [row[0], row[0] + 0.3 * row[1]]).collect();
    let (model, mut params) = started(1, Covariance::Full, &x, 1);
    // Larger than the smaller eigenvalue of the correlation matrix, about 0.1.
    let model = model.with_covariance_floor(0.5);
    let best = em(&model, &mut params, &x, 10);
    let floors = model.covariance_floors(&x, 60);
    let held = params.clone();
    assert_eq!(model.hold_covariances(&mut params, &floors), 1);
    for (a, b) in held.values().iter().zip(params.values()) {
        assert!((a - b).abs() < 1e-12, "the step was held already: {a} {b}");
    }
    // Nearby covariances, moved above the floor, are no better.
    for i in 0..200 {
        let mut other = held.clone();
        for (j, x) in other.values_mut().iter_mut().enumerate().skip(3) {
            *x += 0.05 * (1.0 + f64::from(i) * 2.3 + j as f64 * 1.7).sin();
        }
        model.hold_covariances(&mut other, &floors);
        assert!(mean_log_prob(&model, &other, &x) <= best + 1e-10);
    }
    // Far below the floor.
    params.get_mut(model.log_scale).fill(-20.0);
    assert_eq!(model.hold_covariances(&mut params, &floors), 1);
    let tape = Tape::new();
    let found = model.covariances(params.on(&tape)).value();
    let found = found.values();
    assert!(found[0] >= floors[0] * (1.0 - 1e-12) && found[3] >= floors[1] * (1.0 - 1e-12));
}

#[test]
fn a_component_without_rows_keeps_its_place() {
    let x = generated(40, 0.6, 1);
    for form in FORMS {
        let (model, mut params) = started(3, form, &x, 1);
        // So far away that the density of every row underflows.
        params.get_mut(model.mean)[2..4].copy_from_slice(&[1e4, -1e4]);
        let before = mean_log_prob(&model, &params, &x);
        for _ in 0..20 {
            assert!(model.em_step(&mut params, &x, 40) >= before - 1e-10);
        }
        assert_eq!(params.get(model.mean)[2..4], [1e4, -1e4]);
        assert!(params.values().iter().all(|x| x.is_finite()));
        assert!((params.get(model.logits)[1] - 1e-300_f64.ln()).abs() < 1e-9);
        let tape = Tape::new();
        let rows = tape.constant(&x, [40, 2]);
        let slopes = model.log_prob(params.on(&tape), rows).mean().backward();
        assert!(slopes.leading(params.len()).iter().all(|x| x.is_finite()));
    }
}

#[test]
fn numbers_that_are_not_finite_change_no_parameter() {
    let (model, mut params) = started(2, Covariance::Full, &generated(20, 0.6, 1), 1);
    let before = params.clone();
    assert!(model.em_step(&mut params, &[1.0, f64::NAN, 2.0, 3.0], 2).is_nan());
    assert_eq!(params.values(), before.values());
}

#[test]
fn draws_have_the_moments_of_the_mixture() {
    for form in FORMS {
        let (model, params, _) = perturbed(form);
        let (tape, n) = (Tape::new(), 40_000);
        let bound = params.on(&tape);
        let x = model.sample(bound, n, &mut rng(6, Stream::Sample, 0));
        assert!(x.shape()[..] == [n, 4] && !x.is_tracked());
        let weights = bound.get(model.logits).log_softmax(-1).exp().value();
        let (means, covariances) = (params.get(model.mean), model.covariances(bound).value());
        let at = |k: usize, j: usize| (means[4 * k + j], covariances.values()[16 * k + 5 * j]);
        for j in 0..4 {
            let moment = |f: &dyn Fn((f64, f64)) -> f64| -> f64 {
                (0..3).map(|k| weights.values()[k] * f(at(k, j))).sum()
            };
            let mean = moment(&|(mean, _)| mean);
            let variance = moment(&|(m, v)| v + (m - mean).powi(2));
            let found = x.value();
            let column = found.values().iter().skip(j).step_by(4);
            let average = column.clone().sum::<f64>() / n as f64;
            let spread = column.map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
            // Five standard errors; the fourth moment of these mixtures is below five squared variances.
            assert!((average - mean).abs() < 5.0 * (variance / n as f64).sqrt());
            assert!((spread - variance).abs() < 5.0 * variance * (4.0 / n as f64).sqrt());
        }
    }
}

#[test]
fn single_precision_agrees_with_double() {
    let x = generated(100, 0.6, 1);
    let single: Vec<f32> = x.iter().map(|&x| x as f32).collect();
    for form in FORMS {
        let (first, mut params) = started(3, form, &x, 1);
        let (second, mut of_second) = model::<f32>(3, 2, form);
        let start = second.start(&mut of_second, &single, 100, &mut rng(1, Stream::Init, 1));
        start.expect("the rows are distinct");
        for _ in 0..30 {
            let a = first.em_step(&mut params, &x, 100);
            let b = second.em_step(&mut of_second, &single, 100);
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }
}

#[test]
#[should_panic(expected = "0 components for 2 columns")]
fn no_components_are_refused() {
    model::<f64>(0, 2, Covariance::Full);
}

#[test]
#[should_panic(expected = "the covariance floor is 1")]
fn a_floor_of_one_is_refused() {
    let _ = model::<f64>(1, 2, Covariance::Full).0.with_covariance_floor(1.0);
}
