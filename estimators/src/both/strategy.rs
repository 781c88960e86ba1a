//! The gradient strategy of each node of a model, and the reason for it.

use crate::estimator::Claim;
use pathscore_models::dist::{Kind, Layers};
use std::fmt;

/// The way in which one node is drawn and its gradient taken.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Strategy {
    /// Along the path of its draws; for normal nodes.
    Path,
    /// Through its score, $(f_k - b_k) \nabla \ln q$, with the mean $b_k$ of the other draws for a baseline as soon
    /// as there are any; for any node.
    Score,
    /// Every value in turn, $\sum_v q(v) (\dots)$: as many rows as it has values; for bits.
    Sum,
    /// Antithetic pairs ([`DisArm`](super::DisArm)), two rows; for bits.
    Pairs,
    /// Relaxed bits ([`Concrete`](super::Concrete)): *biased*.
    Concrete {
        /// $\tau$.
        temperature: f64,
    },
    /// Bits with the slope of their probabilities ([`StraightThrough`](super::StraightThrough)): *biased*.
    StraightThrough,
}

impl Strategy {
    /// True if a node of this kind can be drawn and differentiated in this way.
    pub fn fits(self, kind: Kind) -> bool {
        match self {
            Self::Path => kind.has_path(),
            Self::Score => true,
            Self::Sum => kind.values().is_some(),
            Self::Pairs | Self::Concrete { .. } | Self::StraightThrough => {
                matches!(kind, Kind::Bits(_))
            }
        }
    }

    /// The relation of the mean to the gradient, if all nodes have this strategy.
    pub fn claim(self) -> Claim {
        match self {
            Self::Path | Self::Score | Self::Pairs => Claim::Unbiased,
            Self::Sum => Claim::Exact,
            Self::Concrete { .. } | Self::StraightThrough => Claim::Biased,
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path => f.write_str("path"),
            Self::Score => f.write_str("score"),
            Self::Sum => f.write_str("sum"),
            Self::Pairs => f.write_str("pairs"),
            Self::Concrete { temperature } => write!(f, "concrete at {temperature}"),
            Self::StraightThrough => f.write_str("straight-through"),
        }
    }
}

/// A node, its strategy, and the reason.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// The kind of the node.
    pub kind: Kind,
    /// The strategy of the node.
    pub strategy: Strategy,
    /// The reason for the strategy.
    pub why: &'static str,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, strategy, why } = self;
        write!(f, "{kind}: {strategy} ({}), {why}", strategy.claim())
    }
}

/// A strategy that does not fit its node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unfit {
    /// The number of the node, in the order of drawing, from zero.
    pub node: usize,
    /// The strategy; none if there are fewer strategies than nodes.
    pub strategy: Option<Strategy>,
    /// The kind of the node; none if there are fewer nodes than strategies.
    pub kind: Option<Kind>,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = self.node + 1;
        match (self.strategy, self.kind) {
            (Some(strategy), Some(kind)) => {
                write!(f, "node {node}, {kind}: the strategy `{strategy}` does not fit it")
            }
            (_, None) => write!(f, "node {node}: the model has no such node"),
            (None, _) => write!(f, "node {node}: it has no strategy"),
        }
    }
}

impl std::error::Error for Unfit {}

/// The largest number of rows that the values and pairs of nodes may make of one draw.
const MAX_ROWS: usize = 16;

/// The unbiased strategy of least noise for each node, with a limit on the rows.
pub(super) fn choose(kinds: &[Kind], samples: usize) -> Layers<Choice> {
    let mut rows = MAX_ROWS;
    let choice = |&kind: &Kind| {
        let (strategy, why) = match kind.values() {
            _ if kind.has_path() => (Strategy::Path, "its draws are a smooth function of noise"),
            Some(values) if values <= rows => {
                rows /= values;
                (Strategy::Sum, "it has few values: their sum is free of noise")
            }
            _ if samples > 1 => {
                (Strategy::Score, "no path leads through bits; the other draws are the baseline")
            }
            _ if rows > 1 => {
                rows /= 2;
                (
                    Strategy::Pairs,
                    "a single draw has no other draw for a baseline, but an opposite one",
                )
            }
            _ => {
                (Strategy::Score, "no path leads through bits, and a pair would cost too many rows")
            }
        };
        Choice { kind, strategy, why }
    };
    kinds.iter().map(choice).collect()
}

/// The given strategies, if they fit.
pub(super) fn named(kinds: &[Kind], strategies: &[Strategy]) -> Result<Layers<Choice>, Unfit> {
    let pair = |node: usize| match (kinds.get(node).copied(), strategies.get(node).copied()) {
        (Some(kind), Some(strategy)) if strategy.fits(kind) => {
            Ok(Choice { kind, strategy, why: "as was asked for" })
        }
        (kind, strategy) => Err(Unfit { node, strategy, kind }),
    };
    (0..kinds.len().max(strategies.len())).map(pair).collect()
}
