//! The result of a proof.

use super::means::Method;
use crate::estimator::Claim;
use std::fmt;

/// The verdict on the mean of an estimator.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// No component differs from the truth by as much as would have been detected.
    Unbiased,
    /// Some component differs from the truth.
    Biased,
    /// No bias was detected, but a bias of the requested size might have been missed.
    Inconclusive {
        /// The approximate number of draws that a verdict needs.
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
    /// $z$, the difference of the mean from the exact value in multiples of the error.
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
    /// The $z$ of the largest absolute value.
    pub z: f64,
    /// The name of the component with that $z$.
    pub at: String,
    /// The number of draws, or of outcomes if they were enumerated.
    pub draws: usize,
    /// The largest absolute difference of a mean from the truth.
    pub max_abs_error: f64,
    /// The smallest bias, in the noisiest component, that would have been detected with the requested power.
    pub detectable_bias: f64,
    /// The common factor of the wrong components, if they have one.
    pub factor: Option<f64>,
    /// The diagnosis of a wrong mean, in words.
    pub diagnosis: Option<String>,
    /// Other failures, such as a wrong value or a wrong claim.
    pub failures: Vec<String>,
    /// Remarks that are no failures.
    pub notes: Vec<String>,
    /// The components of the gradient, followed by the value if it is known.
    pub components: Vec<ComponentTest>,
}

impl Proof {
    /// The variance of one draw, summed over the gradient's components.
    pub fn variance(&self) -> f64 {
        self.gradient().iter().map(|c| c.variance).sum()
    }

    /// The components without the value.
    pub fn gradient(&self) -> &[ComponentTest] {
        let value = self.components.last().is_some_and(|c| c.name == "value");
        &self.components[..self.components.len() - usize::from(value)]
    }

    /// The component of the gradient with the largest $|z|$.
    pub fn worst(&self) -> Option<&ComponentTest> {
        self.gradient().iter().max_by(|a, b| a.z().abs().total_cmp(&b.z().abs()))
    }

    /// The diagnosis and all failures in one line; empty if there are none.
    pub fn reasons(&self) -> String {
        let all: Vec<&str> =
            self.diagnosis.iter().chain(&self.failures).map(String::as_str).collect();
        all.join("; ")
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { problem, claim, verdict, z, at, draws, .. } = self;
        let how = match self.method {
            Method::Enumerated(_) => "outcomes enumerated",
            Method::Quadrature(_) => "outcomes by quadrature",
            Method::Sampled(_) => "draws",
        };
        let ok = if self.ok { "ok" } else { "NOT OK" };
        writeln!(f, "{problem}: claims to be {claim}: {verdict}, {ok}")?;
        writeln!(
            f,
            "  {draws} {how}; worst z {z:.2} at {at}; error {:.3e}; detectable {:.3e}",
            self.max_abs_error, self.detectable_bias
        )?;
        if let Verdict::Inconclusive { draws } = verdict {
            writeln!(f, "  about {draws:.0} draws are needed")?;
        }
        for line in self.diagnosis.iter().chain(&self.failures).chain(&self.notes) {
            writeln!(f, "  {line}")?;
        }
        Ok(())
    }
}
