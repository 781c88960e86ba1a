//! The bug zoo: wrong estimators that people really shipped or asked about, and what gives each away.
//!
//! A checker that lets one of them pass is not a checker. [`zoo`] poses every one on a problem with a known
//! gradient, beside the same estimator mended; [`Specimen::examine`] says whether the wrong one is told from
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

pub use baselines::{BatchMean, Divided, Leaky, OthersOver, SeenMean, SeesDraw};
pub use bits::{Antithetic, AntitheticForm, Averaged, Ranked, Relax};
pub use bounds::{Carried, MeanOfLogs, Pooled, ScaledTwice, SquaredForModel, Unstopped, VimcoSlip};
pub use catalogue::zoo;
pub use normal::{AcrossJump, At, BoxIntegral, BySigma, Sides};

use crate::proof::{Candidate, Options, Problem, Proof, Verdict, apart, prove};
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
    pub mended: Box<dyn Candidate>,
    /// What must tell the two apart.
    pub trial: Trial,
}

/// What a wrong estimator is tried for.
pub enum Trial {
    /// Its mean must be the gradient.
    Mean,
    /// A constant added to the signal must not change any draw: both estimators with such a constant.
    Shift {
        /// The wrong one.
        candidate: Box<dyn Candidate>,
        /// The right one.
        mended: Box<dyn Candidate>,
    },
    /// Its variance must be of the order of the right one's.
    Variance,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Whether it was given away.
    pub caught: bool,
    /// What gave it away, or what was looked at in vain.
    pub evidence: String,
    /// The proof of its mean, or of the contrary.
    pub proof: Proof,
}

/// So many times the variance of the mended one is a mistake, if not of the mean.
const TOO_MUCH: f64 = 100.0;

impl Specimen {
    /// Tries the wrong one.
    pub fn examine(&self, options: &Options) -> Finding {
        self.find(false, options)
    }

    /// Tries the mended one, which is not to be caught.
    pub fn examine_mended(&self, options: &Options) -> Finding {
        self.find(true, options)
    }

    fn find(&self, mended: bool, options: &Options) -> Finding {
        let candidate = if mended { &*self.mended } else { &*self.candidate };
        let proof = prove(&*self.problem, candidate, options);
        if proof.verdict == Verdict::Biased && !proof.ok {
            return Finding { caught: true, evidence: proof.reasons(), proof };
        }
        let (caught, evidence) = match &self.trial {
            Trial::Mean => (false, "the mean is right".to_string()),
            Trial::Shift { candidate: wrong, mended: right } => {
                let shifted = if mended { &**right } else { &**wrong };
                let moved = apart(candidate, shifted, proof.gradient().len());
                let words =
                    "the mean is right, but a constant added to the signal moves a draw by up to";
                (moved > 1e-9, format!("{words} {moved:.3e}, and should move none"))
            }
            Trial::Variance => {
                let right = prove(&*self.problem, &*self.mended, options).variance();
                let times = proof.variance() / right;
                let words = "the mean is right, but the variance of a draw is";
                let than = "times that of the mended one";
                (times > TOO_MUCH, format!("{words} {:.3e}, {times:.3e} {than}", proof.variance()))
            }
        };
        Finding { caught, evidence, proof }
    }
}
