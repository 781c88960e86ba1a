//! Markov chains over the latents of each row: gradients by Fisher's identity, Monte Carlo EM, and annealing to ln p(x).

use crate::common::distance;
use pathscore_autodiff::Tape;
use pathscore_estimators::fit::{Options, Trainer};
use pathscore_estimators::likelihood::{MonteCarloEm, PosteriorChains, chain_acceptance};
use pathscore_estimators::optim::Sgd;
use pathscore_estimators::samplers::{
    Annealing, Differentiable, Hmc, LatentPosterior, LatentPrior, LogDensity, LogMeanWeight, Mala,
    RandomWalk,
};
use pathscore_estimators::tractable::ExactLikelihood;
use pathscore_estimators::{Estimator, Query, Work};
use pathscore_models::dist::Distribution;
use pathscore_models::latent::{LinearGaussian, LogisticNormal};
use pathscore_models::seed::{Stream, rng};
use pathscore_models::tractable::{MeanFieldPpca, Ppca};
use pathscore_models::{Em, ExactPosterior, Params, RandomSource, Tractable};

/// A posterior q that is far from the posterior: mean 5 instead of 0.44.
fn line() -> (LinearGaussian, Params<f64>) {
    let mut params = Params::new();
    let at = [5.0, 0.0, 1.5, 0.2];
    let model = LinearGaussian::new(&mut params, at, 0.5, &mut rng(0, Stream::Init, 0));
    (model, params)
}

/// The exact gradient for rows of the line.
fn exact(query: Query<f64, LinearGaussian>) -> Vec<f64> {
    let mut work = Work::new();
    ExactLikelihood.estimate(query, &mut rng(0, Stream::Init, 0), &mut work);
    work.gradient(query.params.len()).to_vec()
}

/// The mean of the gradient by w over many estimates, and its standard error from means over blocks.
fn mean_slope<E: Estimator<f64, LinearGaussian>>(
    estimator: &E,
    query: Query<f64, LinearGaussian>,
    forget: bool,
) -> [f64; 2] {
    const BLOCKS: usize = 50;
    let (mut work, rng) = (Work::new(), &mut rng(4, Stream::Sample, 0));
    let mut one = |_| {
        if forget {
            work = Work::new();
        }
        estimator.estimate(query, rng, &mut work);
        work.gradient(4)[2]
    };
    for i in 0..100 {
        one(i);
    }
    let mut block = |_| (0..100).map(&mut one).sum::<f64>() / 100.0;
    let means: Vec<f64> = (0..BLOCKS).map(&mut block).collect();
    let mean = means.iter().sum::<f64>() / BLOCKS as f64;
    let square = means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / (BLOCKS - 1) as f64;
    [mean, (square / BLOCKS as f64).sqrt()]
}

/// With two transitions for each gradient, persistent chains have the posterior's law, and chains that begin at q do not.
#[test]
fn persistent_chains_have_the_gradient_of_the_likelihood() {
    let (model, params) = line();
    let query = Query { batch: 2, ..Query::new(&model, &params, &[1.0, -0.5], 3) };
    let exact = exact(query)[2];
    let hmc = Hmc { step_size: 0.3, steps: 2, ..Hmc::default() };
    let mala = PosteriorChains { sampler: Mala::new(0.5), steps: 2 };
    let walk = PosteriorChains { sampler: RandomWalk::new(0.8), steps: 2 };
    let hmc = PosteriorChains { sampler: hmc, steps: 2 };
    for (name, [mean, error]) in [
        ("mala", mean_slope(&mala, query, false)),
        ("random walk", mean_slope(&walk, query, false)),
        ("hmc", mean_slope(&hmc, query, false)),
    ] {
        assert!(
            (mean - exact).abs() < 4.0 * error && error < 0.1,
            "{name}: {mean} ± {error}, {exact}"
        );
    }
    let [mean, error] = mean_slope(&mala, query, true);
    assert!(
        (mean - exact).abs() > 20.0 * error,
        "chains that begin at q: {mean} ± {error}, {exact}"
    );
}

/// The kernel must be that of the current parameters: chains of the posterior of a few steps ago give another gradient.
#[test]
fn chains_follow_parameters_that_move_slowly() {
    let (model, mut params) = line();
    let estimator = PosteriorChains { sampler: Mala::new(0.5), steps: 4 };
    let (mut work, source) = (Work::new(), &mut rng(6, Stream::Sample, 0));
    let x = [1.0, -0.5];
    // w oscillates slowly; the sum of all gradients must be that of the exact ones.
    let (mut found, mut expected, mut squares) = (0.0, 0.0, 0.0);
    for t in 0..20_000 {
        params.values_mut()[2] = 1.5 + 1.2 * (t as f64 * 0.005).sin();
        let query = Query { batch: 2, ..Query::new(&model, &params, &x, 4) };
        estimator.estimate(query, source, &mut work);
        let exact = exact(query)[2];
        let slope = work.gradient(4)[2];
        found += slope;
        expected += exact;
        squares += (slope - exact).powi(2);
    }
    // Successive errors are correlated over some ten gradients: the factor is above the root of twenty.
    let error = 5.0 * squares.sqrt();
    assert!((found - expected).abs() < 4.0 * error, "{found} {expected} {error}");
    assert!(expected.abs() > 20.0 * error, "the test sees nothing: {expected} ± {error}");
    assert!(chain_acceptance(&work) > 0.5);
}

#[test]
fn targets_of_latents_have_the_gradients_of_differences() {
    let mut params = Params::<f64>::new();
    let model = LogisticNormal::known(&mut params, &mut rng(0, Stream::Init, 0));
    let x = [1.0, 0.0];
    let posterior = LatentPosterior::new(&model, &params, &x);
    let prior = LatentPrior::new(&model, &params);
    assert_eq!((posterior.dim(), prior.dim()), (1, 1));
    for z in [-1.3, 0.2, 2.5] {
        let check = |log_prob: &dyn Fn(f64) -> f64, slope: f64, value: f64| {
            assert_eq!(value, log_prob(z));
            // Central differences err by h² and 1e-16/h.
            let difference = (log_prob(z + 1e-5) - log_prob(z - 1e-5)) / 2e-5;
            assert!((slope - difference).abs() < 1e-9, "{slope} {difference}");
        };
        let mut slope = [f64::NAN];
        let value = posterior.log_prob_and_grad(&[z], &mut slope);
        check(&|z| posterior.log_prob(&[z]), slope[0], value);
        let value = prior.log_prob_and_grad(&[z], &mut slope);
        check(&|z| prior.log_prob(&[z]), slope[0], value);
    }
}

const ROWS: usize = 40;
const COLUMNS: usize = 4;

fn data() -> Vec<f64> {
    let source = &mut rng(5, Stream::Sample, 0);
    let row = |_| {
        let [a, b] = [(); 2].map(|()| source.normal());
        let mut noise = || 0.6 * source.normal();
        [1.0 + 2.0 * a + noise(), a - b + noise(), 1.4 * b - 1.0 + noise(), 0.5 * a + noise()]
    };
    (0..ROWS).flat_map(row).collect()
}

fn ppca(seed: u64) -> (Ppca, Params<f64>) {
    let mut params = Params::new();
    let model = Ppca::new(&mut params, COLUMNS, 2, &mut rng(seed, Stream::Init, 0));
    (model, params)
}

fn mean_log_prob(model: &Ppca, params: &Params<f64>, x: &[f64]) -> f64 {
    let tape = Tape::new();
    model.log_prob(params.on(&tape), tape.constant(x, [ROWS, COLUMNS])).mean().item()
}

/// The covariance of the data under a model, which no rotation of the latents changes.
fn covariance(model: &Ppca, params: &Params<f64>) -> Vec<f64> {
    let (weights, noise) = (params.get(model.weights()), params.get(model.log_noise())[0].exp());
    let dot = |i: usize, j: usize| {
        weights[2 * i] * weights[2 * j] + weights[2 * i + 1] * weights[2 * j + 1]
    };
    let at = |k: usize| {
        let (i, j) = (k / COLUMNS, k % COLUMNS);
        dot(i, j) + if i == j { noise } else { 0.0 }
    };
    (0..COLUMNS * COLUMNS).map(at).collect()
}

/// EM, variational EM and Monte Carlo EM from three different starts. The first two converge linearly; the moments of the last
/// are means of some 40 × 20 × 300 correlated draws, so the parameters err by about a hundredth of a standard deviation of
/// the posterior, and the likelihood by the square of that.
#[test]
fn three_forms_of_em_reach_the_same_optimum() {
    let x = data();
    let (model, mut best_params) = ppca(0);
    let best = model.closed_form(&mut best_params, &x, ROWS).unwrap();
    let expected = covariance(&model, &best_params);

    let (_, mut params) = ppca(1);
    for _ in 0..2000 {
        model.em_step(&mut params, &x, ROWS);
    }
    assert!((mean_log_prob(&model, &params, &x) - best).abs() < 1e-10);
    assert!(distance(&covariance(&model, &params), &expected) < 1e-6);

    let (_, mut params) = ppca(2);
    let variational = MeanFieldPpca(model);
    for _ in 0..4000 {
        variational.variational_em_step(&mut params, &x, ROWS);
    }
    assert!((mean_log_prob(&model, &params, &x) - best).abs() < 1e-10);
    assert!(distance(&covariance(&model, &params), &expected) < 1e-5);

    let (_, mut params) = ppca(3);
    let hmc = Hmc { step_size: 0.35, steps: 2, ..Hmc::default() };
    let mut em = MonteCarloEm::new(hmc, 20, 9);
    let mut acceptance = 0.0;
    for t in 0..400 {
        let gain = if t < 100 { 1.0 } else { 1.0 / f64::from(t - 98) };
        acceptance = em.step(&model, &mut params, &x, ROWS, gain).unwrap().acceptance;
    }
    assert!(acceptance > 0.6 && acceptance < 0.99, "{acceptance}");
    let found = mean_log_prob(&model, &params, &x);
    assert!(found < best && best - found < 1e-4, "Monte Carlo EM: {found}, not {best}");
    assert!(distance(&covariance(&model, &params), &expected) < 0.1);
}

#[test]
fn monte_carlo_em_has_the_same_bits_for_any_number_of_threads() {
    let x = data();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (model, mut params) = ppca(3);
            let mut em = MonteCarloEm::new(Mala::new(0.4), 5, 9);
            for _ in 0..10 {
                em.step(&model, &mut params, &x, ROWS, 0.5).unwrap();
            }
            params
        })
    };
    assert_eq!(run(1), run(3));
}

/// The gradient of all rows by stochastic ascent, in shards whose chains are saved and restored.
#[test]
fn ascent_by_posterior_chains_reaches_the_maximum_and_resumes() {
    let x = data();
    let (model, params) = ppca(4);
    let best = model.closed_form(&mut params.clone(), &x, ROWS).unwrap();
    let estimator = PosteriorChains { sampler: Mala::new(0.5), steps: 3 };
    let trainer = || {
        let options = Options { samples: 4, lr: 0.1, seed: 3, ..Options::default() };
        let (model, params) = ppca(4);
        Trainer::new(model, params, estimator.clone(), Box::new(Sgd::new(0.0)), options)
    };
    let train = |trainer: &mut Trainer<f64, Ppca, _>, steps: usize| {
        for _ in 0..steps {
            let feed = |range: std::ops::Range<usize>, to: &mut [f64], _: &mut _| {
                to.copy_from_slice(&x[range.start * COLUMNS..range.end * COLUMNS]);
            };
            trainer.step([ROWS, COLUMNS], feed).unwrap();
        }
    };
    let mut whole = trainer();
    train(&mut whole, 20);
    let state = whole.state();
    assert!(state.shards.len() > 1, "one shard does not test much");
    let mut second = trainer();
    second.restore(whole.state()).unwrap();
    train(&mut whole, 5);
    train(&mut second, 5);
    assert_eq!(whole.state(), second.state());
    // Without the chains the bits would be others.
    let mut forgetful = trainer();
    forgetful.restore(pathscore_estimators::fit::State { shards: vec![], ..state }).unwrap();
    train(&mut forgetful, 5);
    assert_ne!(whole.params, forgetful.params);

    train(&mut whole, 1500);
    // The noise of the gradients holds the parameters in a cloud around the maximum.
    let found = mean_log_prob(&model, &whole.params, &x);
    assert!(best - found < 0.02, "{found}, not {best}");
    assert!(best - mean_log_prob(&model, &params, &x) > 1.0, "the start was no worse");
}

/// p(x) of a row of PPCA as a ratio of normalisers: from the prior to the posterior and back.
#[test]
fn annealing_encloses_the_likelihood_of_a_row() {
    let x = data();
    let (model, mut params) = ppca(5);
    model.closed_form(&mut params, &x, ROWS).unwrap();
    let row = &x[..COLUMNS];
    let (posterior, prior) =
        (LatentPosterior::new(&model, &params, row), LatentPrior::new(&model, &params));
    let tape = Tape::new();
    let bound = params.on(&tape);
    let x = tape.constant(row, [1, COLUMNS]);
    let exact = model.log_prob(bound, x).item();
    let (annealing, hmc) =
        (Annealing::linear(40), Hmc { step_size: 0.4, steps: 2, ..Hmc::default() });
    let (mut near, mut below, mut above) = (0, 0.0, 0.0);
    for index in 0..100 {
        let source = &mut rng(8, Stream::Sample, index);
        let log_weights: Vec<f64> = (0..30)
            .map(|_| {
                let start = [(); 2].map(|()| source.normal());
                annealing.forward(&prior, &posterior, &hmc, &start, source).log_weight
            })
            .collect();
        let found = LogMeanWeight::of(&log_weights);
        near += usize::from((found.value - exact).abs() < 3.0 * found.standard_error);
        below += log_weights.iter().sum::<f64>() / 3000.0;
        let start = model.exact_posterior(bound, x).sample(1, source).value();
        let back = annealing.backward(&prior, &posterior, &hmc, start.values(), source);
        above += back.log_weight / 100.0;
    }
    assert!(near >= 95, "{near}");
    assert!(below < exact && exact < above && above - below < 2.0, "{below} {exact} {above}");
}
