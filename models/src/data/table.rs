//! Rows of numbers.

use std::ops::Range;

use super::DataError;
use pathscore_autodiff::Scalar;

/// `len` rows of `columns` finite values, row after row, with labels, an image size and names of the columns if known. Cells
/// of an [incomplete](Table::incomplete) table may be NaN.
///
/// ```
/// # use pathscore_models::data::{DataError, Table};
/// let table = Table::new(vec![0.0, 1.0, 1.0, 0.0], 2)?.with_labels(vec![3, 8])?;
/// assert_eq!(table.row(1), [1.0, 0.0]);
/// assert_eq!(table.mean(), [0.5, 0.5]);
/// assert!(table.in_unit_interval());
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    values: Vec<f32>,
    columns: usize,
    labels: Option<Vec<u8>>,
    image: Option<(usize, usize)>,
    names: Option<Vec<String>>,
    unit: bool,
    standardized: bool,
}

impl Table {
    /// A table of the given values, row after row.
    ///
    /// # Errors
    /// If `columns` is 0, if the number of values is no multiple of it, or if a value is not
    /// finite.
    pub fn new(values: Vec<f32>, columns: usize) -> Result<Table, DataError> {
        Table::checked(values, columns, |x| x.is_finite())
    }

    fn checked(
        values: Vec<f32>,
        columns: usize,
        fits: impl Fn(f32) -> bool,
    ) -> Result<Table, DataError> {
        if columns == 0 || !values.len().is_multiple_of(columns) {
            let n = values.len();
            return Err(DataError::Table(format!("{n} values do not fill rows of {columns}")));
        }
        if let Some(i) = values.iter().position(|&x| !fits(x)) {
            let (row, column, x) = (i / columns, i % columns, values[i]);
            return Err(DataError::Table(format!("row {row}, column {column} (from 0) is {x}")));
        }
        let unit = values.iter().all(|x| (0.0..=1.0).contains(x));
        Ok(Table {
            values,
            columns,
            labels: None,
            image: None,
            names: None,
            unit,
            standardized: false,
        })
    }

    /// A table of which cells may be missing: NaN stands for a number that nobody has seen. Only models that say so fit such
    /// rows.
    ///
    /// # Errors
    /// As for [`Table::new`], but for NaN.
    ///
    /// ```
    /// # use pathscore_models::data::{DataError, Table};
    /// let table = Table::incomplete(vec![0.5, f32::NAN, 1.5, 2.0], 2)?;
    /// assert_eq!((table.missing(), table.mean()), (1, vec![1.0, 2.0]));
    /// assert!(Table::incomplete(vec![f32::INFINITY], 1).is_err());
    /// # Ok::<(), DataError>(())
    /// ```
    pub fn incomplete(values: Vec<f32>, columns: usize) -> Result<Table, DataError> {
        Table::checked(values, columns, |x| x.is_finite() || x.is_nan())
    }

    /// The number of missing cells.
    pub fn missing(&self) -> usize {
        self.values.iter().filter(|x| x.is_nan()).count()
    }

    /// The same table with one label for each row.
    ///
    /// # Errors
    /// If there are not as many labels as rows.
    pub fn with_labels(mut self, labels: Vec<u8>) -> Result<Table, DataError> {
        if labels.len() != self.len() {
            let (l, n) = (labels.len(), self.len());
            return Err(DataError::Table(format!("{l} labels for {n} rows")));
        }
        self.labels = Some(labels);
        Ok(self)
    }

    /// The same table, each row an image of that many pixels (height, width), line after line.
    ///
    /// # Errors
    /// If height times width is not the number of columns.
    pub fn with_image(mut self, height: usize, width: usize) -> Result<Table, DataError> {
        if height.checked_mul(width) != Some(self.columns) {
            let columns = self.columns;
            let text = format!("an image of {height} x {width} pixels does not fill {columns}");
            return Err(DataError::Table(text));
        }
        self.image = Some((height, width));
        Ok(self)
    }

    /// The same table with the names of its columns.
    ///
    /// # Errors
    /// If there is not one name for each column.
    pub fn with_column_names(mut self, names: Vec<String>) -> Result<Table, DataError> {
        if names.len() != self.columns {
            let (found, columns) = (names.len(), self.columns);
            return Err(DataError::Table(format!("{found} names for {columns} columns")));
        }
        self.names = Some(names);
        Ok(self)
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.columns
    }

    /// True if there are no rows.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The number of values in a row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Row `i`.
    ///
    /// # Panics
    /// If there is no such row.
    #[track_caller]
    pub fn row(&self, i: usize) -> &[f32] {
        assert!(i < self.len(), "table: there is no row {i} among {}", self.len());
        &self.values[i * self.columns..(i + 1) * self.columns]
    }

    /// All values, row after row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The label of each row, if known.
    pub fn labels(&self) -> Option<&[u8]> {
        self.labels.as_deref()
    }

    /// The same table, labels and images, with other values, none of which is missing.
    ///
    /// # Errors
    /// If there are not as many, or if one is not finite.
    pub fn with_values(&self, values: Vec<f32>) -> Result<Table, DataError> {
        let (found, expected) = (values.len(), self.values.len());
        if found != expected {
            return Err(DataError::Table(format!("{found} values for {expected} cells")));
        }
        let Table { values, .. } = Table::new(values, self.columns)?;
        Ok(self.like(values, self.labels.clone()))
    }

    /// Height and width in pixels, if the rows are images.
    pub fn image(&self) -> Option<(usize, usize)> {
        self.image
    }

    /// The name of each column, if known.
    pub fn column_names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    /// True if every value lies in [0, 1], as a Bernoulli likelihood needs.
    pub fn in_unit_interval(&self) -> bool {
        self.unit
    }

    /// The mean of each column, $\bar x_j = \frac1n \sum_i x_{ij}$, summed in f64. Missing cells are left out of sum and number;
    /// without any numbers it is NaN.
    pub fn mean(&self) -> Vec<f64> {
        let (mut sum, mut count) = (vec![0.0; self.columns], vec![0.0; self.columns]);
        for row in self.values.chunks_exact(self.columns) {
            for ((s, n), &x) in sum.iter_mut().zip(&mut count).zip(row) {
                if !x.is_nan() {
                    *s += f64::from(x);
                    *n += 1.0;
                }
            }
        }
        sum.iter_mut().zip(&count).for_each(|(s, n)| *s /= n);
        sum
    }

    /// The standard deviation of each column about its mean, $\sqrt{\frac1n \sum_i (x_{ij} - \bar x_j)^2}$, summed in f64. Missing
    /// cells are left out; without any numbers it is NaN.
    ///
    /// ```
    /// use pathscore_models::data::Table;
    /// let table = Table::new(vec![1.0, 5.0, 3.0, 5.0], 2)?;
    /// assert_eq!(table.standard_deviation(), [1.0, 0.0]);
    /// # Ok::<(), pathscore_models::data::DataError>(())
    /// ```
    pub fn standard_deviation(&self) -> Vec<f64> {
        let means = self.mean();
        let (mut squares, mut count) = (vec![0.0; self.columns], vec![0.0; self.columns]);
        for row in self.values.chunks_exact(self.columns) {
            for (((square, n), &x), mean) in squares.iter_mut().zip(&mut count).zip(row).zip(&means)
            {
                if !x.is_nan() {
                    *square += (f64::from(x) - mean).powi(2);
                    *n += 1.0;
                }
            }
        }
        squares.iter().zip(count).map(|(square, n)| (square / n).sqrt()).collect()
    }

    /// The same rows with $(x - m_j) / s_j$ in place of each number $x$ of column $j$; a column whose $s_j$ is zero or unknown is only
    /// shifted.
    pub(super) fn standardized(&self, means: &[f64], deviations: &[f64]) -> Table {
        let number = |(&x, (mean, &deviation)): (&f32, (&f64, &f64))| {
            let scale = if deviation > 0.0 { deviation } else { 1.0 };
            ((f64::from(x) - mean) / scale) as f32
        };
        let rows = self.values.chunks_exact(self.columns);
        let values = rows.flat_map(|row| row.iter().zip(means.iter().zip(deviations)).map(number));
        Table { standardized: true, ..self.like(values.collect(), self.labels.clone()) }
    }

    /// True if the numbers are in standard deviations of their columns from the means, as [`Split::standardize`](super::Split::standardize)
    /// makes them.
    ///
    /// ```
    /// # use pathscore_models::data::{DataError, Split, Table};
    /// let rows = || Table::new(vec![0.0, 10.0], 1);
    /// let split = Split { train: rows()?, test: rows()?, description: "one column".into() };
    /// assert!(!split.test.is_standardized() && split.standardize().test.is_standardized());
    /// # Ok::<(), DataError>(())
    /// ```
    pub fn is_standardized(&self) -> bool {
        self.standardized
    }

    /// Writes a range of the rows into a slice: the feed that steps of a trainer and evaluations ask for, where the values of the
    /// table are used as they are. The last argument of the function, a generator, is not used.
    ///
    /// ```
    /// # use pathscore_models::data::{DataError, Table};
    /// let table = Table::new(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2)?;
    /// let mut x = [0.0_f64; 4];
    /// table.feed()(1..3, &mut x, &mut ());
    /// assert_eq!(x, [3.0, 4.0, 5.0, 6.0]);
    /// # Ok::<(), DataError>(())
    /// ```
    ///
    /// # Panics
    /// The function panics if the range goes beyond the rows or the slice has another length.
    pub fn feed<F: Scalar, R>(&self) -> impl Fn(Range<usize>, &mut [F], &mut R) + Sync {
        |rows, x, _| {
            let values = &self.values[rows.start * self.columns..rows.end * self.columns];
            assert_eq!(x.len(), values.len(), "table: the slice does not hold these rows");
            x.iter_mut().zip(values).for_each(|(x, &value)| *x = value.into());
        }
    }

    /// A copy of the rows in `range`.
    ///
    /// # Panics
    /// If the range goes beyond the rows.
    #[track_caller]
    pub fn take(&self, range: Range<usize>) -> Table {
        let n = self.len();
        assert!(range.start <= range.end && range.end <= n, "table: rows {range:?} of {n}");
        let values = self.values[range.start * self.columns..range.end * self.columns].to_vec();
        let labels = self.labels.as_ref().map(|l| l[range].to_vec());
        self.like(values, labels)
    }

    /// A copy of the given rows, in the order given.
    ///
    /// # Panics
    /// If there is no such row.
    #[track_caller]
    pub fn select(&self, rows: &[usize]) -> Table {
        let mut values = Vec::with_capacity(rows.len() * self.columns);
        for &i in rows {
            values.extend_from_slice(self.row(i));
        }
        let labels = self.labels.as_ref().map(|l| rows.iter().map(|&i| l[i]).collect());
        self.like(values, labels)
    }

    /// These rows and then those of another table. They have labels if both have them; image and names are those of this table.
    ///
    /// # Errors
    /// If the other table has another number of columns.
    ///
    /// ```
    /// # use pathscore_models::data::{DataError, Table};
    /// let (two, one) = (Table::new(vec![1.0, 2.0], 1)?, Table::new(vec![3.0], 1)?);
    /// assert_eq!(two.followed_by(&one)?.values(), [1.0, 2.0, 3.0]);
    /// # Ok::<(), DataError>(())
    /// ```
    pub fn followed_by(&self, other: &Table) -> Result<Table, DataError> {
        let [own, others] = [self.columns, other.columns];
        if own != others {
            let text = format!("rows of {others} columns cannot follow rows of {own}");
            return Err(DataError::Table(text));
        }
        let labels = self.labels.as_ref().zip(other.labels.as_ref());
        let labels = labels.map(|(own, others)| [&own[..], others].concat());
        Ok(self.like([&self.values[..], &other.values].concat(), labels))
    }

    /// The first `n` rows and the others.
    ///
    /// # Panics
    /// If there are fewer than `n` rows.
    #[track_caller]
    pub fn split_at(mut self, n: usize) -> (Table, Table) {
        assert!(n <= self.len(), "table: cannot split {} rows at {n}", self.len());
        let values = self.values.split_off(n * self.columns);
        let labels = self.labels.as_mut().map(|l| l.split_off(n));
        let last = self.like(values, labels);
        self.unit = self.values.iter().all(|x| (0.0..=1.0).contains(x));
        (self, last)
    }

    /// The row, the column and the value of the first number that is not a probability.
    pub(crate) fn outside_unit(&self) -> Option<(usize, usize, f32)> {
        let i = self.values.iter().position(|x| !(0.0..=1.0).contains(x))?;
        Some((i / self.columns, i % self.columns, self.values[i]))
    }

    /// A table whose rows are written by `f` from the rows of this one, in order.
    pub(crate) fn map_rows(&self, mut f: impl FnMut(&[f32], &mut [f32])) -> Table {
        let mut values = vec![0.0; self.values.len()];
        let rows = self.values.chunks_exact(self.columns);
        rows.zip(values.chunks_exact_mut(self.columns)).for_each(|(row, out)| f(row, out));
        self.like(values, self.labels.clone())
    }

    fn like(&self, values: Vec<f32>, labels: Option<Vec<u8>>) -> Table {
        let unit = values.iter().all(|x| (0.0..=1.0).contains(x));
        let (columns, image, names) = (self.columns, self.image, self.names.clone());
        Table { values, columns, labels, image, names, unit, standardized: self.standardized }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_do_not_fit_are_errors() {
        assert!(Table::new(vec![0.0; 5], 2).is_err());
        assert!(Table::new(vec![], 0).is_err());
        assert!(Table::new(vec![f32::NAN], 1).is_err());
        let table = Table::new(vec![0.0; 4], 2).unwrap();
        assert!(table.clone().with_labels(vec![1]).is_err());
        assert!(table.clone().with_image(usize::MAX, 2).is_err());
        assert!(table.with_image(2, 1).is_ok());
    }

    #[test]
    fn parts_keep_rows_labels_and_image() {
        let values: Vec<f32> = (0..8).map(|x| x as f32).collect();
        let table = Table::new(values, 2).unwrap().with_labels(vec![5, 6, 7, 8]).unwrap();
        let table = table.with_image(1, 2).unwrap();
        let names = vec!["a".to_string(), "b".to_string()];
        let table = table.with_column_names(names.clone()).unwrap();
        assert!(!table.in_unit_interval());
        assert_eq!(table.select(&[3, 0]).values(), [6.0, 7.0, 0.0, 1.0]);
        assert_eq!(table.select(&[3, 0]).labels(), Some(&[8, 5][..]));
        let part = table.take(1..3);
        let (first, last) = table.split_at(1);
        assert_eq!((first.len(), last.len()), (1, 3));
        assert!(first.in_unit_interval() && !last.in_unit_interval());
        assert_eq!(last.take(0..2), part);
        assert_eq!((part.image(), part.column_names()), (Some((1, 2)), Some(&names[..])));
    }

    #[test]
    fn refusals_say_where() {
        #[track_caller]
        fn says<T: std::fmt::Debug>(found: Result<T, DataError>, expected: &str) {
            assert_eq!(found.unwrap_err().to_string(), format!("table: {expected}"));
        }
        says(Table::new(vec![0.0; 5], 2), "5 values do not fill rows of 2");
        says(Table::new(vec![0.0; 5], 0), "5 values do not fill rows of 0");
        let values = vec![0.0, 1.0, 2.0, 3.0, f32::INFINITY, 5.0];
        says(Table::new(values, 3), "row 1, column 1 (from 0) is inf");
        let table = Table::new(vec![0.0; 6], 3).unwrap();
        says(table.clone().with_labels(vec![1; 3]), "3 labels for 2 rows");
        let names = || vec!["a".to_string(), "b".to_string()];
        says(table.clone().with_column_names(names()), "2 names for 3 columns");
        says(table.with_image(2, 3), "an image of 2 x 3 pixels does not fill 3");
    }

    #[test]
    fn a_table_tells_its_sizes_means_and_its_first_value_off_the_unit_interval() {
        let table = Table::new(vec![0.0, 0.5, 1.0, 1.0, -2.0, 0.25], 3).unwrap();
        assert_eq!((table.len(), table.columns(), table.is_empty()), (2, 3, false));
        assert_eq!(table.mean(), [0.5, -0.75, 0.625]);
        assert_eq!((table.row(0), table.row(1)), (&[0.0, 0.5, 1.0][..], &[1.0, -2.0, 0.25][..]));
        assert_eq!(table.outside_unit(), Some((1, 1, -2.0)));
        assert_eq!(table.take(0..1).outside_unit(), None);
        let doubled =
            table.map_rows(|row, out| out.iter_mut().zip(row).for_each(|(o, x)| *o = 2.0 * x));
        assert_eq!(doubled.values(), [0.0, 1.0, 2.0, 2.0, -4.0, 0.5]);
        let none = table.take(2..2);
        assert!(none.is_empty() && none.in_unit_interval());
        assert!(none.mean().iter().all(|x| x.is_nan()));
        let (all, rest) = table.clone().split_at(2);
        assert_eq!((all, rest.len()), (table, 0));
    }

    #[test]
    fn rows_beyond_the_end_are_refused() {
        let table = Table::new(vec![0.0; 4], 2).unwrap();
        type Try = fn(&Table);
        for (i, attempt) in [
            (|t| drop(t.row(2).to_vec())) as Try,
            |t| drop(t.take(1..3)),
            |t| drop(t.select(&[0, 2])),
            |t| drop(t.clone().split_at(3)),
        ]
        .into_iter()
        .enumerate()
        {
            let panic =
                std::panic::catch_unwind(|| attempt(&table)).expect_err("there are two rows");
            let text = panic.downcast_ref::<String>().expect("the message has numbers");
            let expected = [
                "table: there is no row 2 among 2",
                "table: rows 1..3 of 2",
                "table: there is no row 2 among 2",
                "table: cannot split 2 rows at 3",
            ];
            assert_eq!(text, expected[i]);
        }
    }
}
