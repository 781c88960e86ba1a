//! An estimator on a problem whose gradient is known, made for a proof or a study.

use super::row::{Job, Place, Row, Setup, Skip, Variant};
use crate::program::usage_error::usage_error;
use pathscore::estimators::energy::IndependentBits;
use pathscore::estimators::proof::{
    Applied, Cached, Candidate, EnergyBased, Latent, Problem, Truth,
};
use pathscore::estimators::{Estimator, Target};
use pathscore::models::dist::Kind;
use pathscore::models::latent::LatentModel;
use pathscore::models::{Energy, Params, seed};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// The number of samples and rows of a gradient, and the factor on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Setting {
    /// $K$, the samples for each row.
    pub(crate) samples: usize,
    /// The number of rows.
    pub(crate) batch: usize,
    /// The factor on the gradient, which is summed over the rows.
    pub(crate) scale: f64,
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { samples, batch, scale } = self;
        write!(f, "K={samples}")?;
        if *batch > 1 { write!(f, ",B={batch},×{scale}") } else { Ok(()) }
    }
}

/// An estimator on a problem in one setting.
pub(crate) struct Instance {
    pub(crate) problem: Rc<dyn Problem>,
    pub(crate) candidate: Box<dyn Candidate>,
    /// The quantity whose gradient is estimated.
    pub(crate) target: Target,
    /// Two problems with the same key have the same exact gradient.
    pub(crate) key: String,
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

/// A form of an estimator and its instance, which brings its own exact gradient.
pub(super) type OwnTruth = (&'static str, fn(Setting) -> Option<Instance>);

/// A model that is small enough for the exact gradient of every expectation.
pub(super) struct TestProblem<M> {
    pub(super) name: &'static str,
    /// The description in one line.
    pub(super) line: &'static str,
    /// The paper, or the way to the exact gradient.
    pub(super) source: &'static str,
    /// The model and its parameters.
    pub(super) model: fn() -> (M, Params<f64>),
    /// Rows of data, one after another.
    pub(super) rows: &'static [f64],
    pub(super) columns: usize,
    /// The widths of the layers of latents, nearest the data first.
    pub(super) layers: &'static [usize],
    /// The kinds of the nodes of the posterior, where they differ.
    pub(super) nodes: &'static [Kind],
    /// True for an expectation $E f(z)$ in the form of a model: the ELBO is this expectation, and the other
    /// bounds mean nothing.
    pub(super) expectation: bool,
    /// Forms of estimators whose exact gradient is known here in another way than by listing.
    pub(super) solved: &'static [OwnTruth],
}

impl<M> Clone for TestProblem<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for TestProblem<M> {}

impl<M> TestProblem<M> {
    /// The problem in a setting, if it has rows enough.
    pub(super) fn latent(&self, setting: Setting, target: Target) -> Option<Latent<M>> {
        let Setting { samples, batch, scale } = setting;
        let (model, params) = (self.model)();
        let x = self.rows.get(..batch * self.columns)?.to_vec();
        Some(Latent { name: self.name.into(), model, params, x, batch, samples, scale, target })
    }
}

/// A job that makes an instance of an estimator on a problem.
pub(super) trait MakesInstance<M>: Job<f64, M, Output = Result<Instance, String>> {
    /// The job for a problem in a setting, with the estimator's number of samples.
    fn on(problem: TestProblem<M>, setting: Setting, samples: usize) -> Self;

    /// About $\ln Z$, if the model has a partition function.
    fn log_partition(problem: &TestProblem<M>) -> f64 {
        let _ = problem;
        0.0
    }
}

/// The job of making an instance of an estimator on a latent-variable model.
pub(super) struct Instantiate<M> {
    problem: TestProblem<M>,
    setting: Setting,
    /// The estimator's number of samples.
    samples: usize,
}

/// The job of making an instance of an estimator on an energy-based model.
pub(super) struct InstantiateEnergy<M> {
    problem: TestProblem<M>,
    setting: Setting,
    samples: usize,
}

/// The draws from which $\ln Z$ of an energy-based model is estimated.
const PARTITION_DRAWS: usize = 10_000;

impl<M> MakesInstance<M> for InstantiateEnergy<M>
where
    M: Energy<f64> + Clone + Send + Sync + 'static,
{
    fn on(problem: TestProblem<M>, setting: Setting, samples: usize) -> Self {
        Self { problem, setting, samples }
    }

    fn log_partition(problem: &TestProblem<M>) -> f64 {
        let (model, params) = (problem.model)();
        let rng = &mut seed::rng(5, seed::Stream::Init, 1);
        IndependentBits::new(&problem.means()).log_partition(&model, &params, PARTITION_DRAWS, rng)
    }
}

impl<M> Job<f64, M> for InstantiateEnergy<M>
where
    M: Energy<f64> + Clone + Send + Sync + 'static,
{
    type Output = Result<Instance, String>;

    fn run<E>(self, params: Params<f64>, estimator: E) -> Self::Output
    where
        E: Estimator<f64, M> + Clone + Send + Sync + 'static,
    {
        let Self { problem, setting: Setting { samples, batch, scale }, .. } = self;
        let (name, target) = (problem.name, estimator.target());
        let (model, own) = (problem.model)();
        let few = || format!("{name} has fewer than {batch} rows");
        let x = problem.rows.get(..batch * problem.columns).ok_or_else(few)?.to_vec();
        let truth = EnergyBased { name: name.into(), model, params: own, x, batch, samples, scale };
        // The estimator's own parameters are no part of the problem.
        let applied = Arc::new(EnergyBased { params, samples: self.samples, ..truth.clone() });
        let key = format!("{name} {target} {:?}", self.setting);
        let candidate = Box::new(Applied::new(&applied, estimator));
        Ok(Instance { problem: Rc::new(Cached::new(truth)), candidate, target, key })
    }
}

impl<M> MakesInstance<M> for Instantiate<M>
where
    M: LatentModel<f64> + Clone + Send + Sync + 'static,
{
    fn on(problem: TestProblem<M>, setting: Setting, samples: usize) -> Self {
        Self { problem, setting, samples }
    }
}

impl<M> Instantiate<M>
where
    M: LatentModel<f64> + Clone + Send + Sync + 'static,
{
    /// The problem of an estimator of `target` that needs `least` samples.
    fn latent(&self, target: Target, least: usize) -> Result<Latent<M>, String> {
        let Self { problem, setting, samples } = self;
        let name = problem.name;
        if problem.expectation && target != Target::Elbo {
            return Err(format!("{name} is an expectation E f(z): it has no {target}"));
        }
        if *samples < least {
            return Err(format!("it needs {least} samples or more, not {samples}"));
        }
        let few = || format!("{name} has fewer than {} rows", setting.batch);
        problem.latent(*setting, target).ok_or_else(few)
    }

    fn instance(&self, problem: Latent<M>, candidate: Box<dyn Candidate>) -> Instance {
        let target = problem.target;
        let key = format!("{} {target} {:?}", problem.name, self.setting);
        Instance { problem: Rc::new(Cached::new(problem)), candidate, target, key }
    }
}

impl<M> Job<f64, M> for Instantiate<M>
where
    M: LatentModel<f64> + Clone + Send + Sync + 'static,
{
    type Output = Result<Instance, String>;

    fn run<E>(self, params: Params<f64>, estimator: E) -> Self::Output
    where
        E: Estimator<f64, M> + Clone + Send + Sync + 'static,
    {
        let (target, least) = (estimator.target(), estimator.min_samples());
        let problem = self.latent(target, least)?;
        // The estimator's own parameters are no part of the problem.
        let applied = Arc::new(Latent { params, samples: self.samples, ..problem.clone() });
        let candidate = Box::new(Applied::new(&applied, estimator));
        Ok(self.instance(problem, candidate))
    }
}

/// A problem with the estimators that fit its model.
pub(crate) struct ProblemRow {
    pub(crate) name: &'static str,
    /// The description in one line.
    pub(crate) line: &'static str,
    /// The paper, or the way to the exact gradient.
    pub(crate) source: &'static str,
    /// The forms of estimators that are studied on it, in the order of the catalogue.
    pub(crate) pairs: Vec<Pair>,
    /// The forms of estimators that are left out, and why.
    pub(crate) left_out: Vec<(&'static str, String)>,
}

/// A form of an estimator that is studied on a problem.
pub(crate) struct Pair {
    pub(crate) estimator: Variant,
    instance: Box<MakeInstance>,
}

type MakeInstance = dyn Fn(Setting) -> Result<Instance, String> + Send + Sync;

impl Pair {
    /// A form of an estimator with the function that makes its instances.
    pub(super) fn new(
        estimator: Variant,
        instance: impl Fn(Setting) -> Result<Instance, String> + Send + Sync + 'static,
    ) -> Self {
        Self { estimator, instance: Box::new(instance) }
    }

    /// The estimator on the problem in a setting.
    ///
    /// # Errors
    /// If the setting does not fit, with the reason: too few samples, or more rows than the problem has.
    pub(crate) fn instance(&self, setting: Setting) -> Result<Instance, String> {
        (self.instance)(setting)
    }
}

/// A setting with as many samples as every estimator needs.
const ENOUGH_SAMPLES: Setting = Setting { samples: 3, batch: 1, scale: 1.0 };

impl<M: 'static> TestProblem<M> {
    /// The means of the columns of the data.
    fn means(&self) -> Vec<f64> {
        let rows = (self.rows.len() / self.columns.max(1)) as f64;
        let column = |i| self.rows.iter().skip(i).step_by(self.columns).sum::<f64>() / rows;
        (0..self.columns).map(column).collect()
    }

    /// The problem with the estimators of these capabilities.
    pub(super) fn with<J: MakesInstance<M> + 'static, const N: usize>(
        self,
        groups: [Vec<Row<f64, M, J>>; N],
    ) -> ProblemRow {
        let Self { name, line, source, .. } = self;
        let (mut pairs, mut left_out) = (Vec::new(), Vec::new());
        for row in groups.into_iter().flatten() {
            for estimator in row.about.forms() {
                if estimator.place == Place::Runs {
                    continue;
                }
                let pair = self.pair(row, estimator);
                let skips = estimator.skips.iter().chain(row.about.skips);
                let skip = skips.into_iter().find(|skip| skip.problems.contains(&name));
                let refusal = match (row.about.check_layers(self.layers), skip) {
                    (Err(error), _) => Some(error.to_string()),
                    (_, Some(Skip { why, .. })) => Some((*why).to_string()),
                    _ => pair.instance(ENOUGH_SAMPLES).err(),
                };
                match refusal {
                    None => pairs.push(pair),
                    Some(why) => left_out.push((estimator.name, why)),
                }
            }
        }
        ProblemRow { name, line, source, pairs, left_out }
    }

    fn pair<J: MakesInstance<M> + 'static>(self, row: Row<f64, M, J>, estimator: Variant) -> Pair {
        if let Some(&(_, solved)) = self.solved.iter().find(|(name, _)| *name == estimator.name) {
            let few = |setting: Setting| format!("fewer than {} rows", setting.batch);
            let instance = move |setting| solved(setting).ok_or_else(|| few(setting));
            return Pair { estimator, instance: Box::new(instance) };
        }
        let given = estimator.options_on(self.name);
        let options = row.about.options(&given).expect("a form's options are its estimator's");
        let instance = move |setting: Setting| {
            let own = row.about.fixed_samples.then_some(row.about.samples);
            let setup = Setup {
                params: (self.model)().1,
                columns: self.columns,
                layers: self.layers.to_vec(),
                nodes: self.nodes.to_vec(),
                means: self.means(),
                log_partition: J::log_partition(&self),
                rng: seed::rng(5, seed::Stream::Init, 0),
            };
            let samples = own.unwrap_or(setting.samples);
            row.run(&options, setup, J::on(self, setting, samples))
        };
        Pair { estimator, instance: Box::new(instance) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::usage_error::exit_code;
    use pathscore::estimators::Enumerator;
    use pathscore::estimators::proof::{Expectation, FromFn};
    use pathscore::models::RandomSource;

    #[test]
    fn a_problem_without_an_exact_gradient_is_refused_with_a_sentence() {
        let step =
            Expectation::new("a step", &[0.3], |at, source| f64::from(source.uniform() < at[0]));
        let candidate = FromFn(|_: &mut Enumerator, out: &mut [f64]| out[0] = 1.0);
        let instance = Instance {
            problem: Rc::new(Cached::new(step)),
            candidate: Box::new(candidate),
            target: Target::Elbo,
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
