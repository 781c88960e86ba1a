//! `train flow`: a normalising flow of affine couplings.

use super::density::{self, DensityModel};
use super::kind::{About, Fitting, Kind, MakeModel};
use super::network::ActivationName;
use crate::program::gallery::{Gallery, column_names};
use crate::program::picture::Sheet;
use crate::program::run::options::Given;
use crate::program::run::settings::{Settings, at_least_one};
use crate::program::table::figure;
use crate::program::usage_error::usage_error;
use clap::{Args, Command};
use pathscore::autodiff::{Scalar, Tape};
use pathscore::models::data::{Split, Table};
use pathscore::models::seed::{self, Stream};
use pathscore::models::tractable::CouplingFlow as Model;
use pathscore::models::{Params, Tractable};
use serde::{Deserialize, Serialize};

const ABOUT: About = About {
    name: "flow",
    line: "a normalising flow of affine couplings: exact likelihood of real numbers, exact draws",
    source: "Dinh, Sohl-Dickstein & Bengio 2017",
    pictures: &["samples.png", "density.png"],
};

/// The data if none are given: their density is known.
const DATA: &str = "mixture";

/// Squares along each side of `density.png`, and the margin around the data as a part of their range.
const GRID: usize = 160;
const MARGIN: f64 = 0.05;

/// The kind `flow`.
pub(crate) struct Flow;

/// The options of `flow` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
struct Options {
    /// The number of couplings.
    #[arg(long, default_value_t = 12, value_name = "N")]
    layers: usize,

    /// The widths of the hidden layers of each coupling's network.
    #[arg(long, value_delimiter = ',', default_values_t = [32, 32], value_name = "H,…")]
    hidden: Vec<usize>,

    /// The activation of hidden units.
    #[arg(long, value_enum, default_value_t = ActivationName::Relu, value_name = "NAME")]
    activation: ActivationName,
}

/// The section `[model]` of `run.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSettings {
    layers: usize,
    hidden: Vec<usize>,
    activation: ActivationName,
}

impl ModelSettings {
    fn check(&self) -> anyhow::Result<()> {
        at_least_one("--layers", self.layers as u64)?;
        at_least_one("--hidden", self.hidden.iter().copied().min().unwrap_or(0) as u64)
    }
}

impl Kind for Flow {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn options(&self, command: Command) -> Command {
        density::options(Options::augment_args(command))
            .mut_arg("data", |data| data.default_value(DATA))
            .mut_arg("lr", |lr| lr.default_value("0.005"))
    }

    fn settings(&self, given: &Given) -> anyhow::Result<Settings> {
        let Options { layers, hidden, activation } = given.options()?;
        let model = ModelSettings { layers, hidden, activation };
        model.check()?;
        density::settings(given, ABOUT.name, false, &model)
    }

    fn open<'a>(
        &self,
        settings: &'a Settings,
        split: &'a Split,
    ) -> anyhow::Result<Box<dyn Fitting + 'a>> {
        density::open::<Self>(settings, split)
    }
}

impl MakeModel for Flow {
    type Model = Model;

    /// A model with the centre and the scale of the data.
    fn make<F: Scalar>(settings: &Settings, split: &Split) -> anyhow::Result<(Model, Params<F>)> {
        let model: ModelSettings = settings.model()?;
        model.check()?;
        let ModelSettings { layers, hidden, activation } = model;
        let (train, mut params) = (&split.train, Params::new());
        if train.columns() < 2 {
            return Err(usage_error(format!(
                "{}: a coupling needs two columns or more, one for each half",
                settings.data.source
            )));
        }
        let rng = &mut seed::rng(settings.run.seed, Stream::Init, 0);
        let model =
            Model::new(&mut params, train.columns(), layers, &hidden, activation.into(), rng);
        model.standardize(&mut params, &train.mean(), &train.standard_deviation());
        Ok((model, params))
    }
}

impl<F: Scalar> DensityModel<F> for Model {
    const ABOUT: &'static About = &ABOUT;

    fn draws(&self, params: &Params<F>, count: usize, seed: u64) -> Vec<F> {
        self.sample(params, count, &mut seed::rng(seed, Stream::Sample, 0))
    }

    /// The rows of the test part and the density side by side, if there are two columns.
    fn more_pictures(
        &self,
        params: &Params<F>,
        gallery: &Gallery,
        _: u64,
    ) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        let data = gallery.data();
        if self.columns() != 2 {
            return Ok(Vec::new());
        }
        let axes = [0, 1].map(|column| Axis::of(data, column));
        let mut dots = vec![0.0; GRID * GRID];
        for row in data.values().chunks_exact(2) {
            let [i, j] = [0, 1].map(|column| axes[column].square(f64::from(row[column])));
            dots[(GRID - 1 - j) * GRID + i] = 1.0;
        }
        let tape = Tape::new();
        let places = tape.constant_with([GRID * GRID, 2], |x| {
            for (at, x) in x.chunks_exact_mut(2).enumerate() {
                x[0] = F::from_f64(axes[0].centre(at % GRID));
                x[1] = F::from_f64(axes[1].centre(GRID - 1 - at / GRID));
            }
        });
        let log_prob = self.log_prob(params.on(&tape).detach(), places).value();
        let top = log_prob.values().iter().fold(f64::NEG_INFINITY, |top, x| top.max(x.to_f64()));
        // The root of the density: low densities remain visible.
        let grey = |x: &F| (0.5 * (x.to_f64() - top)).exp() as f32;
        let pictures: Vec<f32> =
            dots.into_iter().chain(log_prob.values().iter().map(grey)).collect();
        let sheet = Sheet::of_pictures((GRID, GRID), 2).filling(1).grid(&pictures);
        let names = column_names(data);
        let [across, up] = [0, 1].map(|column| {
            let Axis { low, width } = axes[column];
            format!("{} from {low:.2} to {:.2}", names[column], low + width)
        });
        let words = format!(
            "left: test rows; right: the root of the density, black 0, white {}\n{across} rightwards, {up} upwards",
            figure((0.5 * top).exp())
        );
        Ok(vec![("density.png", sheet.captioned(&words)?)])
    }
}

/// One side of the picture of a density.
struct Axis {
    low: f64,
    width: f64,
}

impl Axis {
    /// The range of a column with its margin.
    fn of(data: &Table, column: usize) -> Self {
        let numbers = data.values().iter().skip(column).step_by(data.columns());
        let ends = [f64::INFINITY, f64::NEG_INFINITY];
        let [low, high] =
            numbers.fold(ends, |[low, high], &x| [low.min(f64::from(x)), high.max(f64::from(x))]);
        let margin = MARGIN * (high - low).max(1e-6);
        Self { low: low - margin, width: high - low + 2.0 * margin }
    }

    /// The square of a number.
    fn square(&self, x: f64) -> usize {
        (((x - self.low) / self.width * GRID as f64) as usize).min(GRID - 1)
    }

    /// The number at the centre of a square.
    fn centre(&self, square: usize) -> f64 {
        self.low + (square as f64 + 0.5) / GRID as f64 * self.width
    }
}
