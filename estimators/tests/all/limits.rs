//! A proof says no more than it has seen: proofs that are cut off, late faults of candidates that learn, gradients near
//! rounding, and tails that draws have not reached.

use pathscore_estimators::Enumerator;
use pathscore_estimators::proof::{
    Candidate, Expectation, FromFn, Method, Options, Proof, Solved, Verdict, prove,
};
use pathscore_models::RandomSource;
use std::time::Duration;

/// The probability of the bit, and the gradient of $E(b - 0.45)^2$ with respect to its logit.
const P: f64 = 0.731_058_578_630_004_9;
const BIT: f64 = 0.019_661_193_324_148_184;

/// The score of a bit with the mean of all earlier signals for a baseline; after `n` draws it is multiplied by `times(n)`.
fn running_mean(times: impl Fn(usize) -> f64 + Clone + Send + 'static) -> impl Candidate {
    let (mut n, mut mean) = (0, 0.0);
    FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
        let b = source.bernoulli(P);
        let f = (f64::from(b) - 0.45).powi(2);
        out[0] = (f - mean) * (f64::from(b) - P) * times(n);
        n += 1;
        mean += (f - mean) / n as f64;
    })
}

fn proof_of(exact: f64, candidate: &dyn Candidate, options: &Options) -> Proof {
    prove(&Solved::new("a number", &[exact], None), candidate, options)
}

/// A normal number by the polar method, which cannot be enumerated.
fn polar(source: &mut Enumerator) -> f64 {
    loop {
        let [u, v] = [(); 2].map(|()| 2.0 * source.uniform() - 1.0);
        let square = u * u + v * v;
        if square > 0.0 && square < 1.0 {
            return u * (-2.0 * square.ln() / square).sqrt();
        }
    }
}

/// Some hundred of these draws fit into the time: the fault was not reached, and the depth was said to be 4096.
#[test]
fn a_proof_that_is_cut_off_certifies_nothing() {
    for from in [5, 40, 1000] {
        let slow = running_mean(move |n| {
            std::thread::sleep(Duration::from_millis(5));
            if n >= from { 3.0 } else { 1.0 }
        });
        let proof = proof_of(BIT, &slow, &Options { seconds: 0.5, ..Options::default() });
        assert!(proof.verdict != Verdict::Unbiased, "{proof}");
        assert!(proof.depth < 200, "{proof}");
    }
}

#[test]
fn late_faults_of_a_candidate_that_learns_are_found_where_its_draws_are_enumerated() {
    let faults: [fn(usize) -> f64; 5] = [
        |n| if (60..98).contains(&n) { 1.1 } else { 1.0 },
        |n| if n == 11 { 1.5 } else { 1.0 },
        |n| if n == 33 { 3.0 } else { 1.0 },
        |n| if (400..490).contains(&n) { 1.05 } else { 1.0 },
        |n| if (1100..1900).contains(&n) { 1.05 } else { 1.0 },
    ];
    for (i, times) in faults.into_iter().enumerate() {
        let proof = proof_of(BIT, &running_mean(times), &Options::default());
        assert!(proof.verdict == Verdict::Biased, "{i}: {proof}");
    }
    // The resolution is that of draws of whole streams, not that of the draws that were enumerated.
    let proof = proof_of(BIT, &running_mean(|_| 1.0), &Options::default());
    let relative = proof.resolution.unwrap().relative();
    assert!(proof.ok && (1e-3..0.1).contains(&relative), "{proof}");
    assert!(proof.notes.iter().any(|note| note.contains("in the mean")), "{proof}");
}

/// Right draws of another form hide a wrong one among them: each of them is examined.
#[test]
fn single_draws_that_differ_are_examined_themselves() {
    let with = |wrong: usize| {
        let mut n = 0;
        FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
            let z = polar(source);
            out[0] = if n == 100 || n == 200 { 2.0 - 2.0 * z } else { 2.0 * (1.0 + z) };
            out[0] *= if n == wrong { 4.0 } else { 1.0 };
            n += 1;
        })
    };
    for wrong in [100, 200] {
        let proof = proof_of(2.0, &with(wrong), &Options::default());
        assert!(proof.verdict == Verdict::Biased, "{proof}");
        let words = format!("only in the draw after {wrong} draws");
        assert!(proof.reasons().contains(&words), "{proof}");
    }
}

/// The sign is wrong, at sizes near and below the tolerance of enumerated means.
#[test]
fn small_gradients_are_not_certified_beyond_the_resolution() {
    let few = Options { draws: 64_000, ..Options::default() };
    for c in [3e-9, 2e-9, 1e-10] {
        let by_normal = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
            out[0] = -c * (1.0 + 0.1 * source.normal());
        });
        let by_polar = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
            out[0] = -c * (1.0 + 0.1 * polar(source));
        });
        let by_bit = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
            out[0] = -c * if source.bernoulli(0.5) { 2.0 } else { 0.0 };
        });
        let all: [&dyn Candidate; 3] = [&by_normal, &by_polar, &by_bit];
        for candidate in all {
            let proof = proof_of(c, candidate, &few);
            assert!(proof.verdict != Verdict::Unbiased && !proof.ok, "{c}: {proof}");
        }
    }
    // What cannot be told from zero is equal to zero, and its resolution is a number without relation.
    let zero = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
        out[0] = if source.bernoulli(0.5) { 1e-17 } else { -1e-17 };
    });
    let proof = proof_of(0.0, &zero, &few);
    assert!(proof.ok && proof.verdict_with_resolution() == "UNBIASED to 1.0e-8", "{proof}");
}

#[test]
fn squares_that_overflow_are_told() {
    let large = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
        out[0] = 1e160 * (1.0 + 0.1 * source.normal());
    });
    let proof = proof_of(1e160, &large, &Options::default());
    assert!(matches!(proof.verdict, Verdict::Inconclusive { .. }), "{proof}");
    assert!(proof.reasons().contains("squares of the exact gradient"), "{proof}");
}

/// Right gradients whose mean is carried by draws rarer than those that were made: nothing is known, and no bias is found.
#[test]
fn heavy_tails_are_no_bias() {
    let weights = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
        out[0] = (0..50).map(|_| 0.7 * source.normal() - 0.245).sum::<f64>().exp();
    });
    let roulette = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
        let mut value = 1.0;
        out[0] = 1.0;
        while source.bernoulli(0.5) {
            value *= 1.9;
            out[0] += value / 1.9;
        }
    });
    for seed in 0..3 {
        let options = Options { draws: 512_000, seed, ..Options::default() };
        let proof = proof_of(1.0, &weights, &options);
        assert!(matches!(proof.verdict, Verdict::Inconclusive { .. }), "{proof}");
        assert!(proof.notes.iter().any(|note| note.contains("heavy tails")), "{proof}");
        // 1 + Σ 1.9^{n − 1}/2^n.
        let proof = proof_of(1.0 + 0.5 / (1.0 - 0.95), &roulette, &options);
        assert!(proof.verdict != Verdict::Biased, "{proof}");
    }
}

/// More draws do not make an exact gradient exacter.
#[test]
fn the_error_of_the_truth_is_not_a_matter_of_draws() {
    let step = |at: &[f64], source: &mut Enumerator| {
        at[0].powi(2) + 1e-2 * f64::from(at[0] + source.normal() > 0.0)
    };
    let problem = Expectation::new("a small step", &[0.3], step);
    let along_the_path = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
        out[0] = 0.6 + 1e-9 * polar(source);
    });
    let options = Options { resolution: 0.01, ..Options::default() };
    let proof = prove(&problem, &along_the_path, &options);
    let Verdict::Inconclusive { draws } = proof.verdict else { panic!("{proof}") };
    assert!(draws == f64::INFINITY && proof.method.draws() < 10_000, "{proof}");
    assert!(proof.reasons().contains("no number of draws is enough"), "{proof}");
}

#[test]
fn a_source_that_was_used_before_the_time_ended_was_used() {
    let slow = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
        std::thread::sleep(Duration::from_millis(100));
        out[0] = 1.0 + source.normal();
    });
    let proof = proof_of(1.0, &slow, &Options { seconds: 0.5, ..Options::default() });
    assert!(matches!(proof.verdict, Verdict::Inconclusive { .. }), "{proof}");
    assert!(!proof.to_string().contains("never used"), "{proof}");
    assert!(matches!(proof.method, Method::Sampled(_)));
}
