//! From a problem and a candidate to a verdict.

use super::certificate::{Component, Proof, Verdict};
use super::diagnosis::{Seen, diagnose};
use super::gradient::Candidate;
use super::means::{Method, after, exact, same, sampled};
use super::problem::{Problem, Truth};
use crate::estimator::Claim;
use crate::moments::{BLOCK, Moments};
use pathscore_autodiff::Real;
use std::sync::Mutex;
use std::time::Instant;

/// How hard is looked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// The probability that a right estimator is called biased by its samples, over all components and
    /// looks. What is listed is never called so.
    pub false_alarm: f64,
    /// The probability with which a bias of the detectable size would be seen.
    pub power: f64,
    /// The bias that must be detectable before samples call an estimator unbiased, as a fraction of the
    /// norm of the gradient (of the standard deviation of a draw, where that is zero).
    pub resolution: f64,
    /// The most draws.
    pub draws: usize,
    /// The most seconds of drawing. With a limit the number of draws, and so the last digits, depend on
    /// the machine.
    pub seconds: f64,
    /// The most outcomes that are listed.
    pub outcomes: usize,
    /// From which the random numbers are derived.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            false_alarm: 1e-5,
            power: 0.99,
            resolution: 0.02,
            draws: 8_192_000,
            seconds: f64::INFINITY,
            outcomes: 20_000,
            seed: 0,
        }
    }
}

/// Draws at the first look; each look has four times those of the one before.
const FIRST_LOOK: usize = 4 * BLOCK;

/// What a listed mean may differ from the truth by, in multiples of the largest component.
const EXACT: f64 = 1e-8;

/// Draws after which what a candidate has learnt is examined, beside the beginning.
const LEARNT: [usize; 2] = [1, 25];

/// Compares the mean of what `candidate` draws with the exact gradient of `problem`.
///
/// Where the candidate's choices can be listed (finite ones outright, normal and uniform numbers by two
/// quadratures that must agree), the mean is exact and must be the truth to $10^{-8}$: at the beginning, and
/// given what has been learnt after some draws. Where they cannot, samples are compared at looks of growing
/// size. A component is called biased if its distance from the truth exceeds $z_c$ standard errors, $z_c$
/// the normal quantile of the false alarm shared out over both sides, all components and all looks, widened
/// by Bernstein's term where single draws weigh much; and called unbiased when a bias of the size that is
/// asked for would have been seen with the power that is asked for: $(z_c + z_p)$ standard errors.
///
/// ```
/// use pathscore_estimators::Dice;
/// use pathscore_estimators::proof::{Drawn, Expectation, Options, Verdict, prove};
/// use pathscore_models::Chance;
/// let f = |b: f64| (b - 0.45).powi(2);
/// let p = |theta: f64| 1.0 / (1.0 + (-theta).exp());
/// let problem = Expectation::new("toy", &[1.0], |at, dice| f(f64::from(dice.bit(p(at[0])))));
/// let score = |factor: f64| Drawn(move |dice: &mut Dice, out: &mut [f64]| {
///     let b = f64::from(dice.bit(p(1.0)));
///     out[0] = factor * f(b) * (b - p(1.0));
/// });
/// let proof = prove(&problem, &score(1.0), &Options::default());
/// assert_eq!(proof.verdict, Verdict::Unbiased);
/// let proof = prove(&problem, &score(0.5), &Options::default());
/// assert_eq!(proof.verdict, Verdict::Biased);
/// ```
///
/// # Panics
/// If the candidate does, on any outcome.
pub fn prove(problem: &dyn Problem, candidate: &dyn Candidate, options: &Options) -> Proof {
    let truth = problem.truth();
    let court = Court { problem, truth: &truth, claim: candidate.claim(), options };
    let len = truth.gradient.len();
    let Some(first) = exact(candidate, len, options.outcomes) else {
        return court.by_samples(candidate);
    };
    let mut proof = court.by_list(first, None);
    for draws in LEARNT {
        let learnt = after(candidate, len, draws, options.seed);
        if same(candidate, &*learnt, len) {
            continue;
        }
        let Some(next) = exact(&*learnt, len, options.outcomes) else { continue };
        let later = court.by_list(next, Some(draws));
        if proof.ok && (!later.ok || later.max_abs_error > proof.max_abs_error) {
            proof = later;
        }
    }
    proof
}

struct Court<'a> {
    problem: &'a dyn Problem,
    truth: &'a Truth,
    claim: Claim,
    options: &'a Options,
}

/// The normal quantile of the upper tail.
fn upper(tail: f64) -> f64 {
    -Real::normal_quantile(tail)
}

impl Court<'_> {
    /// The largest component of the gradient, or one.
    fn scale(&self) -> f64 {
        self.truth.gradient.iter().fold(1.0_f64, |most, g| most.max(g.abs()))
    }

    fn components(&self, moments: &Moments, variance: impl Fn(usize) -> f64) -> Vec<Component> {
        let value = self.truth.value.map(|exact| ("value".to_string(), exact));
        let names = self.problem.components().into_iter();
        let known = names.zip(self.truth.gradient.iter().copied()).chain(value);
        let component = |(i, (name, exact)): (usize, (String, f64))| Component {
            name,
            exact,
            mean: moments.mean[i],
            error: 0.0,
            variance: variance(i),
        };
        known.enumerate().map(component).collect()
    }

    fn by_list(&self, (moments, method): (Moments, Method), learnt: Option<usize>) -> Proof {
        let mut components = self.components(&moments, |i| moments.listed_variance(i));
        // A tenth of what is allowed, so that z reads as usual: ten is too much.
        components.iter_mut().for_each(|c| c.error = 0.1 * EXACT * self.scale().max(c.exact.abs()));
        let critical = vec![10.0; components.len()];
        let mut proof = self.judge(components, &critical, method, moments.broken);
        proof.draws = match method {
            Method::Listed(n) | Method::Quadrature(n) | Method::Sampled(n) => n,
        };
        proof.detectable_bias = EXACT * self.scale();
        if proof.verdict == Verdict::Biased
            && let Some(draws) = learnt
        {
            proof.notes.push(format!("seen given what was learnt from {draws} draws"));
        }
        proof
    }

    fn by_samples(&self, candidate: &dyn Candidate) -> Proof {
        let options = self.options;
        let len = self.truth.gradient.len();
        let looks = (options.draws / FIRST_LOOK).max(1).ilog(4) + 1;
        let tail = options.false_alarm / (2 * (len + 1) * looks as usize) as f64;
        let (z_critical, z_power) = (upper(tail), upper(1.0 - options.power));
        let (first, started) = (Mutex::new(candidate.again()), Instant::now());
        let mut all = Moments::new(len + 1);
        let (mut drawn, mut look) = (0, FIRST_LOOK.min(options.draws));
        loop {
            all.join(&sampled(&first, len, drawn..look, options.seed));
            drawn = look;
            let mut components = self.components(&all, |i| all.variance(i));
            for c in &mut components {
                // The truth itself is known to some 1e-11.
                c.error = (c.variance / all.draws.max(1.0)).sqrt().hypot(1e-10 * self.scale());
            }
            let critical: Vec<f64> = (0..components.len())
                .map(|i| {
                    // Bernstein: z² = z_c² (1 + r z/3), r the largest draw over the root of the sum.
                    let b = z_critical.powi(2) * all.share(i).sqrt() / 3.0;
                    0.5 * (b + (b * b + 4.0 * z_critical.powi(2)).sqrt())
                })
                .collect();
            let detectable =
                (0..len).map(|i| (critical[i] + z_power) * components[i].error).fold(0.0, f64::max);
            let norm =
                |f: &dyn Fn(&Component) -> f64| components[..len].iter().map(f).sum::<f64>().sqrt();
            let mut size = norm(&|c| c.exact * c.exact);
            if size < 1e-9 {
                size = norm(&|c| c.variance);
            }
            let wanted = options.resolution * size.max(1e-7 * self.scale());
            let heavy = (0..len).any(|i| all.share(i) > 0.5 && all.variance(i) > 0.0);
            let mut proof = self.judge(components, &critical, Method::Sampled(drawn), all.broken);
            proof.draws = drawn;
            proof.detectable_bias = detectable;
            let exhausted =
                drawn >= options.draws || started.elapsed().as_secs_f64() > options.seconds;
            let settled = proof.verdict == Verdict::Biased || detectable <= wanted;
            if settled || exhausted {
                if !settled {
                    let needed = drawn as f64 * (detectable / wanted).powi(2);
                    proof.verdict = Verdict::Inconclusive { draws: needed.ceil() };
                    proof.ok = self.claim == Claim::Biased;
                }
                if heavy {
                    proof.notes.push("one draw is most of the variance: heavy tails".into());
                }
                return proof;
            }
            look = (4 * look).min(options.draws);
        }
    }

    /// The verdict on means with their errors.
    fn judge(
        &self,
        components: Vec<Component>,
        critical: &[f64],
        method: Method,
        broken: f64,
    ) -> Proof {
        let len = self.truth.gradient.len();
        let far = |i: usize| components[i].z().abs() > critical[i];
        let (gradient, value) = components.split_at(len);
        let (mut failures, mut notes) = (Vec::new(), Vec::new());
        let mut verdict = if (0..len).any(far) { Verdict::Biased } else { Verdict::Unbiased };
        let mut diagnosis = None;
        let mut factor = None;
        if verdict == Verdict::Biased {
            let seen = |(c, critical): (&Component, &f64)| Seen {
                exact: c.exact,
                mean: c.mean,
                error: critical * c.error,
            };
            let seen: Vec<Seen> = gradient.iter().zip(critical).map(seen).collect();
            let names: Vec<String> = gradient.iter().map(|c| c.name.clone()).collect();
            // What is biased by declaration needs no explanation, which may take long to find.
            let suspects = match self.claim {
                Claim::Biased => Vec::new(),
                _ => self.problem.suspects(),
            };
            let (common, words) = diagnose(&seen, &names, &suspects);
            (factor, diagnosis) = (common, Some(words));
        }
        if broken > 0.0 {
            verdict = Verdict::Biased;
            let share = match method {
                Method::Sampled(draws) => broken / draws as f64,
                _ => broken,
            };
            failures.push(format!("a draw is not finite with probability {share:.3}"));
        }
        let rounding = (1e-9 * self.scale()).powi(2);
        let still = gradient.iter().all(|c| c.variance <= rounding);
        if still {
            notes.push("no variance".into());
        } else if self.claim == Claim::Exact {
            failures.push("claims to be exact, but its draws differ".into());
        }
        // A value that nobody reports is zero in every draw.
        let reported = value.iter().any(|v| v.mean != 0.0 || v.variance != 0.0);
        if reported && far(len) && self.claim != Claim::Biased {
            let v = &value[0];
            failures.push(format!(
                "reports the value {:.6} ± {:.1e}, which is {:.6}",
                v.mean, v.error, v.exact
            ));
        }
        let fits = match (self.claim, verdict) {
            (_, Verdict::Unbiased) | (Claim::Biased, _) => true,
            (Claim::Shrunk, _) => factor.is_some_and(|f| f > 0.0 && f < 1.0),
            _ => false,
        };
        let worst = (0..len).max_by(|&a, &b| {
            let size = |i: usize| components[i].z().abs();
            size(a).total_cmp(&size(b))
        });
        let error = |c: &Component| (c.mean - c.exact).abs();
        Proof {
            problem: self.problem.name(),
            claim: self.claim,
            verdict,
            ok: fits && failures.is_empty(),
            method,
            z: worst.map_or(0.0, |i| components[i].z()),
            at: worst.map_or(String::new(), |i| components[i].name.clone()),
            draws: 0,
            max_abs_error: gradient.iter().map(error).fold(0.0, f64::max),
            detectable_bias: 0.0,
            factor,
            diagnosis,
            failures,
            notes,
            components,
        }
    }
}
