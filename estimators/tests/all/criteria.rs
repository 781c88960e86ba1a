//! Criteria for energy models of bits, against sums over all sixteen states of a small machine.

use crate::common::{assert_near, distance};
use crate::energy::{
    DATA, ROUNDING, data_after, data_shares, energies, index, machine, mean_gradient, phases,
    probabilities, states,
};
use pathscore_autodiff::Tape;
use pathscore_estimators::energy::{
    BiasedImportanceSampling, EnergyDiscrepancy, ExactEnergyDiscrepancy, IndependentBits,
    MaximumLikelihood, MinimumProbabilityFlow, NoiseContrastive, PseudoLikelihood, RatioMatching,
    StochasticPseudoLikelihood, TemperedContrastiveDivergence,
};
use pathscore_estimators::proof::{EnergyBased, Problem};
use pathscore_estimators::{Claim, Coverage, Enumerator, Estimator, Query, Work};
use pathscore_models::energy::Rbm;
use pathscore_models::{BaseModel, Energy, Params, seed};

/// The table of cosines has five digits; one of its rows, 0.994125, is rounded up.
const LAST_DIGIT: f64 = 6e-6;

fn rng() -> impl rand::Rng {
    seed::rng(0, seed::Stream::Estimate, 0)
}

fn norm(g: &[f64]) -> f64 {
    g.iter().map(|g| g * g).sum::<f64>().sqrt()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / (norm(a) * norm(b))
}

/// The gradient of the mean over the three rows of the data, with the value.
fn of_data(estimator: &impl Estimator<f64, Rbm>, params: &Params<f64>) -> (f64, Vec<f64>) {
    let ((model, _), x, mut work) = (machine(), DATA.concat(), Work::new());
    let query = Query { batch: 3, scale: 1.0 / 3.0, ..Query::new(&model, params, &x, 1) };
    let value = estimator.estimate(query, &mut rng(), &mut work) / 3.0;
    (value, work.gradient(params.len()).to_vec())
}

/// The mean gradient of rows with these shares of all states; an estimator that draws is enumerated.
fn of_shares(
    estimator: &impl Estimator<f64, Rbm>,
    (model, params): (&Rbm, &Params<f64>),
    shares: &[f64],
) -> Vec<f64> {
    let mut mean = vec![0.0; params.len()];
    for (state, share) in states().iter().zip(shares).filter(|(_, share)| **share > 0.0) {
        let of_row = mean_gradient(estimator, (model, params), state, None);
        mean.iter_mut().zip(of_row).for_each(|(mean, g)| *mean += share * g);
    }
    mean
}

/// Shares after each bit was flipped with a probability.
fn blurred(shares: &[f64], flip: f64) -> Vec<f64> {
    let distance = |a: usize, b: usize| (a ^ b).count_ones() as i32;
    let moved = |a, b| flip.powi(distance(a, b)) * (1.0 - flip).powi(4 - distance(a, b));
    (0..16).map(|to| (0..16).map(|from| shares[from] * moved(from, to)).sum()).collect()
}

#[test]
fn maximum_likelihood_has_the_published_digits() {
    let (model, params) = machine();
    let (value, gradient) = of_data(&MaximumLikelihood, &params);
    // Computed independently, to ten digits.
    assert!((value + 3.2281957814).abs() < 5e-11, "{value}");
    assert!((norm(&gradient[..12]) - 0.6772305289).abs() < 5e-11);
    assert!((gradient[0] - 0.2285075585).abs() < 5e-11);
    assert_near(&gradient, &phases(&model, &params, &probabilities(&model, &params)), ROUNDING);
    assert_eq!(Estimator::<f64, Rbm>::claim(&MaximumLikelihood), Claim::Exact);
}

#[test]
fn the_truth_about_an_energy_model_is_the_gradient_of_the_sums() {
    let (model, params) = machine();
    let expected = phases(&model, &params, &probabilities(&model, &params));
    let x = DATA.concat();
    let one = EnergyBased::new("machine", model, params.clone(), &x);
    let problem = EnergyBased { batch: 3, scale: 1.0 / 3.0, ..one };
    let truth = problem.truth().unwrap();
    // Extrapolated differences are good to ten digits, and say so.
    assert_near(&truth.gradient, &expected, 1e-9);
    assert!(truth.gradient_errors.iter().all(|error| *error < 1e-8), "{truth:?}");
    assert!((truth.value.unwrap() + 3.0 * 3.2281957814).abs() < 2e-10);
    assert_eq!(problem.components()[11..13], ["weights[11]", "visible_bias[0]"]);
    let wide = EnergyBased::new("wide", model, params, &[0.0; 17]);
    assert!(wide.truth().unwrap_err().to_string().contains("more than 65536"));
}

#[test]
fn maximum_likelihood_in_blocks_has_the_gradient_of_differences() {
    // Two to the eleventh terms are two blocks.
    let (mut params, mut work, rng) = (Params::<f64>::new(), Work::new(), &mut rng());
    let model = Rbm::new(&mut params, 12, 11, rng);
    params.values_mut().iter_mut().enumerate().for_each(|(i, x)| *x = (i as f64).sin());
    let x: Vec<f64> = (0..24).map(|i| f64::from(i * i % 3 == 1)).collect();
    let mut value_at = |params: &Params<f64>, work: &mut Work<f64>| {
        let query = Query { batch: 2, scale: 0.5, ..Query::new(&model, params, &x, 1) };
        MaximumLikelihood.estimate(query, rng, work)
    };
    let value = value_at(&params, &mut work);
    let gradient = work.gradient(params.len()).to_vec();
    for i in [0, 57, 131, 132, 143, 144, 154] {
        let mut moved = |by: f64| {
            let mut params = params.clone();
            params.values_mut()[i] += by;
            0.5 * value_at(&params, &mut work)
        };
        // The error of the difference is h² times a third derivative below one, and 1e-14/h of rounding.
        let slope = (moved(1e-4) - moved(-1e-4)) / 2e-4;
        assert!((gradient[i] - slope).abs() < 1e-8, "{i}: {} and {slope}", gradient[i]);
    }
    let log_z = pathscore_models::ExactPartition::<f64>::log_partition(&model, &params).unwrap();
    let tape = Tape::new();
    let energy = model.energy(params.on(&tape), tape.constant(&x, [2, 12])).sum().item();
    assert!((value + energy + 2.0 * log_z).abs() < 1e-11, "{value}");
}

#[test]
fn deterministic_criteria_have_the_gradients_of_differences() {
    fn check(name: &str, estimator: &impl Estimator<f64, Rbm>) {
        let (_, params) = machine();
        let (_, gradient) = of_data(estimator, &params);
        let moved = |i: usize, by: f64| {
            let mut params = params.clone();
            params.values_mut()[i] += by;
            of_data(estimator, &params).0
        };
        let h = 1e-5;
        let differences: Vec<f64> =
            (0..params.len()).map(|i| (moved(i, h) - moved(i, -h)) / (2.0 * h)).collect();
        // h² times third derivatives below ten, and 1e-15/h of rounding.
        let error = distance(&gradient, &differences);
        assert!(error < 2e-9, "{name}: {error}");
    }
    check("ml", &MaximumLikelihood);
    check("pl", &PseudoLikelihood);
    check("ratio matching", &RatioMatching);
    check("mpf", &MinimumProbabilityFlow { between_data: true });
    check("mpf, out of the data", &MinimumProbabilityFlow { between_data: false });
    check("ed", &ExactEnergyDiscrepancy { flip: 0.1 });
}

#[test]
fn criteria_have_the_published_angles_to_the_likelihood() {
    let (_, params) = machine();
    let exact = of_data(&MaximumLikelihood, &params).1;
    fn of(estimator: &impl Estimator<f64, Rbm>) -> Vec<f64> {
        of_data(estimator, &machine().1).1
    }
    let flow = MinimumProbabilityFlow::default();
    for (name, found, expected) in [
        ("mpf", of(&flow), 0.99383),
        ("pl", of(&PseudoLikelihood), 0.99349),
        ("ratio matching", of(&RatioMatching), 0.99137),
    ] {
        let cosine = cosine(&found, &exact);
        assert!((cosine - expected).abs() < LAST_DIGIT, "{name}: {cosine}, not {expected}");
    }
    for (flip, angle, ratio) in [
        (0.01, 0.99413, 0.033),
        (0.1, 0.99712, 0.316),
        (0.2, 0.99898, 0.595),
        (0.3, 0.99978, 0.814),
        (0.4, 0.99999, 0.953),
    ] {
        let found = of(&ExactEnergyDiscrepancy { flip });
        let (cosine, length) = (cosine(&found, &exact), norm(&found) / norm(&exact));
        assert!((cosine - angle).abs() < LAST_DIGIT, "ed {flip}: {cosine}, not {angle}");
        assert!((length - ratio).abs() < 5e-4, "ed {flip}: {length}, not {ratio}");
    }
    assert_near(&of(&ExactEnergyDiscrepancy { flip: 0.5 }), &exact, ROUNDING);
    // Over the weights alone.
    let (model, params) = machine();
    let cd = phases(&model, &params, &data_after(&params, 1));
    let cosine = cosine(&cd[..12], &exact[..12]);
    assert!((cosine - 0.997340).abs() < 5e-7, "cd: {cosine}");
}

#[test]
fn pseudo_likelihood_has_its_published_value() {
    let (value, _) = of_data(&PseudoLikelihood, &machine().1);
    // Computed independently, to ten digits.
    assert!((value + 3.1007232086).abs() < 5e-11, "{value}");
}

#[test]
fn one_bit_of_the_pseudo_likelihood_is_unbiased_for_all() {
    let (model, params) = machine();
    let all = of_data(&PseudoLikelihood, &params).1;
    let one = of_shares(&StochasticPseudoLikelihood, (&model, &params), &data_shares());
    assert_near(&one, &all, ROUNDING);
    let mut value = 0.0;
    Enumerator::for_each(0, 1 << 10, |source| {
        let query = Query::new(&model, &params, &DATA[0], 2);
        let found = StochasticPseudoLikelihood.estimate(query, source, &mut Work::new());
        value += source.probability() * found;
    });
    let query = Query::new(&model, &params, &DATA[0], 1);
    let expected = PseudoLikelihood.estimate(query, &mut rng(), &mut Work::new());
    assert!((value - expected).abs() < ROUNDING, "{value} {expected}");
}

#[test]
fn gradients_are_zero_where_the_model_is_the_distribution_of_the_data() {
    let (model, mut params) = machine();
    let p = probabilities(&model, &params);
    let zero = vec![0.0; params.len()];
    fn at(estimator: &impl Estimator<f64, Rbm>, p: &[f64]) -> Vec<f64> {
        let (model, params) = machine();
        of_shares(estimator, (&model, &params), p)
    }
    assert_near(&at(&MaximumLikelihood, &p), &zero, ROUNDING);
    assert_near(&at(&PseudoLikelihood, &p), &zero, ROUNDING);
    assert_near(&at(&StochasticPseudoLikelihood, &p), &zero, ROUNDING);
    assert_near(&at(&RatioMatching, &p), &zero, ROUNDING);
    assert_near(&at(&MinimumProbabilityFlow { between_data: true }, &p), &zero, ROUNDING);
    assert_near(&discrepancy_of_shares(&p, 0.1), &zero, ROUNDING);
    let cd = pathscore_estimators::energy::ContrastiveDivergence { sweeps: 1 };
    assert_near(&at(&cd, &p), &zero, ROUNDING);
    // Noise-contrastive estimation is at rest where its own parameter is ln Z too.
    let log_z = 5.338306502219;
    let noise = IndependentBits::new(&[0.4, 0.7, 0.2, 0.5]);
    let nce = NoiseContrastive::new(&mut params, noise, 2, log_z, &mut rng());
    let zero = vec![0.0; params.len()];
    // ln Z has thirteen digits.
    assert_near(&of_shares(&nce, (&model, &params), &p), &zero, 1e-11);
    *params.values_mut().last_mut().unwrap() += 0.1;
    let moved = of_shares(&nce, (&model, &params), &p);
    assert!(moved.last().unwrap() < &-1e-3, "c is too large by 0.1: {moved:?}");
}

/// The gradient of the exact energy discrepancy for rows with these shares, from its definition and differences of
/// energies: −∇E on the rows, and on the blurred rows the mean of ∇E given y.
fn discrepancy_of_shares(shares: &[f64], flip: f64) -> Vec<f64> {
    let (model, params) = machine();
    let mut mean = vec![0.0; params.len()];
    for (state, share) in states().iter().zip(shares) {
        let query = Query::new(&model, &params, state, 1);
        let mut work = Work::new();
        ExactEnergyDiscrepancy { flip }.estimate(query, &mut rng(), &mut work);
        mean.iter_mut().zip(work.gradient(params.len())).for_each(|(m, g)| *m += share * g);
    }
    // Given y, x has the probability Q(y|x) p(x) / (Q p)(y).
    let p = probabilities(&model, &params);
    let (seen, blurred_p) = (blurred(shares, flip), blurred(&p, flip));
    let ratios: Vec<f64> = seen.iter().zip(&blurred_p).map(|(seen, p)| seen / p).collect();
    let negative: Vec<f64> = blurred(&ratios, flip).iter().zip(&p).map(|(r, p)| r * p).collect();
    let cotangents: Vec<f64> = negative.iter().zip(shares).map(|(n, d)| n - d).collect();
    assert_near(&mean, &energies(&model, &params, &cotangents).0, ROUNDING);
    mean
}

#[test]
fn energy_discrepancy_is_a_difference_of_divergences() {
    let (model, mut params) = machine();
    let shares = data_shares();
    let divergence = |p: &[f64], q: &[f64]| {
        let terms = p.iter().zip(q).filter(|(p, _)| **p > 0.0).map(|(p, q)| p * (p / q).ln());
        terms.sum::<f64>()
    };
    for flip in [0.05, 0.3, 0.5] {
        let mut constants = Vec::new();
        for scale in [1.0, 0.3, -0.7] {
            params.values_mut().iter_mut().for_each(|x| *x *= scale);
            let p = probabilities(&model, &params);
            let found = -of_data(&ExactEnergyDiscrepancy { flip }, &params).0;
            let after = divergence(&blurred(&shares, flip), &blurred(&p, flip));
            constants.push(found - (divergence(&shares, &p) - after));
        }
        assert_near(&constants, &[constants[0]; 3], ROUNDING);
    }
}

#[test]
fn drawn_energy_discrepancy_has_its_weights() {
    let (model, params) = machine();
    // With one neighbour and w = 0 the loss is E(x) − E(x'), with x' twice blurred.
    let one = EnergyDiscrepancy { flip: 0.2, neighbours: 1, stabiliser: 0.0 };
    let twice = blurred(&blurred(&data_shares(), 0.2), 0.2);
    let found = of_shares(&one, (&model, &params), &data_shares());
    assert_near(&found, &phases(&model, &params, &twice), ROUNDING);
    // With w the weight of the neighbour is e^d / (w + e^d).
    let w = 0.7;
    let stable = EnergyDiscrepancy { stabiliser: w, ..one };
    let found = of_shares(&stable, (&model, &params), &data_shares());
    let of_state = energies(&model, &params, &[0.0; 16]).1;
    let mut cotangents = [0.0; 16];
    for (from, share) in data_shares().iter().enumerate() {
        let mut single = [0.0; 16];
        single[from] = 1.0;
        for (to, moved) in blurred(&blurred(&single, 0.2), 0.2).iter().enumerate() {
            let ratio = (of_state[from] - of_state[to]).exp();
            let weight = share * moved * ratio / (w + ratio);
            cotangents[to] += weight;
            cotangents[from] -= weight;
        }
    }
    assert_near(&found, &energies(&model, &params, &cotangents).0, ROUNDING);
}

#[test]
fn drawn_energy_discrepancy_tends_to_the_exact_one() {
    let (model, params) = machine();
    let exact = of_data(&ExactEnergyDiscrepancy { flip: 0.1 }, &params).1;
    let estimator = EnergyDiscrepancy { flip: 0.1, neighbours: 256, stabiliser: 1.0 };
    let (x, mut work) = (DATA.concat(), Work::new());
    let query = Query { batch: 3, scale: 1.0 / 3.0, ..Query::new(&model, &params, &x, 3000) };
    estimator.estimate(query, &mut rng(), &mut work);
    // Nine thousand draws of numbers below one err by 0.01, and w/M is 0.004.
    assert_near(work.gradient(params.len()), &exact, 0.03);
}

#[test]
fn flow_between_rows_of_the_data_counts_or_not() {
    let (model, params) = machine();
    // The first two rows are neighbours by the third bit.
    let x = [[1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
    let of_state = energies(&model, &params, &[0.0; 16]).1;
    let flow = |a: usize, b: usize| (0.5 * (of_state[a] - of_state[b])).exp();
    let all: f64 = x
        .iter()
        .map(|row| (0..4).map(|bit| flow(index(row), index(row) ^ 1 << bit)).sum::<f64>())
        .sum();
    let between = flow(index(&x[0]), index(&x[1])) + flow(index(&x[1]), index(&x[0]));
    let value = |between_data| {
        let x = x.concat();
        let query = Query { batch: 3, ..Query::new(&model, &params, &x, 1) };
        let flow = MinimumProbabilityFlow { between_data };
        -flow.estimate(query, &mut rng(), &mut Work::new())
    };
    assert!((value(true) - all).abs() < ROUNDING);
    assert!((value(false) - (all - between)).abs() < ROUNDING);
    // No two rows of the machine's own data are neighbours.
    let own = |between_data| of_data(&MinimumProbabilityFlow { between_data }, &params);
    assert_eq!(own(true), own(false));
}

#[test]
fn noise_contrastive_estimation_tends_to_the_likelihood_as_noise_grows() {
    let (model, mut params) = machine();
    let exact = of_data(&MaximumLikelihood, &params).1;
    let noise = IndependentBits::new(&[0.5; 4]);
    let angle = |ratio: usize, params: &mut Params<f64>| {
        let nce = NoiseContrastive::new(params, noise.clone(), ratio, 5.338306502219, &mut rng());
        let (x, mut work) = (DATA.concat(), Work::new());
        let query = Query { batch: 3, scale: 1.0 / 3.0, ..Query::new(&model, &*params, &x, 1000) };
        nce.estimate(query, &mut rng(), &mut work);
        let found = work.gradient(19).to_vec();
        (cosine(&found, &exact), norm(&found) / norm(&exact))
    };
    let (few, many) = (angle(1, &mut params.clone()), angle(64, &mut params));
    assert!(many.0 > 0.999 && (many.1 - 1.0).abs() < 0.1, "{few:?} {many:?}");
    assert!(few.1 < 0.7, "{few:?}");
}

#[test]
fn independent_bits_know_the_partition_function_of_their_own_model() {
    let (model, mut params) = machine();
    let means = [0.2, 0.5, 0.7, 0.4];
    let log_z = model.set_base(&mut params, &means);
    let bits = IndependentBits::new(&means);
    let found = bits.log_partition(&model, &params, 10, &mut rng());
    assert!((found - log_z).abs() < ROUNDING, "{found} {log_z}");
    let tape = Tape::new();
    let log_prob = bits.log_prob(tape.constant(&states().concat(), [16, 4]));
    assert!(log_prob.exp().sum().item() - 1.0 < ROUNDING);
}

#[test]
fn importance_sampling_has_the_gradient_of_its_weights() {
    let (model, params) = machine();
    let means = vec![0.3, 0.6, 0.5, 0.4];
    let mut base = params.clone();
    model.set_base(&mut base, &means);
    let base = probabilities(&model, &base);
    let p = probabilities(&model, &params);
    // A single draw has the weight one.
    let one = BiasedImportanceSampling { draws: 1, means: means.clone() };
    let found = of_shares(&one, (&model, &params), &data_shares());
    assert_near(&found, &phases(&model, &params, &base), ROUNDING);
    // Two draws, listed by hand.
    let row = DATA[0];
    let two = BiasedImportanceSampling { draws: 2, means: means.clone() };
    let found = mean_gradient(&two, (&model, &params), &row, None);
    let mut negative = vec![0.0; 16];
    for a in 0..16 {
        for b in 0..16 {
            let [w, v] = [a, b].map(|i: usize| p[i] / base[i]);
            negative[a] += base[a] * base[b] * w / (w + v);
            negative[b] += base[a] * base[b] * v / (w + v);
        }
    }
    negative[index(&row)] -= 1.0;
    assert_near(&found, &energies(&model, &params, &negative).0, ROUNDING);
    // Many draws give the likelihood's gradient.
    let many = BiasedImportanceSampling { draws: 100_000, means };
    let exact = of_data(&MaximumLikelihood, &params);
    let found = of_data(&many, &params);
    // Weights of some tens at most: a standard error of 0.01.
    assert_near(&found.1, &exact.1, 0.05);
    assert!((found.0 - exact.0).abs() < 0.05, "{} {}", found.0, exact.0);
}

/// A machine of 2 × 2 units and every state of it.
fn tiny() -> (Rbm, Params<f64>, Vec<[f64; 2]>) {
    let mut params = Params::new();
    let model = Rbm::new(&mut params, 2, 2, &mut rng());
    let values = [1.3, -0.8, -1.1, 0.9, 0.3, -0.2, 0.4, -0.5];
    params.values_mut().copy_from_slice(&values);
    let states = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];
    (model, params, states.to_vec())
}

fn law(model: &Rbm, params: &Params<f64>, states: &[[f64; 2]]) -> Vec<f64> {
    let tape = Tape::new();
    let energy = model.energy(params.on(&tape), tape.constant(&states.concat(), [4, 2]));
    let weights: Vec<f64> = energy.value().values().iter().map(|e| (-e).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|w| w / total).collect()
}

#[test]
fn tempered_chains_keep_the_product_of_their_laws() {
    let (model, params, states) = tiny();
    let means = vec![0.3, 0.6];
    let estimator =
        TemperedContrastiveDivergence { sweeps: 1, chains: Some(1), temperatures: 2, means };
    let mut base = params.clone();
    model.set_base(&mut base, &estimator.means);
    let (low, high) = (law(&model, &base, &states), law(&model, &params, &states));
    let (mut after, mut mean) = ([0.0; 16], vec![0.0; params.len()]);
    let mut work = Work::new();
    for (a, b) in (0..4).flat_map(|a| (0..4).map(move |b| (a, b))) {
        let weight = low[a] * high[b];
        let coverage = Enumerator::for_each(0, 1 << 12, |source| {
            work.state.restore(vec![[states[a], states[b]].concat()]);
            estimator.estimate(Query::new(&model, &params, &states[2], 1), source, &mut work);
            let probability = weight * source.probability();
            let [chains] = &work.state.save()[..] else { panic!("there is one state") };
            let at = |x: &[f64]| x[0] as usize + 2 * x[1] as usize;
            after[4 * at(&chains[..2]) + at(&chains[2..])] += probability;
            let gradient = work.gradient(params.len()).iter();
            mean.iter_mut().zip(gradient).for_each(|(mean, g)| *mean += probability * g);
        });
        assert!(matches!(coverage, Coverage::Complete { .. }), "{coverage:?}");
    }
    let product: Vec<f64> = low.iter().flat_map(|a| high.iter().map(move |b| a * b)).collect();
    assert_near(&after, &product, ROUNDING);
    // Chains that are distributed as the model give the exact gradient.
    let mut exact = Work::new();
    MaximumLikelihood.estimate(Query::new(&model, &params, &states[2], 1), &mut rng(), &mut exact);
    assert_near(&mean, exact.gradient(params.len()), ROUNDING);
}
