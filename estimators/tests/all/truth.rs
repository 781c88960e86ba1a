//! Exact gradients against closed forms and known digits, and the errors that they carry.

use pathscore_autodiff::{Activation, Dual, Real};
use pathscore_estimators::Target;
use pathscore_estimators::proof::{
    Expectation, FromFn, Latent, Options, Problem, Truth, TruthError, TruthMethod, Verdict, prove,
};
use pathscore_models::latent::{
    DiscreteVae, GaussianQuadratic, LatentModel, Likelihood, LinearGaussian, LogisticNormal,
    SmallBelief, Vae,
};
use pathscore_models::seed::{self, Stream};
use pathscore_models::{Init, Params, RandomSource};

fn belief(target: Target, samples: usize) -> Latent<SmallBelief> {
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut seed::rng(0, Stream::Init, 0));
    Latent { samples, target, ..Latent::new("bits", model, params, &[1.0, 0.0, 1.0]) }
}

/// $q = \mathcal N(m, v)$ and $x \mid z \sim \mathcal N(wz + b, s^2)$ with the parameters $m, \ln\sqrt v, w, b$.
fn line(
    at: [f64; 4],
    noise_variance: f64,
    x: f64,
    target: Target,
    samples: usize,
) -> Latent<LinearGaussian> {
    let (mut params, rng) = (Params::new(), &mut seed::rng(0, Stream::Init, 0));
    let model = LinearGaussian::new(&mut params, at, noise_variance, rng);
    Latent { samples, target, ..Latent::new("line", model, params, &[x]) }
}

/// The parameters of the exact case in the tests of the model.
const KNOWN: [f64; 4] = [0.3, -0.458_145_365_937_077_5, 1.5, 0.2];

fn known(target: Target, samples: usize) -> Latent<LinearGaussian> {
    line(KNOWN, 0.5, 1.0, target, samples)
}

fn value<M: LatentModel<f64>>(problem: &Latent<M>) -> f64 {
    problem.truth().unwrap().value.unwrap()
}

/// Asserts that each component is within its error of the exact one, and that the error is small.
#[track_caller]
fn assert_gradient(truth: &Truth, exact: &[f64], most: f64) {
    for ((g, error), exact) in truth.gradient.iter().zip(&truth.gradient_errors).zip(exact) {
        assert!((g - exact).abs() <= *error, "{g} ± {error} for {exact}");
        assert!(*error <= most, "{error} at {g}");
    }
}

/// A scale multiplies the gradient and its errors, and leaves the value. Powers of two are exact.
#[test]
fn the_scale_is_that_of_the_gradient_and_of_its_errors() {
    let one = known(Target::LogLikelihood, 1).truth().unwrap();
    assert_eq!(one.method, TruthMethod::Quadrature);
    assert_eq!(belief(Target::LogLikelihood, 1).truth().unwrap().method, TruthMethod::Sum);
    for scale in [4.0, -0.25] {
        let problem = Latent { scale, ..known(Target::LogLikelihood, 1) };
        let found = problem.truth().unwrap();
        assert_eq!((found.value, found.value_error), (one.value, one.value_error));
        for i in 0..4 {
            assert_eq!(found.gradient[i], scale * one.gradient[i]);
            let error = found.gradient_errors[i];
            assert!(error > 0.0 && error == scale.abs() * one.gradient_errors[i], "{error}");
        }
    }
}

/// The gradient and value of a problem whose draws are listed one tuple after another would be the same.
#[test]
fn bounds_of_bits_have_their_known_digits() {
    let bounds = [-2.6887937719, -2.6310187507, -2.6082673823, -2.5961660929];
    for (k, exact) in (1..).zip(bounds) {
        let truth = belief(Target::Bound, k).truth().unwrap();
        assert!((truth.value.unwrap() - exact).abs() < 1e-10, "K={k}: {truth:?}");
        assert!(truth.value_error < 1e-12 && truth.method == TruthMethod::Sum, "{truth:?}");
    }
    let truth = belief(Target::Bound, 3).truth().unwrap();
    for (g, exact) in truth.gradient.iter().zip([-0.083694579, -0.053374756]) {
        // Nine digits are known.
        assert!((g - exact).abs() < 1e-9, "{truth:?}");
    }
    assert!(truth.gradient_errors.iter().all(|error| *error < 1e-9), "{truth:?}");
}

/// Sixteen draws of four states have 4¹⁶ orders, and twelve of 128 states have more multisets than can be summed.
#[test]
fn bounds_of_many_draws_are_known() {
    let log_p = -2.5577118089;
    let mut before = f64::NEG_INFINITY;
    for samples in [2, 5, 8, 12, 16, 64, 1000] {
        for target in [Target::Bound, Target::Renyi { alpha: 0.5 }, Target::Renyi { alpha: -1.0 }] {
            let truth = belief(target, samples).truth().unwrap();
            assert!(truth.gradient_errors.iter().all(|error| *error < 1e-8), "{truth:?}");
            let bound = truth.value.unwrap();
            // Rényi's bound with α < 0 lies above ln p(x), and so do not its expected estimates of few draws.
            assert!(target != Target::Bound || (before < bound && bound < log_p), "{truth:?}");
            before = if target == Target::Bound { bound } else { before };
        }
    }
    assert!((before - log_p).abs() < 1e-3, "L_1000 is {before}");
}

#[test]
fn three_draws_of_seven_bits_are_known() {
    let (mut params, rng) = (Params::new(), &mut seed::rng(0, Stream::Init, 0));
    let (tanh, bits) = (Activation::Tanh, Likelihood::Bernoulli);
    let model = DiscreteVae::new(&mut params, 5, &[], 7, tanh, bits, rng);
    let mut random = Params::<f64>::new();
    random.add("all", [params.len()], Init::Normal(0.7), rng);
    params.values_mut().copy_from_slice(random.values());
    let x = [1.0, 0.0, 1.0, 1.0, 0.0];
    let bound = |target, samples| {
        let problem = Latent::new("seven bits", model.clone(), params.clone(), &x);
        Latent { samples, target, ..problem }
    };
    let truth = bound(Target::Bound, 3).truth().unwrap();
    assert!(truth.gradient.len() > 80 && truth.method == TruthMethod::Sum);
    assert!(truth.gradient_errors.iter().all(|error| *error < 1e-8), "{truth:?}");
    let [elbo, log_p] =
        [Target::Elbo, Target::LogLikelihood].map(|target| value(&bound(target, 1)));
    let l3 = truth.value.unwrap();
    assert!(elbo < l3 && l3 < log_p, "{elbo}, {l3}, {log_p}");
}

/// L₂ and the slopes of the ELBO were computed elsewhere; the others must lie in order below ln p(x).
#[test]
fn bounds_of_a_normal_latent_are_known_for_any_number_of_draws() {
    let log_p = value(&known(Target::LogLikelihood, 1));
    assert!((log_p + 1.541_102_625_408).abs() < 1e-12);
    let l2 = known(Target::Bound, 2).truth().unwrap();
    assert!((l2.value.unwrap() + 1.6237066621).abs() < 1e-10, "{l2:?}");
    let elbo = known(Target::Elbo, 1).truth().unwrap();
    assert_gradient(&elbo, &[0.75, -1.2, -0.99], 1e-9);
    let mut before = elbo.value.unwrap();
    for samples in [2, 5, 8, 16, 100] {
        let truth = known(Target::Bound, samples).truth().unwrap();
        let bound = truth.value.unwrap();
        assert!(before < bound && bound + truth.value_error < log_p, "K={samples}: {truth:?}");
        assert!(truth.value_error < 1e-11, "K={samples}: {truth:?}");
        assert!(truth.gradient_errors.iter().all(|error| *error < 1e-8), "{truth:?}");
        before = bound;
    }
}

/// The posterior lies tens and hundreds of standard deviations of q from its centre, or is much narrower.
#[test]
fn a_likelihood_with_the_posterior_far_from_q_is_right() {
    for (at, noise_variance, x) in [
        ([0.3, -0.46, 1.5, 0.2], 0.5, 12.0),
        ([0.0, -2.0, 1.0, 0.0], 0.01, 4.0),
        ([-3.0, -3.0, 2.0, 0.0], 1e-4, 10.0),
        ([0.0, -4.0, 1.0, 0.0], 0.01, 6.0),
    ] {
        let log_p = |w, b| LinearGaussian::log_marginal(x, noise_variance, [w, b]);
        let (w, b) = (at[2], at[3]);
        let by_w = log_p(Dual::variable(w), Dual::constant(b));
        let by_b = log_p(Dual::constant(w), Dual::variable(b));
        let truth = line(at, noise_variance, x, Target::LogLikelihood, 1).truth().unwrap();
        let found = truth.value.unwrap();
        // Logarithms of densities of this size are rounded by some 1e-14 of it.
        assert!((found - by_w.v).abs() < 1e-11 * by_w.v.abs().max(1.0), "{found} for {}", by_w.v);
        for (i, exact) in [0.0, 0.0, by_w.d, by_b.d].into_iter().enumerate() {
            let (g, error) = (truth.gradient[i], truth.gradient_errors[i]);
            assert!((g - exact).abs() < 1e-8 * by_w.d.abs().max(1.0), "{at:?}: {truth:?}, {exact}");
            // Beside logarithms of thousands the error is rounding, which is random: it counts as a standard error.
            assert!((g - exact).abs() < 4.5 * error, "{at:?}: {g} ± {error} for {exact}");
        }
    }
}

/// Where $E w$ is infinite, the bounds are not.
#[test]
fn an_infinite_mean_weight_does_not_disturb_the_elbo() {
    let (mut params, rng) = (Params::new(), &mut seed::rng(0, Stream::Init, 0));
    let model = GaussianQuadratic::new(&mut params, [1.0, 0.0], 0.0, rng);
    let truth = Latent::new("square", model, params, &[0.0]).truth().unwrap();
    // ∂/∂μ and ∂/∂ln σ of μ² + σ².
    assert_gradient(&truth, &[2.0, 2.0], 1e-9);
}

#[test]
fn the_error_of_a_kink_covers_it() {
    for shift in [-1.0, -0.3, 0.1, 0.123_456, 0.5, 2.0] {
        let kink = Expectation::new("E |z − θ|", &[shift], |at, source| {
            (source.normal() - at[0]).abs()
        });
        let truth = kink.truth().unwrap();
        let exact = 2.0 * Real::normal_cdf(shift) - 1.0;
        let (g, error) = (truth.gradient[0], truth.gradient_errors[0]);
        assert!((g - exact).abs() <= error && error > 1e-9, "θ={shift}: {g} ± {error} for {exact}");
    }
}

#[test]
fn a_step_is_refused_with_a_sentence() {
    for threshold in [0.2, 0.5, 0.731] {
        let step = Expectation::new("a step", &[threshold], |at, source| {
            f64::from(source.uniform() < at[0])
        });
        let refused = step.truth().unwrap_err();
        let TruthError::Inaccurate { error, tolerance, .. } = &refused else {
            panic!("{refused:?}")
        };
        assert!(error > tolerance && refused.to_string().contains("a step is refused"));
        // No estimator is certified there, and none is called wrong.
        let candidate = FromFn(|_: &mut _, out: &mut [f64]| out[0] = 1.0);
        let proof = prove(&step, &candidate, &Options::default());
        assert!(!proof.ok && matches!(proof.verdict, Verdict::Inconclusive { .. }), "{proof}");
        assert!(proof.reasons().contains("refused"), "{proof}");
        // The same threshold as a bit is exact.
        let bit = Expectation::new("a bit", &[threshold], |at, source| {
            f64::from(source.bernoulli(at[0]))
        });
        assert_gradient(&bit.truth().unwrap(), &[1.0], 1e-10);
    }
    let step = Expectation::new("a step", &[0.3], |at, source| f64::from(source.normal() < at[0]));
    if let Ok(truth) = step.truth() {
        let exact = (-0.045_f64).exp() / std::f64::consts::TAU.sqrt();
        assert_gradient(&truth, &[exact], 1e-2);
    }
}

/// Three rules with up to sixty nodes see nothing of an event with a probability of 2e-4, which carries the whole mean.
#[test]
fn an_event_between_the_nodes_is_found_by_draws() {
    let rare = Expectation::new("a rare event", &[1.0], |at, source| {
        if source.uniform() < 2e-4 { 5000.0 * at[0] } else { 0.0 }
    });
    let refused = rare.truth().unwrap_err();
    assert!(matches!(refused, TruthError::Unconfirmed { .. }), "{refused:?}");
    // A mean that rare draws carry, which the rules see, is no contradiction: E e^4z is e^8.
    let tail = Expectation::new("a tail", &[4.0], |at, source| (at[0] * source.normal()).exp());
    let truth = tail.truth().unwrap();
    assert!((truth.value.unwrap() / 8_f64.exp() - 1.0).abs() < 1e-10, "{truth:?}");
    assert!((truth.gradient[0] / (4.0 * 8_f64.exp()) - 1.0).abs() < 1e-9, "{truth:?}");
}

#[test]
fn choices_that_cannot_be_listed_are_refused() {
    let many = Expectation::new("forty bits", &[0.5], |at, source| {
        (0..40).map(|_| f64::from(source.bernoulli(at[0]))).sum()
    });
    assert!(matches!(many.truth(), Err(TruthError::TooMany { .. })), "{:?}", many.truth());
}

/// Two and three normal latents, by quadratures in the plane and in space.
#[test]
fn bounds_of_several_normal_latents_are_known() {
    // About 140 nodes for a number in the plane, and by each of Gauss' rules 18 in space.
    for (latents, most) in [(2, 1e-6), (3, 1e-4)] {
        let (mut params, rng) = (Params::new(), &mut seed::rng(1, Stream::Init, 0));
        let (tanh, bits) = (Activation::Tanh, Likelihood::Bernoulli);
        let model = Vae::new(&mut params, 1, &[], latents, tanh, bits, rng);
        let problem = Latent::new("normal latents", model, params, &[1.0]);
        let at = |target, samples| Latent { target, samples, ..problem.clone() }.truth().unwrap();
        let mut truths = vec![at(Target::Elbo, 1), at(Target::LogLikelihood, 1)];
        if latents == 2 {
            truths.insert(1, at(Target::Bound, 8));
        }
        assert!(truths.is_sorted_by_key(|truth| truth.value.unwrap()), "{truths:?}");
        for truth in truths {
            assert!(truth.method == TruthMethod::Quadrature, "{truth:?}");
            assert!(truth.gradient_errors.iter().all(|error| *error < most), "{truth:?}");
        }
    }
}

/// Twenty bits have too many states: draws stand for them, and the error is a standard error. The decoder ignores the
/// bits, so the slopes of the ELBO in the logits $\eta$ of q are those of the divergence from the prior with logits
/// $\rho$: $-q(1 - q)(\eta - \rho)$.
#[test]
fn many_bits_have_a_truth_from_draws_with_its_standard_error() {
    let (mut params, rng) = (Params::new(), &mut seed::rng(3, Stream::Init, 0));
    let (tanh, bits) = (Activation::Tanh, Likelihood::Bernoulli);
    let model = DiscreteVae::new(&mut params, 1, &[], 20, tanh, bits, rng);
    let mut tensor = 0;
    let names: Vec<(String, usize)> =
        params.iter().map(|(name, shape, _)| (name.to_string(), shape.size())).collect();
    let mut logits = [[0.0; 20]; 2];
    for (name, size) in names {
        let values = &mut params.values_mut()[tensor..tensor + size];
        for (i, value) in values.iter_mut().enumerate() {
            *value = match name.as_str() {
                "encoder.0.weight" => 0.5 * (i as f64).sin(),
                "encoder.0.bias" => 0.3 * (i as f64).cos(),
                "prior.logits" => 0.2 * (2.0 * i as f64).cos(),
                _ => 0.0,
            };
            match name.as_str() {
                "encoder.0.weight" | "encoder.0.bias" => logits[0][i] += *value,
                "prior.logits" => logits[1][i] += *value,
                _ => {}
            }
        }
        tensor += size;
    }
    let problem = Latent::new("20 bits", model, params, &[1.0]);
    let truth = problem.truth().unwrap();
    assert!(matches!(truth.method, TruthMethod::Draws(_)), "{truth:?}");
    let components = problem.components();
    for (i, name) in components.iter().enumerate() {
        let (g, error) = (truth.gradient[i], truth.gradient_errors[i]);
        let Some(bit) = name.strip_prefix("encoder.0.bias[") else { continue };
        let bit: usize = bit.trim_end_matches(']').parse().unwrap();
        let [eta, rho] = logits.map(|logits| logits[bit]);
        let q = 1.0 / (1.0 + (-eta).exp());
        let exact = -q * (1.0 - q) * (eta - rho);
        // 4.5 standard errors in twenty components: a false alarm in 7000 seeds.
        assert!((g - exact).abs() < 4.5 * error && error > 1e-5, "{name}: {g} ± {error}, {exact}");
    }
}

#[test]
fn the_logistic_normal_model_has_bounds_in_order() {
    let bound = |target, samples| {
        let mut params = Params::new();
        let model = LogisticNormal::known(&mut params, &mut seed::rng(0, Stream::Init, 0));
        let problem = Latent::new("logistic", model, params, &[1.0, 0.0]);
        Latent { samples, target, ..problem }.truth().unwrap()
    };
    let [l1, l2, l16] = [1, 2, 16].map(|k| bound(Target::Bound, k));
    let log_p = bound(Target::LogLikelihood, 1);
    let order = [l1, l2, l16, log_p].map(|truth| truth.value.unwrap());
    assert!(order.is_sorted(), "{order:?}");
}
