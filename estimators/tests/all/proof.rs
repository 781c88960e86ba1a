//! Tests of the proofs themselves: they detect wrong estimators, accept correct ones, and keep their error rates.

use pathscore_estimators::proof::{
    Applied, Candidate, Effect, FromFn, Gradient, Latent, Method, Options, Proof, Solved, Verdict,
    prove,
};
use pathscore_estimators::zoo::{Specimen, bounds::WrongVimco, zoo};
use pathscore_estimators::{Claim, Enumerator};
use pathscore_models::latent::SmallBelief;
use pathscore_models::{Params, RandomSource, seed};
use std::sync::Arc;

/// Options for the zoo: where a mean must be sampled, a bias of a fifth of the gradient must be detectable.
fn coarse() -> Options {
    Options { resolution: 0.2, confirming: 8_000, ..Options::default() }
}

#[test]
fn every_specimen_of_the_zoo_is_caught_with_its_evidence_and_its_fixed_twin_is_not() {
    for specimen in zoo() {
        let name = specimen.name;
        let wrong = specimen.examine(&coarse());
        assert!(wrong.caught, "{name}: {}\n{}", wrong.evidence, wrong.proof);
        assert!(wrong.evidence.contains(specimen.evidence), "{name}: {}", wrong.proof);
        let right = specimen.examine_fixed(&coarse());
        assert!(!right.caught && right.proof.ok, "{name}: {}\n{}", right.evidence, right.proof);
    }
}

#[test]
fn the_zoo_holds_all_numbers() {
    let zoo = zoo();
    let held = |number: &usize| zoo.iter().any(|specimen| specimen.number == *number);
    let numbers = 1..=36;
    let missing: Vec<usize> = numbers.filter(|number| !held(number)).collect();
    assert_eq!(missing, [0; 0]);
    let mut names: Vec<&str> = zoo.iter().map(|specimen| specimen.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), zoo.len(), "every name is used once");
}

/// A gradient with the components one and minus two, plus noise.
fn noisy(noise: fn(&mut Enumerator) -> f64) -> impl Candidate {
    FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
        out.copy_from_slice(&[1.0 + noise(source), -2.0 + noise(source)]);
    })
}

fn truth() -> Solved {
    Solved::new("one and minus two", &[1.0, -2.0], None)
}

/// Options with which no mean is enumerated, so that every mean is sampled.
fn sampled(seed: u64) -> Options {
    Options { outcomes: 0, seed, ..Options::default() }
}

/// A correct estimator is called biased with the stated probability at most, over both components and all looks. Of 200
/// proofs at 0.05 at most 10 are expected, with a standard deviation of 3.1; 26 is five deviations more.
#[test]
fn false_alarms_are_no_more_frequent_than_stated() {
    let alarms = |noise: fn(&mut Enumerator) -> f64| {
        let alarm = |&seed: &u64| {
            let options = Options { false_alarm: 0.05, draws: 8000, ..sampled(seed) };
            prove(&truth(), &noisy(noise), &options).verdict == Verdict::Biased
        };
        (0..200).filter(alarm).count()
    };
    let of = |name: &str, noise| {
        let alarms = alarms(noise);
        assert!(alarms <= 26, "{name}: {alarms} of 200");
    };
    of("normal", |source| source.normal());
    of("exponential", |source| -(1.0 - source.uniform()).ln() - 1.0);
    of("rare", |source| if source.bernoulli(0.01) { 99.0 } else { -1.0 });
    of("log-normal", |source| (source.normal() - 0.5).exp() - 1.0);
    of("of infinite variance", |source| {
        // Pareto with α = 1.8 on either side.
        let size = (1.0 - source.uniform()).powf(-1.0 / 1.8) - 1.0;
        if source.bernoulli(0.5) { size } else { -size }
    });
}

/// With this noise the detectable bias falls to the required one at the second look, after 8000 draws, so a bias of that
/// size is detected there with the stated power of 0.9. Of 200 seeds 180 are expected, with a standard deviation of
/// 4.2; 167 is three deviations less.
#[test]
fn a_bias_of_the_detectable_size_is_detected_with_the_stated_power() {
    let bias = 0.05 * 5_f64.sqrt();
    let found: Vec<Proof> = (0..200)
        .map(|seed| {
            let biased = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
                let noise = 1.85 * source.normal();
                out.copy_from_slice(&[1.0 + bias + noise, -2.0]);
            });
            let options = Options {
                false_alarm: 1e-3,
                power: 0.9,
                resolution: 0.05,
                draws: 32_000,
                ..sampled(seed)
            };
            prove(&truth(), &biased, &options)
        })
        .collect();
    let detected = found.iter().filter(|proof| proof.verdict == Verdict::Biased).count();
    assert!((167..200).contains(&detected), "{detected} of 200");
    for proof in found.iter().filter(|proof| proof.verdict == Verdict::Unbiased) {
        assert!((7500..=8000).contains(&proof.draws) && proof.detectable_bias <= bias, "{proof}");
    }
}

#[test]
fn too_few_draws_are_inconclusive_and_say_how_many_are_needed() {
    let noise: fn(&mut Enumerator) -> f64 = |source| 30.0 * source.normal();
    let few = Options { draws: 2000, resolution: 0.1, ..sampled(0) };
    let proof = prove(&truth(), &noisy(noise), &few);
    let Verdict::Inconclusive { draws } = proof.verdict else { panic!("{proof}") };
    assert!(!proof.ok && proof.detectable_bias > 0.1 * 5_f64.sqrt(), "{proof}");
    // (4.4 + 2.3 standard errors are a tenth of √5: some 0.8 million.)
    assert!((3e5..3e6).contains(&draws), "{draws}");
    // Eight times as many are enough; the estimate of the number depends on an estimate of the variance.
    let enough = Options { draws: 8 * draws as usize, resolution: 0.1, ..sampled(1) };
    let proof = prove(&truth(), &noisy(noise), &enough);
    assert!(proof.verdict == Verdict::Unbiased && proof.ok, "{proof}");
    let certificate = proof.to_string();
    assert!(
        certificate.contains("UNBIASED to ") && certificate.contains("of the norm"),
        "{certificate}"
    );
}

#[test]
fn a_bias_of_a_ten_millionth_is_detected_where_outcomes_are_enumerated() {
    let bit = |bias: f64| {
        FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
            let b = f64::from(source.bernoulli(0.25));
            out.copy_from_slice(&[4.0 * b + bias, -2.0]);
        })
    };
    let right = prove(&truth(), &bit(0.0), &Options::default());
    assert!(right.ok && right.method == Method::Enumerated(2), "{right}");
    let wrong = prove(&truth(), &bit(1e-7), &Options::default());
    assert!(wrong.verdict == Verdict::Biased && wrong.at == "[0]", "{wrong}");
}

#[test]
fn a_gradient_that_is_sometimes_not_finite_is_biased() {
    let sometimes = |value: f64| {
        FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
            let broken = source.bernoulli(1e-3);
            out.copy_from_slice(&[if broken { value } else { 1.0 }, -2.0]);
        })
    };
    for value in [f64::NAN, f64::INFINITY] {
        for options in [Options::default(), sampled(0)] {
            let proof = prove(&truth(), &sometimes(value), &options);
            assert!(proof.verdict == Verdict::Biased && !proof.ok, "{proof}");
            assert!(proof.reasons().contains("not finite with probability 0.00"), "{proof}");
        }
    }
}

/// One draw in ten thousand carries the whole mean: among few draws it is often absent, and a variance of zero is then no
/// evidence.
#[test]
fn a_mean_that_rare_draws_carry_is_not_called_biased_without_them() {
    let rare: fn(&mut Enumerator) -> f64 =
        |source| if source.bernoulli(1e-4) { 9999.0 } else { -1.0 };
    for seed in 0..20 {
        let options = Options { draws: 32_000, ..sampled(seed) };
        let proof = prove(&truth(), &noisy(rare), &options);
        assert!(matches!(proof.verdict, Verdict::Inconclusive { .. }), "seed {seed}: {proof}");
    }
}

#[test]
fn a_wrong_value_and_a_wrong_claim_are_detected() {
    #[derive(Clone)]
    struct Says(f64, Claim);
    impl Gradient for Says {
        fn claim(&self) -> Claim {
            self.1
        }
        fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
            let b = f64::from(source.bernoulli(0.5));
            out.copy_from_slice(&[2.0 * b, -2.0]);
            Some(self.0)
        }
    }
    let problem = Solved::new("one and minus two", &[1.0, -2.0], Some(7.0));
    let with = |value, claim| prove(&problem, &Says(value, claim), &Options::default());
    assert!(with(7.0, Claim::Unbiased).ok);
    assert!(with(6.0, Claim::Unbiased).reasons().contains("reports the value 6.0"));
    assert!(with(7.0, Claim::Exact).reasons().contains("its draws differ"));
    assert!(with(7.0, Claim::Biased).ok && with(6.0, Claim::Biased).ok);
}

#[test]
fn effects_of_mistakes_are_distinguished() {
    let problem = Solved::new("three", &[1.0, -2.0, 0.5], None)
        .with_mistake("half", Effect::Factor(0.5))
        .with_mistake("another", Effect::Instead(vec![3.0, 1.0, 0.5]))
        .with_mistake("the rest", Effect::Term(vec![1.0, 1.0, 0.0]))
        .with_mistake("a direction", Effect::Beside(vec![0.0, 1.0, -2.0]));
    for (found, words) in [
        ([0.5, -1.0, 0.25], "all components: times 0.500000: half"),
        ([0.5, -2.0, 0.5], "[0]: times 0.500000: half"),
        ([3.0, 1.0, 0.5], "another"),
        ([0.0, -3.0, 0.5], "the rest is missing"),
        ([1.5, -1.5, 0.5], "the rest counts 1.5000 times"),
        ([1.0, 0.0, -3.5], "2.0000 times a direction, beside the gradient"),
        ([-1.0, 2.0, -0.5], "all components: the sign is wrong"),
        ([1.0, 0.0, 0.0], "[1], [2]: zero, no derivative arrives"),
        ([1.0, -2.0, 0.6], "[2]: times 1.2"),
    ] {
        let candidate =
            FromFn(move |_: &mut Enumerator, out: &mut [f64]| out.copy_from_slice(&found));
        let reasons = prove(&problem, &candidate, &Options::default()).reasons();
        assert!(reasons.contains(words), "{found:?}: {reasons}");
    }
}

/// A factor that may be either of two known ones is given neither name; one that has two names is given both.
#[test]
fn a_factor_between_two_known_ones_has_no_name() {
    let half = Solved::new("three", &[1.0, -2.0, 0.5], None)
        .with_mistake("half", Effect::Factor(0.5))
        .with_mistake("nearly half", Effect::Factor(0.5005));
    // The mean of 64 000 draws has an error of less than 0.004, and more than a tenth of that.
    let noisy = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
        let noise = if source.bernoulli(0.5) { 0.05 } else { -0.05 };
        let waits = source.bernoulli(0.5);
        out.copy_from_slice(&[0.5 + noise, -1.0 + noise, 0.25 + noise]);
        while waits && source.bernoulli(0.5) {}
    });
    let options = Options { draws: 64_000, ..Options::default() };
    let reasons = prove(&half, &noisy, &options).reasons();
    assert!(reasons.contains("times 0.") && !reasons.contains("half"), "{reasons}");
    let exact = FromFn(|_: &mut Enumerator, out: &mut [f64]| {
        out.copy_from_slice(&[0.5, -1.0, 0.25]);
    });
    let twice = half.clone().with_mistake("averaged twice", Effect::Factor(0.5));
    let reasons = prove(&twice, &exact, &options).reasons();
    assert!(reasons.contains(": half; or averaged twice"), "{reasons}");
    assert!(!reasons.contains("nearly"), "{reasons}");
}

/// Fifty draws of two bits have 4⁵⁰ outcomes: neither the mean nor the known mistakes can be enumerated.
#[test]
fn many_draws_of_a_wrong_estimator_are_sampled_and_diagnosed() {
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    let problem = Latent::new("two bits", model, params, &[1.0, 0.0, 1.0]);
    let problem = Arc::new(Latent { samples: 50, ..problem });
    let wrong = Applied::new(&problem, WrongVimco::NoScore);
    let options = Options { draws: 8000, ..Options::default() };
    let proof = prove(&*problem, &wrong, &options);
    assert!(proof.verdict == Verdict::Biased && proof.diagnosis.is_some(), "{proof}");
}

/// A mistake that is not known is detected all the same, and the diagnosis names no other.
#[test]
fn an_unknown_mistake_is_detected_and_given_no_name() {
    let specimen: Specimen = zoo().swap_remove(0);
    let len = specimen.problem.components().len();
    let truth = specimen.problem.truth().unwrap().gradient;
    let odd = FromFn(move |_: &mut Enumerator, out: &mut [f64]| {
        out.iter_mut().zip(&truth).enumerate().for_each(|(i, (out, g))| {
            *out = g + 0.1 * (3.0 * i as f64).sin();
        });
    });
    let proof = prove(&*specimen.problem, &odd, &Options::default());
    let reasons = proof.reasons();
    assert!(proof.verdict == Verdict::Biased && proof.factor.is_none(), "{reasons}");
    assert!(len == 13 && reasons.contains("off by up to"), "{reasons}");
    // The one colon is before the size; the name of a mistake would follow another colon.
    assert_eq!(reasons.matches(": ").count(), 1, "{reasons}");
}
