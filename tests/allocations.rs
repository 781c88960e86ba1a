//! A step of training, or of a timed workload, allocates nothing once it is warm. The allocator of this binary counts
//! calls from all threads, so it holds exactly one test.
#![allow(unsafe_code)]

#[path = "../benches/workloads/data.rs"]
#[allow(dead_code, reason = "not every workload is watched")]
mod data;
#[path = "../benches/workloads/densities.rs"]
mod densities;
#[path = "../benches/workloads/numbers.rs"]
mod numbers;
#[path = "../benches/workloads/work.rs"]
#[allow(dead_code, reason = "nothing is timed")]
mod work;

use pathscore_autodiff::vector::Lanes;
use pathscore_autodiff::{Activation, Grads, NumberTape, Real, Tape, Var};
use pathscore_estimators::both::{Concrete, DisArm};
use pathscore_estimators::energy::{EnergyChains, ParameterPath, TrackedContrastiveDivergence};
use pathscore_estimators::fit::{Options, Trainer};
use pathscore_estimators::likelihood::PosteriorChains;
use pathscore_estimators::montecarlo::{Gaussian, MonteCarlo, on_tape};
use pathscore_estimators::optim::Adam;
use pathscore_estimators::path::{Sgvb, SgvbKl};
use pathscore_estimators::samplers::{
    Annealing, Constrained, Dmala, FromTape, GibbsWithGradients, Hmc, Ladder, Mala,
    ParallelTempering, RandomWalk, Sampler,
};
use pathscore_estimators::score::{Baseline, Reinforce};
use pathscore_estimators::tractable::ExactLikelihood;
use pathscore_estimators::{Estimator, Query, Work};
use pathscore_models::data::{Batches, Binarize, digits};
use pathscore_models::dist::{Elementwise, FlowKind, Reparam};
use pathscore_models::energy::Rbm;
use pathscore_models::gp::{BayesianGplvm, GpRegression, Gplvm, GplvmData, KernelForm};
use pathscore_models::latent::{
    DiscreteVae, FlowOptions, HierarchicalVae, Inference, LatentModel, Likelihood, Vae,
};
use pathscore_models::tractable::{CouplingFlow, Made, Nade};
use pathscore_models::{Params, Tractable, seed};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

static WATCHED: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// True on threads that work on the step: the test harness has threads of its own.
    static WORKS: Cell<bool> = const { Cell::new(false) };
    /// True while this thread captures a backtrace, which allocates as well.
    static LOOKING: Cell<bool> = const { Cell::new(false) };
}

struct Counting;

/// Counts a call of the allocator and prints the backtrace of the first.
fn count() {
    if !WORKS.get() || !WATCHED.load(SeqCst) || LOOKING.replace(true) {
        return;
    }
    if CALLS.fetch_add(1, SeqCst) == 0 {
        eprintln!("{}", Backtrace::force_capture());
    }
    LOOKING.set(false);
}

// SAFETY: every call goes to the system's allocator with the arguments it came with, so its promises
// hold here; counting does not unwind, and does not count itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise about `layout` is the one `System` needs.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: `at` came from `System` with this layout; the caller answers for `size`.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: `at` came from `System` with this layout.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The calls of the allocator during five steps after the first few.
fn allocated(threads: usize, mut step: impl FnMut(u64) + Send) -> usize {
    // A thread is warm when it has worked on every kind of shard; with several threads the scheduling decides when
    // that is.
    let warm_up = if threads == 1 { 3 } else { 40 };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .start_handler(|_| WORKS.set(true))
        .exit_handler(|_| WORKS.set(false))
        .build()
        .unwrap();
    pool.install(|| {
        (0..warm_up).for_each(&mut step);
        CALLS.store(0, SeqCst);
        WATCHED.store(true, SeqCst);
        (warm_up..warm_up + 5).for_each(&mut step);
        WATCHED.store(false, SeqCst);
    });
    CALLS.load(SeqCst)
}

/// A training step on pictures that are binarised anew in each step.
fn training<M, E>(mut trainer: Trainer<f32, M, E>) -> impl FnMut(u64) + Send
where
    M: Send + Sync,
    E: Estimator<f32, M> + Send,
{
    let data = digits(1, 0..1000);
    let mut batches = Batches::new(data.len(), 100, 1).unwrap();
    move |step| {
        let rows = batches.at(step);
        let feed = |range: std::ops::Range<usize>, out: &mut [f32], rng: &mut _| {
            Binarize::Dynamic.fill::<f32, Lanes>(&data, &rows[range], out, rng);
        };
        trainer.step([100, 784], feed).unwrap();
    }
}

/// A Gaussian process that is recorded afresh in every step, by both kinds of factor.
fn factorisations() -> impl FnMut(u64) + Send {
    const N: usize = 60;
    let (mut tape, mut grads) = (Tape::<f64>::new(), Grads::new());
    let x: Vec<f64> = (0..2 * N).map(|i| (i * i % 101) as f64 / 20.0).collect();
    move |_| {
        tape.clear();
        let x = tape.leaf(&x, [N, 2]);
        let squares = x.square().sum_axis(-1);
        let apart = squares.reshape([N, 1]) + squares - x.matmul_with(false, x, true) * 2.0;
        let noise = tape.number(0.1).broadcast_to([N]).diag(0);
        let kernel = (apart * -0.5).exp() + noise;
        let (cholesky, lu) = (kernel.factor_cholesky().unwrap(), kernel.factor_lu().unwrap());
        let y = cholesky.log_det() + cholesky.inverse_form(x).sum() + lu.solve(x).sum();
        let y = y + kernel.cholesky().unwrap().sum() + lu.log_det() + kernel.matrix_exp().sum();
        tape.pull_into(&[(y, &[1.0])], &[], &mut grads);
    }
}

/// Gradients of the likelihood of latents, with and without missing cells, of the bound with inducing points, and of a regression.
fn gaussian_processes() -> impl FnMut(u64) + Send {
    const N: usize = 40;
    let y: Vec<f64> = (0..N * 50).map(|i| (i * i % 101) as f64 / 50.0).collect();
    let holes: Vec<f64> =
        y.iter().enumerate().map(|(i, &y)| if i % 977 == 3 { f64::NAN } else { y }).collect();
    let (whole, holes) = (GplvmData::new(&y, N, 50), GplvmData::new(&holes, N, 50));
    let [mut latents, mut inducing, mut inputs] = [(); 3].map(|()| Params::<f64>::new());
    let gplvm = Gplvm::new(&mut latents, N, 2, &[KernelForm::Rbf, KernelForm::Linear]);
    let bayesian = BayesianGplvm::new(&mut inducing, N, 2, 10);
    gplvm.start(&mut latents, &whole).unwrap();
    bayesian.start(&mut inducing, &whole).unwrap();
    let regression = GpRegression::new(&mut inputs, &[KernelForm::Matern32], 2);
    let (mut tape, mut grads) = (Tape::<f64>::new(), Grads::new());
    move |_| {
        let mut pull =
            |tape: &mut Tape<f64>, record: &dyn for<'t> Fn(&'t Tape<f64>) -> Var<'t, f64>| {
                tape.pull_into(&[(record(tape), &[1.0])], &[], &mut grads);
                tape.clear();
            };
        pull(&mut tape, &|tape| gplvm.log_prob(latents.on(tape), &whole).unwrap());
        pull(&mut tape, &|tape| gplvm.log_prob(latents.on(tape), &holes).unwrap());
        pull(&mut tape, &|tape| bayesian.bound(inducing.on(tape), &whole).unwrap());
        pull(&mut tape, &|tape| {
            let params = inputs.on(tape);
            let (x, y) = (tape.constant(&y[..2 * N], [N, 2]), tape.constant(&y[2 * N..3 * N], [N]));
            regression.log_marginal(params, x, y).unwrap()
        });
    }
}

/// The gradient of a function of numbers.
fn numbers() -> impl FnMut(u64) + Send {
    let mut tape = NumberTape::new();
    move |seed| {
        let x = [0.5, seed as f64];
        tape.gradient(&x, |x| (0..100).fold(x[0], |y, _| (y * x[1]).tanh() + y));
    }
}

/// Gradients of an expectation by slices and on a tape.
fn expectations() -> impl FnMut(u64) + Send {
    let mut monte_carlo = MonteCarlo::new();
    let recorded = on_tape(|z| z.sum_squares(-1));
    move |seed| {
        let q = Gaussian { mu: &[0.1; 30], log_sigma: &[-1.0; 30] };
        let values = |z: &[f64], f: &mut [f64]| {
            z.chunks(30).zip(f).for_each(|(z, f)| *f = z.iter().map(|z| z * z).sum());
        };
        monte_carlo.reparam(q, &recorded, 5000, seed);
        monte_carlo.score(q, &values, 5000, seed);
    }
}

/// Steps of Markov chains on a constrained target that is recorded on a tape.
fn markov_chains() -> impl FnMut(u64) + Send {
    let target = Constrained::new(
        20,
        |x| Var::concat(&[x.real(10), x.next(10, Elementwise::Softplus)], -1),
        |y| y.sum_squares(-1) * -0.5,
    );
    let mut rng = seed::rng(1, seed::Stream::Sample, 0);
    let (walk, mala) = (RandomWalk::new(0.5), Mala::new(0.5));
    let hmc = Hmc { jitter: 0.1, ..Hmc::default() };
    let mut walked = walk.init(&target, &[0.1; 20], &mut rng);
    let mut drifted = mala.init(&target, &[0.1; 20], &mut rng);
    let mut moved = hmc.init(&target, &[0.1; 20], &mut rng);
    move |_| {
        walk.step(&target, &mut walked, &mut rng);
        mala.step(&target, &mut drifted, &mut rng);
        hmc.step(&target, &mut moved, &mut rng);
    }
}

/// A chain of annealed importance sampling with so many transitions.
fn annealed(transitions: usize) -> impl FnMut(u64) + Send {
    let base = FromTape::new(20, |x| x.sum_squares(-1) * -0.5);
    let target = FromTape::new(20, |x| (x - 1.0).sum_squares(-1) * -2.0);
    let (annealing, hmc) = (Annealing::linear(transitions), Hmc::default());
    let mut rng = seed::rng(1, seed::Stream::Sample, 0);
    move |_| drop(annealing.forward(&base, &target, &hmc, &[0.1; 20], &mut rng))
}

fn machine() -> (Rbm, Params<f32>) {
    let mut params = Params::new();
    let model = Rbm::new(&mut params, 30, 20, &mut seed::rng(0, seed::Stream::Init, 0));
    (model, params)
}

/// A run of annealed importance sampling of a Boltzmann machine with so many steps.
fn annealed_machine(steps: usize) -> impl FnMut(u64) + Send {
    let ((model, params), annealing) = (machine(), Annealing::linear(steps));
    let mut chains = EnergyChains::new(60, 30, 0);
    move |_| {
        let path = ParameterPath::new(&model, &params, &[0.4; 30]);
        drop(path.forward(&annealing, &mut chains, &|_| {}));
    }
}

/// A log density of bits.
fn of_bits(x: Var<'_, f64>) -> Var<'_, f64> {
    (x - 0.3).sum_squares(-1) * 0.5
}

/// Chains of bits, each of whose steps tries every kind of exchange.
fn chains_of_bits() -> impl FnMut(u64) + Send {
    let ladder = Ladder::new([0, 1].map(|_| FromTape::new(6, of_bits)).into());
    let mut rng = seed::rng(1, seed::Stream::Sample, 0);
    let (informed, dmala) = (GibbsWithGradients::by_gradient(), Dmala::by_gradient(0.5));
    let tempering = ParallelTempering { sampler: GibbsWithGradients::exact(), steps: 1 };
    let target = FromTape::new(6, of_bits);
    let mut flipped = informed.init(&target, &[0.0; 6], &mut rng);
    let mut drifted = dmala.init(&target, &[0.0; 6], &mut rng);
    let mut tempered = tempering.init(&ladder, &[0.0; 6], &mut rng);
    move |_| {
        informed.step(&target, &mut flipped, &mut rng);
        dmala.step(&target, &mut drifted, &mut rng);
        tempering.step(&ladder, &mut tempered, &mut rng);
    }
}

/// Weighted chains that follow training, and are resampled at every step.
fn tracked() -> impl FnMut(u64) + Send {
    let ((model, mut params), mut work) = (machine(), Work::new());
    let mut pcd = TrackedContrastiveDivergence::new(1);
    (pcd.chains, pcd.resample) = (Some(40), 1.0);
    let x: Vec<f32> = (0..300).map(|i| f32::from(u8::from(i % 7 < 3))).collect();
    let mut rng = seed::rng(1, seed::Stream::Sample, 0);
    move |_| {
        let query = Query { batch: 10, ..Query::new(&model, &params, &x, 1) };
        pcd.estimate(query, &mut rng, &mut work);
        Estimator::<f32, Rbm>::observe(&mut pcd, &work.stats);
        work.release();
        let gradient = work.gradient(params.len());
        params.values_mut().iter_mut().zip(gradient).for_each(|(x, g)| *x += 1e-3 * g);
    }
}

fn vae<E: Estimator<f32, Vae>>(
    estimator: E,
    hidden: &[usize],
    latents: usize,
) -> Trainer<f32, Vae, E> {
    let mut params = Params::new();
    let rng = &mut seed::rng(1, seed::Stream::Init, 0);
    let likelihood = Likelihood::Bernoulli;
    let model = Vae::new(&mut params, 784, hidden, latents, Activation::Tanh, likelihood, rng);
    Trainer::new(model, params, estimator, Box::new(Adam::default()), Options::default())
}

fn dvae<E: Estimator<f32, DiscreteVae>>(
    estimator: E,
    samples: usize,
) -> Trainer<f32, DiscreteVae, E> {
    let mut params = Params::new();
    let rng = &mut seed::rng(1, seed::Stream::Init, 0);
    let likelihood = Likelihood::Bernoulli;
    let model = DiscreteVae::new(&mut params, 784, &[200], 200, Activation::Tanh, likelihood, rng);
    let options = Options { samples, ..Options::default() };
    Trainer::new(model, params, estimator, Box::new(Adam::default()), options)
}

/// A model with dependent latents, along the path.
fn along_the_path<M: LatentModel<f32>>(
    make: impl FnOnce(&mut Params<f32>, &mut Xoshiro256PlusPlus) -> M,
) -> Trainer<f32, M, Sgvb>
where
    for<'t> M::Posterior<'t>: Reparam<'t, f32>,
{
    let mut params = Params::new();
    let model = make(&mut params, &mut seed::rng(1, seed::Stream::Init, 0));
    let options = Options { samples: 2, ..Options::default() };
    Trainer::new(model, params, Sgvb, Box::new(Adam::default()), options)
}

/// The models with dependent latents, and the likelihoods of grey values.
fn dependent_latents() {
    let (tanh, grey) = (Activation::Tanh, Likelihood::ContinuousBernoulli);
    let levels = Likelihood::Categorical { levels: 4 };
    for inference in [Inference::BottomUp, Inference::Ladder] {
        let trainer = along_the_path(|params, rng| {
            let networks = (tanh, Likelihood::Bernoulli);
            HierarchicalVae::new(params, 784, &[16, 8, 4], &[50], networks, inference, rng)
        });
        assert_eq!(allocated(1, training(trainer)), 0, "hvae, {inference:?}");
    }
    for kind in [FlowKind::Coupling, FlowKind::InverseAutoregressive] {
        let trainer = along_the_path(|params, rng| {
            let flow = FlowOptions { kind, layers: 3, hidden: vec![20, 20] };
            Vae::with_flow(params, [784, 8], &[50], (tanh, grey), &flow, rng)
        });
        assert_eq!(allocated(1, training(trainer)), 0, "vae, {kind:?}");
    }
    let trainer = along_the_path(|params, rng| {
        Vae::full_covariance(params, [784, 8], &[50], tanh, levels, rng)
    });
    assert_eq!(allocated(1, training(trainer)), 0, "vae, full covariance");
}

/// Exact likelihoods of rows of bits and of numbers.
fn densities_by_networks() {
    fn trainer<M: Send + Sync + Tractable<f32>>(
        make: impl FnOnce(&mut Params<f32>) -> M,
    ) -> Trainer<f32, M, ExactLikelihood> {
        let mut params = Params::new();
        let model = make(&mut params);
        Trainer::new(model, params, ExactLikelihood, Box::new(Adam::default()), Options::default())
    }
    let rng = || seed::rng(1, seed::Stream::Init, 0);
    for threads in [1, 2] {
        let nade = trainer(|params| Nade::new(params, 784, 30, &mut rng()));
        assert_eq!(allocated(threads, training(nade)), 0, "nade, {threads} threads");
    }
    let relu = Activation::Relu;
    let made = trainer(|params| Made::new(params, 784, &[30, 20], 3, relu, &mut rng()));
    assert_eq!(allocated(1, training(made)), 0, "made");
    let flow = trainer(|params| CouplingFlow::new(params, 784, 3, &[30], relu, &mut rng()));
    assert_eq!(allocated(1, training(flow)), 0, "flow");
}

#[test]
fn a_step_allocates_nothing_after_its_warm_up() {
    for threads in [1, 2] {
        let step = training(vae(SgvbKl, &[200, 200], 50));
        assert_eq!(allocated(threads, step), 0, "vae, {threads} threads");
        let one_out = Reinforce { baseline: Baseline::LeaveOneOut };
        assert_eq!(allocated(threads, training(dvae(one_out, 4))), 0, "dvae, {threads} threads");
        let mut gmm = densities::gmm(10);
        assert_eq!(allocated(threads, |_| (gmm.step)()), 0, "gmm-d10, {threads} threads");
    }
    for (name, mut work) in [
        ("tiny", numbers::tiny()),
        ("tiny-afresh", numbers::tiny_afresh()),
        ("scalar", numbers::scalar()),
        ("scalar-replay", numbers::scalar_replay()),
        ("logreg-hmc", densities::logistic()),
        ("gplvm", densities::gplvm()),
    ] {
        assert_eq!(allocated(1, |_| (work.step)()), 0, "{name}");
    }
    assert_eq!(allocated(1, training(dvae(DisArm, 2))), 0, "pairs of bits");
    let relaxed = Concrete { temperature: 0.5 };
    assert_eq!(allocated(1, training(dvae(relaxed, 1))), 0, "relaxed bits");
    let chains = PosteriorChains { sampler: Hmc::default(), steps: 1 };
    assert_eq!(allocated(1, training(vae(chains, &[20], 5))), 0, "posterior chains");
    // A chain allocates when it begins, however long it is.
    assert_eq!(allocated(1, annealed(100)), allocated(1, annealed(5)), "annealing");
    let (long, short) = (annealed_machine(100), annealed_machine(5));
    assert_eq!(allocated(1, long), allocated(1, short), "annealing of a machine");
    assert_eq!(allocated(1, chains_of_bits()), 0, "chains of bits");
    assert_eq!(allocated(1, tracked()), 0, "weighted chains");
    dependent_latents();
    densities_by_networks();
    assert_eq!(allocated(1, factorisations()), 0, "factorisations");
    assert_eq!(allocated(1, gaussian_processes()), 0, "Gaussian processes");
    assert_eq!(allocated(1, numbers()), 0, "numbers");
    assert_eq!(allocated(1, expectations()), 0, "expectations");
    assert_eq!(allocated(1, markov_chains()), 0, "Markov chains");
    // The allocator does count: it sees a vector in every step.
    let seen = allocated(1, |_| drop(std::hint::black_box(vec![1_u8; 100])));
    // A thread of an earlier pool may still be on its way out.
    assert!(seen >= 5);
}
