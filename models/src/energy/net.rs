//! A deep energy model: a multilayer perceptron as an energy of real rows.

use super::{NormalBase, RealEnergy};
use crate::capability::Energy;
use crate::nn::Mlp;
use crate::params::{Bound, Params};
use pathscore_autodiff::{Activation, Scalar, Shape, Var};
use rand::Rng;

/// The variance of the input of a unit of the first layer, without its bias, on rows of the base. The units bend within the
/// data then; units that are nearly linear there see no more than means and variances, which the base has already.
const FIRST_VARIANCE: f64 = 4.0;

/// A deep energy model (Ngiam, Chen, Koh and Ng 2011): a perceptron $f$ with one output on standardised rows, beside a
/// quadratic term that makes it normalisable,
///
/// $$E(x) = f(u) + \tfrac12 \Vert u \Vert^2, \qquad u = (x - \mu) / \sigma,$$
///
/// with the means and scales of a [`NormalBase`]. The density is the base, tilted: $p(x) \propto \mathcal N(x; \mu,
/// \sigma^2) e^{-f(u)}$ (Xie, Lu, Zhu and Wu 2016). The activations softplus and tanh have at most linear growth, so the integral
/// $Z$ is finite for all parameters. Without the quadratic term, $E = f$, and $Z$ may be infinite; such a model
/// can be fitted by criteria that look near the data only.
///
/// The first layer begins with normal numbers, biases too, so that its units bend within the data in any dimension. The last layer
/// is zero at first, so that the model begins as its base with $\ln Z = \frac D2 \ln 2\pi + \sum_i
/// \ln\sigma_i$. Its bias is a free constant of the energy: noise-contrastive estimation drives it to the value at which
/// $e^{-E}$ is normalised, and the other criteria do not move it. Gradients flow to the parameters and to `x`. With a smooth
/// activation, second derivatives in `x` exist everywhere, as score matching needs.
///
/// The parameters are called `net.0.weight`, `net.0.bias`, `net.1.weight`, …
///
/// ```
/// use pathscore_autodiff::{Activation, Tape};
/// use pathscore_models::energy::{EnergyNet, NormalBase};
/// use pathscore_models::{Energy, Params, seed};
/// let (mut params, rng) = (Params::<f64>::new(), &mut seed::rng(0, seed::Stream::Init, 0));
/// let model = EnergyNet::new(&mut params, NormalBase::standard(2), &[16, 16], Activation::Softplus, rng);
/// let tape = Tape::new();
/// let x = tape.leaf(&[1.0, -2.0], [1, 2]);
/// let energy = model.energy(params.on(&tape), x);
/// assert_eq!(energy.item(), 2.5);
/// assert_eq!(energy.sum().backward().of(x).values(), [1.0, -2.0]);
/// // The network alone is zero at first.
/// let mut free = model.clone();
/// free.confined = false;
/// assert_eq!(free.energy(params.on(&tape), x).item(), 0.0);
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "deep energy model")]
pub struct EnergyNet {
    base: NormalBase,
    net: Mlp,
    /// True if the energy has the quadratic term.
    pub confined: bool,
}

impl EnergyNet {
    /// A model with these hidden widths that equals its base at first.
    ///
    /// # Panics
    /// If the activation is relu, whose second derivatives vanish, or the sigmoid, which is bounded.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        base: NormalBase,
        hidden: &[usize],
        activation: Activation,
        rng: &mut R,
    ) -> Self {
        let smooth = matches!(activation, Activation::Softplus | Activation::Tanh);
        assert!(smooth, "energy net: the activation is {activation:?}, not softplus or tanh");
        let widths: Vec<usize> =
            [base.columns()].into_iter().chain(hidden.iter().copied()).chain([1]).collect();
        let net = Mlp::new(params, "net", &widths, activation, rng);
        net.clear_outputs(params, 0);
        let first = net.layers().next().expect("a network with an output has a layer");
        if !hidden.is_empty() {
            let gain = F::from_f64((FIRST_VARIANCE / base.columns() as f64).sqrt());
            for (id, gain) in [(first.weight, gain), (first.bias, F::ONE)] {
                let numbers = params.get_mut(id);
                F::fill_normal(numbers, rng);
                numbers.iter_mut().for_each(|x| *x *= gain);
            }
        }
        Self { base, net, confined: true }
    }
}

impl<F: Scalar> Energy<F> for EnergyNet {
    fn energy<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let u = self.base.standardized(x);
        let shape = u.shape();
        let of_rows = Shape::from(&shape[..shape.len() - 1]);
        let tilt = self.net.forward(params, u).reshape(of_rows);
        if self.confined { tilt + u.sum_squares(-1) * F::from_f64(0.5) } else { tilt }
    }
}

impl<F: Scalar> RealEnergy<F> for EnergyNet {
    fn base(&self) -> &NormalBase {
        &self.base
    }
}
