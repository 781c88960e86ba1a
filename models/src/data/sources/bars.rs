//! Bars and stripes (MacKay 2003, *Information Theory, Inference and Learning Algorithms*, §43).

use rand::Rng;

use super::kind::{Load, SourceKind};
use crate::data::{Split, Table};
use crate::seed::{self, Stream};

pub(super) const SOURCE: SourceKind = SourceKind {
    usage: "bars",
    about: "4 x 4 bars and stripes, 10000 + 2000, whose entropy can be enumerated",
    grey: false,
    shuffled: false,
    log_density: None,
    load: Load::Generate(|seed| {
        let (train, test) = bars(4, 12_000, seed).split_at(10_000);
        let description = format!(
            "bars: 4 x 4, drawn from seed {seed}, draws 0 to 9999 train, 10000 to 11999 test; \
             both parts hold the same few patterns"
        );
        Ok(Split { train, test, description })
    }),
};

/// `n` images of bars or stripes with `side` x `side` pixels. The lines are rows or columns with probability ½ each,
/// and each of the `side` lines is 1 everywhere with probability ½, and 0 everywhere otherwise.
///
/// Image `i` is a pure function of `side`, `seed` and `i`.
///
/// ```
/// # use pathscore_models::data::bars;
/// let table = bars(4, 100, 7);
/// assert_eq!((table.len(), table.image()), (100, Some((4, 4))));
/// assert_eq!(table.row(5), bars(4, 6, 7).row(5));
/// ```
///
/// # Panics
/// If `side` is not 1 to 32.
#[track_caller]
pub fn bars(side: usize, n: usize, seed: u64) -> Table {
    assert!((1..=32).contains(&side), "bars: a side of {side} is not 1 to 32");
    let mut values = Vec::with_capacity(n * side * side);
    for i in 0..n {
        let bits = seed::rng(seed, Stream::Bars, i as u64).next_u64();
        values.extend(picture(side, bits >> 63 == 1, bits & 0xffff_ffff));
    }
    Table::new(values, side * side)
        .and_then(|table| table.with_image(side, side))
        .expect("each picture adds side x side values of 0 or 1")
}

/// Every distinct image of [`bars`] with its probability: $2^{-d-1}$, or twice that for the all-zero and the all-one
/// image, which arise both from rows and from columns. There are $2^{d+1} - 2$ images for a side of $d$.
///
/// ```
/// # use pathscore_models::data::bars_patterns;
/// let entropy: f64 = bars_patterns(4).iter().map(|(_, p)| -p * p.ln()).sum();
/// assert!((entropy - (28.0 / 32.0 * 32f64.ln() + 2.0 / 16.0 * 16f64.ln())).abs() < 1e-14);
/// ```
///
/// # Panics
/// If `side` is not 1 to 16.
#[track_caller]
pub fn bars_patterns(side: usize) -> Vec<(Vec<f32>, f64)> {
    assert!((1..=16).contains(&side), "bars_patterns: a side of {side} is not 1 to 16");
    let all = (1u64 << side) - 1;
    let each = 0.5 / (all + 1) as f64;
    let rows = (0..=all).map(|lines| {
        let ways = if lines == 0 || lines == all { 2.0 } else { 1.0 };
        (picture(side, false, lines).collect(), ways * each)
    });
    let columns = (1..all).map(|lines| (picture(side, true, lines).collect(), each));
    rows.chain(columns).collect()
}

/// The pixels of the image whose line `i` has the value of bit `i`.
fn picture(side: usize, upright: bool, lines: u64) -> impl Iterator<Item = f32> {
    (0..side * side).map(move |i| {
        let line = if upright { i % side } else { i / side };
        (lines >> line & 1) as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_sum_to_one_over_distinct_patterns() {
        for side in 1..=8 {
            let patterns = bars_patterns(side);
            assert_eq!(patterns.len(), (2 << side) - 2);
            // Every probability is a power of two, so the sum is exact.
            assert_eq!(patterns.iter().map(|(_, p)| p).sum::<f64>(), 1.0);
            for (i, (a, _)) in patterns.iter().enumerate() {
                assert!(patterns[..i].iter().all(|(b, _)| a != b));
            }
        }
    }

    #[test]
    fn draws_have_the_enumerated_probabilities() {
        let (n, seed) = (40_000, 11);
        let table = bars(4, n, seed);
        let mut seen = 0;
        for (pattern, p) in bars_patterns(4) {
            let count = (0..n).filter(|&i| table.row(i) == pattern).count();
            seen += count;
            let z = (count as f64 - n as f64 * p) / (n as f64 * p * (1.0 - p)).sqrt();
            // With 30 patterns, a correct sampler exceeds 4.5 somewhere with probability 2e-4.
            assert!(z.abs() < 4.5, "seed {seed}: {pattern:?} has z = {z}");
        }
        assert_eq!(seen, n);
    }

    #[test]
    fn seeds_differ_and_repeat() {
        assert_eq!(bars(4, 50, 1), bars(4, 50, 1));
        assert_ne!(bars(4, 50, 1), bars(4, 50, 2));
    }
}
