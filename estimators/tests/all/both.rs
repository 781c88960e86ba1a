//! Estimators that take both roads or neither: exact means and variances, every outcome listed and
//! continuous numbers replaced by the nodes of a quadrature.

use pathscore_autodiff::{Activation, Dual, Real};
use pathscore_estimators::both::{
    Arm, Concrete, DisArm, LocalExpectation, Many, Rebar, Relax, StraightThrough,
};
use pathscore_estimators::exact::Enumeration;
use pathscore_estimators::optim::{Adam, Optimizer};
use pathscore_estimators::proof::{Expectation, Latent, Problem, Target};
use pathscore_estimators::score::{Baseline, Reinforce, Vimco};
use pathscore_estimators::{Claim, Coverage, Enumerator, Estimator, Query, Work};
use pathscore_models::latent::{BernoulliToy, Likelihood, SigmoidBelief, SmallBelief};
use pathscore_models::{Params, RandomSource, seed};

/// ARM is linear in each uniform number between its breaks, and its square quadratic: two nodes of
/// Gauss–Legendre are exact for both.
const NODES: usize = 2;
/// A bit that is relaxed at temperature ½ or 1 is analytic in each uniform number between its breaks: with this
/// many nodes the rule is at the limit of rounding for the numbers here.
const FINE: usize = 24;
/// Sums of at most 10⁴ products of numbers below ten.
const EXACT: f64 = 1e-10;
/// Where the small belief net is seen.
const X: [f64; 3] = [1.0, 0.0, 1.0];

/// The exact mean and variance of every component, and the mean of what is left in `seen`.
fn everything<M, E: Estimator<f64, M>>(
    estimator: &E,
    query: Query<f64, M>,
    nodes: usize,
) -> (Vec<(f64, f64)>, Vec<f64>) {
    let len = query.params.len();
    let (mut work, mut sums, mut total) = (Work::new(), vec![(0.0, 0.0); len], 0.0);
    let mut seen = Vec::new();
    let listing = Enumerator::for_each(nodes, 100_000, |source| {
        estimator.estimate(query, source, &mut work);
        let p = source.probability();
        total += p;
        for (sum, &g) in sums.iter_mut().zip(work.gradient(len)) {
            *sum = (sum.0 + p * g, sum.1 + p * g * g);
        }
        seen.resize(work.stats.len(), 0.0);
        seen.iter_mut().zip(&work.stats).for_each(|(sum, seen)| *sum += p * seen);
    });
    assert!(matches!(listing, Coverage::Complete { .. }), "{listing:?}");
    assert!((total - 1.0).abs() < 1e-12, "the probabilities sum to {total}");
    (sums.into_iter().map(|(mean, square)| (mean, square - mean * mean)).collect(), seen)
}

fn moments_with<M, E: Estimator<f64, M>>(
    estimator: &E,
    query: Query<f64, M>,
    nodes: usize,
) -> Vec<(f64, f64)> {
    everything(estimator, query, nodes).0
}

fn moments<M, E: Estimator<f64, M>>(estimator: &E, query: Query<f64, M>) -> Vec<(f64, f64)> {
    moments_with(estimator, query, NODES)
}

/// The variance of one estimate of the small belief net's posterior, summed over its two components.
fn variance<E: Estimator<f64, SmallBelief>>(estimator: &E, query: Query<f64, SmallBelief>) -> f64 {
    moments_with(estimator, query, FINE)[..2].iter().map(|component| component.1).sum()
}

fn toy(theta: f64, target: f64) -> (Params<f64>, BernoulliToy) {
    let mut params = Params::new();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let model = BernoulliToy::new(&mut params, theta, target, rng);
    (params, model)
}

fn belief() -> (Params<f64>, SmallBelief) {
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    (params, model)
}

/// The gradient of the ELBO of the small belief net.
fn exact() -> Vec<f64> {
    let ((params, model), mut work) = (belief(), Work::new());
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    Enumeration.estimate(Query::new(&model, &params, &X, 1), rng, &mut work);
    work.gradient(params.len()).to_vec()
}

#[track_caller]
fn assert_means(found: &[(f64, f64)], exact: &[f64], tolerance: f64) {
    assert_eq!(found.len(), exact.len());
    for (i, (&(mean, _), exact)) in found.iter().zip(exact).enumerate() {
        assert!((mean - exact).abs() <= tolerance, "component {i} is {mean}, not {exact}");
    }
}

#[test]
fn pairs_for_the_bound_of_several_draws_have_its_gradient_for_their_exact_mean() {
    let (params, model) = belief();
    let truth = |samples| {
        let problem = Latent::new("belief", model, params.clone(), &X);
        Latent { samples, target: Target::Bound, ..problem }.truth().unwrap().gradient
    };
    let known =
        [[-0.180593236, -0.144106605], [-0.115629836, -0.077870646], [-0.083694579, -0.053374756]];
    for (samples, known) in (1..).zip(known) {
        let exact = truth(samples);
        let query = Query::new(&model, &params, &X, samples);
        let found = moments(&Many(DisArm), query);
        // Differences give the truth to some 1e-11; nine digits were known before.
        assert_means(&found, &exact, EXACT);
        assert_means(&found[..2], &known, 1e-9);
        if samples == 2 {
            assert_means(&moments(&Many(Arm), query), &exact, EXACT);
        }
        if samples > 1 {
            let vimco = moments(&Vimco::default(), query);
            assert!(found[0].1 < vimco[0].1, "K {samples}: {:?} {:?}", found[0], vimco[0]);
        }
    }
    // Two rows, of which each has draws of its own, and a scale.
    let x = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0];
    let query = Query { batch: 2, scale: 0.7, ..Query::new(&model, &params, &x, 1) };
    let problem = Latent { batch: 2, scale: 0.7, ..Latent::new("two", model, params.clone(), &x) };
    assert_means(&moments(&Many(DisArm), query), &problem.truth().unwrap().gradient, EXACT);
}

/// $\tilde z = s\,\mathrm{softplus}(L + \mathrm{softplus}(s\eta))$ at the $L$ that makes it `z`.
fn coupled(z: f64, eta: Dual<f64>) -> Dual<f64> {
    let s = z.signum();
    let level = z.abs() + Real::log1m_exp(-z.abs()) - Real::softplus(s * eta.v);
    let softened = Dual::constant(level) + (eta * Dual::constant(s)).softplus();
    softened.softplus() * Dual::constant(s)
}

#[test]
fn the_conditional_relaxed_bit_is_the_relaxed_bit_and_moves_as_the_estimator_says() {
    for eta in [-3.0, -0.5, 0.0, 0.8, 4.0] {
        for z in [-5.0, -0.3, 0.01, 1.0, 7.0] {
            let again = coupled(z, Dual::variable(eta));
            let slope = -(-z.abs()).exp_m1() * Real::sigmoid(z.signum() * eta);
            assert!((again.v - z).abs() < 1e-12 * z.abs().max(1.0), "{eta} {z}: {}", again.v);
            assert!((again.d - slope).abs() < 1e-12, "{eta} {z}: {} {slope}", again.d);
        }
        // The number behind it is uniform: v as the share of what lies below z, given the bit.
        for u in [0.1_f64, 0.35, 0.6, 0.95] {
            let z = eta + u.ln() - (-u).ln_1p();
            let zero = Real::sigmoid(-eta);
            let v = if z > 0.0 { (u - zero) / (1.0 - zero) } else { (zero - u) / zero };
            let level = z.abs() + Real::log1m_exp(-z.abs()) - Real::softplus(z.signum() * eta);
            assert!((Real::sigmoid(level) - v).abs() < 1e-12, "{eta} {u}");
        }
    }
}

#[test]
fn rebar_is_exact_at_any_temperature_and_scale() {
    for (theta, target) in [(0.0, 0.45), (1.0, 0.45), (-2.0, 0.499)] {
        let (params, model) = toy(theta, target);
        let p = 1.0 / (1.0 + f64::exp(-theta));
        let exact = [p * (1.0 - p) * (1.0 - 2.0 * target)];
        for (temperature, scale) in [(0.5, 1.0), (1.0, 0.6), (0.5, 0.0), (1.0, -2.0)] {
            let rebar = Rebar::fixed(temperature, scale);
            for samples in [1, 2] {
                let query = Query::new(&model, &params, &[0.0], samples);
                assert_means(&moments_with(&rebar, query, FINE), &exact, 1e-9);
            }
        }
        // Without the control variate it is the plain score.
        let query = Query::new(&model, &params, &[0.0], 1);
        let plain = moments_with(&Rebar::fixed(0.5, 0.0), query, 1)[0].1;
        let score = moments(&Reinforce { baseline: Baseline::None }, query)[0].1;
        assert!((plain - score).abs() < 1e-14, "{plain} {score}");
    }
    let ((params, model), exact) = (belief(), exact());
    let query = Query::new(&model, &params, &X, 1);
    let found = moments_with(&Rebar::fixed(0.5, 1.0), query, FINE);
    assert_means(&found, &exact, 1e-9);
    // Two evaluations against two.
    let one_out = Reinforce { baseline: Baseline::LeaveOneOut };
    let other = moments(&one_out, Query::new(&model, &params, &X, 2));
    for i in 0..2 {
        assert!(found[i].1 < other[i].1, "{i}: {:?} {:?}", found[i], other[i]);
    }
}

#[test]
fn a_network_in_the_control_variate_leaves_the_mean_exact() {
    let ((mut params, model), mut exact) = (belief(), exact());
    let mut relax = Relax::new(&mut params, 2, 3, &mut seed::rng(7, seed::Stream::Init, 0));
    relax.rebar = Rebar::fixed(0.5, 0.8);
    exact.resize(params.len(), 0.0);
    let found = moments_with(&relax, Query::new(&model, &params, &X, 1), FINE);
    assert_means(&found, &exact, 1e-9);
}

/// $E\|\bar\eta\|^2$: on the small belief net the logits are parameters.
fn square(found: &[(f64, f64)]) -> f64 {
    found[..2].iter().map(|(mean, variance)| mean * mean + variance).sum()
}

#[test]
fn what_the_control_variate_learns_from_is_the_slope_of_the_mean_square() {
    let (mut params, model) = belief();
    // Temperatures beside ½, where a power of u is not quite smooth.
    let tolerance = 1e-6;
    let at = |temperature: f64, scale: f64| {
        let mut rebar = Rebar::fixed(temperature, scale);
        rebar.rate = 0.1;
        rebar
    };
    let (temperature, scale, h) = (0.5, 0.7, 1e-3);
    let query = Query::new(&model, &params, &X, 1);
    let (found, seen) = everything(&at(temperature, scale), query, FINE);
    assert_means(&found, &exact(), 1e-9);
    let value = |temperature, scale| square(&moments_with(&at(temperature, scale), query, FINE));
    let by_scale = (value(temperature, scale + h) - value(temperature, scale - h)) / (2.0 * h);
    let moved = |by: f64| value(temperature * by.exp(), scale);
    let by_temperature =
        (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
    assert!((seen[0] + by_temperature).abs() < tolerance, "{seen:?} {by_temperature}");
    assert!((seen[1] + by_scale).abs() < tolerance, "{seen:?} {by_scale}");

    let mut relax = Relax::new(&mut params, 2, 2, &mut seed::rng(7, seed::Stream::Init, 0));
    relax.rebar = at(temperature, scale);
    let found = moments_with(&relax, Query::new(&model, &params, &X, 1), FINE);
    for (i, &(found, _)) in found.iter().enumerate().skip(13) {
        let mut value = |by: f64| {
            params.values_mut()[i] += by;
            let query = Query::new(&model, &params, &X, 1);
            let value = square(&moments_with(&relax, query, FINE));
            params.values_mut()[i] -= by;
            value
        };
        let slope = (value(h) - value(-h)) / (2.0 * h);
        // h² f‴/6.
        assert!((found + slope).abs() < 1e-5, "{i}: {found} {slope}");
    }
}

#[test]
fn temperature_scale_and_network_learn_to_lower_the_variance() {
    let (params, model) = belief();
    let rng = &mut seed::rng(3, seed::Stream::Sample, 0);
    let query = Query::new(&model, &params, &X, 1);
    let mut work = Work::new();
    let mut rebar = Rebar::fixed(0.2, 0.0);
    rebar.rate = 0.01;
    let begun = variance(&rebar, query);
    for _ in 0..3000 {
        rebar.estimate(query, rng, &mut work);
        Estimator::<f64, SmallBelief>::observe(&mut rebar, &work.stats);
    }
    let learnt = variance(&rebar, query);
    let (temperature, scale) = (rebar.temperature(), rebar.scale());
    // Nearly all of it, which is not for the scale alone to take.
    assert!(learnt < 0.05 * begun, "{begun} to {learnt} at {temperature} and {scale}");
    let cold = variance(&Rebar::fixed(0.2, scale), query);
    assert!(learnt < 0.9 * cold, "{cold} to {learnt} at {temperature}");
    // A copy that takes up what was learnt goes on in the same way.
    let mut copy = Rebar::new(1.0);
    let state = Estimator::<f64, SmallBelief>::state(&rebar);
    Estimator::<f64, SmallBelief>::restore(&mut copy, &state);
    for one in [&mut rebar, &mut copy] {
        Estimator::<f64, SmallBelief>::observe(one, &[0.3, -0.2]);
    }
    assert_eq!((rebar.temperature(), rebar.scale()), (copy.temperature(), copy.scale()));

    let (mut params, _) = belief();
    let mut relax = Relax::new(&mut params, 2, 8, &mut seed::rng(7, seed::Stream::Init, 0));
    let begun = variance(&fixed(&relax), Query::new(&model, &params, &X, 1));
    let mut adam = Adam::default();
    for _ in 0..3000 {
        relax.estimate(Query::new(&model, &params, &X, 1), rng, &mut work);
        let gradient = work.gradient(params.len()).to_vec();
        work.release();
        // The network alone: the model stays where its variance is compared.
        adam.step(&mut params.values_mut()[13..], &gradient[13..], 0.01);
        Estimator::<f64, SmallBelief>::observe(&mut relax, &work.stats);
    }
    let with_network = variance(&fixed(&relax), Query::new(&model, &params, &X, 1));
    assert!(with_network < 0.9 * begun, "{begun} to {with_network}");
    assert!(with_network < learnt, "{learnt} without a network, {with_network} with one");
}

/// The same control variate, which no longer learns, so that the network has no gradient to vary.
fn fixed(relax: &Relax) -> Relax {
    let mut fixed = relax.clone();
    fixed.rebar = Rebar::fixed(relax.rebar.temperature(), relax.rebar.scale());
    fixed
}

/// $\ln p(x, z)$ of the small belief net at any `z`, and the entropy of $q$, from the parameters alone.
fn by_hand(at: &[f64], z: [f64; 2]) -> f64 {
    let softplus = |x: f64| x.exp().ln_1p();
    let (phi, prior, weight, bias) = (&at[..2], &at[2..4], &at[4..10], &at[10..13]);
    let prior: f64 = (0..2).map(|i| z[i] * prior[i] - softplus(prior[i])).sum();
    let likelihood: f64 = (0..3)
        .map(|j| {
            let logit = bias[j] + z[0] * weight[j] + z[1] * weight[3 + j];
            X[j] * logit - softplus(logit)
        })
        .sum();
    let entropy = |eta: &f64| softplus(*eta) - eta / (1.0 + (-eta).exp());
    prior + likelihood + phi.iter().map(entropy).sum::<f64>()
}

#[test]
fn concrete_is_unbiased_for_the_relaxed_objective_and_not_for_the_bits() {
    let ((params, model), exact) = (belief(), exact());
    let temperature = 0.5;
    let relaxed = Expectation::new("relaxed", params.values(), |at, source| {
        let z = [0, 1].map(|i| {
            let u = source.uniform();
            1.0 / (1.0 + (-(at[i] + (u / (1.0 - u)).ln()) / temperature).exp())
        });
        by_hand(at, z)
    });
    let concrete = Concrete { temperature };
    assert_eq!(Estimator::<f64, SmallBelief>::claim(&concrete), Claim::Biased);
    let query = Query::new(&model, &params, &X, 1);
    let found = moments_with(&concrete, query, FINE);
    let truth = relaxed.truth().unwrap();
    assert_means(&found, &truth.gradient, 1e-9);
    assert!((found[0].0 - exact[0]).abs() > 1e-3, "{:?} {exact:?}", found[0]);
    // The bias goes with the temperature, and the variance comes.
    let colder = moments_with(&Concrete { temperature: 0.25 }, query, FINE);
    let bias = |found: &[(f64, f64)]| (found[0].0 - exact[0]).abs();
    assert!(bias(&colder) < 0.9 * bias(&found), "{:?} {:?}", colder[0], found[0]);
    assert!(colder[0].1 > found[0].1);
}

#[test]
fn straight_through_has_the_slope_at_the_bits_for_its_mean() {
    let ((params, model), exact) = (belief(), exact());
    let through = StraightThrough::default();
    let found = moments_with(&through, Query::new(&model, &params, &X, 1), 1);
    let at = params.values();
    let p = [0, 1].map(|i| 1.0 / (1.0 + (-at[i]).exp()));
    for i in 0..2 {
        let mut mean = 0.0;
        for bits in 0..4_usize {
            let z = [0, 1].map(|j| (bits >> j & 1) as f64);
            let moved = |by: f64| {
                by_hand(at, std::array::from_fn(|j| z[j] + if i == j { by } else { 0.0 }))
            };
            let h = 1e-4;
            let slope =
                (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
            let weight: f64 = (0..2).map(|j| if z[j] == 1.0 { p[j] } else { 1.0 - p[j] }).product();
            mean += weight * slope;
        }
        // The entropy's own derivative is −η p(1 − p).
        let expected = (mean - at[i]) * p[i] * (1.0 - p[i]);
        assert!((found[i].0 - expected).abs() < 1e-9, "{i}: {} {expected}", found[i].0);
        assert!((found[i].0 - exact[i]).abs() > 1e-3, "{i}: {} {}", found[i].0, exact[i]);
    }
    // The model's parameters see real bits.
    assert_means(&found[2..], &exact[2..], EXACT);
    // With the slope of the relaxation too, by quadrature: the noise is that of the bits.
    let relaxed = StraightThrough { temperature: Some(0.5) };
    let found = moments_with(&relaxed, Query::new(&model, &params, &X, 1), FINE);
    assert_means(&found[2..], &exact[2..], EXACT);
    assert!((found[0].0 - exact[0]).abs() > 1e-3);
}

#[test]
fn straight_through_is_exact_on_straight_lines() {
    let mut params = Params::new();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let (phi, prior) = ([0.8, -0.5], [0.3, -0.4]);
    let model = SmallBelief::new(&mut params, &phi, &prior, &[0.0; 6], &[-0.2, 0.1, 0.3], rng);
    let query = Query::new(&model, &params, &X, 1);
    let found = moments_with(&StraightThrough::default(), query, 1);
    for i in 0..2 {
        let p = 1.0 / (1.0 + (-phi[i]).exp());
        assert!((found[i].0 - (prior[i] - phi[i]) * p * (1.0 - p)).abs() < EXACT, "{found:?}");
    }
}

#[test]
fn a_sum_over_each_bit_is_exact_and_quieter_than_the_score() {
    let (params, model) = toy(1.0, 0.45);
    let alone = moments(&LocalExpectation, Query::new(&model, &params, &[0.0], 1))[0];
    assert!((alone.0 - 0.019661193324148185).abs() < 1e-15 && alone.1 < 1e-17, "{alone:?}");

    let ((params, model), exact) = (belief(), exact());
    for samples in [1, 2] {
        let query = Query::new(&model, &params, &X, samples);
        let local = moments(&LocalExpectation, query);
        assert_means(&local, &exact, EXACT);
        if samples == 2 {
            let one_out = moments(&Reinforce { baseline: Baseline::LeaveOneOut }, query);
            assert!(local[0].1 < 0.2 * one_out[0].1, "{:?} {:?}", local[0], one_out[0]);
        }
    }
    let x = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0];
    let query = Query { batch: 2, scale: 0.7, ..Query::new(&model, &params, &x, 1) };
    let problem = Latent { batch: 2, scale: 0.7, ..Latent::new("two", model, params.clone(), &x) };
    assert_means(&moments(&LocalExpectation, query), &problem.truth().unwrap().gradient, EXACT);
}

/// A belief net of these layers over three columns.
fn layered(layers: &[usize]) -> (Params<f64>, SigmoidBelief) {
    let mut params = Params::new();
    let rng = &mut seed::rng(3, seed::Stream::Init, 0);
    let (tanh, bits) = (Activation::Tanh, Likelihood::Bernoulli);
    let model = SigmoidBelief::new(&mut params, 3, layers, &[], tanh, bits, rng);
    (params, model)
}

#[test]
fn belief_nets_of_one_layer_are_layers_of_bits_too() {
    let (params, model) = layered(&[2]);
    let query = Query::new(&model, &params, &X, 1);
    let exact: Vec<f64> = moments(&Enumeration, query).iter().map(|found| found.0).collect();
    assert_means(&moments(&DisArm, query), &exact, EXACT);
}

#[test]
#[should_panic(expected = "the bits of 2 layers are not independent")]
fn belief_nets_of_two_layers_are_refused() {
    let (params, model) = layered(&[2, 1]);
    moments(&DisArm, Query::new(&model, &params, &X, 1));
}
