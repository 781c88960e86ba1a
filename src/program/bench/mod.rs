//! Problems whose exact gradient is known, with the estimators that are compared and certified on each.

mod choose;
mod instance;
mod setting;

pub(crate) use choose::names_of;
pub use instance::Setting;
pub(crate) use instance::{Instance, Pair, ProblemRow, Truths, Words};
pub use setting::InSettings;

use pathscore::estimators::Estimator;
use pathscore::estimators::proof::{Applied, Cached, Gradient, Problem};
use std::rc::Rc;
use std::sync::Arc;

/// Problems whose exact gradient is known, with the estimators that are compared and certified on each.
///
/// [`Bench::compare`] measures bias, variance and time, for tables and charts. [`Bench::main`] makes a program of it, with the commands
/// `compare`, `check` and `list`. The program `pathscore` is such a bench ([`Bench::catalogue`]).
///
/// ```
/// use pathscore::bench::{Bench, Options};
/// use pathscore::estimators::proof::{Expectation, FromFn};
/// use pathscore::estimators::Enumerator;
/// use pathscore::models::RandomSource;
///
/// // E (z − 2)² for z = μ + ε, differentiated with respect to μ.
/// let problem = Expectation::new("square", &[0.5], |at, source| (at[0] + source.normal() - 2.0).powi(2));
/// let path = FromFn(|source: &mut Enumerator, out: &mut [f64]| out[0] = 2.0 * (0.5 + source.normal() - 2.0));
/// let mut bench = Bench::new();
/// bench.on(problem).add_gradient("path", path);
/// let results = bench.compare(&Options { draws: 1000, ..Options::default() })?;
/// let row = &results.rows()[0];
/// assert!((row.exact + 3.0).abs() < 1e-9);
/// // The variance of a draw is 4; of a thousand draws it is found to 4 √(2/1000), or 0.18.
/// assert!((row.variance - 4.0).abs() < 1.0);
/// println!("{results}");
/// # Ok::<(), pathscore::bench::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Bench {
    pub(crate) problems: Vec<ProblemRow>,
    /// Names that stand for several estimators each.
    pub(crate) families: Vec<(Words, Vec<Words>)>,
    /// True for the bench of the program, which has more to show than its own problems.
    pub(crate) is_catalogue: bool,
}

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.problems.iter().map(|problem| {
            let estimators: Vec<&str> = problem.pairs.iter().map(|pair| &*pair.name).collect();
            (&problem.name, estimators)
        });
        f.debug_map().entries(names).finish()
    }
}

/// A problem of a [`Bench`] to which estimators are added.
pub struct OnProblem<'a, P> {
    row: &'a mut ProblemRow,
    problem: Arc<P>,
}

impl Bench {
    /// No problems yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a problem; estimators are added to what is returned.
    ///
    /// # Panics
    /// If the bench has a problem of that name, or the name is empty or begins with `run:`, as that of the folder of a run does.
    #[track_caller]
    pub fn on<P: Problem + Send + Sync + 'static>(&mut self, problem: P) -> OnProblem<'_, P> {
        let name = problem.name();
        let twin = self.problems.iter().any(|row| row.name == *name);
        assert!(!name.trim().is_empty(), "a problem has no name");
        assert!(!name.starts_with("run:"), "`{name}` is the name of a run, not of a problem");
        assert!(!twin, "the bench has two problems called {name}");
        let (pairs, left_out) = (Vec::new(), Vec::new());
        let count = problem.components().len();
        let line = format!("a gradient of {count} component{}", if count == 1 { "" } else { "s" });
        let (name, line, source) = (name.into(), line.into(), "".into());
        self.problems.push(ProblemRow { name, line, source, pairs, left_out });
        let row = self.problems.last_mut().expect("a problem was added");
        OnProblem { row, problem: Arc::new(problem) }
    }
}

impl<P: Problem + Send + Sync + 'static> OnProblem<'_, P> {
    /// Adds something that draws gradients of the problem.
    ///
    /// # Panics
    /// If the problem has an estimator of that name, or the name is empty.
    #[track_caller]
    pub fn add_gradient<G>(self, name: impl Into<String>, gradient: G) -> Self
    where
        G: Gradient + Clone + Sync + 'static,
    {
        let problem = Arc::clone(&self.problem);
        let instance = move |_: Setting| {
            let (candidate, key) = (Box::new(gradient.clone()), problem.name());
            let problem = Rc::new(Cached::new(Arc::clone(&problem)));
            Ok(Instance { problem, candidate, target: None, key })
        };
        self.pair(Pair { one_setting: true, ..named(name.into(), instance) })
    }

    #[track_caller]
    fn pair(self, pair: Pair) -> Self {
        let twin = self.row.pairs.iter().any(|other| other.name == pair.name);
        assert!(!pair.name.trim().is_empty(), "an estimator of {} has no name", self.row.name);
        assert!(!twin, "{} has two estimators called {}", self.row.name, pair.name);
        self.row.pairs.push(pair);
        self
    }
}

impl<P: InSettings> OnProblem<'_, P> {
    /// Adds an estimator of the problem's model. It is compared with the exact gradient of its own target.
    ///
    /// # Panics
    /// If the problem has an estimator of that name, or the name is empty.
    #[track_caller]
    pub fn add<E>(self, name: impl Into<String>, estimator: E) -> Self
    where
        E: Estimator<f64, P::Model> + Clone + Send + Sync + 'static,
    {
        let problem = Arc::clone(&self.problem);
        let (target, least) = (estimator.target(), estimator.min_samples());
        let instance = move |setting: Setting| {
            if setting.samples < least {
                return Err(format!("{least} samples or more are needed, not {}", setting.samples));
            }
            let problem = problem.in_setting(setting, target)?;
            let key = format!("{} {target} {setting:?}", problem.name());
            let candidate = Box::new(Applied::new(&Arc::new(problem.clone()), estimator.clone()));
            let problem = Rc::new(Cached::new(problem));
            Ok(Instance { problem, candidate, target: Some(target), key })
        };
        self.pair(Pair { min_samples: least, ..named(name.into(), instance) })
    }
}

/// An estimator that has a name and no further words.
fn named(
    name: String,
    instance: impl Fn(Setting) -> Result<Instance, String> + Send + Sync + 'static,
) -> Pair {
    Pair::new([name.into(), "".into(), "".into()], instance)
}
