//! Tests whether samples of a distribution follow its distribution function or its density.

use super::{Cdf, Distribution, Support};
use crate::RandomSource;
use pathscore_autodiff::{Real, Scalar, Shape, Var};

/// The outcome of a goodness-of-fit test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GoodnessOfFit {
    /// The number of samples.
    pub draws: usize,
    /// The probability that samples of the right distribution deviate at least as much. If it is compared with a rate of
    /// false alarms $\alpha$, a right sampler fails with a probability of about $\alpha$, and at most that where several
    /// statistics or coordinates are tested, because their number multiplies the smallest probability.
    pub p_value: f64,
}

impl GoodnessOfFit {
    /// True if the samples are compatible with the distribution, where a right sampler is refused with probability
    /// `false_alarms`.
    pub fn passes(&self, false_alarms: f64) -> bool {
        self.p_value >= false_alarms
    }

    /// The worse of several outcomes, with its probability multiplied by their number (Bonferroni).
    fn worst(draws: usize, p_values: impl IntoIterator<Item = f64>) -> Self {
        let (mut least, mut number) = (1.0_f64, 0.0);
        for p_value in p_values {
            // NaN is no probability: it fails.
            least = if p_value.is_nan() { 0.0 } else { least.min(p_value) };
            number += 1.0;
        }
        Self { draws, p_value: (least * number).min(1.0) }
    }
}

/// The smallest number of samples that a cell of a chi-squared test is expected to hold. With it the distribution of the
/// statistic is near its limit down to probabilities of $10^{-6}$.
const EXPECTED: f64 = 25.0;

/// Tests whether numbers are independent samples of the uniform distribution on the unit interval, in any order.
///
/// Two statistics are taken: the largest distance of the distribution functions (Kolmogorov 1933, with the correction of
/// Stephens 1970 for finite numbers), which sees shifts of the bulk, and a chi-squared statistic over cells that halve
/// towards both ends, which sees the tails.
///
/// ```
/// use pathscore_models::{RandomSource, dist::uniform_fit, seed};
/// let mut rng = seed::rng(0, seed::Stream::Sample, 0);
/// let mut u: Vec<f64> = (0..10_000).map(|_| rng.uniform()).collect();
/// assert!(uniform_fit(&mut u).passes(1e-6));
/// // Squares of uniform numbers are not uniform.
/// u.iter_mut().for_each(|u| *u *= *u);
/// assert!(!uniform_fit(&mut u).passes(1e-6));
/// ```
///
/// # Panics
/// If there are no numbers.
pub fn uniform_fit(levels: &mut [f64]) -> GoodnessOfFit {
    assert!(!levels.is_empty(), "uniform_fit: there are no numbers");
    let n = levels.len();
    if levels.iter().any(|u| !(0.0..=1.0).contains(u)) {
        return GoodnessOfFit { draws: n, p_value: 0.0 };
    }
    levels.sort_unstable_by(f64::total_cmp);
    let count = n as f64;
    let distance = levels.iter().enumerate().map(|(i, u)| {
        let i = i as f64;
        (u - i / count).max((i + 1.0) / count - u)
    });
    let distance = distance.fold(0.0, f64::max);
    let root = count.sqrt();
    let kolmogorov = kolmogorov_tail((root + 0.12 + 0.11 / root) * distance);
    // The probability of a sorted list below an edge is found by bisection.
    let below = |edge: f64| levels.partition_point(|&u| u < edge) as f64;
    let depth = (count / EXPECTED).log2().floor() - 1.0;
    let mut edges = vec![0.0];
    edges.extend((1..=depth.max(0.0) as i32).rev().map(|k| 0.5_f64.powi(k)));
    edges.extend((2..=depth.max(0.0) as i32).map(|k| 1.0 - 0.5_f64.powi(k)));
    let mut cells = Vec::new();
    for (i, &low) in edges.iter().enumerate() {
        let (next, up_to) = match edges.get(i + 1) {
            Some(&high) => (high, below(high)),
            None => (1.0, count),
        };
        cells.push((up_to - below(low), count * (next - low)));
    }
    GoodnessOfFit::worst(n, [kolmogorov, chi_squared(&cells)])
}

/// $2\sum_{j \ge 1} (-1)^{j-1} e^{-2j^2\lambda^2}$, the probability that Kolmogorov's statistic exceeds $\lambda$.
fn kolmogorov_tail(lambda: f64) -> f64 {
    if lambda < 0.2 {
        // The sum differs from one by less than 10⁻¹¹.
        return 1.0;
    }
    let term = |j: f64| (-2.0 * j * j * lambda * lambda).exp();
    let sum: f64 = (1..=50).map(|j| if j % 2 == 1 { 1.0 } else { -1.0 } * term(f64::from(j))).sum();
    (2.0 * sum).clamp(0.0, 1.0)
}

/// The probability that $\sum (o - e)^2/e$ over cells with $o$ observed and $e$ expected is as large as it is.
/// The expected numbers have the sum of the observed ones.
fn chi_squared(cells: &[(f64, f64)]) -> f64 {
    if cells.len() < 2 {
        return 1.0;
    }
    let statistic: f64 = cells.iter().map(|(o, e)| (o - e) * (o - e) / e).sum();
    Real::gamma_q(0.5 * (cells.len() - 1) as f64, 0.5 * statistic)
}

/// Tests whether `draws` samples follow the distribution function, for every coordinate of every member of the batch.
///
/// The level of a sample $x$, $P(X \le x)$, is uniform, and [`uniform_fit`] tests it. A count stands for an interval of length
/// one, and its level is drawn between the values of the distribution function at both ends, so that it is uniform
/// exactly (the randomised probability integral transform). The smallest normal number and the largest number below one
/// stand likewise for everything up to the end of the support that rounds to them, and so do zero and one.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Gamma, cdf_fit};
/// use pathscore_models::seed;
/// let tape = Tape::new();
/// let q = Gamma::new(tape.leaf(&[0.3_f64, 4.0], [2]), tape.leaf(&[1.0], [1]))?;
/// let mut rng = seed::rng(0, seed::Stream::Sample, 0);
/// assert!(cdf_fit(&q, 10_000, &mut rng).passes(1e-6));
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
///
/// # Panics
/// If `draws` is zero.
pub fn cdf_fit<'t, F: Scalar, D: Cdf<'t, F>>(
    distribution: &D,
    draws: usize,
    rng: &mut impl RandomSource,
) -> GoodnessOfFit {
    assert!(draws > 0, "cdf_fit: a test needs draws");
    let q = distribution.detach();
    let x = q.sample(draws, rng);
    let ends = [0, 1].map(|end| {
        let ends: Vec<F> = x.with(|x| x.iter().map(|&x| ends(x, q.support())[end]).collect());
        q.cdf(x.tape().constant(&ends, x.shape())).value()
    });
    let coordinates = x.size() / draws;
    let columns = (0..coordinates).map(|j| {
        let [low, high] = ends.each_ref().map(|end| end.values()[j..].iter().step_by(coordinates));
        let mut levels: Vec<f64> = low
            .zip(high)
            .map(|(low, high)| low.to_f64() + (high.to_f64() - low.to_f64()) * rng.uniform())
            .collect();
        uniform_fit(&mut levels).p_value
    });
    let columns: Vec<f64> = columns.collect();
    GoodnessOfFit::worst(draws, columns)
}

/// The ends of the numbers for which a sample `x` stands.
fn ends<F: Scalar>(x: F, support: Support) -> [F; 2] {
    let at = x.to_f64();
    if support.is_discrete() {
        // Beyond 2⁵³ neighbouring counts are the same number, and the count stands for itself.
        return [-0.5, 0.5].map(|half| F::from_f64(at + half));
    }
    let smallest = super::edges::smallest::<F>();
    let from_zero = matches!(support, Support::NonNegative | Support::UnitInterval);
    if from_zero && at <= smallest.to_f64() {
        return [F::ZERO, smallest];
    }
    // Numbers below one have steps of ε/2, and stand for what rounds to them, from half a step below. Eight steps away from one, the half
    // step is a sixteenth of the distance that is left; what is nearer is not told apart.
    let last = F::ONE - F::EPSILON * F::from_f64(4.0);
    if support == Support::UnitInterval && at >= last.to_f64() { [last, F::ONE] } else { [x, x] }
}

/// Tests whether `draws` samples of a distribution of one number follow its [`log_prob`](Distribution::log_prob), without
/// a distribution function: for the distributions of users.
///
/// A quarter of the samples chooses the cells, and the others are counted in them. The probability of a cell is the sum of
/// the probabilities of its values if the distribution is discrete; otherwise it is the integral of the density, by
/// Gauss's rule on pieces that are halved until two rules agree to $10^{-9}$. A chi-squared statistic compares the two. A
/// density that does not integrate to one within $10^{-3}$ fails with a probability of zero.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Laplace, log_prob_fit};
/// use pathscore_models::seed;
/// let tape = Tape::new();
/// let q = Laplace::new(tape.leaf(&[0.3_f64], [1]), tape.leaf(&[2.0], [1]))?;
/// let mut rng = seed::rng(0, seed::Stream::Sample, 0);
/// assert!(log_prob_fit(&q, 10_000, &mut rng).passes(1e-6));
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
///
/// # Panics
/// If an event of the distribution is more than one number, if there are fewer than 200 draws, or if discrete samples
/// spread over more than a million values.
pub fn log_prob_fit<'t, F: Scalar, D: Distribution<'t, F>>(
    distribution: &D,
    draws: usize,
    rng: &mut impl RandomSource,
) -> GoodnessOfFit {
    assert!(draws >= 200, "log_prob_fit: {draws} draws are too few, 200 are the least");
    let q = distribution.detach();
    let x = q.sample(draws, rng);
    assert!(x.size() == draws, "log_prob_fit: an event of shape {} is not a number", x.shape());
    let mut values: Vec<f64> = x.with(|x| x.iter().map(|x| x.to_f64()).collect());
    if values.iter().any(|x| x.is_nan()) {
        return GoodnessOfFit { draws, p_value: 0.0 };
    }
    let density = |at: &[f64]| -> Vec<f64> {
        let shape: Shape = [at.len()].into_iter().chain(x.shape()[1..].iter().copied()).collect();
        let at: Vec<F> = at.iter().map(|&at| F::from_f64(at)).collect();
        let log_prob: Var<'t, F> = q.log_prob(x.tape().constant(&at, shape));
        log_prob.with(|log_prob| log_prob.iter().map(|p| p.to_f64().exp()).collect())
    };
    let cells = if q.support().is_discrete() {
        values.sort_unstable_by(f64::total_cmp);
        cells_of_values(&values, density)
    } else {
        let pilot = draws / 4;
        let (first, counted) = values.split_at_mut(pilot);
        first.sort_unstable_by(f64::total_cmp);
        counted.sort_unstable_by(f64::total_cmp);
        cells_of_intervals(first, counted, density)
    };
    match cells {
        Some(cells) => GoodnessOfFit::worst(draws, [chi_squared(&cells)]),
        None => GoodnessOfFit { draws, p_value: 0.0 },
    }
}

/// Cells of neighbouring counts, with their observed and expected numbers; `None` if the probabilities exceed one or if
/// a sample is no whole number.
fn cells_of_values(
    sorted: &[f64],
    probability: impl Fn(&[f64]) -> Vec<f64>,
) -> Option<Vec<(f64, f64)>> {
    let n = sorted.len() as f64;
    let (first, last) = (sorted[0], sorted[sorted.len() - 1]);
    let range = last - first;
    assert!(range < 1e6, "log_prob_fit: {range} values are too many to add up, use cdf_fit");
    if sorted.iter().any(|x| x.fract() != 0.0) {
        return None;
    }
    let values: Vec<f64> = (0..=range as u32).map(|i| first + f64::from(i)).collect();
    let probs = probability(&values);
    // The values below and above all samples share what is left.
    let left = 1.0 - probs.iter().sum::<f64>();
    if left.is_nan() || left < -1e-6 {
        return None;
    }
    let observed = values.iter().map(|value| {
        let start = sorted.partition_point(|x| x < value);
        sorted[start..].partition_point(|x| x <= value) as f64
    });
    let all = observed.zip(probs.iter().map(|p| n * p)).chain([(0.0, n * left.max(0.0))]);
    Some(pooled(all))
}

/// Neighbouring cells joined until each is expected to hold enough samples.
fn pooled(cells: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let (mut joined, mut open) = (Vec::<(f64, f64)>::new(), (0.0, 0.0));
    for (observed, expected) in cells {
        open = (open.0 + observed, open.1 + expected);
        if open.1 >= EXPECTED {
            joined.push(open);
            open = (0.0, 0.0);
        }
    }
    match joined.last_mut() {
        Some(last) => *last = (last.0 + open.0, last.1 + open.1),
        None => joined.push(open),
    }
    joined
}

/// Cells between quantiles of the sorted `pilot` samples, with the numbers of `counted` samples and the integrals of the
/// density; `None` if the density does not integrate to one.
fn cells_of_intervals(
    pilot: &[f64],
    counted: &[f64],
    density: impl Fn(&[f64]) -> Vec<f64>,
) -> Option<Vec<(f64, f64)>> {
    let cells = (pilot.len() / 10).clamp(4, 60);
    let mut edges: Vec<f64> = (1..cells).map(|i| pilot[i * pilot.len() / cells]).collect();
    edges.dedup();
    if edges.len() < 3 {
        // Most samples are the same number, which no density has.
        return None;
    }
    let inner = edges.windows(2).map(|pair| integral(pair[0], pair[1], &density));
    let (first, last) = (edges[0], edges[edges.len() - 1]);
    let widths = [edges[1] - first, last - edges[edges.len() - 2]];
    let mut masses = vec![tail(first, -widths[0], &density)];
    masses.extend(inner);
    masses.push(tail(last, widths[1], &density));
    let total: f64 = masses.iter().sum();
    if total.is_nan() || (total - 1.0).abs() > 1e-3 {
        return None;
    }
    let n = counted.len() as f64;
    let below = |edge: f64| counted.partition_point(|&x| x < edge) as f64;
    let ends: Vec<f64> = edges.iter().map(|&edge| below(edge)).chain([n]).collect();
    let observed = ends.iter().scan(0.0, |before, &end| Some(end - std::mem::replace(before, end)));
    Some(pooled(observed.zip(masses.iter().map(|mass| n * mass / total))))
}

/// The integral from `edge` outwards, over pieces that double. The first is not wider than the distance of the edge from
/// zero, where densities may have an end or a pole. The last three are wider than the neighbouring cell, `gap`, and hold
/// nothing.
fn tail(edge: f64, gap: f64, density: &impl Fn(&[f64]) -> Vec<f64>) -> f64 {
    let least = if edge == 0.0 { gap.abs() } else { gap.abs().min(edge.abs()) };
    let (mut from, mut width, mut sum, mut empty) = (edge, (0.5 * least).copysign(gap), 0.0, 0);
    while empty < 3 && (from + width).is_finite() {
        let piece = integral(from.min(from + width), from.max(from + width), density);
        sum += piece;
        empty = if piece < 1e-12 && width.abs() > gap.abs() { empty + 1 } else { 0 };
        (from, width) = (from + width, 2.0 * width);
    }
    sum
}

/// Seven nodes and weights of Gauss's rule on $[-1, 1]$, those that are not negative.
const GAUSS: [(f64, f64); 4] = [
    (0.0, 0.417_959_183_673_469_4),
    (0.405_845_151_377_397_2, 0.381_830_050_505_118_9),
    (0.741_531_185_599_394_4, 0.279_705_391_489_276_7),
    (0.949_107_912_342_758_5, 0.129_484_966_168_869_7),
];

/// $\int_a^b p$ by Gauss's rule on pieces that are halved until a piece and its halves agree.
fn integral(a: f64, b: f64, density: &impl Fn(&[f64]) -> Vec<f64>) -> f64 {
    let rule = |a: f64, b: f64| {
        let (middle, half) = (0.5 * a + 0.5 * b, 0.5 * (b - a));
        let sides = |&(node, weight): &(f64, f64)| {
            let two = [(middle - half * node, weight), (middle + half * node, weight)];
            if node == 0.0 { two[..1].to_vec() } else { two.to_vec() }
        };
        let nodes: Vec<(f64, f64)> = GAUSS.iter().flat_map(sides).collect();
        let at: Vec<f64> = nodes.iter().map(|&(x, _)| x).collect();
        let p = density(&at);
        half * nodes.iter().zip(p).map(|(&(_, weight), p)| weight * p).sum::<f64>()
    };
    let mut sum = 0.0;
    // Eight pieces at least, because all nodes of a piece may miss a narrow density.
    let eighth = |i: u32| a + (b - a) * f64::from(i) / 8.0;
    let pieces = (0..8).map(|i| (eighth(i), if i == 7 { b } else { eighth(i + 1) }));
    let mut open: Vec<_> = pieces.map(|(a, b)| (a, b, rule(a, b))).collect();
    // A singular end costs one piece for each halving, and a thousand halvings reach the smallest number.
    let mut left = 5000;
    while let Some((a, b, whole)) = open.pop() {
        let middle = 0.5 * a + 0.5 * b;
        let halves = [rule(a, middle), rule(middle, b)];
        let both = halves[0] + halves[1];
        left -= 1;
        if left <= 0
            || (both - whole).abs() < 1e-9 * both.abs().max(1e-3)
            || middle <= a
            || middle >= b
        {
            sum += both;
        } else {
            open.push((a, middle, halves[0]));
            open.push((middle, b, halves[1]));
        }
    }
    sum
}
