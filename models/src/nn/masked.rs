//! A multilayer perceptron whose outputs depend on some of its inputs only.

use crate::params::{Bound, Init, ParamId, Params};
use pathscore_autodiff::{Activation, Op, Scalar, Var};
use rand::Rng;
use smallvec::SmallVec;

/// The inputs on which the outputs of a [`MaskedMlp`] depend.
///
/// Every input and every pair of outputs with the same number has a degree, and an output depends on the inputs of lower degrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// Output $i$ depends on the inputs $1 \dots i - 1$: the degree is the number of the input. If reversed, it depends on the inputs
    /// behind $i$.
    Autoregressive,
    /// The outputs of the second half depend on the inputs of the first half, and the outputs of the first half are zero: the
    /// degrees are one and two. If reversed, the halves are exchanged. The first half is the smaller one.
    Halves,
}

/// A multilayer perceptron from $D$ inputs $x$ and a context $c$ to two outputs for each input, $t$ and $r$, whose weights are
/// multiplied by masks of zeros and ones, so that outputs depend on the inputs of lower degrees alone (MADE; Germain, Gregor, Murray and
/// Larochelle 2015).
///
/// The first layer is $f(xW + b + cV)$, and every unit may depend on the context. Hidden unit $k$ has the degree $k \bmod D$ under
/// [`Mask::Autoregressive`], and depends on the inputs whose degrees are not above its own. The last layer is zero at first, so that
/// both outputs are.
///
/// ```
/// use pathscore_autodiff::{Activation, Tape};
/// use pathscore_models::nn::{Mask, MaskedMlp};
/// use pathscore_models::{Params, seed};
/// let (mut params, rng) = (Params::<f64>::new(), &mut seed::rng(0, seed::Stream::Init, 0));
/// let (mask, tanh) = (Mask::Autoregressive, Activation::Tanh);
/// let net = MaskedMlp::new(&mut params, "net", [3, 0], &[8], (mask, false), tanh, rng);
/// let count = params.len();
/// params.values_mut().iter_mut().enumerate().for_each(|(i, w)| *w = (i as f64).sin());
/// assert_eq!(count, (3 + 1) * 8 + (8 + 1) * 6);
/// let tape = Tape::new();
/// let x = tape.leaf(&[0.3, -1.0, 0.7], [1, 3]);
/// let [t, _] = net.on(params.on(&tape), None).forward(x);
/// // The second output depends on the first input alone.
/// let slopes = t.slice(-1, 1..2).sum().backward().of(x);
/// assert!(slopes.values()[0] != 0.0 && slopes.values()[1..] == [0.0, 0.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MaskedMlp {
    /// The weight of the first layer. The parameters of the layers follow one another.
    first: ParamId,
    depth: usize,
    inputs: usize,
    has_context: bool,
    mask: Mask,
    reversed: bool,
    activation: Activation,
}

impl MaskedMlp {
    /// A network for `[inputs, context]` columns with these hidden widths. Without columns of a context there is none. The
    /// parameters are called `name.0.weight`, `name.0.context`, `name.0.bias`, `name.1.weight`, …
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        name: &str,
        [inputs, context]: [usize; 2],
        hidden: &[usize],
        (mask, reversed): (Mask, bool),
        activation: Activation,
        rng: &mut R,
    ) -> Self {
        let init = if activation == Activation::Relu { Init::He } else { Init::Glorot };
        let (first, depth) = (params.next_id(), hidden.len() + 1);
        for i in 0..depth {
            let n = if i == 0 { inputs } else { hidden[i - 1] };
            let m = hidden.get(i).copied().unwrap_or(2 * inputs);
            let init = if i + 1 == depth { Init::Constant(0.0) } else { init };
            params.add(format!("{name}.{i}.weight"), [n, m], init, rng);
            if i == 0 && context > 0 {
                params.add(format!("{name}.{i}.context"), [context, m], init, rng);
            }
            params.add(format!("{name}.{i}.bias"), [m], Init::Constant(0.0), rng);
        }
        Self { first, depth, inputs, has_context: context > 0, mask, reversed, activation }
    }

    /// The number of parameter tensors.
    fn tensors(self) -> usize {
        2 * self.depth + usize::from(self.has_context)
    }

    /// The network of the same form whose parameters lie behind those of `count` others from this one on.
    pub(crate) fn after(self, count: usize, reversed: bool) -> Self {
        Self { first: self.first.after(count * self.tensors()), reversed, ..self }
    }

    /// The number of inputs, $D$.
    pub(crate) fn inputs(self) -> usize {
        self.inputs
    }

    /// The number of evaluations after which an inverse that starts from the results has reached all inputs.
    pub(crate) fn passes(self) -> usize {
        match self.mask {
            Mask::Autoregressive => self.inputs,
            Mask::Halves => 1,
        }
    }

    /// The degree of an input, and of its outputs.
    fn degree(self, input: usize) -> usize {
        let place = if self.reversed { self.inputs - 1 - input } else { input };
        match self.mask {
            Mask::Autoregressive => place + 1,
            Mask::Halves => 1 + usize::from(place >= self.inputs / 2),
        }
    }

    /// The degree of a hidden unit: the largest degree of the inputs on which it depends.
    fn degree_of_unit(self, unit: usize) -> usize {
        match self.mask {
            Mask::Autoregressive => unit % self.inputs,
            Mask::Halves => 1,
        }
    }

    /// True if the weight of layer `layer` from unit `i` to unit `j` is not masked.
    fn connects(self, layer: usize, i: usize, j: usize) -> bool {
        let from = if layer == 0 { self.degree(i) } else { self.degree_of_unit(i) };
        match layer + 1 == self.depth {
            true => from < self.degree(j % self.inputs),
            false => from <= self.degree_of_unit(j),
        }
    }

    /// The network with its masked weights on a tape, and with the contribution of a context of shape `[…, columns]`.
    ///
    /// # Panics
    /// If there is a context and the network has none, or the reverse.
    #[track_caller]
    pub fn on<'t, F: Scalar>(
        self,
        params: Bound<'t, F>,
        context: Option<Var<'t, F>>,
    ) -> BoundMaskedMlp<'t, F> {
        assert!(
            context.is_some() == self.has_context,
            "a masked network takes a context if it has been made with columns for it"
        );
        let (tape, mut id) = (params.tape(), self.first);
        let mut next = || {
            let found = params.get(id);
            id = id.after(1);
            found
        };
        let (mut layers, mut shift) = (SmallVec::new(), None);
        for layer in 0..self.depth {
            let weight = next();
            let columns = weight.shape()[1];
            let mask = tape.constant_with(weight.shape(), |mask| {
                for (at, mask) in mask.iter_mut().enumerate() {
                    let connects = self.connects(layer, at / columns, at % columns);
                    *mask = if connects { F::ONE } else { F::ZERO };
                }
            });
            if let (0, Some(context)) = (layer, context) {
                shift = Some(context.matmul(next()));
            }
            layers.push([weight * mask, next()]);
        }
        // The first half of a coupling stays as it is.
        let kept = (self.mask == Mask::Halves).then(|| {
            tape.constant_with([self.inputs], |out| {
                for (input, out) in out.iter_mut().enumerate() {
                    *out = if self.degree(input) > 1 { F::ONE } else { F::ZERO };
                }
            })
        });
        BoundMaskedMlp { layers, shift, kept, activation: self.activation }
    }
}

/// A [`MaskedMlp`] on a tape, whose masked weights are computed once for several evaluations.
#[derive(Clone, Debug)]
pub struct BoundMaskedMlp<'t, F> {
    /// The masked weight and the bias of each layer.
    layers: SmallVec<[[Var<'t, F>; 2]; 4]>,
    /// The contribution of the context to the first layer.
    shift: Option<Var<'t, F>>,
    /// One for the inputs that have outputs, zero for the others; absent if all have.
    kept: Option<Var<'t, F>>,
    activation: Activation,
}

impl<'t, F: Scalar> BoundMaskedMlp<'t, F> {
    /// The outputs $t$ and $r$, each of the shape of `x`, which is `[…, inputs]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn forward(&self, x: Var<'t, F>) -> [Var<'t, F>; 2] {
        let last = self.layers.len() - 1;
        let mut y = x;
        for (i, &[weight, bias]) in self.layers.iter().enumerate() {
            let activation = if i == last { Activation::Identity } else { self.activation };
            y = match self.shift.filter(|_| i == 0) {
                None => y.affine(weight, bias, activation),
                Some(shift) => {
                    apply(activation, y.affine(weight, bias, Activation::Identity) + shift)
                }
            };
        }
        let inputs = y.shape().last().map_or(0, |&outputs| outputs / 2);
        let halves = [y.slice(-1, 0..inputs), y.slice(-1, inputs..2 * inputs)];
        halves.map(|half| self.kept.map_or(half, |kept| half * kept))
    }
}

/// An activation by itself.
pub(crate) fn apply<F: Scalar>(activation: Activation, x: Var<'_, F>) -> Var<'_, F> {
    let Some(op) = activation.op() else { return x };
    x.tape().apply(Op::Map(op), &[x], None).expect("an elementwise op takes every shape")
}
