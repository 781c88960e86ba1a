//! The verdict on a mean that was enumerated, or that is sampled with interim looks.

use super::diagnosis::{ComponentMean, diagnose};
use super::gradient::Candidate;
use super::means::{Method, sampled};
use super::options::Options;
use super::problem::{Problem, Truth};
use super::report::{ComponentTest, Proof, Verdict};
use crate::estimator::Claim;
use crate::moments::{BLOCK, Moments};
use pathscore_autodiff::Real;
use std::sync::Mutex;
use std::time::Instant;

/// The number of draws at the first look; each look has four times as many as the one before.
const FIRST_LOOK: usize = 4 * BLOCK;

/// The number of draws after which a detected bias is diagnosed; with fewer draws the error of its factor would be too
/// large to name the factor.
const DIAGNOSED: usize = 64 * FIRST_LOOK;

/// The largest difference of an enumerated mean from the truth, relative to the largest component.
const EXACT: f64 = 1e-8;

/// The state of the test after a number of draws.
struct InterimLook {
    components: Vec<ComponentTest>,
    /// The critical value of each $z$.
    critical: Vec<f64>,
    /// The smallest bias that would have been detected with the requested power.
    detectable: f64,
    /// The bias that must be detectable before the verdict is "unbiased".
    required: f64,
    draws: usize,
    /// The number of draws that were not finite.
    non_finite: f64,
}

impl InterimLook {
    /// True if one of the first `len` components is biased, or a draw was not finite.
    fn is_biased(&self, len: usize) -> bool {
        let far = |(c, critical): (&ComponentTest, &f64)| c.z().abs() > *critical;
        self.non_finite > 0.0 || self.components[..len].iter().zip(&self.critical).any(far)
    }
}

/// A test of the mean of a candidate against the truth, with the claim that it makes.
pub(super) struct SequentialTest<'a> {
    pub(super) problem: &'a dyn Problem,
    pub(super) truth: &'a Truth,
    pub(super) claim: Claim,
    pub(super) options: &'a Options,
}

/// The number that a standard normal number exceeds with probability `tail`.
fn upper_quantile(tail: f64) -> f64 {
    -Real::normal_quantile(tail)
}

impl SequentialTest<'_> {
    /// The absolute value of the largest component of the exact gradient, at least one.
    fn scale(&self) -> f64 {
        self.truth.gradient.iter().fold(1.0_f64, |most, g| most.max(g.abs()))
    }

    /// The gradient's components and behind them the value, if it is known, with errors of zero.
    fn components(&self, moments: &Moments, variance: impl Fn(usize) -> f64) -> Vec<ComponentTest> {
        let value = self.truth.value.map(|exact| ("value".to_string(), exact));
        let names = self.problem.components().into_iter();
        let known = names.zip(self.truth.gradient.iter().copied()).chain(value);
        let component = |(i, (name, exact)): (usize, (String, f64))| ComponentTest {
            name,
            exact,
            mean: moments.mean[i],
            error: 0.0,
            variance: variance(i),
        };
        known.enumerate().map(component).collect()
    }

    /// The proof from moments over all outcomes.
    pub(super) fn by_enumeration(&self, (moments, method): (Moments, Method)) -> Proof {
        let mut components = self.components(&moments, |i| moments.enumerated_variance(i));
        // The error is a tenth of the largest difference allowed, so that ten is the critical value of z.
        components.iter_mut().for_each(|c| c.error = 0.1 * EXACT * self.scale().max(c.exact.abs()));
        let critical = vec![10.0; components.len()];
        let mut proof = self.verdict(components, &critical, method, moments.non_finite);
        proof.draws = match method {
            Method::Enumerated(n) | Method::Quadrature(n) | Method::Sampled(n) => n,
        };
        proof.detectable_bias = EXACT * self.scale();
        proof
    }

    /// The proof from draws, as many as the options require for a certain verdict.
    pub(super) fn by_samples(&self, candidate: &dyn Candidate) -> Proof {
        let options = self.options;
        let len = self.truth.gradient.len();
        let before = |look: &u32| FIRST_LOOK.saturating_mul(4_usize.pow(*look)) < options.draws;
        let looks = (0..30).take_while(before).count() + 1;
        let tail = options.false_alarm / (2 * (len + 1) * looks) as f64;
        let (z_critical, z_power) = (upper_quantile(tail), upper_quantile(1.0 - options.power));
        let (first, started) = (Mutex::new(candidate.clone_box()), Instant::now());
        let mut all = Moments::new(len + 1);
        let (mut draws, mut until) = (0, FIRST_LOOK.min(options.draws));
        // A detected bias stands: later draws cannot overturn it.
        let mut biased: Option<InterimLook> = None;
        loop {
            all.join(&sampled(&first, len, draws..until, options.seed));
            draws = until;
            let look = self.look(&all, draws, [z_critical, z_power]);
            let exhausted =
                draws >= options.draws || started.elapsed().as_secs_f64() > options.seconds;
            let last = match biased.take() {
                Some(before) if !look.is_biased(len) => before,
                _ => look,
            };
            let wrong = last.is_biased(len);
            let enough = match wrong {
                true => draws >= DIAGNOSED || self.claim == Claim::Biased,
                false => last.detectable <= last.required,
            };
            if enough || exhausted {
                return self.by_look(last, all.heavy_tailed(len));
            }
            biased = wrong.then_some(last);
            until = (4 * until).min(options.draws);
        }
    }

    /// The state of the test after `draws` draws with the moments `all`.
    fn look(&self, all: &Moments, draws: usize, [z_critical, z_power]: [f64; 2]) -> InterimLook {
        let len = self.truth.gradient.len();
        let mut components = self.components(all, |i| all.variance(i));
        for c in &mut components {
            // The truth, found by differences, has an error of about 1e-11 itself.
            c.error = (c.variance / all.draws.max(1.0)).sqrt().hypot(1e-10 * self.scale());
        }
        let critical: Vec<f64> = (0..components.len())
            .map(|i| {
                let c = &components[i];
                if c.variance == 0.0 && c.z().abs() > z_critical && draws < DIAGNOSED {
                    // Few draws that are all equal may have missed a rare one that carries the mean.
                    return f64::INFINITY;
                }
                // Bernstein: z² = z_c² (1 + r z/3), where r is the largest draw over the root of the sum of squares.
                let b = z_critical.powi(2) * all.largest_share(i).sqrt() / 3.0;
                0.5 * (b + (b * b + 4.0 * z_critical.powi(2)).sqrt())
            })
            .collect();
        let detectable =
            (0..len).map(|i| (critical[i] + z_power) * components[i].error).fold(0.0, f64::max);
        let norm =
            |f: &dyn Fn(&ComponentTest) -> f64| components[..len].iter().map(f).sum::<f64>().sqrt();
        let mut size = norm(&|c| c.exact * c.exact);
        if size < 1e-9 {
            size = norm(&|c| c.variance);
        }
        let required = self.options.resolution * size.max(1e-7 * self.scale());
        InterimLook {
            components,
            critical,
            detectable,
            required,
            draws,
            non_finite: all.non_finite,
        }
    }

    /// The proof from the last look.
    fn by_look(&self, look: InterimLook, heavy_tailed: bool) -> Proof {
        let InterimLook { components, critical, detectable, required, draws, non_finite } = look;
        let mut proof = self.verdict(components, &critical, Method::Sampled(draws), non_finite);
        proof.draws = draws;
        proof.detectable_bias = detectable;
        if proof.verdict != Verdict::Biased && detectable > required {
            let needed = draws as f64 * (detectable / required).powi(2);
            proof.verdict = Verdict::Inconclusive { draws: needed.ceil() };
            proof.ok = self.claim == Claim::Biased;
        }
        if heavy_tailed {
            proof.notes.push("one draw carries most of the variance: heavy tails".into());
        }
        proof
    }

    /// The verdict on means with their errors and critical values.
    fn verdict(
        &self,
        components: Vec<ComponentTest>,
        critical: &[f64],
        method: Method,
        non_finite: f64,
    ) -> Proof {
        let len = self.truth.gradient.len();
        let far = |i: usize| components[i].z().abs() > critical[i];
        let (gradient, value) = components.split_at(len);
        let (mut failures, mut notes) = (Vec::new(), Vec::new());
        let mut verdict = if (0..len).any(far) { Verdict::Biased } else { Verdict::Unbiased };
        let mut diagnosis = None;
        let mut factor = None;
        if verdict == Verdict::Biased {
            let compared = |(c, critical): (&ComponentTest, &f64)| ComponentMean {
                exact: c.exact,
                mean: c.mean,
                error: critical * c.error,
            };
            let means: Vec<ComponentMean> = gradient.iter().zip(critical).map(compared).collect();
            let names: Vec<String> = gradient.iter().map(|c| c.name.clone()).collect();
            // A declared bias needs no explanation, and to find one may take long.
            let known_mistakes = match self.claim {
                Claim::Biased => Vec::new(),
                _ => self.problem.known_mistakes(),
            };
            let (common, words) = diagnose(&means, &names, &known_mistakes);
            (factor, diagnosis) = (common, Some(words));
        }
        if non_finite > 0.0 {
            verdict = Verdict::Biased;
            let share = match method {
                Method::Sampled(draws) => non_finite / draws as f64,
                _ => non_finite,
            };
            failures.push(format!("a draw is not finite with probability {share:.3}"));
        }
        let rounding = (1e-9 * self.scale()).powi(2);
        let constant = gradient.iter().all(|c| c.variance <= rounding);
        if constant {
            notes.push("no variance".into());
        } else if self.claim == Claim::Exact {
            failures.push("claims to be exact, but its draws differ".into());
        }
        // The value of a candidate that reports none is zero in every draw.
        let reported = value.iter().any(|v| v.mean != 0.0 || v.variance != 0.0);
        if reported && far(len) && self.claim != Claim::Biased {
            let v = &value[0];
            failures.push(format!(
                "reports the value {:.6} ± {:.1e}, but the exact value is {:.6}",
                v.mean, v.error, v.exact
            ));
        }
        if self.claim == Claim::Shrunk && factor.is_some_and(|f| f > 1.0) {
            failures.push(
                "claims to shrink the gradient but amplifies it: a divisor is below one".into(),
            );
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
        let error = |c: &ComponentTest| (c.mean - c.exact).abs();
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
