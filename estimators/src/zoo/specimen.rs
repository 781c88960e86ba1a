//! A wrong estimator with its problem, its fix and its examination.

use crate::estimator::Estimator;
use crate::proof::{
    Applied, Cached, Candidate, Latent, Options, Problem, Proof, Verdict, max_difference, prove,
};
use std::rc::Rc;
use std::sync::Arc;

/// A wrong estimator on a problem, with the same estimator without the mistake.
pub struct Specimen {
    /// The number in the list; several forms of one mistake share it.
    pub number: usize,
    /// A short name.
    pub name: &'static str,
    /// The mistake.
    pub wrong: &'static str,
    /// The place where the mistake was found: a library and issue, or a common slip.
    pub source: &'static str,
    /// Words that the evidence must contain.
    pub evidence: &'static str,
    /// A problem whose gradient is known.
    pub problem: Rc<dyn Problem>,
    /// The wrong estimator.
    pub candidate: Box<dyn Candidate>,
    /// The estimator without the mistake.
    pub fixed: Box<dyn Candidate>,
    /// The property in which the two differ.
    pub property: Property,
}

/// The property that a wrong estimator lacks.
pub enum Property {
    /// The mean is the gradient.
    Mean,
    /// No draw changes when a constant is added to the signal; both estimators with such a constant.
    ShiftInvariance {
        /// The wrong estimator with the constant.
        candidate: Box<dyn Candidate>,
        /// The fixed estimator with the constant.
        fixed: Box<dyn Candidate>,
    },
    /// The variance is at most a hundred times that of the fixed estimator.
    Variance,
}

/// The result of an examination.
#[derive(Clone, Debug)]
pub struct Examination {
    /// True if the mistake was detected.
    pub caught: bool,
    /// The evidence of the mistake, or the test that did not detect one.
    pub evidence: String,
    /// The proof that compares the mean with the truth.
    pub proof: Proof,
}

/// The largest ratio of the variance to that of the fixed estimator.
const LARGEST_VARIANCE_RATIO: f64 = 100.0;

/// The description of a specimen: the first fields of [`Specimen`].
pub(super) struct About {
    pub(super) number: usize,
    pub(super) name: &'static str,
    pub(super) wrong: &'static str,
    pub(super) source: &'static str,
    pub(super) evidence: &'static str,
}

impl About {
    /// A specimen on any problem, which is solved when it is first examined.
    pub(super) fn on(
        self,
        problem: impl Problem + 'static,
        candidate: impl Candidate + 'static,
        fixed: impl Candidate + 'static,
    ) -> Specimen {
        self.on_shared(Rc::new(Cached::new(problem)), candidate, fixed)
    }

    /// Two estimators applied to a latent-variable problem.
    pub(super) fn on_latent<M, W, R>(
        self,
        problem: &LatentProblem<M>,
        wrong: W,
        right: R,
    ) -> Specimen
    where
        M: Send + Sync + 'static,
        W: Estimator<f64, M> + Clone + Send + 'static,
        R: Estimator<f64, M> + Clone + Send + 'static,
    {
        let LatentProblem { latent, problem } = problem;
        let (wrong, right) = (Applied::new(latent, wrong), Applied::new(latent, right));
        self.on_shared(Rc::clone(problem), wrong, right)
    }

    fn on_shared(
        self,
        problem: Rc<dyn Problem>,
        candidate: impl Candidate + 'static,
        fixed: impl Candidate + 'static,
    ) -> Specimen {
        let Self { number, name, wrong, source, evidence } = self;
        let (candidate, fixed) = (Box::new(candidate), Box::new(fixed));
        let property = Property::Mean;
        Specimen { number, name, wrong, source, evidence, problem, candidate, fixed, property }
    }
}

/// A latent-variable problem that several specimens share, so that it is solved once.
pub(super) struct LatentProblem<M> {
    pub(super) latent: Arc<Latent<M>>,
    problem: Rc<dyn Problem>,
}

impl<M: Clone + 'static> LatentProblem<M>
where
    Latent<M>: Problem,
{
    pub(super) fn new(latent: Latent<M>) -> Self {
        Self { problem: Rc::new(Cached::new(latent.clone())), latent: Arc::new(latent) }
    }
}

impl Specimen {
    /// Examines the wrong estimator.
    pub fn examine(&self, options: &Options) -> Examination {
        self.examine_one(false, options)
    }

    /// Examines the fixed estimator, in which no mistake may be found.
    pub fn examine_fixed(&self, options: &Options) -> Examination {
        self.examine_one(true, options)
    }

    fn examine_one(&self, fixed: bool, options: &Options) -> Examination {
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
                let ratio = proof.variance() / right;
                let words = "the mean is right, but the variance of a draw is";
                let evidence = format!(
                    "{words} {:.3e}, {ratio:.3e} times that of the fixed one",
                    proof.variance()
                );
                (ratio > LARGEST_VARIANCE_RATIO, evidence)
            }
        };
        Examination { caught, evidence, proof }
    }
}
