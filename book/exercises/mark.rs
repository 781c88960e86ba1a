//! The mark of an exercise.

use pathscore::estimators::proof::{Candidate, Options, Problem, Proof, Verdict, prove};

/// The mark of an exercise: passed or not yet, with the evidence and a hint.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// True if every check of the exercise accepts the function.
    pub passed: bool,
    /// The evidence, one line for each check.
    pub evidence: Vec<String>,
    /// A hint if the exercise is not passed.
    pub hint: Option<String>,
}

impl Mark {
    /// A check that accepts if `holds`; `evidence` says what was found, and the hint is given otherwise.
    pub fn check(holds: bool, evidence: impl Into<String>, hint: &str) -> Self {
        let hint = (!holds).then(|| hint.to_string());
        Self { passed: holds, evidence: vec![evidence.into()], hint }
    }

    /// A comparison of numbers with their exact values, by their names; a difference above `tolerance` times
    /// the larger of one and the exact value is a mistake.
    pub fn exact(names: &[&str], found: &[f64], exact: &[f64], tolerance: f64, hint: &str) -> Self {
        let is_wrong = |&i: &usize| {
            let difference = (found[i] - exact[i]).abs();
            // A number that is not finite is wrong, too.
            !difference.is_finite() || difference > tolerance * exact[i].abs().max(1.0)
        };
        let wrong: Vec<String> = (0..exact.len())
            .filter(is_wrong)
            .map(|i| format!("{} is {:.6}, and should be {:.6}", names[i], found[i], exact[i]))
            .collect();
        match wrong.is_empty() {
            true => {
                Self::check(true, format!("{} agree with exact values", names.join(", ")), hint)
            }
            false => Self::check(false, wrong.join("; "), hint),
        }
    }

    /// A proof that the candidate is unbiased for the gradient of the problem.
    pub fn proof(problem: &dyn Problem, candidate: &dyn Candidate, hint: &str) -> Self {
        Self::of(&prove(problem, candidate, &Options::default()), hint)
    }

    /// The same with draws that resolve 5 % of the gradient instead of 2 %, for quadratures in two dimensions, which are slow.
    pub fn coarse_proof(problem: &dyn Problem, candidate: &dyn Candidate, hint: &str) -> Self {
        let options = Options { resolution: 0.05, ..Options::default() };
        Self::of(&prove(problem, candidate, &options), hint)
    }

    /// The mark of a proof.
    pub fn of(proof: &Proof, hint: &str) -> Self {
        let passed = proof.ok && proof.verdict == Verdict::Unbiased;
        let mut evidence = proof.verdict_with_resolution();
        if !passed {
            evidence = format!("{evidence}; {}", proof.reasons());
        }
        Self::check(passed, evidence, hint)
    }

    /// The same mark with a label before each line of evidence, such as the parameters at which a check was made.
    #[must_use]
    pub fn at(mut self, label: &str) -> Self {
        for line in &mut self.evidence {
            *line = format!("{label}: {line}");
        }
        self
    }

    /// The next check, if this one accepts.
    #[must_use]
    pub fn and(mut self, next: impl FnOnce() -> Self) -> Self {
        if self.passed {
            let next = next();
            self.evidence.extend(next.evidence);
            (self.passed, self.hint) = (next.passed, next.hint);
        }
        self
    }
}
