//! Training and evaluation by the formulas of their parts: optimisers, schedules, clipping, epochs, the measures of noise,
//! and the six numbers of an evaluation.

use super::common::assert_near;
use pathscore_autodiff::vector::Lanes;
use pathscore_autodiff::{Activation, Tape};
use pathscore_estimators::draw::{Draw, Score};
use pathscore_estimators::exact::Enumeration;
use pathscore_estimators::fit::{Noise, Options, Trainer};
use pathscore_estimators::optim::{Adam, Optimizer, Schedule, Sgd};
use pathscore_estimators::path::Sgvb;
use pathscore_estimators::score::{Baseline, Reinforce};
use pathscore_estimators::variance::ComponentStats;
use pathscore_estimators::{Estimator, GROUP, Query, ShardState, State, Work, evaluate};
use pathscore_models::data::{Batches, Table};
use pathscore_models::latent::{Likelihood, SmallBelief, Vae};
use pathscore_models::seed::Stream;
use pathscore_models::{Params, RandomSource, seed};
use std::ops::Range;

/// Longer than two chunks of the parallel loop, and no multiple of one.
const LONG: usize = 40_001;

fn belief() -> (Params<f64>, SmallBelief) {
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    (params, model)
}

#[test]
fn optimisers_follow_their_formulas_in_every_component() {
    let (beta1, beta2, eps, momentum) = (0.8, 0.95, 0.3, 0.7);
    let mut adam = Adam::<f64>::default();
    (adam.beta1, adam.beta2, adam.eps) = (beta1, beta2, eps);
    let mut sgd = Sgd::<f64>::new(momentum);
    let mut found = [vec![0.5; LONG], vec![0.5; LONG]];
    let mut by_hand = found.clone();
    let (mut m, mut v, mut u) = (vec![0.0; LONG], vec![0.0; LONG], vec![0.0; LONG]);
    for (t, lr) in [(1, 0.1), (2, 0.4), (3, 0.2)] {
        let g: Vec<f64> = (0..LONG).map(|i| ((i + 7 * t as usize) as f64).sin()).collect();
        adam.step(&mut found[0], &g, lr);
        sgd.step(&mut found[1], &g, lr);
        for i in 0..LONG {
            m[i] = beta1 * m[i] + (1.0 - beta1) * g[i];
            v[i] = beta2 * v[i] + (1.0 - beta2) * g[i] * g[i];
            let (m, v) = (m[i] / (1.0 - beta1.powi(t)), v[i] / (1.0 - beta2.powi(t)));
            by_hand[0][i] += lr * m / (v.sqrt() + eps);
            u[i] = momentum * u[i] + g[i];
            by_hand[1][i] += lr * u[i];
        }
        for (found, by_hand) in found.iter().zip(&by_hand) {
            // Sums of six numbers near one.
            assert_near(found, by_hand, 1e-14);
        }
        assert_eq!([adam.steps(), sgd.steps()], [t as u64; 2]);
    }
}

#[test]
fn schedules_have_the_values_of_their_formulas() {
    let half_cosine = |share: f64| 0.5 * (1.0 + (std::f64::consts::PI * share).cos());
    let (cosine, none) = (Schedule::CosineDecay { steps: 8 }, Schedule::CosineDecay { steps: 0 });
    let decay = Schedule::ExponentialDecay { rate: 0.25, steps: 4 };
    let at_once = Schedule::ExponentialDecay { rate: 0.25, steps: 0 };
    let warm = Schedule::WarmupCosineDecay { warmup: 4, steps: 12 };
    let only_warm = Schedule::WarmupCosineDecay { warmup: 4, steps: 4 };
    for (schedule, step, factor) in [
        (Schedule::Constant, 7, 1.0),
        (cosine, 0, 1.0),
        (cosine, 2, half_cosine(0.25)),
        (cosine, 6, half_cosine(0.75)),
        (cosine, 8, 0.0),
        (cosine, 9, 0.0),
        (none, 0, 0.0),
        (decay, 0, 1.0),
        (decay, 2, 0.5),
        (decay, 8, 0.0625),
        (at_once, 1, 0.25),
        (warm, 0, 0.25),
        (warm, 3, 1.0),
        (warm, 4, 1.0),
        (warm, 6, half_cosine(0.25)),
        (warm, 12, 0.0),
        (warm, 20, 0.0),
        (only_warm, 3, 1.0),
        (only_warm, 4, 0.0),
    ] {
        let found: f64 = schedule.factor(step);
        assert!((found - factor).abs() < 1e-15, "{schedule:?} at {step}: {found}, not {factor}");
    }
}

type Exact = Trainer<f64, SmallBelief, Enumeration>;

fn exact(options: Options) -> Exact {
    let (params, model) = belief();
    Trainer::new(model, params, Enumeration, Box::new(Sgd::new(0.0)), options)
}

/// Three bits for each row, no two neighbours alike.
fn bits(row: usize) -> [f64; 3] {
    [row & 1, row >> 1 & 1, row >> 2 & 1].map(|bit| bit as f64)
}

fn feed(rows: Range<usize>, x: &mut [f64], _: &mut Lanes) {
    rows.zip(x.chunks_exact_mut(3)).for_each(|(row, x)| x.copy_from_slice(&bits(row)));
}

/// The mean bound of some rows and its gradient, from single rows.
fn mean(rows: impl ExactSizeIterator<Item = usize>, params: &Params<f64>) -> (f64, Vec<f64>) {
    let (n, mut bound, mut gradient) = (rows.len() as f64, 0.0, vec![0.0; params.len()]);
    for row in rows {
        let mut one = exact(Options::default());
        one.params.values_mut().copy_from_slice(params.values());
        let report = one.step([1, 3], |_, x, _| x.copy_from_slice(&bits(row))).unwrap();
        bound += report.bound / n;
        gradient.iter_mut().zip(one.gradient()).for_each(|(sum, g)| *sum += g / n);
    }
    (bound, gradient)
}

#[test]
fn a_step_is_the_clipped_mean_gradient_times_the_scheduled_rate() {
    let norm = |g: &[f64]| g.iter().map(|g| g * g).sum::<f64>().sqrt();
    // A shard, and eight.
    for (rows, samples) in [(5, 1), (40, 60)] {
        let begin = exact(Options::default()).params;
        let (bound, gradient) = mean(0..rows, &begin);
        let length = norm(&gradient);
        for (clip, factor) in [(None, 1.0), (Some(2.0 * length), 1.0), (Some(0.5 * length), 0.5)] {
            let schedule = Schedule::ExponentialDecay { rate: 0.25, steps: 2 };
            let mut run = exact(Options { samples, lr: 0.3, schedule, clip, seed: 0 });
            run.step = 1;
            let report = run.step([rows, 3], feed).unwrap();
            assert_eq!((report.step, run.step), (1, 2));
            assert!((report.bound - bound).abs() < 1e-12, "{report:?}, not {bound}");
            assert!((report.grad_norm - length).abs() < 1e-12, "{report:?}, not {length}");
            let clipped: Vec<f64> = gradient.iter().map(|g| factor * g).collect();
            assert_near(run.gradient(), &clipped, 1e-12);
            // √¼ of the rate at the first step of two.
            let moved: Vec<f64> =
                begin.values().iter().zip(&clipped).map(|(p, g)| p + 0.3 * 0.5 * g).collect();
            assert_near(run.params.values(), &moved, 1e-12);
        }
    }
}

#[test]
fn an_epoch_goes_through_the_rows_in_the_order_of_its_batches_and_reports_their_mean() {
    let (rows, batch, seed) = (7, 2, 9);
    let values = (0..rows).flat_map(|row| bits(row).map(|x| x as f32)).collect();
    let table = Table::new(values, 3).unwrap();
    let options = Options { lr: 0.1, seed, ..Options::default() };
    let mut run = exact(options);
    let found = run.fit(&table, batch, 2).unwrap();
    assert_eq!(run.step, 6);
    let mut batches = Batches::new(rows, batch, seed).unwrap();
    let mut params = belief().0;
    for (epoch, found) in found.iter().enumerate() {
        let mut sum = 0.0;
        for at in 3 * epoch..3 * epoch + 3 {
            let (bound, gradient) = mean(batches.at(at as u64).to_vec().into_iter(), &params);
            sum += bound;
            params.values_mut().iter_mut().zip(&gradient).for_each(|(p, g)| *p += 0.1 * g);
        }
        assert!((found - sum / 3.0).abs() < 1e-12, "epoch {epoch}: {found}, not {}", sum / 3.0);
    }
    assert_near(run.params.values(), params.values(), 1e-12);
}

#[test]
fn signal_to_noise_ratios_and_scores_have_their_values() {
    let stats = |exact, mean, variance, draws| {
        let effective_draws = draws as f64;
        ComponentStats { exact, mean, variance, draws, effective_draws }
    };
    // Nine is the variance of a draw, 0.03 the error of the mean of ten thousand.
    let one = stats(-6.0, -5.94, 9.0, 10_000);
    assert_eq!(one.snr(), 2.0);
    assert_near(&[one.standard_error(), one.z(), one.z_with(0.04)], &[0.03, 2.0, 1.2], 1e-10);
    assert_eq!(one.z_with(0.0), one.z());
    // A difference by rounding is none; a larger one of a mean without variance is infinitely far.
    assert_eq!(stats(1e3, 1e3 + 5e-7, 0.0, 10).z(), 0.0);
    assert_eq!(stats(1e3, 1e3 + 5e-7, 0.0, 10).z_with(1.0), 0.0);
    assert_eq!(stats(1.0, 1.0 + 5e-7, 0.0, 10).z(), f64::INFINITY);
    // As small a difference counts if the draws are noisy.
    assert_eq!(stats(0.0, 5e-10, 1e-18, 1).z(), 0.0);
    assert!((stats(0.0, 5e-10, 4.0, 1).z() - 2.5e-10).abs() < 1e-20);
    let noise = |variance, signal| Noise { part: "all".into(), variance, signal }.snr();
    assert_eq!([noise(2.0, 8.0), noise(8.0, 2.0)], [2.0, 0.5]);
    assert_eq!([noise(2.0, -1.0), noise(2.0, 0.0)], [0.0, 0.0]);
    assert_eq!([noise(0.0, 1.0), noise(0.0, 0.0)], [f64::INFINITY, 0.0]);
}

#[test]
fn an_exact_gradient_has_no_noise_and_its_parts_are_those_of_the_networks() {
    let mut run = exact(Options { lr: 0.0, ..Options::default() });
    run.step([2, 3], feed).unwrap();
    let gradient = run.gradient().to_vec();
    let noise = run.gradient_noise(3);
    let names: Vec<&str> = noise.iter().map(|noise| &noise.part[..]).collect();
    let mut parts: Vec<(String, f64)> = vec![("all".into(), 0.0)];
    for (name, shape, at) in run.params.iter() {
        let name = name.split('.').next().unwrap();
        if parts.last().unwrap().0 != name {
            parts.push((name.into(), 0.0));
        }
        let squares: f64 = gradient[at..at + shape.size()].iter().map(|g| g * g).sum();
        parts[0].1 += squares;
        parts.last_mut().unwrap().1 += squares;
    }
    assert!(parts.len() > 2 && parts.iter().map(|(name, _)| name).eq(&names), "{names:?}");
    for (noise, (_, signal)) in noise.iter().zip(&parts) {
        assert!(noise.variance < 1e-14 && (noise.signal - signal).abs() < 1e-12, "{noise:?}");
    }
}

/// The mean and the standard error of the mean.
fn summary(values: &[f64]) -> [f64; 2] {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    [mean, (squares / (n - 1.0) / n).sqrt()]
}

#[test]
fn an_evaluation_has_its_six_numbers_from_the_log_weights_of_its_draws() {
    let (params, model) = belief();
    let (rows, samples, seed) = (45, 2 * GROUP + 20, 4);
    let found = evaluate(&model, &params, [rows, 3], samples, seed, feed);
    let log_mean = |f: &[f64]| (f.iter().map(|f| f.exp()).sum::<f64>() / f.len() as f64).ln();
    let (mut elbos, mut groups, mut likelihoods) = (Vec::new(), Vec::new(), Vec::new());
    // Twenty rows are drawn together, with a generator of their own.
    for (piece, start) in (0..rows).step_by(20).enumerate() {
        let range = start..rows.min(start + 20);
        let n = range.len();
        let rng = &mut seed::lanes(seed, seed::Stream::Evaluate, piece as u64);
        let mut x = vec![0.0; 3 * n];
        feed(range, &mut x, rng);
        let mut each = vec![Vec::new(); n];
        for draws in [GROUP, GROUP, 20] {
            let tape = Tape::new();
            let x = tape.constant(&x, [n, 3]);
            let drawn = <Score as Draw<f64, _>>::record(&model, params.on(&tape), x, draws, rng);
            let f = (drawn.log_joint - drawn.log_q).value();
            for (at, &f) in f.values().iter().enumerate() {
                each[at % n].push(f);
            }
        }
        for f in &each {
            elbos.push(f.iter().sum::<f64>() / f.len() as f64);
            groups.push(f.chunks(GROUP).map(log_mean).sum::<f64>() / 3.0);
            likelihoods.push(log_mean(f));
        }
    }
    assert_eq!((found.rows, found.samples), (rows, samples));
    for (found, values) in [
        ([found.elbo, found.elbo_se], elbos),
        ([found.group_bound, found.group_bound_se], groups),
        ([found.log_likelihood, found.log_likelihood_se], likelihoods),
    ] {
        assert_eq!(values.len(), rows);
        assert_near(&found, &summary(&values), 1e-12);
    }
    // One row has no spread.
    let one = evaluate(&model, &params, [1, 3], 3, seed, feed);
    assert_eq!([one.elbo_se, one.group_bound_se, one.log_likelihood_se], [0.0; 3]);
}

#[derive(Default)]
struct First(Vec<f64>);
#[derive(Default)]
struct Second(Vec<f64>);

impl ShardState for First {
    fn save(&self) -> Vec<f64> {
        self.0.clone()
    }
    fn restore(&mut self, numbers: &[f64]) {
        self.0 = numbers.to_vec();
    }
}

impl ShardState for Second {
    fn save(&self) -> Vec<f64> {
        self.0.clone()
    }
    fn restore(&mut self, numbers: &[f64]) {
        self.0 = numbers.to_vec();
    }
}

#[test]
fn states_of_several_types_are_restored_in_the_order_in_which_they_were_asked_for() {
    let mut state = State::default();
    state.of::<First>().0.push(1.0);
    state.of::<Second>().0.push(2.0);
    let saved = state.save();
    assert_eq!(saved, [[1.0], [2.0]]);
    let mut resumed = State::default();
    resumed.of::<First>().0.push(7.0);
    resumed.restore(saved.clone());
    assert_eq!(format!("{resumed:?}"), "State of 0 types, 2 waiting");
    // Numbers that still wait are saved too, behind those that were asked for.
    for _ in 0..2 {
        assert_eq!(resumed.save(), saved);
        assert_eq!(resumed.of::<First>().0, [1.0]);
    }
    assert_eq!(resumed.of::<Second>().0, [2.0]);
    assert_eq!(resumed.save(), saved);
    // Without numbers, values begin by default.
    resumed.restore(Vec::new());
    assert!(resumed.of::<Second>().0.is_empty());
    // The memory of a shard gives the same values, one of each type.
    let mut work = Work::<f64>::new();
    work.state::<First>().0.push(3.0);
    work.scratch::<Second>().0.push(4.0);
    assert_eq!(work.state::<First>().0, [3.0]);
    assert_eq!(work.scratch::<Second>().0, [4.0]);
    assert_eq!(work.state.save(), [[3.0]]);
    assert_eq!(format!("{:?}", work.scratch), "Scratch of 1 types");
}

/// Gradients without a step are those of the rows, however many shards there are, and an estimator learns from them.
#[test]
fn gradients_are_drawn_without_a_step() {
    for (rows, samples) in [(5, 1), (40, 60)] {
        let mut run = exact(Options { samples, ..Options::default() });
        let (before, x) = (run.params.clone(), (0..rows).flat_map(bits).collect::<Vec<f64>>());
        let (_, gradient) = mean(0..rows, &before);
        let mut seen = 0;
        run.gradients(&x, rows, 3, 7, &mut |found| {
            assert_near(found, &gradient, 1e-12);
            seen += 1;
        });
        assert_eq!((seen, run.step), (3, 0));
        assert_eq!(run.params, before);
    }
    let (params, model) = belief();
    let running = Reinforce { baseline: Baseline::running_mean() };
    let mut run = Trainer::new(model, params, running, Box::new(Sgd::new(0.0)), Options::default());
    let mut drawn = |seed| {
        let mut all = Vec::new();
        run.estimator = running;
        run.gradients(&bits(5), 1, 4, seed, &mut |found| all.push(found.to_vec()));
        assert_ne!(run.estimator, running);
        all
    };
    let first = drawn(1);
    assert!(first == drawn(1) && first != drawn(2) && first[0] != first[1]);
}

#[test]
fn a_number_that_is_not_finite_is_reported_with_the_first_parameter_that_it_reaches() {
    let mut run = exact(Options::default());
    run.params.values_mut()[11] = f64::NAN;
    let before = run.params.values().iter().map(|p| p.to_bits()).collect::<Vec<u64>>();
    let error = run.step([2, 3], feed).unwrap_err();
    let at = run.gradient().iter().position(|g| !g.is_finite()).unwrap();
    let (name, index) = run.params.name_at(at).unwrap();
    assert_eq!(error.what, format!("the bound is NaN, the gradient of {name}[{index}] is NaN"));
    assert!(error.step == 0 && error.found.is_some() && run.step == 0, "{error}");
    assert!(error.to_string().starts_with("step 0: the bound is NaN"), "{error}");
    assert!(run.params.values().iter().map(|p| p.to_bits()).eq(before));
}

/// An estimator that doubles the gradient of another, and forgets what that recorded.
struct Doubled<E>(E);

impl<M: Sync, E: Estimator<f64, M>> Estimator<f64, M> for Doubled<E> {
    fn estimate<R: RandomSource>(
        &self,
        query: Query<f64, M>,
        rng: &mut R,
        work: &mut Work<f64>,
    ) -> f64 {
        let params = query.params.len();
        let value = self.0.estimate(query, rng, work);
        work.tape.clear();
        work.grads.leading_mut(params).iter_mut().for_each(|g| *g *= 2.0);
        value
    }
}

/// A product over the whole batch at once is the sum of those over its parts: an estimator that is called by another leaves none
/// undone, in batches of one part and of many.
#[test]
fn an_estimator_that_calls_another_trains_with_its_gradient() {
    for (rows, samples) in [(1, 1), (7, 1), (130, 3), (600, 2)] {
        let trained = |doubles: bool| {
            let (mut params, rng) = (Params::new(), &mut seed::rng(1, Stream::Init, 0));
            let (tanh, likelihood) = (Activation::Tanh, Likelihood::Bernoulli);
            let model = Vae::new(&mut params, 3, &[6, 5], 2, tanh, likelihood, rng);
            let options = Options { samples, lr: 0.5, ..Options::default() };
            let sgd = || Box::new(Sgd::new(0.0));
            if doubles {
                let mut run = Trainer::new(model, params, Doubled(Sgvb), sgd(), options);
                run.step([rows, 3], feed).unwrap();
                (run.gradient().to_vec(), run.params.values().to_vec())
            } else {
                let options = Options { lr: 1.0, ..options };
                let mut run = Trainer::new(model, params, Sgvb, sgd(), options);
                let report = run.step([rows, 3], feed).unwrap();
                let norm = run.gradient().iter().map(|g| g * g).sum::<f64>().sqrt();
                assert!((report.grad_norm - norm).abs() < 1e-12 * norm);
                let doubled = run.gradient().iter().map(|g| 2.0 * g).collect();
                (doubled, run.params.values().to_vec())
            }
        };
        let [(gradient, params), (same, after)] = [true, false].map(trained);
        assert_near(&gradient, &same, 1e-12);
        assert_near(&params, &after, 1e-12);
    }
}
