//! The signal-to-noise ratio of a gradient from batches of its draws, with its standard error.

use pathscore::estimators::variance::ComponentStats;

/// The batches of draws. The standard error of ten numbers is itself known to about a quarter.
pub(super) const BATCHES: usize = 10;

/// A ratio and the ends of a bar of two standard errors to both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ratio {
    pub(super) value: f64,
    pub(super) bar: (f64, f64),
}

impl Ratio {
    /// $r = \lVert E g \rVert / \sqrt{\sum \sigma^2}$ of the components of a gradient, measured in batches of equally many draws.
    ///
    /// The square is $r^2 = (\sum_i \bar g_i^2 - s_i^2/R) / \sum_i s_i^2$ with the mean $\bar g_i$ and the variance $s_i^2$ of all $R$ draws: the
    /// noise of a mean adds $\sigma_i^2/R$ to the expectation of its square. Its standard error is that of the jackknife over batches (Efron and
    /// Stein 1981): with $r^2_{(b)}$ the same number without batch $b$ of $B$,
    /// $\mathrm{SE}^2 = \frac{B-1}{B} \sum_b (r^2_{(b)} - \frac1B \sum_c r^2_{(c)})^2$.
    /// It holds for components that are correlated and for draws that are not normal, and where no signal is seen, which formulas for
    /// $\ln r$ do not. The bar goes from $\sqrt{r^2 - 2\,\mathrm{SE}}$ to $\sqrt{r^2 + 2\,\mathrm{SE}}$; a negative square counts as
    /// zero.
    pub(super) fn of(batches: &[&[ComponentStats]]) -> Ratio {
        let square = square(batches);
        let without = |b: usize| {
            let others = batches.iter().enumerate().filter(|(other, _)| *other != b);
            self::square(&others.map(|(_, batch)| *batch).collect::<Vec<_>>())
        };
        let count = batches.len() as f64;
        let without: Vec<f64> = (0..batches.len()).map(without).collect();
        let mean = without.iter().sum::<f64>() / count;
        let spread = without.iter().map(|one| (one - mean).powi(2)).sum::<f64>();
        let error = ((count - 1.0) / count * spread).sqrt();
        let root = |square: f64| square.max(0.0).sqrt();
        let bar = (root(square - 2.0 * error), root(square + 2.0 * error));
        Ratio { value: root(square), bar }
    }
}

/// The square of the ratio. The draws of all batches have the mean of the means, and a sum of squares about it that is the sum of
/// those within the batches and of those between their means.
fn square(batches: &[&[ComponentStats]]) -> f64 {
    let of_batch = batches.first().and_then(|batch| batch.first()).map_or(0, |c| c.draws) as f64;
    let count = batches.len() as f64;
    let draws = count * of_batch;
    let (mut signal, mut noise) = (0.0, 0.0);
    for i in 0..batches.first().map_or(0, |batch| batch.len()) {
        let sum = |f: &dyn Fn(&ComponentStats) -> f64| -> f64 {
            batches.iter().map(|batch| f(&batch[i])).sum()
        };
        let mean = sum(&|c| c.mean) / count;
        let within = sum(&|c| c.variance) * (of_batch - 1.0);
        let between = sum(&|c| (c.mean - mean).powi(2)) * of_batch;
        let variance = (within + between) / (draws - 1.0);
        signal += mean * mean - variance / draws;
        noise += variance;
    }
    signal / noise
}

#[cfg(test)]
mod tests {
    use super::*;
    use pathscore::models::RandomSource;
    use pathscore::models::seed::{self, Stream};

    /// Batches of `draws` draws of two normal components with these means, and a covariance of 0.9.
    fn batches(means: [f64; 2], draws: usize, run: u64) -> Vec<Vec<ComponentStats>> {
        let rng = &mut seed::rng(run, Stream::Diagnose, 0);
        let batch = |_| {
            let mut all = [Vec::new(), Vec::new()];
            for _ in 0..draws {
                let (a, b): (f64, f64) = (rng.normal(), rng.normal());
                all[0].push(means[0] + a);
                all[1].push(means[1] + 0.9 * a + (1.0_f64 - 0.81).sqrt() * b);
            }
            let stats = |x: &Vec<f64>| {
                let mean = x.iter().sum::<f64>() / draws as f64;
                let squares = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
                stats_of(mean, squares, draws)
            };
            all.iter().map(stats).collect()
        };
        (0..BATCHES).map(batch).collect()
    }

    fn ratio(batches: &[Vec<ComponentStats>]) -> Ratio {
        Ratio::of(&batches.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    fn stats_of(mean: f64, squares: f64, draws: usize) -> ComponentStats {
        let (variance, effective_draws) = (squares / (draws - 1) as f64, draws as f64);
        ComponentStats { exact: 0.0, mean, variance, draws, effective_draws }
    }

    #[test]
    fn two_standard_errors_hold_the_ratio_about_as_often_as_they_should() {
        let truth = (0.5_f64.powi(2) + 0.2_f64.powi(2)).sqrt() / 2_f64.sqrt();
        let holds = |run: &u64| {
            let Ratio { value, bar: (low, high) } = ratio(&batches([0.5, 0.2], 40, *run));
            assert!(low <= value && value <= high);
            (low..=high).contains(&truth)
        };
        let held = (0..300).filter(holds).count();
        // With nine degrees of freedom two standard errors hold 92 % of normal numbers: 277 ± 4.6 of 300, here to five errors.
        assert!((254..=300).contains(&held), "{held} of 300 bars hold the ratio");
    }

    #[test]
    fn without_a_signal_the_bar_reaches_zero() {
        let zero = |run: &u64| ratio(&batches([0.0, 0.0], 40, *run)).bar.0 == 0.0;
        let seen = (0..100).filter(zero).count();
        assert!(seen > 80, "{seen} of 100 bars reach zero");
    }

    #[test]
    fn the_draws_of_all_batches_count_as_one_set() {
        let stats = |x: &[f64]| {
            let (draws, mean) = (x.len(), x.iter().sum::<f64>() / x.len() as f64);
            let squares = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
            stats_of(mean, squares, draws)
        };
        let all = [1.0, 2.0, 4.0, 3.0, 0.5, 2.5];
        let (whole, halves) = ([stats(&all)], [[stats(&all[..3])], [stats(&all[3..])]]);
        let [one, two] = [square(&[&whole]), square(&[&halves[0], &halves[1]])];
        // A few sums of six numbers.
        assert!((one - two).abs() < 1e-12, "{one} and {two}");
    }
}
