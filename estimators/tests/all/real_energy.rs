//! Criteria and chains of energies of real numbers, on normals whose answers are known and on a network against differences.

use crate::common::{assert_near, distance};
use pathscore_autodiff::{Activation, Tape};
use pathscore_estimators::energy::{
    DenoisingScoreMatching, Directions, DynamicContrastiveDivergence, Dynamics,
    NormalEnergyDiscrepancy, NormalNoiseContrastive, PersistentDynamicDivergence, ScoreMatching,
    SlicedScoreMatching,
};
use pathscore_estimators::fit::{Options, Trainer};
use pathscore_estimators::optim::Adam;
use pathscore_estimators::quadrature::gauss_hermite;
use pathscore_estimators::{Coverage, Enumerator, Estimator, Query, Work};
use pathscore_models::data::{mixture, mixture_log_density};
use pathscore_models::energy::{
    EnergyNet, GaussianEnergy, Grid, NormalBase, RealEnergy, WithLogPartition,
};
use pathscore_models::{Energy, Init, Params, seed};

/// Sums of some tens of products of numbers below a hundred round off by less.
const ROUNDING: f64 = 1e-12;

/// The scale of the base of the normal energy.
const BASE: f64 = 0.8;

/// Rows of one number with mean 0.5 and variance 1.15625.
const ROWS: [f64; 4] = [-1.0, 0.25, 0.75, 2.0];
const MEAN: f64 = 0.5;
const VARIANCE: f64 = 1.15625;

/// $E = \frac12 \lambda (x - m)^2$ with a base that is another normal.
fn gaussian(mean: f64, precision: f64) -> (GaussianEnergy, Params<f64>) {
    let (mut params, rng) = (Params::new(), &mut seed::rng(0, seed::Stream::Init, 0));
    let model = GaussianEnergy::new(&mut params, NormalBase::new(vec![0.3], vec![BASE]), rng);
    params.get_mut(model.mean())[0] = mean;
    params.get_mut(model.log_diagonal())[0] = 0.5 * precision.ln();
    (model, params)
}

/// A network of three columns with parameters that are all at random.
fn net() -> (EnergyNet, Params<f64>) {
    let (mut params, rng) = (Params::new(), &mut seed::rng(4, seed::Stream::Init, 0));
    let base = NormalBase::new(vec![0.1, -0.2, 0.3], vec![0.9, 1.1, 0.7]);
    let model = EnergyNet::new(&mut params, base, &[5, 4], Activation::Softplus, rng);
    let mut random = Params::<f64>::new();
    random.add("all", [params.len()], Init::Normal(0.6), rng);
    params.values_mut().copy_from_slice(random.values());
    (model, params)
}

const POINTS: [f64; 6] = [0.3, -1.0, 0.8, 1.2, 0.4, -0.6];

/// The mean value and gradient over everything an estimator can draw, with so many nodes for a normal number.
fn mean_of<M>(
    estimator: &impl Estimator<f64, M>,
    query: Query<f64, M>,
    nodes: usize,
) -> (f64, Vec<f64>) {
    let (mut value, mut gradient) = (0.0, vec![0.0; query.params.len()]);
    let mut work = Work::new();
    let coverage = Enumerator::for_each(nodes, 1 << 15, |source| {
        let found = estimator.estimate(query, source, &mut work);
        let p = source.probability();
        value += p * found;
        let drawn = work.gradient(query.params.len());
        gradient.iter_mut().zip(drawn).for_each(|(mean, g)| *mean += p * g);
    });
    assert!(matches!(coverage, Coverage::Complete { .. }), "{coverage:?}");
    (value, gradient)
}

fn query<'a, M>(
    model: &'a M,
    params: &'a Params<f64>,
    x: &'a [f64],
    batch: usize,
    samples: usize,
) -> Query<'a, f64, M> {
    Query { batch, ..Query::new(model, params, x, samples) }
}

/// Central differences of the value of an estimator that draws nothing, or of its exact mean.
fn differences(value: impl Fn(&Params<f64>) -> f64, params: &Params<f64>) -> Vec<f64> {
    // The error is h² times the third derivative, some tens, and 1e-14/h.
    let h = 1e-5;
    let moved = |i: usize, by: f64| {
        let mut params = params.clone();
        params.values_mut()[i] += by;
        value(&params)
    };
    (0..params.len()).map(|i| (moved(i, h) - moved(i, -h)) / (2.0 * h)).collect()
}

/// The error of [`differences`].
const DIFFERENCES: f64 = 2e-8;

#[test]
fn score_matching_of_a_normal_is_the_closed_form_with_its_gradient() {
    let (mean, precision) = (0.2, 1.7);
    let (model, params) = gaussian(mean, precision);
    let mut work = Work::new();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let found = ScoreMatching.estimate(query(&model, &params, &ROWS, 4, 1), rng, &mut work);
    let spread = VARIANCE + (MEAN - mean).powi(2);
    assert_near(&[found], &[-4.0 * (0.5 * precision * precision * spread - precision)], ROUNDING);
    // The derivative of λ with respect to ln L is 2 λ.
    let by_mean = 4.0 * precision * precision * (MEAN - mean);
    let by_log = -4.0 * (precision * spread - 1.0) * 2.0 * precision;
    assert_near(work.gradient(2), &[by_mean, by_log], ROUNDING);
    let (model, params) = gaussian(MEAN, 1.0 / VARIANCE);
    ScoreMatching.estimate(query(&model, &params, &ROWS, 4, 1), rng, &mut work);
    assert_near(work.gradient(2), &[0.0, 0.0], ROUNDING);
}

#[test]
fn score_matching_of_a_network_is_that_of_its_hessian_with_the_gradient_of_differences() {
    let (model, params) = net();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let value = |params: &Params<f64>| {
        let q = query(&model, params, &POINTS, 2, 1);
        ScoreMatching.estimate(q, &mut seed::rng(0, seed::Stream::Init, 0), &mut Work::new())
    };
    let mut expected = 0.0;
    for row in POINTS.chunks_exact(3) {
        let tape = Tape::new();
        let bound = params.on(&tape);
        let x = tape.leaf(row, [1, 3]);
        let energy = model.energy(bound, x).sum();
        let slope = energy.grad(&[x])[0].value();
        let hessian = energy.hessian(x);
        let trace: f64 = (0..3).map(|i| hessian.values()[4 * i]).sum();
        expected += trace - 0.5 * slope.values().iter().map(|g| g * g).sum::<f64>();
    }
    assert_near(&[value(&params)], &[expected], ROUNDING);
    let mut work = Work::new();
    ScoreMatching.estimate(query(&model, &params, &POINTS, 2, 1), rng, &mut work);
    assert_near(work.gradient(params.len()), &differences(value, &params), DIFFERENCES);
}

#[test]
fn sliced_score_matching_has_the_mean_of_the_exact_one() {
    let (model, params) = net();
    let (exact, gradient) = mean_of(&ScoreMatching, query(&model, &params, &POINTS[..3], 1, 1), 0);
    // Two nodes integrate the products of two normal numbers exactly.
    for (directions, nodes) in [(Directions::Rademacher, 0), (Directions::Normal, 2)] {
        for samples in [1, 2] {
            let sliced = SlicedScoreMatching { directions };
            let q = query(&model, &params, &POINTS[..3], 1, samples);
            // Two nodes have fourth moments of one: the mean of products of two is still exact.
            let (value, mean) = mean_of(&sliced, q, nodes);
            assert_near(&[value], &[exact], ROUNDING);
            assert_near(&mean, &gradient, ROUNDING);
        }
    }
}

#[test]
fn denoising_fits_the_density_of_the_noisy_rows() {
    // The loss is a polynomial of degree two in the noise.
    let noise = 0.5;
    let sigma = noise * BASE;
    let at = |mean, precision| {
        let (model, params) = gaussian(mean, precision);
        let mut sum = vec![0.0; 2];
        for row in ROWS {
            let estimator = DenoisingScoreMatching { noise };
            let (_, g) = mean_of(&estimator, query(&model, &params, &[row], 1, 1), 3);
            sum.iter_mut().zip(g).for_each(|(sum, g)| *sum += g);
        }
        sum
    };
    assert_near(&at(MEAN, 1.0 / (VARIANCE + sigma * sigma)), &[0.0, 0.0], ROUNDING);
    // −½ E (λ(x + σε − m) − ε/σ)² has the slope −(λ(V + δ² + σ²) − 1) 2λ in ln L, and λ² δ in m.
    let (mean, precision) = (0.2, 1.7);
    let spread = VARIANCE + sigma * sigma + (MEAN - mean).powi(2);
    let by_log = -8.0 * precision * (precision * spread - 1.0);
    let by_mean = 4.0 * precision * precision * (MEAN - mean);
    assert_near(&at(mean, precision), &[by_mean, by_log], ROUNDING);
    let (model, params) = net();
    let estimator = DenoisingScoreMatching { noise };
    let value = |params: &Params<f64>| {
        let rng = &mut seed::rng(9, seed::Stream::Sample, 0);
        estimator.estimate(query(&model, params, &POINTS, 2, 3), rng, &mut Work::new())
    };
    let mut work = Work::new();
    let rng = &mut seed::rng(9, seed::Stream::Sample, 0);
    estimator.estimate(query(&model, &params, &POINTS, 2, 3), rng, &mut work);
    assert_near(work.gradient(params.len()), &differences(value, &params), DIFFERENCES);
}

#[test]
fn noise_contrast_is_stationary_at_the_density_of_the_data_with_its_normaliser() {
    let (data_mean, precision) = (0.6_f64, 2.2_f64);
    let at = |precision: f64, shift: f64, samples| {
        let (model, mut params) = gaussian(data_mean, precision);
        let rng = &mut seed::rng(0, seed::Stream::Init, 0);
        let log_z = model.log_partition(&params);
        let model = WithLogPartition::new(&mut params, model, rng);
        params.get_mut(model.log_partition())[0] = log_z + shift;
        let mut sum = vec![0.0; 3];
        // Gauss' rule with 24 nodes stands for the data, whose precision is 2.2.
        for (node, weight) in gauss_hermite(24) {
            let x = [data_mean + node / 2.2_f64.sqrt()];
            let (_, g) =
                mean_of(&NormalNoiseContrastive, query(&model, &params, &x, 1, samples), 24);
            sum.iter_mut().zip(g).for_each(|(sum, g)| *sum += weight * g);
        }
        sum
    };
    for samples in [1, 2] {
        // The rule of 24 nodes integrates these sigmoids to 1e-6.
        assert_near(&at(precision, 0.0, samples), &[0.0; 3], 2e-6);
        // Another precision, and a constant off by ln 2, are not stationary.
        assert!(distance(&at(1.5, 0.0, samples), &[0.0; 3]) > 0.05);
        assert!(distance(&at(precision, 2_f64.ln(), samples), &[0.0; 3]) > 0.05);
    }
}

#[test]
fn energy_discrepancy_of_a_normal_is_the_closed_form() {
    let (mean, precision, noise) = (0.2, 1.7, 0.6);
    let tau = noise * BASE;
    let (model, params) = gaussian(mean, precision);
    // With one point and no stabiliser the mean is E (E(y) − E(x)) = λ τ².
    let estimator = NormalEnergyDiscrepancy { noise, stabiliser: 0.0 };
    let (value, gradient) = mean_of(&estimator, query(&model, &params, &[1.1], 1, 1), 3);
    let expected = precision * tau * tau;
    assert_near(&[value], &[expected], ROUNDING);
    assert_near(&gradient, &[0.0, 2.0 * expected], ROUNDING);
    // With many points it is that of the marginal of the perturbed normal.
    let (batch, samples) = (2000, 500);
    let x: Vec<f64> = ROWS.iter().copied().cycle().take(batch).collect();
    let mut work = Work::new();
    let rng = &mut seed::rng(3, seed::Stream::Sample, 0);
    let scale = 1.0 / batch as f64;
    let q = Query { scale, ..query(&model, &params, &x, batch, samples) };
    let found = estimator.estimate(q, rng, &mut work) / batch as f64;
    let objective = |mean: f64, precision: f64| {
        let spread = VARIANCE + (MEAN - mean).powi(2);
        let width = 1.0 / precision + tau * tau;
        -0.5 * precision * spread
            + 0.5 * (spread + tau * tau) / width
            + 0.5 * (precision * width).ln()
    };
    // The standard error over 2000 rows is 0.015, and the bias of 500 points below it.
    assert!((found - objective(mean, precision)).abs() < 0.06, "{found}");
    let h = 1e-5;
    let by_mean = (objective(mean + h, precision) - objective(mean - h, precision)) / (2.0 * h);
    let by_log = (objective(mean, precision * (2.0 * h).exp())
        - objective(mean, precision * (-2.0 * h).exp()))
        / (2.0 * h);
    // The standard errors are about 0.03.
    assert!(distance(work.gradient(2), &[by_mean, by_log]) < 0.12, "{:?}", work.gradient(2));
    // The closed form itself has its maximum at 1/Var.
    let best = |p: f64| (objective(MEAN, p * (1.0 + h)) - objective(MEAN, p * (1.0 - h))) / h;
    assert!(best(1.0 / VARIANCE).abs() < 1e-9);
}

#[test]
fn one_langevin_step_has_its_moments_in_the_gradient() {
    let (mean, precision, step) = (0.2, 1.7, 0.7);
    let (model, params) = gaussian(mean, precision);
    let estimator = DynamicContrastiveDivergence { dynamics: Dynamics::langevin(step), moves: 1 };
    let x = [1.1];
    let (_, gradient) = mean_of(&estimator, query(&model, &params, &x, 1, 1), 3);
    let miss = x[0] - mean;
    let (shrink, variance) = (1.0 - 0.5 * (step * BASE).powi(2) * precision, (step * BASE).powi(2));
    let square = (shrink * miss).powi(2) + variance;
    // ∂E/∂m = −λ (x − m), ∂E/∂ln L = λ (x − m)².
    let expected = [precision * miss * (1.0 - shrink), precision * (square - miss * miss)];
    assert_near(&gradient, &expected, ROUNDING);
}

/// The mean and variance of many chains that start at the normal of the model.
fn moments(dynamics: Dynamics, moves: usize) -> ([f64; 2], f64) {
    let (model, params) = gaussian(0.0, 1.0 / (BASE * BASE));
    let rng = &mut seed::rng(1, seed::Stream::Sample, 0);
    let tape = Tape::new();
    let base = NormalBase::new(vec![0.0], vec![BASE]);
    let mut rows = base.sample(&tape, 20_000, rng).value().values().to_vec();
    let accepted = dynamics.advance((&model, &params), moves, &mut rows, &mut Work::new(), rng);
    let mean = rows.iter().sum::<f64>() / 2e4 / BASE;
    let variance = rows.iter().map(|x| x * x).sum::<f64>() / 2e4 / (BASE * BASE);
    ([mean, variance], accepted)
}

#[test]
fn adjusted_chains_keep_the_law_and_unadjusted_ones_have_their_own() {
    // The standard errors are 0.007 and 0.01.
    let near = |[mean, variance]: [f64; 2], expected: f64| {
        mean.abs() < 0.035 && (variance - expected).abs() < 0.05 * expected
    };
    let (langevin, accepted) = moments(Dynamics::langevin(1.0), 60);
    assert!(near(langevin, 4.0 / 3.0) && accepted == 1.0, "{langevin:?}");
    assert!(!near(langevin, 1.0));
    for dynamics in [Dynamics::mala(1.0), Dynamics::hmc(0.9, 4), Dynamics::hmc(1.5, 2)] {
        let (found, accepted) = moments(dynamics, 20);
        assert!(near(found, 1.0) && accepted > 0.5 && accepted < 1.0, "{dynamics:?}: {found:?}");
    }
}

/// Rows of a normal with mean 1 and standard deviation ½, and their moments.
fn normal_rows(count: usize) -> (Vec<f64>, [f64; 2]) {
    let tape = Tape::new();
    let rng = &mut seed::rng(7, seed::Stream::Sample, 1);
    let base = NormalBase::new(vec![1.0], vec![0.5]);
    let rows = base.sample(&tape, count, rng).value().values().to_vec();
    let mean = rows.iter().sum::<f64>() / count as f64;
    let variance = rows.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count as f64;
    (rows, [mean, variance])
}

/// Trains on all rows with a rate that falls to zero.
fn fitted<M: RealEnergy<f64> + 'static, E: Estimator<f64, M>>(
    (model, params): (M, Params<f64>),
    estimator: E,
    rows: &[f64],
    (steps, samples): (usize, usize),
) -> Params<f64> {
    let options = Options { lr: 0.05, samples, seed: 2, ..Options::default() };
    let columns = model.base().columns();
    let mut trainer = Trainer::new(model, params, estimator, Box::new(Adam::default()), options);
    for step in 0..steps {
        trainer.options.lr = 0.05 * (1.0 - step as f64 / steps as f64);
        let shape = [rows.len() / columns, columns];
        let fill = |range: std::ops::Range<usize>, x: &mut [f64], _: &mut _| {
            x.copy_from_slice(&rows[range.start * columns..range.end * columns]);
        };
        trainer.step(shape, fill).unwrap();
    }
    trainer.params.clone()
}

#[test]
fn every_criterion_recovers_the_precision_of_a_normal() {
    let (rows, [mean, variance]) = normal_rows(500);
    let start = || gaussian(0.3, 1.0 / (BASE * BASE));
    let precision = |params: &Params<f64>| start().0.precision(params)[0];
    let check = |name: &str, params: Params<f64>, expected: f64, tolerance: f64| {
        let found = precision(&params) / expected - 1.0;
        assert!(found.abs() < tolerance, "{name}: the precision is off by {found}");
        let miss = (params.values()[0] - mean) / variance.sqrt();
        assert!(miss.abs() < tolerance, "{name}: the mean is off by {miss}");
    };
    let exact = 1.0 / variance;
    let sm = fitted(start(), ScoreMatching, &rows, (600, 1));
    check("sm", sm, exact, 1e-3);
    // One column has no slices: signs are exact.
    let ssm = fitted(start(), SlicedScoreMatching::default(), &rows, (600, 1));
    check("ssm", ssm, exact, 1e-3);
    // The others are random; averaged over the falling rate they are within some hundredths.
    let sigma = 0.3 * BASE;
    let dsm = fitted(start(), DenoisingScoreMatching { noise: 0.3 }, &rows, (600, 8));
    check("dsm", dsm, 1.0 / (variance + sigma * sigma), 0.03);
    let ed = NormalEnergyDiscrepancy { noise: 0.5, stabiliser: 0.0 };
    // With 64 points the bias of the logarithm is below two hundredths.
    check("ed", fitted(start(), ed, &rows, (400, 64)), exact, 0.06);
    for (name, dynamics) in [("mala", Dynamics::mala(0.8)), ("hmc", Dynamics::hmc(0.4, 3))] {
        let pcd =
            PersistentDynamicDivergence { dynamics, moves: 2, chains: Some(2000), restart: 0.01 };
        check(name, fitted(start(), pcd, &rows, (600, 1)), exact, 0.08);
    }
    let (model, mut params) = start();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let model = WithLogPartition::new(&mut params, model, rng);
    let nce = fitted((model, params), NormalNoiseContrastive, &rows, (1500, 10));
    let log_z = start().0.log_partition(&nce);
    // Its statistical efficiency is that of the classifier: the minimum differs from maximum likelihood.
    assert!((nce.values()[2] - log_z).abs() < 0.05, "{} is not {log_z}", nce.values()[2]);
    check("nce", nce, exact, 0.1);
}

type Pcd = Trainer<f64, EnergyNet, PersistentDynamicDivergence>;

fn persistent(dynamics: Dynamics) -> Pcd {
    let (model, params) = net();
    let estimator =
        PersistentDynamicDivergence { dynamics, moves: 2, chains: Some(90), restart: 0.1 };
    let options = Options { lr: 0.01, seed: 5, ..Options::default() };
    Trainer::new(model, params, estimator, Box::new(Adam::default()), options)
}

fn train(trainer: &mut Pcd, steps: usize) {
    for _ in 0..steps {
        let fill = |range: std::ops::Range<usize>, x: &mut [f64], _: &mut _| {
            x.chunks_exact_mut(3).zip(range).for_each(|(x, row)| {
                x.copy_from_slice(&POINTS[row % 2 * 3..][..3]);
            });
        };
        trainer.step([100, 3], fill).unwrap();
    }
}

#[test]
fn persistent_chains_of_dynamics_continue_with_the_same_bits_after_a_restart() {
    for dynamics in [Dynamics::langevin(0.3), Dynamics::hmc(0.3, 3)] {
        let mut whole = persistent(dynamics);
        train(&mut whole, 12);
        let mut first = persistent(dynamics);
        train(&mut first, 6);
        let state = first.state();
        assert!(state.shards.len() > 1, "one shard does not test much");
        let mut second = persistent(dynamics);
        second.restore(state).unwrap();
        train(&mut second, 6);
        assert_eq!(whole.state(), second.state());
        // Without the chains the bits would be others.
        let mut forgetful = persistent(dynamics);
        let state = first.state();
        forgetful.restore(pathscore_estimators::fit::State { shards: vec![], ..state }).unwrap();
        train(&mut forgetful, 6);
        assert_ne!(whole.params, forgetful.params);
    }
}

#[test]
fn a_network_learns_a_mixture_with_its_normaliser_by_noise_contrast() {
    let rows: Vec<f64> = mixture(1000, 1).values().iter().map(|&x| f64::from(x)).collect();
    let grid = Grid::new(&[[-4.5, 4.5]; 2], 91);
    let start = || {
        let (mut params, rng) = (Params::new(), &mut seed::rng(0, seed::Stream::Init, 0));
        let base = NormalBase::fit(&rows, 2, 0.01);
        let model = EnergyNet::new(&mut params, base, &[32, 32], Activation::Softplus, rng);
        (model, params)
    };
    let kl =
        |params: &Params<f64>| grid.kl(|x| mixture_log_density([x[0], x[1]]), &start().0, params);
    let before = kl(&start().1);
    assert!(before > 0.8, "the base alone is near: {before}");
    let nce = fitted(start(), NormalNoiseContrastive, &rows, (600, 5));
    // A run of this length comes to 0.09, of which 1000 rows leave some hundredths, and its ln Z to −0.03.
    let (after, log_z) = (kl(&nce), grid.log_partition(&start().0, &nce));
    assert!(after < 0.15, "{after}");
    assert!(log_z.abs() < 0.1, "the energy is not normalised: ln Z = {log_z}");
}
