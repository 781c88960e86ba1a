//! Rows of which some cells are missing: NaN stands for a number that nobody has seen.

#[cfg(test)]
mod tests;

use super::Ppca;
use super::fit::{Values, held};
use crate::capability::Em;
use crate::params::{Bound, Params};
use crate::tractable::rows::scaled_identity;
use pathscore_autodiff::{CholeskyFactor, Scalar, Tape, Var};

/// The number of rows whose moments are held at a time.
const BLOCK: usize = 256;

/// Some rows with what their observed cells say.
struct Observed<'t, F> {
    /// One for an observed cell, zero for a missing one.
    mask: Var<'t, F>,
    /// $x - \mu$, and zero where a cell is missing.
    centred: Var<'t, F>,
    /// $M_n = W_O^\top W_O + \sigma^2 I$ for each row, of shape `[batch, latents, latents]`.
    inner: CholeskyFactor<'t, F>,
    /// The posterior means, of shape `[batch, latents]`.
    z: Var<'t, F>,
}

impl<'t, F: Scalar> Observed<'t, F> {
    /// `None` if an $M_n$ is not positive definite.
    fn new(x: Var<'t, F>, [weights, mean, noise]: [Var<'t, F>; 3]) -> Option<Self> {
        let (tape, shape) = (x.tape(), weights.shape());
        let (d, n, rows) = (shape[0], shape[1], x.shape()[0]);
        let missing = |x: &F| if x.to_f64().is_nan() { F::ZERO } else { F::ONE };
        let mask: Vec<F> = x.with(|x| x.iter().map(missing).collect());
        let mask = tape.constant(&mask, [rows, d]);
        let centred = mask.select(x - mean, x.constant(0.0));
        let outer = weights.reshape([d, n, 1]) * weights.reshape([d, 1, n]);
        let identity: Vec<F> = scaled_identity(n, 1.0).into_iter().map(F::from_f64).collect();
        let products = mask.matmul(outer.reshape([d, n * n])).reshape([rows, n, n]);
        let inner = products + noise * tape.constant(&identity, [n, n]);
        let inner = inner.factor_cholesky().ok()?;
        let z = inner.solve(centred.matmul(weights).reshape([rows, n, 1])).reshape([rows, n]);
        Some(Self { mask, centred, inner, z })
    }

    /// $\ln p(x_O)$ for every row.
    fn log_prob(&self, weights: Var<'t, F>, log_noise: Var<'t, F>) -> Var<'t, F> {
        let Self { mask, centred, inner, z } = *self;
        let latents = weights.shape()[1] as f64;
        let residual = centred - mask * z.matmul_with(false, weights, true);
        let distance = residual.sum_squares(-1) * (-log_noise).exp() + z.sum_squares(-1);
        let count = mask.sum_axis(-1);
        let log_det = inner.log_det() + (count - F::from_f64(latents)) * log_noise;
        let constant = count * F::from_f64(std::f64::consts::TAU.ln());
        (distance + log_det + constant) * F::from_f64(-0.5)
    }
}

impl Ppca {
    /// $\ln p(x_O)$ for every row of `x`, where $O$ are its cells that are not NaN: the exact marginal density $\mathcal N(x_O;
    /// \mu_O, W_O W_O^\top + \sigma^2 I)$, from `[batch, columns]` to `[batch]`. The gradient flows to the parameters and to the
    /// observed cells.
    ///
    /// With $M_n = W_O^\top W_O + \sigma^2 I$ it is computed as [`Tractable::log_prob`](crate::Tractable::log_prob) is, of which it
    /// has the values where nothing is missing; a row without any observed cell has the value zero. A row takes $O(DL^2 + L^3)$
    /// operations. If an $M_n$ is not positive definite in this precision, all results are NaN.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::{Params, seed, tractable::Ppca};
    /// let mut params = Params::<f64>::new();
    /// let model = Ppca::new(&mut params, 2, 1, &mut seed::rng(0, seed::Stream::Init, 0));
    /// params.get_mut(model.weights()).copy_from_slice(&[1.0, 2.0]);
    /// let tape = Tape::new();
    /// let rows = tape.constant(&[f64::NAN, 0.5, f64::NAN, f64::NAN], [2, 2]);
    /// let found = model.observed_log_prob(params.on(&tape), rows).value();
    /// // The second column alone has the variance 2² + 1.
    /// let expected = -0.5 * (0.25 / 5.0 + (5.0 * std::f64::consts::TAU).ln());
    /// assert!((found.values()[0] - expected).abs() < 1e-15);
    /// assert!(found.values()[1].abs() < 1e-15);
    /// ```
    pub fn observed_log_prob<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
    ) -> Var<'t, F> {
        let [weights, mean, log_noise] =
            [self.weights, self.mean, self.log_noise].map(|id| params.get(id));
        match Observed::new(x, [weights, mean, log_noise.exp()]) {
            Some(observed) => observed.log_prob(weights, log_noise),
            None => x.sum_axis(-1) * F::from_f64(f64::NAN),
        }
    }

    /// Does one step of expectation maximisation on the cells of `x` that are not NaN, and returns the mean of $\ln p(x_O)$ over
    /// the rows before the step, which never falls from step to step, up to rounding.
    ///
    /// If nothing is missing, it is [`Em::em_step`]. Otherwise the latents are the missing data, and the M step is a regression of
    /// each column on the latents of the rows in which it is observed (Ilin and Raiko 2010): with the posterior moments of
    /// $\tilde z = (z, 1)$ it is $(w_j, \mu_j) = (\sum_n E[\tilde z_n \tilde z_n^\top])^{-1} \sum_n x_{nj} E[\tilde z_n]$, and
    /// $\sigma^2$ is the mean of $E[(x_{nj} - w_j^\top z_n - \mu_j)^2]$ over all observed cells, held as in [`Ppca::closed_form`].
    /// The pattern of missing cells must not depend on the numbers in them. The parameters of a column without observed cells stay. All is
    /// computed in double precision; a step takes $O(NDL^2)$ operations.
    ///
    /// # Panics
    /// If `x` does not hold `rows` rows of the model's columns, if there are no rows, or if no cell is observed.
    ///
    /// ```
    /// use pathscore_models::{Params, seed, tractable::Ppca};
    /// // Points near a line, one of them seen in one column only.
    /// let x = [0.0, 0.1, 1.0, 0.9, 2.0, f64::NAN, 3.0, 2.9, 4.0, 4.2];
    /// let mut params = Params::<f64>::new();
    /// let model = Ppca::new(&mut params, 2, 1, &mut seed::rng(0, seed::Stream::Init, 0));
    /// let first = model.observed_em_step(&mut params, &x, 5);
    /// for _ in 0..500 {
    ///     model.observed_em_step(&mut params, &x, 5);
    /// }
    /// assert!(model.observed_em_step(&mut params, &x, 5) > first);
    /// let whole = model.impute(&params, &x, 5);
    /// assert!((whole[5] - 2.0).abs() < 0.1, "{whole:?}");
    /// ```
    #[track_caller]
    pub fn observed_em_step<F: Scalar>(&self, params: &mut Params<F>, x: &[F], rows: usize) -> f64 {
        let missing = x.iter().filter(|x| x.to_f64().is_nan()).count();
        assert!(
            rows > 0 && x.len() == rows * self.columns && missing < x.len(),
            "ppca: {} values, of which {missing} are missing, are not {rows} rows of {}, or none is observed",
            x.len(),
            self.columns
        );
        if missing == 0 {
            return self.em_step(params, x, rows);
        }
        let now = self.read(params);
        let (next, log_prob) = step::<F>(&now, x, self.latents);
        if let Some(next) = next {
            self.write(params, &next);
        }
        log_prob
    }

    /// The `rows` rows of `x` with every NaN replaced by its mean given the observed cells of its row, $E[x_{nj} \mid x_O] = \mu_j +
    /// w_j^\top E[z \mid x_O]$. If the posterior cannot be computed in this precision, the cells stay NaN.
    ///
    /// # Panics
    /// If `x` does not hold `rows` rows of the model's columns.
    #[track_caller]
    pub fn impute<F: Scalar>(&self, params: &Params<F>, x: &[F], rows: usize) -> Vec<F> {
        let tape = Tape::new();
        let params = params.on(&tape).detach();
        let [weights, mean, log_noise] =
            [self.weights, self.mean, self.log_noise].map(|id| params.get(id));
        let rows = tape.constant(x, [rows, self.columns]);
        let Some(observed) = Observed::new(rows, [weights, mean, log_noise.exp()]) else {
            return x.to_vec();
        };
        let expected = observed.z.matmul_with(false, weights, true) + mean;
        observed.mask.select(rows, expected).value().values().to_vec()
    }
}

/// Sums over rows that determine the regression of each column on $\tilde z = (z, 1)$.
struct Sums {
    /// $\sum_n E[\tilde z_n \tilde z_n^\top]$ over the rows in which a column is observed.
    second: Vec<f64>,
    /// $\sum_n x_{nj} E[\tilde z_n]$ of centred cells.
    first: Vec<f64>,
    /// $\sum_n x_{nj}^2$ of centred cells.
    squares: Vec<f64>,
    /// The number of observed cells of each column.
    counts: Vec<f64>,
    /// The sum of the centred cells of each column.
    totals: Vec<f64>,
    log_prob: f64,
}

/// The parameters after one step, and the mean of $\ln p(x_O)$ before it.
pub(super) fn step<F: Scalar>(now: &Values, x: &[F], latents: usize) -> (Option<Values>, f64) {
    let d = now.mean.len();
    let rows = x.len() / d;
    let Some(sums) = sums(now, x, latents) else { return (None, f64::NAN) };
    let log_prob = sums.log_prob / rows as f64;
    (regressions::<F>(now, &sums, latents), log_prob)
}

fn sums<F: Scalar>(now: &Values, x: &[F], n: usize) -> Option<Sums> {
    let (d, m) = (now.mean.len(), n + 1);
    let zeros = |size: usize| vec![0.0; size];
    let mut sums = Sums {
        second: zeros(d * m * m),
        first: zeros(d * m),
        squares: zeros(d),
        counts: zeros(d),
        totals: zeros(d),
        log_prob: 0.0,
    };
    let add = |to: &mut [f64], from: Var<f64>| {
        from.with(|from| to.iter_mut().zip(from).for_each(|(to, x)| *to += x));
    };
    let mut tape = Tape::new();
    for block in x.chunks(BLOCK * d) {
        {
            let rows = block.len() / d;
            let x = tape.constant_with([rows, d], |out| {
                out.iter_mut().zip(block).for_each(|(out, x)| *out = x.to_f64());
            });
            let weights = tape.constant(&now.weights, [d, n]);
            let mean = tape.constant(&now.mean, [d]);
            let observed = Observed::new(x, [weights, mean, tape.constant(&[now.noise], [])])?;
            let log_noise = tape.constant(&[now.noise.ln()], []);
            sums.log_prob += observed.log_prob(weights, log_noise).sum().item();
            let Observed { mask, centred, inner, z } = observed;
            // E[z̃ z̃ᵀ] is the outer product of the means and, for z, the covariance σ² M⁻¹.
            let spread = (inner.inverse() * now.noise).pad(-1, 0, 1).pad(-2, 0, 1);
            let means = Var::concat(&[z, tape.constant(&vec![1.0; rows], [rows, 1])], -1);
            let outer = means.reshape([rows, m, 1]) * means.reshape([rows, 1, m]);
            let second = (outer + spread).reshape([rows, m * m]);
            add(&mut sums.second, mask.matmul_with(true, second, false));
            add(&mut sums.first, centred.matmul_with(true, means, false));
            add(&mut sums.squares, centred.sum_squares(0));
            add(&mut sums.counts, mask.sum_axis(0));
            add(&mut sums.totals, centred.sum_axis(0));
        }
        tape.clear();
    }
    Some(sums)
}

fn regressions<F: Scalar>(now: &Values, sums: &Sums, n: usize) -> Option<Values> {
    let (d, m) = (now.mean.len(), n + 1);
    let (mut weights, mut mean) = (now.weights.clone(), now.mean.clone());
    let (mut rest, mut spread) = (0.0, 0.0);
    let mut tape = Tape::new();
    for j in (0..d).filter(|&j| sums.counts[j] > 0.0) {
        let first = &sums.first[j * m..(j + 1) * m];
        let second = &sums.second[j * m * m..(j + 1) * m * m];
        let found = tape
            .constant(second, [m, m])
            .factor_cholesky()
            .ok()?
            .solve(tape.constant(first, [m, 1]))
            .value();
        let found = found.values();
        weights[j * n..(j + 1) * n].copy_from_slice(&found[..n]);
        mean[j] += found[n];
        let explained: f64 = found.iter().zip(first).map(|(a, b)| a * b).sum();
        rest += sums.squares[j] - explained;
        spread += sums.squares[j] - sums.totals[j] * sums.totals[j] / sums.counts[j];
        tape.clear();
    }
    let cells: f64 = sums.counts.iter().sum();
    let noise = held::<F>(rest / cells, spread / cells);
    Some(Values { weights, mean, noise })
}
