//! Tests of the terms of a certificate: its time limit, its method, its resolution and the depth to which it holds.

use pathscore_estimators::proof::{
    Candidate, Expectation, FromFn, Gradient, KnownMistake, Latent, Method, Options, Problem,
    Proof, RelativeTo, Solved, Truth, TruthError, TruthMethod, Verdict, max_difference, prove,
};
use pathscore_estimators::{Claim, Enumerator};
use pathscore_models::latent::SmallBelief;
use pathscore_models::{Params, RandomSource, seed};
use std::time::{Duration, Instant};

/// E z² for a normal number of mean one.
fn square() -> Solved {
    Solved::new("E z²", &[2.0], None)
}

fn path(source: &mut Enumerator, out: &mut [f64]) {
    out[0] = 2.0 * (1.0 + source.normal());
}

/// The proof and the seconds that it took.
fn timed(problem: &dyn Problem, candidate: &dyn Candidate) -> (Proof, f64) {
    let options = Options { seconds: LIMIT, ..Options::default() };
    let started = Instant::now();
    let proof = prove(problem, candidate, &options);
    (proof, started.elapsed().as_secs_f64())
}

/// The time limit of the tests, and the most that a proof may take: a tenth more, and half a second for a machine on
/// which other programs run.
const LIMIT: f64 = 0.5;
const MOST: f64 = 1.1 * LIMIT + 0.5;

/// Enumerating 131 072 outcomes for each of some hundred differences takes seconds.
#[test]
fn the_time_limit_holds_for_an_exact_gradient() {
    let slow = Expectation::new("seventeen bits", &[0.3; 17], |at, source| {
        at.iter().map(|&p| f64::from(source.bernoulli(p))).sum()
    });
    let (proof, seconds) = timed(&slow, &FromFn(path));
    assert!(seconds < MOST, "{seconds}");
    assert!(matches!(proof.verdict, Verdict::Inconclusive { .. }) && !proof.ok, "{proof}");
    assert!(proof.reasons().contains("before the exact gradient was found"), "{proof}");
}

#[test]
fn the_time_limit_holds_for_known_mistakes() {
    struct SlowMistakes;
    impl Problem for SlowMistakes {
        fn name(&self) -> String {
            "slow mistakes".into()
        }
        fn components(&self) -> Vec<String> {
            vec!["[0]".into()]
        }
        fn truth(&self) -> Result<Truth, TruthError> {
            square().truth()
        }
        fn known_mistakes(&self, _: &Truth) -> Vec<KnownMistake> {
            let slow = |source: &mut Enumerator| {
                for _ in 0..40 {
                    source.bernoulli(0.5);
                }
            };
            Enumerator::for_each(0, usize::MAX, slow);
            Vec::new()
        }
    }
    let zero = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
        out[0] = f64::from(source.bernoulli(0.5));
    });
    let (proof, seconds) = timed(&SlowMistakes, &zero);
    assert!(seconds < MOST, "{seconds}");
    assert!(proof.verdict == Verdict::Biased && proof.diagnosis.is_some(), "{proof}");
    assert!(proof.to_string().contains("before known mistakes were compared"), "{proof}");
}

/// A millisecond for each draw: neither the outcomes nor the first look would end in time.
#[test]
fn the_time_limit_holds_for_slow_draws() {
    let wait = || std::thread::sleep(Duration::from_millis(1));
    let finite = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
        wait();
        out[0] = (0..10).map(|_| 0.4 * f64::from(source.bernoulli(0.5))).sum();
    });
    let sampled = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
        wait();
        out[0] = 4.0 * f64::from((0..20).map(|_| source.uniform()).sum::<f64>() > 10.0);
    });
    let (proof, seconds) = timed(&square(), &finite);
    assert!(seconds < MOST, "{seconds}: {proof}");
    assert!(matches!(proof.verdict, Verdict::Inconclusive { .. }), "{proof}");
    let (proof, seconds) = timed(&square(), &sampled);
    assert!(seconds < MOST, "{seconds}: {proof}");
    assert!(matches!(proof.verdict, Verdict::Inconclusive { .. }), "{proof}");
    assert!(proof.reasons().contains("the time ended"), "{proof}");
}

/// Listing these loops never ended, and their choices filled the memory.
#[test]
fn loops_are_sampled() {
    let geometric = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
        out[0] = 1.0;
        while !source.bernoulli(0.5) {
            out[0] += 1.0;
        }
    });
    let proof = prove(&square(), &geometric, &Options::default());
    assert!(proof.verdict == Verdict::Unbiased && proof.z.is_some(), "{proof}");
    assert!(matches!(proof.method, Method::Sampled(_)), "{proof}");
}

/// The first of sixty nodes is 3.9e-4: a quadrature does not see what happens below, and was believed.
#[test]
fn a_quadrature_is_confirmed_by_draws() {
    let proof = prove(&square(), &FromFn(path), &Options::default());
    assert!(proof.verdict == Verdict::Unbiased && proof.ok, "{proof}");
    let Method::Quadrature { draws, .. } = proof.method else { panic!("{proof}") };
    assert!(draws >= 100_000 && proof.z.is_none(), "{proof}");
    let words = proof.to_string();
    assert!(
        words.contains("confirmed by 128000 draws") && words.contains("alone resolves"),
        "{proof}"
    );
    // The certificate promises no more than the draws: 7 standard errors of 2/√128000, over 2.
    let resolution = proof.resolution.unwrap();
    assert!((0.015..0.03).contains(&resolution.relative()), "{proof}");
    let loses = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
        path(source, out);
        if source.uniform() < 0.025 {
            out[0] = 0.0;
        }
    });
    let proof = prove(&square(), &loses, &Options::default());
    assert!(proof.verdict == Verdict::Biased, "{proof}");
    // A right gradient with such a branch was condemned.
    let rare = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
        path(source, out);
        out[0] = 0.5 * out[0] + if source.uniform() < 3e-4 { 1.0 / 3e-4 } else { 0.0 };
    });
    let coarse = Options { resolution: 0.05, ..Options::default() };
    let proof = prove(&square(), &rare, &coarse);
    assert!(proof.verdict == Verdict::Unbiased, "{proof}");
    assert!(proof.to_string().contains("but not with the draws"), "{proof}");
}

/// Draws see the bias of a half of a thousandth no sooner than quadrature does: neither a certificate nor a verdict
/// against the candidate would be known to be right.
#[test]
fn a_bias_that_only_quadrature_sees_is_inconclusive_with_the_draws_needed() {
    let near = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
        path(source, out);
        out[0] += 1e-3;
    });
    let proof = prove(&square(), &near, &Options::default());
    let Verdict::Inconclusive { draws } = proof.verdict else { panic!("{proof}") };
    assert!((1e7..1e9).contains(&draws) && proof.reasons().contains("neither confirm"), "{proof}");
    assert!(proof.to_string().contains("draws are needed"), "{proof}");
    // The proof ends early, because no affordable number of draws would decide.
    assert!((128_000..1_000_000).contains(&proof.draws), "{proof}");
}

/// A candidate that learns is enumerated after some numbers of draws, and its streams are drawn.
#[test]
fn a_candidate_that_learns_is_drawn_in_whole_streams() {
    let bit = Solved::new("a bit", &[0.5], None);
    let mut mean = 0.0;
    let learner = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
        let [signal, other] = [(); 2].map(|()| if source.bernoulli(0.5) { 1.0 } else { 0.0 });
        // Neither sees the mean that it is corrected by, and the two have equal means.
        out[0] = signal + mean * (other - 0.5);
        mean = 0.9 * mean + 0.1 * signal;
    });
    let proof = prove(&bit, &learner, &Options::default());
    assert!(proof.ok && matches!(proof.method, Method::Enumerated(_)), "{proof}");
    let words = proof.to_string();
    assert!(words.contains("learns; enumerated again after 4096 numbers of draws"), "{proof}");
    assert!(words.contains(" draws of whole streams in the mean"), "{proof}");
    // The error is the largest of all that were enumerated, also of those that are small enough.
    let mut draws = 0;
    let mut inner = learner;
    let late = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
        (inner.0)(source, out);
        out[0] += if draws >= 5 { 2e-9 } else { 0.0 };
        draws += 1;
    });
    let proof = prove(&bit, &late, &Options::default());
    assert!(proof.ok && (proof.max_abs_error - 2e-9).abs() < 1e-12, "{proof}");
}

/// After 30 or 1000 draws, or at every twentieth: enumeration looked at the draws after 0, 1 and 25.
#[test]
fn late_and_periodic_faults_are_found_and_the_depth_is_stated() {
    let bit = Solved::new("a bit", &[0.5], None);
    let with = |faulty: fn(usize) -> bool| {
        let mut n = 0;
        FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
            let bit = if source.bernoulli(0.5) { 0.75 } else { 0.25 };
            out[0] = bit * if faulty(n) { 1.5 } else { 1.0 };
            n += 1;
        })
    };
    let prove = |faulty| prove(&bit, &with(faulty), &Options::default());
    let right = prove(|_| false);
    assert!(right.ok && right.depth == 4096, "{right}");
    assert!(right.to_string().contains("first 4096 draws of a stream"), "{right}");
    for (after, faulty) in [
        ("after 30 draws", (|n| n >= 30) as fn(usize) -> bool),
        ("after 1000 draws", |n| n >= 1000),
        ("after 19 draws", |n| n % 20 == 19),
        ("after 3333 draws", |n| n == 3333),
    ] {
        let proof = prove(faulty);
        assert!(proof.verdict == Verdict::Biased && proof.reasons().contains(after), "{proof}");
    }
    // A fault that comes later than the certificate says is not seen.
    assert!(prove(|n| n >= 5000).ok);
}

#[test]
fn a_candidate_that_never_used_its_source_is_told_so() {
    let constant = FromFn(|_: &mut Enumerator, out: &mut [f64]| out[0] = 2.0);
    let proof = prove(&square(), &constant, &Options::default());
    assert!(proof.ok && proof.to_string().contains("never used the random source"), "{proof}");
    let counter = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let own = FromFn(move |_: &mut Enumerator, out: &mut [f64]| {
        let n = counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // A linear congruential generator, as an own source of numbers.
        let bits =
            n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        out[0] = 4.0 * (bits >> 11) as f64 / (1_u64 << 53) as f64;
    });
    let proof = prove(&square(), &own, &Options::default());
    assert!(proof.to_string().contains("random numbers of its own"), "{proof}");
    assert!(matches!(proof.method, Method::Sampled(_)), "{proof}");
}

/// Mean zero is another fault than a derivative that never arrives.
#[test]
fn a_mean_of_zero_is_not_a_missing_derivative() {
    let toss = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
        out[0] = if source.bernoulli(0.5) { 1.0 } else { -1.0 };
    });
    let none = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
        source.bernoulli(0.5);
        out[0] = 0.0;
    });
    let reasons = |proof: Proof| proof.reasons();
    let options = Options::default();
    assert!(reasons(prove(&square(), &toss, &options)).contains("the mean is zero"));
    assert!(reasons(prove(&square(), &none, &options)).contains("no derivative arrives"));
}

#[test]
fn small_probabilities_have_digits() {
    let broken = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
        out[0] = if source.bernoulli(1e-6) { f64::NAN } else { 2.0 };
    });
    let proof = prove(&square(), &broken, &Options::default());
    assert!(proof.reasons().contains("not finite with probability 1.0e-6"), "{proof}");
}

#[test]
fn where_the_gradient_is_zero_the_resolution_is_relative_to_the_spread() {
    let flat = Solved::new("an extremum", &[0.0], None);
    let sine = FromFn(|source: &mut Enumerator, out: &mut [f64]| out[0] = source.normal().sin());
    let proof = prove(&flat, &sine, &Options::default());
    assert_eq!(proof.resolution.unwrap().relative_to, RelativeTo::Spread, "{proof}");
    assert!(
        proof.ok && proof.to_string().contains("of the standard deviation of a draw"),
        "{proof}"
    );
}

/// A value that lacks the constant of two normal densities.
#[test]
fn a_value_without_the_constant_of_a_normal_density_is_named() {
    #[derive(Clone)]
    struct Value;
    impl Gradient for Value {
        fn claim(&self) -> Claim {
            Claim::Unbiased
        }
        fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
            out[0] = 4.0 * f64::from(source.bernoulli(0.5));
            Some(1.0 + (2.0 * std::f64::consts::PI).ln())
        }
    }
    let problem = Solved::new("a bit", &[2.0], Some(1.0));
    let reasons = prove(&problem, &Value, &Options::default()).reasons();
    assert!(reasons.contains("2 times ½ ln 2π"), "{reasons}");
}

/// Two bits behind three; the first parameters are the logits of q, then those of the prior.
fn belief(samples: usize) -> Latent<SmallBelief> {
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    let problem = Latent::new("two bits", model, params, &[1.0, 0.0, 1.0]);
    Latent { samples, ..problem }
}

/// The reasons against a gradient that is always the exact one with a change.
fn reasons_against(problem: &Latent<SmallBelief>, change: impl Fn(&[f64], &mut [f64])) -> String {
    let mut wrong = problem.truth().unwrap().gradient;
    change(problem.params.values(), &mut wrong);
    let constant = FromFn(move |_: &mut Enumerator, out: &mut [f64]| out.copy_from_slice(&wrong));
    prove(problem, &constant, &Options::default()).reasons()
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// $\partial H/\partial\varphi = -\varphi\, \sigma'(\varphi)$ for a bit of logit $\varphi$.
#[test]
fn the_sign_of_the_entropy_is_named() {
    let reasons = reasons_against(&belief(1), |at, gradient| {
        for i in 0..2 {
            let p = sigmoid(at[i]);
            gradient[i] += 2.0 * at[i] * p * (1.0 - p);
        }
    });
    assert!(reasons.contains("the entropy of the posterior"), "{reasons}");
    assert!(reasons.contains("has the wrong sign"), "{reasons}");
}

/// $\mathrm{KL}(q \Vert p)$ of bits with the logits $\varphi$ and $\eta$ has the derivatives $(\varphi - \eta)
/// \sigma'(\varphi)$ and $\sigma(\eta) - \sigma(\varphi)$.
#[test]
fn a_divergence_with_its_roles_exchanged_is_named() {
    let reasons = reasons_against(&belief(1), |at, gradient| {
        for i in 0..2 {
            let (phi, eta) = (at[i], at[2 + i]);
            let [p, q] = [sigmoid(eta), sigmoid(phi)];
            gradient[i] += (phi - eta) * q * (1.0 - q) - (q - p);
            gradient[2 + i] += (p - q) - (eta - phi) * p * (1.0 - p);
        }
    });
    assert!(reasons.contains("the roles in KL are exchanged"), "{reasons}");
}

/// With three draws the factor is a half, that of a running mean with a decay of a half as well: nothing is learnt here.
#[test]
fn a_baseline_that_leaves_out_another_draw_is_no_running_mean() {
    let reasons = reasons_against(&belief(3), |_, gradient| {
        gradient.iter_mut().for_each(|g| *g *= 0.5);
    });
    assert!(reasons.contains("leaves out another draw"), "{reasons}");
    assert!(!reasons.contains("running mean"), "{reasons}");
}

/// 0.37 times the divergence is a multiple like any other.
#[test]
fn a_multiple_that_is_not_round_is_no_cause() {
    let with = |times: f64| {
        reasons_against(&belief(1), |at, gradient| {
            for i in 0..2 {
                let (phi, eta) = (at[i], at[2 + i]);
                let q = sigmoid(phi);
                gradient[i] -= times * (phi - eta) * q * (1.0 - q);
                gradient[2 + i] -= times * (sigmoid(eta) - q);
            }
        })
    };
    let (round, other) = (with(1.0), with(0.3717));
    assert!(round.contains("the divergence from the prior counts 2.0000 times"), "{round}");
    assert!(!other.contains("the divergence from the prior"), "{other}");
}

/// Twice a gradient of 1e-8 is as near to it as rounding may come.
#[test]
fn a_gradient_as_small_as_rounding_gets_no_certificate() {
    let tiny = Solved::new("tiny", &[1e-8], None);
    let twice = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
        out[0] = 4e-8 * f64::from(source.bernoulli(0.5));
    });
    let proof = prove(&tiny, &twice, &Options::default());
    assert!(matches!(proof.verdict, Verdict::Inconclusive { .. }) && !proof.ok, "{proof}");
    assert!(proof.reasons().contains("of rounding"), "{proof}");
}

/// The truth is a mean of draws itself, with a standard error: two of them are no bias, seven are one.
#[test]
fn a_truth_from_draws_is_known_to_several_standard_errors() {
    let truth = Truth {
        gradient_errors: vec![0.005],
        method: TruthMethod::Draws(1000),
        ..Truth::given(&[2.0], None)
    };
    let problem = Solved { truth, ..square() };
    let off = |errors: f64| {
        let exact = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
            source.bernoulli(0.5);
            out[0] = 2.0 + 0.005 * errors;
        });
        prove(&problem, &exact, &Options::default())
    };
    let (near, far) = (off(2.0), off(7.0));
    assert!(near.verdict == Verdict::Unbiased, "{near}");
    // Six standard errors of 0.005, over two.
    assert!((near.resolution.unwrap().relative() - 0.015).abs() < 1e-6, "{near}");
    assert!(far.verdict == Verdict::Biased, "{far}");
}

#[test]
fn nan_in_one_of_two_candidates_is_an_infinite_difference() {
    let constant = |x: f64| FromFn(move |_: &mut Enumerator, out: &mut [f64]| out[0] = x);
    let difference = |x, y| max_difference(&constant(x), &constant(y), 1);
    assert_eq!(difference(f64::NAN, 0.0), f64::INFINITY);
    assert_eq!(difference(f64::NAN, f64::NAN), 0.0);
    assert_eq!(difference(f64::INFINITY, f64::INFINITY), 0.0);
    assert_eq!(difference(1.0, 3.0), 2.0);
}
