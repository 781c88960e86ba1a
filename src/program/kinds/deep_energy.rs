//! `train energy`: a deep energy model of real numbers.

use super::chosen::Chosen;
use super::criterion;
use super::kind::{About, Fitting, Kind};
use super::real_fit::{PICTURE_NAMES, RealFit};
use super::trainer::Start;
use crate::program::catalogue::{self, real_rows};
use crate::program::run::choices::Dtype;
use crate::program::run::options::{Given, OptimizerOptions, epochs_help};
use crate::program::run::settings::{Length, Settings, at_least_one, to_section, within};
use crate::program::usage_error::usage_error;
use clap::{Args, Command, ValueEnum};
use pathscore::autodiff::{Activation, Scalar};
use pathscore::models::Params;
use pathscore::models::data::Split;
use pathscore::models::energy::{EnergyNet, NormalBase};
use pathscore::models::seed::{self, Stream};
use serde::{Deserialize, Serialize};

const ABOUT: About = About {
    name: "energy",
    line: "a deep energy model of real numbers: score matching, contrasts, or chains by dynamics",
    source: "Ngiam et al. 2011",
    pictures: PICTURE_NAMES,
};

/// The length of a run if none is given.
const EPOCHS: u64 = 30;
/// The criterion if none is given.
const CRITERION: &str = "pcd";
/// The rows from which means and scales of the base are measured.
const BASE_ROWS: usize = 5000;
/// The standard deviation of the noise on grey values, whose pixels are nearly constant otherwise.
const GREY_NOISE: f64 = 0.1;
/// The least scale of a column as a part of the scale of all: a constant column would have none.
const LEAST_SCALE: f64 = 0.01;

/// The kind `energy`.
pub(crate) struct DeepEnergy;

/// An activation with two derivatives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Smooth {
    /// ln(1 + e^x).
    #[default]
    Softplus,
    /// The hyperbolic tangent.
    Tanh,
}

/// The options of `energy` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
struct Options {
    /// The widths of the hidden layers.
    #[arg(long, value_delimiter = ',', default_value = "128,128", value_name = "N,N")]
    hidden: Vec<usize>,

    /// The activation between the layers.
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    activation: Smooth,

    /// The standard deviation of normal noise that is added to the data; the model is one of the noisy data [default: 0.1
    /// for grey values, 0 for others].
    #[arg(long, value_name = "S")]
    data_noise: Option<f64>,
}

/// The section `[model]` of `run.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSettings {
    hidden: Vec<usize>,
    activation: Smooth,
    data_noise: f64,
}

/// The criteria for energies of real numbers.
fn criteria() -> Vec<&'static catalogue::About> {
    real_rows::<f64, EnergyNet, Start<EnergyNet>>().iter().map(|row| row.about).collect()
}

impl Kind for DeepEnergy {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn options(&self, command: Command) -> Command {
        let command = Options::augment_args(command);
        let command = criterion::options_of(&criteria(), CRITERION, command);
        OptimizerOptions::augment_args(command)
            .mut_arg("batch", |batch| batch.default_value("100"))
            .mut_arg("epochs", |epochs| epochs.help(epochs_help(EPOCHS)))
    }

    fn settings(&self, given: &Given) -> anyhow::Result<Settings> {
        let Options { hidden, activation, data_noise } = given.options()?;
        for &width in &hidden {
            at_least_one("every width of --hidden", width as u64)?;
        }
        let mut settings = given.settings(ABOUT.name, Length::Epochs(EPOCHS), false)?;
        let grey = settings.source()?.kind().grey;
        let data_noise = data_noise.unwrap_or(if grey { GREY_NOISE } else { 0.0 });
        noise_fits(data_noise)?;
        settings.model = to_section(&ModelSettings { hidden, activation, data_noise })?;
        settings.estimator = criterion::settings_of(&criteria(), CRITERION, given)?;
        settings.optimizer = Some(given.optimizer()?);
        Ok(settings)
    }

    fn open<'a>(
        &self,
        settings: &'a Settings,
        split: &'a Split,
    ) -> anyhow::Result<Box<dyn Fitting + 'a>> {
        Ok(match settings.run.dtype {
            Dtype::F32 => Box::new(open::<f32>(settings, split)?),
            Dtype::F64 => Box::new(open::<f64>(settings, split)?),
        })
    }
}

fn noise_fits(noise: f64) -> anyhow::Result<()> {
    within("--data-noise", noise, (0.0..=1e6).contains(&noise), "between 0 and 1000000")
}

fn open<'a, F: Scalar>(
    settings: &'a Settings,
    split: &'a Split,
) -> anyhow::Result<RealFit<'a, F, EnergyNet>> {
    let ModelSettings { hidden, activation, data_noise } = settings.model()?;
    noise_fits(data_noise)?;
    if data_noise == 0.0 && split.train.standard_deviation().iter().all(|size| *size == 0.0) {
        let rows = split.train.len();
        return Err(usage_error(format!(
            "no column of the {rows} training rows varies, so there is no base for the energy: try --data-noise 0.1"
        )));
    }
    let activation = match activation {
        Smooth::Softplus => Activation::Softplus,
        Smooth::Tanh => Activation::Tanh,
    };
    let (mut params, rng) = (Params::new(), &mut seed::rng(settings.run.seed, Stream::Init, 0));
    let model = EnergyNet::new(&mut params, base(split, data_noise), &hidden, activation, rng);
    let chosen = Chosen::read(&settings.estimator, &[], &criteria())?;
    RealFit::open((settings, split), (model, params), chosen, data_noise)
}

/// The normal law of the columns of the data with their noise.
fn base(split: &Split, noise: f64) -> NormalBase {
    let train = &split.train;
    let rows = train.len().min(BASE_ROWS) * train.columns();
    let values: Vec<f64> = train.values()[..rows].iter().map(|&x| f64::from(x)).collect();
    let fitted = NormalBase::fit(&values, train.columns(), f64::MIN_POSITIVE);
    let noisy: Vec<f64> = fitted.scale().iter().map(|s| s.hypot(noise)).collect();
    let whole = noisy.iter().map(|s| s * s).sum::<f64>() / noisy.len() as f64;
    let least = (LEAST_SCALE * whole.sqrt()).max(f64::MIN_POSITIVE.sqrt());
    NormalBase::new(fitted.mean().to_vec(), noisy.into_iter().map(|s| s.max(least)).collect())
}
