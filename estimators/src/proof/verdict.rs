//! The verdict on means with their errors, and the proof from enumerated outcomes.

use super::diagnosis::{ComponentMean, diagnose};
use super::means::Method;
use super::numerics::SURE_Z;
use super::options::Options;
use super::problem::{Problem, Truth, TruthMethod};
use super::report::{ComponentTest, Proof, RelativeTo, Resolution, Verdict, small};
use crate::deadline;
use crate::estimator::Claim;
use crate::moments::Moments;
use std::time::Instant;

/// The largest difference of an enumerated mean from the truth, relative to the largest component.
const EXACT: f64 = 1e-8;

/// A probability so small that what it stands for never happens: once in years of drawing.
pub(super) const NEVER: f64 = 1e-10;

/// A test of the mean of a candidate against the truth, with the claim that it makes.
pub(super) struct MeanTest<'a> {
    pub(super) problem: &'a dyn Problem,
    pub(super) truth: &'a Truth,
    pub(super) claim: Claim,
    pub(super) options: &'a Options,
    /// The instant at which the proof must have ended.
    pub(super) end: Option<Instant>,
    /// True if draws depend on earlier ones.
    pub(super) learns: bool,
}

/// The means of a candidate with the largest differences from the truth that chance explains.
pub(super) struct Evidence {
    /// The gradient's components and behind them the value, if it is known.
    pub(super) components: Vec<ComponentTest>,
    /// The critical value of each $z$.
    pub(super) critical: Vec<f64>,
    pub(super) method: Method,
    /// The smallest bias that would have been detected.
    pub(super) detectable: f64,
    /// The probability with which a draw is not finite.
    pub(super) non_finite: f64,
}

impl MeanTest<'_> {
    /// The absolute value of the largest component of the exact gradient, at least one.
    pub(super) fn scale(&self) -> f64 {
        self.truth.gradient.iter().fold(1.0_f64, |most, g| most.max(g.abs()))
    }

    /// The gradient's components and behind them the value, if it is known, with the errors of the truth.
    pub(super) fn components(
        &self,
        mean: &[f64],
        variance: impl Fn(usize) -> f64,
    ) -> Vec<ComponentTest> {
        let value = self.truth.value.map(|exact| ("value".to_string(), exact));
        let names = self.problem.components().into_iter();
        let known = names.zip(self.truth.gradient.iter().copied()).chain(value);
        let error = |i| *self.truth.gradient_errors.get(i).unwrap_or(&self.truth.value_error);
        let component = |(i, (name, exact)): (usize, (String, f64))| ComponentTest {
            name,
            exact,
            mean: mean[i],
            error: error(i),
            variance: variance(i),
        };
        known.enumerate().map(component).collect()
    }

    /// The bias `bias` beside the norm of the gradient or, where that is zero, the standard deviation of a draw.
    pub(super) fn resolution(&self, components: &[ComponentTest], bias: f64) -> Resolution {
        let gradient = &components[..self.truth.gradient.len()];
        let norm = |f: fn(&ComponentTest) -> f64| gradient.iter().map(f).sum::<f64>().sqrt();
        let (norm, spread) = (norm(|c| c.exact * c.exact), norm(|c| c.variance));
        let [norm, spread] = [norm, spread].map(|size| if size > self.zero() { size } else { 0.0 });
        match norm == 0.0 && spread > 0.0 {
            true => Resolution { bias, size: spread, relative_to: RelativeTo::Spread },
            false => Resolution { bias, size: norm, relative_to: RelativeTo::Norm },
        }
    }

    /// The norm up to which a gradient may be zero but for errors of the truth and of rounding.
    fn zero(&self) -> f64 {
        let errors = self.truth.gradient_errors.iter().map(|e| e * e).sum::<f64>().sqrt();
        10.0 * errors + 1e-12 * self.scale()
    }

    /// The evidence from moments over all outcomes.
    pub(super) fn enumerated(&self, moments: &Moments, method: Method) -> Evidence {
        let mut components = self.components(&moments.mean, |i| moments.enumerated_variance(i));
        // The error is a tenth of the largest difference allowed, so that ten is the critical value.
        let errors = match self.truth.method {
            TruthMethod::Draws(_) => SURE_Z,
            _ => 1.0,
        };
        let largest = self.truth.gradient_errors.iter().fold(0.0_f64, |most, e| most.max(*e));
        let of_truth = errors * largest;
        for c in &mut components {
            c.error = 0.1 * (EXACT * self.scale().max(c.exact.abs()) + errors * c.error);
        }
        let critical = vec![10.0; components.len()];
        // At the outermost nodes of a quadrature formulas may overflow that no draw ever reaches.
        let reached = matches!(method, Method::Enumerated(_)) || moments.non_finite > NEVER;
        let non_finite = if reached { moments.non_finite } else { 0.0 };
        let detectable = EXACT * self.scale() + of_truth;
        Evidence { components, critical, method, detectable, non_finite }
    }

    /// True if a component of the gradient is wrong, or a draw is not finite.
    pub(super) fn is_biased(&self, evidence: &Evidence) -> bool {
        let Evidence { components, critical, non_finite, .. } = evidence;
        let gradient = &components[..self.truth.gradient.len()];
        let far = |(c, critical): (&ComponentTest, &f64)| is_far(c, *critical);
        *non_finite > 0.0 || gradient.iter().zip(critical).any(far)
    }

    /// The verdict on evidence, with the diagnosis of a wrong mean.
    pub(super) fn verdict(&self, evidence: Evidence) -> Proof {
        let Evidence { components, critical, method, detectable, non_finite } = evidence;
        let len = self.truth.gradient.len();
        let far = |i: usize| is_far(&components[i], critical[i]);
        let (gradient, value) = components.split_at(len);
        let (mut failures, mut notes) = (Vec::new(), Vec::new());
        let mut verdict = if (0..len).any(far) { Verdict::Biased } else { Verdict::Unbiased };
        let (mut diagnosis, mut factor) = (None, None);
        // The mean of the draws that are finite is none of the gradient, and explains nothing.
        if verdict == Verdict::Biased && non_finite == 0.0 {
            let compared = |(c, critical): (&ComponentTest, &f64)| ComponentMean {
                exact: c.exact,
                mean: c.mean,
                error: critical * c.error,
                variance: c.variance,
            };
            let means: Vec<ComponentMean> = gradient.iter().zip(&critical).map(compared).collect();
            let names: Vec<String> = gradient.iter().map(|c| c.name.clone()).collect();
            // A declared bias needs no explanation, and to find one may take long.
            let known_mistakes = match self.claim {
                Claim::Biased => Some(Vec::new()),
                _ => deadline::within(self.end, || self.problem.known_mistakes(self.truth)),
            };
            if known_mistakes.is_none() {
                notes.push("the time ended before known mistakes were compared".into());
            }
            let (common, words) =
                diagnose(&means, &names, &known_mistakes.unwrap_or_default(), self.learns);
            (factor, diagnosis) = (common, Some(words));
        }
        if non_finite > 0.0 {
            verdict = Verdict::Biased;
            failures.push(format!("a draw is not finite with probability {}", small(non_finite)));
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
            failures.push(
                format!(
                    "reports the value {:.6} ± {:.1e}, but the exact value is {:.6}",
                    v.mean, v.error, v.exact
                ) + &constant_of_normals(v, critical[len]),
            );
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
        let size = |i: usize| components[i].z().abs();
        let worst = (0..len).max_by(|&a, &b| size(a).total_cmp(&size(b)));
        let error = |c: &ComponentTest| (c.mean - c.exact).abs();
        Proof {
            problem: self.problem.name(),
            claim: self.claim,
            verdict,
            ok: fits && failures.is_empty(),
            method,
            z: match method {
                Method::Sampled(_) if non_finite == 0.0 => worst.map(|i| components[i].z()),
                _ => None,
            },
            at: worst.map_or(String::new(), |i| components[i].name.clone()),
            draws: method.draws(),
            depth: 0,
            max_abs_error: match non_finite > 0.0 {
                true => f64::NAN,
                false => gradient.iter().map(error).fold(0.0, f64::max),
            },
            detectable_bias: detectable,
            resolution: Some(self.resolution(&components, detectable)),
            power: self.options.power,
            false_alarm: self.options.false_alarm,
            factor,
            diagnosis,
            reason: None,
            failures,
            notes,
            components,
        }
    }
}

/// True if a mean is farther from the exact value than chance explains.
fn is_far(c: &ComponentTest, critical: f64) -> bool {
    let z = c.z();
    z.abs() > critical || z.is_nan() && c.mean != c.exact
}

/// Words about a value that is off by a whole number of $\frac12 \ln 2\pi$.
fn constant_of_normals(value: &ComponentTest, critical: f64) -> String {
    let constant = 0.5 * (2.0 * std::f64::consts::PI).ln();
    let times = ((value.mean - value.exact) / constant).round();
    let rest = (value.mean - value.exact - times * constant).abs();
    let error = critical * value.error;
    // A rougher error would fit any value.
    match times != 0.0 && rest <= error && error < 0.05 {
        true => format!(": {times} times ½ ln 2π, the constant of a normal density, too much"),
        false => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_far_beyond_the_critical_value_or_if_it_is_no_number() {
        let far = |exact, mean, error| {
            let c = ComponentTest { name: String::new(), exact, mean, error, variance: 1.0 };
            is_far(&c, 2.0)
        };
        assert!(far(1.0, 1.3, 0.1) && far(1.0, 0.7, 0.1));
        assert!(!far(1.0, 1.1, 0.1) && !far(0.0, 2.0, 1.0));
        assert!(far(1.0, f64::NAN, 0.1) && far(1.0, f64::INFINITY, 0.1));
        // The logarithm of a likelihood of zero.
        let none = f64::NEG_INFINITY;
        assert!(!far(none, none, 1.0) && far(none, 0.0, 1.0));
    }
}
