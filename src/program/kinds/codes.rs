//! The latents of rows of data, and the rows that latents stand for.

use pathscore::autodiff::{Scalar, Tape, Var};
use pathscore::models::data::Table;
use pathscore::models::dist::{Distribution, Moments};
use pathscore::models::latent::{Decoder, LatentModel};
use pathscore::models::seed::{self, Stream};
use pathscore::models::{Bound, Params};

/// A fitted model that gives rows of data latents.
pub(crate) trait Codes {
    /// The parameters of the posterior of the latents of each row, in the order in which they are written.
    ///
    /// # Errors
    /// If the model cannot find them.
    fn encode(&self, rows: &Table) -> anyhow::Result<Vec<Parameter>>;

    /// $E[x \mid z]$ for every row, flat, where $z$ is the mean of the row's posterior, or with a seed a draw from it.
    ///
    /// # Errors
    /// If the model cannot find the latents, or has no posterior to draw from.
    fn reconstruct(&self, rows: &Table, draw: Option<u64>) -> anyhow::Result<Vec<f64>>;
}

/// A parameter of the posterior: numbers for each latent of each row, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameter {
    /// `loc` and `scale` of real latents, their means and standard deviations; `probs` of bits and of components.
    pub(crate) name: &'static str,
    pub(crate) values: Vec<f64>,
}

/// The parameters that `of` records for some rows. One that all rows share has the shape of its last axes.
pub(crate) fn parameters<F: Scalar, const N: usize>(
    params: &Params<F>,
    rows: &Table,
    of: impl for<'t> Fn(Bound<'t, F>, Var<'t, F>) -> [(&'static str, Var<'t, F>); N],
) -> Vec<Parameter> {
    let tape = Tape::new();
    let found = of(params.on(&tape).detach(), constant(&tape, rows));
    let each = found.into_iter().map(|(name, values)| {
        let count = rows.len() * values.shape().last().copied().unwrap_or(1);
        Parameter { name, values: numbers(values).into_iter().cycle().take(count).collect() }
    });
    each.collect()
}

/// The means and standard deviations of a posterior whose moments are known.
pub(crate) fn moments<F: Scalar, M: LatentModel<F>>(
    model: &M,
    params: &Params<F>,
    rows: &Table,
) -> Vec<Parameter>
where
    for<'t> M::Posterior<'t>: Moments<'t, F>,
{
    parameters(params, rows, |params, x| {
        let q = model.posterior(params, x);
        [("loc", q.mean()), ("scale", q.std())]
    })
}

/// The mean of each row's posterior, as the model encodes it, or with a seed a draw from the posterior; flat.
pub(crate) fn latents<F: Scalar, M: Decoder<F>>(
    model: &M,
    params: &Params<F>,
    rows: &Table,
    draw: Option<u64>,
) -> Vec<F> {
    let tape = Tape::new();
    let (params, x) = (params.on(&tape).detach(), constant(&tape, rows));
    let z = match draw {
        None => model.encode(params, x),
        Some(seed) => model.posterior(params, x).sample(1, &mut seed::rng(seed, Stream::Sample, 0)),
    };
    z.value().values().to_vec()
}

/// $E[x \mid z]$ of some latents, flat.
pub(crate) fn decode<F: Scalar, M: Decoder<F>>(model: &M, params: &Params<F>, z: &[F]) -> Vec<f64> {
    let (tape, latents) = (Tape::new(), model.latents());
    let z = tape.constant(z, [z.len() / latents, latents]);
    numbers(model.mean(params.on(&tape).detach(), z))
}

/// Rows of data on a tape.
pub(crate) fn constant<'t, F: Scalar>(tape: &'t Tape<F>, rows: &Table) -> Var<'t, F> {
    tape.constant_with([rows.len(), rows.columns()], |x| {
        x.iter_mut().zip(rows.values()).for_each(|(x, &value)| *x = F::from(value));
    })
}

/// Numbers in double precision.
pub(crate) fn numbers<F: Scalar>(x: Var<F>) -> Vec<f64> {
    x.with(|x| x.iter().map(|x| x.to_f64()).collect())
}
