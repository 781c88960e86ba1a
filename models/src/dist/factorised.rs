//! Distributions that factorise into nodes, which are drawn one after another and may be of different kinds.

use super::{Bernoulli, Distribution, Layers, Normal};
use pathscore_autodiff::{Scalar, Var};
use smallvec::smallvec;

/// The kind of a node and the number of its units. The choice of an estimator depends on nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Independent normal numbers.
    Normal(usize),
    /// Independent Bernoulli variables.
    Bits(usize),
}

impl Kind {
    /// The number of units.
    pub fn units(self) -> usize {
        let (Self::Normal(units) | Self::Bits(units)) = self;
        units
    }

    /// True if samples are a differentiable function of noise that has no parameters.
    pub fn has_path(self) -> bool {
        matches!(self, Self::Normal(_))
    }

    /// The number of values, or `None` if there are more than $2^{20}$.
    ///
    /// ```
    /// use pathscore_models::dist::Kind;
    /// assert_eq!(Kind::Bits(3).values(), Some(8));
    /// assert_eq!((Kind::Bits(200).values(), Kind::Normal(1).values()), (None, None));
    /// ```
    pub fn values(self) -> Option<usize> {
        matches!(self, Self::Bits(units) if units <= 20).then(|| 1 << self.units())
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self, self.units()) {
            (Self::Normal(_), units) => write!(f, "{units} normal"),
            (Self::Bits(_), 1) => f.write_str("1 bit"),
            (Self::Bits(_), units) => write!(f, "{units} bits"),
        }
    }
}

/// The distribution of a node, given the nodes that were drawn before it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Node<'t, F> {
    /// The distribution of a [`Kind::Normal`].
    Normal(Normal<'t, F>),
    /// The distribution of a [`Kind::Bits`].
    Bits(Bernoulli<'t, F>),
}

/// A distribution that factorises along an order of nodes, $q(z) = \prod_i q(z_i \mid z_{<i})$; the nodes may be of
/// different kinds.
///
/// Each node can be treated in its own way: sampled with a reparameterisation, sampled as a constant, or enumerated.
/// A reparameterised node stays on the tape, so the log-probabilities of later nodes are functions of it.
pub trait Factorised<'t, F: Scalar>: Distribution<'t, F> {
    /// The kinds of the nodes, in the order in which they are drawn.
    fn kinds(&self) -> Layers<Kind>;

    /// The distribution of the next node, given the nodes `before` it, each of shape `[rows, batch, units]`. Its
    /// parameters have that shape too, or `[batch, units]` where they do not depend on earlier nodes.
    fn node(&self, before: &[Var<'t, F>]) -> Node<'t, F>;

    /// Joins all nodes, in the order in which they are drawn, into an event.
    fn join(&self, nodes: &[Var<'t, F>]) -> Var<'t, F>;
}

impl<'t, F: Scalar> Factorised<'t, F> for Normal<'t, F> {
    fn kinds(&self) -> Layers<Kind> {
        smallvec![Kind::Normal(width(self.loc()))]
    }

    fn node(&self, _: &[Var<'t, F>]) -> Node<'t, F> {
        Node::Normal(*self)
    }

    fn join(&self, nodes: &[Var<'t, F>]) -> Var<'t, F> {
        nodes[0]
    }
}

impl<'t, F: Scalar> Factorised<'t, F> for Bernoulli<'t, F> {
    fn kinds(&self) -> Layers<Kind> {
        smallvec![Kind::Bits(width(self.logits()))]
    }

    fn node(&self, _: &[Var<'t, F>]) -> Node<'t, F> {
        Node::Bits(*self)
    }

    fn join(&self, nodes: &[Var<'t, F>]) -> Var<'t, F> {
        nodes[0]
    }
}

/// The number of units of an event or of a parameter of its distribution: the length of the last axis.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::width;
/// let tape = Tape::new();
/// assert_eq!(width(tape.constant(&[0.0_f64; 6], [2, 3])), 3);
/// ```
///
/// # Panics
/// If there is no axis.
pub fn width<F: Scalar>(parameter: Var<'_, F>) -> usize {
    *parameter.shape().last().expect("an event has an axis")
}
