//! The multilayer perceptron.

use super::Linear;
use crate::params::{Bound, Init, Params};
use pathscore_autodiff::{Activation, Scalar, Var};
use rand::Rng;

/// Affine layers with an activation between them and none behind the last.
#[derive(Clone, Debug)]
pub struct Mlp {
    layers: Vec<Linear>,
    activation: Activation,
}

impl Mlp {
    /// A network through these widths, input first; with one width, the identity.
    ///
    /// Weights begin by [`Init::He`] for relu and [`Init::Glorot`] for the others.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        name: &str,
        widths: &[usize],
        activation: Activation,
        rng: &mut R,
    ) -> Self {
        let init = if activation == Activation::Relu { Init::He } else { Init::Glorot };
        let layers = widths
            .windows(2)
            .enumerate()
            .map(|(i, pair)| {
                Linear::new(params, &format!("{name}.{i}"), [pair[0], pair[1]], init, rng)
            })
            .collect();
        Self { layers, activation }
    }

    /// The layers, input first.
    pub fn layers(&self) -> &[Linear] {
        &self.layers
    }

    /// The network applied to rows.
    #[track_caller]
    pub fn forward<'t, F: Scalar>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let last = self.layers.len().saturating_sub(1);
        self.layers.iter().enumerate().fold(x, |x, (i, layer)| {
            let activation = if i == last { Activation::Identity } else { self.activation };
            layer.forward(params, x, activation)
        })
    }
}
