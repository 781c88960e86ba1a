//! The bug zoo: wrong estimators that people really shipped or asked about, and what gives each away.
//!
//! A checker that lets one of them pass is not a checker. [`zoo`] poses every one on a problem with a known
//! gradient, beside the same estimator fixed; [`Specimen::examine`] says whether the wrong one is told from
//! the right one, and how. The numbers are those of a longer list: 21 to 26 are about models without a
//! normaliser.
//!
//! ```
//! use pathscore_estimators::{proof::Options, zoo::zoo};
//! let zoo = zoo();
//! let first = zoo[0].examine(&Options::default());
//! assert!(first.caught);
//! assert!(first.evidence.contains("(K − 1)/K: the baseline contains the draw it corrects"));
//! ```

mod baselines;
mod bits;
mod bounds;
mod catalogue;
mod normal;

pub use baselines::{
    BaselineOfLatents, BatchMean, LeakyBaseline, NvilDivisor, OthersOverK, UpdatedRunningMean,
};
pub use bits::{AntitheticForm, AntitheticPair, AveragedTerms, RankWeights, RelaxOneBit};
pub use bounds::{
    BatchAveragedWeights, MeanOfLogs, ScaledTwice, SquaredForModel, UndetachedSample,
    UndetachedWeights, WrongVimco,
};
pub use catalogue::zoo;
pub use normal::{AcrossJump, BoxIntegral, BySigma, CentralDifference, NormalParams};

use crate::proof::{Candidate, Options, Problem, Proof, Verdict, max_difference, prove};
use std::rc::Rc;

/// A wrong estimator before a problem.
pub struct Specimen {
    /// Its number in the list; two forms of one mistake share it.
    pub number: usize,
    /// A short name.
    pub name: &'static str,
    /// What is wrong.
    pub wrong: &'static str,
    /// Where it was seen.
    pub source: &'static str,
    /// A problem whose gradient is known.
    pub problem: Rc<dyn Problem>,
    /// The estimator.
    pub candidate: Box<dyn Candidate>,
    /// The same without the mistake.
    pub fixed: Box<dyn Candidate>,
    /// What must tell the two apart.
    pub property: Property,
}

/// What a wrong estimator is tried for.
pub enum Property {
    /// Its mean must be the gradient.
    Mean,
    /// A constant added to the signal must not change any draw: both estimators with such a constant.
    ShiftInvariance {
        /// The wrong one.
        candidate: Box<dyn Candidate>,
        /// The right one.
        fixed: Box<dyn Candidate>,
    },
    /// Its variance must be of the order of the right one's.
    Variance,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Examination {
    /// Whether it was given away.
    pub caught: bool,
    /// What gave it away, or what was looked at in vain.
    pub evidence: String,
    /// The proof of its mean, or of the contrary.
    pub proof: Proof,
}

/// So many times the variance of the fixed one is a mistake, if not of the mean.
const TOO_MUCH: f64 = 100.0;

impl Specimen {
    /// Tries the wrong one.
    pub fn examine(&self, options: &Options) -> Examination {
        self.find(false, options)
    }

    /// Tries the fixed one, which is not to be caught.
    pub fn examine_fixed(&self, options: &Options) -> Examination {
        self.find(true, options)
    }

    fn find(&self, fixed: bool, options: &Options) -> Examination {
        let candidate = if fixed { &*self.fixed } else { &*self.candidate };
        let proof = prove(&*self.problem, candidate, options);
        if proof.verdict == Verdict::Biased && !proof.ok {
            return Examination { caught: true, evidence: proof.reasons(), proof };
        }
        let (caught, evidence) = match &self.property {
            Property::Mean => (false, "the mean is right".to_string()),
            Property::ShiftInvariance { candidate: wrong, fixed: right } => {
                let shifted = if fixed { &**right } else { &**wrong };
                let moved = max_difference(candidate, shifted, proof.gradient().len());
                let words =
                    "the mean is right, but a constant added to the signal moves a draw by up to";
                (moved > 1e-9, format!("{words} {moved:.3e}, and should move none"))
            }
            Property::Variance => {
                let right = prove(&*self.problem, &*self.fixed, options).variance();
                let times = proof.variance() / right;
                let words = "the mean is right, but the variance of a draw is";
                let than = "times that of the fixed one";
                (times > TOO_MUCH, format!("{words} {:.3e}, {times:.3e} {than}", proof.variance()))
            }
        };
        Examination { caught, evidence, proof }
    }
}
