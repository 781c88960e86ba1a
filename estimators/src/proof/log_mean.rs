//! The mean of $\ln \frac1K \sum_k w_k$ over independent draws, from the distribution of one draw.

/// The step in $u$ of the integral. The integrand is analytic and bounded for $|\mathrm{Im}\, u| < \pi/2$, so the error of
/// the sum is of the order of $e^{-\pi^2/0.25} = 10^{-17}$.
const STEP: f64 = 0.25;

/// The largest number of terms of the sum in either direction; there are about two hundred, and more where $\ln w$ is
/// spread over thousands.
const MOST_TERMS: usize = 100_000;

/// A term below this one, and all behind it, is left out.
const NEGLIGIBLE: f64 = 1e-18;

/// $E \ln \frac1K \sum_k w_k$ for $K$ independent draws, each of which has $\ln w_i$ with probability $p_i$; `outcomes` are
/// the pairs $(\ln p_i, \ln w_i)$. The sum of the $p_i$ is taken for one.
///
/// For every $s > 0$, $\ln s = \int_0^\infty (e^{-t} - e^{-ts}) \frac{\mathrm dt}t$. With the Laplace transform
/// $\varphi(t) = E e^{-tw}$ of one weight and $t = e^u$,
///
/// $E \ln \sum_k w_k = \int_{-\infty}^{\infty} [e^{-e^u} - \varphi(e^u)^K] \mathrm du$,
///
/// which takes no more work for many draws than for two. The integral is a sum over the points $u = (i + o) h$ with the
/// offset $o$; two offsets share no point. The mean is $-\infty$ if a weight can be zero, and NaN if one is not a number or
/// infinite, or if the sum has too many terms.
pub(super) fn mean_log_mean(draws: usize, outcomes: &[(f64, f64)], offset: f64) -> f64 {
    let possible = || outcomes.iter().filter(|(log_p, _)| *log_p > f64::NEG_INFINITY);
    if possible().any(|(log_p, log_w)| log_p.is_nan() || log_w.is_nan() || *log_w == f64::INFINITY)
    {
        return f64::NAN;
    }
    let total: f64 = possible().map(|(log_p, _)| log_p.exp()).sum();
    let mut sorted: Vec<(f64, f64)> =
        possible().map(|(log_p, log_w)| (log_p.exp() / total, *log_w)).collect();
    sorted.retain(|(p, _)| *p > 0.0);
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    if sorted.first().is_none_or(|(_, log_w)| *log_w == f64::NEG_INFINITY) {
        return f64::NEG_INFINITY;
    }
    // The weights are divided by e^c, which is about their size.
    let centre: f64 = sorted.iter().map(|(p, log_w)| p * log_w).sum();
    sorted.iter_mut().for_each(|(_, log_w)| *log_w -= centre);
    let transform = Transform::new(sorted);
    let k = draws as f64;
    // Σ w_k is about K e^c, so u = −ln K is the middle of the integrand.
    let middle = -k.ln();
    let term = |i: f64| {
        let u = middle + (i + offset) * STEP;
        let (t, absent) = (u.exp(), transform.complement(u));
        // The complement may exceed one by rounding.
        let power = (k * (-absent.min(1.0)).ln_1p()).exp_m1();
        ((-t).exp_m1() - power, t, -power)
    };
    let mut sum = 0.0;
    // Upwards both parts of the integrand fall to zero.
    let up = (0..MOST_TERMS).find(|&i| {
        let (value, t, absent) = term(i as f64);
        sum += value;
        t > 50.0 && 1.0 - absent < NEGLIGIBLE
    });
    // Downwards both rise to one.
    let down = (1..MOST_TERMS).find(|&i| {
        let (value, t, absent) = term(-(i as f64));
        sum += value;
        t < NEGLIGIBLE && absent < NEGLIGIBLE
    });
    match (up, down) {
        (Some(_), Some(_)) => centre + STEP * sum + middle,
        _ => f64::NAN,
    }
}

/// The Laplace transform $\varphi(t) = \sum_i p_i e^{-t w_i}$ of a weight.
struct Transform {
    /// The pairs $(p_i, \ln w_i)$ with $\ln w_i$ ascending.
    sorted: Vec<(f64, f64)>,
    /// $\sum_{i < n} p_i w_i$ for each $n$; infinite if a weight is.
    means: Vec<f64>,
    /// $\sum_{i \ge n} p_i$ for each $n$.
    tails: Vec<f64>,
}

impl Transform {
    fn new(sorted: Vec<(f64, f64)>) -> Self {
        let mut means = vec![0.0];
        for (i, (p, log_w)) in sorted.iter().enumerate() {
            means.push(means[i] + p * log_w.exp());
        }
        let mut tails = vec![0.0; sorted.len() + 1];
        for i in (0..sorted.len()).rev() {
            tails[i] = tails[i + 1] + sorted[i].0;
        }
        Self { sorted, means, tails }
    }

    /// $1 - \varphi(e^u)$, without a difference of nearly equal numbers.
    fn complement(&self, u: f64) -> f64 {
        let below = |most: f64| self.sorted.partition_point(|(_, log_w)| u + log_w < most);
        // Where tw < e^-38, 1 − e^-tw is tw; where tw > e^6.7 it is one.
        let (low, high) = (below(-38.0), below(6.7));
        let between: f64 = self.sorted[low..high]
            .iter()
            .map(|(p, log_w)| -p * (-(u + log_w).exp()).exp_m1())
            .sum();
        let linear = match self.means[low].is_finite() {
            true => u.exp() * self.means[low],
            false => self.sorted[..low].iter().map(|(p, log_w)| p * (u + log_w).exp()).sum(),
        };
        linear + between + self.tails[high]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// $E \ln \frac1K \sum_k w_k$ over all $M^K$ tuples.
    fn listed(draws: usize, outcomes: &[(f64, f64)]) -> f64 {
        let count = outcomes.len();
        let mut mean = 0.0;
        for tuple in 0..count.pow(draws as u32) {
            let of = |k: usize| outcomes[tuple / count.pow(k as u32) % count];
            let p: f64 = (0..draws).map(|k| of(k).0).sum::<f64>().exp();
            let sum: f64 = (0..draws).map(|k| of(k).1.exp()).sum();
            mean += p * (sum / draws as f64).ln();
        }
        mean
    }

    #[test]
    fn the_integral_is_the_sum_over_all_tuples() {
        let outcomes = [(0.5_f64, -1.0), (0.3, 0.7), (0.19, -4.0), (0.01, 6.0)]
            .map(|(p, log_w)| (p.ln(), log_w));
        for draws in 1..6 {
            for offset in [0.0, 0.4] {
                let integral = mean_log_mean(draws, &outcomes, offset);
                let exact = listed(draws, &outcomes);
                // Rounding in two hundred terms of at most one.
                assert!((integral - exact).abs() < 1e-13, "K={draws}: {integral} for {exact}");
            }
        }
    }

    #[test]
    fn weights_of_any_size_have_their_mean() {
        // One weight: the mean is its logarithm, wherever that lies.
        for log_w in [-1e4, -700.0, 0.0, 800.0] {
            let found = mean_log_mean(7, &[(0.0, log_w)], 0.0);
            assert!((found - log_w).abs() < 1e-12 * log_w.abs().max(1.0), "{found} for {log_w}");
        }
        // The ratio to the centre of the weights is beyond every number.
        let rare = [(1e-5_f64.ln(), 2000.0), ((-1e-5_f64).ln_1p(), 0.0)];
        let exact = 2e-5 * (1.0 - 1e-5) * (2000.0 - 2_f64.ln()) + 1e-10 * 2000.0;
        let found = mean_log_mean(2, &rare, 0.3);
        assert!((found - exact).abs() < 1e-10, "{found} for {exact}");
        // Far apart: the larger weight wins unless both draws are small, and its share is one half or one.
        let pair = [(0.25_f64.ln(), 300.0), (0.75_f64.ln(), -300.0)];
        let exact = 0.0625 * 300.0 + 0.375 * (300.0 - 2_f64.ln()) - 0.5625 * 300.0;
        let found = mean_log_mean(2, &pair, 0.0);
        assert!((found - exact).abs() < 1e-10, "{found} for {exact}");
    }

    #[test]
    fn a_weight_of_zero_and_one_without_value_are_not_hidden() {
        let half = 0.5_f64.ln();
        assert_eq!(
            mean_log_mean(3, &[(half, 0.0), (half, f64::NEG_INFINITY)], 0.0),
            f64::NEG_INFINITY
        );
        assert!(mean_log_mean(3, &[(half, 0.0), (half, f64::NAN)], 0.0).is_nan());
        assert!(mean_log_mean(3, &[(half, 0.0), (half, f64::INFINITY)], 0.0).is_nan());
        // The sum of the probabilities is taken for one.
        let halves = [(half - 1.0, 1.0), (half - 1.0, 1.0)];
        assert!((mean_log_mean(3, &halves, 0.0) - 1.0).abs() < 1e-13);
        // What is impossible does not count.
        let impossible = [(0.0, 1.0), (f64::NEG_INFINITY, f64::NEG_INFINITY)];
        assert!((mean_log_mean(3, &impossible, 0.0) - 1.0).abs() < 1e-13);
    }
}
