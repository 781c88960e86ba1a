//! The mean of what a candidate draws: exactly where its choices can be listed, else from samples.

use super::gradient::Candidate;
use crate::enumerator::{Coverage, Enumerator};
use crate::moments::{Moments, sample};
use std::ops::Range;
use std::sync::Mutex;

/// Outcomes and draws that two candidates are compared on.
const OUTCOMES: usize = 20_000;
const DRAWS: u64 = 1000;

/// How a mean was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Every outcome was listed; so many.
    Enumerated(usize),
    /// Continuous numbers were replaced by the nodes of two quadratures that agree; so many outcomes.
    Quadrature(usize),
    /// So many draws.
    Sampled(usize),
}

/// A draw's gradient and behind it its value, not a number if none is reported.
fn draw(candidate: &mut dyn Candidate, source: &mut Enumerator, out: &mut [f64]) {
    let (value, gradient) = out.split_last_mut().expect("there is a place for the value");
    gradient.fill(0.0);
    *value = candidate.draw(source, gradient).unwrap_or(0.0);
}

/// The moments over all outcomes of the next draw of `candidate`, if they can be listed.
pub(super) fn exact(
    candidate: &dyn Candidate,
    len: usize,
    most: usize,
) -> Option<(Moments, Method)> {
    let list = |nodes: usize, most: usize| {
        let (mut moments, mut out) = (Moments::new(len + 1), vec![0.0; len + 1]);
        let listing = Enumerator::for_each(nodes, most, |source| {
            draw(&mut *candidate.clone_box(), source, &mut out);
            moments.weigh(&out, source.probability());
        });
        (moments, listing)
    };
    let (moments, listing) = list(0, most);
    match listing {
        Coverage::Complete { outcomes, .. } => {
            return Some((moments, Method::Enumerated(outcomes)));
        }
        Coverage::TooMany => return None,
        Coverage::Continuous => {}
    }
    // With one node for each number there are as many runs as outcomes of the finite choices.
    let (_, Coverage::Complete { outcomes, quadratures }) = list(1, most) else { return None };
    let fine = super::problem::nodes_for(quadratures, most / outcomes.max(1));
    // Of odd and even rules one has a node in the middle: what is not smooth there sets them apart.
    let coarse = fine - fine / 6 - 1 + (fine / 6) % 2;
    if coarse < 5 {
        return None;
    }
    let (rough, _) = list(coarse, most);
    let (moments, listing) = list(fine, most);
    let Coverage::Complete { outcomes, .. } = listing else { return None };
    let near = |a: f64, b: f64, scale: f64, tolerance: f64| {
        (a - b).abs() <= tolerance * scale.max(1.0) || (a.is_nan() && b.is_nan())
    };
    let agrees = (0..=len).all(|i| {
        let (a, b) = (moments.listed_variance(i), rough.listed_variance(i));
        let scale = moments.mean[i].abs() + a.sqrt();
        near(moments.mean[i], rough.mean[i], scale, 1e-10) && near(a, b, a, 1e-6)
    });
    agrees.then_some((moments, Method::Quadrature(outcomes)))
}

/// The moments of a range of draws, in streams that each begin with `candidate` as it is.
pub(super) fn sampled(
    candidate: &Mutex<Box<dyn Candidate>>,
    len: usize,
    draws: Range<usize>,
    seed: u64,
) -> Moments {
    let (moments, _) = sample(len + 1, draws, |index| {
        let mut candidate = candidate.lock().expect("nobody panics while holding it").clone_box();
        let mut source = Enumerator::seeded(seed, index);
        move |out: &mut [f64]| draw(&mut *candidate, &mut source, out)
    });
    moments
}

/// The candidate after `draws` draws with random numbers of a seed.
pub(super) fn after(
    candidate: &dyn Candidate,
    len: usize,
    draws: usize,
    seed: u64,
) -> Box<dyn Candidate> {
    let (mut candidate, mut out) = (candidate.clone_box(), vec![0.0; len]);
    let mut source = Enumerator::seeded(seed, u64::MAX);
    for _ in 0..draws {
        candidate.draw(&mut source, &mut out);
    }
    candidate
}

/// How far two candidates' draws are apart at the most when both are given the same random numbers, over
/// every outcome if they can be listed and else over a thousand draws.
///
/// A declared invariance is proved by it: what a baseline of the other draws subtracts, for example, makes
/// every draw the same when a constant is added to the signal.
///
/// ```
/// use pathscore_estimators::{Enumerator, proof::{FromFn, max_difference}};
/// use pathscore_models::RandomSource;
/// let score = |shift: f64| FromFn(move |dice: &mut Enumerator, out: &mut [f64]| {
///     let b = f64::from(dice.bernoulli(0.5));
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
    let distance =
        |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
    let mut most = 0.0_f64;
    let mut listed = Vec::new();
    let listing = Enumerator::for_each(0, OUTCOMES, |source| listed.push(run(a, source)));
    if matches!(listing, Coverage::Complete { .. }) {
        let mut listed = listed.iter();
        Enumerator::for_each(0, OUTCOMES, |source| {
            let y = run(b, source);
            // Other choices are other outcomes, and there may be more of them.
            most = listed.next().map_or(f64::INFINITY, |x| distance(x, &y).max(most));
        });
        return most;
    }
    for index in 0..DRAWS {
        let [x, y] = [a, b].map(|candidate| run(candidate, &mut Enumerator::seeded(0, index)));
        most = most.max(distance(&x, &y));
    }
    most
}

/// Whether two candidates draw the same, to the bit, as far as a few draws can tell.
pub(super) fn same(a: &dyn Candidate, b: &dyn Candidate, len: usize) -> bool {
    (0..20).all(|index| {
        let [x, y] = [a, b].map(|candidate| {
            let mut out = vec![0.0; len + 1];
            draw(&mut *candidate.clone_box(), &mut Enumerator::seeded(1, index), &mut out);
            out
        });
        x.iter().zip(&y).all(|(x, y)| x.to_bits() == y.to_bits())
    })
}
