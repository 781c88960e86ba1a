//! The words of a certificate, its numbers, and the names that a diagnosis gives.

use super::common::assert_near;
use pathscore_estimators::proof::{
    ComponentTest, Effect, FromFn, Method, Options, Proof, RelativeTo, Resolution, Solved, Verdict,
    max_difference, prove,
};
use pathscore_estimators::{Claim, Enumerator};
use pathscore_models::RandomSource;

/// A gradient that is always the same.
fn always(found: &[f64]) -> FromFn<impl FnMut(&mut Enumerator, &mut [f64]) + Clone + Send + use<>> {
    let found = found.to_vec();
    FromFn(move |_: &mut Enumerator, out: &mut [f64]| out.copy_from_slice(&found))
}

fn component(name: &str, exact: f64, mean: f64, error: f64, variance: f64) -> ComponentTest {
    ComponentTest { name: name.into(), exact, mean, error, variance }
}

/// A proof with numbers of our own.
fn made(method: Method, verdict: Verdict) -> Proof {
    let problem = Solved::new("two", &[3.0, 4.0], None);
    let mut proof = prove(&problem, &always(&[3.0, 4.0]), &Options::default());
    (proof.method, proof.verdict, proof.draws) = (method, verdict, method.draws());
    (proof.at, proof.depth) = ("[1]".into(), 7);
    (proof.max_abs_error, proof.detectable_bias) = (0.25, 0.5);
    proof.resolution = Some(Resolution { bias: 0.5, size: 5.0, relative_to: RelativeTo::Norm });
    (proof.power, proof.false_alarm) = (0.9, 1e-5);
    proof.notes.clear();
    proof
}

#[test]
fn resolutions_are_written_in_per_cent_down_to_a_thousandth() {
    let words = |bias, size, relative_to| Resolution { bias, size, relative_to }.to_string();
    for (bias, size, expected) in [
        (0.5, 4.0, "12 % of the norm of the gradient"),
        (0.4, 4.0, "10 % of the norm of the gradient"),
        (0.39, 4.0, "9.8 % of the norm of the gradient"),
        (0.001, 1.0, "0.1 % of the norm of the gradient"),
        (0.0005, 1.0, "5.0e-4 of the norm of the gradient"),
        (0.25, 0.0, "2.5e-1"),
    ] {
        assert_eq!(words(bias, size, RelativeTo::Norm), expected);
    }
    assert_eq!(words(0.1, 2.0, RelativeTo::Spread), "5.0 % of the standard deviation of a draw");
}

#[test]
fn a_certificate_has_a_line_for_the_verdict_the_method_and_the_terms() {
    let mut exact = made(Method::Enumerated(6), Verdict::Unbiased);
    let lines =
        |proof: &Proof| -> Vec<String> { proof.to_string().lines().map(str::to_string).collect() };
    let expected = [
        "two: claims to be unbiased: UNBIASED to 10 % of the norm of the gradient, ok",
        "  6 outcomes enumerated; largest error 2.500e-1, worst at [1]",
        "  detectable 5.000e-1; faults looked for in the first 7 draws of a stream",
    ];
    assert_eq!(lines(&exact), expected);
    exact.depth = 0;
    exact.method = Method::Enumerated(1);
    exact.notes.push("a note".into());
    exact.failures.push("a failure".into());
    exact.ok = false;
    assert_eq!(
        lines(&exact),
        [
            "two: claims to be unbiased: UNBIASED to 10 % of the norm of the gradient, NOT OK",
            "  one outcome enumerated; largest error 2.500e-1, worst at [1]",
            "  detectable 5.000e-1; the first draw only",
            "  a failure",
            "  a note",
        ]
    );
    let mut drawn = made(Method::Sampled(500), Verdict::Biased);
    (drawn.z, drawn.claim) = (Some(-6.125), Claim::Exact);
    (drawn.diagnosis, drawn.reason) = (Some("half".into()), Some("a reason".into()));
    drawn.failures.push("a failure".into());
    let [first, second, third, rest @ ..] = &lines(&drawn)[..] else { panic!("{drawn}") };
    assert_eq!(first, "two: claims to be exact: BIASED, ok");
    assert_eq!(second, "  500 draws; worst z -6.12 at [1]; error 2.500e-1");
    let terms =
        "power 0.9, false alarms 1.0e-5; faults looked for in the first 7 draws of a stream";
    assert_eq!(third, &format!("  detectable 5.000e-1; {terms}"));
    assert_eq!(rest, ["  half", "  a reason", "  a failure"]);
    assert_eq!(drawn.reasons(), "half; a reason; a failure");
    drawn.false_alarm = 0.0125;
    assert!(drawn.to_string().contains("false alarms 0.0125;"), "{drawn}");

    let beside = Method::Quadrature { outcomes: 60, draws: 500 };
    let open = Verdict::Inconclusive { draws: 1e6 };
    for (verdict, words) in [
        (Verdict::Unbiased, "  quadrature of 60 outcomes, confirmed by 500 draws;"),
        (open, "  quadrature of 60 outcomes beside 500 draws;"),
    ] {
        let proof = made(beside, verdict);
        assert!(lines(&proof)[1].starts_with(words), "{proof}");
    }
    assert_eq!(made(beside, open).verdict_with_resolution(), "INCONCLUSIVE");
    let mut unknown = made(beside, Verdict::Unbiased);
    unknown.resolution = None;
    assert_eq!(unknown.verdict_with_resolution(), "UNBIASED");
    for (method, draws, outcomes, words) in [
        (Method::Enumerated(6), 0, 6, "6 outcomes enumerated"),
        (Method::Quadrature { outcomes: 9, draws: 0 }, 0, 9, "quadrature of 9 outcomes"),
        (beside, 500, 60, "quadrature of 60 outcomes, confirmed by 500 draws"),
        (Method::Sampled(3), 3, 0, "3 draws"),
    ] {
        let found = (method.draws(), method.outcomes(), method.to_string());
        assert_eq!(found, (draws, outcomes, words.into()));
    }
}

#[test]
fn the_value_is_no_component_of_the_gradient() {
    let mut proof = made(Method::Sampled(100), Verdict::Unbiased);
    let (a, b) = (component("a", 1.0, 1.5, 0.25, 3.0), component("b", 1.0, 0.0, 0.25, 5.0));
    let value = component("value", 2.0, 12.0, 0.1, 7.0);
    assert_near(&[a.z(), b.z(), value.z()], &[2.0, -4.0, 100.0], 1e-12);
    proof.components = vec![a.clone(), b.clone(), value];
    assert_eq!(proof.gradient(), [a.clone(), b.clone()]);
    assert_eq!((proof.variance(), proof.worst()), (8.0, Some(&b)));
    proof.components.pop();
    assert_eq!(proof.gradient(), [a, b]);
    proof.components.clear();
    assert!(proof.gradient().is_empty() && proof.worst().is_none() && proof.variance() == 0.0);
}

/// The remark is for candidates that claim to draw, and did not.
#[test]
fn only_a_candidate_that_never_draws_is_told_that_it_did_not() {
    let problem = Solved::new("one", &[1.0], None);
    let draws = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
        out[0] = if source.bernoulli(0.5) { 2.0 } else { 0.0 };
    });
    let proof = prove(&problem, &draws, &Options::default());
    assert!(proof.ok && !proof.to_string().contains("never used"), "{proof}");
    let proof = prove(&problem, &always(&[1.0]), &Options::default());
    assert!(proof.ok && proof.to_string().contains("never used"), "{proof}");
}

#[test]
fn diagnoses_name_round_multiples_and_the_first_wrong_components() {
    let exact = [1.0, -2.0, 0.5, 0.0, 3.0, 7.0];
    let several = Solved::new("six", &exact, None)
        .with_mistake("a direction", Effect::Beside(vec![0.0, 1.0, -2.0, 0.5, 0.0, 0.0]))
        .with_mistake("a part", Effect::Term(vec![0.0, 0.0, 0.0, 0.0, 1.0, 2.0]))
        .with_mistake("an axis", Effect::Beside(vec![2.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
    let reasons = |add: [f64; 6]| {
        let found: Vec<f64> = exact.iter().zip(add).map(|(exact, add)| exact + add).collect();
        prove(&several, &always(&found), &Options::default()).reasons()
    };
    let direction = |times: f64| [0.0, times, -2.0 * times, 0.5 * times, 0.0, 0.0];
    for (times, words) in [
        (1.0, "+ a direction, beside the gradient"),
        (-1.0, "− a direction, beside the gradient"),
        (2.5, "2.5000 times a direction, beside the gradient"),
        (-4.0 / 3.0, "-1.3333 times a direction"),
        (0.75, "0.7500 times a direction"),
        (1.0 / 7.0, "0.1429 times a direction"),
        (-1.0 / 7.0, "-0.1429 times a direction"),
        (6.0 / 7.0, "0.8571 times a direction"),
        (-6.0 / 7.0, "-0.8571 times a direction"),
        (1.0 / 1024.0, "0.0010 times a direction"),
        (16.0, "16.0000 times a direction"),
    ] {
        let found = reasons(direction(times));
        assert!(found.starts_with("[1], [2], [3]: off by up to "), "{times}: {found}");
        assert!(found.contains(&format!(": {words}")), "{times}: {found}");
    }
    for times in [0.43, 16.5, -20.0, 1.0 / 1500.0] {
        let found = reasons(direction(times));
        assert!(!found.contains("a direction"), "{times}: {found}");
    }
    let part = |count: f64| [0.0, 0.0, 0.0, 0.0, count - 1.0, 2.0 * (count - 1.0)];
    for (count, words) in [
        (0.0, "a part is missing"),
        (-1.0, "a part has the wrong sign"),
        (3.0, "a part counts 3.0000 times"),
        (0.5, "a part counts 0.5000 times"),
    ] {
        assert!(reasons(part(count)).ends_with(words), "{count}: {}", reasons(part(count)));
    }
    // Every number is a multiple of a vector with one component, and only plus or minus once is evidence.
    let axis = |times: f64| reasons([2.0 * times, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert!(axis(1.0).ends_with("+ an axis, beside the gradient"), "{}", axis(1.0));
    assert!(axis(-1.0).contains("− an axis"), "{}", axis(-1.0));
    assert!(!axis(0.5).contains("axis") && !axis(2.0).contains("axis"));

    // The largest bias is that of the second component.
    let found = reasons([0.1, -0.375, 0.2, 0.3, 0.0, 0.0]);
    let sizes = "off by up to -3.750e-1 (-2.375000e0 for -2.000000e0)";
    assert_eq!(found, format!("[0], [1], [2], [3]: {sizes}"));
    let found = reasons([0.1, -0.375, 0.2, 0.3, 0.05, 0.0]);
    assert_eq!(found, format!("[0], [1], [2], [3], …: {sizes}"));
    let found = reasons([0.1, -0.375, 0.2, 0.3, 0.05, 0.07]);
    assert_eq!(found, format!("all components: {sizes}"));
}

#[test]
fn the_largest_difference_is_over_all_draws_of_equal_numbers() {
    let with = |value: f64, add: f64| {
        FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
            let rare = source.bernoulli(0.01) && source.bernoulli(0.01);
            out.copy_from_slice(&[if rare { value } else { 1.0 }, 2.0 + add]);
        })
    };
    for (a, b, expected) in [
        ((5.0, 0.0), (5.0, 0.0), 0.0),
        ((5.0, 0.0), (-2.0, 0.0), 7.0),
        ((5.0, 0.0), (4.0, 1.5), 1.5),
        ((f64::NAN, 0.0), (f64::NAN, 0.0), 0.0),
        ((f64::NAN, 0.0), (1.0, 0.0), f64::INFINITY),
        ((f64::INFINITY, 0.0), (f64::INFINITY, 0.5), 0.5),
    ] {
        let (a, b) = (with(a.0, a.1), with(b.0, b.1));
        assert_eq!(max_difference(&a, &b, 2), expected);
        assert_eq!(max_difference(&b, &a, 2), expected);
    }
    // Other choices are other draws, whatever the numbers.
    let bit = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
        source.bernoulli(0.5);
        out[0] = 1.0;
    });
    assert_eq!(max_difference(&bit, &always(&[1.0]), 1), f64::INFINITY);
    assert_eq!(max_difference(&always(&[1.0]), &bit, 1), f64::INFINITY);
    // Continuous numbers are drawn, alike for both.
    let normal = |factor: f64| {
        FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
            out[0] = factor * source.normal().clamp(-1.0, 1.0);
        })
    };
    assert_eq!(max_difference(&normal(1.0), &normal(1.0), 1), 0.0);
    assert_eq!(max_difference(&normal(1.0), &normal(-1.0), 1), 2.0);
}
