//! An estimator of the catalogue on a problem whose gradient is known.

use super::row::{Job, Place, Row, Setup, Skip, Variant};
use crate::program::bench::{Instance, Pair, ProblemRow, Setting};
use pathscore::estimators::energy::IndependentBits;
use pathscore::estimators::proof::{Applied, Cached, Candidate, EnergyBased, Latent};
use pathscore::estimators::{Estimator, Target};
use pathscore::models::dist::Kind;
use pathscore::models::latent::LatentModel;
use pathscore::models::{Energy, Params, seed};
use std::rc::Rc;
use std::sync::Arc;

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
        Ok(Instance { problem: Rc::new(Cached::new(truth)), candidate, target: Some(target), key })
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
            return Err(format!("{least} samples or more are needed, not {samples}"));
        }
        let few = || format!("{name} has fewer than {} rows", setting.batch);
        problem.latent(*setting, target).ok_or_else(few)
    }

    fn instance(&self, problem: Latent<M>, candidate: Box<dyn Candidate>) -> Instance {
        let target = problem.target;
        let key = format!("{} {target} {:?}", problem.name, self.setting);
        Instance { problem: Rc::new(Cached::new(problem)), candidate, target: Some(target), key }
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
                    Some(why) => left_out.push((estimator.name.into(), why)),
                }
            }
        }
        ProblemRow { name: name.into(), line: line.into(), source: source.into(), pairs, left_out }
    }

    fn pair<J: MakesInstance<M> + 'static>(self, row: Row<f64, M, J>, estimator: Variant) -> Pair {
        if let Some(&(_, solved)) = self.solved.iter().find(|(name, _)| *name == estimator.name) {
            let few = |setting: Setting| format!("fewer than {} rows", setting.batch);
            let instance = move |setting| solved(setting).ok_or_else(|| few(setting));
            return Pair::new(estimator.words(), instance);
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
        Pair::new(estimator.words(), instance)
    }
}
