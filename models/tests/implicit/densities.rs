//! Log-densities, entropies and divergences.

use super::*;
use crate::{CLOSE, assert_close, assert_slopes};
use pathscore_models::dist::{Dirichlet, Kl, Poisson};
use std::f64::consts::TAU;

#[test]
fn log_densities_are_those_of_another_library() {
    for case in cases() {
        let tape = Tape::new();
        let parameters = leaves(&tape, &case.at, 1);
        for y in [-4.0, -1.3, -0.2, 0.0, 0.3, 1.7, 3.5] {
            let x = case.on_line(y).0;
            let ours = case.log_prob(&parameters, tape.constant(&[x], [1, 1])).item();
            let theirs = case.other(x).ln_pdf;
            // Both libraries subtract logarithms of gamma functions of up to 300, which are near 1400.
            let near = (ours - theirs).abs() < 1e-11 * theirs.abs().max(100.0);
            assert!(near, "{case:?} at {x}: {ours}, not {theirs}");
        }
    }
}

#[test]
fn densities_without_another_library_integrate_to_one() {
    for kappa in [0.0, 0.3, 5.0, 200.0] {
        let tape = Tape::new();
        let case = von_mises(&leaves(&tape, &[0.7, kappa], 1));
        let n = 2000;
        let x: Vec<f64> = (0..n).map(|i| TAU * f64::from(i) / f64::from(n)).collect();
        let density = case.log_prob(tape.constant(&x, [n as usize, 1, 1])).exp().value();
        let total = density.values().iter().sum::<f64>() * TAU / f64::from(n);
        assert!((total - 1.0).abs() < 1e-12, "von Mises {kappa}: {total}");
    }
    // The integral over the simplex, by the logits of the first entry and of the second within the rest.
    let tape = Tape::new();
    let case = Dirichlet::new(tape.leaf(&[0.7, 1.5, 2.5], [3])).unwrap();
    let (n, step) = (400, 0.15);
    let (mut x, mut areas) = (Vec::new(), Vec::new());
    for i in 0..n {
        for j in 0..n {
            let [a, b] = [i, j].map(|i| Real::sigmoid((f64::from(i) - 0.5 * f64::from(n)) * step));
            x.extend([a, (1.0 - a) * b, (1.0 - a) * (1.0 - b)]);
            areas.push(a * (1.0 - a).powi(2) * b * (1.0 - b) * step * step);
        }
    }
    let density = case.log_prob(tape.constant(&x, [areas.len(), 3])).exp().value();
    let total: f64 = density.values().iter().zip(&areas).map(|(p, area)| p * area).sum();
    // Both tails are cut at a logit of 30, where e^{-30 · 0.7} = 8e-10 is left.
    assert!((total - 1.0).abs() < 1e-8, "dirichlet: {total}");
}

#[test]
fn entropies_are_means_of_minus_the_log_density() {
    for case in cases() {
        let tape = Tape::new();
        let found = case.entropy(&leaves(&tape, &case.at, 1)).item();
        let expected = case.mean(|_, log| -log);
        // Logarithms of gamma functions near 1400, summed over 20 000 places.
        assert!(
            (found - expected).abs() < 1e-9 * expected.abs().max(1.0),
            "{case:?}: {found}, {expected}"
        );
    }
}

#[test]
fn divergences_of_these_are_means_of_the_log_ratio() {
    let tape = Tape::new();
    for case in cases() {
        let other = Case { at: case.at.iter().map(|p| 1.3 * p + 0.1).collect(), ..case.clone() };
        let (q, p) = (leaves(&tape, &case.at, 1), leaves(&tape, &other.at, 1));
        let found = match case.kind {
            Kind::Gamma => gamma(&q).kl(&gamma(&p)),
            Kind::Beta => beta(&q).kl(&beta(&p)),
            Kind::Student => continue,
            Kind::Exponential => exponential(&q).kl(&exponential(&p)),
            Kind::Laplace => laplace(&q).kl(&laplace(&p)),
            Kind::LogNormal => log_normal(&q).kl(&log_normal(&p)),
        };
        let (found, expected) = (found.item(), case.mean(|x, log| log - other.other(x).ln_pdf));
        // Beyond logits of 30 a value rounds to one, and e^{-0.7 · 30} of the mass is lost. The kink of the other
        // Laplace density lies between two nodes, and costs the square of the step.
        let tolerance = if case.kind == Kind::Laplace { 1e-6 } else { 1e-8 };
        let near = (found - expected).abs() < tolerance * expected.abs().max(1.0);
        assert!(near, "{case:?}: {found}, not {expected}");
    }
    let (q, p) = ([0.4, 3.0], [1.0, 1.2]);
    let log = |[mu, kappa]: [f64; 2], x: f64| {
        kappa * ((x - mu).cos() - 1.0) - (TAU * Real::i0e(kappa)).ln()
    };
    let expected = integral(0.0, TAU, |x| log(q, x).exp() * (log(q, x) - log(p, x)));
    let [q, p] = [q, p].map(|at| von_mises(&leaves(&tape, &at, 1)));
    assert_close(&[q.kl(&p).item()], &[expected], CLOSE);
    let own = integral(0.0, TAU, |x| -log([0.4, 3.0], x).exp() * log([0.4, 3.0], x));
    assert_close(&[q.entropy().item()], &[own], CLOSE);
    let counts = |rate: f64| Poisson::from_log_rate(tape.leaf(&[rate.ln()], [1])).unwrap();
    let expected = 3.0 * 1.5_f64.ln() - 3.0 + 2.0;
    assert_close(&[counts(3.0).kl(&counts(2.0)).item()], &[expected], CLOSE);
}

/// The first entry has the distribution Beta(α₀, α₁ + α₂), and the second as a part of the rest is independent of it,
/// with the distribution Beta(α₁, α₂).
#[test]
fn a_dirichlet_is_a_chain_of_betas() {
    let tape = Tape::new();
    let (q, p) = ([0.4, 2.0, 1.1], [1.5, 0.7, 3.0]);
    let two = |a: f64, b: f64| beta(&leaves(&tape, &[a, b], 1));
    let chain = |[a, b, c]: [f64; 3]| [two(a, b + c), two(b, c)];
    let whole = |alpha: [f64; 3]| Dirichlet::new(tape.leaf(&alpha, [3])).unwrap();
    let parts = chain(q).into_iter().zip(chain(p)).map(|(q, p)| q.kl(&p).item()).sum::<f64>();
    assert_close(&[whole(q).kl(&whole(p)).item()], &[parts], CLOSE);
    // The second entry is scaled by the rest, 1 − x₀: E ln(1 − x₀) = ψ(α₁ + α₂) − ψ(α₀ + α₁ + α₂).
    let stretch = Real::digamma(3.1) - Real::digamma(3.5);
    let parts = chain(q).into_iter().map(|q| q.entropy().item()).sum::<f64>() + stretch;
    assert_close(&[whole(q).entropy().item()], &[parts], CLOSE);
}

#[test]
fn derivatives_of_densities_entropies_and_divergences_agree_with_differences() {
    let positive: &[f64] = &[0.6, 1.3, 2.2];
    let others: &[f64] = &[1.7, 0.4, 3.1];
    let more: &[f64] = &[0.9, 2.4, 0.5];
    let last: &[f64] = &[1.1, 0.8, 1.9];
    let shares: &[f64] = &[0.2, 0.5, 0.3];
    let four: &[&[f64]] = &[positive, others, more, last];
    assert_slopes("gamma log_prob", |v| gamma(v).log_prob(v[2]), &[positive, others, more]);
    assert_slopes("gamma entropy", |v| gamma(v).entropy(), &[positive, others]);
    assert_slopes("gamma kl", |v| gamma(v).kl(&gamma(&v[2..])), four);
    assert_slopes("beta log_prob", |v| beta(v).log_prob(v[2]), &[positive, others, shares]);
    assert_slopes("beta entropy", |v| beta(v).entropy(), &[positive, others]);
    assert_slopes("beta kl", |v| beta(v).kl(&beta(&v[2..])), four);
    assert_slopes(
        "dirichlet log_prob",
        // The softmax keeps the differences on the simplex.
        |v| Dirichlet::new(v[0]).unwrap().log_prob(v[1].softmax(-1)),
        &[positive, shares],
    );
    assert_slopes("dirichlet entropy", |v| Dirichlet::new(v[0]).unwrap().entropy(), &[positive]);
    assert_slopes(
        "dirichlet kl",
        |v| Dirichlet::new(v[0]).unwrap().kl(&Dirichlet::new(v[1]).unwrap()),
        &[positive, others],
    );
    assert_slopes("student log_prob", |v| student(v).log_prob(v[3]), four);
    assert_slopes("student entropy", |v| student(v).entropy(), &[positive, others, more]);
    assert_slopes("von Mises log_prob", |v| von_mises(v).log_prob(v[2]), &[positive, others, more]);
    assert_slopes("von Mises entropy", |v| von_mises(v).entropy(), &[positive, others]);
    assert_slopes("von Mises kl", |v| von_mises(v).kl(&von_mises(&v[2..])), four);
    assert_slopes("laplace kl", |v| laplace(v).kl(&laplace(&v[2..])), four);
    assert_slopes(
        "exponential kl",
        |v| exponential(v).kl(&exponential(&v[1..])),
        &[positive, others],
    );
    let n: &[f64] = &[0.0, 3.0, 1.0];
    assert_slopes(
        "poisson log_prob",
        |v| Poisson::from_log_rate(v[0]).unwrap().log_prob(v[0].tape().constant(n, [1, 3])),
        &[positive],
    );
    assert_slopes(
        "poisson kl",
        |v| Poisson::from_log_rate(v[0]).unwrap().kl(&Poisson::from_log_rate(v[1]).unwrap()),
        &[positive, others],
    );
}
