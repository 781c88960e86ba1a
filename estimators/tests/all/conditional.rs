//! Conditional importance sampling on the belief network with four states of its latents, where every law is a vector of four numbers and
//! every transition a matrix.

use crate::common::distance;
use nalgebra::{DMatrix, DVector};
use pathscore_autodiff::Tape;
use pathscore_estimators::likelihood::{
    CoupledChains, PosteriorChains, ScoreClimbing, meeting_time,
};
use pathscore_estimators::samplers::{
    ConditionalImportance, LatentPosterior, LogDensity, Mala, Options, Position, Sampler,
    WeightedDraws, chains,
};
use pathscore_estimators::tractable::ExactLikelihood;
use pathscore_estimators::{Coverage, Enumerator, Estimator, Query, Work};
use pathscore_models::latent::{LatentModel, LinearFactors, LinearGaussian, SmallBelief};
use pathscore_models::seed::{Stream, rng};
use pathscore_models::{Params, RandomSource};

const X: [f64; 3] = [1.0, 0.0, 1.0];
const STATES: [[f64; 2]; 4] = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];

fn belief() -> (SmallBelief, Params<f64>) {
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut rng(0, Stream::Init, 0));
    (model, params)
}

fn index(z: &[f64]) -> usize {
    2 * usize::from(z[0] == 1.0) + usize::from(z[1] == 1.0)
}

type Target<'a> = LatentPosterior<'a, f64, SmallBelief>;

/// The posterior of the four states.
fn posterior(target: &Target) -> [f64; 4] {
    let joint = STATES.map(|z| target.log_prob(&z).exp());
    let sum: f64 = joint.iter().sum();
    joint.map(|p| p / sum)
}

/// The law of the state that `run` ends in, over all outcomes.
fn law(run: impl Fn(&mut Enumerator) -> usize) -> [f64; 4] {
    let mut law = [0.0; 4];
    let coverage = Enumerator::for_each(0, 1 << 16, |source| {
        let state = run(source);
        law[state] += source.probability();
    });
    assert!(matches!(coverage, Coverage::Complete { .. }), "{coverage:?}");
    law
}

/// The transition matrix, a row for each state before the step.
fn transition(target: &Target, draws: usize) -> DMatrix<f64> {
    let sampler = ConditionalImportance { draws };
    let rows: Vec<f64> = STATES
        .iter()
        .flat_map(|z| {
            law(|source| {
                let mut state = sampler.init(target, z, source);
                sampler.step(target, &mut state, source);
                index(state.position())
            })
        })
        .collect();
    DMatrix::from_row_slice(4, 4, &rows)
}

#[test]
fn conditional_importance_sampling_leaves_the_posterior_invariant() {
    let (model, params) = belief();
    let target = LatentPosterior::new(&model, &params, &X);
    let pi = posterior(&target);
    for draws in [2, 3, 4] {
        let matrix = transition(&target, draws);
        let after = DVector::from_row_slice(&pi).transpose() * &matrix;
        // Some thousand outcomes of a sum of probabilities.
        assert!(distance(after.as_slice(), &pi) < 1e-12, "{draws}: {after} {pi:?}");
        if draws == 3 {
            // The modulus of the second eigenvalue is known to three digits.
            let mut moduli: Vec<f64> =
                matrix.complex_eigenvalues().iter().map(|value| value.norm()).collect();
            moduli.sort_by(|a, b| b.total_cmp(a));
            assert!(
                (moduli[0] - 1.0).abs() < 1e-12 && (moduli[1] - 0.475).abs() < 5e-4,
                "{moduli:?}"
            );
        }
    }
    // Plain importance resampling, without the current state, has another law, known to three digits.
    let resampled = law(|source| {
        let (mut z, mut log_weights) = ([0.0; 6], [0.0; 3]);
        target.draw_weighted(&mut z, &mut log_weights, source);
        let weights = log_weights.map(f64::exp);
        let sum: f64 = weights.iter().sum();
        let at = source.categorical(&weights.map(|w| w / sum));
        index(&z[2 * at..][..2])
    });
    let sorted = |law: [f64; 4]| {
        let mut law = law;
        law.sort_by(f64::total_cmp);
        law
    };
    assert!(distance(&sorted(resampled), &[0.123, 0.166, 0.306, 0.405]) < 6e-4, "{resampled:?}");
    assert!(distance(&sorted(pi), &[0.114, 0.125, 0.356, 0.404]) < 6e-4, "{pi:?}");
    assert!(distance(&resampled, &pi) > 0.04, "{resampled:?} {pi:?}");
}

/// $\nabla \ln p(x, z)$ in each state, by the tape.
fn slopes(model: &SmallBelief, params: &Params<f64>) -> [Vec<f64>; 4] {
    STATES.map(|z| {
        let tape = Tape::new();
        let bound = params.on(&tape);
        let (x, z) = (tape.constant(&X, [1, 3]), tape.constant(&z, [1, 1, 2]));
        model.log_joint(bound, x, z).sum().backward().leading(params.len()).to_vec()
    })
}

fn exact(model: &SmallBelief, params: &Params<f64>) -> Vec<f64> {
    let mut work = Work::new();
    let query = Query::new(model, params, &X, 1);
    ExactLikelihood.estimate(query, &mut rng(0, Stream::Init, 0), &mut work);
    work.gradient(params.len()).to_vec()
}

/// From a chain in the law of the posterior: Fisher's identity for the model, and the inclusive divergence for q.
#[test]
fn score_climbing_has_the_gradient_of_the_likelihood_and_of_the_inclusive_divergence() {
    let (model, params) = belief();
    let target = LatentPosterior::new(&model, &params, &X);
    let pi = posterior(&target);
    let query = Query::new(&model, &params, &X, 3);
    // The state of a chain in a checkpoint ends with its position.
    let mut work = Work::new();
    ScoreClimbing.estimate(query, &mut rng(0, Stream::Init, 0), &mut work);
    let state = work.state.save();
    let mean = |law: &[f64; 4]| {
        let (mut mean, mut after) = (vec![0.0; params.len()], [0.0; 4]);
        for (z, p) in STATES.iter().zip(law) {
            let coverage = Enumerator::for_each(0, 1 << 12, |source| {
                let mut from = state.clone();
                let end = from[0].len() - 2;
                from[0][end..].copy_from_slice(z);
                let mut work = Work::new();
                work.state.restore(from);
                ScoreClimbing.estimate(query, source, &mut work);
                let p = p * source.probability();
                let gradient = work.gradient(params.len());
                mean.iter_mut().zip(gradient).for_each(|(mean, g)| *mean += p * g);
                let to = work.state.save();
                after[index(&to[0][end..])] += p;
            });
            assert!(matches!(coverage, Coverage::Complete { .. }), "{coverage:?}");
        }
        (mean, after)
    };
    let (found, after) = mean(&pi);
    assert!(distance(&after, &pi) < 1e-12, "the chain moves as the sampler does: {after:?} {pi:?}");
    let exact = exact(&model, &params);
    assert!(distance(&found[2..], &exact[2..]) < 1e-12);
    // −∇ KL(p(z|x) ‖ q), to the nine digits that are known.
    assert!(distance(&found[..2], &[-0.208_380_888, -0.137_924_863]) < 1e-9, "{:?}", &found[..2]);
    // In another law the gradient is another.
    let (other, _) = mean(&[0.25; 4]);
    assert!(distance(&other[2..], &exact[2..]) > 1e-3);
}

#[test]
fn chains_of_score_climbing_forget_q_where_wake_does_not() {
    use pathscore_estimators::score::Wake;
    let (model, params) = belief();
    let query = Query::new(&model, &params, &X, 2);
    fn mean<E: Estimator<f64, SmallBelief>>(estimator: E, query: Query<f64, SmallBelief>) -> f64 {
        let (mut work, rng) = (Work::new(), &mut rng(2, Stream::Sample, 0));
        let one = |_| {
            estimator.estimate(query, rng, &mut work);
            work.gradient(1)[0]
        };
        (0..40_000).map(one).sum::<f64>() / 40_000.0
    }
    // A draw has a standard deviation below a half, and draws of the chain are worth a third of independent ones.
    let error = 0.5 * (3.0 / 40_000.0_f64).sqrt();
    assert!((mean(ScoreClimbing, query) + 0.208_381).abs() < 4.0 * error);
    assert!((mean(Wake, query) + 0.081_842).abs() < 4.0 * error);
}

/// The chain of pairs (z_t, z̄_{t−1}), which ends when both are equal: the law of the first pair, and the transitions between
/// pairs that have not met. `choose` makes a step of a pair.
fn pairs(
    target: &Target,
    draws: usize,
    choose: impl Fn([usize; 2], &mut Enumerator) -> [usize; 2],
) -> (DVector<f64>, DMatrix<f64>) {
    let sampler = ConditionalImportance { draws };
    let mut first = DVector::zeros(16);
    Enumerator::for_each(0, 1 << 16, |source| {
        let mut start = [0.0; 2];
        target.draw_weighted(&mut start, &mut [0.0], source);
        let mut state = sampler.init(target, &start, source);
        sampler.step(target, &mut state, source);
        first[4 * index(state.position()) + index(state.draw(0))] += source.probability();
    });
    let mut moves = DMatrix::zeros(16, 16);
    for from in 0..16 {
        let pair = [from / 4, from % 4];
        if pair[0] == pair[1] {
            continue;
        }
        let coverage = Enumerator::for_each(0, 1 << 16, |source| {
            let [a, b] = choose(pair, source);
            if a != b {
                moves[(from, 4 * a + b)] += source.probability();
            }
        });
        assert!(matches!(coverage, Coverage::Complete { .. }), "{coverage:?}");
    }
    for state in 0..4 {
        first[5 * state] = 0.0;
    }
    (first, moves)
}

/// The mean of the telescoping sum and the mean meeting time, by a system of equations.
fn telescoped(
    (first, moves): &(DVector<f64>, DMatrix<f64>),
    q: &[f64; 4],
    slopes: &[Vec<f64>; 4],
) -> (Vec<f64>, f64) {
    let system = DMatrix::identity(16, 16) - moves.transpose();
    let visits = system.lu().solve(first).expect("pairs meet with probability one");
    let sum = |i: usize| {
        let start: f64 = (0..4).map(|z| q[z] * slopes[z][i]).sum();
        let difference = |pair: usize| visits[pair] * (slopes[pair / 4][i] - slopes[pair % 4][i]);
        start + (0..16).map(difference).sum::<f64>()
    };
    ((0..slopes[0].len()).map(sum).collect(), 1.0 + visits.sum())
}

/// For four draws and two: the exact mean of the coupled estimate is the gradient of ln p(x), and the estimator has this mean and this
/// meeting time.
#[test]
fn coupled_chains_are_unbiased_for_the_gradient_of_the_log_likelihood() {
    let (model, params) = belief();
    let target = LatentPosterior::new(&model, &params, &X);
    let (slopes, exact) = (slopes(&model, &params), exact(&model, &params));
    let q = law(|source| {
        let mut z = [0.0; 2];
        target.draw_weighted(&mut z, &mut [0.0], source);
        index(&z)
    });
    for draws in [2, 3, 4] {
        let sampler = ConditionalImportance { draws };
        let right = pairs(&target, draws, |pair, source| {
            let mut states = pair.map(|state| sampler.init(&target, &STATES[state], source));
            let met = sampler.coupled_step(&target, &mut states, source);
            let after = states.each_ref().map(|state| index(state.position()));
            assert_eq!(met, after[0] == after[1]);
            after
        });
        let (mean, time) = telescoped(&right, &q, &slopes);
        // The posterior of this model has its own parameters, whose slopes of ln p(x, z) are zero.
        assert!(distance(&mean, &exact) < 1e-12, "{draws}: {mean:?} {exact:?}");
        println!("{draws} candidates: the chains meet after {time:.4} steps");
        if draws == 3 {
            // A pair whose second chain takes over the choice of the first has another mean.
            let wrong = pairs(&target, draws, |pair, source| {
                let mut states = pair.map(|state| sampler.init(&target, &STATES[state], source));
                sampler.step(&target, &mut states[0], source);
                let one = index(states[0].position());
                let stays = one == pair[0];
                [one, if stays { pair[1] } else { one }]
            });
            let (mean, _) = telescoped(&wrong, &q, &slopes);
            assert!(distance(&mean, &exact) > 1e-3, "{mean:?}");
        }
        for (burn_in, average) in [(0, 1), (2, 3)] {
            let estimator = CoupledChains { burn_in, average };
            let query = Query::new(&model, &params, &X, draws);
            let (mut work, rng) = (Work::new(), &mut rng(3, Stream::Sample, draws as u64));
            const TIMES: usize = 10_000;
            let (mut sum, mut squares, mut met) = (vec![0.0; 13], vec![0.0; 13], 0.0);
            for _ in 0..TIMES {
                estimator.estimate(query, rng, &mut work);
                met += meeting_time(&work) / TIMES as f64;
                for (i, g) in work.gradient(13).iter().enumerate() {
                    sum[i] += g / TIMES as f64;
                    squares[i] += (g - exact[i]).powi(2) / TIMES as f64;
                }
            }
            for i in 2..13 {
                let error = (squares[i] / TIMES as f64).sqrt();
                assert!(
                    (sum[i] - exact[i]).abs() < 4.0 * error + 1e-15,
                    "{draws}, {i}: {}",
                    sum[i]
                );
            }
            // The standard deviation of a meeting time is about its mean.
            assert!((met - time).abs() < 4.0 * time / (TIMES as f64).sqrt(), "{met} {time}");
        }
    }
}

/// Continuous latents with a heavier q, so that the weights are bounded.
#[test]
fn chains_with_a_normal_latent_have_its_posterior_and_meet() {
    let mut params = Params::<f64>::new();
    let at = [0.3, 0.0, 1.5, 0.2];
    let model = LinearGaussian::new(&mut params, at, 0.5, &mut rng(0, Stream::Init, 0));
    let target = LatentPosterior::new(&model, &params, &[1.0]);
    let starts = vec![vec![0.0]; 4];
    let options = Options { draws: 5000, ..Options::default() };
    let draws = chains(&ConditionalImportance { draws: 4 }, &target, &starts, options);
    let [mean, square] = [draws.estimate(|z| z[0]), draws.estimate(|z| (z[0] - 0.436_364).powi(2))];
    assert!((mean.mean - 0.436_364).abs() < 4.0 * mean.standard_error);
    assert!((square.mean - 0.181_818).abs() < 4.0 * square.standard_error);
    // ∂ ln p(x)/∂w for two rows, without a burn-in and from two candidates.
    let x = [1.0, -0.5];
    let mut work = Work::new();
    let query = Query { batch: 2, scale: 0.5, ..Query::new(&model, &params, &x, 2) };
    ExactLikelihood.estimate(query, &mut rng(0, Stream::Init, 0), &mut work);
    let exact = work.gradient(4)[2];
    let rng = &mut rng(5, Stream::Sample, 0);
    let found: Vec<f64> = (0..20_000)
        .map(|_| {
            CoupledChains::default().estimate(query, rng, &mut work);
            work.gradient(4)[2]
        })
        .collect();
    let mean = found.iter().sum::<f64>() / 2e4;
    let error = (found.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / 2e4 / 2e4).sqrt();
    assert!((mean - exact).abs() < 4.0 * error && error < 0.05, "{mean} ± {error}, {exact}");
}

/// A source that counts its normal numbers.
struct Counted<R>(R, usize);

impl<R: RandomSource> RandomSource for Counted<R> {
    fn uniform(&mut self) -> f64 {
        self.0.uniform()
    }
    fn normal(&mut self) -> f64 {
        self.1 += 1;
        self.0.normal()
    }
    fn bernoulli(&mut self, p: f64) -> bool {
        self.0.bernoulli(p)
    }
}

#[test]
fn a_row_with_a_weight_of_nan_ends_its_chains_at_once() {
    let mut params = Params::<f64>::new();
    let at = [0.3, 0.5 * 0.4_f64.ln(), 1.5, 0.2];
    let model = LinearGaussian::new(&mut params, at, 0.5, &mut rng(0, Stream::Init, 0));
    let x = [1.0, f64::NAN, 0.5];
    let query = Query { batch: 3, ..Query::new(&model, &params, &x, 4) };
    let (mut source, mut work) = (Counted(rng(1, Stream::Estimate, 0), 0), Work::new());
    CoupledChains::default().estimate(query, &mut source, &mut work);
    assert!(work.gradient(params.len())[2].is_nan());
    // Two rows meet after a few steps of three draws; 65536 steps would take 200 000.
    assert!(source.1 < 1000, "{} draws", source.1);
}

#[test]
fn chains_begin_anew_with_another_number_of_latents() {
    let (mut work, source) = (Work::new(), &mut rng(2, Stream::Estimate, 0));
    let x = [0.3, -1.0, 0.8];
    for latents in [1, 2, 1] {
        let mut params = Params::<f64>::new();
        let model = LinearFactors::new(&mut params, 3, latents, &mut rng(0, Stream::Init, 0));
        let query = Query::new(&model, &params, &x, 5);
        ScoreClimbing.estimate(query, source, &mut work);
        PosteriorChains { sampler: Mala::new(0.3), steps: 2 }.estimate(query, source, &mut work);
        let gradient = work.gradient(params.len());
        assert!(gradient.iter().all(|g| g.is_finite()) && gradient.iter().any(|g| *g != 0.0));
    }
}
