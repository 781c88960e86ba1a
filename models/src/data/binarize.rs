//! Binarisation of grey values.

use std::fmt;
use std::str::FromStr;

use rand::Rng;

use super::{DataError, Table};
use crate::seed::{self, Stream};

/// The rule by which grey values x in [0, 1] become the data that the model sees.
///
/// ```
/// # use pathscore_models::data::{Binarize, DataError, digits};
/// # use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};
/// let rule: Binarize = "dynamic".parse()?;
/// let table = rule.prepare(digits(7, 0..10), 1)?;
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
/// let mut batch = vec![0f64; 2 * 784];
/// rule.fill(&table, &[3, 8], &mut batch, &mut rng);
/// assert!(batch.iter().all(|&x| x == 0.0 || x == 1.0));
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[doc(alias = "binarization")]
#[doc(alias = "binarisation")]
pub enum Binarize {
    /// Values stay as they are, inside [0, 1] or not.
    None,
    /// A value becomes 1 if x ≥ ½, and 0 otherwise.
    Threshold,
    /// A value becomes a new sample of Bernoulli(x) in each batch.
    Dynamic,
    /// A value becomes a sample of Bernoulli(x) that [`Binarize::prepare`] draws once.
    Fixed,
}

const NAMES: [(&str, Binarize); 4] = [
    ("none", Binarize::None),
    ("threshold", Binarize::Threshold),
    ("dynamic", Binarize::Dynamic),
    ("fixed", Binarize::Fixed),
];

impl FromStr for Binarize {
    type Err = DataError;

    fn from_str(word: &str) -> Result<Binarize, DataError> {
        let found = NAMES.iter().find(|(name, _)| *name == word);
        let choices = || NAMES.map(|(name, _)| name).join(", ");
        let unknown = || DataError::UnknownBinarize { word: word.into(), choices: choices() };
        found.map(|&(_, rule)| rule).ok_or_else(unknown)
    }
}

impl fmt::Display for Binarize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, rule)| rule == self).map_or("", |&(name, _)| name);
        f.pad(name)
    }
}

/// 1 for each value of a row that is one half or more, and 0 for the others.
fn threshold<F: From<f32>>(row: &[f32], out: &mut [F]) {
    let bit = |x: f32| F::from(if x >= 0.5 { 1.0 } else { 0.0 });
    out.iter_mut().zip(row).for_each(|(out, &x)| *out = bit(x));
}

/// Draws Bernoulli(x) for each value x of a row.
///
/// Each u64 gives two uniforms u = k 2⁻²⁴ with k of 24 bits, which f32 holds exactly, so that
/// P(u < x) = ⌈2²⁴ x⌉ 2⁻²⁴, which is exact for 0 and 1 and otherwise too high by less than 2⁻²⁴ ≈ 6e-8. Value j always
/// uses the same bits of the row's random words, whatever the values are. Random words are drawn in blocks so that the
/// comparisons vectorise.
fn draw<F: From<f32> + Copy, R: Rng + ?Sized>(row: &[f32], out: &mut [F], rng: &mut R) {
    let mut lanes = [0u32; 64];
    for (row, out) in row.chunks(lanes.len()).zip(out.chunks_mut(lanes.len())) {
        for pair in lanes[..row.len().next_multiple_of(2)].chunks_exact_mut(2) {
            let bits = rng.next_u64();
            pair[0] = (bits >> 40) as u32;
            pair[1] = (bits as u32) >> 8;
        }
        for ((out, &x), &lane) in out.iter_mut().zip(row).zip(&lanes) {
            let u = lane as f32 * (1.0 / (1 << 24) as f32);
            *out = F::from(if u < x { 1.0 } else { 0.0 });
        }
    }
}

impl Binarize {
    /// The table as [`Binarize::fill`] needs it: for `fixed` the samples of this seed, for `threshold` the bits, otherwise the
    /// table unchanged.
    ///
    /// # Errors
    /// If a value is outside [0, 1]; `none` takes any value.
    pub fn prepare(self, table: Table, seed: u64) -> Result<Table, DataError> {
        if self == Binarize::None {
            return Ok(table);
        }
        if let Some((row, column, value)) = table.outside_unit() {
            let what = match self {
                Binarize::Threshold => "binarization `threshold`",
                Binarize::Dynamic => "binarization `dynamic`",
                _ => "binarization `fixed`",
            };
            return Err(DataError::OutsideUnit { what, row, column, value });
        }
        let mut rng = seed::rng(seed, Stream::Binarize, 0);
        Ok(match self {
            Binarize::Fixed => table.map_rows(|row, out| draw(row, out, &mut rng)),
            Binarize::Threshold => table.map_rows(threshold),
            _ => table,
        })
    }

    /// Fills a batch with the given rows, one after the other, binarised by this rule. It allocates nothing.
    ///
    /// Only `dynamic` draws from `rng`: ⌈columns / 2⌉ words for each row, whatever its values.
    ///
    /// # Panics
    /// If `out` is not rows times columns long, or if there is no such row.
    #[track_caller]
    pub fn fill<F: From<f32> + Copy, R: Rng + ?Sized>(
        self,
        table: &Table,
        rows: &[usize],
        out: &mut [F],
        rng: &mut R,
    ) {
        let (n, columns) = (rows.len(), table.columns());
        let room = out.len();
        assert!(room == n * columns, "fill: {n} rows of {columns} do not fit {room} places");
        for (&i, out) in rows.iter().zip(out.chunks_exact_mut(columns)) {
            let row = table.row(i);
            match self {
                Binarize::None | Binarize::Fixed => {
                    out.iter_mut().zip(row).for_each(|(out, &x)| *out = F::from(x));
                }
                Binarize::Threshold => threshold(row, out),
                Binarize::Dynamic => draw(row, out, rng),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    fn grey(columns: usize, rows: usize) -> Table {
        let values = (0..rows * columns).map(|i| (i % columns) as f32 / (columns - 1) as f32);
        Table::new(values.collect(), columns).unwrap()
    }

    fn filled(rule: Binarize, table: &Table, seed: u64) -> Vec<f32> {
        let rows: Vec<usize> = (0..table.len()).collect();
        let mut out = vec![0.0; table.values().len()];
        rule.fill(table, &rows, &mut out, &mut Xoshiro256PlusPlus::seed_from_u64(seed));
        out
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for (name, rule) in NAMES {
            assert_eq!(name.parse::<Binarize>().unwrap(), rule);
            assert_eq!(rule.to_string(), name);
        }
        let text = "maybe".parse::<Binarize>().unwrap_err().to_string();
        assert!(text.contains("`maybe`") && text.contains("none, threshold, dynamic, fixed"));
    }

    #[test]
    fn draws_have_the_grey_value_as_their_mean() {
        let (rows, seed) = (20_000, 5);
        let table = grey(101, rows);
        let fixed = Binarize::Fixed.prepare(table.clone(), seed).unwrap();
        let dynamic = Table::new(filled(Binarize::Dynamic, &table, seed), 101).unwrap();
        for drawn in [fixed, dynamic] {
            assert!(drawn.values().iter().all(|&x| x == 0.0 || x == 1.0));
            for (j, mean) in drawn.mean().into_iter().enumerate() {
                let p = f64::from(table.row(0)[j]);
                let sd = (p * (1.0 - p) / rows as f64).sqrt();
                // 202 columns: the chance that a right sampler passes 5 sd anywhere is 1e-4. At 0
                // and 1 the deviation must be 0.
                assert!((mean - p).abs() <= 5.0 * sd, "seed {seed}: column {j} has mean {mean}");
            }
        }
    }

    #[test]
    fn the_draws_of_a_row_do_not_depend_on_the_values_before() {
        let dark = Table::new([[0.0; 7], [0.5; 7]].concat(), 7).unwrap();
        let light = Table::new([[1.0; 7], [0.5; 7]].concat(), 7).unwrap();
        assert_eq!(
            filled(Binarize::Dynamic, &dark, 3)[7..],
            filled(Binarize::Dynamic, &light, 3)[7..]
        );
    }

    #[test]
    fn fixed_is_drawn_once_and_dynamic_each_time() {
        let table = grey(33, 20);
        let fixed = Binarize::Fixed.prepare(table.clone(), 1).unwrap();
        assert_eq!(filled(Binarize::Fixed, &fixed, 1), filled(Binarize::Fixed, &fixed, 2));
        assert_eq!(fixed, Binarize::Fixed.prepare(table.clone(), 1).unwrap());
        assert_ne!(fixed, Binarize::Fixed.prepare(table.clone(), 2).unwrap());
        let dynamic = |seed| filled(Binarize::Dynamic, &table, seed);
        assert_eq!(dynamic(1), dynamic(1));
        assert_ne!(dynamic(1), dynamic(2));
    }

    #[test]
    fn threshold_counts_a_half_as_ink_and_none_changes_nothing() {
        let table = Table::new(vec![0.0, 0.49, 0.5, 1.0], 4).unwrap();
        assert_eq!(filled(Binarize::Threshold, &table, 0), [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(filled(Binarize::None, &table, 0), table.values());
    }

    #[test]
    fn values_that_are_no_probabilities_are_refused() {
        let table = Table::new(vec![0.0, 1.0, 0.5, 1.5], 2).unwrap();
        for rule in [Binarize::Threshold, Binarize::Dynamic, Binarize::Fixed] {
            let text = rule.prepare(table.clone(), 0).unwrap_err().to_string();
            assert!(text.ends_with("row 1, column 1 (from 0) is 1.5"), "{text}");
        }
        assert!(Binarize::None.prepare(table, 0).is_ok());
    }
}
