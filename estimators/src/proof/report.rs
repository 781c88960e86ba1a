//! The result of a proof.

use super::means::Method;
use super::options::Options;
use crate::estimator::Claim;
use std::fmt;

/// The verdict on the mean of an estimator.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// No component differs from the truth by as much as would have been detected: see [`Proof::resolution`].
    Unbiased,
    /// Some component differs from the truth.
    Biased,
    /// No bias was detected, but a bias of the requested size might have been missed: see [`Proof::reason`].
    Inconclusive {
        /// The approximate number of draws that a verdict needs; infinity if no number of draws is known to be enough.
        draws: f64,
    },
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unbiased => "UNBIASED",
            Self::Biased => "BIASED",
            Self::Inconclusive { .. } => "INCONCLUSIVE",
        })
    }
}

/// The size that a bias is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RelativeTo {
    /// The norm of the exact gradient.
    Norm,
    /// The standard deviation of one draw, where the exact gradient is zero.
    Spread,
}

impl fmt::Display for RelativeTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Norm => "the norm of the gradient",
            Self::Spread => "the standard deviation of a draw",
        })
    }
}

/// The smallest bias of a component that a proof would have detected, beside the size of the gradient.
///
/// ```
/// use pathscore_estimators::proof::{RelativeTo, Resolution};
/// let fine = Resolution { bias: 0.09, size: 5.0, relative_to: RelativeTo::Norm };
/// assert_eq!(fine.relative(), 0.018);
/// assert_eq!(fine.to_string(), "1.8 % of the norm of the gradient");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resolution {
    /// The bias.
    pub bias: f64,
    /// The size that it is compared with.
    pub size: f64,
    /// The meaning of that size.
    pub relative_to: RelativeTo,
}

impl Resolution {
    /// The bias as a fraction of the size; of a size of zero, infinity.
    pub fn relative(&self) -> f64 {
        self.bias / self.size
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (percent, of) = (100.0 * self.relative(), self.relative_to);
        match percent {
            // The gradient and all draws are zero.
            p if !p.is_finite() => write!(f, "{:.1e}", self.bias),
            p if p >= 10.0 => write!(f, "{p:.0} % of {of}"),
            p if p >= 0.1 => write!(f, "{p:.1} % of {of}"),
            p => write!(f, "{:.1e} of {of}", p / 100.0),
        }
    }
}

/// A probability with four decimals, or with two digits below 0.001.
pub(super) fn small(p: f64) -> String {
    if p >= 0.001 { format!("{p:.4}") } else { format!("{p:.1e}") }
}

/// The test of one component of the gradient, or of the value.
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentTest {
    /// The name of the component.
    pub name: String,
    /// The exact value.
    pub exact: f64,
    /// The mean of the draws.
    pub mean: f64,
    /// The standard error of the mean; of an enumerated mean, a bound on rounding.
    pub error: f64,
    /// The variance of one draw, which is exact where the mean is.
    pub variance: f64,
}

impl ComponentTest {
    /// The difference of the mean from the exact value in multiples of the error: for a mean of draws the statistic
    /// $z$, which is standard normal if the mean is right.
    pub fn z(&self) -> f64 {
        (self.mean - self.exact) / self.error
    }
}

/// The result of a proof: a verdict with its evidence.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Proof {
    /// The name of the problem.
    pub problem: String,
    /// The claim of the estimator about its mean.
    pub claim: Claim,
    /// The verdict on the mean.
    pub verdict: Verdict,
    /// True if the claim holds and no failure was found.
    pub ok: bool,
    /// The method by which the mean was found.
    pub method: Method,
    /// The $z$ of the largest absolute value, for a mean of draws; enumerated means have none.
    pub z: Option<f64>,
    /// The name of the component that is farthest from the truth in multiples of its error.
    pub at: String,
    /// The number of draws; zero if all outcomes were enumerated.
    pub draws: usize,
    /// The number of earlier draws of one stream up to which faults were looked for.
    pub depth: usize,
    /// The largest absolute difference of a mean from the truth.
    pub max_abs_error: f64,
    /// The smallest bias, in the noisiest component, that would have been detected: with the requested power by draws,
    /// with certainty by enumeration. Where draws confirm a quadrature it is that of the draws.
    pub detectable_bias: f64,
    /// The detectable bias beside the size of the gradient; `None` if there was nothing to measure.
    pub resolution: Option<Resolution>,
    /// The probability with which sampling detects a bias of the detectable size.
    pub power: f64,
    /// The probability with which sampling calls a correct estimator biased.
    pub false_alarm: f64,
    /// The common factor of the wrong components, if they have one.
    pub factor: Option<f64>,
    /// The diagnosis of a wrong mean, in words.
    pub diagnosis: Option<String>,
    /// The reason of an inconclusive verdict.
    pub reason: Option<String>,
    /// Other failures, such as a wrong value or a wrong claim.
    pub failures: Vec<String>,
    /// Remarks that are no failures.
    pub notes: Vec<String>,
    /// The components of the gradient, followed by the value if it is known.
    pub components: Vec<ComponentTest>,
}

impl Proof {
    /// A proof that found nothing, for a reason.
    pub(super) fn without_evidence(
        problem: String,
        claim: Claim,
        options: &Options,
        reason: String,
        draws: f64,
    ) -> Self {
        Self {
            problem,
            claim,
            verdict: Verdict::Inconclusive { draws },
            ok: claim == Claim::Biased,
            method: Method::Sampled(0),
            z: None,
            at: String::new(),
            draws: 0,
            depth: 0,
            max_abs_error: f64::NAN,
            detectable_bias: f64::INFINITY,
            resolution: None,
            power: options.power,
            false_alarm: options.false_alarm,
            factor: None,
            diagnosis: None,
            reason: Some(reason),
            failures: Vec::new(),
            notes: Vec::new(),
            components: Vec::new(),
        }
    }

    /// The variance of one draw, summed over the gradient's components.
    pub fn variance(&self) -> f64 {
        self.gradient().iter().map(|c| c.variance).sum()
    }

    /// The components without the value.
    pub fn gradient(&self) -> &[ComponentTest] {
        let value = self.components.last().is_some_and(|c| c.name == "value");
        &self.components[..self.components.len() - usize::from(value)]
    }

    /// The component of the gradient that is farthest from the truth in multiples of its error.
    pub fn worst(&self) -> Option<&ComponentTest> {
        self.gradient().iter().max_by(|a, b| a.z().abs().total_cmp(&b.z().abs()))
    }

    /// The diagnosis, the reason of an inconclusive verdict and all failures in one line; empty if there are none.
    pub fn reasons(&self) -> String {
        let all: Vec<&str> = self
            .diagnosis
            .iter()
            .chain(&self.reason)
            .chain(&self.failures)
            .map(String::as_str)
            .collect();
        all.join("; ")
    }

    /// The verdict with the resolution up to which it holds: "UNBIASED to 1.8 % of the norm of the gradient".
    pub fn verdict_with_resolution(&self) -> String {
        match (self.verdict, &self.resolution) {
            (Verdict::Unbiased, Some(resolution)) => format!("{} to {resolution}", self.verdict),
            (verdict, _) => verdict.to_string(),
        }
    }

    /// The error rates and the depth to which the verdict holds.
    fn terms(&self) -> String {
        let depth = match self.depth {
            0 => "the first draw only".into(),
            depth => format!("faults looked for in the first {depth} draws of a stream"),
        };
        match self.draws {
            0 => depth,
            _ => format!("power {}, false alarms {}; {depth}", self.power, small(self.false_alarm)),
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { problem, claim, at, .. } = self;
        let method = match (self.method, self.verdict) {
            (Method::Quadrature { outcomes, draws }, Verdict::Inconclusive { .. }) => {
                format!("quadrature of {outcomes} outcomes beside {draws} draws")
            }
            (method, _) => method.to_string(),
        };
        let ok = if self.ok { "ok" } else { "NOT OK" };
        writeln!(f, "{problem}: claims to be {claim}: {}, {ok}", self.verdict_with_resolution())?;
        let error = self.max_abs_error;
        match self.z {
            Some(z) => writeln!(f, "  {method}; worst z {z:.2} at {at}; error {error:.3e}")?,
            None => writeln!(f, "  {method}; largest error {error:.3e}, worst at {at}")?,
        }
        writeln!(f, "  detectable {:.3e}; {}", self.detectable_bias, self.terms())?;
        let words = self.diagnosis.iter().chain(&self.reason).chain(&self.failures);
        for line in words.chain(&self.notes) {
            writeln!(f, "  {line}")?;
        }
        Ok(())
    }
}
