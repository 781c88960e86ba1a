//! The verdict on a mean: listed, or sampled in looks.

use super::certificate::{ComponentTest, Proof, Verdict};
use super::diagnosis::{ComponentMean, diagnose};
use super::gradient::Candidate;
use super::means::{Method, sampled};
use super::problem::{Problem, Truth};
use super::prove::Options;
use crate::estimator::Claim;
use crate::moments::{BLOCK, Moments};
use pathscore_autodiff::Real;
use std::sync::Mutex;
use std::time::Instant;

/// Draws at the first look; each look has four times those of the one before.
const FIRST_LOOK: usize = 4 * BLOCK;

/// Draws after which a bias that was seen is described; before, its factor would be too vague to name.
const DESCRIBED: usize = 64 * FIRST_LOOK;

/// What a listed mean may differ from the truth by, in multiples of the largest component.
const EXACT: f64 = 1e-8;

/// What is known after a number of draws.
struct InterimLook {
    components: Vec<ComponentTest>,
    /// What each $z$ must not exceed.
    critical: Vec<f64>,
    /// The bias that would have been seen, and the one that must be.
    detectable: f64,
    wanted: f64,
    drawn: usize,
    broken: f64,
}

impl InterimLook {
    fn biased(&self, len: usize) -> bool {
        let far = |(c, critical): (&ComponentTest, &f64)| c.z().abs() > *critical;
        self.broken > 0.0 || self.components[..len].iter().zip(&self.critical).any(far)
    }
}

/// A claim, and what it is held against.
pub(super) struct SequentialTest<'a> {
    pub(super) problem: &'a dyn Problem,
    pub(super) truth: &'a Truth,
    pub(super) claim: Claim,
    pub(super) options: &'a Options,
}

/// The normal quantile of the upper tail.
fn upper(tail: f64) -> f64 {
    -Real::normal_quantile(tail)
}

impl SequentialTest<'_> {
    /// The largest component of the gradient, or one.
    fn scale(&self) -> f64 {
        self.truth.gradient.iter().fold(1.0_f64, |most, g| most.max(g.abs()))
    }

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

    /// On moments over all outcomes.
    pub(super) fn by_list(&self, (moments, method): (Moments, Method)) -> Proof {
        let mut components = self.components(&moments, |i| moments.listed_variance(i));
        // A tenth of what is allowed, so that z reads as usual: ten is too much.
        components.iter_mut().for_each(|c| c.error = 0.1 * EXACT * self.scale().max(c.exact.abs()));
        let critical = vec![10.0; components.len()];
        let mut proof = self.judge(components, &critical, method, moments.broken);
        proof.draws = match method {
            Method::Enumerated(n) | Method::Quadrature(n) | Method::Sampled(n) => n,
        };
        proof.detectable_bias = EXACT * self.scale();
        proof
    }

    /// On draws, until the verdict is as sure as the options ask.
    pub(super) fn by_samples(&self, candidate: &dyn Candidate) -> Proof {
        let options = self.options;
        let len = self.truth.gradient.len();
        let before = |look: &u32| FIRST_LOOK.saturating_mul(4_usize.pow(*look)) < options.draws;
        let looks = (0..30).take_while(before).count() + 1;
        let tail = options.false_alarm / (2 * (len + 1) * looks) as f64;
        let (z_critical, z_power) = (upper(tail), upper(1.0 - options.power));
        let (first, started) = (Mutex::new(candidate.clone_box()), Instant::now());
        let mut all = Moments::new(len + 1);
        let (mut drawn, mut until) = (0, FIRST_LOOK.min(options.draws));
        // RandomSource may hide again what was seen once, and is not asked.
        let mut biased: Option<InterimLook> = None;
        loop {
            all.join(&sampled(&first, len, drawn..until, options.seed));
            drawn = until;
            let look = self.look(&all, drawn, [z_critical, z_power]);
            let exhausted =
                drawn >= options.draws || started.elapsed().as_secs_f64() > options.seconds;
            let last = match biased.take() {
                Some(before) if !look.biased(len) => before,
                _ => look,
            };
            let wrong = last.biased(len);
            let enough = match wrong {
                true => drawn >= DESCRIBED || self.claim == Claim::Biased,
                false => last.detectable <= last.wanted,
            };
            if enough || exhausted {
                return self.by_look(last, all.heavy(len));
            }
            biased = wrong.then_some(last);
            until = (4 * until).min(options.draws);
        }
    }

    /// What is known after so many draws.
    fn look(&self, all: &Moments, drawn: usize, [z_critical, z_power]: [f64; 2]) -> InterimLook {
        let len = self.truth.gradient.len();
        let mut components = self.components(all, |i| all.variance(i));
        for c in &mut components {
            // The truth itself is known to some 1e-11.
            c.error = (c.variance / all.draws.max(1.0)).sqrt().hypot(1e-10 * self.scale());
        }
        let critical: Vec<f64> = (0..components.len())
            .map(|i| {
                let c = &components[i];
                if c.variance == 0.0 && c.z().abs() > z_critical && drawn < DESCRIBED {
                    // Few draws that are all the same may have missed the rare one that carries the mean.
                    return f64::INFINITY;
                }
                // Bernstein: z² = z_c² (1 + r z/3), r the largest draw over the root of the sum.
                let b = z_critical.powi(2) * all.share(i).sqrt() / 3.0;
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
        let wanted = self.options.resolution * size.max(1e-7 * self.scale());
        InterimLook { components, critical, detectable, wanted, drawn, broken: all.broken }
    }

    fn by_look(&self, look: InterimLook, heavy: bool) -> Proof {
        let InterimLook { components, critical, detectable, wanted, drawn, broken } = look;
        let mut proof = self.judge(components, &critical, Method::Sampled(drawn), broken);
        proof.draws = drawn;
        proof.detectable_bias = detectable;
        if proof.verdict != Verdict::Biased && detectable > wanted {
            let needed = drawn as f64 * (detectable / wanted).powi(2);
            proof.verdict = Verdict::Inconclusive { draws: needed.ceil() };
            proof.ok = self.claim == Claim::Biased;
        }
        if heavy {
            proof.notes.push("one draw is most of the variance: heavy tails".into());
        }
        proof
    }

    /// The verdict on means with their errors.
    fn judge(
        &self,
        components: Vec<ComponentTest>,
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
            let seen = |(c, critical): (&ComponentTest, &f64)| ComponentMean {
                exact: c.exact,
                mean: c.mean,
                error: critical * c.error,
            };
            let seen: Vec<ComponentMean> = gradient.iter().zip(critical).map(seen).collect();
            let names: Vec<String> = gradient.iter().map(|c| c.name.clone()).collect();
            // What is biased by declaration needs no explanation, which may take long to find.
            let known_mistakes = match self.claim {
                Claim::Biased => Vec::new(),
                _ => self.problem.known_mistakes(),
            };
            let (common, words) = diagnose(&seen, &names, &known_mistakes);
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
        if self.claim == Claim::Shrunk && factor.is_some_and(|f| f > 1.0) {
            failures.push("claims to shrink, and amplifies: a divisor is below one".into());
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
