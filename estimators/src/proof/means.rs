//! The mean of a candidate's draws: exact where its choices can be enumerated, and otherwise from samples.

use super::gradient::Candidate;
use super::numerics::nodes_for;
use crate::deadline;
use crate::enumerator::{Coverage, Enumerator};
use crate::moments::Moments;
use std::fmt;

/// The largest number of outcomes over which two candidates are compared.
const COMPARED_OUTCOMES: usize = 20_000;
/// The number of draws on which two candidates are compared if they have more outcomes.
const COMPARED_DRAWS: u64 = 1000;

/// The method by which a mean was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// All outcomes were enumerated; their number.
    Enumerated(usize),
    /// Continuous numbers were replaced by the nodes of two quadratures that agree, and draws confirm the result.
    Quadrature {
        /// The number of outcomes.
        outcomes: usize,
        /// The number of draws; zero if a declared bias needed none.
        draws: usize,
    },
    /// The mean was estimated from draws; their number.
    Sampled(usize),
}

impl Method {
    /// The number of draws.
    pub fn draws(self) -> usize {
        match self {
            Self::Enumerated(_) => 0,
            Self::Quadrature { draws, .. } | Self::Sampled(draws) => draws,
        }
    }

    /// The number of outcomes that were enumerated.
    pub fn outcomes(self) -> usize {
        match self {
            Self::Enumerated(outcomes) | Self::Quadrature { outcomes, .. } => outcomes,
            Self::Sampled(_) => 0,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enumerated(1) => f.write_str("one outcome enumerated"),
            Self::Enumerated(outcomes) => write!(f, "{outcomes} outcomes enumerated"),
            Self::Quadrature { outcomes, draws: 0 } => {
                write!(f, "quadrature of {outcomes} outcomes")
            }
            Self::Quadrature { outcomes, draws } => {
                write!(f, "quadrature of {outcomes} outcomes, confirmed by {draws} draws")
            }
            Self::Sampled(draws) => write!(f, "{draws} draws"),
        }
    }
}

/// Writes a gradient into `out` and its value behind it, zero if none is reported.
pub(super) fn draw(candidate: &mut dyn Candidate, source: &mut Enumerator, out: &mut [f64]) {
    let (value, gradient) = out.split_last_mut().expect("there is a place for the value");
    gradient.fill(0.0);
    *value = candidate.draw(source, gradient).unwrap_or(0.0);
}

/// The moments over all outcomes of the next draw of `candidate`, if there are at most `most` of them.
///
/// Every outcome begins with a copy of the candidate; one that does not learn is copied once, which is much faster for
/// estimators with a tape.
pub(super) fn exact(
    candidate: &dyn Candidate,
    len: usize,
    most: usize,
    learns: bool,
) -> Option<(Moments, Method)> {
    if learns {
        return enumerated(len, most, |source, out| draw(&mut *candidate.clone_box(), source, out));
    }
    let mut copy = candidate.clone_box();
    let found = enumerated(len, most, |source, out| draw(&mut *copy, source, out));
    // It may have learnt after all, from an outcome that is rare.
    let alike = (0..10).all(|index| {
        deadline::check();
        let [a, b] = [&*candidate, &*copy].map(|candidate| {
            let mut out = vec![0.0; len + 1];
            draw(&mut *candidate.clone_box(), &mut Enumerator::seeded(1, index), &mut out);
            out
        });
        a.iter().zip(&b).all(|(a, b)| a.to_bits() == b.to_bits())
    });
    if alike { found } else { exact(candidate, len, most, true) }
}

/// The moments over all outcomes of a program that writes a gradient and its value.
fn enumerated(
    len: usize,
    most: usize,
    mut run: impl FnMut(&mut Enumerator, &mut [f64]),
) -> Option<(Moments, Method)> {
    let mut enumerate = |nodes: usize, most: usize| {
        let (mut moments, mut out) = (Moments::new(len + 1), vec![0.0; len + 1]);
        let coverage = Enumerator::for_each(nodes, most, |source| {
            run(source, &mut out);
            moments.add_weighted(&out, source.probability());
        });
        (moments, coverage)
    };
    let (moments, coverage) = enumerate(0, most);
    match coverage {
        Coverage::Complete { outcomes, .. } => {
            return Some((moments, Method::Enumerated(outcomes)));
        }
        Coverage::TooMany => return None,
        Coverage::Continuous => {}
    }
    // With one node for each continuous number there are as many runs as outcomes of the finite choices.
    let (_, Coverage::Complete { outcomes, quadratures }) = enumerate(1, most) else { return None };
    let fine = nodes_for(quadratures, most / outcomes.max(1));
    // One of the rules is odd and has a node in the middle, so that they disagree on a kink there.
    let coarse = fine - fine / 6 - 1 + (fine / 6) % 2;
    if coarse < 5 {
        return None;
    }
    let (rough, _) = enumerate(coarse, most);
    let (moments, coverage) = enumerate(fine, most);
    let Coverage::Complete { outcomes, .. } = coverage else { return None };
    let near = |a: f64, b: f64, scale: f64, tolerance: f64| {
        (a - b).abs() <= tolerance * scale.max(1.0) || (a.is_nan() && b.is_nan())
    };
    let agrees = (0..=len).all(|i| {
        let (a, b) = (moments.enumerated_variance(i), rough.enumerated_variance(i));
        let scale = moments.mean[i].abs() + a.sqrt();
        near(moments.mean[i], rough.mean[i], scale, 1e-10) && near(a, b, a, 1e-6)
    });
    agrees.then_some((moments, Method::Quadrature { outcomes, draws: 0 }))
}

/// The largest difference between the draws of two candidates that are given the same random numbers: over all outcomes
/// if they can be enumerated, and otherwise over a thousand draws.
///
/// Candidates with different numbers of outcomes differ by infinity, and so do a number and NaN. The function checks
/// invariances: with the mean of
/// the other draws for a baseline, for example, no draw changes when a constant is added to the signal.
///
/// ```
/// use pathscore_estimators::{Enumerator, proof::{FromFn, max_difference}};
/// use pathscore_models::RandomSource;
/// let score = |shift: f64| FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
///     let b = f64::from(source.bernoulli(0.5));
///     out[0] = (b + shift) * (b - 0.5);
/// });
/// assert_eq!(max_difference(&score(0.0), &score(0.0), 1), 0.0);
/// // Without a baseline a constant changes every draw.
/// assert_eq!(max_difference(&score(0.0), &score(10.0), 1), 5.0);
/// ```
pub fn max_difference(a: &dyn Candidate, b: &dyn Candidate, len: usize) -> f64 {
    let run = |candidate: &dyn Candidate, source: &mut Enumerator| {
        let mut out = vec![0.0; len];
        candidate.clone_box().draw(source, &mut out);
        out
    };
    let difference_of = |(x, y): (&f64, &f64)| match (x - y).abs() {
        _ if x == y || x.is_nan() && y.is_nan() => 0.0,
        difference if difference.is_nan() => f64::INFINITY,
        difference => difference,
    };
    let distance = |x: &[f64], y: &[f64]| x.iter().zip(y).map(difference_of).fold(0.0, f64::max);
    let mut most = 0.0_f64;
    let mut first = Vec::new();
    let coverage = Enumerator::for_each(0, COMPARED_OUTCOMES, |source| first.push(run(a, source)));
    if matches!(coverage, Coverage::Complete { .. }) {
        let mut first = first.iter();
        Enumerator::for_each(0, COMPARED_OUTCOMES, |source| {
            let y = run(b, source);
            // A candidate with other choices may have more outcomes, or fewer.
            most = first.next().map_or(f64::INFINITY, |x| distance(x, &y).max(most));
        });
        return if first.next().is_some() { f64::INFINITY } else { most };
    }
    for index in 0..COMPARED_DRAWS {
        let [x, y] = [a, b].map(|candidate| run(candidate, &mut Enumerator::seeded(0, index)));
        most = most.max(distance(&x, &y));
    }
    most
}
