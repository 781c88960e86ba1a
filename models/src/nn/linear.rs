//! The affine layer.

use crate::params::{Bound, Init, ParamId, Params};
use pathscore_autodiff::{Activation, Scalar, Var};
use rand::Rng;

/// The affine layer $f(xW + b)$, with $W$ of shape `[n, m]` and $b$ of shape `[m]`.
///
/// ```
/// use pathscore_autodiff::{Activation, Tape};
/// use pathscore_models::{Init, Params, nn::Linear, seed};
/// let mut params = Params::<f64>::new();
/// let layer = Linear::new(&mut params, "layer", [3, 2], Init::Glorot, &mut seed::rng(0, seed::Stream::Init, 0));
/// let tape = Tape::new();
/// let bound = params.on(&tape);
/// let y = layer.forward(bound, tape.constant(&[0.0; 6], [2, 3]), Activation::Identity);
/// assert_eq!(y.value().values(), [0.0; 4]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Linear {
    /// The id of $W$.
    pub weight: ParamId,
    /// The id of $b$, which is zero at first.
    pub bias: ParamId,
}

impl Linear {
    /// A layer from `n` to `m` columns; its parameters are called `name.weight` and `name.bias`.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        name: &str,
        [n, m]: [usize; 2],
        init: Init,
        rng: &mut R,
    ) -> Self {
        Self {
            weight: params.add(format!("{name}.weight"), [n, m], init, rng),
            bias: params.add(format!("{name}.bias"), [m], Init::Constant(0.0), rng),
        }
    }

    /// $f(xW + b)$ for rows $x$ of shape `[…, n]`; the result has shape `[…, m]`.
    ///
    /// # Panics
    /// If the last axis of `x` has another length than `n`.
    #[track_caller]
    pub fn forward<'t, F: Scalar>(
        self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        activation: Activation,
    ) -> Var<'t, F> {
        x.affine(params.get(self.weight), params.get(self.bias), activation)
    }
}
