//! The value that an estimator reports and the gradient that it stores, for several draws, two rows and a factor on the
//! gradient, against sums over all values of the bits.

use super::common::assert_near;
use pathscore_estimators::both::{
    Arm, DisArm, LocalExpectation, Many, MeasureValued, Rebar, Relax, StraightThrough,
};
use pathscore_estimators::differences::{FiniteDifferences, Spsa};
use pathscore_estimators::exact::Enumeration;
use pathscore_estimators::score::{Baseline, MuProp, Nvil, OptimalConstant, Reinforce, Vimco};
use pathscore_estimators::{Coverage, Enumerator, Estimator, Query, Work};
use pathscore_models::latent::SmallBelief;
use pathscore_models::{Params, seed};

const ROWS: [[f64; 3]; 2] = [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]];
const SCALE: f64 = 0.7;
/// Parameters of the small belief net; those of baselines follow.
const MODEL: usize = 13;
/// Sums of some thousand products of numbers below ten.
const EXACT: f64 = 1e-10;

fn belief() -> (Params<f64>, SmallBelief) {
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    (params, model)
}

/// The means of the value, of the gradient and of the statistics over everything that can be drawn.
fn means<E: Estimator<f64, SmallBelief>>(
    (params, model): &(Params<f64>, SmallBelief),
    estimator: &E,
    [batch, samples]: [usize; 2],
    nodes: usize,
) -> (f64, Vec<f64>, Vec<f64>) {
    let x = ROWS[..batch].concat();
    let query = Query { model, params, x: &x, batch, samples, scale: SCALE };
    let (mut work, mut value, mut stats) = (Work::new(), 0.0, Vec::new());
    let mut gradient = vec![0.0; MODEL];
    let coverage = Enumerator::for_each(nodes, 100_000, |source| {
        let found = estimator.estimate(query, source, &mut work);
        let p = source.probability();
        value += p * found;
        gradient.iter_mut().zip(work.gradient(MODEL)).for_each(|(sum, g)| *sum += p * g);
        stats.resize(work.stats.len(), 0.0);
        stats.iter_mut().zip(&work.stats).for_each(|(sum, stat): (&mut f64, _)| *sum += p * stat);
    });
    assert!(matches!(coverage, Coverage::Complete { .. }), "{coverage:?}");
    (value, gradient, stats)
}

/// $\ln p(x, z)$ at any `z`, from the parameters alone.
fn log_joint(at: &[f64], x: &[f64; 3], z: [f64; 2]) -> f64 {
    let bernoulli = |eta: f64, b: f64| b * eta - eta.exp().ln_1p();
    let prior: f64 = (0..2).map(|i| bernoulli(at[2 + i], z[i])).sum();
    let logit = |j: usize| at[10 + j] + z[0] * at[4 + j] + z[1] * at[7 + j];
    prior + (0..3).map(|j| bernoulli(logit(j), x[j])).sum::<f64>()
}

/// $q(z \mid x)$ and $\ln p(x, z) - \ln q(z \mid x)$ of the four values of the bits.
fn outcomes(at: &[f64], x: &[f64; 3]) -> [(f64, f64); 4] {
    let sigmoid = |eta: f64| 1.0 / (1.0 + (-eta).exp());
    let q = [sigmoid(at[0]), sigmoid(at[1])];
    [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]].map(|z| {
        let q: f64 = (0..2).map(|i| z[i] * q[i] + (1.0 - z[i]) * (1.0 - q[i])).product();
        (q, log_joint(at, x, z) - q.ln())
    })
}

/// $\sum_b E \ln \frac1K \sum_k w_k$ of as many rows.
fn bound(at: &[f64], [batch, samples]: [usize; 2]) -> f64 {
    let of_row = |x: &[f64; 3]| {
        let outcomes = outcomes(at, x);
        let all = (0..4_usize.pow(samples as u32)).map(|all| {
            let each = (0..samples as u32).map(|k| outcomes[all / 4_usize.pow(k) % 4]);
            let weight: f64 = each.clone().map(|(_, f)| f.exp()).sum();
            each.map(|(q, _)| q).product::<f64>() * (weight / samples as f64).ln()
        });
        all.sum::<f64>()
    };
    ROWS[..batch].iter().map(of_row).sum()
}

const SIZES: [[usize; 2]; 4] = [[1, 1], [1, 2], [2, 1], [1, 3]];

/// An estimator whose value has the ELBO for its mean.
fn value_is_the_elbo<E: Estimator<f64, SmallBelief>>(
    name: &str,
    of: &(Params<f64>, SmallBelief),
    estimator: &E,
) {
    for size in SIZES {
        let (value, ..) = means(of, estimator, size, 1);
        let exact = bound(of.0.values(), [size[0], 1]);
        assert!((value - exact).abs() < EXACT, "{name}, {size:?}: {value}, not {exact}");
    }
}

/// The same, of an estimator whose gradient is unbiased and exact with as few nodes.
fn value_and_gradient<E: Estimator<f64, SmallBelief>>(
    name: &str,
    of: &(Params<f64>, SmallBelief),
    estimator: &E,
    nodes: usize,
) {
    value_is_the_elbo(name, of, estimator);
    let (params, model) = of;
    let rows = ROWS.map(|x| {
        let mut work = Work::new();
        let rng = &mut seed::rng(0, seed::Stream::Init, 0);
        Enumeration.estimate(Query::new(model, params, &x, 1), rng, &mut work);
        work.gradient(MODEL).to_vec()
    });
    for size in &SIZES[..3] {
        let (_, found, _) = means(of, estimator, *size, nodes);
        let sum = |i: usize| SCALE * rows[..size[0]].iter().map(|row| row[i]).sum::<f64>();
        let exact: Vec<f64> = (0..MODEL).map(sum).collect();
        println!("{name}, {size:?}");
        assert_near(&found, &exact, EXACT);
    }
}

#[test]
fn values_have_the_mean_of_the_elbo_and_gradients_are_those_of_the_sum_over_rows() {
    let belief = belief();
    value_and_gradient("ARM", &belief, &Arm, 2);
    value_and_gradient("DisARM", &belief, &DisArm, 1);
    value_and_gradient("local", &belief, &LocalExpectation, 1);
    value_and_gradient("measure-valued", &belief, &MeasureValued, 1);
    let constant = Reinforce { baseline: Baseline::Constant(-2.7) };
    value_and_gradient("REINFORCE", &belief, &constant, 1);
    let mut muprop = MuProp::default();
    Estimator::<f64, SmallBelief>::restore(&mut muprop, &[0.4]);
    value_and_gradient("MuProp", &belief, &muprop, 1);
    let mut optimal = OptimalConstant::new(0.9);
    Estimator::<f64, SmallBelief>::restore(&mut optimal, &[3.0, 2.0]);
    value_and_gradient("optimal", &belief, &optimal, 1);
    value_is_the_elbo("straight-through", &belief, &StraightThrough::default());
    value_is_the_elbo("REBAR", &belief, &Rebar::new(0.5));

    let rng = &mut seed::rng(5, seed::Stream::Init, 0);
    let (mut params, model) = (belief.0.clone(), belief.1);
    let mut nvil = Nvil::new(&mut params, &[3], 2, rng);
    nvil.normalise = false;
    Estimator::<f64, SmallBelief>::restore(&mut nvil, &[-2.5, 9.0]);
    value_and_gradient("NVIL", &(params, model), &nvil, 1);
    let mut params = belief.0.clone();
    let relax = Relax::new(&mut params, 2, 3, rng);
    value_is_the_elbo("RELAX", &(params, belief.1), &relax);
}

#[test]
fn values_of_bounds_have_the_mean_of_the_bound() {
    let belief = belief();
    for size in [[1, 2], [2, 2], [1, 3]] {
        let exact = bound(belief.0.values(), size);
        let vimco = means(&belief, &Vimco::default(), size, 1).0;
        let pairs = means(&belief, &Many(DisArm), size, 1).0;
        assert!((vimco - exact).abs() < EXACT, "{size:?}: VIMCO {vimco}, not {exact}");
        assert!((pairs - exact).abs() < EXACT, "{size:?}: pairs {pairs}, not {exact}");
    }
}

#[test]
fn differences_report_the_value_at_the_parameters_themselves() {
    let (params, model) = belief();
    let x = ROWS.concat();
    let query = Query { batch: 2, ..Query::new(&model, &params, &x, 40_000) };
    let exact = bound(params.values(), [2, 1]);
    let variance = |x| {
        let moments = outcomes(params.values(), x).into_iter();
        let (mean, square) =
            moments.fold((0.0, 0.0), |sums, (q, f)| (sums.0 + q * f, sums.1 + q * f * f));
        square - mean * mean
    };
    // Five standard errors of the mean of forty thousand draws for each row.
    let error = 5.0 * (ROWS.iter().map(variance).sum::<f64>() / 40_000.0).sqrt();
    let rng = &mut seed::rng(1, seed::Stream::Sample, 0);
    let mut work = Work::new();
    for (name, found) in [
        ("differences", FiniteDifferences { step: 0.5 }.estimate(query, rng, &mut work)),
        ("SPSA", Spsa { step: 0.5, directions: 3 }.estimate(query, rng, &mut work)),
    ] {
        assert!((found - exact).abs() < error, "{name}: {found}, not {exact} to {error}");
    }
}

/// The residual is $f - h$, and $E h = f(\mu)$.
#[test]
fn muprop_learns_the_mean_of_the_signal_above_its_line() {
    let of = belief();
    let at = of.0.values();
    let mu = [at[0], at[1]].map(|eta: f64| 1.0 / (1.0 + (-eta).exp()));
    let entropy: f64 = mu.iter().map(|m| -m * m.ln() - (1.0 - m) * (1.0 - m).ln()).sum();
    for [batch, samples] in SIZES {
        let (.., stats) = means(&of, &MuProp::default(), [batch, samples], 1);
        let lines: f64 = ROWS[..batch].iter().map(|x| log_joint(at, x, mu) + entropy).sum();
        let residuals = samples as f64 * (bound(at, [batch, 1]) - lines);
        assert_near(&stats, &[(batch * samples) as f64, residuals], EXACT);
    }
    let mut muprop = MuProp::default();
    muprop.decay = 0.75;
    for (stats, mean) in [([4.0, 8.0], 2.0), ([2.0, -6.0], 0.75 * 2.0 - 0.25 * 3.0)] {
        Estimator::<f64, SmallBelief>::observe(&mut muprop, &stats);
        assert_eq!(Estimator::<f64, SmallBelief>::state(&muprop), [mean]);
    }
}
