//! Layers of Bernoulli variables, each drawn given the layer before.

use crate::RandomSource;
use crate::dist::{
    Bernoulli, Bits, Coordinates, Distribution, Enumerable, Factorised, Kind, Layers, Node,
    Support, sample_shape, support_of_bits,
};
use crate::nn::Mlp;
use crate::params::Bound;
use pathscore_autodiff::{Scalar, Shape, Var};
use smallvec::SmallVec;
use std::ops::Range;

/// The largest number of layers.
pub(super) const MAX_LAYERS: usize = 3;

/// The layer of a [`Chain`] that is drawn first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DrawnFrom {
    /// The layer nearest the data: $q(h_1) q(h_2 \mid h_1) \cdots$
    Bottom,
    /// The layer farthest from the data: $p(h_L) p(h_{L-1} \mid h_L) \cdots$
    Top,
}

/// Up to three layers of Bernoulli variables. An event is all layers side by side, nearest the data first. A network
/// computes the logits of each layer from the layer that was drawn before it.
#[derive(Clone, Copy, Debug)]
pub struct Chain<'t, F> {
    pub(super) params: Bound<'t, F>,
    /// The logits of the layer that is drawn first.
    pub(super) first: Var<'t, F>,
    pub(super) from: DrawnFrom,
    pub(super) widths: [usize; MAX_LAYERS],
    pub(super) count: usize,
    /// The network between layers `i` and `i + 1`.
    pub(super) nets: [Option<Mlp>; MAX_LAYERS - 1],
}

impl<'t, F: Scalar> Chain<'t, F> {
    /// The layers in the order in which they are drawn.
    fn order(&self) -> impl Iterator<Item = usize> + use<F> {
        let (from, count) = (self.from, self.count);
        (0..count).map(move |i| if from == DrawnFrom::Bottom { i } else { count - 1 - i })
    }

    /// The columns of a layer within an event.
    fn range(&self, layer: usize) -> Range<usize> {
        let start = self.widths[..layer].iter().sum();
        start..start + self.widths[layer]
    }

    fn total(&self) -> usize {
        self.widths[..self.count].iter().sum()
    }

    /// The logits of a layer, given the one that was drawn before it.
    fn logits(&self, layer: usize, before: Option<Var<'t, F>>) -> Var<'t, F> {
        let Some(before) = before else { return self.first };
        let net = self.nets[if self.from == DrawnFrom::Bottom { layer - 1 } else { layer }];
        net.expect("there is a network between two layers").forward(self.params, before)
    }

    /// Calls `make` with the number and the logits of every layer, in the order of drawing, and collects the results.
    fn each(
        &self,
        mut make: impl FnMut(usize, Var<'t, F>) -> Var<'t, F>,
    ) -> [Option<Var<'t, F>>; MAX_LAYERS] {
        let (mut made, mut before) = ([None; MAX_LAYERS], None);
        for layer in self.order() {
            before = Some(make(layer, self.logits(layer, before)));
            made[layer] = before;
        }
        made
    }

    /// Samples every layer in turn, and calls `also` with each sample and its logits.
    fn sample_layers<R: RandomSource>(
        &self,
        count: usize,
        rng: &mut R,
        mut also: impl FnMut(Var<'t, F>, Var<'t, F>),
    ) -> [Option<Var<'t, F>>; MAX_LAYERS] {
        let mut shape: Shape = sample_shape(count, self.first);
        let last = shape.len() - 1;
        self.each(|layer, logits| {
            shape[last] = self.widths[layer];
            let bits = rng.bernoulli_var(logits.detach().sigmoid(), shape.clone());
            also(bits, logits);
            bits
        })
    }

    /// The layers side by side, as an event.
    fn concat(&self, layers: [Option<Var<'t, F>>; MAX_LAYERS]) -> Var<'t, F> {
        let parts: SmallVec<[Var<'t, F>; MAX_LAYERS]> = layers.into_iter().flatten().collect();
        if let [only] = parts[..] { only } else { Var::concat(&parts, -1) }
    }

    /// The probabilities of every layer when the probabilities of the layer before stand in for its values: the
    /// mean-field approximation, exact for the layer that is drawn first.
    pub fn mean_field(&self) -> Var<'t, F> {
        self.concat(self.each(|_, logits| logits.sigmoid()))
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for Chain<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.concat(self.detach().sample_layers(count, rng, |_, _| {}))
    }

    /// Each network is evaluated once, for the sample and for its log-probability.
    fn sample_and_log_prob<R: RandomSource>(&self, count: usize, rng: &mut R) -> [Var<'t, F>; 2] {
        let mut log_prob: Option<Var<'t, F>> = None;
        let layers = self.sample_layers(count, rng, |bits, logits| {
            let term = bits.bernoulli_log_prob(logits);
            log_prob = Some(log_prob.map_or(term, |sum| sum + term));
        });
        [self.concat(layers), log_prob.expect("there is a layer")]
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        let terms = self.log_prob_layers(x).into_iter();
        terms.reduce(|sum, term| sum + term).expect("there is a layer")
    }

    fn detach(&self) -> Self {
        Self { params: self.params.detach(), first: self.first.detach(), ..*self }
    }

    fn support(&self) -> Support {
        Support::Bits
    }

    fn layers(&self, x: Var<'t, F>) -> Layers<Var<'t, F>> {
        if self.count == 1 {
            return std::iter::once(x).collect();
        }
        (0..self.count).map(|layer| x.slice(-1, self.range(layer))).collect()
    }

    fn log_prob_layers(&self, x: Var<'t, F>) -> Layers<Var<'t, F>> {
        let layers = self.layers(x);
        self.log_prob_of(&layers)
    }
}

impl<'t, F: Scalar> Chain<'t, F> {
    /// [`Distribution::log_prob_layers`] of an event that is already divided into its layers.
    pub(super) fn log_prob_of(&self, layers: &[Var<'t, F>]) -> Layers<Var<'t, F>> {
        self.conditionals(layers).map(|(layer, q)| q.log_prob(layer)).collect()
    }

    /// Each layer with its distribution given the layer that was drawn before it.
    fn conditionals(
        &self,
        layers: &[Var<'t, F>],
    ) -> impl Iterator<Item = (Var<'t, F>, Bernoulli<'t, F>)> {
        (0..self.count).map(|layer| {
            let before = match self.from {
                DrawnFrom::Bottom => layer.checked_sub(1).map(|below| layers[below]),
                DrawnFrom::Top => layers.get(layer + 1).copied(),
            };
            (layers[layer], Bernoulli::from_logits_unchecked(self.logits(layer, before)))
        })
    }
}

impl<'t, F: Scalar> Coordinates<'t, F> for Chain<'t, F> {
    fn log_prob_each(&self, x: Var<'t, F>) -> Var<'t, F> {
        let mut each = [None; MAX_LAYERS];
        for (i, (layer, q)) in self.conditionals(&self.layers(x)).enumerate() {
            each[i] = Some(q.log_prob_each(layer));
        }
        self.concat(each)
    }
}

impl<'t, F: Scalar> Bits<'t, F> for Chain<'t, F> {
    /// # Panics
    /// If there are several layers, because a layer depends on the one before it.
    fn logits(&self) -> Var<'t, F> {
        assert!(self.count == 1, "the bits of {} layers are not independent", self.count);
        self.first
    }
}

impl<'t, F: Scalar> Factorised<'t, F> for Chain<'t, F> {
    fn kinds(&self) -> Layers<Kind> {
        self.order().map(|layer| Kind::Bits(self.widths[layer])).collect()
    }

    fn node(&self, before: &[Var<'t, F>]) -> Node<'t, F> {
        let layer = self.order().nth(before.len()).expect("a layer is left to draw");
        Node::Bits(Bernoulli::from_logits_unchecked(self.logits(layer, before.last().copied())))
    }

    fn join(&self, nodes: &[Var<'t, F>]) -> Var<'t, F> {
        let mut layers = [None; MAX_LAYERS];
        self.order().zip(nodes).for_each(|(layer, &node)| layers[layer] = Some(node));
        self.concat(layers)
    }
}

impl<'t, F: Scalar> Enumerable<'t, F> for Chain<'t, F> {
    /// # Panics
    /// If an event has more than 20 bits, which is more than a million values.
    fn enumerate_support(&self) -> Var<'t, F> {
        support_of_bits(self.first, self.total())
    }
}
