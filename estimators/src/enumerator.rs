//! Random numbers that are either drawn, or listed with their probabilities.

use crate::quadrature::{gauss_chi, gauss_hermite, gauss_legendre};
use pathscore_autodiff::{Scalar, Shape, Tape, Var};
use pathscore_models::RandomSource;
use pathscore_models::seed::{self, Stream};
use rand_xoshiro::Xoshiro256PlusPlus;

/// A [`RandomSource`] of either kind: a generator, or a list of every outcome of every choice.
///
/// [`Enumerator::for_each`] runs a program once for each outcome of its choices, depth first, so that an
/// expectation over anything written over `RandomSource` is a finite sum:
///
/// ```
/// use pathscore_estimators::Enumerator;
/// use pathscore_models::RandomSource;
/// let mut mean = 0.0;
/// Enumerator::for_each(0, 100, |dice| {
///     let sum = dice.bernoulli(0.3) as usize + dice.categorical(&[0.5, 0.25, 0.25]);
///     mean += dice.probability() * sum as f64;
/// });
/// assert!((mean - (0.3 + 0.75)).abs() < 1e-15);
/// ```
#[derive(Debug)]
pub struct Enumerator(Source);

#[derive(Debug)]
enum Source {
    Drawn(Xoshiro256PlusPlus),
    Listed(Outcomes),
}

/// The nodes of a quadrature and their weights.
type Rule = Vec<(f64, f64)>;

/// What a listing of outcomes came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Every outcome was run; so many there are.
    Complete {
        /// How often the program was run.
        outcomes: usize,
        /// How many of a run's numbers were nodes of a quadrature.
        quadratures: usize,
    },
    /// There is a continuous number among the choices, and no nodes were allowed.
    Continuous,
    /// There are more outcomes than were allowed.
    TooMany,
}

/// The choices of the present run, of which the last with an outcome left is advanced for the next.
#[derive(Debug, Default)]
struct Outcomes {
    choices: Vec<Choice>,
    depth: usize,
    probability: f64,
    hermite: Rule,
    legendre: Rule,
    /// For the lengths that were asked for.
    lengths: Vec<(usize, Rule)>,
    quadratures: usize,
    continuous: bool,
}

#[derive(Clone, Copy, Debug)]
struct Choice {
    at: usize,
    next: Option<usize>,
}

impl Outcomes {
    /// One of `count` outcomes; those without probability are passed over.
    fn choose(&mut self, count: usize, weight: impl Fn(usize) -> f64) -> usize {
        let from = |start: usize| (start..count).find(|&i| weight(i) > 0.0);
        if self.depth == self.choices.len() {
            self.choices.push(Choice { at: from(0).unwrap_or(0), next: None });
        }
        let choice = &mut self.choices[self.depth];
        choice.next = from(choice.at + 1);
        self.depth += 1;
        self.probability *= weight(choice.at);
        choice.at
    }

    /// A node of a rule, or, without one, any number at all: the run is then not counted.
    fn node(&mut self, rule: impl Fn(&mut Self) -> &mut Rule) -> f64 {
        let nodes = std::mem::take(rule(self));
        let node = match nodes.len() {
            0 => {
                self.continuous = true;
                0.5
            }
            len => {
                self.quadratures += 1;
                nodes[self.choose(len, |i| nodes[i].1)].0
            }
        };
        *rule(self) = nodes;
        node
    }

    /// A node of the rule for the length of `k` normal numbers, which is made when it is first asked for.
    fn length(&mut self, k: usize) -> f64 {
        let known = self.lengths.iter().position(|(length, _)| *length == k);
        let at = known.unwrap_or_else(|| {
            let n = self.hermite.len();
            self.lengths.push((k, if n > 0 { gauss_chi(k, n) } else { Vec::new() }));
            self.lengths.len() - 1
        });
        self.node(|list| &mut list.lengths[at].1)
    }

    /// Goes on to the next outcome, if there is one.
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
    /// The generator of a seed's item `index`.
    pub fn seeded(seed: u64, index: u64) -> Self {
        Self(Source::Drawn(seed::rng(seed, Stream::Estimate, index)))
    }

    /// Runs `run` once for each outcome of its choices, which must be the same whenever the choices
    /// before them come out the same; the run finds its probability in [`Enumerator::probability`].
    ///
    /// A normal number becomes the `nodes` nodes of a Gauss–Hermite rule, a uniform one those of a
    /// Gauss–Legendre rule (between its breaks, if it was drawn by [`RandomSource::uniform_split`]), and a
    /// [`RandomSource::chi`] those of a rule of its own: exact for polynomials of degree below twice `nodes`, and quickly convergent for what is smooth. With no nodes
    /// only finite choices can be listed.
    pub fn for_each(nodes: usize, most: usize, mut run: impl FnMut(&mut Self)) -> Coverage {
        let rule = |of: fn(usize) -> Rule| if nodes > 0 { of(nodes) } else { Vec::new() };
        let (hermite, legendre) = (rule(gauss_hermite), rule(gauss_legendre));
        let mut source =
            Self(Source::Listed(Outcomes { hermite, legendre, ..Outcomes::default() }));
        for outcomes in 1..=most {
            if let Source::Listed(list) = &mut source.0 {
                (list.depth, list.probability, list.quadratures) = (0, 1.0, 0);
            }
            run(&mut source);
            let Source::Listed(list) = &mut source.0 else { unreachable!("the source stays") };
            if list.continuous {
                return Coverage::Continuous;
            }
            let quadratures = list.quadratures;
            if !list.advance() {
                return Coverage::Complete { outcomes, quadratures };
            }
        }
        Coverage::TooMany
    }

    /// Back to the first choice of the present run, so that a second program finds the same outcomes; the
    /// probability is then of its choices. Numbers that are drawn go on instead.
    pub(crate) fn rewind(&mut self) {
        if let Source::Listed(list) = &mut self.0 {
            (list.depth, list.probability, list.quadratures) = (0, 1.0, 0);
        }
    }

    /// The probability of the present run so far; one, if the numbers are drawn.
    pub fn probability(&self) -> f64 {
        match &self.0 {
            Source::Drawn(_) => 1.0,
            Source::Listed(list) => list.probability,
        }
    }
}

impl RandomSource for Enumerator {
    fn bernoulli(&mut self, p: f64) -> bool {
        match &mut self.0 {
            Source::Drawn(rng) => rng.bernoulli(p),
            Source::Listed(list) => list.choose(2, |i| if i == 1 { p } else { 1.0 - p }) == 1,
        }
    }

    fn categorical(&mut self, probs: &[f64]) -> usize {
        match &mut self.0 {
            Source::Drawn(rng) => rng.categorical(probs),
            Source::Listed(list) => list.choose(probs.len(), |i| probs[i]),
        }
    }

    fn uniform(&mut self) -> f64 {
        match &mut self.0 {
            Source::Drawn(rng) => rng.uniform(),
            Source::Listed(list) => list.node(|list| &mut list.legendre),
        }
    }

    fn uniform_split(&mut self, breaks: &[f64]) -> f64 {
        let Source::Listed(list) = &mut self.0 else { return self.uniform() };
        let low = |piece: usize| if piece == 0 { 0.0 } else { breaks[piece - 1] };
        let width = |piece: usize| breaks.get(piece).copied().unwrap_or(1.0) - low(piece);
        let piece = list.choose(breaks.len() + 1, width);
        low(piece) + width(piece) * self.uniform()
    }

    fn normal(&mut self) -> f64 {
        match &mut self.0 {
            Source::Drawn(rng) => rng.normal(),
            Source::Listed(list) => list.node(|list| &mut list.hermite),
        }
    }

    fn chi(&mut self, k: usize) -> f64 {
        match &mut self.0 {
            Source::Drawn(rng) => rng.chi(k),
            Source::Listed(list) => list.length(k),
        }
    }

    fn bernoulli_var<'t, F: Scalar>(&mut self, probs: Var<'t, F>, shape: Shape) -> Var<'t, F> {
        if let Source::Drawn(rng) = &mut self.0 {
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
        match &mut self.0 {
            Source::Drawn(rng) => rng.uniform_var(tape, shape),
            Source::Listed(_) => {
                tape.constant_with(shape, |out| out.fill_with(|| F::from_f64(self.uniform())))
            }
        }
    }

    fn normal_var<'t, F: Scalar>(&mut self, tape: &'t Tape<F>, shape: Shape) -> Var<'t, F> {
        match &mut self.0 {
            Source::Drawn(rng) => rng.normal_var(tape, shape),
            Source::Listed(_) => {
                tape.constant_with(shape, |out| out.fill_with(|| F::from_f64(self.normal())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_listed_once_with_their_probabilities() {
        let mut seen = Vec::new();
        let listing = Enumerator::for_each(0, 100, |source| {
            // The second choice is made only after a one, and its class 1 cannot be.
            let value =
                if source.bernoulli(0.25) { 1 + source.categorical(&[0.5, 0.0, 0.5]) } else { 0 };
            seen.push((value, source.probability()));
        });
        assert_eq!(listing, Coverage::Complete { outcomes: 3, quadratures: 0 });
        assert_eq!(seen, [(0, 0.75), (1, 0.125), (3, 0.125)]);
    }

    #[test]
    fn a_certain_bit_is_no_choice() {
        let listing = Enumerator::for_each(0, 1, |source| {
            assert!(source.bernoulli(1.0) && !source.bernoulli(0.0))
        });
        assert_eq!(listing, Coverage::Complete { outcomes: 1, quadratures: 0 });
    }

    #[test]
    fn continuous_numbers_are_nodes_or_nothing() {
        assert_eq!(
            Enumerator::for_each(0, 10, |source| assert!(source.normal() < 9.0)),
            Coverage::Continuous
        );
        let both = |source: &mut Enumerator| assert!(source.normal() + source.uniform() < 9.0);
        assert_eq!(Enumerator::for_each(4, 10, both), Coverage::TooMany);
        let (mut eighth, mut step) = (0.0, 0.0);
        let listing = Enumerator::for_each(5, 100, |source| {
            let z = source.normal();
            let u = source.uniform_split(&[0.3]);
            eighth += source.probability() * z.powi(8);
            step += source.probability() * if u < 0.3 { u * u } else { 1.0 };
        });
        assert_eq!(listing, Coverage::Complete { outcomes: 50, quadratures: 2 });
        // Polynomials within the pieces: rounding alone, of a sum of terms below 2000.
        assert!((eighth - 105.0).abs() < 1e-10 && (step - (0.009 + 0.7)).abs() < 1e-14);
    }
}
