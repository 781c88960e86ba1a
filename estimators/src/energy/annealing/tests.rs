//! Annealing of Boltzmann machines whose $Z$ can be summed.

use super::chains::Memory;
use super::*;
use crate::enumerator::{Coverage, Enumerator};
use crate::samplers::bridge;
use pathscore_autodiff::{Tape, Var};
use pathscore_models::energy::Rbm;
use pathscore_models::seed::{self, Stream};
use pathscore_models::{BlockGibbs, Bound, Energy, ExactPartition, Params, RandomSource};

/// A machine with $W_{ij} = s \sin(1 + 3i + 5j)$, $b_i = (i - 1.5)/10$ and $c_j = (j - 1)/5$.
fn machine<F: Scalar>(visible: usize, hidden: usize, scale: f64) -> (Rbm, Params<F>) {
    let mut params = Params::new();
    let model = Rbm::new(&mut params, visible, hidden, &mut seed::rng(0, Stream::Init, 0));
    let weight = |at: usize| scale * ((1 + 3 * (at / hidden) + 5 * (at % hidden)) as f64).sin();
    let weights = (0..visible * hidden).map(weight);
    let of_visible = (0..visible).map(|i| 0.1 * (i as f64 - 1.5));
    let of_hidden = (0..hidden).map(|j| 0.2 * (j as f64 - 1.0));
    let values = weights.chain(of_visible).chain(of_hidden);
    params.values_mut().iter_mut().zip(values).for_each(|(to, x)| *to = F::from_f64(x));
    (model, params)
}

fn exact<F: Scalar>(model: &Rbm, params: &Params<F>) -> f64 {
    ExactPartition::<F>::log_partition(model, params).expect("the smaller side is small")
}

/// The machine without the step of annealing that shares its products.
struct Plain(Rbm);

impl Energy<f64> for Plain {
    fn energy<'t>(&self, params: Bound<'t, f64>, x: Var<'t, f64>) -> Var<'t, f64> {
        self.0.energy(params, x)
    }
}

impl BlockGibbs<f64> for Plain {
    fn gibbs_sweep<'t, R: RandomSource>(
        &self,
        params: Bound<'t, f64>,
        x: Var<'t, f64>,
        rng: &mut R,
    ) -> Var<'t, f64> {
        self.0.gibbs_sweep(params, x, rng)
    }
}

impl BaseModel<f64> for Plain {
    fn set_base(&self, params: &mut Params<f64>, means: &[f64]) -> f64 {
        self.0.set_base(params, means)
    }
}

/// The means of $w$ (forward) or $1/w$ (in reverse, from exact draws) and of $\ln w$ over all outcomes of a path.
fn enumerated<M: BaseModel<f64>>(path: &ParameterPath<f64, M>, betas: &[f64]) -> [f64; 2] {
    let states: Vec<[f64; 3]> =
        (0..8).map(|state| [0, 1, 2].map(|bit| f64::from(state >> bit & 1))).collect();
    let tape = Tape::new();
    let rows = tape.constant(&states.concat(), [8, 3]);
    let energies = path.model.energy(path.target.on(&tape), rows).value();
    let total: f64 = energies.values().iter().map(|e| (-e).exp()).sum();
    let probs: Vec<f64> = energies.values().iter().map(|e| (-e).exp() / total).collect();
    let forward = betas[0] == 0.0;
    let mut sums = [0.0; 2];
    let coverage = Enumerator::for_each(0, 1 << 20, |source| {
        let start = if forward { [0.0; 3] } else { states[source.categorical(&probs)] };
        let mut memory = Memory::new(&start, 3);
        memory.start(path.model, path.ends(), betas[0], source);
        for step in betas.windows(2) {
            memory.step(path.model, path.ends(), [step[0], step[1]], source);
        }
        let (p, log_weight) = (source.probability(), memory.log_weights[0]);
        sums[0] += p * log_weight.exp();
        sums[1] += p * log_weight;
    });
    assert!(matches!(coverage, Coverage::Complete { .. }), "{coverage:?}");
    sums
}

/// Whatever the temperatures: sums of up to a million products of numbers near one round off by less.
#[test]
fn weights_have_the_ratio_of_partition_functions_for_their_exact_mean() {
    let (model, params) = machine(3, 2, 2.0);
    let log_z = exact(&model, &params);
    let means = [0.3, 0.6, 0.5];
    let (fused, plain) = (ParameterPath::new(&model, &params, &means), Plain(model));
    let plain = ParameterPath::new(&plain, &params, &means);
    let log_ratio = log_z - fused.log_base();
    for betas in [&[0.0, 1.0][..], &[0.0, 0.4, 1.0]] {
        for [mean, log_mean] in [enumerated(&fused, betas), enumerated(&plain, betas)] {
            assert!((mean.ln() - log_ratio).abs() < 1e-10, "{betas:?}: {}", mean.ln());
            assert!(log_mean < log_ratio - 1e-3, "{betas:?}: E ln w is below: {log_mean}");
        }
        let backwards: Vec<f64> = betas.iter().rev().copied().collect();
        for [mean, log_mean] in [enumerated(&fused, &backwards), enumerated(&plain, &backwards)] {
            assert!((mean.ln() + log_ratio).abs() < 1e-10, "{backwards:?}: {}", mean.ln());
            assert!(-log_mean > log_ratio + 1e-3, "{backwards:?}: −E ln 1/w is above: {log_mean}");
        }
    }
}

#[test]
fn without_weights_every_chain_has_the_same_weight() {
    let (model, mut params) = machine::<f64>(5, 4, 0.0);
    params.get_mut(model.weights()).fill(0.0);
    let biases = params.values()[20..].to_vec();
    let softplus: f64 = biases.iter().map(|b| b.exp().ln_1p()).sum();
    let means: Vec<f64> = biases[..5].iter().map(|b| 1.0 / (1.0 + (-b).exp())).collect();
    let path = ParameterPath::new(&model, &params, &means);
    let mut chains = EnergyChains::new(60, 5, 0);
    let annealing = Annealing::linear(20);
    for found in [
        path.forward(&annealing, &mut chains, &|_| {}),
        path.reverse(&annealing, &mut chains, &|_| {}),
    ] {
        // Twenty sums of numbers of order one.
        assert!((found.value - softplus).abs() < 1e-12, "{} {softplus}", found.value);
        assert!(found.log_weights.iter().all(|w| (w - softplus).abs() < 1e-12));
        assert!((found.effective_chains - 60.0).abs() < 1e-9);
        assert!(found.interval[1] - found.interval[0] < 1e-6, "{:?}", found.interval);
    }
}

/// Exact draws of the model, by the inverse of its distribution function.
fn draws(model: &Rbm, params: &Params<f64>, count: usize, seed: u64) -> Vec<f64> {
    let columns = model.visible();
    let states: Vec<f64> = (0..1_usize << columns)
        .flat_map(|state| (0..columns).map(move |bit| (state >> bit & 1) as f64))
        .collect();
    let tape = Tape::new();
    let energies = model.energy(params.on(&tape), tape.constant(&states, [1 << columns, columns]));
    let log_z = exact(model, params);
    let probs: Vec<f64> = energies.value().values().iter().map(|e| (-e - log_z).exp()).collect();
    let source = &mut seed::rng(seed, Stream::Sample, 7);
    let row = |_| states[columns * source.categorical(&probs)..][..columns].to_vec();
    (0..count).flat_map(row).collect()
}

/// Both directions of many seeds on one machine: the errors of the estimates, and the distances in standard errors.
struct Both {
    errors: [Vec<f64>; 3],
    inside: [usize; 2],
    log_weights: [f64; 2],
}

const SEEDS: u64 = 100;

fn both(model: &Rbm, params: &Params<f64>, annealing: &Annealing, count: usize) -> Both {
    let (exact, columns) = (exact(model, params), model.visible());
    let path = ParameterPath::new(model, params, &vec![0.5; columns]);
    let mut found = Both { errors: Default::default(), inside: [0; 2], log_weights: [0.0; 2] };
    for seed in 0..SEEDS {
        let mut chains = EnergyChains::new(count, columns, seed);
        let forward = path.forward(annealing, &mut chains, &|_| {});
        let rows = draws(model, params, count, seed);
        let mut chains = EnergyChains::from_rows(&rows, columns, 1000 + seed);
        let reverse = path.reverse(annealing, &mut chains, &|_| {});
        let both = bridge(&forward.log_weights, &reverse.log_weights);
        for (side, one) in [&forward, &reverse].into_iter().enumerate() {
            found.inside[side] += usize::from(one.interval[0] <= exact && exact <= one.interval[1]);
            found.log_weights[side] += one.log_weights.iter().sum::<f64>() / count as f64;
        }
        let values = [forward.value, reverse.value, both.value];
        found.errors.iter_mut().zip(values).for_each(|(all, value)| all.push(value - exact));
    }
    found.log_weights = found.log_weights.map(|sum| sum / SEEDS as f64 - exact);
    found
}

fn root_mean_square(errors: &[f64]) -> f64 {
    (errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64).sqrt()
}

/// The machine whose ln Z is 5.338306502219, and one with weights so large that linear temperatures of thirty steps are few.
#[test]
fn estimates_lie_within_three_standard_errors_of_the_truth_which_both_sides_enclose() {
    for (shape, scale, steps, count) in [([4, 3], 1.0, 20, 100), ([8, 5], 2.5, 60, 200)] {
        let (model, params) = machine(shape[0], shape[1], scale);
        let log_z = exact(&model, &params);
        assert!(shape[0] != 4 || (log_z - 5.338_306_502_219).abs() < 1e-11);
        let found = both(&model, &params, &Annealing::linear(steps), count);
        let spread = found.errors.each_ref().map(|errors| root_mean_square(errors));
        println!(
            "{shape:?}: inside {:?}, root mean squares {spread:?}, means of ln w {:?}",
            found.inside, found.log_weights
        );
        assert!(found.inside.iter().all(|&inside| inside >= 95), "{:?}", found.inside);
        // Means of ln w below the truth forward and above it in reverse.
        assert!(
            found.log_weights[0] < 0.0 && found.log_weights[1] > 0.0,
            "{:?}",
            found.log_weights
        );
        // A root mean square of a hundred errors is known to 7 %, and the three are correlated.
        assert!(spread[2] < 1.05 * spread[0].min(spread[1]), "the bridge is worse: {spread:?}");
    }
}

#[test]
fn temperatures_of_a_pilot_run_spread_the_variance_and_make_it_less() {
    let (model, params) = machine::<f64>(10, 8, 2.5);
    let path = ParameterPath::new(&model, &params, &[0.5; 10]);
    let (linear, mut chains) = (Annealing::linear(40), EnergyChains::new(200, 10, 3));
    let adapted = path.pilot(&Annealing::linear(400), &mut chains, 40);
    assert_eq!(adapted.betas().len(), 41);
    // The variance of ln w, over two thousand chains.
    let variance = |annealing: &Annealing| {
        let found = path.forward(annealing, &mut EnergyChains::new(2000, 10, 4), &|_| {});
        let mean = found.log_weights.iter().sum::<f64>() / 2000.0;
        found.log_weights.iter().map(|w| (w - mean) * (w - mean)).sum::<f64>() / 1999.0
    };
    let [of_linear, of_adapted] = [&linear, &adapted].map(variance);
    println!("variances of ln w: {of_linear} linear, {of_adapted} adapted");
    // Of 2000 chains a variance is known to about 3 % if the weights are normal.
    assert!(of_adapted < 0.9 * of_linear, "{of_linear} {of_adapted}");
}

/// A machine of 16 hidden and 20 visible units in single precision, against the sum over 65 536 states.
#[test]
fn a_machine_of_sixteen_hidden_units_is_enclosed_from_both_sides() {
    let mut params = Params::<f32>::new();
    let rng = &mut seed::rng(1, Stream::Init, 0);
    let model = Rbm::new(&mut params, 20, 16, rng);
    params.values_mut().iter_mut().for_each(|x| *x = 0.6 * rng.normal() as f32);
    let log_z = exact(&model, &params);
    let path = ParameterPath::new(&model, &params, &[0.5; 20]);
    let mut chains = EnergyChains::new(400, 20, 5);
    let annealing = Annealing::sigmoid(300);
    let forward = path.forward(&annealing, &mut chains, &|_| {});
    chains.sweep(&model, &params, 300, &|_| {});
    let reverse = path.reverse(&annealing, &mut chains, &|_| {});
    println!("{log_z}: {:?} and {:?}", forward.interval, reverse.interval);
    for found in [&forward, &reverse] {
        let [low, high] = found.interval;
        assert!(low < log_z && log_z < high && high - low < 0.5, "{:?} {log_z}", found.interval);
    }
}

#[test]
fn chains_have_the_same_bits_for_any_number_of_threads_and_tell_their_steps() {
    let (model, params) = machine::<f32>(6, 5, 1.0);
    let path = ParameterPath::new(&model, &params, &[0.4; 6]);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let steps = std::sync::atomic::AtomicUsize::new(0);
        let count = |chains: &[f64]| {
            steps.fetch_add(chains.len(), std::sync::atomic::Ordering::Relaxed);
        };
        let found = pool.install(|| {
            let mut chains = EnergyChains::new(130, 6, 9);
            let adapted = path.pilot(&Annealing::linear(10), &mut chains, 12);
            let forward = path.forward(&adapted, &mut chains, &count);
            (forward, path.reverse(&adapted, &mut chains, &count), chains.rows())
        });
        assert_eq!(steps.into_inner(), 2 * 12 * 130);
        found
    };
    let (one, three) = (on(1), on(3));
    assert_eq!(one, three);
    assert_eq!((one.2.len(), one.0.log_weights.len()), (130 * 6, 130));
}

#[test]
fn adapted_temperatures_have_equal_parts_of_the_speed() {
    // Half of the speed in the first quarter.
    let found = adapted(&[0.0, 0.25, 1.0], &[1.0, 1.0], 4);
    assert_eq!(found.betas(), [0.0, 0.125, 0.25, 0.625, 1.0]);
    // Without variance, or with a variance that is no number, the steps of the pilot run count equally.
    for deviations in [[0.0, 0.0], [f64::NAN, f64::NAN]] {
        assert_eq!(adapted(&[0.0, 0.5, 1.0], &deviations, 2).betas(), [0.0, 0.5, 1.0]);
    }
}

#[test]
fn an_interval_is_that_of_the_partition_function_and_not_of_its_logarithm() {
    let found = LogPartition::forward(vec![0.0, 3_f64.ln(), 0.0, 3_f64.ln()]);
    // The mean of 1, 3, 1, 3 is 2, its standard error the root of 4/3 over two.
    let error = 3.0 * (4.0_f64 / 3.0).sqrt() / 2.0;
    assert!((found.value - 2_f64.ln()).abs() < 1e-15);
    assert!((found.interval[0] - (2.0 - error).ln()).abs() < 1e-12, "{:?}", found.interval);
    assert!((found.interval[1] - (2.0 + error).ln()).abs() < 1e-12, "{:?}", found.interval);
    let wide = LogPartition::forward(vec![0.0, 50.0]);
    assert_eq!(wide.interval[0], f64::NEG_INFINITY);
    let back = LogPartition::reverse(vec![0.0, 50.0]);
    assert_eq!(back.interval[1], f64::INFINITY);
    assert!((back.value - 2_f64.ln()).abs() < 1e-12 && back.interval[0] < back.value);
}

#[test]
#[should_panic(expected = "chains: 7 numbers are no rows of 3 columns")]
fn chains_are_whole_rows() {
    EnergyChains::from_rows(&[0.0; 7], 3, 0);
}
