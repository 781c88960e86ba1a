//! Estimators that learn, and models of several layers, exactly: every draw is listed and weighted by
//! its probability.

use super::common::{Moments, assert_near, distance, moments};
use pathscore_autodiff::{Activation, Tape};
use pathscore_estimators::exact::Enumeration;
use pathscore_estimators::score::{
    Baseline, Mode, MuProp, Nvil, OptimalConstant, Reinforce, Vimco, Wake, WakeSleep,
};
use pathscore_estimators::{Claim, Estimator, Query, Work};
use pathscore_models::dist::{Distribution, Enumerable};
use pathscore_models::latent::{LatentModel, Likelihood, SigmoidBelief, SmallBelief};
use pathscore_models::{Params, seed};

const X: [f64; 3] = [1.0, 0.0, 1.0];
/// Parameters of the small belief net: φ first.
const MODEL: usize = 13;
const PHI: std::ops::Range<usize> = 0..2;
/// Sums of some hundred products of numbers below ten.
const EXACT: f64 = 1e-10;

fn belief() -> (Params<f64>, SmallBelief) {
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    (params, model)
}

fn on_belief<E: Estimator<f64, SmallBelief>>(estimator: &E, samples: usize) -> Moments {
    let (params, model) = belief();
    moments((&model, &params), estimator, &X, 1, samples, 1)
}

/// The gradient of the ELBO.
fn exact() -> Vec<f64> {
    on_belief(&Enumeration, 1).mean
}

/// Layers of two and one bits over three columns, and one layer of two, all parameters at random.
fn layered(layers: &[usize], hidden: &[usize]) -> (Params<f64>, SigmoidBelief) {
    let mut params = Params::new();
    let rng = &mut seed::rng(3, seed::Stream::Init, 0);
    let (tanh, bits) = (Activation::Tanh, Likelihood::Bernoulli);
    let model = SigmoidBelief::new(&mut params, 3, layers, hidden, tanh, bits, rng);
    let noise = &mut seed::rng(4, seed::Stream::Init, 0);
    let mut random = Params::<f64>::new();
    random.add("noise", [params.len()], pathscore_models::Init::Normal(0.7), noise);
    params.values_mut().copy_from_slice(random.values());
    (params, model)
}

fn nvil(params: &mut Params<f64>, inputs: &[usize]) -> Nvil {
    Nvil::new(params, inputs, 2, &mut seed::rng(5, seed::Stream::Init, 0))
}

#[test]
fn a_baseline_network_leaves_the_mean_exact_and_learns_from_the_residual_alone() {
    let exact = exact();
    let (mut params, model) = belief();
    let plain = nvil(&mut params, &[3]).plain();
    assert_eq!(Estimator::<f64, SmallBelief>::claim(&plain), Claim::Unbiased);
    for samples in [1, 2] {
        let found = moments((&model, &params), &plain, &X, 1, samples, 1);
        assert_near(&found.mean[..MODEL], &exact, EXACT);
        // The baseline follows −E(s − C)²: its slope by differences, at s held still.
        let residual = |params: &Params<f64>| {
            let tape = Tape::new();
            let bound = params.on(&tape);
            let x = tape.constant(&X, [1, 3]);
            let q = model.posterior(bound, x);
            let z = q.enumerate_support();
            let (joint, score) = (model.log_joint(bound, x, z).value(), q.log_prob(z).value());
            let mut baseline = Params::<f64>::new();
            let net = pathscore_models::nn::Mlp::new(
                &mut baseline,
                "baseline.1",
                &[3, 2, 1],
                Activation::Tanh,
                &mut seed::rng(5, seed::Stream::Init, 0),
            );
            baseline.values_mut().copy_from_slice(&params.values()[MODEL..]);
            let tape = Tape::new();
            let c = net.forward(baseline.on(&tape), tape.constant(&X, [1, 3])).item();
            let square = |(f, q): (&f64, &f64)| q.exp() * (f - q - c).powi(2);
            -joint.values().iter().zip(score.values()).map(square).sum::<f64>()
        };
        for i in MODEL..params.len() {
            let h = 1e-5;
            let mut at = |offset: f64| {
                params.values_mut()[i] += offset;
                let value = residual(&params);
                params.values_mut()[i] -= offset;
                value
            };
            let slope = (at(h) - at(-h)) / (2.0 * h);
            assert!((found.mean[i] - slope).abs() < 1e-7, "{i}: {} {slope}", found.mean[i]);
        }
    }
}

#[test]
fn centring_by_earlier_batches_is_exact_and_by_the_batch_itself_has_its_known_factor() {
    let exact = exact();
    let (mut params, model) = belief();
    let mut unbiased = nvil(&mut params, &[3]);
    unbiased.normalise = false;
    let mut paper = unbiased.clone();
    paper.mode = Mode::Paper;
    // Before and after a first batch of mean −2.5 and variance 9.
    for learnt in [false, true] {
        let with = |nvil: &Nvil| {
            let mut nvil = nvil.clone();
            if learnt {
                Estimator::<f64, SmallBelief>::restore(&mut nvil, &[-2.5, 9.0]);
            }
            nvil
        };
        let found = moments((&model, &params), &with(&unbiased), &X, 1, 1, 1).mean;
        assert_near(&found[..MODEL], &exact, EXACT);
        for (rows, samples) in [(1, 1), (2, 1), (1, 3)] {
            let x: Vec<f64> = X.repeat(rows);
            let found = moments((&model, &params), &with(&paper), &x, rows, samples, 1).mean;
            // With nothing learnt, the first batch is all there is to the mean.
            let decay = if learnt { paper.decay } else { 0.0 };
            let factor = 1.0 - (1.0 - decay) / (rows * samples) as f64;
            let scaled: Vec<f64> = exact[PHI].iter().map(|g| factor * g).collect();
            assert_near(&found[PHI], &scaled, EXACT);
            assert_near(&found[2..MODEL], &exact[2..], EXACT);
            assert!(distance(&found[PHI], &exact[PHI]) > 1e-3);
        }
    }
}

#[test]
fn the_divisor_shrinks_the_posteriors_gradient_and_never_enlarges_it() {
    let exact = exact();
    let (mut params, model) = belief();
    let mut scaled = nvil(&mut params, &[3]);
    assert_eq!(Estimator::<f64, SmallBelief>::claim(&scaled), Claim::Shrunk);
    for (variance, factor) in [(9.0, 1.0 / 3.0), (0.01, 1.0)] {
        Estimator::<f64, SmallBelief>::restore(&mut scaled, &[-2.5, variance]);
        let found = moments((&model, &params), &scaled, &X, 1, 2, 1).mean;
        let expected: Vec<f64> = exact[PHI].iter().map(|g| factor * g).collect();
        assert_near(&found[PHI], &expected, EXACT);
        assert_near(&found[2..MODEL], &exact[2..], EXACT);
    }
}

#[test]
fn the_running_mean_and_variance_are_those_of_what_was_seen() {
    let (mut params, model) = belief();
    let mut learner = nvil(&mut params, &[3]);
    let rng = &mut seed::rng(0, seed::Stream::Sample, 0);
    let mut work = Work::new();
    let query = Query::new(&model, &params, &X, 1000);
    learner.estimate(query, rng, &mut work);
    let [n, sum, squares] = work.stats[..] else { panic!("{:?}", work.stats) };
    Estimator::<f64, SmallBelief>::observe(&mut learner, &work.stats);
    let (mean, variance) = (sum / n, squares / n - (sum / n).powi(2));
    assert_near(&Estimator::<f64, SmallBelief>::state(&learner), &[mean, variance], 1e-12);
    // Two pieces of a batch tell what the whole tells.
    Estimator::<f64, SmallBelief>::observe(&mut learner, &[4.0, -4.0, 20.0]);
    let expected = [0.8 * mean - 0.2, 0.8 * variance + 0.2 * 4.0];
    assert_near(&Estimator::<f64, SmallBelief>::state(&learner), &expected, 1e-12);
}

/// The sum over all values of z is the oracle of every model of bits.
fn enumerated(params: &Params<f64>, model: &SigmoidBelief) -> Moments {
    moments((model, params), &Enumeration, &X, 1, 1, 1)
}

#[test]
fn the_probabilities_of_every_chain_of_layers_sum_to_one_and_its_draws_follow_them() {
    for (layers, hidden) in [
        (&[2][..], &[][..]),
        (&[2, 1], &[]),
        (&[2, 1], &[3]),
        (&[1, 2, 1], &[]),
        (&[2, 1, 1], &[2]),
    ] {
        let (params, model) = layered(layers, hidden);
        let tape = Tape::new();
        let bound = params.on(&tape);
        let x = tape.constant(&X, [1, 3]);
        let (q, p) = (model.posterior(bound, x), model.prior(bound));
        assert!(q.log_prob(q.enumerate_support()).log_sum_exp(0).value().values()[0].abs() < 1e-12);
        assert!(p.log_prob(p.enumerate_support()).log_sum_exp(0).item().abs() < 1e-12);
        let z = q.enumerate_support();
        let parts: f64 =
            model.log_joint_layers(bound, x, z).iter().map(|term| term.sum().item()).sum();
        let whole = model.log_likelihood(bound, x, z) + p.log_prob(z);
        assert!((parts - whole.sum().item()).abs() < 1e-11);
        assert!((parts - model.log_joint(bound, x, z).sum().item()).abs() < 1e-11);
        // Draws of each value against its probability: 10⁴ draws, five standard deviations.
        let drawn = q.sample(10_000, &mut seed::rng(1, seed::Stream::Sample, 0)).value();
        let width: usize = layers.iter().sum();
        let values = z.value();
        let log_probs = q.log_prob(z).value();
        for (value, log_prob) in values.values().chunks(width).zip(log_probs.values()) {
            let seen = drawn.values().chunks(width).filter(|draw| *draw == value).count() as f64;
            let (n, p) = (10_000.0, log_prob.exp());
            assert!((seen - n * p).abs() < 5.0 * (n * p * (1.0 - p)).sqrt(), "{value:?}");
        }
    }
}

#[test]
fn score_estimators_are_exact_on_layers_and_local_signals_too() {
    for (layers, hidden) in [(&[2, 1][..], &[][..]), (&[1, 1, 1], &[2])] {
        let (mut params, model) = layered(layers, hidden);
        let len = params.len();
        let oracle = enumerated(&params, &model);
        // The oracle is the slope of its bound.
        for i in 0..len {
            let h = 1e-5;
            let mut at = |offset: f64| {
                params.values_mut()[i] += offset;
                let bound = enumerated(&params, &model).bound;
                params.values_mut()[i] -= offset;
                bound
            };
            let slope = (at(h) - at(-h)) / (2.0 * h);
            assert!((oracle.mean[i] - slope).abs() < 1e-7, "{i}: {} {slope}", oracle.mean[i]);
        }
        let loo = Reinforce { baseline: Baseline::LeaveOneOut };
        assert_near(&moments((&model, &params), &loo, &X, 1, 2, 1).mean, &oracle.mean, EXACT);
        // One signal for all, and one for each layer.
        let mut inputs = vec![3];
        inputs.extend(&layers[..layers.len() - 1]);
        for inputs in [&[3][..], &inputs] {
            let mut params = params.clone();
            let plain = nvil(&mut params, inputs).plain();
            let found = moments((&model, &params), &plain, &X, 1, 1, 1);
            assert_near(&found.mean[..len], &oracle.mean, EXACT);
            assert!((found.bound - oracle.bound).abs() < 1e-12);
        }
    }
}

/// The signals of the upper layer without the terms that it has no part in are quieter.
#[test]
fn signals_of_their_own_lower_the_variance_of_the_upper_layers() {
    let (params, model) = layered(&[2, 1], &[]);
    let upper = params.iter().position(|(name, ..)| name == "encoder.2.0.weight").unwrap();
    let at = params.iter().nth(upper).unwrap().2;
    let variance = |inputs: &[usize]| {
        let mut params = params.clone();
        let plain = nvil(&mut params, inputs).plain();
        // Baselines that say nothing.
        let from = params.iter().find(|(name, ..)| *name == "baseline.1.0.weight").unwrap().2;
        params.values_mut()[from..].fill(0.0);
        moments((&model, &params), &plain, &X, 1, 1, 1).variance[at]
    };
    let (one, own) = (variance(&[3]), variance(&[3, 2]));
    // About half, at these parameters.
    assert!(own < 0.6 * one, "{own} {one}");
}

#[test]
fn vimco_is_exact_on_layers() {
    let (mut params, model) = layered(&[1, 1], &[]);
    let found = moments((&model, &params), &Vimco::default(), &X, 1, 2, 1);
    for i in 0..params.len() {
        let h = 1e-5;
        let mut at = |offset: f64| {
            params.values_mut()[i] += offset;
            let bound = moments((&model, &params), &Vimco::default(), &X, 1, 2, 1).bound;
            params.values_mut()[i] -= offset;
            bound
        };
        let slope = (at(h) - at(-h)) / (2.0 * h);
        assert!((found.mean[i] - slope).abs() < 1e-7, "{i}: {} {slope}", found.mean[i]);
    }
}

#[test]
fn a_line_through_the_mean_is_exact_and_takes_most_of_the_variance() {
    let exact = exact();
    let reinforce = on_belief(&Reinforce { baseline: Baseline::Constant(-2.7) }, 1);
    for samples in [1, 2] {
        let mut muprop = MuProp::default();
        assert_near(&on_belief(&muprop, samples).mean, &exact, EXACT);
        Estimator::<f64, SmallBelief>::restore(&mut muprop, &[0.4]);
        assert_near(&on_belief(&muprop, samples).mean, &exact, EXACT);
    }
    let found = on_belief(&MuProp::default(), 1);
    assert!(found.variance[0] < reinforce.variance[0], "{:?}", found.variance);
}

/// The constant of least variance by the two means that define it, exactly, against what is learnt
/// batch by batch; and that any other constant is worse.
#[test]
fn the_optimal_constant_is_learnt_and_is_optimal() {
    let total = |constant: f64| {
        let baseline = Baseline::Constant(constant);
        on_belief(&Reinforce { baseline }, 1).variance.iter().sum::<f64>()
    };
    // The variance is a parabola of the constant: three points tell where it is least.
    let [left, middle, right] = [-3.0, -2.0, -1.0].map(total);
    let best = -2.0 + 0.5 * (left - right) / (left - 2.0 * middle + right);
    let (params, model) = belief();
    let mut learner = OptimalConstant::new(0.9999);
    assert_near(&on_belief(&learner, 2).mean, &exact(), EXACT);
    let rng = &mut seed::rng(0, seed::Stream::Sample, 0);
    let mut work = Work::new();
    for _ in 0..40_000 {
        learner.estimate(Query::new(&model, &params, &X, 1), rng, &mut work);
        Estimator::<f64, SmallBelief>::observe(&mut learner, &work.stats);
    }
    // 10⁴ batches are remembered; ⟨g, s⟩/⟨s, s⟩ varies by about one.
    assert!((learner.constant() - best).abs() < 0.05, "{} {best}", learner.constant());
    let found = on_belief(&learner, 1);
    assert_near(&found.mean, &exact(), EXACT);
    assert!(found.variance.iter().sum::<f64>() < 1.001 * total(best));
    assert!(total(best + 0.5) > 1.01 * total(best));
}

/// The sleep phase: −∇ E_p(x) KL(p(z|x)‖q) = Σ_xz p(x, z) ∇ ln q(z|x), by a sum over everything.
#[test]
fn the_sleep_phase_is_the_gradient_of_what_the_model_dreams() {
    let (params, _) = belief();
    let found = on_belief(&WakeSleep { wake: 0.0 }, 1).mean;
    // q of this net is the same for all x, so the gradient is that of Σ_z p(z) ln q(z).
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let expected: Vec<f64> =
        (0..2).map(|i| sigmoid([0.3, -0.4][i]) - sigmoid(params.values()[i])).collect();
    assert_near(&found[PHI], &expected, EXACT);
    let wake = on_belief(&Wake, 1).mean;
    assert_near(&found[2..], &wake[2..], EXACT);
    let half = on_belief(&WakeSleep { wake: 0.5 }, 1).mean;
    let mixed: Vec<f64> = PHI.map(|i| 0.5 * (wake[i] + expected[i])).collect();
    assert_near(&half[PHI], &mixed, EXACT);
    assert_near(&on_belief(&WakeSleep { wake: 1.0 }, 2).mean, &on_belief(&Wake, 2).mean, EXACT);

    // Where q depends on x, dreams are seen by it: the slope of the sum over all x and z.
    let (mut params, model) = layered(&[2], &[]);
    let query = moments((&model, &params), &WakeSleep { wake: 0.0 }, &X, 1, 1, 1);
    let dreams = |at: &Params<f64>, fixed: &Params<f64>| {
        let mut sum = 0.0;
        for code in 0..8 {
            let x: [f64; 3] = std::array::from_fn(|i| f64::from(code >> i & 1));
            let (tape, still) = (Tape::new(), Tape::new());
            let (bound, held) = (at.on(&tape), fixed.on(&still));
            let q = model.posterior(bound, tape.constant(&x, [1, 3]));
            let z = q.enumerate_support();
            let log_q = q.log_prob(z).value();
            let z = still.constant(z.value().values(), z.shape());
            let joint = model.log_joint(held, still.constant(&x, [1, 3]), z).value();
            sum += joint.values().iter().zip(log_q.values()).map(|(p, q)| p.exp() * q).sum::<f64>();
        }
        sum
    };
    let still = params.clone();
    let encoder = params.iter().find(|(name, ..)| name.starts_with("decoder")).unwrap().2;
    for i in 0..encoder {
        let h = 1e-5;
        let mut at = |offset: f64| {
            params.values_mut()[i] += offset;
            let value = dreams(&params, &still);
            params.values_mut()[i] -= offset;
            value
        };
        let slope = (at(h) - at(-h)) / (2.0 * h);
        assert!((query.mean[i] - slope).abs() < 1e-7, "{i}: {} {slope}", query.mean[i]);
    }
}
