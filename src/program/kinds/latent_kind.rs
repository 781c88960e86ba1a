//! From options to a model with latents and its estimator: the same for every kind of such models.

use super::chosen::{Chosen, find};
use super::kind::{self, Compared, Fitting, Kind};
use super::latent::{LatentFit, LatentKindModel};
use super::network::{
    EvaluationOptions, EvaluationSettings, LEVELS, Latents, LikelihoodName, Network, NetworkOptions,
};
use super::trainer::Start;
use crate::program::catalogue::{
    About, Options, Place, Setup, estimator_argument, given_options, option_arguments, path_rows,
};
use crate::program::choice::cli_name;
use crate::program::run::choices::Dtype;
use crate::program::run::options::{Given, OptimizerOptions, epochs_help};
use crate::program::run::settings::{Length, Settings, at_least_one, to_section};
use crate::program::usage_error::usage_error;
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, Args, Command, value_parser};
use pathscore::autodiff::Scalar;
use pathscore::models::Params;
use pathscore::models::data::Split;
use pathscore::models::latent::Vae;
use pathscore::models::seed::{self, Stream};

/// The length of a run if none is given.
const EPOCHS: u64 = 60;

/// The key of K in `[estimator]`.
const SAMPLES: &str = "num-samples";

/// The number of latents above which an evaluation for each latent is slow.
const FEW_LATENTS: usize = 32;

/// Estimators that do not fit a kind of model, and the reason.
pub(crate) type Unfit = (fn() -> Vec<&'static About>, &'static str);

/// The estimators along the path of a sample, which do not fit a model of bits.
pub(crate) const PATH_ESTIMATORS: Unfit = (
    || path_rows::<f64, Vae, Start<_>>().iter().map(|row| row.about).collect(),
    "it goes along the path of a sample, and no path leads through a bit; try reinforce, nvil or vimco",
);

/// The facts in which the kinds differ. Every such kind is a [`Kind`].
pub(crate) trait LatentKind: Sync {
    /// The model, in either precision.
    type Model: LatentKindModel<f32> + LatentKindModel<f64>;
    /// The options of the kind alone.
    type Options: Args;
    /// The entry of the kind in `list` and in the help.
    const ABOUT: &'static kind::About;
    /// The estimator if none is given.
    const ESTIMATOR: &'static str;
    /// The hidden widths if none are given; without any there are no hidden layers.
    const HIDDEN: Option<&'static str>;
    /// The help of `--hidden`, where it differs from that of the other kinds.
    const HIDDEN_HELP: Option<&'static str> = None;
    /// The estimators of other kinds, which are refused with the reason.
    const UNFIT: &'static [Unfit];

    /// The latents that the options describe.
    ///
    /// # Errors
    /// If they are out of their range, or an option has no effect beside the others.
    fn latents(options: Self::Options) -> anyhow::Result<Latents>;

    /// The estimators that fit the model that these settings describe.
    fn estimators(network: &Network) -> Vec<&'static About> {
        let _ = network;
        abouts::<Self::Model>()
    }

    /// A fit that has not begun, of the model that the settings describe.
    ///
    /// # Errors
    /// If the settings do not fit the data or each other.
    fn open<'a>(settings: &'a Settings, split: &'a Split) -> anyhow::Result<Box<dyn Fitting + 'a>> {
        open_model::<Self::Model>(settings, split)
    }

    /// The forms of estimators that `compare` studies at the parameters of a run.
    fn compared(settings: &Settings, samples: usize) -> Vec<Compared> {
        compared::<Self::Model>(settings, samples)
    }
}

impl<K: LatentKind> Kind for K {
    fn about(&self) -> &'static kind::About {
        K::ABOUT
    }

    fn options(&self, command: Command) -> Command {
        options::<K>(command)
    }

    fn settings(&self, given: &Given) -> anyhow::Result<Settings> {
        settings::<K>(given)
    }

    fn open<'a>(
        &self,
        settings: &'a Settings,
        split: &'a Split,
    ) -> anyhow::Result<Box<dyn Fitting + 'a>> {
        K::open(settings, split)
    }

    fn has_codes(&self) -> bool {
        true
    }

    fn compared(&self, settings: &Settings, samples: usize) -> Vec<Compared> {
        K::compared(settings, samples)
    }
}

/// A fit that has not begun, in the number type of the settings.
///
/// # Errors
/// If the settings do not fit the data or each other.
pub(crate) fn open_model<'a, M: LatentKindModel<f32> + LatentKindModel<f64>>(
    settings: &'a Settings,
    split: &'a Split,
) -> anyhow::Result<Box<dyn Fitting + 'a>> {
    match settings.run.dtype {
        Dtype::F32 => open::<f32, M>(settings, split),
        Dtype::F64 => open::<f64, M>(settings, split),
    }
}

/// The estimators that fit a model, in double precision for their names alone.
pub(crate) fn abouts<M: LatentKindModel<f64>>() -> Vec<&'static About> {
    M::rows().iter().map(|row| row.about).collect()
}

/// Adds the options of the kind, the networks, the estimators, the optimiser and the evaluation.
fn options<K: LatentKind>(command: Command) -> Command {
    let estimators = abouts::<K::Model>();
    let shown = estimators.iter().map(|about| PossibleValue::new(about.name).help(about.line));
    let of_others = K::UNFIT.iter().flat_map(|(abouts, _)| abouts());
    let hidden = of_others.map(|about| PossibleValue::new(about.name).hide(true));
    let values: Vec<PossibleValue> = shown.chain(hidden).collect();
    let estimator = estimator_argument(&estimators, K::ESTIMATOR)
        .value_parser(PossibleValuesParser::new(values));
    let samples = Arg::new("num_samples")
        .long("num-samples")
        .value_name("K")
        .value_parser(value_parser!(usize))
        .help("The number of draws for each row, K (Pyro's num_particles) [default: that of the estimator]");
    let networks = NetworkOptions::augment_args(K::Options::augment_args(command));
    let command = networks
        .mut_arg("hidden", |hidden| match K::HIDDEN_HELP {
            Some(help) => hidden.default_value(K::HIDDEN).help(help),
            None => hidden.default_value(K::HIDDEN),
        })
        .next_help_heading("Estimator")
        .arg(estimator)
        .arg(samples)
        .args(option_arguments(&estimators));
    EvaluationOptions::augment_args(OptimizerOptions::augment_args(command))
        .mut_arg("batch", |batch| batch.default_value("100"))
        .mut_arg("epochs", |epochs| epochs.help(epochs_help(EPOCHS)))
}

/// The settings of a new run.
fn settings<K: LatentKind>(given: &Given) -> anyhow::Result<Settings> {
    let Latents { layers, posterior, inference } = K::latents(given.options()?)?;
    let NetworkOptions { hidden, activation, likelihood, levels } = given.options()?;
    let categorical = likelihood == LikelihoodName::Categorical;
    if !categorical {
        let name = cli_name(&likelihood);
        let reason =
            format!("--likelihood {name} has no levels; they go with --likelihood categorical");
        given.refuse(&["levels"], reason)?;
    }
    let EvaluationOptions { eval_samples, diagnostics } = given.options()?;
    let bits = likelihood == LikelihoodName::Bernoulli;
    let mut settings = given.settings(K::ABOUT.name, Length::Epochs(EPOCHS), bits)?;
    let hidden = hidden.unwrap_or_default();
    let levels = categorical.then_some(levels.unwrap_or(LEVELS));
    let latents = layers;
    let network = Network { latents, hidden, activation, likelihood, levels, inference, posterior };
    network.check()?;
    settings.model = to_section(&network)?;
    settings.optimizer = Some(given.optimizer()?);
    at_least_one("--eval-samples", eval_samples as u64)?;
    settings.evaluation = to_section(&EvaluationSettings { samples: eval_samples, diagnostics })?;

    let estimators = K::estimators(&network);
    let name = given.text("estimator").map_or(K::ESTIMATOR, String::as_str);
    if let Some((_, why)) =
        K::UNFIT.iter().find(|(abouts, _)| abouts().iter().any(|about| about.name == name))
    {
        return Err(usage_error(format!("{name}: {why}")));
    }
    let about = find(&estimators, name)?;
    about.check_layers(&network.latents)?;
    let options = about.parse(&given_options(&abouts::<K::Model>(), given.matches()))?;
    let samples = given.number("num_samples").unwrap_or(about.samples);
    if about.fixed_samples {
        let reason = format!("{name} has its own number of samples");
        given.refuse(&["num_samples"], reason)?;
    }
    settings.estimator = section(about, samples, &options)?;
    Ok(settings)
}

/// `[estimator]`: the estimator, its options and K.
fn section(about: &About, samples: usize, options: &Options) -> anyhow::Result<toml::Table> {
    let mut section = Chosen::section(about, options)?;
    section.insert(SAMPLES.into(), toml::Value::try_from(samples)?);
    Ok(section)
}

/// The estimator of `[estimator]`, K, and both in a few words.
fn read(
    section: &toml::Table,
    estimators: &[&'static About],
) -> anyhow::Result<(Chosen, usize, String)> {
    let missing = || usage_error(format!("run.toml, [estimator]: {SAMPLES} is missing"));
    let samples = section.get(SAMPLES).ok_or_else(missing)?;
    let samples = samples.as_integer().and_then(|k| usize::try_from(k).ok()).unwrap_or(0);
    at_least_one("--num-samples", samples as u64)?;
    let chosen = Chosen::read(section, &[SAMPLES], estimators)?;
    let mut words = chosen.words();
    if samples > 1 {
        words += &format!(", K = {samples}");
    }
    Ok((chosen, samples, words))
}

/// A fit that has not begun, in one number type.
fn open<'a, F: Scalar, M: LatentKindModel<F>>(
    settings: &'a Settings,
    split: &'a Split,
) -> anyhow::Result<Box<dyn Fitting + 'a>> {
    let network: Network = settings.model()?;
    network.check()?;
    let unit = split.train.in_unit_interval() && split.test.in_unit_interval();
    if network.likelihood.is_of_greys() && !unit {
        return Err(usage_error(format!(
            "{}: some values lie outside [0, 1], which --likelihood {} cannot describe; try \
             --likelihood normal",
            settings.data.source,
            cli_name(&network.likelihood)
        )));
    }
    let evaluation: EvaluationSettings = settings.evaluation()?;
    let rows = M::rows();
    let estimators: Vec<&'static About> = rows.iter().map(|row| row.about).collect();
    let (chosen, samples, words) = read(&settings.estimator, &estimators)?;
    let Chosen { about, options } = chosen;
    about.check_layers(&network.latents)?;
    let row = rows.iter().find(|row| row.about.name == about.name);
    let row = row.expect("the estimator was found among the rows");

    let (columns, seed) = (split.train.columns(), settings.run.seed);
    let mut params = Params::new();
    let model = M::describe(&network, columns, &mut params, seed);
    let tensors = params.iter().count();
    let setup = Setup {
        params,
        columns,
        layers: network.signals(),
        nodes: Vec::new(),
        means: Vec::new(),
        log_partition: 0.0,
        rng: seed::rng(seed, Stream::Init, 1),
    };
    let schedule = settings.schedule(settings.batches(split.train.len())?.per_epoch())?;
    let start = Start { model, settings, schedule, samples, words: &words };
    let trainer = row.run(&options, setup, start)?;
    let about_run = (settings, split);
    Ok(Box::new(LatentFit::new(about_run, evaluation, trainer, tensors, words.clone())?))
}

/// The forms of estimators that `compare` studies at the parameters of a run of this model.
pub(crate) fn compared<M: LatentKindModel<f64>>(
    settings: &Settings,
    samples: usize,
) -> Vec<Compared> {
    let Ok(network) = settings.model::<Network>() else { return Vec::new() };
    let mut found = Vec::new();
    for about in abouts::<M>().into_iter().filter(|a| a.check_layers(&network.latents).is_ok()) {
        for form in about.forms().into_iter().filter(|form| form.place != Place::Problems) {
            let given: Vec<_> =
                form.options.iter().map(|(row, value)| (row.name, *value)).collect();
            let samples = if about.fixed_samples { about.samples } else { samples };
            let section = about.options(&given).and_then(|o| section(about, samples, &o));
            if let Ok(estimator) = section {
                found.push(Compared {
                    name: form.name.into(),
                    settings: Settings { estimator, ..settings.clone() },
                    slow: about.each_latent && network.latent_dim() > FEW_LATENTS,
                });
            }
        }
    }
    found
}
