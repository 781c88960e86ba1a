//! The part of a row that in-painting hides.

use crate::program::usage_error::usage_error;
use pathscore::models::RandomSource;
use pathscore::models::data::Table;
use pathscore::models::seed::{self, Stream};
use std::str::FromStr;

/// The part of a row that is hidden and then drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Hidden {
    /// A half of a picture.
    Half(Side),
    /// A fraction of the columns, chosen at random, the same for all rows.
    Fraction(f64),
}

/// A side of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
    Top,
    Bottom,
}

impl FromStr for Hidden {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self::Half(match text {
            "left" => Side::Left,
            "right" => Side::Right,
            "top" => Side::Top,
            "bottom" => Side::Bottom,
            _ => {
                let fraction = text.parse().ok().filter(|x| (0.0..=1.0).contains(x) && *x > 0.0);
                let words = "it is left, right, top, bottom, or a fraction above 0 and at most 1";
                return fraction.map(Self::Fraction).ok_or_else(|| words.to_string());
            }
        }))
    }
}

impl Hidden {
    /// A mark for each column that stays known.
    ///
    /// # Errors
    /// If a side is hidden and the rows are no pictures.
    pub(crate) fn known(self, table: &Table, seed: u64) -> anyhow::Result<Vec<bool>> {
        let columns = table.columns();
        let side = match self {
            Self::Half(side) => side,
            Self::Fraction(fraction) => {
                let hidden = ((fraction * columns as f64).round() as usize).clamp(1, columns);
                return Ok(drawn(columns, hidden, seed));
            }
        };
        let Some((height, width)) = table.image() else {
            return Err(usage_error(
                "the rows of the data are no pictures, so they have no sides: hide a fraction of the columns, as in \
                 --inpaint 0.5",
            ));
        };
        // The middle line of an odd number stays known.
        let known = |at: usize| match side {
            Side::Left => at % width >= width / 2,
            Side::Right => at % width < width.div_ceil(2),
            Side::Top => at / width >= height / 2,
            Side::Bottom => at / width < height.div_ceil(2),
        };
        Ok((0..columns).map(known).collect())
    }
}

/// Marks of which exactly so many are false, every choice of them with the same probability.
fn drawn(columns: usize, hidden: usize, seed: u64) -> Vec<bool> {
    let rng = &mut seed::rng(seed, Stream::Sample, 1);
    let mut left = hidden;
    let known = |at: usize| {
        // Of the columns from here on, `left` are hidden.
        let hide = rng.uniform() * ((columns - at) as f64) < left as f64;
        left -= usize::from(hide);
        !hide
    };
    (0..columns).map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_of_a_picture_is_hidden_but_for_the_middle_line() {
        let table = Table::new(vec![0.0; 9], 9).unwrap().with_image(3, 3).unwrap();
        let known = |text: &str| {
            let hidden: Hidden = text.parse().unwrap();
            let known = hidden.known(&table, 0).unwrap();
            known.iter().map(|&known| if known { 'x' } else { '.' }).collect::<String>()
        };
        assert_eq!(known("left"), ".xx.xx.xx");
        assert_eq!(known("right"), "xx.xx.xx.");
        assert_eq!(known("top"), "...xxxxxx");
        assert_eq!(known("bottom"), "xxxxxx...");
    }

    #[test]
    fn a_fraction_hides_its_share_of_the_columns_by_the_seed() {
        let table = Table::new(vec![0.0; 40], 40).unwrap();
        let known = |seed| Hidden::Fraction(0.3).known(&table, seed).unwrap();
        for seed in 0..20 {
            assert_eq!(known(seed).iter().filter(|known| !**known).count(), 12);
        }
        assert_ne!(known(1), known(2));
        assert_eq!(known(1), known(1));
        assert!(Hidden::Half(Side::Left).known(&table, 0).is_err());
        assert_eq!(Hidden::Fraction(1.0).known(&table, 0).unwrap(), [false; 40]);
    }

    #[test]
    fn other_words_are_refused() {
        for text in ["middle", "0", "1.5", "-0.1", "nan", ""] {
            assert!(text.parse::<Hidden>().is_err(), "{text}");
        }
        assert_eq!("0.25".parse(), Ok(Hidden::Fraction(0.25)));
    }
}
