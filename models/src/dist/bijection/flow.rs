//! Flows: layers of affine maps whose coefficients are networks of other coordinates.

use super::Bijection;
use crate::dist::Support;
use crate::dist::shapes::sum_last;
use crate::nn::{Mask, MaskedMlp};
use crate::params::{Bound, Params};
use pathscore_autodiff::{Activation, Scalar, Shape, Var};
use rand::Rng;

/// The largest magnitude of a logarithm of a scale in a layer of a flow: $e^{\pm 2}$ lets a few layers reach any scale, and no
/// step of a training can make one overflow.
const LOG_SCALE_LIMIT: f64 = 2.0;

/// The coordinates on which the coefficients of a layer of a flow depend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlowKind {
    /// Affine coupling (RealNVP; Dinh, Sohl-Dickstein and Bengio 2017): one half of the coordinates stays as it is, and
    /// the coefficients of the other half depend on it. A layer and its inverse cost one evaluation of the network each.
    Coupling,
    /// Inverse autoregressive (IAF; Kingma, Salimans, Jozefowicz, Chen, Sutskever and Welling 2016): the coefficients of a coordinate
    /// depend on the coordinates before it. A layer costs one evaluation of the network, and its inverse one for each coordinate.
    InverseAutoregressive,
}

impl FlowKind {
    fn mask(self) -> Mask {
        match self {
            Self::Coupling => Mask::Halves,
            Self::InverseAutoregressive => Mask::Autoregressive,
        }
    }
}

/// The parameters of a [`Flow`]: a masked network for each layer.
#[derive(Clone, Copy, Debug)]
pub struct FlowNetwork {
    /// The network of the first layer. Those of the others follow.
    first: MaskedMlp,
    layers: usize,
}

impl FlowNetwork {
    /// A flow for events of `[columns, context]` numbers with `layers` layers, whose networks have these hidden widths. At first it is the
    /// identity. The parameters are called `name.0.0.weight`, `name.0.0.context`, …
    ///
    /// # Panics
    /// If there are no layers or no columns, or a coupling has a single column, of which no half can depend on the other.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        name: &str,
        [columns, context]: [usize; 2],
        (kind, layers): (FlowKind, usize),
        hidden: &[usize],
        activation: Activation,
        rng: &mut R,
    ) -> Self {
        let least = if kind == FlowKind::Coupling { 2 } else { 1 };
        assert!(
            columns >= least,
            "a {kind:?} flow needs events of {least} numbers or more, not {columns}"
        );
        assert!(layers > 0, "a flow needs a layer");
        let net = |params: &mut Params<F>, i: usize, rng: &mut R| {
            let (name, masked) = (format!("{name}.{i}"), (kind.mask(), i % 2 == 1));
            MaskedMlp::new(params, &name, [columns, context], hidden, masked, activation, rng)
        };
        let first = net(params, 0, rng);
        for i in 1..layers {
            net(params, i, rng);
        }
        Self { first, layers }
    }

    /// The map of the flow, with a context of shape `[…, columns]` if it has one.
    pub fn on<'t, F: Scalar>(
        self,
        params: Bound<'t, F>,
        context: Option<Var<'t, F>>,
    ) -> Flow<'t, F> {
        Flow { net: self, params, context }
    }
}

/// Layers of affine maps $y = t(x, c) + e^{s(x, c)} x$ of each coordinate, whose coefficients are outputs $t$ and $r$, $s = 2\tanh(r/2)$, of a
/// [`MaskedMlp`] of other coordinates $x$ and of a context $c$. The [`FlowKind`] says which. Every second layer has the coordinates in
/// reverse order.
///
/// The Jacobian of a layer is triangular, so that $\ln\det$ is the sum of $s$ over coordinates and layers; with respect to
/// $s$ its derivative is one. The inverse $x = e^{-s}(y - t)$ is computed once for each degree of the coordinates, after which all are exact:
/// once for a coupling, and as often as there are coordinates for an inverse autoregressive layer. Kingma et al. (2016) write $y = \sigma
/// x + (1 - \sigma) m$ with a gate $\sigma \lt 1$; here a scale may be larger than one, and a new layer is the identity.
///
/// ```
/// use pathscore_autodiff::{Activation, Tape};
/// use pathscore_models::dist::{Bijection, FlowKind, FlowNetwork};
/// use pathscore_models::{Params, seed};
/// let (mut params, rng) = (Params::<f64>::new(), &mut seed::rng(0, seed::Stream::Init, 0));
/// let kind = (FlowKind::InverseAutoregressive, 2);
/// let net = FlowNetwork::new(&mut params, "flow", [2, 0], kind, &[5], Activation::Tanh, rng);
/// params.values_mut().iter_mut().enumerate().for_each(|(i, w)| *w = (i as f64).sin());
/// let tape = Tape::new();
/// let flow = net.on(params.on(&tape), None);
/// let x = tape.constant(&[0.4, -0.9], [1, 2]);
/// let back = flow.inverse(flow.forward(x)).value();
/// assert!(back.values().iter().zip([0.4, -0.9]).all(|(a, b)| (a - b).abs() < 1e-14));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Flow<'t, F> {
    net: FlowNetwork,
    params: Bound<'t, F>,
    context: Option<Var<'t, F>>,
}

/// $s = 2\tanh(r/2)$, with the slope one at zero.
fn bounded<F: Scalar>(r: Var<'_, F>) -> Var<'_, F> {
    let limit = F::from_f64(LOG_SCALE_LIMIT);
    (r * (F::ONE / limit)).tanh() * limit
}

impl<'t, F: Scalar> Flow<'t, F> {
    /// The network of layer `i`.
    fn layer(self, i: usize) -> MaskedMlp {
        self.net.first.after(i, i % 2 == 1)
    }

    /// The result of layer `i`, and $s$.
    fn through(self, i: usize, x: Var<'t, F>) -> [Var<'t, F>; 2] {
        let [t, r] = self.layer(i).on(self.params, self.context).forward(x);
        let s = bounded(r);
        [t + s.exp() * x, s]
    }
}

impl<'t, F: Scalar> Bijection<'t, F> for Flow<'t, F> {
    fn forward(&self, x: Var<'t, F>) -> Var<'t, F> {
        (0..self.net.layers).fold(x, |x, i| self.through(i, x)[0])
    }

    fn inverse(&self, y: Var<'t, F>) -> Var<'t, F> {
        (0..self.net.layers).rev().fold(y, |y, i| {
            let layer = self.layer(i);
            let net = layer.on(self.params, self.context);
            // Coordinates whose turn has not come are numbers without meaning, on which no earlier one depends.
            (0..layer.passes()).fold(y, |x, _| {
                let [t, r] = net.forward(x);
                (-bounded(r)).exp() * (y - t)
            })
        })
    }

    fn log_det(&self, x: Var<'t, F>, event_dim: usize) -> Var<'t, F> {
        self.forward_and_log_det(x, event_dim)[1]
    }

    fn forward_and_log_det(&self, x: Var<'t, F>, event_dim: usize) -> [Var<'t, F>; 2] {
        let first = self.through(0, x);
        let [y, log_scales] = (1..self.net.layers).fold(first, |[x, sum], i| {
            let [y, s] = self.through(i, x);
            [y, sum + s]
        });
        [y, sum_last(log_scales, event_dim)]
    }

    fn outside(&self, y: Var<'t, F>, event_dim: usize) -> Var<'t, F> {
        sum_last(y.abs().equal(y.constant(f64::INFINITY)), event_dim)
    }

    fn event_dims(&self) -> [usize; 2] {
        [1, 1]
    }

    fn forward_shape(&self, shape: &[usize]) -> Shape {
        let columns = self.net.first.inputs();
        assert!(
            shape.last() == Some(&columns),
            "Flow: events of {columns} numbers have no shape {}",
            Shape::from(shape)
        );
        if let Some(context) = self.context {
            let context = context.shape();
            let lead = Shape::from(&shape[..shape.len() - 1]);
            let of_context = &context[..context.len() - 1];
            assert!(
                Shape::broadcast(&lead, of_context).as_ref() == Some(&lead),
                "Flow: a context of shape {context} does not fit events of shape {}",
                Shape::from(shape)
            );
        }
        Shape::from(shape)
    }

    fn support(&self, _: Support) -> Support {
        Support::Vectors
    }

    fn detach(&self) -> Self {
        let context = self.context.map(|context| context.detach());
        Self { params: self.params.detach(), context, ..*self }
    }

    fn is_tracked(&self) -> bool {
        self.params.is_tracked() || self.context.is_some_and(|context| context.is_tracked())
    }
}
