//! The proof: from a problem and a candidate to a verdict.

use super::gradient::Candidate;
use super::means::{Method, draw, exact};
use super::options::Options;
use super::problem::Problem;
use super::report::{Proof, Resolution, Verdict};
use super::sequential_test::{CONFIRMED, NodeMeans};
use super::streams::{Memory, is_over};
use super::verdict::MeanTest;
use crate::deadline;
use crate::enumerator::Enumerator;
use crate::estimator::Claim;
use crate::moments::Moments;
use std::time::Instant;

/// The numbers of earlier draws after which the next draw of a candidate that learns is enumerated, in the order of
/// their worth; as many as [`LEARNT_RUNS`] allow.
const DRAWS_LEARNT: [usize; 30] = [
    1, 25, 2, 3, 999, 4, 5, 6, 7, 8, 9, 10, 99, 12, 15, 19, 20, 29, 30, 31, 49, 50, 100, 199, 299,
    499, 1000, 1999, 2999, 3999,
];

/// The number of single draws that are examined, if they differ from those before them and must be sampled.
const MOST_CHANGES: usize = 4;

/// The number of outcomes over which candidates that learn are enumerated after they have learnt. Numbers of earlier draws
/// are taken in their order where [`DRAWS_LEARNT`] leaves outcomes over.
const LEARNT_RUNS: usize = 20_000;

/// The largest gradient whose squares and their sums are finite.
const LARGEST_GRADIENT: f64 = 1e150;

/// The number of histories over which the mean of a draw is averaged that depends on earlier draws.
const HISTORIES: u64 = 256;

/// The critical value of the mean over these histories. A normal number exceeds it once in 10¹⁵; means of skewed numbers
/// do so more often.
const CRITICAL_HISTORIES: f64 = 8.0;

/// Compares the mean of the draws of `candidate` with the exact gradient of `problem`.
///
/// * If the candidate's choices are finite, all outcomes are enumerated; the mean is exact and must equal the truth to
///   $10^{-8}$.
/// * If normal and uniform numbers are among them, they become the nodes of two quadratures. If these agree, draws have
///   to confirm the result: an event between two nodes is seen by no rule.
/// * Otherwise, as after a loop that waits for an outcome, draws decide alone. A component is called biased if its mean
///   is more than $z_c$ standard errors from the truth; $z_c$ is the normal quantile of the false alarm divided among
///   both sides, all components and all looks, widened by Bernstein's term where single draws carry much of the
///   variance. The candidate is called unbiased when a bias of the requested size would have been detected with the
///   requested power, that is, when it exceeds $z_c + z_p$ standard errors.
///
/// In a quarter of the draws one choice comes from a wider law, and the draw has the ratio of the laws as its weight:
/// rare values of a single choice are seen although the mean stays that of the candidate's own laws. What several choices
/// bring about together is as rare as it is, and may be missed. Where one draw carries a tenth of the variance, rarer ones may
/// carry the mean, and the verdict is open.
///
/// Two streams of which one is a draw ahead of the other are compared to the bit, [`Options::depth`] draws long, to find
/// the draws that depend on earlier ones. The mean of such a draw is enumerated again after one, two, three … draws, as many
/// as some thousand outcomes allow, and long streams are drawn beside the short ones: the resolution is that of the mean over
/// whole streams. A state that one stream in hundreds takes may be missed.
///
/// [`Options::seconds`] is looked at between draws, between outcomes, and between some thousand log-probabilities of the
/// exact gradient. A proof that is cut off is inconclusive.
///
/// ```
/// use pathscore_estimators::Enumerator;
/// use pathscore_estimators::proof::{Expectation, FromFn, Options, Verdict, prove};
/// use pathscore_models::RandomSource;
/// let f = |b: f64| (b - 0.45).powi(2);
/// let p = |theta: f64| 1.0 / (1.0 + (-theta).exp());
/// let problem = Expectation::new("toy", &[1.0], |at, source| f(f64::from(source.bernoulli(p(at[0])))));
/// let score = |factor: f64| FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
///     let b = f64::from(source.bernoulli(p(1.0)));
///     out[0] = factor * f(b) * (b - p(1.0));
/// });
/// let proof = prove(&problem, &score(1.0), &Options::default());
/// assert_eq!(proof.verdict, Verdict::Unbiased);
/// let proof = prove(&problem, &score(0.5), &Options::default());
/// assert_eq!(proof.verdict, Verdict::Biased);
/// ```
///
/// The error of the truth is part of every standard error. Where the problem has no truth within its tolerance, the
/// verdict is [`Verdict::Inconclusive`], and no number of draws would change it.
///
/// # Panics
/// If the candidate panics on any outcome.
pub fn prove(problem: &dyn Problem, candidate: &dyn Candidate, options: &Options) -> Proof {
    let (claim, end) = (candidate.claim(), options.deadline());
    let none = |reason: &str| {
        Proof::without_evidence(problem.name(), claim, options, reason.into(), f64::INFINITY)
    };
    let Some(truth) = deadline::within(end, || problem.truth()) else {
        return none("the time ended before the exact gradient was found");
    };
    let truth = match truth {
        Ok(truth) => truth,
        Err(refused) => return none(&refused.to_string()),
    };
    if !truth.gradient.iter().all(|g| g.is_finite()) {
        return none("the exact gradient is not finite");
    }
    if truth.gradient.iter().any(|g| g.abs() > LARGEST_GRADIENT) {
        return none("the squares of the exact gradient are not finite");
    }
    let len = truth.gradient.len();
    let soon = part(end, PART_FOR_DEPTH);
    let memory = Memory::of(candidate, len, options.depth, options.seed, soon);
    let learns = memory.learns();
    let test = MeanTest { problem, truth: &truth, claim, options, end, learns };
    let mut proof = test.mean(candidate, &memory);
    // Of a candidate that learns, long streams are drawn if there is time.
    proof.depth = if learns && !is_over(end) { options.depth } else { memory.depth };
    if memory.has_own_randomness {
        proof.notes.push(
            "equal random numbers give different draws: the candidate has random numbers of its own"
                .into(),
        );
    } else if memory.choices == 0 && memory.depth > 0 && claim != Claim::Exact {
        proof.notes.push("the candidate never used the random source that it was given".into());
    }
    proof
}

/// The part of the time that is left in which dependence on earlier draws is looked for, and that in which outcomes are
/// enumerated: time for draws remains.
const PART_FOR_DEPTH: f64 = 0.2;
const PART_FOR_OUTCOMES: f64 = 0.5;

/// The instant at which a part of the time until `end` is over.
fn part(end: Option<Instant>, part: f64) -> Option<Instant> {
    let now = Instant::now();
    end.map(|end| now + end.saturating_duration_since(now).mul_f64(part))
}

impl MeanTest<'_> {
    fn mean(&self, candidate: &dyn Candidate, memory: &Memory) -> Proof {
        let (len, options) = (self.truth.gradient.len(), self.options);
        let found = match memory.has_own_randomness {
            true => None,
            false => {
                let end = part(self.end, PART_FOR_OUTCOMES);
                let find = || exact(candidate, len, options.outcomes, memory.learns());
                deadline::within(end, find).flatten()
            }
        };
        let Some((moments, method)) = found else {
            let mut proof = self.by_samples(candidate, memory, None);
            if proof.ok {
                proof = self.at_changes(candidate, memory, proof);
            }
            if proof.verdict == Verdict::Unbiased && memory.choices > 0 {
                proof.notes.push(format!(
                    "draws were compared: there are more than {} outcomes (`Options::outcomes`), or no quadrature of them agrees with another",
                    options.outcomes
                ));
            }
            return proof;
        };
        let evidence = self.enumerated(&moments, method);
        let biased = self.is_biased(&evidence);
        let finite = matches!(method, Method::Enumerated(_));
        let mut proof = match finite || biased && self.claim == Claim::Biased {
            true => self.unless_too_small(self.verdict(evidence)),
            false => {
                let nodes = NodeMeans { moments: &moments, outcomes: method.outcomes(), biased };
                self.by_samples(candidate, memory, Some(&nodes))
            }
        };
        if memory.learns() && proof.ok {
            proof = self.after_learning(candidate, memory, proof);
        }
        proof
    }

    /// An inconclusive proof if the gradient is so small that a bias of the requested resolution is one of rounding.
    fn unless_too_small(&self, mut proof: Proof) -> Proof {
        let Some(resolution) = proof.resolution else { return proof };
        // Where the gradient is zero, an equal mean is as right as can be.
        let small = resolution.size > 0.0 && resolution.relative() > self.options.resolution;
        if proof.verdict == Verdict::Unbiased && small {
            proof.verdict = Verdict::Inconclusive { draws: f64::INFINITY };
            proof.ok = self.claim == Claim::Biased;
            proof.reason = Some(format!(
                "the norm of the gradient is {:.1e}, and a bias below {:.1e} may be one of rounding",
                resolution.size, resolution.bias
            ));
        }
        proof
    }

    /// The worst proof of the first draw, `first`, and of draws after a candidate has learnt.
    fn after_learning(&self, candidate: &dyn Candidate, memory: &Memory, first: Proof) -> Proof {
        let (len, options) = (self.truth.gradient.len(), self.options);
        let outcomes = first.method.outcomes().max(1);
        let most = match self.claim.is_unbiased() {
            true => (LEARNT_RUNS / outcomes).max(1),
            false => 1,
        };
        // Changes that are few are faults of single draws, and cheap to look at.
        let single = memory.changes.iter().filter(|_| memory.depth == options.depth);
        let mut depths: Vec<usize> = DRAWS_LEARNT.iter().take(most).copied().collect();
        depths.extend(1..=most.saturating_sub(DRAWS_LEARNT.len()).min(options.depth));
        depths.extend(single.take(most));
        depths.retain(|depth| *depth > 0 && *depth <= options.depth);
        depths.sort_unstable();
        depths.dedup();
        let (mut proof, mut examined) = (first, 0);
        let mut stream = History::new(candidate, len, options.seed, u64::MAX);
        for depth in depths {
            let found = deadline::within(self.end, || {
                stream.go_on_to(depth);
                exact(&*stream.candidate, len, options.outcomes, true)
            });
            let Some(found) = found else { return self.cut_off(proof, examined) };
            let Some((moments, method)) = found else { continue };
            examined += 1;
            let evidence = self.enumerated(&moments, method);
            let mut later = self.verdict(evidence);
            if later.ok && later.max_abs_error <= proof.max_abs_error {
                continue;
            }
            if later.ok {
                later.draws = proof.draws;
                later.method = proof.method;
                later.detectable_bias = proof.detectable_bias;
                later.resolution = proof.resolution;
                later.notes = proof.notes;
                proof = later;
                continue;
            }
            match self.over_histories(candidate, depth) {
                Some(true) => {
                    let words = format!(
                        "; only after {depth} draws: the learnt state depends on the draw that it \
                         corrects, or scales the gradient"
                    );
                    later.diagnosis.iter_mut().for_each(|diagnosis| diagnosis.push_str(&words));
                    return later;
                }
                Some(false) => return self.dependent(candidate, memory),
                None => return self.cut_off(proof, examined),
            }
        }
        proof.notes.push(learnt(examined));
        let sampled = proof.method.draws() > 0;
        if sampled || proof.verdict != Verdict::Unbiased {
            return proof;
        }
        self.by_whole_streams(candidate, memory, proof)
    }

    /// An enumerated proof with the resolution of draws of whole streams, which see faults between the numbers of draws that
    /// were enumerated: of more draws, if some are not enough to confirm it.
    fn by_whole_streams(&self, candidate: &dyn Candidate, memory: &Memory, all: Proof) -> Proof {
        let options = self.options;
        let coarse = Options { resolution: CONFIRMED * options.resolution, ..*options };
        let few = Options { draws: options.confirming.min(options.draws), ..*options };
        let draw =
            |options: &Options| MeanTest { options, ..*self }.by_samples(candidate, memory, None);
        let confirms = |drawn: &Proof| {
            let resolution = drawn.resolution;
            let fine = |r: Resolution| r.size == 0.0 || r.relative() <= coarse.resolution;
            drawn.verdict == Verdict::Unbiased || resolution.is_some_and(fine)
        };
        let mut drawn = draw(&few);
        if drawn.verdict != Verdict::Biased && !confirms(&drawn) {
            drawn = draw(&coarse);
        }
        let drawn_notes = std::mem::take(&mut drawn.notes);
        if drawn.verdict == Verdict::Biased || !confirms(&drawn) {
            drawn.notes = [all.notes, drawn_notes].concat();
            return drawn;
        }
        let mut all = all;
        let fine = all.resolution.map_or(String::new(), |fine| fine.to_string());
        all.notes.push(format!(
            "the enumerated draws agree to {fine}, {} of whole streams in the mean",
            drawn.method
        ));
        all.detectable_bias = drawn.detectable_bias;
        all.resolution = drawn.resolution;
        all
    }

    /// The proof of a candidate that learns, if the time ended before all was enumerated.
    fn cut_off(&self, proof: Proof, examined: usize) -> Proof {
        let mut proof = proof;
        proof.notes.push(learnt(examined));
        proof.verdict = Verdict::Inconclusive { draws: f64::INFINITY };
        proof.ok = self.claim == Claim::Biased;
        proof.reason = Some("the time ended before later draws were enumerated".into());
        proof
    }

    /// The worst proof of all draws, `all`, and of the single draws that differ from those before them.
    fn at_changes(&self, candidate: &dyn Candidate, memory: &Memory, all: Proof) -> Proof {
        let changes = memory.single_changes();
        for &depth in changes.iter().filter(|depth| **depth > 0).take(MOST_CHANGES) {
            let after = Memory { at: Some(depth), changes: Vec::new(), ..memory.clone() };
            let mut proof = self.by_samples(candidate, &after, None);
            if proof.verdict == Verdict::Biased {
                let words = format!("; only in the draw after {depth} draws of a stream");
                proof.diagnosis.iter_mut().for_each(|diagnosis| diagnosis.push_str(&words));
                return proof;
            }
        }
        let mut all = all;
        if changes.len() > MOST_CHANGES {
            all.notes.push(format!(
                "{} or more draws of a stream differ from those before, and {MOST_CHANGES} were examined",
                changes.len()
            ));
        }
        all
    }

    /// The proof of a candidate whose draws depend on earlier ones in such a way that their mean over all histories is
    /// right, or is not known to be wrong.
    fn dependent(&self, candidate: &dyn Candidate, memory: &Memory) -> Proof {
        let mut proof = self.by_samples(candidate, memory, None);
        proof.notes.push(
            "the mean of a draw depends on the draws before it; the verdict is on its mean over these"
                .into(),
        );
        proof
    }

    /// True if the mean of the draw after `depth` draws is wrong over all histories; `None` if the time ended.
    fn over_histories(&self, candidate: &dyn Candidate, depth: usize) -> Option<bool> {
        let (len, options) = (self.truth.gradient.len(), self.options);
        let mut means = Moments::new(len + 1);
        for index in 0..HISTORIES {
            let found = deadline::within(self.end, || {
                let mut history = History::new(candidate, len, options.seed, u64::MAX - index);
                history.go_on_to(depth);
                exact(&*history.candidate, len, options.outcomes, true)
            })?;
            if let Some((moments, _)) = found {
                means.add(&moments.mean);
            }
        }
        let allowed = 1e-8 * self.scale();
        Some(
            (0..len).any(|i| {
                let error = (means.variance(i) / means.draws.max(1.0)).sqrt();
                let bias = (means.mean[i] - self.truth.gradient[i]).abs();
                bias > CRITICAL_HISTORIES * error + allowed
            }) || means.non_finite > 0.0,
        )
    }
}

/// The note about a candidate that learns.
fn learnt(examined: usize) -> String {
    format!("learns; enumerated again after {examined} numbers of draws")
}

/// A candidate with the state that it has learnt from a stream of draws.
struct History {
    candidate: Box<dyn Candidate>,
    source: Enumerator,
    out: Vec<f64>,
    draws: usize,
}

impl History {
    fn new(candidate: &dyn Candidate, len: usize, seed: u64, index: u64) -> Self {
        let (candidate, source) = (candidate.clone_box(), Enumerator::seeded(seed, index));
        Self { candidate, source, out: vec![0.0; len + 1], draws: 0 }
    }

    fn go_on_to(&mut self, draws: usize) {
        for _ in self.draws..draws {
            draw(&mut *self.candidate, &mut self.source, &mut self.out);
            deadline::check();
        }
        self.draws = self.draws.max(draws);
    }
}
