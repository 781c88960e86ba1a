//! The neural autoregressive distribution estimator.

#[cfg(test)]
mod tests;

use super::log_odds::write_log_odds;
use crate::RandomSource;
use crate::capability::Tractable;
use crate::params::{Bound, Init, ParamId, Params};
use pathscore_autodiff::vector::{dispatch, sum_by};
use pathscore_autodiff::{Scalar, Var};
use rand::Rng;

/// The neural autoregressive distribution estimator of bits (NADE; Larochelle and Murray 2011):
///
/// $$\ln p(x) = \sum_{d=1}^D \ln p(x_d \mid x_1, \dots, x_{d-1}), \quad
/// p(x_d = 1 \mid x_1, \dots, x_{d-1}) = \sigma\Big(b_d + V_d^\top \sigma\Big(c + \sum_{e \lt d} x_e W_e\Big)\Big)$$
///
/// The conditionals share their weights, so that a column adds one term to the running sum in front of the hidden units and all of a
/// row costs $O(DH)$ ([`Var::nade_logits`], where the derivatives stand). The probabilities of all $2^D$ rows sum to one whatever the
/// parameters are: no normaliser is needed, unlike for the restricted Boltzmann machine from which the model was derived. Columns
/// are taken in the order of the data. Rows that are not bits have no probability; [`Tractable::log_prob`] then is the formula
/// as it stands.
///
/// The parameters are called `hidden.weight` ($W$), `hidden.bias` ($c$), `output.weight` ($V$), both weights of shape
/// `[columns, hidden]`, and `output.bias` ($b$).
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::{Params, Tractable, seed, tractable::Nade};
/// let mut params = Params::<f64>::new();
/// let model = Nade::new(&mut params, 2, 5, &mut seed::rng(0, seed::Stream::Init, 0));
/// let tape = Tape::new();
/// let all = tape.constant(&[0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [4, 2]);
/// let mass = model.log_prob(params.on(&tape), all).exp().sum();
/// assert!((mass.item() - 1.0).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "neural autoregressive distribution estimator")]
pub struct Nade {
    weight: ParamId,
    hidden_bias: ParamId,
    output_weight: ParamId,
    bias: ParamId,
    columns: usize,
    hidden: usize,
}

impl Nade {
    /// A model of rows of `columns` bits with `hidden` hidden units. Weights have their initial values by [`Init::Glorot`], and
    /// biases are zero.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        columns: usize,
        hidden: usize,
        rng: &mut R,
    ) -> Self {
        let shape = [columns, hidden];
        Self {
            weight: params.add("hidden.weight", shape, Init::Glorot, rng),
            hidden_bias: params.add("hidden.bias", [hidden], Init::Constant(0.0), rng),
            output_weight: params.add("output.weight", shape, Init::Glorot, rng),
            bias: params.add("output.bias", [columns], Init::Constant(0.0), rng),
            columns,
            hidden,
        }
    }

    /// Sets the biases $b$ to the log-odds $\ln \frac{p}{1 - p}$ of the means $p$ of the columns, clamped to $[0.001, 0.999]$, so that a
    /// training begins near independent columns.
    ///
    /// # Panics
    /// If there is not one mean for each column.
    pub fn set_bias<F: Scalar>(&self, params: &mut Params<F>, means: &[f64]) {
        write_log_odds(params.get_mut(self.bias), means);
    }

    /// The number of columns, $D$.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The number of hidden units, $H$.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// The id of the weights $W$, of shape `[columns, hidden]`.
    pub fn weights(&self) -> ParamId {
        self.weight
    }

    /// The logits of $p(x_d = 1 \mid x_1, \dots, x_{d-1})$ for every column of rows `x`, of the shape `[rows, columns]`.
    ///
    /// # Panics
    /// If the rows have another number of columns.
    #[track_caller]
    pub fn logits<'t, F: Scalar>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let [w, c, v, b] =
            [self.weight, self.hidden_bias, self.output_weight, self.bias].map(|id| params.get(id));
        x.nade_logits(w, c, v, b)
    }

    /// Independent rows, one behind the other, each drawn bit by bit from the conditionals.
    pub fn sample<F: Scalar, R: RandomSource>(
        &self,
        params: &Params<F>,
        count: usize,
        rng: &mut R,
    ) -> Vec<F> {
        self.complete(params, &[], count, rng)
    }

    /// Independent rows, one behind the other, that begin with the bits of `first`, and whose other bits are drawn from
    /// $p(x_d \mid x_1, \dots, x_{d-1})$: exact draws of the rest of a row given its beginning.
    ///
    /// # Panics
    /// If more bits are given than there are columns.
    pub fn complete<F: Scalar, R: RandomSource>(
        &self,
        params: &Params<F>,
        first: &[F],
        count: usize,
        rng: &mut R,
    ) -> Vec<F> {
        let (columns, given) = (self.columns, first.len());
        assert!(given <= columns, "nade: {given} bits are given of a row of {columns}");
        let [w, c, v, b] =
            [self.weight, self.hidden_bias, self.output_weight, self.bias].map(|id| params.get(id));
        let (mut a, mut h) = (c.to_vec(), vec![F::ZERO; self.hidden]);
        let mut rows = vec![F::ZERO; count * columns];
        for x in rows.chunks_exact_mut(columns.max(1)) {
            a.copy_from_slice(c);
            sigmoid(&a, &mut h);
            for (d, x) in x.iter_mut().enumerate() {
                let cells = d * self.hidden..(d + 1) * self.hidden;
                *x = match first.get(d) {
                    Some(&bit) => bit,
                    None => {
                        let p = (b[d] + dot(&v[cells.clone()], &h)).sigmoid();
                        if rng.bernoulli(p.to_f64()) { F::ONE } else { F::ZERO }
                    }
                };
                if *x != F::ZERO {
                    a.iter_mut().zip(&w[cells]).for_each(|(a, &w)| *a += *x * w);
                    sigmoid(&a, &mut h);
                }
            }
        }
        rows
    }
}

/// $h = \sigma(a)$.
fn sigmoid<F: Scalar>(a: &[F], h: &mut [F]) {
    dispatch(
        #[inline(always)]
        || {
            for (h, &a) in h.iter_mut().zip(a) {
                *h = a.sigmoid();
            }
        },
    );
}

/// $x^\top y$.
fn dot<F: Scalar>(x: &[F], y: &[F]) -> F {
    dispatch(
        #[inline(always)]
        || {
            sum_by(
                [x, y],
                #[inline(always)]
                |[x, y]| x * y,
            )
        },
    )
}

impl<F: Scalar> Tractable<F> for Nade {
    fn log_prob<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        x.bernoulli_log_prob(self.logits(params, x))
    }
}
