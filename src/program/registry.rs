//! Every estimator by name, and the problems it fits: what `compare`, `check` and `list` share.
//!
//! To add an estimator is one line of [`entries`]: its name, what it is, its source, and `.on(problem,
//! estimator)` for each problem whose model it can draw from. `.of(target)` before it says which bound's
//! gradient it estimates, if not the ELBO's; `.with_draws(k)`, that it has its own number of draws. What is
//! no [`Estimator`] goes in by `.posed(name, …)` with a problem and a candidate of its own.

mod sites;

use super::args::ProblemName;
use super::usage_error::usage_error;
use pathscore::estimators::Estimator;
use pathscore::estimators::both::{
    Arm, Concrete, DisArm, LocalExpectation, Many, MeasureValued, PerNode, Rebar, Relax,
    StraightThrough, Strategy,
};
use pathscore::estimators::differences::{FiniteDifferences, Spsa};
use pathscore::estimators::exact::{Enumeration, Quadrature};
use pathscore::estimators::likelihood::{PriorPath, PriorScore, SelfNormalised, UniformBox};
use pathscore::estimators::path::{Dreg, Iwae, Renyi, Sgvb, SgvbKl, StickingTheLanding};
use pathscore::estimators::proof::{Applied, Cached, Candidate, Problem, Target};
use pathscore::estimators::score::{
    Baseline, Mean, Mode, MuProp, Nvil, OptimalConstant, Reinforce, Tvo, Vimco, Wake,
};
use pathscore::models::{Params, seed};
use sites::{Belief, Bit, Deep, Line, Logit, Mix, Site, Square, Two};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// How an estimator is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Setting {
    /// $K$.
    pub(crate) samples: usize,
    /// The number of rows.
    pub(crate) batch: usize,
    /// What the gradient is multiplied by.
    pub(crate) scale: f64,
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { samples, batch, scale } = self;
        write!(f, "K={samples}")?;
        if *batch > 1 { write!(f, ",B={batch},×{scale}") } else { Ok(()) }
    }
}

/// An estimator before a problem.
pub(crate) struct Posed {
    pub(crate) problem: Rc<dyn Problem>,
    pub(crate) candidate: Box<dyn Candidate>,
    /// Two problems with the same key have the same truth.
    pub(crate) key: String,
}

/// Problems by their keys: the truth of each is found once.
#[derive(Default)]
pub(crate) struct Truths(HashMap<String, Rc<dyn Problem>>);

impl Truths {
    /// The problem, the same for everything posed with its key.
    pub(crate) fn of(&mut self, posed: &Posed) -> Rc<dyn Problem> {
        let problem = || Rc::clone(&posed.problem);
        Rc::clone(self.0.entry(posed.key.clone()).or_insert_with(problem))
    }
}

type Pose = Box<dyn Fn(Setting) -> Option<Posed> + Send + Sync>;

/// An estimator.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) source: &'static str,
    target: Target,
    draws: Option<usize>,
    fits: Vec<(ProblemName, Pose)>,
}

impl Entry {
    fn new(name: &'static str, what: &'static str, source: &'static str) -> Self {
        Self { name, what, source, target: Target::ELBO, draws: None, fits: Vec::new() }
    }

    /// What it estimates the gradient of; the ELBO, if nothing is said.
    fn of(self, target: Target) -> Self {
        Self { target, ..self }
    }

    /// A number of draws of its own.
    fn with_draws(self, draws: usize) -> Self {
        Self { draws: Some(draws), ..self }
    }

    /// That it fits a problem, in the form of this estimator.
    fn on<S, E>(self, site: S, estimator: E) -> Self
    where
        S: Site,
        E: Estimator<f64, S::Model> + Clone + Send + Sync + 'static,
    {
        self.with(site, move |_| estimator.clone())
    }

    /// That it fits a problem, in the form that `make` gives it, which may add parameters of its own behind the
    /// model's; they are no part of the problem.
    fn with<S, E>(
        self,
        site: S,
        make: impl Fn(&mut Params<f64>) -> E + Send + Sync + 'static,
    ) -> Self
    where
        S: Site,
        E: Estimator<f64, S::Model> + Clone + Send + 'static,
    {
        let Self { target, draws, .. } = self;
        self.posed(S::NAME, move |setting| {
            let name = super::config::cli_name(&S::NAME);
            let key = format!("{name} {target} {setting:?}");
            // Enumerators have no K, and what has its own draws has no use for the problem's.
            let problem = site.latent(setting, target)?;
            let mut asked = problem.clone();
            asked.samples = draws.unwrap_or(setting.samples);
            let estimator = make(&mut asked.params);
            if asked.samples < estimator.min_samples() {
                return None;
            }
            let candidate = Box::new(Applied::new(&Arc::new(asked), estimator));
            Some(Posed { problem: Rc::new(Cached::new(problem)), candidate, key })
        })
    }

    /// That it fits a problem, in any form.
    fn posed(
        mut self,
        name: ProblemName,
        pose: impl Fn(Setting) -> Option<Posed> + Send + Sync + 'static,
    ) -> Self {
        self.fits.push((name, Box::new(pose)));
        self
    }

    /// The name of what it estimates the gradient of.
    pub(crate) fn target(&self) -> Target {
        self.target
    }

    /// Whether it fits.
    pub(crate) fn fits(&self, problem: ProblemName) -> bool {
        self.fits.iter().any(|fit| fit.0 == problem)
    }

    /// The estimator before a problem, if it can be asked so.
    pub(crate) fn pose(&self, problem: ProblemName, setting: Setting) -> Option<Posed> {
        self.fits.iter().find(|fit| fit.0 == problem).and_then(|fit| fit.1(setting))
    }
}

/// A baseline near the mean signal of both problems.
const CONSTANT: f64 = -2.0;

/// Nodes of the quadrature.
const NODES: usize = 20;

/// Rényi's bound in the middle.
const HALF: Renyi = Renyi { alpha: 0.5 };

/// Every estimator.
pub(crate) fn entries() -> Vec<Entry> {
    let reinforce = |baseline| Reinforce { baseline };
    let (none, constant) = (reinforce(Baseline::None), reinforce(Baseline::Constant(CONSTANT)));
    let running = reinforce(Baseline::running_mean());
    let one_out = reinforce(Baseline::LeaveOneOut);
    let entry = Entry::new;
    let (geometric, arithmetic) =
        (Vimco { mean: Mean::Geometric }, Vimco { mean: Mean::Arithmetic });
    let renyi = Target::Renyi { alpha: HALF.alpha };
    let tvo = Tvo::log_spaced(3, 0.1);
    let optimal = OptimalConstant::new(0.9);
    // What the prior has outside is below 10⁻¹².
    let wide = UniformBox { sides: vec![[-7.5, 8.0]] };
    vec![
        entry("enumeration", "every state of the latents", "exact")
            .of(Target::ELBO)
            .on(Belief, Enumeration)
            .on(Bit, Enumeration)
            .on(Two, Enumeration)
            .on(Deep, Enumeration),
        entry("quadrature", "20 Gauss–Hermite nodes", "Golub & Welsch 1969")
            .with_draws(NODES)
            .on(Line, Quadrature)
            .on(Square, Quadrature)
            .on(Logit, Quadrature),
        entry("sgvb-analytic", "sgvb, divergence in closed form", "Kingma & Welling 2014")
            .on(Line, SgvbKl)
            .on(Square, SgvbKl)
            .on(Logit, SgvbKl),
        entry("sgvb-sampled", "sgvb, divergence at the draws", "Kingma & Welling 2014")
            .on(Line, Sgvb)
            .on(Square, Sgvb)
            .on(Logit, Sgvb),
        entry("reinforce-none", "reinforce without a baseline", "Williams 1992")
            .on(Belief, none)
            .on(Line, none)
            .on(Bit, none)
            .on(Square, none)
            .on(Two, none)
            .on(Deep, none),
        entry("reinforce-constant", "baseline −2, near the mean signal", "Williams 1992")
            .on(Belief, constant)
            .on(Line, constant)
            .on(Bit, constant)
            .on(Square, constant),
        entry("reinforce-running-mean", "baseline of earlier gradients", "Mnih & Gregor 2014")
            .on(Belief, running)
            .on(Line, running)
            .on(Bit, running)
            .on(Square, running),
        entry("reinforce-leave-one-out", "baseline of the other draws", "Mnih & Rezende 2016")
            .on(Belief, one_out)
            .on(Line, one_out)
            .on(Bit, one_out)
            .on(Square, one_out)
            .on(Two, one_out)
            .on(Deep, one_out)
            .on(Logit, one_out)
            .on(Mix, one_out),
        entry(
            "reinforce-optimal",
            "the constant of least variance, learnt",
            "Greensmith et al. 2004",
        )
        .on(Belief, optimal)
        .on(Line, optimal)
        .on(Bit, optimal)
        .on(Square, optimal),
        entry("nvil", "a network of the row and a running centre", "Mnih & Gregor 2014")
            .with(Belief, |params| nvil(params, &[3], Mode::Unbiased, false))
            .with(Line, |params| nvil(params, &[1], Mode::Unbiased, false))
            .with(Two, |params| nvil(params, &[3, 2], Mode::Unbiased, false))
            .with(Deep, |params| nvil(params, &[3, 1, 1], Mode::Unbiased, false)),
        entry("nvil-normalised", "nvil, divided by its running deviation", "Mnih & Gregor 2014")
            .with(Belief, |params| nvil(params, &[3], Mode::Unbiased, true)),
        entry("nvil-paper", "nvil, brought up to date before its use", "Mnih & Gregor 2014")
            .with(Belief, |params| nvil(params, &[3], Mode::Paper, true))
            .with(Two, |params| nvil(params, &[3, 2], Mode::Paper, true)),
        entry("muprop", "a line through the mean for a baseline", "Gu et al. 2016")
            .on(Belief, MuProp::default())
            .on(Bit, MuProp::default()),
        entry("arm", "the two bits of a uniform number and its mirror", "Yin & Zhou 2019")
            .on(Belief, Arm)
            .on(Bit, Arm),
        entry(
            "disarm",
            "arm averaged over what the two bits leave open",
            "Dong, Mnih & Tucker 2020",
        )
        .on(Belief, DisArm)
        .on(Bit, DisArm),
        entry("disarm-bound", "K such pairs for the bound", "Dong, Mnih & Tucker 2020")
            .of(Target::BOUND)
            .on(Belief, Many(DisArm)),
        entry("rebar", "the relaxed model as control variate", "Tucker et al. 2017")
            .on(Belief, Rebar::new(0.5)),
        entry("relax", "rebar with a network beside", "Grathwohl et al. 2018").with(Belief, relax),
        entry("local", "each bit summed over exactly", "Titsias & Lázaro-Gredilla 2015")
            .on(Belief, LocalExpectation)
            .on(Bit, LocalExpectation),
        entry("concrete", "relaxed bits at temperature ½", "Maddison, Mnih & Teh 2017")
            .on(Belief, Concrete { temperature: 0.5 })
            .on(Bit, Concrete { temperature: 0.5 }),
        entry("straight-through", "bits with their probabilities' slope", "Bengio et al. 2013")
            .on(Belief, StraightThrough::default())
            .on(Bit, StraightThrough::default()),
        entry(
            "measure-valued",
            "one coordinate at a time from the two parts of its density's derivative",
            "Mohamed et al. 2020",
        )
        .on(Belief, MeasureValued)
        .on(Line, MeasureValued)
        .on(Logit, MeasureValued)
        .on(Bit, MeasureValued)
        .on(Square, MeasureValued),
        entry("per-node", "a road for each node: here path and sum", "Schulman et al. 2015")
            .on(Mix, PerNode::automatic(&Mix::KINDS, 2)),
        entry("per-node-score", "normal numbers by path, bits by score", "Schulman et al. 2015")
            .on(Mix, by_path_and(Strategy::Score)),
        entry("per-node-straight-through", "bits that borrow a slope", "Bengio et al. 2013")
            .on(Mix, by_path_and(Strategy::StraightThrough)),
        entry("prior-score", "draws from the prior, through its score", "Fisher 1925")
            .of(Target::LIKELIHOOD)
            .on(Belief, PriorScore)
            .on(Line, PriorScore)
            .on(Logit, PriorScore),
        entry("prior-path", "draws from the prior, along their path", "Kingma & Welling 2014")
            .of(Target::LIKELIHOOD)
            .on(Line, PriorPath)
            .on(Logit, PriorPath),
        entry("prior-box", "uniform draws, times the volume", "crude Monte Carlo")
            .of(Target::LIKELIHOOD)
            .on(Line, wide.clone())
            .on(Logit, wide),
        entry("self-normalised", "draws from the prior, weighted by the likelihood", "Fisher 1925")
            .of(Target::LOG_LIKELIHOOD)
            .on(Belief, SelfNormalised)
            .on(Line, SelfNormalised)
            .on(Logit, SelfNormalised),
        entry("differences", "central, with common random numbers", "of last resort")
            .on(Line, FiniteDifferences::default())
            .on(Square, FiniteDifferences::default()),
        entry("spsa", "differences in a random direction", "Spall 1992")
            .on(Line, Spsa::default())
            .on(Square, Spsa::default()),
        entry("stl", "sgvb without the score of q", "Roeder et al. 2017")
            .on(Line, StickingTheLanding)
            .on(Square, StickingTheLanding)
            .on(Logit, StickingTheLanding),
        entry("iwae", "along the path, many draws", "Burda et al. 2016")
            .of(Target::BOUND)
            .on(Line, Iwae)
            .on(Logit, Iwae),
        entry("dreg", "iwae, the score reparameterised again", "Tucker et al. 2019")
            .of(Target::BOUND)
            .on(Line, Dreg)
            .on(Logit, Dreg),
        entry("renyi-half", "Rényi's bound with α = ½", "Li & Turner 2016")
            .of(renyi)
            .on(Line, HALF),
        entry("vimco", "many draws, others' geometric mean", "Mnih & Rezende 2016")
            .of(Target::BOUND)
            .on(Belief, geometric)
            .on(Line, geometric)
            .on(Two, geometric)
            .on(Deep, geometric)
            .on(Logit, geometric),
        entry("vimco-arithmetic", "many draws, others' arithmetic mean", "Mnih & Rezende 2016")
            .of(Target::BOUND)
            .on(Belief, arithmetic)
            .on(Line, arithmetic),
        entry("wake", "both wake phases", "Bornschein & Bengio 2015")
            .of(Target::BOUND)
            .on(Belief, Wake)
            .on(Line, Wake)
            .on(Two, Wake),
        entry("sleep", "q from the model's dreams, the model awake", "Bornschein & Bengio 2015")
            .of(sites::ASLEEP)
            .posed(Belief::NAME, sites::sleep),
        entry("tvo", "three points from q to the posterior", "Masrani et al. 2019")
            .of(Target::LOG_LIKELIHOOD)
            .on(Belief, tvo.clone())
            .on(Line, tvo),
    ]
}

/// Of the mixed problem: normal numbers along their paths, bits as is said.
fn by_path_and(road: Strategy) -> PerNode {
    PerNode::named(&Mix::KINDS, &[Strategy::Path, road]).expect("roads for a normal node and bits")
}

/// RELAX for two bits.
fn relax(params: &mut Params<f64>) -> Relax {
    Relax::new(params, 2, 2, &mut seed::rng(5, seed::Stream::Init, 0))
}

/// NVIL with its mode, with or without its divisor: with one it is proportional to the gradient, not equal.
fn nvil(params: &mut Params<f64>, inputs: &[usize], mode: Mode, normalise: bool) -> Nvil {
    let mut nvil = Nvil::new(params, inputs, 2, &mut seed::rng(5, seed::Stream::Init, 0));
    (nvil.mode, nvil.normalise) = (mode, normalise);
    nvil
}

/// The entries whose names were asked for, all by default.
///
/// # Errors
/// If there is no such name.
pub(crate) fn chosen(asked: Option<&[String]>) -> anyhow::Result<Vec<Entry>> {
    let mut all = entries();
    let Some(asked) = asked else { return Ok(all) };
    if let Some(name) = asked.iter().find(|name| all.iter().all(|entry| entry.name != **name)) {
        let names: Vec<&str> = all.iter().map(|entry| entry.name).collect();
        return Err(usage_error(format!(
            "unknown estimator `{name}`: the choices are {}",
            names.join(", ")
        )));
    }
    all.retain(|entry| asked.iter().any(|name| name == entry.name));
    Ok(all)
}
