//! Weights along training, exactly, and on chains.

use super::*;
use crate::enumerator::Enumerator;
use crate::samplers::{normalised, rows_of_bits};
use pathscore_autodiff::Tape;
use pathscore_models::energy::Rbm;
use pathscore_models::seed::{self, Stream};
use pathscore_models::{Energy, ExactPartition, Params};

const DATA: [f64; 12] = [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0];

/// The machine with $W_{ij} = \sin(1 + 3i + 5j)$, $b_i = (i - 1.5)/10$ and $c_j = (j - 1)/5$.
fn machine() -> (Rbm, Params<f64>) {
    let mut params = Params::new();
    let model = Rbm::new(&mut params, 4, 3, &mut seed::rng(0, Stream::Init, 0));
    let weights = (0..12).map(|at| f64::sin((1 + 3 * (at / 3) + 5 * (at % 3)) as f64));
    let visible = (0..4).map(|i| 0.1 * (f64::from(i) - 1.5));
    let hidden = (0..3).map(|j| 0.2 * (f64::from(j) - 1.0));
    let values = weights.chain(visible).chain(hidden);
    params.values_mut().iter_mut().zip(values).for_each(|(to, value)| *to = value);
    (model, params)
}

fn exact(model: &Rbm, params: &Params<f64>) -> f64 {
    ExactPartition::<f64>::log_partition(model, params).expect("the smaller side is small")
}

fn energies(model: &Rbm, params: &Params<f64>, rows: &[Vec<f64>]) -> Vec<f64> {
    let tape = Tape::new();
    let x = tape.constant(&rows.concat(), [rows.len(), rows[0].len()]);
    model.energy(params.on(&tape), x).value().values().to_vec()
}

/// A step of gradient ascent on the exact mean log-likelihood of the three rows.
fn ascended(model: &Rbm, params: &Params<f64>, rate: f64) -> Params<f64> {
    let tape = Tape::new();
    let bound = params.on(&tape);
    let terms = ExactPartition::<f64>::terms(model).expect("few");
    let log_z = model.log_terms(bound, 0..terms).log_sum_exp(..);
    let loss = model.energy(bound, tape.constant(&DATA, [3, 4])).mean() + log_z;
    let gradient = loss.backward().leading(params.len()).to_vec();
    let mut next = params.clone();
    next.values_mut().iter_mut().zip(gradient).for_each(|(x, g)| *x -= rate * g);
    next
}

/// Eight steps of the machine of sixteen visible states, from its own law: at every step the mean weight is the ratio of partition functions,
/// and the weighted law is that of the machine. Chains that move before they are weighted are at 1.09 times the ratio in the end
/// (computed independently), although their law is only 0.023 away.
#[test]
fn the_mean_weight_is_the_partition_function_at_every_step() {
    let (model, mut params) = machine();
    let rows = rows_of_bits(4);
    let index = |row: &[f64]| rows.iter().position(|x| x == row).expect("a row of bits");
    let log_first = exact(&model, &params);
    let first =
        normalised(&energies(&model, &params, &rows).iter().map(|e| -e).collect::<Vec<_>>());
    let (mut weighted, mut moved_first) = (first.clone(), first);
    let mut tape = Tape::new();
    for step in 0..8 {
        let next = ascended(&model, &params, 0.2);
        let before = energies(&model, &params, &rows);
        let after = energies(&model, &next, &rows);
        let (mut sums, mut wrong) = (vec![0.0; 16], vec![0.0; 16]);
        for (from, row) in rows.iter().enumerate() {
            Enumerator::for_each(0, 1 << 10, |source| {
                let mut chain = Weighted::default();
                chain.restore(&[&[4.0, 1.0][..], row, &[0.0], &before[from..=from]].concat());
                tape.clear();
                let at = (&model, next.on(&tape).detach());
                chain.follow(at, (1, 0.0), &mut Vec::new(), source);
                let (to, p) = (index(&chain.rows), source.probability());
                sums[to] += weighted[from] * p * chain.log_weights[0].exp();
                wrong[to] += moved_first[from] * p * (before[to] - after[to]).exp();
            });
        }
        (weighted, moved_first, params) = (sums, wrong, next);
        let ratio = (exact(&model, &params) - log_first).exp();
        let total: f64 = weighted.iter().sum();
        assert!((total / ratio - 1.0).abs() < 1e-13, "step {step}: {total} {ratio}");
        let law = normalised(&after.iter().map(|e| -e).collect::<Vec<_>>());
        for (w, p) in weighted.iter().zip(&law) {
            assert!((w / total - p).abs() < 1e-14, "step {step}");
        }
        if step == 7 {
            let wrong: f64 = moved_first.iter().sum();
            assert!((wrong / ratio - 1.092_718_541_3).abs() < 1e-9, "{}", wrong / ratio);
            let distance: f64 =
                moved_first.iter().zip(&law).map(|(w, p)| (w / wrong - p).abs()).sum();
            assert!(distance * 0.5 < 0.03, "the wrong law is nearly right: {distance}");
        }
    }
}

/// Resampling: whatever the uniform number, each chain has the floor or the ceiling of its expected copies; over the uniform numbers
/// the mean is exact, and the mean weight does not change.
#[test]
fn resampling_changes_no_mean() {
    let log_weights = [0.0, -1.0, 0.7, -3.0_f64];
    let total: f64 = log_weights.iter().map(|w| w.exp()).sum();
    let mut copies = [0.0; 4];
    const POINTS: usize = 10_000;
    for point in 0..POINTS {
        let mut chains = Weighted {
            columns: 1,
            rows: vec![0.0, 1.0, 2.0, 3.0],
            log_weights: log_weights.to_vec(),
            ..Weighted::default()
        };
        let before = chains.log_mean();
        struct Fixed(f64);
        impl RandomSource for Fixed {
            fn uniform(&mut self) -> f64 {
                self.0
            }
            fn normal(&mut self) -> f64 {
                unreachable!("one uniform number is drawn")
            }
        }
        let u = (point as f64 + 0.5) / POINTS as f64;
        chains.resample(&mut Vec::new(), &mut Fixed(u));
        assert!((chains.log_mean() - before).abs() < 1e-14);
        assert!(chains.log_weights.iter().all(|w| (w - before).abs() < 1e-14));
        chains.rows.iter().for_each(|row| copies[*row as usize] += 1.0 / POINTS as f64);
    }
    for (found, w) in copies.iter().zip(log_weights) {
        let expected = 4.0 * w.exp() / total;
        // The midpoint rule errs by at most one point at each end of a chain's share.
        assert!((found - expected).abs() < 4.0 / POINTS as f64, "{found} {expected}");
    }
}

/// A machine of 12 hidden and 9 visible units learns patterns for some hundred steps at a rate at which chains lag behind: ln Z by four
/// shards of chains stays near the truth (a simulation written
/// independently is at most 0.3 away; chains that also make the gradient are 2.4 away), and a run that is saved and resumed has the same bits.
#[test]
fn the_partition_function_is_tracked_while_parameters_move_fast() {
    let mut params = Params::<f64>::new();
    let rng = &mut seed::rng(0, Stream::Init, 0);
    let model = Rbm::new(&mut params, 9, 12, rng);
    // Rows and columns of a square of nine.
    let patterns: Vec<f64> = (0..6)
        .flat_map(|p| {
            (0..9).map(move |i| f64::from(if p < 3 { i / 3 == p } else { i % 3 == p - 3 }))
        })
        .collect();
    let mut tracked =
        TrackedContrastiveDivergence { chains: Some(400), ..TrackedContrastiveDivergence::new(1) };
    let mut works: Vec<Work<f64>> = (0..4).map(|_| Work { parts: 4, ..Work::new() }).collect();
    let mut worst: f64 = 0.0;
    for step in 0..400_u64 {
        let mut gradient = vec![0.0; params.len()];
        let mut stats = vec![0.0; 4];
        for (shard, work) in works.iter_mut().enumerate() {
            if step == 200 {
                let saved = work.state.save();
                *work = Work { parts: 4, ..Work::new() };
                work.state.restore(saved);
            }
            let rng = &mut seed::rng(1, Stream::Shard, 4 * step + shard as u64);
            let query =
                Query { batch: 6, scale: 1.0 / 24.0, ..Query::new(&model, &params, &patterns, 1) };
            tracked.estimate(query, rng, work);
            gradient.iter_mut().zip(work.gradient(params.len())).for_each(|(sum, g)| *sum += g);
            stats.iter_mut().zip(&work.stats).for_each(|(sum, s)| *sum += s);
            work.release();
        }
        Estimator::<f64, Rbm>::observe(&mut tracked, &stats);
        let found = Estimator::<f64, Rbm>::log_partition(&tracked).expect("it was observed");
        worst = worst.max((found - exact(&model, &params)).abs());
        params.values_mut().iter_mut().zip(gradient).for_each(|(x, g)| *x += 0.3 * g);
    }
    let rows: Vec<Vec<f64>> = patterns.chunks_exact(9).map(<[f64]>::to_vec).collect();
    let of_rows = energies(&model, &params, &rows);
    let log_likelihood = -of_rows.iter().sum::<f64>() / 6.0 - exact(&model, &params);
    println!("the worst error of ln Z is {worst}; the mean log-likelihood {log_likelihood}");
    // It has learnt: −ln 6 is the best, and independent bits of a third are at −5.7.
    assert!(log_likelihood > -3.2, "{log_likelihood}");
    // The weights of 400 chains are known to a few per cent at a step, and errors of resampling add up.
    assert!(worst < 0.5, "{worst}");
    let mut resumed = TrackedContrastiveDivergence::new(1);
    let state = Estimator::<f64, Rbm>::state(&tracked);
    Estimator::<f64, Rbm>::restore(&mut resumed, &state);
    assert_eq!(
        Estimator::<f64, Rbm>::log_partition(&resumed),
        Estimator::<f64, Rbm>::log_partition(&tracked)
    );
}
