//! What a proof has found.

use super::means::Method;
use crate::estimator::Claim;
use std::fmt;

/// What was found of the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// No component is off by as much as would have been seen.
    Unbiased,
    /// Some component is off.
    Biased,
    /// Nothing was seen, but a bias of the size that matters need not have been.
    Inconclusive {
        /// About as many draws would be needed.
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

/// A component of the gradient, or the value, and what was found of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentTest {
    /// Its name.
    pub name: String,
    /// The exact value.
    pub exact: f64,
    /// The mean of the draws.
    pub mean: f64,
    /// The standard error of that; of a listed mean, what rounding may do.
    pub error: f64,
    /// The variance of one draw; exact, where the mean is.
    pub variance: f64,
}

impl ComponentTest {
    /// How many errors the mean is from the truth.
    pub fn z(&self) -> f64 {
        (self.mean - self.exact) / self.error
    }
}

/// A certificate, or what denies it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Proof {
    /// The problem's name.
    pub problem: String,
    /// What the estimator says of its mean.
    pub claim: Claim,
    /// What was found of it.
    pub verdict: Verdict,
    /// Whether the claim holds, and whatever else was looked at.
    pub ok: bool,
    /// How the mean was found.
    pub method: Method,
    /// The largest $z$ in size.
    pub z: f64,
    /// The component that has it.
    pub at: String,
    /// The number of draws or of outcomes.
    pub draws: usize,
    /// The largest distance of a mean from the truth.
    pub max_abs_error: f64,
    /// The smallest bias that would have been seen with the power asked for, in the worst component.
    pub detectable_bias: f64,
    /// The factor that the wrong components have in common, if they have one.
    pub factor: Option<f64>,
    /// What is wrong with the mean, in words.
    pub diagnosis: Option<String>,
    /// What else is wrong.
    pub failures: Vec<String>,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// Every component of the gradient, and behind them the value, if it is known.
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

    /// The component of the gradient that is farthest from the truth, in errors.
    pub fn worst(&self) -> Option<&ComponentTest> {
        self.gradient().iter().max_by(|a, b| a.z().abs().total_cmp(&b.z().abs()))
    }

    /// Everything that speaks against it, in one line; empty if nothing does.
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
            Method::Enumerated(_) => "outcomes listed",
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
