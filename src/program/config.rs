//! Everything that a run is determined by, as it stands in `run.toml`.

use super::args::{
    ActivationName, BaselineName, Dtype, EstimatorName, KlForm, LikelihoodName, Model, NvilMode,
    OptimizerName, ScheduleName, TrainArgs,
};
use super::usage_error::usage_error;
use anyhow::Context;
use clap::ValueEnum;
use pathscore::autodiff::Activation;
use pathscore::estimators::optim::Schedule;
use pathscore::models::data::{Binarize, Source};
use pathscore::models::latent::Likelihood;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The name of the file.
pub(crate) const FILE: &str = "run.toml";

/// How long a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Length {
    /// Passes through the training rows.
    Epochs(u64),
    /// Steps.
    Steps(u64),
    /// Seconds of training.
    Seconds(f64),
}

/// A run's settings, every one resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) pathscore: String,
    pub(crate) model: Model,
    pub(crate) latent_dim: usize,
    pub(crate) layers: Vec<usize>,
    pub(crate) hidden: Vec<usize>,
    pub(crate) activation: ActivationName,
    pub(crate) likelihood: LikelihoodName,
    pub(crate) data: String,
    pub(crate) binarize: String,
    /// How the data were split, in words.
    pub(crate) split: String,
    pub(crate) estimator: EstimatorName,
    pub(crate) kl: KlForm,
    pub(crate) baseline: BaselineName,
    pub(crate) baseline_value: f64,
    pub(crate) baseline_decay: f64,
    pub(crate) baseline_hidden: usize,
    pub(crate) nvil_mode: NvilMode,
    pub(crate) alpha: f64,
    pub(crate) points: usize,
    pub(crate) wake: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<f64>,
    pub(crate) num_samples: usize,
    pub(crate) batch: usize,
    pub(crate) optimizer: OptimizerName,
    pub(crate) momentum: f64,
    pub(crate) lr: f64,
    pub(crate) schedule: ScheduleName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) clip: Option<f64>,
    pub(crate) dtype: Dtype,
    pub(crate) seed: u64,
    pub(crate) eval_samples: usize,
    pub(crate) diagnostics: bool,
    pub(crate) length: Length,
}

impl Config {
    /// The settings that a command line asks for.
    pub(crate) fn resolve(args: &TrainArgs) -> anyhow::Result<Self> {
        use EstimatorName as E;
        let default = match args.model {
            Model::Vae => E::Sgvb,
            Model::Dvae => E::Reinforce,
            Model::Sbn => E::Vimco,
        };
        let estimator = args.estimator.unwrap_or(default);
        if let Some(why) = estimator.why_not(args.model) {
            return Err(usage_error(format!("{}: {why}", cli_name(&estimator))));
        }
        let score = estimator == E::Reinforce;
        if !score && args.baseline.is_some() {
            let name = cli_name(&estimator);
            return Err(usage_error(format!(
                "--baseline goes with --estimator reinforce: {name} has no use for one"
            )));
        }
        let baseline = args.baseline.unwrap_or(BaselineName::LeaveOneOut);
        let num_samples = args.num_samples.unwrap_or(match estimator {
            E::Reinforce => 4,
            _ if estimator.is_of_the_elbo() => 1,
            E::Concrete => 1,
            _ => 10,
        });
        if score && baseline == BaselineName::LeaveOneOut && num_samples < 2 {
            return Err(usage_error("--baseline leave-one-out needs --num-samples 2 or more"));
        }
        if estimator == E::Vimco && num_samples < 2 {
            return Err(usage_error(
                "vimco makes a baseline of the other draws: --num-samples 2 or more",
            ));
        }
        let layered = args.model == Model::Sbn;
        if layered && args.latent_dim.is_some() {
            return Err(usage_error("sbn has layers of latents: --layers instead of --latent-dim"));
        }
        if !layered && args.layers.is_some() {
            return Err(usage_error("--layers goes with sbn; the other models have --latent-dim"));
        }
        let layers = args.layers.clone().unwrap_or(vec![200, 200]);
        if estimator.is_of_one_layer() && layered && layers.len() > 1 {
            return Err(usage_error(format!(
                "{}: it is for one layer of bits, --layers with one width; of several try nvil or vimco",
                cli_name(&estimator)
            )));
        }
        let latent_dim = match args.model {
            Model::Vae => args.latent_dim.unwrap_or(10),
            Model::Dvae => args.latent_dim.unwrap_or(200),
            Model::Sbn => layers.iter().sum(),
        };
        let greys = matches!(args.data, Source::Digits | Source::Idx(_));
        let bits = args.likelihood == LikelihoodName::Bernoulli;
        let default = if greys && bits { Binarize::Dynamic } else { Binarize::None };
        let hidden = match args.model {
            Model::Vae => vec![200, 200],
            Model::Dvae => vec![200],
            Model::Sbn => Vec::new(),
        };
        let config = Self {
            pathscore: env!("CARGO_PKG_VERSION").into(),
            model: args.model,
            latent_dim,
            layers: if layered { layers } else { Vec::new() },
            hidden: args.hidden.clone().unwrap_or(hidden),
            activation: args.activation,
            likelihood: args.likelihood,
            data: absolute(&args.data)?,
            binarize: args.binarize.unwrap_or(default).to_string(),
            split: String::new(),
            estimator,
            kl: args.kl,
            baseline,
            baseline_value: args.baseline_value,
            baseline_decay: args.baseline_decay,
            baseline_hidden: args.baseline_hidden,
            nvil_mode: args.nvil_mode,
            alpha: args.alpha,
            points: args.points,
            wake: args.wake,
            temperature: args.temperature,
            num_samples,
            batch: args.batch,
            optimizer: args.optimizer,
            momentum: args.momentum,
            lr: args.lr,
            schedule: args.schedule,
            clip: args.clip,
            dtype: args.dtype,
            seed: args.seed,
            eval_samples: args.eval_samples,
            diagnostics: args.diagnostics,
            length: args.length().unwrap_or(Length::Epochs(60)),
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> anyhow::Result<()> {
        let least = |name: &str, value: usize| match value {
            0 => Err(usage_error(format!("{name} must be at least 1"))),
            _ => Ok(()),
        };
        least("--num-samples", self.num_samples)?;
        least("--latent-dim", self.latent_dim)?;
        least("--batch", self.batch)?;
        least("--eval-samples", self.eval_samples)?;
        least("--baseline-hidden", self.baseline_hidden)?;
        least("--points", self.points)?;
        self.layers.iter().try_for_each(|&width| least("every width of --layers", width))?;
        if self.model == Model::Sbn && !(1..=3).contains(&self.layers.len()) {
            return Err(usage_error("--layers takes one to three widths"));
        }
        self.hidden.iter().try_for_each(|&width| least("every width of --hidden", width))?;
        let within = |name: &str, value: f64, fits: bool, range: &str| {
            if fits {
                Ok(())
            } else {
                Err(usage_error(format!("{name} is {value}; it must be {range}")))
            }
        };
        let positive = |x: f64| x > 0.0 && x.is_finite();
        within("--lr", self.lr, positive(self.lr), "positive")?;
        let part = |x: f64| (0.0..1.0).contains(&x);
        within("--momentum", self.momentum, part(self.momentum), "at least 0 and below 1")?;
        let decay = self.baseline_decay;
        within("--baseline-decay", decay, part(decay), "at least 0 and below 1")?;
        within("--alpha", self.alpha, self.alpha.is_finite(), "a number")?;
        let whole = (0.0..=1.0).contains(&self.wake);
        within("--wake", self.wake, whole, "at least 0 and at most 1")?;
        let value = self.baseline_value;
        within("--baseline-value", value, value.is_finite(), "a number")?;
        if let Some(temperature) = self.temperature {
            within("--temperature", temperature, positive(temperature), "positive")?;
        }
        if let Some(clip) = self.clip {
            within("--clip", clip, positive(clip), "positive")?;
        }
        match self.length {
            Length::Seconds(s) => within("--seconds", s, positive(s), "positive"),
            Length::Epochs(n) | Length::Steps(n) => {
                least("--epochs and --steps", usize::try_from(n).unwrap_or(usize::MAX))
            }
        }
    }

    /// Reads the settings of a run.
    pub(crate) fn read(run: &Path) -> anyhow::Result<Self> {
        let path = run.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            usage_error(format!("{}: {error}; is this the folder of a run?", path.display()))
        })?;
        let config: Self = toml::from_str(&text).map_err(|error| {
            usage_error(format!("{}: {}", path.display(), error.to_string().trim_end()))
        })?;
        config.check().with_context(|| path.display().to_string())?;
        Ok(config)
    }

    pub(crate) fn source(&self) -> anyhow::Result<Source> {
        Ok(self.data.parse()?)
    }

    pub(crate) fn binarize(&self) -> anyhow::Result<Binarize> {
        Ok(self.binarize.parse()?)
    }

    pub(crate) fn activation(&self) -> Activation {
        match self.activation {
            ActivationName::Tanh => Activation::Tanh,
            ActivationName::Relu => Activation::Relu,
            ActivationName::Sigmoid => Activation::Sigmoid,
            ActivationName::Softplus => Activation::Softplus,
        }
    }

    pub(crate) fn likelihood(&self) -> Likelihood {
        match self.likelihood {
            LikelihoodName::Bernoulli => Likelihood::Bernoulli,
            LikelihoodName::Normal => Likelihood::Normal,
        }
    }

    /// The schedule of a run of `steps` steps.
    pub(crate) fn schedule(&self, steps: u64) -> Schedule {
        match self.schedule {
            ScheduleName::Constant => Schedule::Constant,
            ScheduleName::CosineDecay => Schedule::CosineDecay { steps },
            ScheduleName::ExponentialDecay => Schedule::ExponentialDecay { rate: 0.1, steps },
            ScheduleName::WarmupCosineDecay => {
                Schedule::WarmupCosineDecay { warmup: steps.div_ceil(20), steps }
            }
        }
    }

    /// The estimator in a few words.
    pub(crate) fn estimator_in_words(&self) -> String {
        use EstimatorName as E;
        let (name, samples) = (cli_name(&self.estimator), self.num_samples);
        match self.estimator {
            E::Sgvb => format!("sgvb, {} KL", cli_name(&self.kl)),
            E::Reinforce => format!("reinforce, baseline {}", cli_name(&self.baseline)),
            E::Nvil => format!("nvil, {}", cli_name(&self.nvil_mode)),
            E::Renyi => format!("renyi, α = {}, K = {samples}", self.alpha),
            E::WakeSleep => format!("wake-sleep, {} wake, K = {samples}", self.wake),
            E::Tvo => format!("tvo, {} points, K = {samples}", self.points),
            E::Rebar | E::Relax | E::Concrete => format!("{name}, τ = {}", self.temperature()),
            E::StraightThrough => match self.temperature {
                Some(temperature) => format!("{name}, τ = {temperature}"),
                None => name,
            },
            E::Stl | E::Muprop | E::Arm | E::Disarm | E::Local => name,
            E::Iwae | E::Dreg | E::Vimco | E::Wake | E::DisarmBound => {
                format!("{name}, K = {samples}")
            }
        }
    }

    /// What the estimator's bound is called in the metrics.
    pub(crate) fn bound(&self) -> &'static str {
        if self.estimator.is_of_the_elbo() { "train/elbo" } else { "train/bound" }
    }

    /// The temperature of relaxed bits, or where it begins.
    pub(crate) fn temperature(&self) -> f64 {
        self.temperature.unwrap_or(0.5)
    }
}

impl EstimatorName {
    /// Why the estimator does not fit a model, if it does not. In the library the same request does not
    /// compile.
    fn why_not(self, model: Model) -> Option<&'static str> {
        use EstimatorName as E;
        match (self, model) {
            (E::Sgvb | E::Stl | E::Iwae | E::Dreg | E::Renyi, Model::Dvae | Model::Sbn) => Some(
                "it goes along the path of a sample, and no path leads through a bit; try reinforce, nvil or vimco",
            ),
            (one, Model::Vae) if one.is_of_one_layer() => {
                Some("it is for bits; the latents of vae have a path: try sgvb")
            }
            _ => None,
        }
    }

    /// Whether it fits the model of a run.
    pub(crate) fn fits(self, config: &Config) -> bool {
        let layers = config.layers.len().max(1);
        self.why_not(config.model).is_none() && (layers == 1 || !self.is_of_one_layer())
    }

    /// The name of what it estimates the gradient of.
    pub(crate) fn target(self) -> &'static str {
        use EstimatorName as E;
        match self {
            E::Renyi => "Rényi",
            E::Tvo => "TVO",
            E::Iwae | E::Dreg | E::Vimco | E::Wake | E::WakeSleep | E::DisarmBound => "L_K",
            _ => "ELBO",
        }
    }

    /// Whether it is for one layer of bits and nothing else.
    fn is_of_one_layer(self) -> bool {
        use EstimatorName as E;
        matches!(
            self,
            E::Muprop
                | E::Arm
                | E::Disarm
                | E::DisarmBound
                | E::Rebar
                | E::Relax
                | E::Local
                | E::Concrete
                | E::StraightThrough
        )
    }

    /// Whether the value it reports is the ELBO's.
    fn is_of_the_elbo(self) -> bool {
        use EstimatorName as E;
        let own = matches!(self, E::Sgvb | E::Stl | E::Reinforce | E::Nvil);
        own || self.is_of_one_layer() && !matches!(self, E::DisarmBound | E::Concrete)
    }
}

/// A choice as the command line spells it.
pub(crate) fn cli_name(choice: &impl ValueEnum) -> String {
    choice.to_possible_value().map(|value| value.get_name().to_string()).unwrap_or_default()
}

impl TrainArgs {
    /// The length that was asked for, if any was.
    pub(crate) fn length(&self) -> Option<Length> {
        let epochs = self.epochs.map(Length::Epochs);
        epochs.or(self.steps.map(Length::Steps)).or(self.seconds.map(Length::Seconds))
    }
}

/// The source with its path cli_name out, so that a run can be resumed from anywhere.
fn absolute(source: &Source) -> anyhow::Result<String> {
    let full = |path: &Path| {
        std::path::absolute(path).map_err(|e| usage_error(format!("{}: {e}", path.display())))
    };
    Ok(match source {
        Source::Idx(path) => Source::Idx(full(path)?),
        Source::Csv(path) => Source::Csv(full(path)?),
        Source::Npy(path) => Source::Npy(full(path)?),
        own => own.clone(),
    }
    .to_string())
}
