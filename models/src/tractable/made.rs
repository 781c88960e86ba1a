//! The masked autoencoder as a density.

#[cfg(test)]
mod tests;

use super::log_odds::write_log_odds;
use crate::RandomSource;
use crate::capability::Tractable;
use crate::nn::{Linear, apply};
use crate::params::{Bound, Init, ParamId, Params};
use crate::seed::uniform_below;
use pathscore_autodiff::{Activation, Scalar, Tape, Var};
use rand::Rng;

/// The masked autoencoder for distribution estimation of bits (MADE; Germain, Gregor, Murray and Larochelle 2015).
///
/// A multilayer perceptron gives all logits $\eta_d$ of $p(x_d = 1 \mid x_e, e \prec d)$ in one pass, because masks of zeros and ones on
/// its weights leave output $d$ only paths from the columns before it in an order $\prec$. Columns have degrees, their places in the
/// order from one to $D$; hidden units have degrees from one to $D - 1$, spread evenly over each layer. A weight remains from a unit to
/// one of the same degree or a higher one, and to an output of a higher degree. So $\ln p(x) = \sum_d \ln \mathrm{Bernoulli}(x_d;
/// \eta_d)$ is exact, and all $2^D$ rows sum to one.
///
/// Several orders share the weights under different masks. The model is then the mixture of their distributions,
///
/// $$p(x) = \frac1K \sum_{k=1}^K p_k(x), \quad \nabla \ln p(x) = \sum_k r_k \nabla \ln p_k(x), \quad r_k = \frac{p_k(x)}{\sum_l p_l(x)},$$
///
/// which is a distribution too. An average of the *logits* over orders is none: its sum over all rows is not one. The
/// first order is that of the data, and the others are drawn when the model is made. The cost grows with $K$.
///
/// The parameters are called `0.weight`, `0.bias`, `1.weight`, …; masked weights have no effect and no gradient.
///
/// ```
/// use pathscore_autodiff::{Activation, Tape};
/// use pathscore_models::{Params, Tractable, seed, tractable::Made};
/// let (mut params, rng) = (Params::<f64>::new(), &mut seed::rng(0, seed::Stream::Init, 0));
/// let model = Made::new(&mut params, 3, &[8, 8], 2, Activation::Relu, rng);
/// let tape = Tape::new();
/// let bits: Vec<f64> = (0..24).map(|i| f64::from(((i / 3) >> (i % 3)) & 1)).collect();
/// let mass = model.log_prob(params.on(&tape), tape.constant(&bits, [8, 3])).exp().sum();
/// assert!((mass.item() - 1.0).abs() < 1e-15);
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "masked autoencoder")]
pub struct Made {
    /// The weight of the first layer. The parameters of the layers follow one another.
    first: ParamId,
    /// The degrees of the units of each hidden layer.
    degrees: Vec<Vec<u32>>,
    activation: Activation,
    orders: Vec<Vec<usize>>,
    /// The degrees of the columns in each order.
    places: Vec<Vec<u32>>,
}

impl Made {
    /// A model of rows of `columns` bits with these hidden widths and so many orders. Weights have their initial values by [`Init::He`]
    /// for relu and by [`Init::Glorot`] for other activations, and biases are zero.
    ///
    /// # Panics
    /// If there is no order, no hidden layer, or a layer without units.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        columns: usize,
        hidden: &[usize],
        orders: usize,
        activation: Activation,
        rng: &mut R,
    ) -> Self {
        assert!(orders > 0, "a MADE needs an order of its columns");
        assert!(!hidden.is_empty() && !hidden.contains(&0), "a MADE needs hidden units in a layer");
        let mut all: Vec<Vec<usize>> = vec![(0..columns).collect()];
        while all.len() < orders {
            let mut order: Vec<usize> = (0..columns).collect();
            for last in (1..columns).rev() {
                order.swap(last, uniform_below(rng, last + 1));
            }
            all.push(order);
        }
        let init = if activation == Activation::Relu { Init::He } else { Init::Glorot };
        let first = params.next_id();
        for i in 0..=hidden.len() {
            let n = if i == 0 { columns } else { hidden[i - 1] };
            let m = hidden.get(i).copied().unwrap_or(columns);
            Linear::new(params, &i.to_string(), [n, m], init, rng);
        }
        let places = all.iter().map(|order| places(order)).collect();
        // A single column depends on nothing, and neither do units of degree zero.
        let degree = |unit, width| if columns < 2 { 0 } else { 1 + unit * (columns - 1) / width };
        let of_layer = |&width: &usize| (0..width).map(|k| degree(k, width) as u32).collect();
        let degrees = hidden.iter().map(of_layer).collect();
        Self { first, degrees, activation, orders: all, places }
    }

    /// Sets the biases of the outputs to the log-odds $\ln \frac{p}{1 - p}$ of the means $p$ of the columns, clamped to $[0.001, 0.999]$,
    /// so that a training begins near independent columns.
    ///
    /// # Panics
    /// If there is not one mean for each column.
    pub fn set_bias<F: Scalar>(&self, params: &mut Params<F>, means: &[f64]) {
        write_log_odds(params.get_mut(self.layer(self.depth() - 1).bias), means);
    }

    /// The number of columns, $D$.
    pub fn columns(&self) -> usize {
        self.orders[0].len()
    }

    /// The orders, each a list of all columns, the one that depends on no other first.
    pub fn orders(&self) -> &[Vec<usize>] {
        &self.orders
    }

    /// The logits of $p_k(x_d = 1 \mid x_e, e \prec d)$ in order $k$ for every column of rows `x`, of the shape `[rows, columns]`.
    ///
    /// # Panics
    /// If there is no such order, or the rows have another number of columns.
    #[track_caller]
    pub fn logits<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        order: usize,
    ) -> Var<'t, F> {
        let last = self.depth() - 1;
        (0..=last).fold(x, |x, i| {
            let activation = if i == last { Activation::Identity } else { self.activation };
            let [weight, bias] = self.masked(params, i, order);
            x.affine(weight, bias, activation)
        })
    }

    /// Independent rows, one behind the other. An order is drawn for each, and then its bits in this order.
    pub fn sample<F: Scalar, R: RandomSource>(
        &self,
        params: &Params<F>,
        count: usize,
        rng: &mut R,
    ) -> Vec<F> {
        let (columns, orders) = (self.columns(), self.orders.len());
        let mut rows = vec![F::ZERO; count * columns];
        let probs = vec![1.0 / orders as f64; orders];
        let mut of_row = |_| if orders == 1 { 0 } else { rng.categorical(&probs) };
        let chosen: Vec<usize> = (0..count).map(&mut of_row).collect();
        for order in 0..orders {
            let places: Vec<usize> = (0..count).filter(|&i| chosen[i] == order).collect();
            let found = self.sample_in(params, order, places.len(), rng);
            for (&i, row) in places.iter().zip(found.chunks_exact(columns.max(1))) {
                rows[i * columns..(i + 1) * columns].copy_from_slice(row);
            }
        }
        rows
    }

    /// Rows drawn in one order. The sum in front of the first layer grows by a row of its weight for each bit, and of the last
    /// layer only the next bit is computed.
    fn sample_in<F: Scalar, R: RandomSource>(
        &self,
        params: &Params<F>,
        order: usize,
        count: usize,
        rng: &mut R,
    ) -> Vec<F> {
        let (columns, last) = (self.columns(), self.depth() - 1);
        let (first, output) = (self.layer(0), self.layer(last));
        let weight = params.get(first.weight);
        let (width, inner) = (self.degrees[0].len(), self.degrees[last - 1].len());
        let mut sums = params.get(first.bias).repeat(count);
        let mut rows = vec![F::ZERO; count * columns];
        let mut tape = Tape::new();
        for &d in &self.orders[order] {
            tape.clear();
            let bound = params.on(&tape).detach();
            let sum = tape.constant(&sums, [count, width]);
            let hidden = (1..last).fold(apply(self.activation, sum), |h, i| {
                let [weight, bias] = self.masked(bound, i, order);
                h.affine(weight, bias, self.activation)
            });
            let mask = tape.constant_with([inner, 1], |mask| {
                for (unit, mask) in mask.iter_mut().enumerate() {
                    *mask = one_if(self.connects(last, order, unit, d));
                }
            });
            let [v, b] = [output.weight, output.bias].map(|id| bound.get(id).slice(-1, d..d + 1));
            let logits = hidden.affine(v * mask, b, Activation::Identity);
            let bits = rng.bernoulli_var(logits.sigmoid(), [count, 1].into()).value();
            let each = bits.values().iter().zip(sums.chunks_exact_mut(width));
            for (row, (&bit, sums)) in each.enumerate() {
                rows[row * columns + d] = bit;
                for (unit, sum) in sums.iter_mut().enumerate().filter(|_| bit != F::ZERO) {
                    if self.connects(0, order, d, unit) {
                        *sum += weight[d * width + unit];
                    }
                }
            }
        }
        rows
    }

    /// The number of layers of weights.
    fn depth(&self) -> usize {
        self.degrees.len() + 1
    }

    /// The parameters of layer `i`.
    fn layer(&self, i: usize) -> Linear {
        Linear { weight: self.first.after(2 * i), bias: self.first.after(2 * i + 1) }
    }

    /// The least degree of the units behind layer `layer` that depend on its unit `from`, and the degrees of all of them.
    fn reach(&self, layer: usize, order: usize, from: usize) -> (u32, &[u32]) {
        let places = &self.places[order];
        let degree = if layer == 0 { places[from] } else { self.degrees[layer - 1][from] };
        match self.degrees.get(layer) {
            Some(degrees) => (degree, degrees),
            None => (degree + 1, places),
        }
    }

    /// True if the weight of layer `layer` from unit `from` to unit `to` is not masked.
    fn connects(&self, layer: usize, order: usize, from: usize, to: usize) -> bool {
        let (least, degrees) = self.reach(layer, order, from);
        least <= degrees[to]
    }

    /// The masked weight of a layer, and its bias.
    fn masked<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        layer: usize,
        order: usize,
    ) -> [Var<'t, F>; 2] {
        let Linear { weight, bias } = self.layer(layer);
        let weight = params.get(weight);
        let width = weight.shape()[1];
        let mask = params.tape().constant_with(weight.shape(), |mask| {
            for (from, mask) in mask.chunks_exact_mut(width).enumerate() {
                let (least, degrees) = self.reach(layer, order, from);
                for (mask, &degree) in mask.iter_mut().zip(degrees) {
                    *mask = one_if(least <= degree);
                }
            }
        });
        [weight * mask, params.get(bias)]
    }
}

/// The degrees of all columns in an order: their places, from one.
fn places(order: &[usize]) -> Vec<u32> {
    let mut places = vec![0; order.len()];
    for (place, &column) in (1..).zip(order) {
        places[column] = place;
    }
    places
}

fn one_if<F: Scalar>(condition: bool) -> F {
    if condition { F::ONE } else { F::ZERO }
}

impl<F: Scalar> Tractable<F> for Made {
    fn log_prob<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let of_order = |order| x.bernoulli_log_prob(self.logits(params, x, order));
        let orders = self.orders.len();
        let sum = (1..orders).fold(of_order(0), |sum, order| sum.log_add_exp(of_order(order)));
        if orders == 1 { sum } else { sum - F::from_f64((orders as f64).ln()) }
    }
}
