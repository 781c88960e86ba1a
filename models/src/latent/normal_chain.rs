//! Layers of normal variables, each drawn given the layer before.

use super::chain::DrawnFrom;
use super::vae::normal_of;
use crate::RandomSource;
use crate::dist::{
    Coordinates, Distribution, Factorised, Kind, Layers, Node, Normal, Reparam, Shapes, Support,
    width,
};
use crate::nn::Mlp;
use crate::params::Bound;
use pathscore_autodiff::{Scalar, Shape, Var};
use smallvec::{SmallVec, smallvec};

/// One item for each layer of a chain.
type PerLayer<T> = SmallVec<[T; 8]>;

/// Any number of layers of normal variables with independent coordinates. An event is all layers side by side, nearest the data
/// first. A network computes $\mu$ and $\ln\sigma^2$ of each layer from the layer that was drawn before it.
///
/// $\ln q(z) = \sum_l \ln \mathcal N(z_l; \mu_l, \mathrm{diag} \sigma_l^2)$, where the parameters of a layer depend on another; the derivative with
/// respect to an earlier layer therefore goes through the networks too. A sample draws the layers one after another.
///
/// In a ladder a layer also has evidence of the data, $\hat\mu$ and $\ln\hat\sigma^2$: precisions add up,
/// $\sigma^{-2} = \hat\sigma^{-2} + \sigma_p^{-2}$, and the mean is that of $\hat\mu$ and of the network's $\mu_p$, weighted by their precisions.
#[derive(Clone, Copy, Debug)]
pub struct NormalChain<'t, F> {
    pub(super) params: Bound<'t, F>,
    /// The layer that is drawn first.
    pub(super) first: Normal<'t, F>,
    pub(super) from: DrawnFrom,
    /// The number of layers.
    pub(super) count: usize,
    /// The network between the two layers nearest the data. Those of the other pairs follow.
    pub(super) nets: Option<Mlp>,
    /// $\hat\mu$ and $\ln\hat\sigma^2$ of each layer, side by side.
    pub(super) evidence: Option<Var<'t, F>>,
}

/// The normalised product of two normal densities: $\ln\sigma^2 = -\mathrm{softplus}(d) + \ln\sigma_b^2$ and $\mu = \mu_b + \sigma(d)(\mu_a -
/// \mu_b)$ with the difference of the logarithms of the precisions, $d = \ln\sigma_b^2 - \ln\sigma_a^2$.
fn merge<'t, F: Scalar>(a: Normal<'t, F>, b: Normal<'t, F>) -> Normal<'t, F> {
    let two = F::from_f64(2.0);
    let d = (b.log_scale() - a.log_scale()) * two;
    let loc = b.loc() + d.sigmoid() * (a.loc() - b.loc());
    Normal::from_log_scale_unchecked(loc, b.log_scale() - d.softplus() * F::from_f64(0.5))
}

impl<'t, F: Scalar> NormalChain<'t, F> {
    /// The layers in the order in which they are drawn.
    fn order(&self) -> impl Iterator<Item = usize> + use<F> {
        let (from, count) = (self.from, self.count);
        (0..count).map(move |i| if from == DrawnFrom::Bottom { i } else { count - 1 - i })
    }

    /// The network between layers `lower` and `lower + 1`.
    fn net(&self, lower: usize) -> Mlp {
        self.nets.expect("there is a network between two layers").after(lower)
    }

    /// The network that computes the parameters of a layer, unless it is drawn first.
    fn net_of(&self, layer: usize) -> Option<Mlp> {
        match self.from {
            DrawnFrom::Bottom => layer.checked_sub(1).map(|lower| self.net(lower)),
            DrawnFrom::Top => (layer + 1 < self.count).then(|| self.net(layer)),
        }
    }

    /// The number of columns of a layer.
    fn width(&self, layer: usize) -> usize {
        match self.net_of(layer) {
            None => width(self.first.loc()),
            Some(net) => net.outputs(self.params).map_or(0, |outputs| outputs / 2),
        }
    }

    /// The first column of a layer within an event.
    fn start(&self, layer: usize) -> usize {
        (0..layer).map(|below| self.width(below)).sum()
    }

    /// The distribution of a layer given the one that was drawn before it.
    fn conditional(&self, layer: usize, before: Option<Var<'t, F>>) -> Normal<'t, F> {
        let (Some(net), Some(before)) = (self.net_of(layer), before) else { return self.first };
        let width = self.width(layer);
        let normal = normal_of(net.forward(self.params, before), width);
        let Some(evidence) = self.evidence else { return normal };
        let start = 2 * self.start(layer);
        merge(normal_of(evidence.slice(-1, start..start + 2 * width), width), normal)
    }

    /// Calls `make` with the distribution of every layer, in the order of drawing, and returns the results, nearest the data first.
    fn each(&self, mut make: impl FnMut(Normal<'t, F>) -> Var<'t, F>) -> PerLayer<Var<'t, F>> {
        let mut made = PerLayer::new();
        for layer in self.order() {
            made.push(make(self.conditional(layer, made.last().copied())));
        }
        if self.from == DrawnFrom::Top {
            made.reverse();
        }
        made
    }

    /// Draws every layer in turn by `draw`, which gets the distribution of a layer and the number of draws of each member of its
    /// batch, and calls `also` with each layer and its distribution.
    fn draw_layers(
        &self,
        count: usize,
        mut draw: impl FnMut(Normal<'t, F>, usize) -> Var<'t, F>,
        mut also: impl FnMut(Var<'t, F>, Normal<'t, F>),
    ) -> Var<'t, F> {
        let mut is_first = true;
        let layers = self.each(|q| {
            let layer = if std::mem::replace(&mut is_first, false) {
                draw(q, count)
            } else {
                // One draw for each that the earlier layers have.
                let one = draw(q, 1);
                one.reshape(one.shape()[1..].iter().copied().collect::<Shape>())
            };
            also(layer, q);
            layer
        });
        concat(&layers)
    }

    /// The means of every layer given the means of the layer before.
    pub fn means(&self) -> Var<'t, F> {
        concat(&self.each(|q| q.loc()))
    }

    /// The standard deviations of every layer given the means of the layer before.
    pub fn scales_at_means(&self) -> Var<'t, F> {
        let (mut scales, mut before) = (PerLayer::new(), None);
        for layer in self.order() {
            let q = self.conditional(layer, before);
            before = Some(q.loc());
            scales.push(q.scale());
        }
        if self.from == DrawnFrom::Top {
            scales.reverse();
        }
        concat(&scales)
    }

    /// The layers of an event, nearest the data first.
    pub(super) fn parts(&self, x: Var<'t, F>) -> PerLayer<Var<'t, F>> {
        if self.count == 1 {
            return smallvec![x];
        }
        let mut end = 0;
        let part = |layer| {
            let start = end;
            end += self.width(layer);
            x.slice(-1, start..end)
        };
        (0..self.count).map(part).collect()
    }

    /// Each layer with its distribution given the layer that was drawn before it.
    fn conditionals(
        &self,
        layers: &[Var<'t, F>],
    ) -> impl Iterator<Item = (Var<'t, F>, Normal<'t, F>)> {
        (0..self.count).map(|layer| {
            let before = match self.from {
                DrawnFrom::Bottom => layer.checked_sub(1).map(|below| layers[below]),
                DrawnFrom::Top => layers.get(layer + 1).copied(),
            };
            (layers[layer], self.conditional(layer, before))
        })
    }

    /// The log-density of each layer of an event that is divided into its layers.
    pub(super) fn log_prob_of(&self, layers: &[Var<'t, F>]) -> Layers<Var<'t, F>> {
        self.conditionals(layers).map(|(layer, q)| q.log_prob(layer)).collect()
    }
}

/// The layers side by side, as an event.
fn concat<'t, F: Scalar>(layers: &[Var<'t, F>]) -> Var<'t, F> {
    if let [only] = *layers { only } else { Var::concat(layers, -1) }
}

/// Adds a term to a sum that may have none yet.
fn add<'t, F: Scalar>(sum: &mut Option<Var<'t, F>>, term: Var<'t, F>) {
    *sum = Some(sum.map_or(term, |sum| sum + term));
}

impl<'t, F: Scalar> Distribution<'t, F> for NormalChain<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.detach().draw_layers(count, |q, count| q.sample(count, rng), |_, _| {})
    }

    /// Each network is evaluated once, for the sample and for its log-probability.
    fn sample_and_log_prob<R: RandomSource>(&self, count: usize, rng: &mut R) -> [Var<'t, F>; 2] {
        let mut sum = None;
        let draw = |q: Normal<'t, F>, count| q.sample(count, rng);
        let z = self.draw_layers(count, draw, |layer, q| add(&mut sum, q.log_prob(layer)));
        [z, sum.expect("there is a layer")]
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        let mut sum = None;
        self.conditionals(&self.parts(x)).for_each(|(layer, q)| add(&mut sum, q.log_prob(layer)));
        sum.expect("there is a layer")
    }

    fn detach(&self) -> Self {
        let evidence = self.evidence.map(|evidence| evidence.detach());
        Self { params: self.params.detach(), first: self.first.detach(), evidence, ..*self }
    }

    fn support(&self) -> Support {
        Support::Vectors
    }

    fn shapes(&self) -> Shapes {
        let Shapes { batch, .. } = self.first.shapes();
        Shapes { batch, event: Shape::from(&[self.start(self.count)][..]) }
    }

    /// The layers. A ladder, which draws from the top, has the event as its only part: a signal for each layer supposes that the
    /// layer nearest the data is drawn first.
    fn layers(&self, x: Var<'t, F>) -> Layers<Var<'t, F>> {
        if self.evidence.is_some() { smallvec![x] } else { self.parts(x).into_iter().collect() }
    }

    fn log_prob_layers(&self, x: Var<'t, F>) -> Layers<Var<'t, F>> {
        match self.evidence {
            Some(_) => smallvec![self.log_prob(x)],
            None => self.log_prob_of(&self.parts(x)),
        }
    }
}

impl<'t, F: Scalar> Reparam<'t, F> for NormalChain<'t, F> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.draw_layers(count, |q, count| q.rsample(count, rng), |_, _| {})
    }

    /// Each network is evaluated once, for the sample and for its log-probability.
    fn rsample_with_log_prob<R: RandomSource>(
        &self,
        count: usize,
        rng: &mut R,
    ) -> (Var<'t, F>, Option<Var<'t, F>>) {
        let mut sum = None;
        let draw = |q: Normal<'t, F>, count| q.rsample(count, rng);
        let z = self.draw_layers(count, draw, |layer, q| add(&mut sum, q.log_prob(layer)));
        (z, sum)
    }
}

impl<'t, F: Scalar> Coordinates<'t, F> for NormalChain<'t, F> {
    fn log_prob_each(&self, x: Var<'t, F>) -> Var<'t, F> {
        let each = |(layer, q): (Var<'t, F>, Normal<'t, F>)| q.log_prob_each(layer);
        concat(&self.conditionals(&self.parts(x)).map(each).collect::<PerLayer<_>>())
    }
}

impl<'t, F: Scalar> Factorised<'t, F> for NormalChain<'t, F> {
    fn kinds(&self) -> Layers<Kind> {
        self.order().map(|layer| Kind::Normal(self.width(layer))).collect()
    }

    fn node(&self, before: &[Var<'t, F>]) -> Node<'t, F> {
        let layer = self.order().nth(before.len()).expect("a layer is left to draw");
        Node::Normal(self.conditional(layer, before.last().copied()))
    }

    fn join(&self, nodes: &[Var<'t, F>]) -> Var<'t, F> {
        let mut layers: PerLayer<Var<'t, F>> = nodes.iter().copied().collect();
        if self.from == DrawnFrom::Top {
            layers.reverse();
        }
        concat(&layers)
    }
}
