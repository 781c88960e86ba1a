//! The problem: a linear model with normal latents, near the data but not at its maximum.

use super::args::LikelihoodArgs;
use crate::program::limits::check_memory;
use crate::program::usage_error::usage_error;
use pathscore::autodiff::Tape;
use pathscore::models::data::{Split, Table};
use pathscore::models::latent::LinearFactors;
use pathscore::models::seed::{self, Stream};
use pathscore::models::tractable::{Ppca, varimax};
use pathscore::models::{Em, Params, Tractable};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The numbers of latents and rows if none are given and the data have so many.
const LATENTS: usize = 8;
const ROWS: usize = 500;
const TEST_ROWS: usize = 20;

/// The most columns of a picture.
const PIXELS: usize = 64;

/// Sweeps of EM from random weights: few enough that the likelihood still has a slope, and that the loadings are not
/// orthogonal.
const SWEEPS: usize = 5;

/// The bytes for each column and latent of a draw: its number, what is recorded of it, and their gradients.
const RECORDED: f64 = 32.0;

/// The bytes for each pair of columns: some matrices in double precision.
const MATRICES: f64 = 64.0;

/// The standard deviations of the $q$ of importance sampling, in those of the best factorised normal.
pub(super) const SPREAD: f64 = 1.5;

/// The data, the model, and the exact likelihood of the test rows.
pub(super) struct Problem {
    /// One line about data and model.
    pub(super) description: String,
    pub(super) columns: usize,
    /// Training rows, flat.
    pub(super) train: Vec<f64>,
    /// Test rows, flat.
    pub(super) test: Vec<f64>,
    /// The same model with a standard normal prior, for EM.
    pub(super) ppca: Ppca,
    pub(super) of_ppca: Params<f64>,
    /// Its $q$ is the best factorised normal.
    pub(super) model: LinearFactors,
    /// The same model with a wider $q$, for importance sampling.
    pub(super) wide: LinearFactors,
    pub(super) params: Params<f64>,
    /// $\ln p(x)$ of each test row.
    pub(super) exact: Vec<f64>,
}

impl Problem {
    /// The problem on these data.
    ///
    /// # Errors
    /// If there are not enough rows or columns.
    pub(super) fn new(split: &Split, args: &LikelihoodArgs) -> anyhow::Result<Self> {
        let blocks = Blocks::of(&split.train);
        let columns = blocks.columns();
        if columns < 2 {
            return Err(usage_error("likelihood needs data of at least two columns"));
        }
        let latents = args.latent_dim.unwrap_or(LATENTS.min(columns / 2));
        if latents >= columns {
            return Err(usage_error(format!(
                "--latent-dim is {latents}; it must be less than the {columns} columns of the data"
            )));
        }
        let threads = rayon::current_num_threads() as f64;
        let recorded = args.num_samples as f64 * (columns + latents) as f64 * RECORDED * threads;
        check_memory("--num-samples draws on each thread", recorded)?;
        check_memory("the covariance of the columns", (columns * columns) as f64 * MATRICES)?;
        let part = |table: &Table, given: Option<usize>, [default, least]: [usize; 2], of: &str| {
            let rows = given.unwrap_or(default.min(table.len()));
            if table.len() < rows || rows < least {
                return Err(usage_error(format!(
                    "likelihood cannot use {} {of} rows: the data have {} ({}), and at least {least} are needed",
                    rows.max(least),
                    table.len(),
                    split.description
                )));
            }
            Ok((0..rows).flat_map(|i| blocks.average(table.row(i))).collect::<Vec<f64>>())
        };
        let train = part(&split.train, args.rows, [ROWS, 20], "training")?;
        let test = part(&split.test, args.test_rows, [TEST_ROWS, 2], "test")?;
        let rows = train.len() / columns;
        if train.iter().chain(&test).any(|x| !x.is_finite()) {
            return Err(usage_error("the data have cells that are no finite numbers"));
        }
        let rng = &mut seed::rng(args.seed, Stream::Init, 0);
        let (ppca, of_ppca) = near_data(&train, rows, [columns, latents], rng)?;
        let mut params = Params::new();
        let model = LinearFactors::new(&mut params, columns, latents, rng);
        let numbers = |id| of_ppca.get(id);
        let log_noise = numbers(ppca.log_noise())[0];
        model.set_unit_loadings(
            &mut params,
            numbers(ppca.weights()),
            numbers(ppca.loc()),
            log_noise,
        );
        let exact = log_likelihoods(&model, &params, &test, columns);
        let words = blocks.words();
        let description = format!(
            "probabilistic PCA with {latents} latents on {rows} rows of {columns} columns{words}, {SWEEPS} sweeps of EM from random \
             weights, loadings rotated by varimax"
        );
        let wide = model.with_spread(SPREAD);
        Ok(Self { wide, description, columns, train, test, ppca, of_ppca, model, params, exact })
    }

    /// The number of training rows.
    pub(super) fn rows(&self) -> usize {
        self.train.len() / self.columns
    }

    /// The test row of an index.
    pub(super) fn row(&self, i: usize) -> &[f64] {
        &self.test[i * self.columns..(i + 1) * self.columns]
    }
}

/// A model after some sweeps of EM from random weights.
fn near_data(
    train: &[f64],
    rows: usize,
    [columns, latents]: [usize; 2],
    rng: &mut Xoshiro256PlusPlus,
) -> anyhow::Result<(Ppca, Params<f64>)> {
    let mut params = Params::new();
    let model = Ppca::new(&mut params, columns, latents, rng);
    let column = |j: usize| train.iter().skip(j).step_by(columns);
    let means: Vec<f64> = (0..columns).map(|j| column(j).sum::<f64>() / rows as f64).collect();
    let squares = train.iter().zip(means.iter().cycle()).map(|(x, mean)| (x - mean).powi(2));
    let variance = squares.sum::<f64>() / train.len() as f64;
    if variance <= 0.0 {
        return Err(usage_error("all rows of the data are equal: there is nothing to learn"));
    }
    params.get_mut(model.loc()).copy_from_slice(&means);
    params.get_mut(model.log_noise())[0] = variance.ln();
    for _ in 0..SWEEPS {
        model.em_step(&mut params, train, rows);
    }
    // The likelihood does not change. The factorised q gets closer to the posterior, but not all the way.
    let rotated = varimax(params.get(model.weights()), latents, false).loadings;
    params.get_mut(model.weights()).copy_from_slice(&rotated);
    Ok((model, params))
}

/// $\ln p(x)$ of each row.
pub(super) fn log_likelihoods<M: Tractable<f64>>(
    model: &M,
    params: &Params<f64>,
    rows: &[f64],
    columns: usize,
) -> Vec<f64> {
    let tape = Tape::new();
    let x = tape.constant(rows, [rows.len() / columns, columns]);
    model.log_prob(params.on(&tape), x).value().values().to_vec()
}

/// The mean of $\ln p(x)$ over rows.
pub(super) fn mean_log_likelihood<M: Tractable<f64>>(
    model: &M,
    params: &Params<f64>,
    rows: &[f64],
    columns: usize,
) -> f64 {
    let found = log_likelihoods(model, params, rows, columns);
    found.iter().sum::<f64>() / found.len() as f64
}

/// Pictures in blocks of pixels; other rows stay as they are.
struct Blocks {
    height: usize,
    width: usize,
    side: usize,
}

impl Blocks {
    fn of(table: &Table) -> Self {
        let (height, width) = table.image().unwrap_or((1, table.columns()));
        let fits = |side: &usize| height.div_ceil(*side) * width.div_ceil(*side) <= PIXELS;
        let side = if table.image().is_some() { (1..).find(fits).unwrap_or(1) } else { 1 };
        Self { height, width, side }
    }

    fn columns(&self) -> usize {
        self.height.div_ceil(self.side) * self.width.div_ceil(self.side)
    }

    /// The mean of each block of a row.
    fn average(&self, row: &[f32]) -> Vec<f64> {
        let &Self { height, width, side } = self;
        let across = width.div_ceil(side);
        let (mut sums, mut counts) = (vec![0.0; self.columns()], vec![0.0; self.columns()]);
        for (i, &x) in row.iter().enumerate().take(height * width) {
            let block = (i / width / side) * across + (i % width) / side;
            sums[block] += f64::from(x);
            counts[block] += 1.0;
        }
        sums.iter().zip(&counts).map(|(sum, count)| sum / count).collect()
    }

    fn words(&self) -> String {
        match self.side {
            1 => String::new(),
            side => format!(" (blocks of {side}×{side} pixels)"),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::args::tests::few;
    use super::*;

    /// A problem of few rows, with so many latents, on six noisy columns that the test makes itself: the noise is wide,
    /// so that draws of the prior work.
    pub(in super::super) fn small(latents: usize) -> Problem {
        let value = |i: usize, j: usize| {
            let t = i as f64 * 0.7 + j as f64;
            (0.4 * (t * 1.3).sin() * (1.0 + j as f64 * 0.2) + (t * 7.1).cos()) as f32
        };
        let table = |rows: usize, from: usize| {
            let values = (from..from + rows).flat_map(|i| (0..6).map(move |j| value(i, j)));
            Table::new(values.collect(), 6).expect("whole rows")
        };
        let description = String::new();
        let split = Split { train: table(60, 0), test: table(6, 60), description };
        let args = LikelihoodArgs { latent_dim: Some(latents), ..few() };
        Problem::new(&split, &args).expect("a problem")
    }

    /// The prior's parameters stand for the lengths of the loadings: both models have the same likelihood.
    #[test]
    fn both_forms_of_the_model_have_one_likelihood() {
        let problem = small(2);
        let of_ppca =
            log_likelihoods(&problem.ppca, &problem.of_ppca, &problem.test, problem.columns);
        let pairs = of_ppca.iter().zip(&problem.exact);
        pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-12));
    }

    #[test]
    fn pictures_are_averaged_over_blocks() {
        let table = Table::new((0..90).map(|x| x as f32).collect(), 90)
            .and_then(|table| table.with_image(9, 10))
            .expect("a picture");
        let blocks = Blocks::of(&table);
        assert_eq!((blocks.side, blocks.columns()), (2, 25));
        let row = blocks.average(table.row(0));
        // The corner block has 0, 1, 10, 11; the last one 88 and 89.
        assert_eq!((row[0], row[24]), (5.5, 88.5));
    }
}
