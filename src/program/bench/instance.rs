//! An estimator on a problem whose gradient is known, made for a proof or a study.

use crate::program::usage_error::usage_error;
use pathscore::estimators::Target;
use pathscore::estimators::proof::{Candidate, Problem, Truth};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

/// The number of samples and rows of a gradient, and the factor on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// $K$, the samples for each row.
    pub samples: usize,
    /// The number of rows.
    pub batch: usize,
    /// The factor on the gradient, which is summed over the rows.
    pub scale: f64,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { samples, batch, scale } = self;
        write!(f, "K={samples}")?;
        if *batch > 1 { write!(f, ",B={batch},×{scale}") } else { Ok(()) }
    }
}

/// An estimator on a problem in one setting.
pub(crate) struct Instance {
    pub(crate) problem: Rc<dyn Problem>,
    pub(crate) candidate: Box<dyn Candidate>,
    /// The quantity whose gradient is estimated; none of a problem that is no model.
    pub(crate) target: Option<Target>,
    /// Two problems with the same key have the same exact gradient.
    pub(crate) key: String,
}

impl Instance {
    /// The name of the quantity whose gradient is estimated.
    pub(crate) fn target_name(&self) -> String {
        self.target.map_or("E f".into(), |target| target.to_string())
    }
}

/// Problems by their keys, so that each exact gradient is computed once.
#[derive(Default)]
pub(crate) struct Truths(HashMap<String, Rc<dyn Problem>>);

impl Truths {
    /// The problem of an instance, one and the same for all instances with its key.
    pub(crate) fn of(&mut self, instance: &Instance) -> Rc<dyn Problem> {
        let problem = || Rc::clone(&instance.problem);
        Rc::clone(self.0.entry(instance.key.clone()).or_insert_with(problem))
    }

    /// The exact gradient of the problem of an instance, with its error.
    ///
    /// # Errors
    /// If it is not known to the tolerance: the program cannot use such a problem.
    pub(crate) fn truth(&mut self, instance: &Instance) -> anyhow::Result<Truth> {
        self.of(instance).truth().map_err(|refused| usage_error(refused.to_string()))
    }
}

/// A name or a line of words.
pub(crate) type Words = Cow<'static, str>;

/// A problem with the estimators that fit it.
#[derive(Clone)]
pub(crate) struct ProblemRow {
    pub(crate) name: Words,
    /// The description in one line.
    pub(crate) line: Words,
    /// The paper, or the way to the exact gradient.
    pub(crate) source: Words,
    /// The estimators that are studied on it, in the order of their table.
    pub(crate) pairs: Vec<Pair>,
    /// The estimators that are left out, and why.
    pub(crate) left_out: Vec<(Words, String)>,
}

/// An estimator that is studied on a problem.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) name: Words,
    /// The description in one line.
    pub(crate) line: Words,
    /// The paper.
    pub(crate) source: Words,
    /// True if one setting is as good as another: a gradient that has no $K$ samples and no rows.
    pub(crate) one_setting: bool,
    /// The least $K$ that the estimator works with, as far as it is known here.
    pub(crate) min_samples: usize,
    pub(super) instance: Arc<MakeInstance>,
}

type MakeInstance = dyn Fn(Setting) -> Result<Instance, String> + Send + Sync;

impl Pair {
    /// An estimator with the function that makes its instances.
    pub(crate) fn new(
        [name, line, source]: [Words; 3],
        instance: impl Fn(Setting) -> Result<Instance, String> + Send + Sync + 'static,
    ) -> Self {
        let (one_setting, min_samples, instance) = (false, 1, Arc::new(instance));
        Self { name, line, source, one_setting, min_samples, instance }
    }

    /// The estimator on the problem in a setting.
    ///
    /// # Errors
    /// If the setting does not fit, with the reason: too few samples, or more rows than the problem has.
    pub(crate) fn instance(&self, setting: Setting) -> Result<Instance, String> {
        (self.instance)(setting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::usage_error::exit_code;
    use pathscore::estimators::Enumerator;
    use pathscore::estimators::proof::{Cached, Expectation, FromFn};
    use pathscore::models::RandomSource;

    #[test]
    fn a_problem_without_an_exact_gradient_is_refused_with_a_sentence() {
        let step =
            Expectation::new("a step", &[0.3], |at, source| f64::from(source.uniform() < at[0]));
        let candidate = FromFn(|_: &mut Enumerator, out: &mut [f64]| out[0] = 1.0);
        let instance = Instance {
            problem: Rc::new(Cached::new(step)),
            candidate: Box::new(candidate),
            target: None,
            key: "a step".into(),
        };
        let error = Truths::default().truth(&instance).expect_err("no rule sees the step");
        assert_eq!(exit_code(&error), 2);
        let sentence = error.to_string();
        assert!(
            sentence.contains("a step is refused") && sentence.contains("tolerance"),
            "{sentence}"
        );
    }
}
