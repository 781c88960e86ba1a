//! Gradients and variances that are known in closed form, compared in every digit with the enumeration of all outcomes.

use pathscore_autodiff::Real;
use pathscore_estimators::both::{Arm, DisArm, MeasureValued};
use pathscore_estimators::differences::{FiniteDifferences, Spsa};
use pathscore_estimators::path::{SgvbKl, StickingTheLanding};
use pathscore_estimators::proof::{
    Applied, FromFn, Latent, Method, Options, Problem, Proof, Solved, Verdict, prove,
};
use pathscore_estimators::score::{Baseline, Reinforce};
use pathscore_estimators::{Claim, Enumerator, Estimator};
use pathscore_models::dist::{Poisson, WeakDerivative};
use pathscore_models::latent::{
    BernoulliToy, GaussianQuadratic, LatentModel, LinearGaussian, LogisticNormal, SmallBelief,
};
use pathscore_models::{Params, seed};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::sync::Arc;

fn rng() -> Xoshiro256PlusPlus {
    seed::rng(0, seed::Stream::Init, 0)
}

fn latent<M>(
    name: &str,
    x: &[f64],
    samples: usize,
    make: impl Fn(&mut Params<f64>) -> M,
) -> Arc<Latent<M>> {
    let mut params = Params::new();
    let model = make(&mut params);
    Arc::new(Latent { samples, ..Latent::new(name, model, params, x) })
}

fn proof<M, E>(problem: &Arc<Latent<M>>, estimator: E) -> Proof
where
    M: LatentModel<f64> + Send + 'static,
    E: Estimator<f64, M> + Clone + Send + 'static,
{
    // Sixty nodes for one number and for each of two, six for each of four: enough for squares of squares.
    let options = Options { outcomes: 4_000, confirming: 8_000, ..Options::default() };
    prove(&**problem, &Applied::new(problem, estimator), &options)
}

/// The exact variance of every component, of an estimator whose exact mean is the gradient.
#[track_caller]
fn variances<M, E>(problem: &Arc<Latent<M>>, estimator: E) -> Vec<f64>
where
    M: LatentModel<f64> + Send + 'static,
    E: Estimator<f64, M> + Clone + Send + 'static,
{
    let proof = proof(problem, estimator);
    assert!(proof.ok && proof.verdict == Verdict::Unbiased, "{proof}");
    assert!(!matches!(proof.method, Method::Sampled(_)), "{proof}");
    proof.gradient().iter().map(|c| c.variance).collect()
}

fn toy(theta: f64, target: f64, samples: usize) -> Arc<Latent<BernoulliToy>> {
    latent("toy", &[0.0], samples, |params| BernoulliToy::new(params, theta, target, &mut rng()))
}

/// At $\mu = a$, with $k = 0$.
fn quadratic(a: f64, sigma: f64, samples: usize) -> Arc<Latent<GaussianQuadratic>> {
    let at = [a, sigma.ln()];
    latent("quadratic", &[0.0], samples, |params| {
        GaussianQuadratic::new(params, at, 0.0, &mut rng())
    })
}

#[track_caller]
fn assert_digits(what: &str, found: f64, known: f64) {
    // Seven digits are given, the last one rounded; of a zero, what rounding leaves of squares near one.
    assert!((found - known).abs() < 5e-7 * known + 1e-15, "{what}: {found}, not {known}");
}

#[test]
fn the_bernoulli_toy_has_every_digit() {
    for (t, theta, gradient, [score, constant, one_out, arm, disarm]) in [
        (0.45, 0.0, 0.025, [1.593906e-2, 0.0, 6.25e-4, 2.083333e-4, 0.0]),
        (0.45, 1.0, 0.01966119, [1.034605e-2, 4.198692e-4, 5.964971e-4, 3.645323e-4, 3.321117e-4]),
        (0.45, 2.0, 0.01049936, [4.827192e-3, 6.089897e-4, 4.147314e-4, 3.549767e-4, 3.521537e-4]),
        (0.499, 0.0, 0.0005, [1.562513e-2, 0.0, 2.5e-7, 8.333333e-8, 0.0]),
        (
            0.499,
            1.0,
            3.932239e-4,
            [1.224296e-2, 1.679477e-7, 2.385989e-7, 1.458129e-7, 1.328447e-7],
        ),
    ] {
        let (one, two) = (toy(theta, t, 1), toy(theta, t, 2));
        let truth = one.truth().unwrap();
        assert_digits("gradient", truth.gradient[0], gradient);
        let reinforce = |baseline| Reinforce { baseline };
        let mean = Baseline::Constant(truth.value.unwrap());
        assert_digits("score", variances(&one, reinforce(Baseline::None))[0], score);
        assert_digits("mean for a baseline", variances(&one, reinforce(mean))[0], constant);
        assert_digits(
            "leave one out",
            variances(&two, reinforce(Baseline::LeaveOneOut))[0],
            one_out,
        );
        assert_digits("arm", variances(&one, Arm)[0], arm);
        assert_digits("disarm", variances(&one, DisArm)[0], disarm);
        assert_digits("measure-valued", variances(&one, MeasureValued)[0], 0.0);
    }
}

/// Figure 2 of Mohamed and others (2020): f = (z − k)², a = μ − k. The second component is by ln σ, σ times that
/// by σ.
#[test]
fn the_gaussian_quadratic_has_every_digit() {
    for (a, sigma) in [(1.0, 1.0), (4.0, 1.0), (-2.0, 0.5), (0.0, 1.7), (0.6, 2.0)] {
        let (one, two) = (quadratic(a, sigma, 1), quadratic(a, sigma, 2));
        let (a2, v) = (f64::powi(a, 2), f64::powi(sigma, 2));
        let truth = one.truth().unwrap();
        assert!((truth.gradient[0] - 2.0 * a).abs() < 1e-9);
        assert!((truth.gradient[1] - 2.0 * v).abs() < 1e-9);
        let near = |what: &str, found: Option<f64>, known: f64| {
            // Weights of sixty nodes are good to 10⁻¹⁶ of the largest, and f² ln q² reaches 10⁹ at the last.
            let found = found.unwrap();
            assert!(
                (found - known).abs() < 1e-7 * known.max(1.0),
                "{what} at {a}, {sigma}: {found}, {known}"
            );
        };
        let both = |what: &str, found: Vec<f64>, by_mu: f64, by_sigma: f64| {
            near(what, found.first().copied(), by_mu);
            near(what, found.get(1).copied(), v * by_sigma);
        };
        let reinforce = |b: f64| Reinforce { baseline: Baseline::Constant(b) };
        both("path", variances(&one, StickingTheLanding), 4.0 * v, 4.0 * a2 + 8.0 * v);
        both(
            "score",
            variances(&one, Reinforce { baseline: Baseline::None }),
            a2 * a2 / v + 14.0 * a2 + 15.0 * v,
            2.0 * a2 * a2 / v + 60.0 * a2 + 74.0 * v,
        );
        near("mean", variances(&one, reinforce(a2 + v)).first().copied(), 8.0 * a2 + 10.0 * v);
        let best = |b: f64| variances(&one, reinforce(b));
        near("optimal, μ", best(a2 + 3.0 * v).first().copied(), 8.0 * a2 + 6.0 * v);
        near("optimal, σ", best(a2 + 5.0 * v).get(1).copied(), v * (40.0 * a2 + 24.0 * v));
        both(
            "measure-valued, coupled",
            variances(&one, MeasureValued),
            4.0 * a2 * (4.0 / std::f64::consts::PI - 1.0),
            4.0 * a2 + 4.0 * v,
        );
        // With d = ε₁ − ε₂ and s = ε₁ + ε₂ the estimate is σd²(2a + σs)/2 for μ, and s times that for ln σ.
        let one_out = Reinforce { baseline: Baseline::LeaveOneOut };
        both("one out", variances(&two, one_out), 8.0 * a2 + 6.0 * v, 24.0 * a2 + 32.0 * v);
    }
    // The row of the table, digit by digit: a = σ = 1.
    let at_one = variances(&quadratic(1.0, 1.0, 1), MeasureValued);
    assert!((at_one[0] - 1.092958).abs() < 5e-7 && (at_one[1] - 8.0).abs() < 1e-9);
}

#[test]
fn an_optimal_baseline_is_optimal() {
    let problem = quadratic(1.3, 0.8, 1);
    let at = |b: f64| variances(&problem, Reinforce { baseline: Baseline::Constant(b) });
    for (i, best) in [1.69 + 3.0 * 0.64, 1.69 + 5.0 * 0.64].into_iter().enumerate() {
        assert!(at(best)[i] < at(best + 0.01)[i] && at(best)[i] < at(best - 0.01)[i]);
    }
}

#[test]
fn measure_valued_derivatives_are_unbiased_for_bounds() {
    let line = latent("line", &[1.0], 1, |params| {
        LinearGaussian::new(params, [0.3, 0.5 * 0.4_f64.ln(), 1.5, 0.2], 0.5, &mut rng())
    });
    variances(&line, MeasureValued);
    for (samples, batch) in [(1, 1), (2, 1), (1, 2)] {
        let x = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0];
        let problem = latent("belief", &x[..3 * batch], samples, |params| {
            SmallBelief::known(params, &mut rng())
        });
        let problem = Arc::new(Latent { batch, scale: 0.7, ..Latent::clone(&problem) });
        variances(&problem, MeasureValued);
    }
    // Not a polynomial, and eight numbers to the two draws: no rule is fine enough, and samples must do.
    let problem =
        latent("logistic", &[1.0, 0.0], 2, |params| LogisticNormal::known(params, &mut rng()));
    let options = Options { resolution: 0.1, ..Options::default() };
    let proof = prove(&*problem, &Applied::new(&problem, MeasureValued), &options);
    assert!(proof.ok && proof.verdict == Verdict::Unbiased, "{proof}");
}

/// ∂/∂ln λ of E (n − 3)² = λ + (λ − 3)² is λ(1 + 2(λ − 3)).
#[test]
fn the_split_of_a_count_is_unbiased() {
    let (rate, f) = (2.5_f64, |n: f64| (n - 3.0).powi(2));
    let problem = Solved::new("counts", &[rate * (1.0 + 2.0 * (rate - 3.0))], None);
    let measure = |wrong: f64| {
        FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
            let pair = <Poisson<f64> as WeakDerivative<f64>>::split(&[rate.ln()], 0, source);
            out[0] = pair.factor * (f(pair.plus) - f(pair.minus + wrong));
        })
    };
    let proof = prove(&problem, &measure(0.0), &Options::default());
    assert!(proof.ok && matches!(proof.method, Method::Enumerated(_)), "{proof}");
    assert!(!prove(&problem, &measure(0.01), &Options::default()).ok);
}

/// A mean by differences is exact where the bound is quadratic: in μ. In ln σ the mean is that of e^{2s}, σ²
/// sinh(2h)/h.
#[test]
fn differences_are_exact_where_the_bound_is_quadratic() {
    let h = 0.1;
    let problem = quadratic(1.3, 0.8, 1);
    let [by_mu, by_scale] = [2.6, 0.64 * Real::sinh(2.0 * h) / h];
    let check = |proof: Proof| {
        assert!(proof.claim == Claim::Biased && proof.ok, "{proof}");
        assert!(!matches!(proof.method, Method::Sampled(_)), "{proof}");
        let mean: Vec<f64> = proof.gradient().iter().map(|c| c.mean).collect();
        assert!((mean[0] - by_mu).abs() < 1e-9 && (mean[1] - by_scale).abs() < 1e-9, "{mean:?}");
        proof.gradient().iter().map(|c| c.variance).collect::<Vec<f64>>()
    };
    let differences = check(proof(&problem, FiniteDifferences { step: h }));
    // With common random numbers μ's variance is that of the path, 4σ².
    assert!((differences[0] - 4.0 * 0.64).abs() < 1e-9);
    let spsa = check(proof(&problem, Spsa { step: h, directions: 1 }));
    // The other component's slope comes on top, with a random sign.
    assert!(spsa[0] > differences[0] + by_scale.powi(2) - 1e-9);
    let two = check(proof(&problem, Spsa { step: h, directions: 2 }));
    assert!(two[0] < spsa[0]);
}

#[test]
fn the_bias_of_differences_falls_with_the_square_of_the_step() {
    let bias = |step: f64| {
        let problem = quadratic(1.3, 0.8, 1);
        [proof(&problem, FiniteDifferences { step }), proof(&problem, Spsa { step, directions: 1 })]
            .map(|proof| proof.max_abs_error)
    };
    let (wide, narrow) = (bias(0.2), bias(0.1));
    for (wide, narrow) in wide.into_iter().zip(narrow) {
        // Four, but for the next term, h²/5 of the first.
        assert!((wide / narrow - 4.0).abs() < 0.05, "{wide}, {narrow}");
    }
}

#[test]
fn differences_work_for_bits_and_batches() {
    let x = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0];
    let problem = latent("belief", &x, 2, |params| SmallBelief::known(params, &mut rng()));
    let problem = Arc::new(Latent { batch: 2, scale: 0.7, ..Latent::clone(&problem) });
    let exact = problem.truth().unwrap().gradient;
    let study = pathscore_estimators::variance::study_candidate(
        &Applied::new(&problem, FiniteDifferences { step: 0.05 }),
        &exact,
        5_000,
        3,
    );
    // The bias, h²/6 of third derivatives below one, is far below an error of a draw's 0.5/√5000.
    for (i, c) in study.components.iter().enumerate() {
        assert!(c.z().abs() < 5.0, "component {i}: {c:?}");
    }
    let line = latent("line", &[1.0], 1, |params| {
        LinearGaussian::new(params, [0.3, -0.4, 1.5, 0.2], 0.5, &mut rng())
    });
    // b enters quadratically, and its difference is the path's derivative, draw by draw.
    let (path, differences) = (proof(&line, SgvbKl), proof(&line, FiniteDifferences { step: 0.3 }));
    let [path, differences] = [path, differences].map(|proof| proof.components[3].clone());
    assert!((path.mean - differences.mean).abs() < 1e-9);
    assert!((path.variance - differences.variance).abs() < 1e-9);
}
