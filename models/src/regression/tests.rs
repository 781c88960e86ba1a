//! Regressions against certified coefficients, quadrature, dense formulas and each other.

use super::*;
use crate::RandomSource;
use crate::seed::{Stream, rng};
use nalgebra::{DMatrix, DVector};

/// Longley's data (1967) as NIST publishes them (Statistical Reference Datasets, linear regression, higher difficulty): the answer and six
/// columns, so nearly dependent that the normal equations leave no digit of some coefficients.
const LONGLEY: [[f64; 7]; 16] = [
    [60323.0, 83.0, 234289.0, 2356.0, 1590.0, 107608.0, 1947.0],
    [61122.0, 88.5, 259426.0, 2325.0, 1456.0, 108632.0, 1948.0],
    [60171.0, 88.2, 258054.0, 3682.0, 1616.0, 109773.0, 1949.0],
    [61187.0, 89.5, 284599.0, 3351.0, 1650.0, 110929.0, 1950.0],
    [63221.0, 96.2, 328975.0, 2099.0, 3099.0, 112075.0, 1951.0],
    [63639.0, 98.1, 346999.0, 1932.0, 3594.0, 113270.0, 1952.0],
    [64989.0, 99.0, 365385.0, 1870.0, 3547.0, 115094.0, 1953.0],
    [63761.0, 100.0, 363112.0, 3578.0, 3350.0, 116219.0, 1954.0],
    [66019.0, 101.2, 397469.0, 2904.0, 3048.0, 117388.0, 1955.0],
    [67857.0, 104.6, 419180.0, 2822.0, 2857.0, 118734.0, 1956.0],
    [68169.0, 108.4, 442769.0, 2936.0, 2798.0, 120445.0, 1957.0],
    [66513.0, 110.8, 444546.0, 4681.0, 2637.0, 121950.0, 1958.0],
    [68655.0, 112.6, 482704.0, 3813.0, 2552.0, 123366.0, 1959.0],
    [69564.0, 114.2, 502601.0, 3931.0, 2514.0, 125368.0, 1960.0],
    [69331.0, 115.7, 518173.0, 4806.0, 2572.0, 127852.0, 1961.0],
    [70551.0, 116.9, 554894.0, 4007.0, 2827.0, 130081.0, 1962.0],
];

/// The certified coefficients and their standard errors.
const CERTIFIED: [[f64; 2]; 7] = [
    [-3_482_258.634_595_82, 890_420.383_607_373],
    [15.061_872_271_373_3, 84.914_925_774_766_9],
    [-0.035_819_179_292_591_0, 0.033_491_007_772_243_2],
    [-2.020_229_803_816_83, 0.488_399_681_651_699],
    [-1.033_226_867_173_59, 0.214_274_163_161_675],
    [-0.051_104_105_653_580_7, 0.226_073_200_069_370],
    [1_829.151_464_613_55, 455.478_499_142_212],
];

/// With a flat prior the posterior mean is the least-squares fit, twice the rate the sum of squares, and the classical standard errors follow.
#[test]
fn a_flat_prior_has_the_certified_coefficients_of_longley() {
    let x: Vec<f64> =
        LONGLEY.iter().flat_map(|row| [1.0].into_iter().chain(row[1..].iter().copied())).collect();
    let y = LONGLEY.map(|row| row[0]);
    // The data determine no weight to better than 1e-7 in these units of precision.
    let prior = NormalInverseGamma::independent(&[1e-30; 7], 1e-30, 1e-30);
    let (posterior, _) = prior.condition(&x, &y);
    let square = 2.0 * posterior.rate() / 9.0;
    let covariance = posterior.covariance_over_noise();
    // The condition number of the data is 5e9, so that ten of sixteen digits may be lost.
    for (j, [coefficient, error]) in CERTIFIED.into_iter().enumerate() {
        let found = posterior.mean()[j];
        assert!((found / coefficient - 1.0).abs() < 1e-7, "{j}: {found}, not {coefficient}");
        let found = (square * covariance[8 * j]).sqrt();
        assert!((found / error - 1.0).abs() < 1e-7, "{j}: {found}, not {error}");
    }
    assert!((square.sqrt() / 304.854_073_561_965 - 1.0).abs() < 1e-9, "{}", square.sqrt());
    let (known, _) = KnownNoise::independent(&[1e-30; 7], square).condition(&x, &y);
    for (j, [coefficient, error]) in CERTIFIED.into_iter().enumerate() {
        assert!((known.mean()[j] / coefficient - 1.0).abs() < 1e-7);
        assert!((known.covariance()[8 * j].sqrt() / error - 1.0).abs() < 1e-7);
    }
}

/// Rows of a column of ones and others, and answers with noise.
fn data(rows: usize, columns: usize) -> (Vec<f64>, Vec<f64>) {
    let source = &mut rng(3, Stream::Sample, 0);
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let row: Vec<f64> =
            (0..columns).map(|j| if j == 0 { 1.0 } else { RandomSource::normal(source) }).collect();
        let mean: f64 = row.iter().enumerate().map(|(j, x)| x * (0.8 - 0.5 * j as f64)).sum();
        y.push(mean + 0.7 * RandomSource::normal(source));
        x.extend(row);
    }
    (x, y)
}

/// $\ln \int e^{f}$ over a box by the trapezoidal rule, which has every digit of a smooth function that vanishes at the ends.
fn log_integral(low: [f64; 2], high: [f64; 2], f: impl Fn(f64, f64) -> f64) -> f64 {
    const N: usize = 400;
    let step = [0, 1].map(|i| (high[i] - low[i]) / N as f64);
    let at = |i: usize, k: usize| low[i] + step[i] * k as f64;
    let values: Vec<f64> = (0..=N)
        .flat_map(|a| (0..=N).map(move |b| (a, b)))
        .map(|(a, b)| f(at(0, a), at(1, b)))
        .collect();
    let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    top + (values.iter().map(|v| (v - top).exp()).sum::<f64>() * step[0] * step[1]).ln()
}

fn log_normal(x: f64, mean: f64, variance: f64) -> f64 {
    -0.5 * ((x - mean).powi(2) / variance + (std::f64::consts::TAU * variance).ln())
}

#[test]
fn evidence_with_known_noise_is_the_integral_over_two_weights() {
    let (x, y) = data(6, 2);
    let (alphas, variance) = ([0.5, 2.0], 0.6);
    let (posterior, log_evidence) = KnownNoise::independent(&alphas, variance).condition(&x, &y);
    let joint = |a: f64, b: f64| {
        let rows = x.chunks(2).zip(&y);
        let prior = log_normal(a, 0.0, 1.0 / alphas[0]) + log_normal(b, 0.0, 1.0 / alphas[1]);
        prior + rows.map(|(x, y)| log_normal(*y, a * x[0] + b * x[1], variance)).sum::<f64>()
    };
    let found = log_integral([-6.0, -6.0], [8.0, 6.0], joint);
    assert!((log_evidence - found).abs() < 1e-8, "{log_evidence} {found}");
    // The prediction of an answer is the ratio of two evidences.
    let (next, answer) = ([1.0, -0.4], 0.3);
    let more = [&x[..], &next].concat();
    let (_, with) =
        KnownNoise::independent(&alphas, variance).condition(&more, &[&y[..], &[answer]].concat());
    let predicted = posterior.predict(&next).log_prob(answer);
    assert!((with - log_evidence - predicted).abs() < 1e-12);
}

#[test]
fn evidence_with_unknown_noise_is_the_integral_over_weight_and_noise() {
    let y = [0.9, 2.2, 2.7, 4.4];
    let x = [1.0, 2.0, 3.0, 4.0];
    let (precision, shape, rate): (f64, f64, f64) = (0.3, 2.5, 1.4);
    let prior = NormalInverseGamma::independent(&[precision], shape, rate);
    let (posterior, log_evidence) = prior.condition(&x, &y);
    // Over the weight and the logarithm of σ², whose Jacobian is σ².
    let joint = |w: f64, ln_square: f64| {
        let square = ln_square.exp();
        let inverse_gamma = shape * rate.ln()
            - pathscore_autodiff::Real::ln_gamma(shape)
            - shape * ln_square
            - rate / square;
        let rows = x.iter().zip(&y);
        inverse_gamma
            + log_normal(w, 0.0, square / precision)
            + rows.map(|(x, y)| log_normal(*y, w * x, square)).sum::<f64>()
    };
    let found = log_integral([-9.0, -6.0], [11.0, 12.0], joint);
    assert!((log_evidence - found).abs() < 1e-8, "{log_evidence} {found}");
    // Student's distributions of a new answer and of the weight itself, the latter as a ratio of integrals over the noise alone.
    let (_, with) = prior.condition(&[&x[..], &[2.5]].concat(), &[&y[..], &[1.8]].concat());
    assert!((with - log_evidence - posterior.predict(&[2.5]).log_prob(1.8)).abs() < 1e-12);
    let at = |w: f64| {
        log_integral([0.0, -8.0], [1.0, 14.0], |_, s| joint(w, s)) - (401.0_f64 / 400.0).ln()
    };
    let density = posterior.combination(&[1.0]).log_prob(1.1);
    assert!(
        (at(1.1) - log_evidence - density).abs() < 1e-8,
        "{} {density}",
        at(1.1) - log_evidence
    );
}

/// Rows in any order and number at a time have the same posterior and the same evidence in all.
#[test]
fn evidence_obeys_the_chain_rule_row_by_row() {
    let (x, y) = data(12, 3);
    let (known, unknown) = (
        KnownNoise::independent(&[0.3, 1.0, 2.0], 0.4),
        NormalInverseGamma::independent(&[0.3, 1.0, 2.0], 1.5, 0.8),
    );
    let (at_once, evidences) = ((known.condition(&x, &y)), unknown.condition(&x, &y));
    let (mut by_row, mut sums) = ((known, unknown), [0.0; 4]);
    for (x, y) in x.chunks(3).zip(&y).rev() {
        sums[2] += by_row.0.predict(x).log_prob(*y);
        sums[3] += by_row.1.predict(x).log_prob(*y);
        let (next, evidence) = by_row.0.condition(x, &[*y]);
        sums[0] += evidence;
        let (other, of_other) = by_row.1.condition(x, &[*y]);
        sums[1] += of_other;
        by_row = (next, other);
    }
    for (sum, whole) in sums.iter().zip([at_once.1, evidences.1].repeat(2)) {
        assert!((sum - whole).abs() < 1e-12, "{sum} {whole}");
    }
    for j in 0..3 {
        assert!((by_row.0.mean()[j] - at_once.0.mean()[j]).abs() < 1e-12);
        assert!((by_row.1.mean()[j] - evidences.0.mean()[j]).abs() < 1e-12);
    }
}

/// $\ln \mathcal N(y; 0, XX^\top/\alpha + I/\beta)$, with more rows than columns and the other way round.
#[test]
fn the_evidence_of_two_precisions_is_that_of_the_dense_normal() {
    for (rows, columns) in [(9, 3), (3, 6)] {
        let (x, y) = data(rows, columns);
        let (alpha, beta) = (0.7_f64, 2.3_f64);
        let evidence = RidgeEvidence::new(&x, &y);
        let at = [alpha.ln(), beta.ln()];
        let (found, slopes) = evidence.log_evidence_and_grad(at);
        let (matrix, answers) =
            (DMatrix::from_row_slice(rows, columns, &x), DVector::from_row_slice(&y));
        let identity = DMatrix::<f64>::identity(rows, rows);
        let covariance = &matrix * matrix.transpose() / alpha + identity / beta;
        let factor = covariance.cholesky().unwrap();
        let distance = answers.dot(&factor.solve(&answers));
        let log_det = 2.0 * factor.l().diagonal().iter().map(|l| l.ln()).sum::<f64>();
        let dense = -0.5 * (distance + log_det + rows as f64 * std::f64::consts::TAU.ln());
        assert!((found - dense).abs() < 1e-11, "{found} {dense}");
        let prior = KnownNoise::independent(&vec![alpha; columns], 1.0 / beta);
        let (posterior, of_prior) = prior.condition(&x, &y);
        assert!((found - of_prior).abs() < 1e-11, "{found} {of_prior}");
        for (a, b) in evidence.weights(alpha, beta).iter().zip(posterior.mean()) {
            assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
        for i in 0..2 {
            let moved = |by: f64| {
                let mut at = at;
                at[i] += by;
                evidence.log_evidence_and_grad(at).0
            };
            // Central differences err by h² and 1e-15/h.
            let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((slopes[i] - difference).abs() < 1e-8, "{i}: {} {difference}", slopes[i]);
        }
    }
}

#[test]
fn the_fixed_point_of_the_precisions_is_the_maximum_of_the_evidence() {
    let (x, y) = data(60, 4);
    let evidence = RidgeEvidence::new(&x, &y);
    let best = evidence.maximum(10_000);
    assert!(best.converged && best.iterations > 3, "{best:?}");
    let at = [best.alpha.ln(), best.beta.ln()];
    let (value, slopes) = evidence.log_evidence_and_grad(at);
    assert!(
        value == best.log_evidence && slopes.iter().all(|slope| slope.abs() < 1e-9),
        "{slopes:?}"
    );
    for by in [[0.01, 0.0], [-0.01, 0.0], [0.0, 0.01], [0.0, -0.01], [0.5, -0.3]] {
        assert!(evidence.log_evidence_and_grad([at[0] + by[0], at[1] + by[1]]).0 < value);
    }
    // The noise has the standard deviation 0.7; sixty rows leave a tenth of it uncertain.
    assert!((best.beta.powf(-0.5) - 0.7).abs() < 0.2, "{best:?}");
    // Answers without any signal: the precision of the weights grows without end.
    let flat = RidgeEvidence::new(&[1.0, 1.0, -1.0, -1.0], &[1.0, -1.0, 1.0, -1.0]).maximum(100);
    assert!(!flat.converged && flat.alpha.is_finite(), "{flat:?}");
}

/// Bits with the log-odds of two columns.
fn bits(rows: usize) -> (Vec<f64>, Vec<f64>) {
    let (x, _) = data(rows, 2);
    let source = &mut rng(4, Stream::Sample, 0);
    let mut bit = |x: &[f64]| {
        let p = 1.0 / (1.0 + (-(0.4 * x[0] - 1.2 * x[1])).exp());
        f64::from(RandomSource::bernoulli(source, p))
    };
    let y = x.chunks(2).map(&mut bit).collect();
    (x, y)
}

#[test]
fn the_joint_density_of_bits_has_the_gradient_and_the_curvature_of_differences() {
    let (x, y) = bits(20);
    let model = LogisticRegression::new(&x, &y, &[0.5, 2.0]);
    let (mut grad, w) = ([0.0; 2], [0.3, -0.9]);
    let value = model.log_joint_and_grad(&w, &mut grad);
    assert_eq!(value, model.log_joint(&w));
    for i in 0..2 {
        let moved = |by: f64| {
            let mut w = w;
            w[i] += by;
            w
        };
        let difference = (model.log_joint(&moved(1e-5)) - model.log_joint(&moved(-1e-5))) / 2e-5;
        assert!((grad[i] - difference).abs() < 1e-8, "{i}: {} {difference}", grad[i]);
    }
    // The product of the covariance with the change of the gradient is the step.
    let laplace = model.laplace(50);
    assert!(laplace.converged && laplace.gradient < 1e-10, "{laplace:?}");
    let covariance = laplace.covariance();
    for i in 0..2 {
        let (mut up, mut down) = ([0.0; 2], [0.0; 2]);
        let mut w = laplace.mode.clone();
        w[i] += 1e-4;
        model.log_joint_and_grad(&w, &mut up);
        w[i] -= 2e-4;
        model.log_joint_and_grad(&w, &mut down);
        for j in 0..2 {
            let found: f64 = (0..2).map(|k| covariance[2 * j + k] * (down[k] - up[k]) / 2e-4).sum();
            let expected = if i == j { 1.0 } else { 0.0 };
            assert!((found - expected).abs() < 1e-6, "{i} {j}: {found}");
        }
    }
}

/// The error of Laplace's approximation falls as one over the number of rows, with a constant that depends on them: sixteen times as many
/// make it about sixteen times as small.
#[test]
fn laplaces_evidence_nears_the_integral() {
    let error = |rows: usize| {
        let (x, y) = bits(rows);
        let model = LogisticRegression::new(&x, &y, &[0.5, 2.0]);
        let laplace = model.laplace(50);
        let covariance = laplace.covariance();
        let reach = [0, 1].map(|i| 9.0 * covariance[3 * i].sqrt());
        let low = [0, 1].map(|i| laplace.mode[i] - reach[i]);
        let high = [0, 1].map(|i| laplace.mode[i] + reach[i]);
        let exact = log_integral(low, high, |a, b| model.log_joint(&[a, b]));
        (laplace.log_evidence - exact).abs()
    };
    let [few, many] = [15, 240].map(error);
    assert!(few < 0.1 && many < 0.01 && few > 3.0 * many, "{few} {many}");
    // The prediction of the normal at the mode is near the mean over it, by a rule of many nodes.
    let (x, y) = bits(15);
    let laplace = LogisticRegression::new(&x, &y, &[0.5, 2.0]).laplace(50);
    let row = [1.0, 2.0];
    let covariance = laplace.covariance();
    let mean = laplace.mode[0] + 2.0 * laplace.mode[1];
    let scale = (covariance[0] + 4.0 * covariance[1] + 4.0 * covariance[3]).sqrt();
    let nodes = (-800..=800).map(|i| f64::from(i) * 0.01);
    let integral: f64 = nodes
        .map(|t| 0.01 * log_normal(t, 0.0, 1.0).exp() / (1.0 + (-(mean + scale * t)).exp()))
        .sum();
    assert!((laplace.predict(&row) - integral).abs() < 0.02);
}

/// Without a prior the weights would be infinite, and log-odds are large on the way.
#[test]
fn separable_bits_have_a_finite_mode() {
    let x: Vec<f64> = (0..20).flat_map(|i| [1.0, 1e3 * (f64::from(i) - 9.5)]).collect();
    let y: Vec<f64> = (0..20).map(|i| f64::from(i > 9)).collect();
    let model = LogisticRegression::new(&x, &y, &[1e-4, 1e-4]);
    let laplace = model.laplace(200);
    assert!(laplace.converged && laplace.mode.iter().all(|w| w.is_finite()), "{laplace:?}");
    assert!(laplace.log_evidence.is_finite() && model.log_joint(&[0.0, 1e6]).is_finite());
}

/// Numbers whose squares leave no digit of the prior, or overflow, are no reason to panic, and none to claim a mode.
#[test]
fn large_columns_have_a_mode_or_do_not_converge() {
    let twice = LogisticRegression::new(&[1e9, 1e9, 2e9, 2e9], &[1.0, 0.0], &[1.0, 1.0]);
    let times: Vec<f64> = (0..8)
        .map(f64::from)
        .flat_map(|i| [1.7e9 + 1e3 * i, 1.7e9 + 1e3 * i + 7.0 + i % 3.0])
        .collect();
    let bits = [0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0];
    let times = LogisticRegression::new(&times, &bits, &[1.0, 1.0]);
    let huge = LogisticRegression::new(&[1e160], &[1.0], &[1.0]);
    let same = LogisticRegression::new(&[1e160, 1e160], &[1.0], &[1.0, 1.0]);
    for (model, scale) in [(twice, 2e9), (times, 1.7e9), (huge, 1e160), (same, 1e160)] {
        let laplace = model.laplace(200);
        assert!(!laplace.converged || laplace.gradient < 1e-6 * scale, "{laplace:?}");
        assert!(!laplace.converged || laplace.log_evidence.is_finite(), "{laplace:?}");
        assert_eq!(laplace.covariance().len(), model.dim() * model.dim());
    }
}

/// Far from the mode the density is flat to rounding. The modes were computed with fifty digits (mpmath).
#[test]
fn separable_bits_with_a_weak_prior_have_the_exact_mode() {
    let cases: [(&[f64], &[f64], f64, f64); 3] = [
        (&[1.0], &[1.0], 1e-20, 42.306_755_091_738_39),
        (&[1.0, -1.0], &[1.0, 0.0], 1e-12, 25.101_250_625_848_45),
        (&[1.0, -1.0], &[1.0, 0.0], 1e-30, 65.587_317_622_053_83),
    ];
    for (x, y, alpha, mode) in cases {
        let laplace = LogisticRegression::new(x, y, &[alpha]).laplace(200);
        assert!(laplace.converged, "{laplace:?}");
        assert!((laplace.mode[0] / mode - 1.0).abs() < 1e-12, "{laplace:?} {mode}");
    }
    let evidence = |x: &[f64], y: &[f64], alpha: f64| {
        LogisticRegression::new(x, y, &[alpha]).laplace(200).log_evidence
    };
    assert!((evidence(&[1.0], &[1.0], 1e-20) - -1.884_154_314_789_133).abs() < 1e-10);
    assert!((evidence(&[1.0, -1.0], &[1.0, 0.0], 1e-12) - -1.630_991_615_274_03).abs() < 1e-10);
}

/// The noise is all but known, so that the evidence is that of a known variance of one. The numbers were computed with sixty digits (mpmath).
#[test]
fn evidence_and_prediction_keep_their_digits_with_a_large_shape() {
    let (x, y) = ([1.0, 1.0, 1.0, 2.0, 1.0, 4.0], [1.0, 2.5, 2.0]);
    for (shape, evidence, predicted) in [
        (150.0, [-5.454_410_171_757_876, -1.091_007_779_299_639]),
        (1e10, [-5.450_775_909_912_988, -1.092_281_179_193_736]),
        (1e15, [-5.450_775_909_858_329, -1.092_281_179_212_961]),
    ]
    .map(|(a, [e, p])| (a, e, p))
    {
        let prior = NormalInverseGamma::independent(&[1.0, 1.0], shape, shape);
        let (posterior, found) = prior.condition(&x, &y);
        assert!((found - evidence).abs() < 1e-12, "{shape}: {found} {evidence}");
        let found = posterior.predict(&[1.0, 3.0]).log_prob(2.0);
        assert!((found - predicted).abs() < 1e-12, "{shape}: {found} {predicted}");
    }
}

#[test]
fn an_evidence_without_a_maximum_does_not_converge_and_stays_finite() {
    for y in [[0.0; 3], [2.0, 4.0, 6.0]] {
        let best = RidgeEvidence::new(&[1.0, 2.0, 3.0], &y).maximum(1000);
        assert!(!best.converged && best.log_evidence.is_finite(), "{best:?}");
        assert!(best.alpha.is_finite() && best.beta.is_finite(), "{best:?}");
        assert!((best.weights[0] - y[0]).abs() < 1e-12, "{best:?}");
    }
}

#[test]
#[should_panic(expected = "7 numbers are not 3 rows of 2 columns")]
fn rows_of_another_length_are_refused() {
    KnownNoise::independent(&[1.0, 1.0], 1.0).condition(&[0.0; 7], &[0.0; 3]);
}

#[test]
#[should_panic(expected = "2 is no bit")]
fn an_answer_that_is_no_bit_is_refused() {
    LogisticRegression::new(&[0.0; 2], &[1.0, 2.0], &[1.0]);
}
