//! Distributions of vectors, and distributions made of others.

use super::{SEED, rng};
use pathscore_autodiff::{Real, Tape, Tensor, Var, check};
use pathscore_models::dist::*;

/// A few sums of numbers of size one.
const CLOSE: f64 = 1e-12;

#[track_caller]
fn close(found: Var<f64>, expected: Var<f64>) {
    assert_eq!(found.shape(), expected.shape());
    let (found, expected) = (found.value(), expected.value());
    for (f, e) in found.values().iter().zip(expected.values()) {
        assert!((f - e).abs() <= CLOSE * e.abs().max(1.0), "{f}, not {e}");
    }
}

#[test]
fn transformed_distributions_are_those_with_a_name() {
    let tape = Tape::new();
    let (mu, sigma) = (tape.leaf(&[0.3, -0.4], [2]), tape.leaf(&[0.7, 1.3], [2]));
    let base = Normal::from_scale(mu, sigma).unwrap();
    let x = base.sample(5, &mut rng());
    let y = x.exp();
    let q = Transformed::new(base, Elementwise::Exp);
    close(q.log_prob(y), LogNormal(base).log_prob(y));
    close(q.sample(5, &mut rng()), y);
    close(q.rsample(5, &mut rng()), y);
    assert!(q.rsample(5, &mut rng()).is_tracked() && !q.sample(5, &mut rng()).is_tracked());
    assert_eq!((q.support(), q.base().support()), (Support::NonNegative, Support::Real));
    let y = x.sigmoid();
    close(Transformed::new(base, Elementwise::Sigmoid).log_prob(y), LogitNormal(base).log_prob(y));
    let [zero, one] = [0.0, 1.0].map(|c| tape.constant(&[c; 2], [2]));
    let standard = Normal::from_scale(zero, one).unwrap();
    let affine = Affine::new(mu, sigma).unwrap();
    close(Transformed::new(standard, affine).log_prob(x), base.log_prob(x));
    // −β ln of an exponential variable is Gumbel's.
    let waiting = Exponential::new(one).unwrap();
    let gumbel = Gumbel::new(mu, sigma).unwrap();
    let t = ((x - mu) / -sigma).exp();
    close(waiting.log_prob(t) + (t / sigma).ln().sum_axis(-1), gumbel.log_prob(x));
}

#[test]
fn derivatives_of_made_distributions_agree_with_differences() {
    let numbers = |values: &[f64], shape: &[usize]| Tensor::new(values.to_vec(), shape);
    let options = || check::Options::of::<f64>();
    let at = [
        numbers(&[0.3, -1.0, 0.4], &[3]),
        numbers(&[0.7, 1.3, 0.9], &[3]),
        numbers(&[0.2, 0.3, 0.1, 0.4], &[4]),
    ];
    check::gradient(
        |v| {
            let base = Normal::from_scale(v[0], v[1]).unwrap();
            Transformed::new(base, StickBreaking).log_prob(v[2].softmax(-1)).square()
        },
        &at,
        options(),
    )
    .expect("the stick");
    let at = [
        numbers(&[0.3, -1.0], &[2]),
        numbers(&[0.7, 0.3], &[2, 1]),
        numbers(&[0.2, 0.9], &[2, 1]),
        numbers(&[0.6], &[1]),
    ];
    check::gradient(
        |v| {
            let components = Normal::from_scale(v[1], v[2]).unwrap();
            let weights = Categorical::from_logits(v[0]).unwrap();
            let q = Mixture::new(weights, components);
            q.log_prob(v[3]).square() + q.variance().sum() * q.mean().sum()
        },
        &at,
        options(),
    )
    .expect("the mixture");
    let at = [
        numbers(&[0.3, -1.0, 0.4], &[3]),
        numbers(&[0.7, 0.3, -0.2, 0.5, 1.0, 0.4], &[3, 2]),
        numbers(&[0.2, 0.9, 1.5], &[3]),
        numbers(&[0.6, -0.7, 1.2], &[3]),
    ];
    check::gradient(
        |v| {
            let q = LowRankNormal::new(v[0], v[1], v[2]).unwrap();
            q.log_prob(v[3]).square() + q.entropy()
        },
        &at,
        options(),
    )
    .expect("the matrix of low rank");
    let at =
        [numbers(&[1.3], &[1]), numbers(&[0.7, 0.3, -0.2], &[3]), numbers(&[0.2, 0.9, 0.5], &[3])];
    check::gradient(
        |v| RelaxedOneHot::new(v[0], v[1]).unwrap().log_prob(v[2].softmax(-1)).square(),
        &at,
        options(),
    )
    .expect("the relaxed classes");
}

#[test]
fn a_mixture_has_the_density_and_the_samples_of_its_components() {
    let tape = Tape::new();
    let loc = tape.leaf(&[-1.0, 3.0, 0.5], [3, 1]);
    let components = Normal::from_scale(loc, tape.leaf(&[0.4, 1.0, 2.0], [3, 1])).unwrap();
    let w = [0.2, 0.5, 0.3];
    let q = Mixture::new(Categorical::from_probs(tape.leaf(&w, [3])).unwrap(), components);
    let x = tape.constant(&[0.7, -2.0], [2, 1]);
    let each = components.log_prob(x.reshape([2, 1, 1])).value();
    let found = q.log_prob(x).value();
    let posterior = q.log_posterior(x).exp().value();
    for row in 0..2 {
        let terms: Vec<f64> = (0..3).map(|k| w[k] * each.values()[3 * row + k].exp()).collect();
        let total: f64 = terms.iter().sum();
        assert!((found.values()[row] - total.ln()).abs() < CLOSE);
        for (k, term) in terms.iter().enumerate() {
            assert!((posterior.values()[3 * row + k] - term / total).abs() < CLOSE);
        }
    }
    let fit = log_prob_fit(&q, 50_000, &mut rng());
    // One test: a false alarm in a million seeds.
    assert!(fit.passes(1e-6), "seed {SEED}: {fit:?}");
    let draws = q.sample(50_000, &mut rng()).value();
    let mean = draws.values().iter().sum::<f64>() / 5e4;
    let error = (q.variance().item() / 5e4).sqrt();
    assert!((mean - q.mean().item()).abs() < 5.0 * error, "seed {SEED}: {mean}");
    let spread = draws.values().iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 5e4;
    // The fourth moment is below that of a normal distribution: five errors of √(2/n).
    assert!((spread / q.variance().item() - 1.0).abs() < 5.0 * (2.0 / 5e4_f64).sqrt());
    // A batch of two mixtures of events of two numbers.
    let loc = tape.leaf(&[0.0; 12], [2, 3, 2]);
    let many = Normal::from_scale(loc, tape.leaf(&[1.0], [1])).unwrap();
    let many = Mixture::new(Categorical::from_probs(tape.leaf(&w, [3])).unwrap(), many);
    let x = many.sample(5, &mut rng());
    assert_eq!((&x.shape()[..], &many.log_prob(x).shape()[..]), (&[5, 2, 2][..], &[5, 2][..]));
    assert_eq!(
        (&many.mean().shape()[..], &many.variance().shape()[..]),
        (&[2, 2][..], &[2, 2][..])
    );
}

#[test]
fn independent_rows_are_summed() {
    let tape = Tape::new();
    let loc = tape.leaf(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [1, 3, 2]);
    let (q, p) = (
        Normal::from_scale(loc, tape.leaf(&[2.0], [1])).unwrap(),
        Normal::from_scale(loc * 0.5, tape.leaf(&[1.0], [1])).unwrap(),
    );
    let (all, other) = (Independent::new(q, 2), Independent::new(p, 2));
    let x = all.sample(4, &mut rng());
    assert_eq!(x.value(), q.sample(4, &mut rng()).value());
    close(all.log_prob(x), q.log_prob(x).sum_axis(-1).sum_axis(-1));
    close(all.entropy(), q.entropy().sum());
    close(all.kl(&other), q.kl(&p).sum());
    assert!(
        all.rsample(4, &mut rng()).is_tracked()
            && !all.detach().rsample(4, &mut rng()).is_tracked()
    );
}

#[test]
fn counts_of_trials_sum_to_one_and_have_their_moments() {
    let tape = Tape::new();
    let (p, n) = ([0.2, 0.5, 0.3, 0.0], 5);
    let trial = Categorical::from_probs(tape.leaf(&p, [4])).unwrap();
    let q = Multinomial::new(tape.number(n as f64), trial).unwrap();
    let mut rows = Vec::new();
    for a in 0..=n {
        for b in 0..=n - a {
            for c in 0..=n - a - b {
                rows.extend([a, b, c, n - a - b - c].map(|x| x as f64));
            }
        }
    }
    let x = tape.constant(&rows, [rows.len() / 4, 4]);
    let probs = q.log_prob(x).exp();
    assert!((probs.sum().item() - 1.0).abs() < CLOSE);
    let mean = (x * probs.reshape([rows.len() / 4, 1])).sum_axis(0);
    close(mean, q.mean());
    let square = ((x - q.mean()).square() * probs.reshape([rows.len() / 4, 1])).sum_axis(0);
    close(square, q.variance());
    let other = Categorical::from_probs(tape.leaf(&[0.1, 0.1, 0.2, 0.6], [4])).unwrap();
    let other = Multinomial::new(tape.number(n as f64), other).unwrap();
    let ratio = (q.log_prob(x) - other.log_prob(x)).value();
    let terms = ratio.values().iter().zip(probs.value().values().to_vec());
    let expected: f64 = terms.filter(|(_, p)| *p > 0.0).map(|(ratio, p)| ratio * p).sum();
    assert!((q.kl(&other).item() - expected).abs() < CLOSE);
    let bad = tape.constant(&[1.0, 1.0, 1.0, 1.0, 6.0, -1.0, 0.0, 0.0, 0.5, 4.5, 0.0, 0.0], [3, 4]);
    assert_eq!(q.log_prob(bad).value().values(), [f64::NEG_INFINITY; 3]);

    let draws = q.sample(40_000, &mut rng()).value();
    let mut sums = [0.0; 4];
    for row in draws.values().chunks_exact(4) {
        assert_eq!(row.iter().sum::<f64>(), n as f64);
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    for (sum, p) in sums.iter().zip(p) {
        let error = (n as f64 * p * (1.0 - p) / 4e4).sqrt();
        assert!((sum / 4e4 - n as f64 * p).abs() <= 5.0 * error, "seed {SEED}: {sums:?}");
    }
}

#[test]
fn a_covariance_of_low_rank_is_the_full_one() {
    let tape = Tape::new();
    let loc = tape.leaf(&[0.3, -1.0, 0.4, 1.0, 2.0, 3.0], [2, 3]);
    let factor = tape.leaf(&[0.7, 0.3, -0.2, 0.5, 1.0, 0.4], [3, 2]);
    let diagonal = tape.leaf(&[0.2, 0.9, 1.5], [3]);
    let q = LowRankNormal::new(loc, factor, diagonal).unwrap();
    let full = MultivariateNormal::from_covariance(loc, q.covariance()).unwrap();
    let x = full.sample(4, &mut rng());
    close(q.log_prob(x), full.log_prob(x));
    close(q.entropy(), full.entropy());
    close(q.variance(), full.variance());
    close(q.mean(), full.mean());
    let n = 40_000;
    let draws = q.sample(n, &mut rng());
    // In the coordinates of the Cholesky factor the samples are standard normal: means of products have unit errors.
    let centred = (draws - loc).reshape([2 * n, 3]).transpose();
    let lower = q.covariance().cholesky().unwrap();
    let t = lower.inverse().unwrap().matmul(centred);
    let found = t.matmul_with(false, t, true).value();
    for i in 0..9 {
        let expected = if i % 4 == 0 { 1.0 } else { 0.0 };
        let error = if i % 4 == 0 { 2_f64.sqrt() } else { 1.0 } / (2.0 * n as f64).sqrt();
        let mean = found.values()[i] / (2.0 * n as f64);
        assert!((mean - expected).abs() < 5.0 * error, "seed {SEED}: {found:?}");
    }
    assert!(LowRankNormal::new(loc, factor, diagonal * -1.0).is_err());
    assert!(
        MultivariateNormal::from_scale_tril(loc, factor.matmul_with(false, factor, true) * 0.0)
            .is_err()
    );
}

#[test]
fn relaxed_classes_are_relaxed_bits_and_integrate_to_one() {
    let tape = Tape::new();
    let tau = tape.leaf(&[0.8], [1]);
    let two = RelaxedOneHot::new(tau, tape.leaf(&[0.4, -0.3], [2])).unwrap();
    let bit = RelaxedBernoulli::new(tau, tape.leaf(&[0.7], [1])).unwrap();
    for x in [0.01, 0.3, 0.9] {
        let row = tape.constant(&[x, 1.0 - x], [2]);
        close(two.log_prob(row), bit.log_prob(tape.constant(&[x], [1])));
    }
    let eta = [0.5, -0.7, 0.2];
    let q = RelaxedOneHot::new(tape.leaf(&[1.5], [1]), tape.leaf(&eta, [3])).unwrap();
    let (n, step) = (400, 0.15);
    let (mut x, mut areas) = (Vec::new(), Vec::new());
    for i in 0..n {
        for j in 0..n {
            let [a, b] = [i, j].map(|i| Real::sigmoid((f64::from(i) - 0.5 * f64::from(n)) * step));
            let [rest_a, rest_b] =
                [i, j].map(|i| Real::sigmoid((0.5 * f64::from(n) - f64::from(i)) * step));
            x.extend([a, rest_a * b, rest_a * rest_b]);
            areas.push(a * rest_a.powi(2) * b * rest_b * step * step);
        }
    }
    let density = q.log_prob(tape.constant(&x, [areas.len(), 3])).exp().value();
    let total: f64 = density.values().iter().zip(&areas).map(|(p, area)| p * area).sum();
    // Both tails are cut at a logit of 30, where e^{−30 · 1.5} is left.
    assert!((total - 1.0).abs() < 1e-10, "{total}");
    // The largest entry has the probabilities of the classes, at any temperature.
    let draws = q.sample(40_000, &mut rng()).value();
    let mut largest = [0.0; 3];
    for row in draws.values().chunks_exact(3) {
        let top = (0..3).max_by(|&i, &j| row[i].total_cmp(&row[j])).unwrap();
        largest[top] += 1.0 / 4e4;
    }
    let total: f64 = eta.iter().map(|e| e.exp()).sum();
    for (found, p) in largest.iter().zip(eta.map(|e| e.exp() / total)) {
        assert!((found - p).abs() < 5.0 * (p * (1.0 - p) / 4e4).sqrt(), "seed {SEED}: {largest:?}");
    }
}
