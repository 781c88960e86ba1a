//! Rules that stand for the continuous numbers of a program: each mean is found by three of them, which must agree.

use super::numerics::{RULES, nodes_for};
use crate::enumerator::{Coverage, Enumerator, Node, Quadratures};

/// The most normal numbers that the interleaved rules are made for; Gauss' need fewer nodes in more dimensions.
const MOST_INTERLEAVED: usize = 2;

/// The fewest nodes of Gauss' rules for each number.
const FEWEST_NODES: usize = 5;

/// The logarithm of a share of a mean that is left out.
const NEGLIGIBLE: f64 = -45.0;

/// The difference of the rules, relative to the mean, at which they are fine enough.
const FINE: f64 = 1e-12;

/// An outcome of a program that is listed, with what decides the nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    /// The logarithm of its probability by its rule.
    pub(super) log_p: f64,
    /// The rule to which it belongs.
    pub(super) rule: usize,
    /// The least and the largest normal number.
    pub(super) extent: [f64; 2],
    /// The function whose mean the rules must agree on: $f$, or $\ln w$.
    pub(super) value: f64,
    /// The logarithm of the size of what is summed, $\ln |f|$ or $\ln w$: nodes are laid as far out as $p$ times this
    /// size is not negligible.
    pub(super) log_size: f64,
}

/// The means that the rules must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Agreement {
    /// The mean of the value.
    Mean,
    /// The mean of $\ln w$, and those of $w$ and of a bounded function of $w$.
    Weights,
}

/// The outcomes that stand for the continuous numbers of a program.
#[derive(Clone, Debug)]
pub(super) enum Rules {
    /// There are finite choices alone, all of which are listed: one rule.
    Sum,
    /// Three interleaved trapezoidal rules for each of a few normal numbers: node $i$ at $(i + o) h$ belongs to the rule
    /// $i \bmod 3$ (of the sum of the $i$ for several numbers), whose own step is $3h$.
    ///
    /// The trapezoidal rule converges geometrically for smooth functions that fall to zero at both ends, such as the
    /// normal density times anything that grows more slowly (Trefethen and Weideman 2014). It does so wherever the
    /// bulk of the integrand lies. At a kink or a step the error of a rule depends on where
    /// the kink lies between two nodes. The nodes of the three rules are shifted, so that at most two rules can have the
    /// same error.
    Interleaved(Vec<Node>),
    /// Gauss' rules with three numbers of nodes.
    Gauss([usize; RULES]),
}

/// The reason for which outcomes cannot be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany;

/// The function that lists a program's outcomes with some rules, at most so many; it stops at the first enumeration
/// that is not complete.
pub(super) type ListPoints<'a> =
    dyn FnMut(&Rules, usize) -> (Vec<Point>, Coverage, [usize; 2]) + 'a;

impl Rules {
    /// The rules for a program, with at most `most` outcomes of finite choices, and about `budget` where numbers are
    /// continuous.
    pub(super) fn choose(
        most: usize,
        budget: usize,
        agreement: Agreement,
        list: &mut ListPoints,
    ) -> Result<Self, TooMany> {
        match list(&Self::Sum, most).1 {
            Coverage::Complete { .. } => return Ok(Self::Sum),
            Coverage::TooMany => return Err(TooMany),
            Coverage::Continuous => {}
        }
        // With one node for each continuous number there are as many outcomes as of the finite choices.
        let (_, coverage, [normals, others]) = list(&Self::Gauss([1; RULES]), budget);
        let Coverage::Complete { outcomes, .. } = coverage else { return Err(TooMany) };
        let outcomes = outcomes / RULES;
        if others == 0 && normals <= MOST_INTERLEAVED {
            let nodes = budget / outcomes.max(1);
            return Ok(Self::interleaved(normals, nodes, agreement, list));
        }
        let most = nodes_for(normals + others, budget / RULES / outcomes.max(1));
        // One of the rules has an even number of nodes, and none in the middle.
        let counts = [most, most.saturating_sub(1), most.saturating_sub(3)];
        if counts[RULES - 1] < FEWEST_NODES { Err(TooMany) } else { Ok(Self::Gauss(counts)) }
    }

    /// Interleaved rules that reach as far as the integrand and are as fine as it needs, with at most about `nodes`
    /// nodes in all.
    fn interleaved(
        normals: usize,
        nodes: usize,
        agreement: Agreement,
        list: &mut ListPoints,
    ) -> Self {
        let most = (nodes as f64).powf(1.0 / normals as f64);
        let found = bulk(normals, list);
        let [low, high] = found.unwrap_or([-HALF_RANGE, HALF_RANGE]);
        let mut step = if normals == 1 { 0.2 } else { 0.3 };
        loop {
            let rules = Self::Interleaved(trapezoidal([low, high], step));
            // The next rules would have too many nodes.
            let last = 2.0 * (high - low) / step > most;
            if last || agree(&list(&rules, usize::MAX).0, agreement, found.is_some()) {
                return rules;
            }
            step *= 0.5;
        }
    }

    /// The number of enumerations that list all outcomes of all rules.
    fn rounds(&self) -> usize {
        if matches!(self, Self::Gauss(_)) { RULES } else { 1 }
    }

    /// True if all outcomes are listed as they are, without a quadrature.
    pub(super) fn is_sum(&self) -> bool {
        matches!(self, Self::Sum)
    }

    /// Calls `run` for each outcome of each rule, at most `most` times in each enumeration; after a run,
    /// [`Rules::place`] tells the outcome's rule and probability.
    pub(super) fn for_each(
        &self,
        most: usize,
        mut run: impl FnMut(&mut Enumerator, usize),
    ) -> Coverage {
        let (mut all, mut quadratures) = (0, 0);
        for round in 0..self.rounds() {
            let rules = match self {
                Self::Sum => Quadratures::gauss(0),
                Self::Interleaved(nodes) => Quadratures::normal(nodes.clone()),
                Self::Gauss(counts) => Quadratures::gauss(counts[round]),
            };
            match Enumerator::for_each_node(rules, most, |source| run(source, round)) {
                Coverage::Complete { outcomes, quadratures: of_last } => {
                    all += outcomes;
                    quadratures = of_last;
                }
                other => return other,
            }
        }
        Coverage::Complete { outcomes: all, quadratures }
    }

    /// The rule of the outcome that `source` has just drawn in a round, and the logarithm of its probability by that
    /// rule.
    pub(super) fn place(&self, source: &Enumerator, round: usize) -> (usize, f64) {
        let log_p = source.log_probability();
        match self {
            Self::Sum | Self::Gauss(_) => (round, log_p),
            Self::Interleaved(_) => (source.parts() % RULES, log_p + (RULES as f64).ln()),
        }
    }
}

/// The offset of the nodes from the multiples of the step: kinks and modes of a user's function are likelier at round
/// numbers than at such a one.
const OFFSET: f64 = 0.381_966;

/// The nodes of interleaved trapezoidal rules for the mean of a function of a normal number.
fn trapezoidal([low, high]: [f64; 2], step: f64) -> Vec<Node> {
    let log_density = |at: f64| -0.5 * (at * at + std::f64::consts::TAU.ln());
    let first = (low / step).floor() as i64;
    let last = (high / step).ceil() as i64;
    let node = |i: i64| {
        let at = (i as f64 + OFFSET) * step;
        let part = i.rem_euclid(RULES as i64) as usize;
        Node { at, log_weight: step.ln() + log_density(at), part }
    };
    (first..=last).map(node).collect()
}

/// The half of the range that the normal density itself needs: beyond it lies a probability of $10^{-23}$.
const HALF_RANGE: f64 = 10.0;

/// The range of normal numbers beyond which their density, and their density times the size of the integrand, are
/// negligible; none if the integral diverges.
///
/// The range is doubled until the integrand is negligible at both ends.
fn bulk(normals: usize, list: &mut ListPoints) -> Option<[f64; 2]> {
    let steps = if normals == 1 { 40.0 } else { 12.0 };
    let mut half = HALF_RANGE;
    while half < 1000.0 {
        let step = half / steps;
        let (points, ..) = list(&Rules::Interleaved(trapezoidal([-half, half], step)), usize::MAX);
        let height = |point: &Point| point.log_p + point.log_size;
        let most = points.iter().map(height).fold(f64::NEG_INFINITY, f64::max);
        if most.is_nan() || most == f64::INFINITY {
            return None;
        }
        let is_bulk = |point: &&Point| height(point) > most + NEGLIGIBLE;
        let [low, high] =
            points.iter().filter(is_bulk).fold([-HALF_RANGE, HALF_RANGE], |[low, high], point| {
                [low.min(point.extent[0]), high.max(point.extent[1])]
            });
        let ends = points.iter().filter(is_bulk).map(|point| point.extent);
        let reaches = |[low, high]: [f64; 2]| low < step - half || high > half - step;
        if !ends.into_iter().any(reaches) {
            return Some([low - step, high + step]);
        }
        half *= 2.0;
    }
    None
}

/// True if the rules agree, so that finer ones would not change the means. Means that are not numbers never agree better.
fn agree(points: &[Point], agreement: Agreement, finite: bool) -> bool {
    let mean = |f: &dyn Fn(&Point) -> f64| {
        let mut sums = [0.0; RULES];
        for point in points.iter().filter(|point| point.log_p > f64::NEG_INFINITY) {
            sums[point.rule] += f(point);
        }
        sums
    };
    let near = |of: [f64; RULES]| {
        let centre = of.iter().sum::<f64>() / RULES as f64;
        let far = |value: &f64| (value - centre).abs() > FINE * centre.abs().max(1.0);
        !of.iter().any(far)
    };
    let values = mean(&|point| point.log_p.exp() * point.value);
    if agreement == Agreement::Mean {
        return near(values);
    }
    // As in the Laplace transform of the weights, of which the bounds are made.
    let centre = values[0];
    let bounded = mean(&|point| point.log_p.exp() * (-(point.value - centre).exp()).exp());
    let top = points.iter().map(|point| point.log_p + point.log_size).fold(f64::MIN, f64::max);
    let sizes = mean(&|point| (point.log_p + point.log_size - top).exp()).map(f64::ln);
    near(values) && near(bounded) && (!finite || near(sizes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program with so many finite outcomes for each value of its continuous numbers.
    fn choose(outcomes: usize, numbers: [usize; 2], budget: usize) -> Result<Rules, TooMany> {
        let mut list = |rules: &Rules, _| {
            let coverage = match rules {
                Rules::Gauss(_) => {
                    Coverage::Complete { outcomes: RULES * outcomes, quadratures: 1 }
                }
                _ => Coverage::Continuous,
            };
            (Vec::new(), coverage, numbers)
        };
        Rules::choose(10, budget, Agreement::Mean, &mut list)
    }

    /// Three rules of at most 8³ nodes for each of two outcomes make 3072 runs; five nodes are the fewest.
    #[test]
    fn the_numbers_of_nodes_spend_the_budget() {
        let nodes = |budget| match choose(2, [2, 1], budget) {
            Ok(Rules::Gauss(counts)) => Some(counts),
            Ok(other) => panic!("{other:?}"),
            Err(TooMany) => None,
        };
        assert_eq!(nodes(3_100), Some([8, 7, 5]));
        assert_eq!(nodes(3_000), None);
        assert_eq!(nodes(6 * 20_usize.pow(3) + 60), Some([20, 19, 17]));
        assert_eq!(nodes(usize::MAX), Some([60, 59, 57]));
        assert!(matches!(choose(1, [0, 1], 1_000), Ok(Rules::Gauss([60, 59, 57]))));
    }
}
