//! Unbiased contrastive divergence: the law of coupled chains, by sums over pairs of states and by draws.

use crate::common::assert_near;
use crate::energy::{
    DATA, ROUNDING, data_after, energies, index, machine, phases, probabilities, swept,
};
use pathscore_autodiff::Tape;
use pathscore_estimators::energy::{MaximumLikelihood, Meetings, UnbiasedContrastiveDivergence};
use pathscore_estimators::fit::{Options, Trainer};
use pathscore_estimators::optim::{Schedule, Sgd};
use pathscore_estimators::{Claim, Coverage, Enumerator, Estimator, Query, Work};
use pathscore_models::data::bars_patterns;
use pathscore_models::energy::{BoltzmannMachine, Boundary, Graph, Rbm};
use pathscore_models::{Energy, ExactPartition, Params, seed};

/// The probabilities of every pair of states of bits whose logits are given, with common uniform numbers.
fn common(logits: &[f64], others: &[f64]) -> Vec<Vec<f64>> {
    let count = 1 << logits.len();
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let pair = |a: usize, b: usize| -> f64 {
        let of_bit = |i: usize| {
            let (p, q) = (sigmoid(logits[i]), sigmoid(others[i]));
            match (a >> i & 1, b >> i & 1) {
                (1, 1) => p.min(q),
                (0, 0) => 1.0 - p.max(q),
                (1, _) => (p - q).max(0.0),
                _ => (q - p).max(0.0),
            }
        };
        (0..logits.len()).map(of_bit).product()
    };
    (0..count).map(|a| (0..count).map(|b| pair(a, b)).collect()).collect()
}

fn up(params: &[f64], v: usize) -> Vec<f64> {
    let on = |i: usize| (v >> i & 1) as f64;
    let of = |j: usize| params[16 + j] + (0..4).map(|i| on(i) * params[3 * i + j]).sum::<f64>();
    (0..3).map(of).collect()
}

fn down(params: &[f64], h: usize) -> Vec<f64> {
    let on = |j: usize| (h >> j & 1) as f64;
    let of = |i: usize| params[12 + i] + (0..3).map(|j| on(j) * params[3 * i + j]).sum::<f64>();
    (0..4).map(of).collect()
}

/// The transition of pairs of visible states that make a sweep with common random numbers, `[256][256]`.
fn coupled(params: &[f64]) -> Vec<Vec<f64>> {
    let downs: Vec<Vec<Vec<Vec<f64>>>> = (0..8)
        .map(|h| (0..8).map(|g| common(&down(params, h), &down(params, g))).collect())
        .collect();
    let mut all = vec![vec![0.0; 256]; 256];
    for (from, row) in all.iter_mut().enumerate() {
        let hidden = common(&up(params, from / 16), &up(params, from % 16));
        for (h, g) in (0..8).flat_map(|h| (0..8).map(move |g| (h, g))) {
            if hidden[h][g] > 0.0 {
                for (to, row) in row.iter_mut().enumerate() {
                    *row += hidden[h][g] * downs[h][g][to / 16][to % 16];
                }
            }
        }
    }
    all
}

/// $E H_k$ as a law with signs over the states, and $E \tau$, of pairs that begin at rows with these shares; the sum
/// ends at `most`.
fn sums(params: &Params<f64>, start: &[f64], burn_in: usize, most: usize) -> (Vec<f64>, f64) {
    let coupled = coupled(params.values());
    let (mut law, mut mean, mut tau) = (vec![0.0; 256], vec![0.0; 16], 0.0);
    // The first chain makes its first sweep alone.
    for (x, share) in start.iter().enumerate() {
        let mut single = [0.0; 16];
        single[x] = *share;
        swept(params, &single).iter().enumerate().for_each(|(to, p)| law[16 * to + x] = *p);
    }
    if burn_in == 0 {
        mean.copy_from_slice(start);
    }
    for t in 1..2000 {
        // τ is at least t where the chains were apart before.
        tau += if t == 1 { 1.0 } else { 0.0 };
        let apart: f64 = (0..256).filter(|at| at / 16 != at % 16).map(|at| law[at]).sum();
        tau += apart;
        if t == burn_in {
            (0..256).for_each(|at| mean[at / 16] += law[at]);
        }
        if t > burn_in && t <= most {
            for at in 0..256 {
                mean[at / 16] += law[at];
                mean[at % 16] -= law[at];
            }
        }
        let mut next = vec![0.0; 256];
        for (at, p) in law.iter().enumerate().filter(|(_, p)| **p > 0.0) {
            next.iter_mut().zip(&coupled[at]).for_each(|(next, to)| *next += p * to);
        }
        law = next;
    }
    (mean, tau)
}

#[test]
fn coupled_chains_have_the_mean_of_the_model() {
    let (model, params) = machine();
    let p = probabilities(&model, &params);
    let mut data = vec![0.0; 16];
    DATA.iter().for_each(|row| data[index(row)] += 1.0 / 3.0);
    // Computed independently, to three digits.
    for (start, expected) in [(data, 2.309), (vec![1.0 / 16.0; 16], 2.242)] {
        for burn_in in [0, 1, 2, 5] {
            let (mean, tau) = sums(&params, &start, burn_in, usize::MAX);
            assert_near(&mean, &p, ROUNDING);
            assert!((tau - expected).abs() < 5e-4, "{tau}, not {expected}");
        }
    }
}

#[test]
fn a_sum_that_is_cut_has_the_bias_of_contrastive_divergence() {
    let (model, params) = machine();
    let mut data = vec![0.0; 16];
    DATA.iter().for_each(|row| data[index(row)] += 1.0 / 3.0);
    let exact = phases(&model, &params, &probabilities(&model, &params));
    let norm = |g: &[f64]| g.iter().map(|g| g * g).sum::<f64>().sqrt();
    // Computed independently, over all parameters, to the digits given here.
    for (most, expected, digit) in
        [(1, 0.3073, 5e-5), (2, 0.0949, 5e-5), (5, 0.00276, 5e-6), (10, 7.6e-6, 5e-8)]
    {
        let (mean, _) = sums(&params, &data, 0, most);
        assert_near(&mean, &data_after(&params, most), ROUNDING);
        let found = phases(&model, &params, &mean);
        let error: Vec<f64> = found.iter().zip(&exact).map(|(a, b)| a - b).collect();
        let relative = norm(&error) / norm(&exact);
        assert!((relative - expected).abs() < digit, "{most} sweeps: {relative}");
    }
}

/// A machine of 2 × 2 units.
fn tiny() -> (Rbm, Params<f64>) {
    let mut params = Params::new();
    let model = Rbm::new(&mut params, 2, 2, &mut seed::rng(0, seed::Stream::Init, 0));
    params.values_mut().copy_from_slice(&[1.3, -0.8, -1.1, 0.9, 0.3, -0.2, 0.4, -0.5]);
    (model, params)
}

#[test]
fn the_estimator_cut_after_some_sweeps_has_the_mean_of_contrastive_divergence() {
    let (model, params) = tiny();
    let mean_of = |estimator: &dyn Fn(&mut Enumerator, &mut Work<f64>)| {
        let (mut mean, mut work) = (vec![0.0; params.len()], Work::new());
        let coverage = Enumerator::for_each(0, 1 << 20, |source| {
            estimator(source, &mut work);
            let gradient = work.gradient(params.len()).iter();
            mean.iter_mut().zip(gradient).for_each(|(m, g)| *m += source.probability() * g);
        });
        assert!(matches!(coverage, Coverage::Complete { .. }), "{coverage:?}");
        mean
    };
    let query = Query::new(&model, &params, &[1.0, 0.0], 1);
    for (burn_in, most) in [(0, 1), (0, 2), (1, 2), (2, 2), (0, 3)] {
        let estimator = UnbiasedContrastiveDivergence { burn_in, most: Some(most) };
        let found = mean_of(&|source, work| {
            estimator.estimate(query, source, work);
        });
        let cd = pathscore_estimators::energy::ContrastiveDivergence { sweeps: most };
        let expected = mean_of(&|source, work| {
            cd.estimate(query, source, work);
        });
        assert_near(&found, &expected, ROUNDING);
        assert_eq!(Estimator::<f64, Rbm>::claim(&estimator), Claim::Biased);
    }
}

#[test]
fn the_estimator_is_unbiased_and_its_pairs_meet_when_they_should() {
    let (model, params) = machine();
    let (x, draws) = (DATA.concat(), 40_000);
    let exact = phases(&model, &params, &probabilities(&model, &params));
    for burn_in in [0, 1, 3] {
        let estimator = UnbiasedContrastiveDivergence { burn_in, most: None };
        assert_eq!(Estimator::<f64, Rbm>::claim(&estimator), Claim::Unbiased);
        let (mut work, rng) = (Work::new(), &mut seed::rng(1, seed::Stream::Estimate, 0));
        let query = Query { batch: 3, scale: 1.0 / 3.0, ..Query::new(&model, &params, &x, draws) };
        let value = estimator.estimate(query, rng, &mut work) / 3.0;
        // The variance of a component of H is below four, and there are 120 000 pairs: four standard errors are 0.023.
        assert_near(work.gradient(params.len()), &exact, 0.023);
        let of_state = energies(&model, &params, &[0.0; 16]).1;
        let p = probabilities(&model, &params);
        let mean: f64 = of_state.iter().zip(&p).map(|(e, p)| e * p).sum();
        let of_rows: f64 = DATA.iter().map(|row| of_state[index(row)] / 3.0).sum();
        assert!((value - (mean - of_rows)).abs() < 0.05, "{value}");
        let meetings = *work.state::<Meetings>();
        assert_eq!((meetings.pairs, meetings.cut), (3.0 * draws as f64, 0.0));
        if burn_in == 0 {
            // The standard deviation of τ is below three: four standard errors are 0.035.
            let tau = meetings.sweeps / meetings.pairs;
            assert!((tau - 2.309).abs() < 0.035, "{tau}");
        }
    }
    let cut = UnbiasedContrastiveDivergence { burn_in: 0, most: Some(1) };
    let mut work = Work::new();
    let query = Query { batch: 3, ..Query::new(&model, &params, &x, 1000) };
    cut.estimate(query, &mut seed::rng(1, seed::Stream::Estimate, 0), &mut work);
    let Meetings { pairs, cut, .. } = *work.state::<Meetings>();
    assert!(pairs == 3000.0 && cut > 1000.0 && cut < pairs, "{cut}");
}

#[test]
fn chains_that_draw_their_bits_one_by_one_are_coupled_too() {
    let (mut params, rng) = (Params::new(), &mut seed::rng(2, seed::Stream::Init, 0));
    let model = BoltzmannMachine::new(&mut params, &Graph::lattice(3, 4, Boundary::Open), rng);
    params.values_mut().iter_mut().enumerate().for_each(|(i, x)| *x = (2.0 * i as f64).sin());
    let (row, mut exact, mut work) = ([0.0, 1.0, 1.0].repeat(4), Work::new(), Work::new());
    MaximumLikelihood.estimate(Query::new(&model, &params, &row, 1), rng, &mut exact);
    let ucd = UnbiasedContrastiveDivergence { burn_in: 2, most: None };
    ucd.estimate(Query::new(&model, &params, &row, 20_000), rng, &mut work);
    // The variance of a component of H is below four: four standard errors of 20 000 pairs are 0.057.
    assert_near(work.gradient(params.len()), exact.gradient(params.len()), 0.057);
    let Meetings { pairs, sweeps, .. } = *work.state::<Meetings>();
    // Independent chains in one of some hundred likely states would take some hundred sweeps.
    assert!(sweeps / pairs < 20.0, "{}", sweeps / pairs);
}

#[test]
fn unbiased_contrastive_divergence_learns_bars_and_stripes_to_the_bound() {
    let pictures = bars_patterns(3).into_iter().flat_map(|(picture, _)| picture);
    let x: Vec<f64> = pictures.map(f64::from).collect();
    let rows = x.len() / 9;
    let mut params = Params::<f64>::new();
    let model = Rbm::new(&mut params, 9, 12, &mut seed::rng(0, seed::Stream::Init, 0));
    let estimator = UnbiasedContrastiveDivergence { burn_in: 100, most: None };
    // The sums over differences have heavy tails: a long burn-in and a bound on the norm of a step keep single draws from
    // throwing the parameters far off.
    let schedule = Schedule::CosineDecay { steps: 4000 };
    let options = Options { samples: 4, lr: 0.5, clip: Some(1.0), schedule, ..Options::default() };
    let mut trainer = Trainer::new(model, params, estimator, Box::new(Sgd::new(0.0)), options);
    for _ in 0..4000 {
        let feed = |range: std::ops::Range<usize>, to: &mut [f64], _: &mut _| {
            to.copy_from_slice(&x[range.start * 9..range.end * 9]);
        };
        trainer.step([rows, 9], feed).unwrap();
    }
    let tape = Tape::new();
    let energies = model.energy(trainer.params.on(&tape), tape.constant(&x, [rows, 9]));
    let log_z = ExactPartition::<f64>::log_partition(&model, &trainer.params).unwrap();
    let (best, found) = (-(rows as f64).ln(), -energies.mean().item() - log_z);
    // It was 2.3 % when this was written.
    assert!(found < best && (best - found) / -best < 0.05, "{found} of at most {best}");
}
