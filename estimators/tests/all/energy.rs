//! Contrastive divergence against sums over all states, and exact likelihoods against differences.

use crate::common::{assert_near, distance};
use pathscore_autodiff::{Grads, Tape, Var};
use pathscore_estimators::energy::{
    Centred, ContrastiveDivergence, FastPersistentContrastiveDivergence,
    PersistentContrastiveDivergence, TrackedContrastiveDivergence,
};
use pathscore_estimators::fit::{Options, Trainer};
use pathscore_estimators::optim::Sgd;
use pathscore_estimators::tractable::ExactLikelihood;
use pathscore_estimators::{Claim, Coverage, Enumerator, Estimator, Query, Target, Work};
use pathscore_models::energy::{DeepBoltzmann, Rbm};
use pathscore_models::tractable::Ppca;
use pathscore_models::{
    BlockGibbs, Bound, Energy, MeanField, Params, RandomSource, Tractable, seed,
};

/// Sums of up to $2^{14}$ products of numbers below one round off by less.
pub(crate) const ROUNDING: f64 = 1e-12;

pub(crate) const DATA: [[f64; 4]; 3] =
    [[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0]];

/// The machine of 4 × 3 units with $W_{ij} = \sin(1 + 3i + 5j)$, $b_i = (i - 1.5)/10$ and $c_j = (j - 1)/5$.
pub(crate) fn machine() -> (Rbm, Params<f64>) {
    let mut params = Params::new();
    let model = Rbm::new(&mut params, 4, 3, &mut seed::rng(0, seed::Stream::Init, 0));
    let weights = (0..12).map(|at| f64::sin((1 + 3 * (at / 3) + 5 * (at % 3)) as f64));
    let visible = (0..4).map(|i| 0.1 * (f64::from(i) - 1.5));
    let hidden = (0..3).map(|j| 0.2 * (f64::from(j) - 1.0));
    let values = weights.chain(visible).chain(hidden);
    params.values_mut().iter_mut().zip(values).for_each(|(to, value)| *to = value);
    (model, params)
}

/// Every row of four bits.
pub(crate) fn states() -> Vec<[f64; 4]> {
    (0..16).map(|state| [0, 1, 2, 3].map(|bit| f64::from(state >> bit & 1))).collect()
}

pub(crate) fn index(row: &[f64]) -> usize {
    row.iter().enumerate().map(|(bit, &on)| (on as usize) << bit).sum()
}

/// $\sum_v c_v \nabla E(v)$ and every $E(v)$.
pub(crate) fn energies(
    model: &Rbm,
    params: &Params<f64>,
    cotangents: &[f64],
) -> (Vec<f64>, Vec<f64>) {
    let (tape, mut grads) = (Tape::new(), Grads::new());
    let v = tape.constant(&states().concat(), [16, 4]);
    let energy = model.energy(params.on(&tape), v);
    tape.pull_into(&[(energy, cotangents)], &[], &mut grads);
    (grads.leading(params.len()).to_vec(), energy.value().values().to_vec())
}

/// The share of the data in every state.
pub(crate) fn data_shares() -> Vec<f64> {
    let mut shares = vec![0.0; 16];
    DATA.iter().for_each(|row| shares[index(row)] += 1.0 / 3.0);
    shares
}

/// The gradient of the mean of $-E$ over the data minus its mean under `negative`.
pub(crate) fn phases(model: &Rbm, params: &Params<f64>, negative: &[f64]) -> Vec<f64> {
    let cotangents: Vec<f64> = negative.iter().zip(data_shares()).map(|(p, d)| p - d).collect();
    energies(model, params, &cotangents).0
}

/// $p(v)$ of every state.
pub(crate) fn probabilities(model: &Rbm, params: &Params<f64>) -> Vec<f64> {
    let (_, energy) = energies(model, params, &[0.0; 16]);
    let total: f64 = energy.iter().map(|e| (-e).exp()).sum();
    energy.iter().map(|e| (-e).exp() / total).collect()
}

/// The distribution after a block Gibbs sweep, by sums over the hidden states.
pub(crate) fn swept(params: &Params<f64>, before: &[f64]) -> Vec<f64> {
    let (w, rest) = params.values().split_at(12);
    let (b, c) = rest.split_at(4);
    let bernoulli = |logit: f64, on: f64| 1.0 / (1.0 + ((1.0 - 2.0 * on) * logit).exp());
    let all = states();
    let mut after = vec![0.0; 16];
    for (v, p) in all.iter().zip(before) {
        for h in &all[..8] {
            let up = (0..3).map(|j| {
                let logit = c[j] + (0..4).map(|i| v[i] * w[3 * i + j]).sum::<f64>();
                bernoulli(logit, h[j])
            });
            let p_h: f64 = up.product();
            for (to, after) in all.iter().zip(&mut after) {
                let down = (0..4).map(|i| {
                    let logit = b[i] + (0..3).map(|j| h[j] * w[3 * i + j]).sum::<f64>();
                    bernoulli(logit, to[i])
                });
                *after += p * p_h * down.product::<f64>();
            }
        }
    }
    after
}

/// The data's distribution after $k$ sweeps.
pub(crate) fn data_after(params: &Params<f64>, sweeps: usize) -> Vec<f64> {
    (0..sweeps).fold(data_shares(), |before, _| swept(params, &before))
}

/// The mean gradient of an estimator over everything it can draw, from one row, with the chains at `chains`.
pub(crate) fn mean_gradient<M: Sync>(
    estimator: &impl Estimator<f64, M>,
    (model, params): (&M, &Params<f64>),
    row: &[f64],
    chains: Option<&[f64]>,
) -> Vec<f64> {
    let (mut mean, mut work) = (vec![0.0; params.len()], Work::new());
    let coverage = Enumerator::for_each(0, 1 << 15, |source| {
        work.state.restore(chains.map(<[f64]>::to_vec).into_iter().collect());
        estimator.estimate(Query::new(model, params, row, 1), source, &mut work);
        let gradient = work.gradient(params.len()).iter();
        mean.iter_mut().zip(gradient).for_each(|(mean, g)| *mean += source.probability() * g);
    });
    assert!(matches!(coverage, Coverage::Complete { .. }), "{coverage:?}");
    mean
}

#[test]
fn contrastive_divergence_has_the_gradient_of_the_enumerated_chain() {
    let (model, params) = machine();
    for sweeps in [1, 2] {
        let estimator = ContrastiveDivergence { sweeps };
        let mut mean = vec![0.0; params.len()];
        for row in DATA {
            let of_row = mean_gradient(&estimator, (&model, &params), &row, None);
            mean.iter_mut().zip(of_row).for_each(|(mean, g)| *mean += g / 3.0);
        }
        let expected = phases(&model, &params, &data_after(&params, sweeps));
        assert_near(&mean, &expected, ROUNDING);
    }
}

#[test]
fn contrastive_divergence_tends_to_the_exact_gradient_as_the_sweeps_grow() {
    let (model, params) = machine();
    let exact = phases(&model, &params, &probabilities(&model, &params));
    let norm = |g: &[f64]| g.iter().map(|g| g * g).sum::<f64>().sqrt();
    // Computed independently, to the digits given here.
    for (sweeps, expected) in [(1, 0.312071), (2, 0.096588), (5, 0.002812), (10, 8e-6)] {
        let found = phases(&model, &params, &data_after(&params, sweeps));
        let error: Vec<f64> = found.iter().zip(&exact).map(|(a, b)| a - b).collect();
        let relative = norm(&error[..12]) / norm(&exact[..12]);
        assert!((relative - expected).abs() < 5e-7, "{sweeps} sweeps: {relative}");
    }
}

/// $p(h)$ of every state of the hidden units.
fn hidden_probabilities(params: &Params<f64>) -> Vec<f64> {
    let (w, rest) = params.values().split_at(12);
    let (b, c) = rest.split_at(4);
    let joint = |v: &[f64], h: &[f64]| {
        let inputs = (0..3).map(|j| c[j] + (0..4).map(|i| v[i] * w[3 * i + j]).sum::<f64>());
        let of_hidden: f64 = inputs.zip(h).map(|(input, h)| input * h).sum();
        (of_hidden + v.iter().zip(b).map(|(v, b)| v * b).sum::<f64>()).exp()
    };
    let all = states();
    let sum = |h: &[f64; 4]| all.iter().map(|v| joint(v, &h[..3])).sum::<f64>();
    let sums: Vec<f64> = all[..8].iter().map(sum).collect();
    let z: f64 = sums.iter().sum();
    sums.into_iter().map(|sum| sum / z).collect()
}

/// With chains that are distributed as the model, PCD of a deep machine has the gradient of the variational bound: the
/// derivative of the bound at the means of mean field, and the exact gradient of ln Z.
#[test]
fn persistent_chains_of_a_deep_machine_follow_its_variational_bound() {
    let mut params = Params::new();
    let model =
        DeepBoltzmann::new(&mut params, 2, [2, 2], &mut seed::rng(0, seed::Stream::Init, 0));
    for (at, x) in params.values_mut().iter_mut().enumerate() {
        *x = f64::sin((2 + 3 * at) as f64);
    }
    let row = [1.0, 0.0];
    let all = states();
    let mut work = Work::<f64>::new();
    let bound = params.on(&work.tape);
    let energies = model.energy(bound, work.tape.constant(&all.concat(), [16, 4]));
    let log_z = (-energies).log_sum_exp(..);
    let probabilities: Vec<f64> =
        energies.value().values().iter().map(|e| (-e - log_z.item()).exp()).collect();
    let of_data = model.variational_free_energy(bound, work.tape.constant(&row, [1, 2]));
    let exact = (-of_data.sum() - log_z).backward().leading(params.len()).to_vec();
    work.tape.clear();
    let estimator = PersistentContrastiveDivergence { sweeps: 1, chains: Some(1) };
    let mut mean = vec![0.0; params.len()];
    for (x, p) in all.iter().zip(probabilities) {
        let chain = [&[1.0], &x[..]].concat();
        let found = mean_gradient(&estimator, (&model, &params), &row, Some(&chain));
        mean.iter_mut().zip(found).for_each(|(mean, g)| *mean += p * g);
    }
    assert_near(&mean, &exact, ROUNDING);
}

#[test]
fn persistent_chains_that_are_distributed_as_the_model_give_the_exact_gradient() {
    let (model, params) = machine();
    let estimator = PersistentContrastiveDivergence { sweeps: 1, chains: Some(1) };
    let mut mean = vec![0.0; params.len()];
    for row in DATA {
        for (h, p) in states().iter().zip(hidden_probabilities(&params)) {
            let chain = [&[1.0], &h[..3]].concat();
            let found = mean_gradient(&estimator, (&model, &params), &row, Some(&chain));
            mean.iter_mut().zip(found).for_each(|(mean, g)| *mean += p * g / 3.0);
        }
    }
    let exact = phases(&model, &params, &probabilities(&model, &params));
    assert_near(&mean, &exact, ROUNDING);
    assert_eq!(Estimator::<f64, Rbm>::claim(&estimator), Claim::Biased);
}

/// The machine whose Gibbs sweeps do not move, and whose chains keep the rows themselves.
struct Still(Rbm);

impl Energy<f64> for Still {
    fn energy<'t>(&self, params: Bound<'t, f64>, x: Var<'t, f64>) -> Var<'t, f64> {
        self.0.energy(params, x)
    }
}

impl BlockGibbs<f64> for Still {
    fn gibbs_sweep<'t, R: RandomSource>(
        &self,
        _: Bound<'t, f64>,
        x: Var<'t, f64>,
        _: &mut R,
    ) -> Var<'t, f64> {
        x
    }
}

#[test]
fn each_phase_is_divided_by_its_own_count() {
    let (model, params) = machine();
    let x = DATA.concat();
    let chains = [vec![2.0], states()[3].to_vec(), states()[6].to_vec()].concat();
    let still = Still(model);
    let query = Query { batch: 3, scale: 1.0 / 3.0, ..Query::new(&still, &params, &x, 1) };
    let mut work = Work::new();
    work.state.restore(vec![chains]);
    let estimator = PersistentContrastiveDivergence { sweeps: 1, chains: Some(2) };
    estimator.estimate(query, &mut seed::rng(0, seed::Stream::Init, 0), &mut work);
    let mut negative = vec![0.0; 16];
    negative[3] = 0.5;
    negative[6] = 0.5;
    assert_near(work.gradient(params.len()), &phases(&model, &params, &negative), ROUNDING);
    // One phase divided by the other's count is another gradient by far more than rounding.
    negative.iter_mut().for_each(|p| *p *= 2.0 / 3.0);
    assert!(distance(work.gradient(params.len()), &phases(&model, &params, &negative)) > 0.01);
}

type Pcd = Trainer<f64, Rbm, PersistentContrastiveDivergence>;

fn trainer(chains: Option<usize>) -> Pcd {
    let (model, params) = machine();
    let estimator = PersistentContrastiveDivergence { sweeps: 1, chains };
    let options = Options { lr: 0.1, seed: 5, ..Options::default() };
    Trainer::new(model, params, estimator, Box::new(Sgd::new(0.5)), options)
}

/// Steps on batches of so many rows: 100 are more than one shard, 50 are one.
fn train(trainer: &mut Pcd, rows: &[usize]) {
    let data = states().concat();
    for &rows in rows {
        let feed = |range: std::ops::Range<usize>, x: &mut [f64], _: &mut _| {
            x.chunks_exact_mut(4).zip(range).for_each(|(x, row)| {
                x.copy_from_slice(&data[row * row % 16 * 4..][..4]);
            });
        };
        trainer.step([rows, 4], feed).unwrap();
    }
}

#[test]
fn persistent_chains_continue_with_the_same_bits_after_a_restart() {
    for chains in [None, Some(7)] {
        let mut whole = trainer(chains);
        train(&mut whole, &[100; 20]);
        let mut first = trainer(chains);
        train(&mut first, &[100; 10]);
        let state = first.state();
        assert!(state.shards.len() > 1, "one shard does not test much");
        let mut second = trainer(chains);
        second.restore(state).unwrap();
        train(&mut second, &[100; 10]);
        assert_eq!(whole.state(), second.state());
        // Without the chains the bits would be others.
        let mut forgetful = trainer(chains);
        let state = first.state();
        forgetful.restore(pathscore_estimators::fit::State { shards: vec![], ..state }).unwrap();
        train(&mut forgetful, &[100; 10]);
        assert_ne!(whole.params, forgetful.params);
    }
}

#[test]
fn the_chains_of_a_shard_survive_a_smaller_batch_and_a_measurement_of_noise() {
    let mut whole = trainer(None);
    train(&mut whole, &[100, 100]);
    let before = whole.state().shards;
    train(&mut whole, &[50]);
    let after = whole.state().shards;
    assert_eq!(before.len(), after.len());
    assert_ne!(before[0], after[0]);
    assert_eq!(before[1..], after[1..], "shards that do not take part keep their chains");
    whole.gradient_noise(3);
    assert_eq!(whole.state().shards, after);
    let mut resumed = trainer(None);
    resumed.restore(whole.state()).unwrap();
    train(&mut whole, &[100]);
    train(&mut resumed, &[100]);
    assert_eq!(whole.state(), resumed.state());
}

#[test]
fn a_state_of_another_model_is_refused_in_words() {
    let mut params = Params::new();
    let model = Rbm::new(&mut params, 4, 2, &mut seed::rng(0, seed::Stream::Init, 0));
    let estimator = ContrastiveDivergence { sweeps: 1 };
    let sgd = Box::new(Sgd::new(0.5));
    let mut other = Trainer::new(model, params, estimator, sgd, Options::default());
    let before = other.state();
    let error = other.restore(trainer(None).state()).unwrap_err().to_string();
    assert!(error.contains("weights [4, 3]") && error.contains("weights [4, 2]"), "{error}");
    assert_eq!(other.state(), before);
}

#[test]
fn the_exact_likelihood_has_the_gradient_of_differences() {
    let rng = &mut seed::rng(3, seed::Stream::Init, 0);
    let mut params = Params::<f64>::new();
    let model = Ppca::new(&mut params, 3, 2, rng);
    let x = [0.5, -1.0, 0.3, 1.5, 0.2, -0.7];
    let value = |params: &Params<f64>| {
        let tape = Tape::new();
        model.log_prob(params.on(&tape), tape.constant(&x, [2, 3])).sum().item()
    };
    let mut work = Work::new();
    let query = Query { batch: 2, scale: 0.5, ..Query::new(&model, &params, &x, 1) };
    let found = ExactLikelihood.estimate(query, rng, &mut work);
    assert!((found - value(&params)).abs() < 1e-14);
    // Central differences err by h² times the third derivative, here about ten, and by 1e-16/h.
    let h = 1e-5;
    let differences: Vec<f64> = (0..params.len())
        .map(|i| {
            let moved = |by: f64| {
                let mut params = params.clone();
                params.values_mut()[i] += by;
                value(&params)
            };
            0.5 * (moved(h) - moved(-h)) / (2.0 * h)
        })
        .collect();
    assert_near(work.gradient(params.len()), &differences, 1e-8);
    assert_eq!(Estimator::<f64, Ppca>::target(&ExactLikelihood), Target::LogLikelihood);
    assert_eq!(Estimator::<f64, Ppca>::claim(&ExactLikelihood), Claim::Exact);
}

/// The machine with one of its visible and one of its hidden units turned over: what was one is zero.
fn turned(params: &Params<f64>) -> Params<f64> {
    let (mut w, rest) = (params.values()[..12].to_vec(), &params.values()[12..]);
    let (mut b, mut c) = (rest[..4].to_vec(), rest[4..].to_vec());
    // v₁ becomes 1 − v₁: its weights move to the hidden biases and change their sign.
    for j in 0..3 {
        c[j] += w[3 + j];
        w[3 + j] = -w[3 + j];
    }
    b[1] = -b[1];
    // Likewise h₂.
    for i in 0..4 {
        b[i] += w[3 * i + 2];
        w[3 * i + 2] = -w[3 * i + 2];
    }
    c[2] = -c[2];
    let mut turned = params.clone();
    turned.values_mut().copy_from_slice(&[w, b, c].concat());
    turned
}

/// A criterion with the exact gradient, by sums over all states.
struct AllStates;

impl Estimator<f64, Rbm> for AllStates {
    fn estimate<R: RandomSource>(
        &self,
        query: Query<f64, Rbm>,
        _: &mut R,
        work: &mut Work<f64>,
    ) -> f64 {
        let Query { model, params, batch, .. } = query;
        work.tape.clear();
        let Work { tape, grads, stats, .. } = work;
        let bound = params.on(tape);
        let of_rows = model.energy(bound, query.rows(tape));
        let of_all = model.energy(bound, tape.constant(&states().concat(), [16, 4]));
        let sum = -of_rows.sum() - (-of_all).log_sum_exp(..) * batch as f64;
        tape.pull_into(&[(sum, &[query.scale])], &[], grads);
        stats.clear();
        stats.extend([batch as f64, sum.item()]);
        sum.item()
    }
}

/// The centred step of a machine on some rows, after the offsets were learnt from the same rows.
fn centred_step(params: &Params<f64>, x: &[f64]) -> Vec<f64> {
    let (model, _) = machine();
    let (mut centred, mut work) = (Centred::new(AllStates), Work::new());
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let query = Query { batch: 3, scale: 1.0 / 3.0, ..Query::new(&model, params, x, 1) };
    centred.estimate(query, rng, &mut work);
    assert!(centred.offsets().is_empty());
    centred.observe(&work.stats.clone());
    let mean = |i: usize| x.iter().skip(i).step_by(4).sum::<f64>() / 3.0;
    assert_near(&centred.offsets()[..4], &[0, 1, 2, 3].map(mean), ROUNDING);
    centred.estimate(query, rng, &mut work);
    work.gradient(params.len()).to_vec()
}

#[test]
fn a_criterion_that_is_not_centred_keeps_its_bits_and_its_state() {
    let (model, params) = machine();
    let x = DATA.concat();
    let query = Query { batch: 3, ..Query::new(&model, &params, &x, 1) };
    let criterion = TrackedContrastiveDivergence::new(1);
    let (mut plain, mut same) = (criterion, Centred::new(criterion));
    same.active = false;
    let [mut work, mut work_of_same] = [(); 2].map(|()| Work::new());
    let [mut rng, mut rng_of_same] = [(); 2].map(|()| seed::rng(0, seed::Stream::Init, 0));
    for _ in 0..3 {
        let value = plain.estimate(query, &mut rng, &mut work);
        assert_eq!(same.estimate(query, &mut rng_of_same, &mut work_of_same), value);
        assert_eq!(work.gradient(params.len()), work_of_same.gradient(params.len()));
        Estimator::<f64, Rbm>::observe(&mut plain, &work.stats);
        Estimator::<f64, Rbm>::observe(&mut same, &work_of_same.stats);
    }
    let state = Estimator::<f64, Rbm>::state(&plain);
    assert!(!state.is_empty());
    assert_eq!(Estimator::<f64, Rbm>::state(&same), state);
    assert_eq!(Estimator::<f64, Rbm>::claim(&same), Estimator::<f64, Rbm>::claim(&plain));
}

#[test]
fn the_centred_step_is_the_gradient_in_centred_parameters() {
    let (model, params) = machine();
    let x = DATA.concat();
    let step = centred_step(&params, &x);
    // In the centred parameters: W' = W, b' = b + W λ, c' = c + Wᵀ μ, with the offsets of the data.
    let mu: Vec<f64> = (0..4).map(|i| DATA.iter().map(|row| row[i]).sum::<f64>() / 3.0).collect();
    let tape = Tape::new();
    let rows = tape.constant(&x, [3, 4]);
    let lambda = model.hidden_probs(params.on(&tape), rows).mean_axis(0).value();
    let lambda = lambda.values();
    let log_likelihood = |centred: &[f64]| {
        let (w, rest) = centred.split_at(12);
        let mut usual = params.clone();
        let values = usual.values_mut();
        values[..12].copy_from_slice(w);
        for i in 0..4 {
            values[12 + i] = rest[i] - (0..3).map(|j| w[3 * i + j] * lambda[j]).sum::<f64>();
        }
        for j in 0..3 {
            values[16 + j] = rest[4 + j] - (0..4).map(|i| w[3 * i + j] * mu[i]).sum::<f64>();
        }
        let (tape, scale) = (Tape::new(), 1.0 / 3.0);
        let bound = usual.on(&tape);
        let of_rows = model.energy(bound, tape.constant(&x, [3, 4])).sum() * scale;
        let of_all = model.energy(bound, tape.constant(&states().concat(), [16, 4]));
        (-of_rows - (-of_all).log_sum_exp(..)).item()
    };
    let mut centred = params.values().to_vec();
    for i in 0..4 {
        centred[12 + i] += (0..3).map(|j| params.values()[3 * i + j] * lambda[j]).sum::<f64>();
    }
    for j in 0..3 {
        centred[16 + j] += (0..4).map(|i| params.values()[3 * i + j] * mu[i]).sum::<f64>();
    }
    // Central differences err by h² times the third derivative, here about one, and by 1e-16/h.
    let h = 1e-5;
    let slopes: Vec<f64> = (0..19)
        .map(|at| {
            let moved = |by: f64| {
                let mut moved = centred.clone();
                moved[at] += by;
                log_likelihood(&moved)
            };
            (moved(h) - moved(-h)) / (2.0 * h)
        })
        .collect();
    // A step along them moves W by ∇W', b by ∇b' − ∇W' λ and c by ∇c' − ∇W'ᵀ μ, to first order.
    let mut expected = slopes.clone();
    for i in 0..4 {
        expected[12 + i] -= (0..3).map(|j| slopes[3 * i + j] * lambda[j]).sum::<f64>();
    }
    for j in 0..3 {
        expected[16 + j] -= (0..4).map(|i| slopes[3 * i + j] * mu[i]).sum::<f64>();
    }
    assert_near(&step, &expected, 1e-8);
}

#[test]
fn the_centred_step_does_not_depend_on_which_value_of_a_unit_is_called_one() {
    let (model, params) = machine();
    let other = turned(&params);
    let turn = |row: [f64; 4]| [row[0], 1.0 - row[1], row[2], row[3]];
    // The same density of turned rows.
    let [p, q] = [&params, &other].map(|params| probabilities(&model, params));
    for row in states() {
        assert!((p[index(&row)] - q[index(&turn(row))]).abs() < 1e-14);
    }
    let step = |params: &Params<f64>, by: &[f64]| {
        let mut moved = params.clone();
        moved.values_mut().iter_mut().zip(by).for_each(|(x, by)| *x += 0.1 * by);
        moved
    };
    let here = step(&params, &centred_step(&params, &DATA.concat()));
    let there = step(&other, &centred_step(&other, &DATA.map(turn).concat()));
    assert_near(turned(&here).values(), there.values(), 1e-13);
    // The plain gradient does depend on it.
    let plain = |params: &Params<f64>, x: &[f64]| {
        let query = Query { batch: 3, scale: 1.0 / 3.0, ..Query::new(&model, params, x, 1) };
        let mut work = Work::new();
        AllStates.estimate(query, &mut seed::rng(0, seed::Stream::Init, 0), &mut work);
        step(params, work.gradient(19))
    };
    let (here, there) = (plain(&params, &DATA.concat()), plain(&other, &DATA.map(turn).concat()));
    assert!(distance(turned(&here).values(), there.values()) > 0.01);
}

#[test]
fn a_centred_criterion_continues_with_the_same_bits_after_a_restart() {
    let trainer = || {
        let (model, params) = machine();
        let estimator = Centred::new(PersistentContrastiveDivergence { sweeps: 1, chains: None });
        let options = Options { lr: 0.1, seed: 5, ..Options::default() };
        Trainer::new(model, params, estimator, Box::new(Sgd::new(0.5)), options)
    };
    let data = states().concat();
    let train = |trainer: &mut Trainer<f64, Rbm, _>, steps: usize| {
        for _ in 0..steps {
            let feed = |range: std::ops::Range<usize>, x: &mut [f64], _: &mut _| {
                x.chunks_exact_mut(4).zip(range).for_each(|(x, row)| {
                    x.copy_from_slice(&data[row * row % 16 * 4..][..4]);
                });
            };
            trainer.step([100, 4], feed).unwrap();
        }
    };
    let (mut whole, mut first, mut second) = (trainer(), trainer(), trainer());
    train(&mut whole, 33);
    train(&mut first, 14);
    second.restore(first.state()).unwrap();
    train(&mut second, 19);
    assert_eq!(whole.state(), second.state());
}

#[test]
fn the_fast_part_moves_the_chains_and_not_the_gradient() {
    let (model, params) = machine();
    let estimator =
        FastPersistentContrastiveDivergence { chains: Some(1), rate: 0.5, decay: 0.75, sweeps: 1 };
    let offset: Vec<f64> = (0..19).map(|i| (0.7 * f64::from(i)).cos()).collect();
    let mut moved = params.clone();
    moved.values_mut().iter_mut().zip(&offset).for_each(|(x, fast)| *x += fast);
    let (mut mean, mut work) = (vec![0.0; 19], Work::new());
    let start = states()[5];
    let coverage = Enumerator::for_each(0, 1 << 15, |source| {
        let state = [&[19.0], &offset[..], &start].concat();
        work.state.restore(vec![state]);
        estimator.estimate(Query::new(&model, &params, &DATA[0], 1), source, &mut work);
        let gradient = work.gradient(19).to_vec();
        mean.iter_mut().zip(&gradient).for_each(|(mean, g)| *mean += source.probability() * g);
        let after = work.state.save().concat();
        for ((after, before), g) in after[1..20].iter().zip(&offset).zip(&gradient) {
            assert!((after - (0.75 * before + 0.5 * g)).abs() < ROUNDING);
        }
    });
    assert!(matches!(coverage, Coverage::Complete { .. }), "{coverage:?}");
    let mut at = vec![0.0; 16];
    at[index(&start)] = 1.0;
    // The chain moves at θ + φ; the energies are those at θ.
    let negative = swept(&moved, &at);
    let mut cotangents = negative.clone();
    cotangents[index(&DATA[0])] -= 1.0;
    assert_near(&mean, &energies(&model, &params, &cotangents).0, ROUNDING);
    // At θ alone the chain would have ended elsewhere.
    assert!(distance(&negative, &swept(&params, &at)) > 0.1);
}
