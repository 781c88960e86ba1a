//! Convergence diagnostics of a scalar function along several chains: $\hat R$ and effective sample sizes.
//!
//! All functions take the chains as vectors of equal length, of at least four numbers. They are NaN where all numbers
//! are equal or one is NaN. References: Gelman et al., *Bayesian Data Analysis* (2013), section 11.4; Geyer (1992); Vehtari,
//! Gelman, Simpson, Carpenter and Bürkner (2021), whose formulas these are.

use pathscore_autodiff::Real;

/// The split $\hat R$: the chains are cut into halves of $N$ draws, with the variance $B/N$ of the halves' means and the
/// mean $W$ of their variances,
///
/// $$\hat R = \sqrt{\frac{\frac{N-1}N W + \frac1N B}{W}}.$$
///
/// It is near one if every half has the same distribution.
///
/// ```
/// use pathscore_estimators::samplers::convergence::split_rhat;
/// // Four halves of means 1.5, 3.5, 2.5, 4.5 and variance ½: W = ½, B/N = 5/3, R̂ = √((¼ + 5/3) / ½).
/// let chains = [vec![1.0, 2.0, 3.0, 4.0], vec![2.0, 3.0, 4.0, 5.0]];
/// assert!((split_rhat(&chains) - (23.0_f64 / 6.0).sqrt()).abs() < 1e-14);
/// ```
///
/// # Panics
/// If the chains differ in length or have fewer than four draws.
pub fn split_rhat(chains: &[Vec<f64>]) -> f64 {
    let spread = Spread::new(&halves(chains));
    (spread.total / spread.within).sqrt()
}

/// The rank-normalised $\hat R$: the larger of the split $\hat R$ of the normal scores of the draws, which finds
/// differences in location also if moments are infinite, and of the normal scores of $|x - \mathrm{median}|$, which finds
/// differences in scale. Draws should not be used if it is above 1.01.
///
/// ```
/// use pathscore_estimators::samplers::convergence::{rhat, split_rhat};
/// let draw = |n: usize, scale: f64| scale * [-2.0, -1.0, 1.0, 2.0][n % 4];
/// let chains = [1.0, 5.0].map(|scale| (0..80).map(|n| draw(n, scale)).collect::<Vec<_>>());
/// // Equal means, but different scales.
/// assert!(split_rhat(&chains) < 1.01 && rhat(&chains) > 1.2);
/// ```
///
/// # Panics
/// If the chains differ in length or have fewer than four draws.
pub fn rhat(chains: &[Vec<f64>]) -> f64 {
    let mut sorted: Vec<f64> = chains.iter().flatten().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let middle = |at: usize| sorted.get(at).copied().unwrap_or(f64::NAN);
    let median = 0.5 * (middle(sorted.len() / 2) + middle(sorted.len().saturating_sub(1) / 2));
    let distance = |chain: &Vec<f64>| chain.iter().map(|x| (x - median).abs()).collect();
    let folded: Vec<Vec<f64>> = chains.iter().map(distance).collect();
    let [bulk, tail] = [chains, &folded].map(|chains| split_rhat(&normal_scores(chains)));
    if bulk.is_nan() || tail.is_nan() { f64::NAN } else { bulk.max(tail) }
}

/// The effective sample size for the mean: the number of independent draws whose mean has the same variance.
///
/// With the autocorrelations $\rho_t$ of the halves of the chains, combined so that differences between the halves
/// count, $\mathrm{ESS} = S / \hat\tau$ for $S$ draws and
///
/// $$\hat\tau = -1 + 2 \sum_{k=0}^{K} \min_{j \le k} (\rho_{2j} + \rho_{2j+1}),$$
///
/// Geyer's initial monotone sequence: the sum ends before the first pair that is not positive. A chain that alternates around
/// the mean has more than $S$ effective draws, at most $S \log_{10} S$.
///
/// ```
/// use pathscore_estimators::samplers::convergence::ess;
/// use pathscore_models::{RandomSource, seed};
/// // The autocorrelations of x' = 0.5 x + ε are 2^−t, so that τ is 3.
/// let mut chain = |index| {
///     let (mut x, rng) = (0.0, &mut seed::rng(0, seed::Stream::Sample, index));
///     let mut step = || { x = 0.5 * x + rng.normal(); x };
///     (0..20_000).map(|_| step()).collect::<Vec<f64>>()
/// };
/// assert!((ess(&[chain(0), chain(1)]) / 40_000.0 * 3.0 - 1.0).abs() < 0.1);
/// ```
///
/// # Panics
/// If the chains differ in length or have fewer than four draws.
pub fn ess(chains: &[Vec<f64>]) -> f64 {
    let halves = halves(chains);
    let spread = Spread::new(&halves);
    let (count, n) = (halves.len() as f64, halves[0].len());
    let total = count * n as f64;
    if !(spread.total > 0.0 && spread.total.is_finite()) {
        return f64::NAN;
    }
    let centred: Vec<Vec<f64>> = halves
        .iter()
        .zip(&spread.means)
        .map(|(half, mean)| half.iter().map(|x| x - mean).collect())
        .collect();
    let rho = |lag: usize| {
        let products =
            |half: &Vec<f64>| half.iter().zip(&half[lag..]).map(|(a, b)| a * b).sum::<f64>();
        let covariance = centred.iter().map(products).sum::<f64>() / total;
        1.0 - (spread.within - covariance) / spread.total
    };
    let (mut tau, mut least, mut lag) = (-1.0, f64::INFINITY, 0);
    while lag + 1 < n {
        let even = if lag == 0 { 1.0 } else { rho(lag) };
        let pair = even + rho(lag + 1);
        if pair <= 0.0 {
            // The first half of the pair may be worth its own: the variance of antithetic chains is better with it.
            tau += if lag > 0 { even.max(0.0) } else { 0.0 };
            break;
        }
        least = least.min(pair);
        tau += 2.0 * least;
        lag += 2;
    }
    total / tau.max(1.0 / total.log10())
}

/// The effective sample size of the normal scores of the draws, which exists also if moments are infinite. It should be
/// above a hundred for each chain before other diagnostics are trusted.
///
/// # Panics
/// If the chains differ in length or have fewer than four draws.
pub fn ess_bulk(chains: &[Vec<f64>]) -> f64 {
    ess(&normal_scores(chains))
}

/// The Monte Carlo standard error of the mean over all chains, $\sqrt{\hat\sigma^2/\mathrm{ESS}}$ with the variance
/// $\hat\sigma^2$ of all draws.
///
/// # Panics
/// If the chains differ in length or have fewer than four draws.
pub fn standard_error(chains: &[Vec<f64>]) -> f64 {
    (variance(chains) / ess(chains)).sqrt()
}

/// The sample variance of all draws together.
pub(crate) fn variance(chains: &[Vec<f64>]) -> f64 {
    let count = chains.iter().map(Vec::len).sum::<usize>() as f64;
    let mean = chains.iter().flatten().sum::<f64>() / count;
    let squares = chains.iter().flatten().map(|x| (x - mean) * (x - mean)).sum::<f64>();
    squares / (count - 1.0)
}

/// The spread of chains.
struct Spread {
    means: Vec<f64>,
    /// $W$.
    within: f64,
    /// $\frac{N-1}N W + \frac1N B$.
    total: f64,
}

impl Spread {
    fn new(chains: &[&[f64]]) -> Self {
        let (count, n) = (chains.len() as f64, chains[0].len() as f64);
        let means: Vec<f64> = chains.iter().map(|chain| chain.iter().sum::<f64>() / n).collect();
        let squares = |(chain, mean): (&&[f64], &f64)| {
            chain.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>()
        };
        let within = chains.iter().zip(&means).map(squares).sum::<f64>() / (n - 1.0) / count;
        let centre = means.iter().sum::<f64>() / count;
        let between = means.iter().map(|mean| (mean - centre) * (mean - centre)).sum::<f64>();
        Self { within, total: (n - 1.0) / n * within + between / (count - 1.0), means }
    }
}

/// The first and the last half of each chain; the draw in the middle of an odd number is left out.
#[track_caller]
fn halves(chains: &[Vec<f64>]) -> Vec<&[f64]> {
    let n = chains.first().map_or(0, Vec::len);
    assert!(
        n >= 4 && chains.iter().all(|chain| chain.len() == n),
        "convergence: chains need equally many draws, at least four, but the first has {n}"
    );
    chains.iter().flat_map(|chain| [&chain[..n / 2], &chain[n - n / 2..]]).collect()
}

/// $\Phi^{-1}((r - \frac38) / (S + \frac14))$ with the rank $r$ of a draw among all $S$, the mean rank of ties.
fn normal_scores(chains: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let all: Vec<f64> = chains.iter().flatten().copied().collect();
    if all.iter().any(|x| x.is_nan()) {
        return chains.iter().map(|chain| vec![f64::NAN; chain.len()]).collect();
    }
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|&a, &b| all[a].total_cmp(&all[b]));
    let mut scores = vec![0.0; all.len()];
    let mut from = 0;
    for ties in order.chunk_by(|&a, &b| all[a] == all[b]) {
        let rank = from as f64 + 0.5 * (ties.len() as f64 + 1.0);
        let score = ((rank - 0.375) / (all.len() as f64 + 0.25)).normal_quantile();
        ties.iter().for_each(|&at| scores[at] = score);
        from += ties.len();
    }
    let mut rest = &scores[..];
    let mut taken = |len: usize| {
        let (first, after) = rest.split_at(len);
        rest = after;
        first.to_vec()
    };
    chains.iter().map(|chain| taken(chain.len())).collect()
}
