//! Annealing of the latents of models whose likelihood is exact.

use pathscore_autodiff::{Scalar, Tape};
use pathscore_estimators::samplers::{Annealing, BothBounds, LatentAnnealing, Moves, simulate};
use pathscore_models::latent::{Generative, SmallBelief};
use pathscore_models::seed::{self, Stream};
use pathscore_models::tractable::Ppca;
use pathscore_models::{Params, Tractable};

/// Three latents behind eight columns, with noise small enough for posteriors much narrower than the prior.
fn ppca<F: Scalar>() -> (Ppca, Params<F>) {
    let mut params = Params::new();
    let model = Ppca::new(&mut params, 8, 3, &mut seed::rng(3, Stream::Init, 0));
    params.get_mut(model.weights()).iter_mut().for_each(|w| *w *= F::from_f64(2.0));
    params.get_mut(model.log_noise())[0] = F::from_f64(-2.0);
    (model, params)
}

fn belief() -> (SmallBelief, Params<f64>) {
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut seed::rng(0, Stream::Init, 0));
    (model, params)
}

const HMC: Moves = Moves::Hmc { leapfrogs: 5 };

/// A mean with its standard error.
fn mean(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let all: Vec<f64> = numbers.collect();
    let n = all.len() as f64;
    let mean = all.iter().sum::<f64>() / n;
    let square = all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (square / n).sqrt())
}

/// Both bounds of rows that the model draws, each less the exact $\ln p(x)$.
fn errors<F: Scalar, M: Generative<F> + Tractable<F>>(
    (model, params): &(M, Params<F>),
    annealing: &LatentAnnealing,
    rows: usize,
) -> Vec<BothBounds> {
    let (x, z) = simulate(model, params, rows, 1);
    let tape = Tape::new();
    let columns = x.len() / rows;
    let exact = model.log_prob(params.on(&tape), tape.constant(&x, [rows, columns])).value();
    let found = annealing.both_bounds(model, params, rows, (&x, &z), 2, &|_| {});
    let error = |(one, exact): (&BothBounds, &F)| {
        let exact = exact.to_f64();
        BothBounds { lower: one.lower - exact, upper: one.upper - exact }
    };
    found.iter().zip(exact.values()).map(error).collect()
}

/// One chain has a weight whose mean is p(x), and backward one whose inverse has the mean 1/p(x), for any number of steps.
#[track_caller]
fn weights_are_unbiased(found: &[BothBounds]) {
    for (name, (mean, error)) in [
        ("forward", mean(found.iter().map(|one| one.lower.exp()))),
        ("backward", mean(found.iter().map(|one| (-one.upper).exp()))),
    ] {
        // Four standard errors; the weights vary little enough for them to mean something.
        assert!(error < 0.06, "{name}: {mean} ± {error}");
        assert!((mean - 1.0).abs() < 4.0 * error, "{name}: {mean} ± {error}");
    }
}

/// Forward ≤ exact ≤ backward in the mean over rows, within four standard errors, and the gap at most `gap`.
#[track_caller]
fn bounds_enclose(found: &[BothBounds], gap: f64) {
    let (lower, lower_error) = mean(found.iter().map(|one| one.lower));
    let (upper, upper_error) = mean(found.iter().map(|one| one.upper));
    assert!(lower <= 4.0 * lower_error, "lower {lower} ± {lower_error}");
    assert!(upper >= -4.0 * upper_error, "upper {upper} ± {upper_error}");
    assert!(upper - lower < gap, "lower {lower}, upper {upper}");
}

#[test]
fn hamiltonian_annealing_encloses_the_exact_likelihood() {
    let annealing =
        |steps, chains| LatentAnnealing { path: Annealing::sigmoid(steps), chains, moves: HMC };
    let model = ppca::<f64>();
    weights_are_unbiased(&errors(&model, &annealing(200, 1), 800));
    // Few steps: the bounds are far apart, and on their sides.
    let few = errors(&model, &annealing(5, 1), 200);
    assert!(mean(few.iter().map(|one| one.lower)).0 < -0.5);
    assert!(mean(few.iter().map(|one| one.upper)).0 > 0.5);
    bounds_enclose(&few, f64::INFINITY);
    // The gap of 1000 rows is 0.09 for 400 steps and five chains, and twice that for 200.
    bounds_enclose(&errors(&model, &annealing(300, 10), 20), 0.2);
    bounds_enclose(&errors(&ppca::<f32>(), &annealing(300, 10), 20), 0.2);
}

#[test]
fn gibbs_annealing_of_bits_encloses_the_exact_likelihood() {
    let annealing = |steps, chains| LatentAnnealing {
        path: Annealing::linear(steps),
        chains,
        moves: Moves::GibbsBits,
    };
    weights_are_unbiased(&errors(&belief(), &annealing(3, 1), 4000));
    bounds_enclose(&errors(&belief(), &annealing(50, 10), 100), 0.02);
}

#[test]
fn bounds_of_given_rows_are_those_of_their_likelihood() {
    let (model, params) = ppca::<f64>();
    let rows: Vec<f64> = (0..7 * 8).map(|i| (1.0 + f64::from(i)).sin()).collect();
    let annealing = LatentAnnealing { path: Annealing::sigmoid(1500), chains: 20, moves: HMC };
    let done = std::sync::atomic::AtomicUsize::new(0);
    let count = |lower: &[f64]| {
        done.fetch_add(lower.len(), std::sync::atomic::Ordering::Relaxed);
    };
    let found = annealing.lower_bounds(
        &model,
        &params,
        [7, 8],
        5,
        |range, x, _| x.copy_from_slice(&rows[range.start * 8..range.end * 8]),
        &count,
    );
    assert_eq!(done.into_inner(), 7);
    let tape = Tape::new();
    let exact = model.log_prob(params.on(&tape), tape.constant(&rows, [7, 8])).value();
    for (found, exact) in found.iter().zip(exact.values()) {
        // The logarithms of weights deviate by about a tenth after so many steps, and twenty are averaged.
        assert!((found - exact).abs() < 0.2, "{found} {exact}");
    }
}

#[test]
fn bounds_have_the_same_bits_for_any_number_of_threads() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let annealing = LatentAnnealing { path: Annealing::linear(20), chains: 3, moves: HMC };
        pool.install(|| errors(&ppca::<f64>(), &annealing, 23))
    };
    assert_eq!(run(1), run(4));
}

#[test]
#[should_panic(expected = "annealing: no chains")]
fn chains_are_needed() {
    let annealing = LatentAnnealing { path: Annealing::linear(2), chains: 0, moves: HMC };
    errors(&ppca::<f64>(), &annealing, 2);
}
