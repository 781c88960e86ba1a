//! The multilayer perceptron.

use super::Linear;
use crate::params::{Bound, Init, ParamId, Params};
use pathscore_autodiff::{Activation, Scalar, Var};
use rand::Rng;

/// A multilayer perceptron: affine layers with an activation between them and none behind the last.
#[derive(Clone, Copy, Debug)]
pub struct Mlp {
    /// The weight of the first layer. The parameters of the layers follow one another.
    first: ParamId,
    depth: usize,
    activation: Activation,
}

impl Mlp {
    /// A network with these widths, input first. A network with one width is the identity.
    ///
    /// Weights are initialised by [`Init::He`] for relu and by [`Init::Glorot`] for other activations.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        name: &str,
        widths: &[usize],
        activation: Activation,
        rng: &mut R,
    ) -> Self {
        let init = if activation == Activation::Relu { Init::He } else { Init::Glorot };
        let (first, depth) = (params.next_id(), widths.len().saturating_sub(1));
        for (i, pair) in widths.windows(2).enumerate() {
            Linear::new(params, &format!("{name}.{i}"), [pair[0], pair[1]], init, rng);
        }
        Self { first, depth, activation }
    }

    /// The layers, input first.
    pub fn layers(self) -> impl ExactSizeIterator<Item = Linear> {
        (0..self.depth).map(move |i| Linear {
            weight: self.first.after(2 * i),
            bias: self.first.after(2 * i + 1),
        })
    }

    /// The network of the same form whose parameters lie behind those of `count` others from this one on.
    pub(crate) fn after(self, count: usize) -> Self {
        Self { first: self.first.after(2 * self.depth * count), ..self }
    }

    /// Sets the weights of the outputs from number `from` on to zero, as their biases are, so that the network begins with zeros there.
    pub(crate) fn clear_outputs<F: Scalar>(self, params: &mut Params<F>, from: usize) {
        let Some(last) = self.layers().last() else { return };
        let outputs = params.get(last.bias).len();
        for row in params.get_mut(last.weight).chunks_exact_mut(outputs) {
            row[from..].fill(F::ZERO);
        }
    }

    /// The last width. Only a network with layers has one of its own.
    pub(crate) fn outputs<F: Scalar>(self, params: Bound<'_, F>) -> Option<usize> {
        let last = self.depth.checked_sub(1)?;
        params.get(self.first.after(2 * last + 1)).shape().last().copied()
    }

    /// Applies the network to rows of shape `[…, first width]`; the result has shape `[…, last width]`.
    ///
    /// # Panics
    /// If the last axis of `x` is not the first width.
    #[track_caller]
    pub fn forward<'t, F: Scalar>(self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let last = self.depth.saturating_sub(1);
        self.layers().enumerate().fold(x, |x, (i, layer)| {
            let activation = if i == last { Activation::Identity } else { self.activation };
            layer.forward(params, x, activation)
        })
    }
}
