//! A source of random numbers that can enumerate all outcomes with their probabilities.

use crate::deadline;
use crate::quadrature::{gauss_chi, gauss_hermite, gauss_legendre};
use crate::tilted::Tilted;
use pathscore_autodiff::{Scalar, Shape, Tape, Var};
use pathscore_models::RandomSource;
use pathscore_models::seed::{self, Stream};
use rand_xoshiro::Xoshiro256PlusPlus;

/// A [`RandomSource`] of one of two kinds: a generator ([`Enumerator::seeded`]), or an enumeration of all outcomes
/// ([`Enumerator::for_each`]).
///
/// [`Enumerator::for_each`] runs a program once for each outcome of its random choices, depth first, so that the
/// expectation of a function written over `RandomSource` is a finite sum:
///
/// ```
/// use pathscore_estimators::Enumerator;
/// use pathscore_models::RandomSource;
/// let mut mean = 0.0;
/// Enumerator::for_each(0, 100, |source| {
///     let sum = source.bernoulli(0.3) as usize + source.categorical(&[0.5, 0.25, 0.25]);
///     mean += source.probability() * sum as f64;
/// });
/// assert!((mean - (0.3 + 0.75)).abs() < 1e-15);
/// ```
#[derive(Debug)]
pub struct Enumerator(Source);

#[derive(Debug)]
enum Source {
    Generator(Xoshiro256PlusPlus),
    Tilted(Tilted),
    Enumeration(Outcomes),
}

/// The most choices of one run that is enumerated. A loop that waits for an outcome makes more.
const MOST_CHOICES: usize = 4096;

/// The nodes of a quadrature with their weights.
type Rule = Vec<Node>;

/// A node of a quadrature.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// The number that the node stands for.
    pub(crate) at: f64,
    /// The logarithm of the node's weight, which is finite where the weight itself underflows.
    pub(crate) log_weight: f64,
    /// The index of the interleaved rule that the node belongs to; zero if there is only one rule.
    pub(crate) part: usize,
}

/// The rules that stand for continuous numbers.
#[derive(Clone, Debug)]
pub(crate) struct Quadratures {
    normal: Rule,
    uniform: Rule,
    /// The number of nodes for a number of the chi distribution; zero if there are none.
    chi: usize,
}

impl Quadratures {
    /// Gauss' rules with so many nodes; with zero nodes no continuous number can be enumerated.
    pub(crate) fn gauss(nodes: usize) -> Self {
        let rule =
            |of: fn(usize) -> Vec<(f64, f64)>| if nodes > 0 { of(nodes) } else { Vec::new() };
        let with_logs = |rule: Vec<(f64, f64)>| {
            let node = |(at, weight): (f64, f64)| Node { at, log_weight: weight.ln(), part: 0 };
            rule.into_iter().map(node).collect()
        };
        let (normal, uniform) = (with_logs(rule(gauss_hermite)), with_logs(rule(gauss_legendre)));
        Self { normal, uniform, chi: nodes }
    }

    /// A rule for normal numbers; uniform numbers and those of the chi distribution are not enumerated.
    pub(crate) fn normal(normal: Vec<Node>) -> Self {
        Self { normal, uniform: Vec::new(), chi: 0 }
    }
}

/// The coverage of the outcomes by an enumeration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// The program was run for every outcome.
    Complete {
        /// The number of outcomes.
        outcomes: usize,
        /// The number of quadrature nodes that the last run used.
        quadratures: usize,
    },
    /// The program draws a continuous number, but no quadrature nodes were allowed.
    Continuous,
    /// There are more outcomes than allowed, or a run made more than 4096 choices, as a loop that waits for an outcome
    /// does.
    TooMany,
}

/// The choices of the current run. For the next run, the last choice that has an outcome left moves on to it.
#[derive(Debug, Default)]
struct Outcomes {
    choices: Vec<Choice>,
    depth: usize,
    probability: f64,
    log_probability: f64,
    hermite: Rule,
    legendre: Rule,
    /// The rules of the chi distributions that were used, by degrees of freedom.
    chi: Vec<(usize, Rule)>,
    /// The number of nodes of such a rule.
    chi_nodes: usize,
    quadratures: usize,
    /// The number of normal numbers among the quadratures.
    normals: usize,
    /// The sum of the parts of the nodes.
    parts: usize,
    /// The least and the largest node that a normal number took.
    extent: [f64; 2],
    /// The reason for which the enumeration was given up, and the generator that lets the run come to its end: a loop
    /// that waits for an outcome would not end with outcomes in their order.
    given_up: Option<(Coverage, Xoshiro256PlusPlus)>,
}

/// The source of the next choice.
enum Active<'a> {
    Generator(&'a mut Xoshiro256PlusPlus),
    Tilted(&'a mut Tilted),
    Enumeration(&'a mut Outcomes),
}

#[derive(Clone, Copy, Debug)]
struct Choice {
    at: usize,
    next: Option<usize>,
}

impl Outcomes {
    /// Chooses one of `count` outcomes with the probabilities `weight`; outcomes of probability zero are skipped.
    fn choose(&mut self, count: usize, weight: impl Fn(usize) -> f64) -> usize {
        let at = self.next(count, |i| weight(i) > 0.0);
        self.probability *= weight(at);
        self.log_probability += weight(at).ln();
        at
    }

    /// Chooses one of the possible outcomes among `count`.
    fn next(&mut self, count: usize, possible: impl Fn(usize) -> bool) -> usize {
        let from = |start: usize| (start..count).find(|&i| possible(i));
        if self.depth == self.choices.len() {
            self.choices.push(Choice { at: from(0).unwrap_or(0), next: None });
        }
        let choice = &mut self.choices[self.depth];
        choice.next = from(choice.at + 1);
        self.depth += 1;
        choice.at
    }

    /// Goes back to the first choice.
    fn restart(&mut self) {
        (self.depth, self.probability, self.log_probability) = (0, 1.0, 0.0);
        (self.quadratures, self.normals, self.parts) = (0, 0, 0);
        self.extent = [f64::INFINITY, f64::NEG_INFINITY];
    }

    /// Chooses a node of a rule.
    fn node(&mut self, rule: impl Fn(&mut Self) -> &mut Rule) -> f64 {
        let nodes = std::mem::take(rule(self));
        self.quadratures += 1;
        let node = nodes[self.next(nodes.len(), |_| true)];
        self.probability *= node.log_weight.exp();
        self.log_probability += node.log_weight;
        self.parts += node.part;
        *rule(self) = nodes;
        node.at
    }

    fn give_up(&mut self, coverage: Coverage) {
        self.given_up = Some((coverage, seed::rng(0, Stream::Estimate, 0)));
    }

    /// Chooses a node of the rule for the chi distribution, which is made when it is first needed.
    fn chi(&mut self, k: usize) -> f64 {
        let known = self.chi.iter().position(|(of, _)| *of == k);
        let at = known.unwrap_or_else(|| {
            let node = |(at, weight): (f64, f64)| Node { at, log_weight: weight.ln(), part: 0 };
            self.chi.push((k, gauss_chi(k, self.chi_nodes).into_iter().map(node).collect()));
            self.chi.len() - 1
        });
        self.node(|list| &mut list.chi[at].1)
    }

    /// Moves on to the next outcome; false if there is none.
    fn advance(&mut self) -> bool {
        self.choices.truncate(self.depth);
        while let Some(choice) = self.choices.pop() {
            if let Some(at) = choice.next {
                self.choices.push(Choice { at, next: None });
                return true;
            }
        }
        false
    }
}

impl Enumerator {
    /// A generator with the stream `index` of a seed.
    pub fn seeded(seed: u64, index: u64) -> Self {
        Self(Source::Generator(seed::rng(seed, Stream::Estimate, index)))
    }

    /// A generator that shows rare outcomes of about `choices` choices in more runs than have them by chance; a run
    /// begins with [`Enumerator::begin`] and has the [`Enumerator::weight`].
    pub(crate) fn tilted(seed: u64, index: u64, choices: usize) -> Self {
        Self(Source::Tilted(Tilted::new(seed, index, choices)))
    }

    /// Begins a run of a tilted generator.
    pub(crate) fn begin(&mut self) {
        if let Source::Tilted(tilted) = &mut self.0 {
            tilted.begin();
        }
    }

    /// The weight of the run of a tilted generator; one for all other sources.
    pub(crate) fn weight(&self) -> f64 {
        if let Source::Tilted(tilted) = &self.0 { tilted.weight() } else { 1.0 }
    }

    /// The number of choices that the run has made of a tilted generator or an enumeration; zero for a plain generator.
    pub(crate) fn choices(&self) -> usize {
        match &self.0 {
            Source::Generator(_) => 0,
            Source::Tilted(tilted) => tilted.made(),
            Source::Enumeration(list) => list.depth,
        }
    }

    /// The source of the next choice; an enumeration is given up here if the choice is one too many, or needs nodes that
    /// it does not have.
    fn active(&mut self, has_nodes: impl Fn(&Outcomes) -> bool) -> Active<'_> {
        match &mut self.0 {
            Source::Generator(rng) => Active::Generator(rng),
            Source::Tilted(tilted) => Active::Tilted(tilted),
            Source::Enumeration(list) => {
                if list.given_up.is_none() {
                    if !has_nodes(list) {
                        list.give_up(Coverage::Continuous);
                    } else if list.depth >= MOST_CHOICES {
                        list.give_up(Coverage::TooMany);
                    }
                }
                match list.given_up {
                    Some((_, ref mut rng)) => Active::Generator(rng),
                    None => Active::Enumeration(list),
                }
            }
        }
    }

    /// Calls `run` once for each outcome of its random choices, at most `most` times. [`Enumerator::probability`] is
    /// the probability of the run. The choices of a run may depend on the outcomes of earlier choices and on nothing
    /// else.
    ///
    /// A normal number takes the `nodes` nodes of a Gauss–Hermite rule, a uniform number those of a Gauss–Legendre rule
    /// (one for each piece, if it is drawn by [`RandomSource::uniform_split`]), and a number of [`RandomSource::chi`]
    /// those of a rule of its own: means of polynomials of degree below twice `nodes` are exact, and those of smooth
    /// functions converge quickly. If `nodes` is zero, only finite choices can be enumerated.
    ///
    /// A run that makes more than 4096 choices, such as a loop that waits for an outcome, ends with random numbers, and
    /// the enumeration ends with it: time and memory are bounded for every program that ends with probability one.
    pub fn for_each(nodes: usize, most: usize, run: impl FnMut(&mut Self)) -> Coverage {
        Self::for_each_node(Quadratures::gauss(nodes), most, run)
    }

    /// [`Enumerator::for_each`] with rules of the caller's choice.
    pub(crate) fn for_each_node(
        rules: Quadratures,
        most: usize,
        mut run: impl FnMut(&mut Self),
    ) -> Coverage {
        let Quadratures { normal: hermite, uniform: legendre, chi: chi_nodes } = rules;
        let list = Outcomes { hermite, legendre, chi_nodes, ..Outcomes::default() };
        let mut source = Self(Source::Enumeration(list));
        for outcomes in 1..=most {
            deadline::check();
            source.rewind();
            run(&mut source);
            let Source::Enumeration(list) = &mut source.0 else {
                unreachable!("a run cannot replace its source")
            };
            if let Some((coverage, _)) = list.given_up {
                return coverage;
            }
            let quadratures = list.quadratures;
            if !list.advance() {
                return Coverage::Complete { outcomes, quadratures };
            }
        }
        Coverage::TooMany
    }

    /// Goes back to the first choice of the current run, so that a second program has the same outcomes; the
    /// probability is then that of its choices. A generator is not changed.
    pub(crate) fn rewind(&mut self) {
        if let Source::Enumeration(list) = &mut self.0 {
            list.restart();
        }
    }

    /// The probability of the choices of the current run so far; one for a generator.
    pub fn probability(&self) -> f64 {
        match &self.0 {
            Source::Generator(_) | Source::Tilted(_) => 1.0,
            Source::Enumeration(list) => list.probability,
        }
    }

    /// The logarithm of [`Enumerator::probability`], which is finite where the probability itself underflows.
    pub(crate) fn log_probability(&self) -> f64 {
        match &self.0 {
            Source::Generator(_) | Source::Tilted(_) => 0.0,
            Source::Enumeration(list) => list.log_probability,
        }
    }

    /// The sum of the parts of the nodes of the current run.
    pub(crate) fn parts(&self) -> usize {
        match &self.0 {
            Source::Generator(_) | Source::Tilted(_) => 0,
            Source::Enumeration(list) => list.parts,
        }
    }

    /// The least and the largest normal number of the current run; infinite if there is none.
    pub(crate) fn extent(&self) -> [f64; 2] {
        match &self.0 {
            Source::Generator(_) | Source::Tilted(_) => [f64::INFINITY, f64::NEG_INFINITY],
            Source::Enumeration(list) => list.extent,
        }
    }

    /// The numbers of normal and of other continuous numbers of the current run.
    pub(crate) fn continuous_numbers(&self) -> [usize; 2] {
        match &self.0 {
            Source::Generator(_) | Source::Tilted(_) => [0, 0],
            Source::Enumeration(list) => {
                [list.normals, list.quadratures.saturating_sub(list.normals)]
            }
        }
    }
}

impl RandomSource for Enumerator {
    fn bernoulli(&mut self, p: f64) -> bool {
        match self.active(|_| true) {
            Active::Generator(rng) => rng.bernoulli(p),
            Active::Tilted(tilted) => tilted.bernoulli(p),
            Active::Enumeration(list) => list.choose(2, |i| if i == 1 { p } else { 1.0 - p }) == 1,
        }
    }

    fn categorical(&mut self, probs: &[f64]) -> usize {
        match self.active(|_| true) {
            Active::Generator(rng) => rng.categorical(probs),
            Active::Tilted(tilted) => tilted.categorical(probs),
            Active::Enumeration(list) => list.choose(probs.len(), |i| probs[i]),
        }
    }

    fn uniform(&mut self) -> f64 {
        match self.active(|list| !list.legendre.is_empty()) {
            Active::Generator(rng) => rng.uniform(),
            Active::Tilted(tilted) => tilted.uniform(),
            Active::Enumeration(list) => list.node(|list| &mut list.legendre),
        }
    }

    fn uniform_split(&mut self, breaks: &[f64]) -> f64 {
        let has_nodes = |list: &Outcomes| !list.legendre.is_empty();
        let Active::Enumeration(list) = self.active(has_nodes) else { return self.uniform() };
        let low = |piece: usize| if piece == 0 { 0.0 } else { breaks[piece - 1] };
        let width = |piece: usize| breaks.get(piece).copied().unwrap_or(1.0) - low(piece);
        let piece = list.choose(breaks.len() + 1, width);
        low(piece) + width(piece) * self.uniform()
    }

    fn normal(&mut self) -> f64 {
        match self.active(|list| !list.hermite.is_empty()) {
            Active::Generator(rng) => rng.normal(),
            Active::Tilted(tilted) => tilted.normal(),
            Active::Enumeration(list) => {
                list.normals += 1;
                let at = list.node(|list| &mut list.hermite);
                list.extent = [list.extent[0].min(at), list.extent[1].max(at)];
                at
            }
        }
    }

    fn chi(&mut self, k: usize) -> f64 {
        match self.active(|list| list.chi_nodes > 0) {
            Active::Generator(rng) => rng.chi(k),
            Active::Tilted(tilted) => {
                (0..k).map(|_| tilted.normal()).map(|eps| eps * eps).sum::<f64>().sqrt()
            }
            Active::Enumeration(list) => list.chi(k),
        }
    }

    fn bernoulli_var<'t, F: Scalar>(&mut self, probs: Var<'t, F>, shape: Shape) -> Var<'t, F> {
        if let Source::Generator(rng) = &mut self.0 {
            return rng.bernoulli_var(probs, shape);
        }
        let (tape, probs) = (probs.tape(), probs.value());
        tape.constant_with(shape, |out| {
            for (bit, p) in out.iter_mut().zip(probs.values().iter().cycle()) {
                *bit = if self.bernoulli(p.to_f64()) { F::ONE } else { F::ZERO };
            }
        })
    }

    fn uniform_var<'t, F: Scalar>(&mut self, tape: &'t Tape<F>, shape: Shape) -> Var<'t, F> {
        if let Source::Generator(rng) = &mut self.0 {
            return rng.uniform_var(tape, shape);
        }
        tape.constant_with(shape, |out| out.fill_with(|| F::from_f64(self.uniform())))
    }

    fn normal_var<'t, F: Scalar>(&mut self, tape: &'t Tape<F>, shape: Shape) -> Var<'t, F> {
        if let Source::Generator(rng) = &mut self.0 {
            return rng.normal_var(tape, shape);
        }
        tape.constant_with(shape, |out| out.fill_with(|| F::from_f64(self.normal())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_enumerated_once_with_their_probabilities() {
        let mut outcomes = Vec::new();
        let coverage = Enumerator::for_each(0, 100, |source| {
            // The second choice is made only after a one, and its class 1 has probability zero.
            let value =
                if source.bernoulli(0.25) { 1 + source.categorical(&[0.5, 0.0, 0.5]) } else { 0 };
            outcomes.push((value, source.probability()));
        });
        assert_eq!(coverage, Coverage::Complete { outcomes: 3, quadratures: 0 });
        assert_eq!(outcomes, [(0, 0.75), (1, 0.125), (3, 0.125)]);
    }

    #[test]
    fn a_certain_bit_has_one_outcome() {
        let coverage = Enumerator::for_each(0, 1, |source| {
            assert!(source.bernoulli(1.0) && !source.bernoulli(0.0))
        });
        assert_eq!(coverage, Coverage::Complete { outcomes: 1, quadratures: 0 });
    }

    /// The first bit in the order of outcomes lets the loop go on, the first node of a rule is rejected: neither loop
    /// ended, and the choices filled the memory.
    #[test]
    fn loops_that_wait_for_an_outcome_end_the_enumeration() {
        let waits = |source: &mut Enumerator| while !source.bernoulli(0.5) {};
        assert_eq!(Enumerator::for_each(0, 1000, waits), Coverage::TooMany);
        let stops = |source: &mut Enumerator| while source.bernoulli(0.5) {};
        assert_eq!(Enumerator::for_each(0, 2_000_000, stops), Coverage::TooMany);
        let polar = |source: &mut Enumerator| loop {
            let [u, v] = [2.0 * source.uniform() - 1.0, 2.0 * source.uniform() - 1.0];
            let square = u * u + v * v;
            if square > 0.0 && square < 1.0 {
                break;
            }
        };
        assert_eq!(Enumerator::for_each(0, 1000, polar), Coverage::Continuous);
        // (The four points of two nodes are all accepted.)
        for nodes in [1, 3, 9, 60] {
            assert_eq!(Enumerator::for_each(nodes, 20_000, polar), Coverage::TooMany);
        }
        let positive = |source: &mut Enumerator| while source.normal() <= 0.0 {};
        assert_eq!(Enumerator::for_each(7, 20_000, positive), Coverage::TooMany);
    }

    #[test]
    fn continuous_numbers_take_nodes_or_end_the_enumeration() {
        assert_eq!(
            Enumerator::for_each(0, 10, |source| assert!(source.normal() < 9.0)),
            Coverage::Continuous
        );
        let both = |source: &mut Enumerator| assert!(source.normal() + source.uniform() < 9.0);
        assert_eq!(Enumerator::for_each(4, 10, both), Coverage::TooMany);
        let (mut eighth, mut step) = (0.0, 0.0);
        let coverage = Enumerator::for_each(5, 100, |source| {
            let z = source.normal();
            let u = source.uniform_split(&[0.3]);
            eighth += source.probability() * z.powi(8);
            step += source.probability() * if u < 0.3 { u * u } else { 1.0 };
        });
        assert_eq!(coverage, Coverage::Complete { outcomes: 50, quadratures: 2 });
        // Polynomials within the pieces: only rounding, of a sum of terms below 2000.
        assert!((eighth - 105.0).abs() < 1e-10 && (step - (0.009 + 0.7)).abs() < 1e-14);
    }
}
