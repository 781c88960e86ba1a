//! Markov chain Monte Carlo against exact moments, joint simulations and enumerated transitions. Every check must
//! catch samplers that are wrong on purpose.
//!
//! All draws are functions of fixed seeds. With fresh ones a right sampler would fail at one moment, at four standard errors, once
//! in 15 800: at one of the 149 moments of the largest target with probability 1 %, at one of all 617 with 4 %. Standard
//! errors are themselves estimated: over forty seeds the root mean square of such distances was between 0.97 and 1.05, and
//! 1.15 for squares where trajectories of HMC nearly return, which these tests avoid.

mod annealing;
mod bits;
mod geweke;
mod latent_annealing;
mod mistakes;
mod targets;

use crate::energy::{index, machine, probabilities, states};
use geweke::geweke;
use mistakes::{MISTAKES, Mistake, Synchronous, Upside, WithoutProposals, WrongHmc, trajectory};
use pathscore_autodiff::{Tape, Var};
use pathscore_estimators::samplers::convergence::{ess, rhat};
use pathscore_estimators::samplers::{
    Differentiable, Draws, FromFn, FromTape, Gibbs, GibbsBits, Hmc, Info, LogDensity, Mala,
    Options, PhasePoint, Position, RandomWalk, Sampler, Ula, WarmUp, chains, leapfrog,
};
use pathscore_estimators::{Coverage, Enumerator};
use pathscore_models::seed::{self, Stream};
use pathscore_models::{BlockGibbs, RandomSource};
use targets::{
    Moment, autoregression, bounded, moments_of_autoregression, moments_of_bounded,
    moments_of_student, student, without_jacobian, worst,
};

/// The largest distance from an exact mean that passes, in standard errors.
const MOST_ERRORS: f64 = 4.0;

/// Four chains of ten thousand draws from around `0.1`.
fn four_chains<T, S>(sampler: &S, target: &T, dim: usize) -> Draws
where
    T: Sync,
    S: Sampler<T> + Sync,
{
    thinned(sampler, target, dim, 1)
}

/// The same, each draw after `thin` transitions.
fn thinned<T, S>(sampler: &S, target: &T, dim: usize, thin: usize) -> Draws
where
    T: Sync,
    S: Sampler<T> + Sync,
{
    let start = |chain: usize| (0..dim).map(|i| 0.1 * ((i + chain) % 3) as f64).collect();
    let positions: Vec<Vec<f64>> = (0..4).map(start).collect();
    let options = Options { draws: 10_000, discard: 1000, thin, seed: 11 };
    chains(sampler, target, &positions, options)
}

/// A sampler with the step size and masses of a warm-up.
fn warm<T: Differentiable>(target: &T, steps: usize) -> Hmc {
    let rng = &mut seed::rng(12, Stream::Sample, 100);
    let hmc = Hmc { steps, jitter: 0.2, ..Hmc::default() };
    hmc.warm_up(target, &vec![0.1; target.dim()], WarmUp::default(), rng).sampler
}

/// Checks the moments by all three samplers with proposals of these scales. The random walk is thinned by a fifth of the
/// number of dimensions, so that its draws are worth about as much as the others'.
fn check_moments<T>(target: &T, moments: &[Moment], [walk, langevin]: [f64; 2], steps: usize)
where
    T: Differentiable + Sync,
{
    let dim = target.dim();
    let hmc = warm(target, steps);
    let all = [
        ("random walk", thinned(&RandomWalk::new(walk), target, dim, dim.div_ceil(5))),
        ("mala", four_chains(&Mala::new(langevin), target, dim)),
        ("hmc", four_chains(&hmc, target, dim)),
    ];
    for (name, draws) in all {
        let (errors, words) = worst(&draws, moments);
        let acceptance = draws.acceptance();
        println!("{name} in {dim} dimensions, acceptance {acceptance:.2}: {words}");
        assert!(errors < MOST_ERRORS, "{name}: {words}");
        assert!(acceptance > 0.1 && acceptance < 0.98, "{name} accepts {acceptance}");
        assert_eq!(draws.divergences(), 0, "{name}");
        let worst_rhat = (0..dim).map(|i| draws.rhat(i)).fold(0.0, f64::max);
        assert!(worst_rhat < 1.05, "{name}: {worst_rhat}");
    }
}

#[test]
fn two_correlated_normals_have_their_moments() {
    let moments = moments_of_autoregression(2, 0.8);
    check_moments(&autoregression(2, 0.8), &moments, [1.3, 0.9], 2);
}

#[test]
fn constrained_targets_have_their_moments() {
    check_moments(&bounded(), &moments_of_bounded(), [0.8, 0.8], 3);
}

#[test]
fn ten_correlated_normals_have_their_moments() {
    let moments = moments_of_autoregression(10, 0.5);
    check_moments(&autoregression(10, 0.5), &moments, [0.55, 0.8], 2);
}

#[test]
fn fifty_correlated_normals_have_their_moments() {
    let moments = moments_of_autoregression(50, 0.3);
    check_moments(&autoregression(50, 0.3), &moments, [0.3, 0.7], 2);
}

#[test]
fn students_distribution_has_its_moments() {
    check_moments(&student(), &moments_of_student(), [1.5, 1.2], 2);
}

/// Large steps, so that the acceptance matters.
fn coarse() -> Hmc {
    Hmc { step_size: 0.6, steps: 3, ..Hmc::default() }
}

#[test]
fn the_check_of_moments_catches_every_mistake() {
    let (target, moments) = (autoregression(2, 0.8), moments_of_autoregression(2, 0.8));
    let errors = |sampler: &WrongHmc| worst(&four_chains(sampler, &target, 2), &moments);
    let right = errors(&WrongHmc(coarse(), Mistake::None));
    assert!(right.0 < MOST_ERRORS, "the right twin: {}", right.1);
    for mistake in MISTAKES {
        // The least of the mistakes needs the largest steps; with them chains of the wrong sign run away.
        let step_size = if mistake == Mistake::FullFirstStep { 0.66 } else { 0.6 };
        let found = errors(&WrongHmc(Hmc { step_size, ..coarse() }, mistake));
        println!("{mistake:?}: {}", found.1);
        assert!(found.0 > MOST_ERRORS, "{mistake:?} is not caught: {}", found.1);
    }
    for (name, found) in [
        ("no proposals", four_chains(&WithoutProposals { scale: 0.9 }, &target, 2)),
        ("unadjusted", four_chains(&Ula::new(0.6), &target, 2)),
    ] {
        let (errors, words) = worst(&found, &moments);
        println!("{name}: {words}");
        assert!(errors > MOST_ERRORS, "{name} is not caught: {words}");
    }
    let target = without_jacobian();
    let hmc = Hmc { step_size: 0.5, steps: 5, jitter: 0.2, ..Hmc::default() };
    let (errors, words) = worst(&four_chains(&hmc, &target, 5), &moments_of_bounded());
    println!("no Jacobian: {words}");
    assert!(errors > MOST_ERRORS, "the forgotten Jacobian is not caught: {words}");
}

/// Nine means, each wrong by chance once in 15 800: once in 1750 for each sampler.
#[test]
fn gewekes_joint_test_passes_the_samplers_and_catches_every_mistake() {
    const DRAWS: usize = 60_000;
    // The least of the mistakes needs more draws; chains of the others may run away, and more draws show no more.
    let draws = |mistake| if mistake == Mistake::FullFirstStep { 150_000 } else { 20_000 };
    let hmc = Hmc { step_size: 0.55, steps: 3, ..Hmc::default() };
    for (name, errors) in [
        ("random walk", geweke(&RandomWalk::new(0.8), true, DRAWS, 1)),
        ("gibbs", geweke(&Gibbs, true, DRAWS, 2)),
        ("mala", geweke(&Mala::new(0.6), true, DRAWS, 3)),
        ("hmc", geweke(&hmc, true, DRAWS, 4)),
        ("the right twin", geweke(&WrongHmc(hmc.clone(), Mistake::None), true, DRAWS, 5)),
    ] {
        println!("{name}: {errors:.2} errors");
        assert!(errors < MOST_ERRORS, "{name}: {errors}");
    }
    let wrong = MISTAKES.map(|mistake| {
        (format!("{mistake:?}"), geweke(&WrongHmc(hmc.clone(), mistake), true, draws(mistake), 6))
    });
    let others = [
        ("no proposals".into(), geweke(&WithoutProposals { scale: 0.6 }, true, 20_000, 7)),
        ("unadjusted".into(), geweke(&Ula::new(0.6), true, 20_000, 8)),
        ("no Jacobian".into(), geweke(&hmc, false, 20_000, 9)),
    ];
    for (name, errors) in wrong.into_iter().chain(others) {
        println!("{name}: {errors:.2} errors");
        assert!(errors > MOST_ERRORS, "{name} is not caught: {errors}");
    }
}

/// A density that is no normal, and masses that differ.
fn bent() -> impl Differentiable {
    FromTape::new(3, |x| {
        let turned = (x.slice(-1, 0..1) * x.slice(-1, 1..2)).sin().sum();
        let fourth = x.square().sum_squares(-1) * 0.1;
        turned - x.sum_squares(-1) * 0.5 - fourth
    })
}

const INVERSE_MASS: [f64; 3] = [0.5, 1.0, 2.0];

/// A point of generic position and momentum.
fn start(target: &impl Differentiable) -> PhasePoint {
    let mut point = PhasePoint::new(target, &[0.7, -0.4, 1.1]);
    point.momentum.copy_from_slice(&[-0.3, 0.8, 0.5]);
    point
}

/// The distance from the start after a trajectory, a reversal of the momentum, and the same trajectory.
fn distance_after_return(mistake: Mistake) -> f64 {
    let target = bent();
    let (from, mut point) = (start(&target), start(&target));
    for _ in 0..2 {
        trajectory(&target, &mut point, (0.1, 50), &INVERSE_MASS, mistake);
        point.momentum.iter_mut().for_each(|p| *p = -*p);
    }
    crate::common::distance(&from.position, &point.position)
        .max(crate::common::distance(&from.momentum, &point.momentum))
}

#[test]
fn the_leapfrog_integrator_is_reversible() {
    let right = distance_after_return(Mistake::None);
    assert!(right < 1e-10, "{right}");
    let wrong = distance_after_return(Mistake::FullFirstStep);
    assert!(wrong > 1e-3, "a full first step is not caught: {wrong}");
}

/// The ratio of the energy errors at some step size and at half of it, over the same time.
fn energy_ratio(mistake: Mistake) -> f64 {
    let target = bent();
    let error = |steps: usize| {
        let mut point = start(&target);
        let before = point.energy(&INVERSE_MASS);
        let step_size = 1.0 / steps as f64;
        trajectory(&target, &mut point, (step_size, steps), &INVERSE_MASS, mistake);
        point.energy(&INVERSE_MASS) - before
    };
    error(32) / error(64)
}

#[test]
fn the_energy_error_falls_as_the_square_of_the_step_size() {
    // The next term of the error is smaller by another square: a few parts in a thousand.
    let right = energy_ratio(Mistake::None);
    assert!((right - 4.0).abs() < 0.05, "{right}");
    let wrong = energy_ratio(Mistake::FullFirstStep);
    assert!((wrong - 4.0).abs() > 1.0, "a full first step is not caught: {wrong}");
}

/// The determinant of the Jacobian of a map of phase space, by central differences.
fn determinant(target: &impl Differentiable, map: impl Fn(&mut PhasePoint)) -> f64 {
    const H: f64 = 1e-5;
    let ends = |column: usize, by: f64| {
        let PhasePoint { position, momentum, .. } = start(target);
        let mut numbers = [position, momentum].concat();
        numbers[column] += by;
        let mut point = PhasePoint::new(target, &numbers[..3]);
        point.momentum.copy_from_slice(&numbers[3..]);
        map(&mut point);
        [point.position, point.momentum].concat()
    };
    let columns: Vec<Vec<f64>> = (0..6)
        .map(|column| {
            let (up, down) = (ends(column, H), ends(column, -H));
            up.iter().zip(down).map(|(up, down)| (up - down) / (2.0 * H)).collect()
        })
        .collect();
    nalgebra::DMatrix::from_vec(6, 6, columns.concat()).determinant()
}

#[test]
fn the_leapfrog_integrator_preserves_volume() {
    let target = bent();
    let right = determinant(&target, |point| {
        (0..20).for_each(|_| leapfrog(&target, point, 0.1, &INVERSE_MASS));
    });
    // The differences err by h² and by 1e-16/h.
    assert!((right - 1.0).abs() < 1e-7, "{right}");
    let euler = determinant(&target, |point| {
        for _ in 0..20 {
            let PhasePoint { position, momentum, grad, .. } = &mut *point;
            for i in 0..3 {
                position[i] += 0.1 * INVERSE_MASS[i] * momentum[i];
                momentum[i] += 0.1 * grad[i];
            }
            point.log_prob = target.log_prob_and_grad(&point.position, &mut point.grad);
        }
    });
    assert!((euler - 1.0).abs() > 0.1, "Euler's method is not caught: {euler}");
}

/// The adjusted Langevin algorithm and one leapfrog step are the same transition, with the same random numbers.
#[test]
fn mala_is_hmc_with_one_leapfrog_step() {
    let target = bent();
    let (mala, hmc) =
        (Mala::new(0.9), Hmc { step_size: 0.9, steps: 1, jitter: 0.0, ..Hmc::default() });
    let rngs = &mut [(); 2].map(|()| seed::rng(2, Stream::Sample, 0));
    let [a, b] = rngs;
    let mut states = [mala.init(&target, &[0.1; 3], a), hmc.init(&target, &[0.1; 3], b)];
    let mut rejected = 0;
    for _ in 0..200 {
        let infos = [mala.step(&target, &mut states[0], a), hmc.step(&target, &mut states[1], b)];
        assert_eq!(infos[0].accepted, infos[1].accepted);
        rejected += usize::from(!infos[0].accepted);
        assert!((infos[0].energy_error - infos[1].energy_error).abs() < 1e-9);
        let [one, other] = states.each_ref().map(|state| &state.current().position);
        // The maps contract on the whole, and the rounding errors of 200 steps do not grow.
        assert!(crate::common::distance(one, other) < 1e-9);
    }
    assert!(rejected > 20, "{rejected}");
}

/// The largest change of the probability of a state by a transition, which is enumerated from every state. `from`
/// makes a step from a state and returns the number of the next one.
fn change<const N: usize>(
    pi: &[f64],
    nodes: usize,
    from: impl Fn(usize, &mut Enumerator) -> usize,
) -> f64 {
    let mut after = [0.0; N];
    for (state, p) in pi.iter().enumerate() {
        let mut total = 0.0;
        let coverage = Enumerator::for_each(nodes, 1 << 12, |source| {
            let next = from(state, source);
            after[next] += p * source.probability();
            total += source.probability();
        });
        assert!(matches!(coverage, Coverage::Complete { .. }), "{coverage:?}");
        assert!((total - 1.0).abs() < 1e-13, "the probabilities sum to {total}");
    }
    crate::common::distance(&after, pi)
}

/// A step of a sampler from a position to another.
fn step<T, S: Sampler<T>>(
    sampler: &S,
    target: &T,
    from: &[f64],
    source: &mut Enumerator,
) -> Vec<f64> {
    let mut state = sampler.init(target, from, source);
    sampler.step(target, &mut state, source);
    state.position().to_vec()
}

fn normalised(log_probs: &[f64]) -> Vec<f64> {
    let total: f64 = log_probs.iter().map(|l| l.exp()).sum();
    log_probs.iter().map(|l| l.exp() / total).collect()
}

#[test]
fn gibbs_on_bits_leaves_its_target_invariant() {
    let log_prob = |x: &[f64]| match index(x) {
        9 => f64::NEG_INFINITY,
        state => 2.0 * (5.0 * state as f64).sin(),
    };
    let target = FromFn { dim: 4, log_prob };
    let pi = normalised(&states().iter().map(|x| log_prob(x)).collect::<Vec<_>>());
    let by = |sampler: &dyn Fn(&[f64], &mut Enumerator) -> Vec<f64>| {
        change::<16>(&pi, 0, |state, source| index(&sampler(&states()[state], source)))
    };
    let right = by(&|x, source| step(&GibbsBits, &target, x, source));
    assert!(right < 1e-12, "{right}");
    let wrong = by(&|x, source| step(&Synchronous, &target, x, source));
    assert!(wrong > 1e-3, "bits that are drawn at once are not caught: {wrong}");
}

#[test]
fn block_gibbs_of_the_boltzmann_machine_leaves_it_invariant() {
    let (model, params) = machine();
    let pi = probabilities(&model, &params);
    let sweep = |params: &pathscore_models::Params<f64>, state: usize, source: &mut Enumerator| {
        let tape = Tape::new();
        let v = tape.constant(&states()[state], [1, 4]);
        model.gibbs_sweep(params.on(&tape), v, source).with(index)
    };
    let right = change::<16>(&pi, 0, |state, source| sweep(&params, state, source));
    assert!(right < 1e-12, "{right}");
    // The sweep of a machine with another hidden bias.
    let mut other = params.clone();
    other.values_mut()[17] += 0.1;
    let wrong = change::<16>(&pi, 0, |state, source| sweep(&other, state, source));
    assert!(wrong > 1e-4, "another machine is not caught: {wrong}");
}

/// The nodes of Gauss' rule of two nodes are ±1, so that a random walk stays on a lattice of its scale.
#[test]
fn metropolis_on_a_lattice_leaves_its_target_invariant() {
    let place = |x: &[f64]| {
        let [i, j] = [0, 1].map(|axis: usize| (x[axis] / 0.5).round());
        ((0.0..3.0).contains(&i) && (0.0..4.0).contains(&j)).then_some((4.0 * i + j) as usize)
    };
    let log_pi: Vec<f64> = (0..12).map(|at| 1.5 * (7.0 * f64::from(at)).sin()).collect();
    let log_prob = |x: &[f64]| place(x).map_or(f64::NEG_INFINITY, |at| log_pi[at]);
    let target = FromFn { dim: 2, log_prob };
    let at = |state: usize| [0.5 * (state / 4) as f64, 0.5 * (state % 4) as f64];
    let pi = normalised(&log_pi);
    let right = change::<12>(&pi, 2, |state, source| {
        let to = step(&RandomWalk::new(0.5), &target, &at(state), source);
        place(&to).expect("the walk stays in the support")
    });
    assert!(right < 1e-12, "{right}");
    let wrong = change::<12>(&pi, 2, |state, source| {
        let to = step(&Upside(0.5), &target, &at(state), source);
        place(&to).expect("the walk stays in the support")
    });
    assert!(wrong > 1e-3, "the wrong ratio is not caught: {wrong}");
}

#[test]
fn chains_have_the_same_bits_for_any_number_of_threads() {
    let target = bounded();
    let hmc = Hmc { step_size: 0.4, steps: 4, jitter: 0.3, ..Hmc::default() };
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let options = Options { draws: 50, discard: 10, thin: 2, seed: 5 };
        pool.install(|| chains(&hmc, &target, &vec![vec![0.1; 5]; 5], options))
    };
    let (one, two) = (on(1), on(2));
    assert_eq!(one, two);
    assert_eq!(one, on(2));
    assert_ne!(one.chain(0), one.chain(1), "chains have random numbers of their own");
}

/// A single step from a position with a given sampler.
fn single<T, S: Sampler<T>>(sampler: &S, target: &T, from: &[f64]) -> (Info, Vec<f64>) {
    let rng = &mut seed::rng(3, Stream::Sample, 0);
    let mut state = sampler.init(target, from, rng);
    let info = sampler.step(target, &mut state, rng);
    (info, state.position().to_vec())
}

/// A density of slope zero with a wall at zero, beyond which it has another value.
struct Wall(f64);

impl LogDensity for Wall {
    fn dim(&self) -> usize {
        1
    }

    fn log_prob(&self, x: &[f64]) -> f64 {
        if x[0] < 0.0 { 0.0 } else { self.0 }
    }
}

impl Differentiable for Wall {
    fn log_prob_and_grad(&self, x: &[f64], grad: &mut [f64]) -> f64 {
        grad[0] = 0.0;
        self.log_prob(x)
    }
}

#[test]
fn a_divergence_is_an_increase_of_the_energy_and_no_panic() {
    // A distance of a million, in whatever direction the momentum has.
    let hmc = Hmc { step_size: 1e6, steps: 1, ..Hmc::default() };
    let crossing = |beyond: f64| {
        let mut found = Vec::new();
        for seed in 0..20 {
            let rng = &mut seed::rng(seed, Stream::Sample, 0);
            let mut state = hmc.init(&Wall(beyond), &[-1.0], rng);
            let info = hmc.step(&Wall(beyond), &mut state, rng);
            if info.energy_error != 0.0 {
                found.push((info, state.position()[0]));
            }
        }
        assert!(found.len() > 3);
        found
    };
    for (info, at) in crossing(5000.0) {
        assert!(info.accepted && !info.divergent && !info.non_finite && at > 0.0);
        assert_eq!(info.acceptance_probability, 1.0);
    }
    for (info, at) in crossing(-5000.0) {
        assert!(!info.accepted && info.divergent && !info.non_finite && at == -1.0);
    }
    for beyond in [f64::NEG_INFINITY, f64::NAN] {
        for (info, at) in crossing(beyond) {
            assert!(!info.accepted && info.divergent && info.non_finite && at == -1.0);
            assert_eq!(info.acceptance_probability, 0.0);
        }
    }
    for (info, at) in crossing(f64::INFINITY) {
        assert!(!info.accepted && !info.divergent && info.non_finite && at == -1.0);
    }
    // An integrator that is unstable: the energy overflows or grows by far more than the threshold.
    let unstable = Hmc { step_size: 30.0, steps: 100, ..Hmc::default() };
    let normal = FromTape::new(2, |x| x.sum_squares(-1) * -0.5);
    let (info, position) = single(&unstable, &normal, &[1.0, 1.0]);
    assert!(info.divergent && !info.accepted && position == [1.0, 1.0], "{info:?}");
}

#[test]
fn a_density_of_nan_rejects_in_every_sampler() {
    let target = FromTape::new(1, |x| (x * f64::NAN).sum() * 0.0 + (x * x).sum());
    assert!(target.log_prob(&[1.0]).is_nan());
    let from = [1.0];
    for (info, position) in [
        single(&RandomWalk::new(1.0), &target, &from),
        single(&Ula::new(1.0), &target, &from),
        single(&Mala::new(1.0), &target, &from),
        single(&Hmc::default(), &target, &from),
    ] {
        assert!(!info.accepted && info.non_finite && position == from, "{info:?}");
    }
    let hmc = Hmc::default();
    let rng = &mut seed::rng(0, Stream::Sample, 0);
    let warm = hmc.warm_up(&target, &from, WarmUp { draws: 50, target: 0.8 }, rng);
    assert_eq!(warm.position, from);
}

#[test]
fn a_warm_up_reaches_its_acceptance_and_the_variances() {
    let deviations = [0.01, 0.3, 1.0, 20.0];
    let target =
        FromTape::new(4, move |x| (x / x.tape().constant(&deviations, [4])).sum_squares(-1) * -0.5);
    for aim in [0.65, 0.8, 0.9] {
        let rng = &mut seed::rng(7, Stream::Sample, 0);
        let hmc = Hmc { steps: 4, jitter: 0.1, ..Hmc::default() };
        let options = WarmUp { draws: 1500, target: aim };
        let warm = hmc.warm_up(&target, &[0.1; 4], options, rng);
        for (variance, deviation) in warm.sampler.inverse_mass.iter().zip(deviations) {
            // The last window has more than 700 draws; the shrinkage adds 1e-5 or less to each variance.
            let ratio = variance / (deviation * deviation);
            assert!((0.6..1.6).contains(&ratio), "{ratio} of the variance {}", deviation.powi(2));
        }
        let options = Options { draws: 2000, discard: 0, ..Options::default() };
        let draws = chains(&warm.sampler, &target, &vec![warm.position; 4], options);
        let found = draws.acceptance();
        println!("{found} for {aim}");
        // The step sizes of the search scatter; at their mean more is accepted than on average over them, as in Stan.
        assert!(found > aim - 0.05 && found < aim + 0.12, "an acceptance of {found} for {aim}");
    }
}

#[test]
fn diagnostics_tell_chains_that_agree_from_chains_that_do_not() {
    let normals = |index: u64, shift: f64, scale: f64| {
        let rng = &mut seed::rng(1, Stream::Sample, index);
        (0..1000).map(|_| shift + scale * rng.normal()).collect::<Vec<f64>>()
    };
    let four = |shift: f64, scale: f64| -> Vec<Vec<f64>> {
        vec![
            normals(0, shift, scale),
            normals(1, 0.0, 1.0),
            normals(2, 0.0, 1.0),
            normals(3, 0.0, 1.0),
        ]
    };
    assert!(rhat(&four(0.0, 1.0)) < 1.01);
    assert!(rhat(&four(0.7, 1.0)) > 1.05);
    assert!(rhat(&four(0.0, 3.0)) > 1.05);
    // Half of a chain in another place.
    let mut drifting = four(0.0, 1.0);
    drifting.iter_mut().for_each(|chain| chain[..500].iter_mut().for_each(|x| *x += 0.7));
    assert!(rhat(&drifting) > 1.05);
    // Independent draws count fully; a tenth of error is five standard deviations of the estimate.
    assert!((ess(&four(0.0, 1.0)) / 4000.0 - 1.0).abs() < 0.15);
    // x' = −0.5 x + ε has the factor τ = (1 − 0.5)/(1 + 0.5) = 1/3.
    let antithetic: Vec<Vec<f64>> = four(0.0, 1.0)
        .iter()
        .map(|chain| {
            let mut x = 0.0;
            chain
                .iter()
                .map(|eps| {
                    x = eps - 0.5 * x;
                    x
                })
                .collect()
        })
        .collect();
    assert!((ess(&antithetic) / 12_000.0 - 1.0).abs() < 0.15, "{}", ess(&antithetic));
    assert!(ess(&vec![vec![1.0; 10]; 2]).is_nan());
    assert!(rhat(&[vec![f64::NAN; 10], vec![0.0; 10]]).is_nan());
}

#[test]
#[should_panic(expected = "3 numbers do not fit a target of dimension 2")]
fn scales_that_do_not_fit_are_refused_in_words() {
    let target = FromFn { dim: 2, log_prob: |_: &[f64]| 0.0 };
    let _ = single(&RandomWalk { scale: vec![1.0; 3] }, &target, &[0.0, 0.0]);
}

#[test]
#[should_panic(expected = "a log density is one number, but its shape is [2]")]
fn a_density_of_several_numbers_is_refused_in_words() {
    let _ = FromTape::new(2, |x: Var<'_, f64>| x * x).log_prob(&[0.0, 0.0]);
}
