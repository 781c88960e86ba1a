//! A whole training run: it has the same bits for any number of threads and after a resume, the bound rises, and a
//! number that is not finite stops it with its place.

use pathscore_autodiff::{Activation, vector::Lanes};
use pathscore_estimators::fit::{NotFinite, Options, Report, Trainer};
use pathscore_estimators::optim::Adam;
use pathscore_estimators::path::SgvbKl;
use pathscore_estimators::score::{Baseline, Reinforce};
use pathscore_estimators::{Estimator, Query, Work};
use pathscore_models::data::{Batches, Binarize, Table, digits};
use pathscore_models::latent::{DiscreteVae, LatentModel, Likelihood, Vae};
use pathscore_models::{Params, RandomSource, seed};
use std::ops::Range;
use std::sync::LazyLock;

const SEED: u64 = 11;
const BATCH: usize = 100;
const STEPS: u64 = 20;

static DATA: LazyLock<Table> = LazyLock::new(|| digits(SEED, 0..300));

fn options(samples: usize) -> Options {
    Options { samples, lr: 3e-3, clip: Some(200.0), seed: SEED, ..Options::default() }
}

fn vae() -> Trainer<f32, Vae, SgvbKl> {
    let mut params = Params::new();
    let rng = &mut seed::rng(SEED, seed::Stream::Init, 0);
    let likelihood = Likelihood::Bernoulli;
    let model = Vae::new(&mut params, 784, &[48], 8, Activation::Tanh, likelihood, rng);
    Trainer::new(model, params, SgvbKl, Box::new(Adam::default()), options(1))
}

fn dvae(baseline: Baseline) -> Trainer<f32, DiscreteVae, Reinforce> {
    let mut params = Params::new();
    let rng = &mut seed::rng(SEED, seed::Stream::Init, 0);
    let likelihood = Likelihood::Bernoulli;
    let model = DiscreteVae::new(&mut params, 784, &[48], 16, Activation::Tanh, likelihood, rng);
    Trainer::new(model, params, Reinforce { baseline }, Box::new(Adam::default()), options(4))
}

/// One step on these rows, each bit a fresh draw.
fn step<M, E>(trainer: &mut Trainer<f32, M, E>, rows: &[usize]) -> Result<Report, NotFinite>
where
    M: LatentModel<f32>,
    E: Estimator<f32, M>,
{
    let feed = |range: Range<usize>, out: &mut [f32], rng: &mut Lanes| {
        Binarize::Dynamic.fill(&DATA, &rows[range], out, rng);
    };
    trainer.step([rows.len(), DATA.columns()], feed)
}

/// Steps until `end`, on rows that are a function of the step.
fn train<M, E>(trainer: &mut Trainer<f32, M, E>, end: u64) -> Vec<Report>
where
    M: LatentModel<f32>,
    E: Estimator<f32, M>,
{
    let mut batches = Batches::new(DATA.len(), BATCH, SEED).unwrap();
    (trainer.step..end).map(|at| step(trainer, batches.at(at)).unwrap()).collect()
}

fn in_pool<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}

fn bits<M, E>(trainer: &Trainer<f32, M, E>) -> Vec<u32>
where
    M: LatentModel<f32>,
    E: Estimator<f32, M>,
{
    trainer.params.values().iter().map(|p| p.to_bits()).collect()
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let run_vae = || {
        let mut trainer = vae();
        let reports = train(&mut trainer, STEPS);
        (bits(&trainer), reports)
    };
    let alone = in_pool(1, run_vae);
    assert!(alone == in_pool(2, run_vae) && alone == in_pool(3, run_vae));
    let run_dvae = || {
        let mut trainer = dvae(Baseline::LeaveOneOut);
        let reports = train(&mut trainer, STEPS);
        (bits(&trainer), reports)
    };
    let alone = in_pool(1, run_dvae);
    assert!(alone == in_pool(2, run_dvae) && alone == in_pool(3, run_dvae));
}

/// Copies the contents of a checkpoint from one trainer to another that has just been made.
fn resume<M, E>(from: &Trainer<f32, M, E>, to: &mut Trainer<f32, M, E>)
where
    M: LatentModel<f32>,
    E: Estimator<f32, M>,
{
    to.params.values_mut().copy_from_slice(from.params.values());
    let kept: Vec<(String, Vec<f32>)> =
        from.optimizer.state().iter().map(|(name, v)| (name.to_string(), v.to_vec())).collect();
    let mut find = |name: &str| kept.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    to.optimizer.restore(from.optimizer.steps(), &mut find).unwrap();
    to.estimator.restore(&from.estimator.state());
    to.step = from.step;
}

#[test]
fn a_resumed_run_ends_with_the_same_bits() {
    let mut whole = vae();
    train(&mut whole, STEPS);
    let (mut first, mut second) = (vae(), vae());
    train(&mut first, STEPS / 2);
    resume(&first, &mut second);
    train(&mut second, STEPS);
    assert!(bits(&whole) == bits(&second));
}

#[test]
fn a_resumed_run_takes_up_what_its_estimator_has_learnt() {
    for baseline in [Baseline::LeaveOneOut, Baseline::running_mean()] {
        let mut whole = dvae(baseline);
        train(&mut whole, STEPS);
        let (mut first, mut second) = (dvae(baseline), dvae(baseline));
        train(&mut first, STEPS / 2);
        resume(&first, &mut second);
        assert_eq!(second.estimator, first.estimator);
        train(&mut second, STEPS);
        assert!(bits(&whole) == bits(&second), "{baseline:?}");
    }
}

#[test]
fn a_resumed_run_that_forgets_what_its_estimator_has_learnt_is_told_apart() {
    let (mut whole, mut first) = (dvae(Baseline::running_mean()), dvae(Baseline::running_mean()));
    let mut second = dvae(Baseline::running_mean());
    train(&mut whole, STEPS);
    train(&mut first, STEPS / 2);
    resume(&first, &mut second);
    second.estimator = Reinforce { baseline: Baseline::running_mean() };
    train(&mut second, STEPS);
    assert!(bits(&whole) != bits(&second));
}

/// At the start a pixel costs ln 2, a digit 543 nats; every pixel at its mean costs some 200. Twenty
/// steps come a good part of the way, and batches of 100 rows differ by some 10 nats.
#[test]
fn training_raises_the_bound() {
    let rise = |reports: Vec<Report>| {
        let mean = |part: &[Report]| part.iter().map(|r| r.bound).sum::<f64>() / part.len() as f64;
        mean(&reports[17..]) - mean(&reports[..3])
    };
    let path = rise(train(&mut vae(), STEPS));
    let score = rise(train(&mut dvae(Baseline::LeaveOneOut), STEPS));
    println!("the bound rose by {path} and {score} nats");
    assert!(path > 100.0 && score > 100.0, "{path} and {score}");
}

/// A step in which a pixel of row 70 is not a number.
fn spoilt<M, E>(trainer: &mut Trainer<f32, M, E>) -> NotFinite
where
    M: LatentModel<f32>,
    E: Estimator<f32, M>,
{
    let feed = |range: Range<usize>, out: &mut [f32], rng: &mut Lanes| {
        let rows: Vec<usize> = range.clone().collect();
        Binarize::Dynamic.fill(&DATA, &rows, out, rng);
        if range.contains(&70) {
            out[(70 - range.start) * 784 + 300] = f32::NAN;
        }
    };
    trainer.step([BATCH, 784], feed).unwrap_err()
}

#[test]
fn a_pixel_that_is_no_number_stops_the_run_and_changes_nothing() {
    let mut trainer = vae();
    train(&mut trainer, 3);
    let (before, steps) = (bits(&trainer), trainer.optimizer.steps());
    let error = spoilt(&mut trainer);
    assert!(bits(&trainer) == before);
    assert_eq!((trainer.step, trainer.optimizer.steps()), (3, steps));
    let found = error.found.clone().expect("the entry that went wrong");
    let message = error.to_string();
    println!("{message}");
    for part in ["step 3", "the bound is NaN", "gradient of encoder.0.", "] is NaN", &found.op] {
        assert!(message.contains(part), "{part} is missing: {message}");
    }
    // The pixel itself is the first entry that is not finite, at its place in its piece's rows.
    assert_eq!((found.op.as_str(), found.at % 784, found.value.as_str()), ("constant", 300, "NaN"));
    // The run goes on as if nothing had happened.
    let mut other = vae();
    train(&mut other, 5);
    train(&mut trainer, 5);
    assert!(bits(&trainer) == bits(&other));
}

/// An estimator with another factor on its gradient.
struct Scaled<E>(E, f32);

impl<M, E: Estimator<f32, M>> Estimator<f32, M> for Scaled<E> {
    fn estimate<R: RandomSource>(
        &self,
        query: Query<f32, M>,
        rng: &mut R,
        work: &mut Work<f32>,
    ) -> f32 {
        self.0.estimate(Query { scale: self.1, ..query }, rng, work)
    }
}

#[test]
fn a_long_gradient_is_clipped_where_its_square_overflows_and_named_where_it_does_itself() {
    let scaled = |factor| {
        let Trainer { model, params, estimator, optimizer, options, .. } = vae();
        Trainer::new(model, params, Scaled(estimator, factor), optimizer, options)
    };
    let rows: Vec<usize> = (0..BATCH).collect();
    let [plain, long] = [1.0, 1e24].map(|factor| step(&mut scaled(factor), &rows).unwrap());
    assert!((long.grad_norm / plain.grad_norm / 1e24 - 1.0).abs() < 1e-5, "{plain:?}, {long:?}");
    let message = step(&mut scaled(f32::MAX), &rows).unwrap_err().to_string();
    // Infinities of both signs add up to NaN.
    assert!(message.contains("the gradient of encoder.0.weight["), "{message}");
}

#[test]
fn a_running_mean_does_not_learn_from_a_step_that_failed() {
    let mut trainer = dvae(Baseline::running_mean());
    train(&mut trainer, 2);
    let before = trainer.estimator;
    spoilt(&mut trainer);
    assert_eq!(trainer.estimator, before);
}

#[test]
fn a_bias_that_overflows_is_named_with_the_op_it_overflows_in() {
    let mut trainer = vae();
    let last = trainer.params.len() - 784;
    trainer.params.values_mut()[last..].fill(f32::MAX);
    let rows: Vec<usize> = (0..BATCH).collect();
    let error = step(&mut trainer, &rows).unwrap_err();
    let found = error.found.expect("the entry that went wrong");
    // Each logit is finite; their sum over the pixels, with the wrong sign, is not.
    assert_eq!((error.step, found.op.as_str()), (0, "bernoulli_log_prob"));
    assert!(found.line.contains("latent"), "{}", found.line);
}
