//! `train gmm`: a mixture of normal distributions, fitted by EM or by gradients of the exact likelihood.

use super::codes::{Parameter, constant, numbers, parameters};
use super::exact::{self, ExactFit, ExactModel, Iterative};
use super::kind::{About, Fitting, Kind};
use crate::program::gallery::{DRAWS, Gallery};
use crate::program::probabilities::{MOST_ROWS, probabilities};
use crate::program::run::choices::Dtype;
use crate::program::run::options::Given;
use crate::program::run::settings::{Settings, at_least_one, to_section, within};
use crate::program::usage_error::usage_error;
use clap::{Args, Command, ValueEnum};
use pathscore::autodiff::{Scalar, Tape};
use pathscore::models::data::{Split, Table};
use pathscore::models::seed::{self, Stream};
use pathscore::models::tractable::{Covariance, GaussianMixture as Model};
use pathscore::models::{Params, RandomSource};
use serde::{Deserialize, Serialize};

const ABOUT: About = About {
    name: "gmm",
    line: "a Gaussian mixture: diagonal or full covariances, exact likelihood, EM or gradients",
    source: "Dempster, Laird & Rubin 1977",
    pictures: &["samples.png", "means.png", "responsibilities.png"],
};

/// The kind `gmm`.
pub(crate) struct Gmm;

/// The form of the covariances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Form {
    /// A variance for each column of each component.
    Diagonal,
    /// A full matrix for each component.
    Full,
}

/// The options of `gmm` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
struct Options {
    /// The number of components.
    #[arg(long, default_value_t = 10, value_name = "K")]
    components: usize,

    /// The form of the covariances.
    #[arg(long, value_enum, default_value_t = Form::Diagonal, value_name = "FORM")]
    covariance: Form,

    /// The least variance of a component, as a fraction of the variance of the column; a small one lets a component shrink
    /// onto a few rows.
    #[arg(long, default_value_t = 0.1, value_name = "FRACTION")]
    covariance_floor: f64,

    /// The way to the maximum of the likelihood; both begin with k-means++ from the --seed.
    #[arg(long, value_enum, default_value_t = Iterative::Em, value_name = "NAME")]
    method: Iterative,
}

/// The section `[model]` of `run.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSettings {
    components: usize,
    covariance: Form,
    covariance_floor: f64,
}

impl Kind for Gmm {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn options(&self, command: Command) -> Command {
        exact::options(Options::augment_args(command))
    }

    fn settings(&self, given: &Given) -> anyhow::Result<Settings> {
        let Options { components, covariance, covariance_floor, method } = given.options()?;
        let mut settings = exact::settings(given, ABOUT.name, method.into())?;
        let model = ModelSettings { components, covariance, covariance_floor };
        model.check()?;
        settings.model = to_section(&model)?;
        Ok(settings)
    }

    fn has_codes(&self) -> bool {
        true
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

impl ModelSettings {
    fn check(&self) -> anyhow::Result<()> {
        let floor = self.covariance_floor;
        at_least_one("--components", self.components as u64)?;
        within("--covariance-floor", floor, floor > 0.0 && floor < 1.0, "above 0 and below 1")
    }
}

fn open<'a, F: Scalar>(
    settings: &'a Settings,
    split: &'a Split,
) -> anyhow::Result<ExactFit<'a, F, Model>> {
    let shape: ModelSettings = settings.model()?;
    shape.check()?;
    let form = match shape.covariance {
        Form::Diagonal => Covariance::Diagonal,
        Form::Full => Covariance::Full,
    };
    ExactFit::open(settings, split, |params, x, rows| {
        let rng = &mut seed::rng(settings.run.seed, Stream::Init, 0);
        let model = Model::new(params, split.train.columns(), shape.components, form, rng)
            .with_covariance_floor(shape.covariance_floor);
        model
            .start(params, x, rows, rng)
            .map_err(|error| usage_error(format!("{}: {error}", settings.data.source)))?;
        Ok(model)
    })
}

impl<F: Scalar> ExactModel<F> for Model {
    const ABOUT: &'static About = &ABOUT;
    const ADVICE: &'static str = "try fewer components or a larger --covariance-floor";

    fn floors(&self, x: &[F], rows: usize) -> Vec<f64> {
        self.covariance_floors(x, rows)
    }

    fn hold(&self, params: &mut Params<F>, floors: &[f64]) -> Option<(&'static str, usize)> {
        Some(("components", self.hold_covariances(params, floors)))
    }

    fn free(&self) -> Option<usize> {
        Some(self.free_parameters())
    }

    fn draws(&self, params: &Params<F>, _: &Table, count: usize, seed: u64) -> Vec<f32> {
        let tape = Tape::new();
        let rng = &mut seed::rng(seed, Stream::Sample, 0);
        let rows = self.sample(params.on(&tape), count, rng);
        rows.with(|rows| rows.iter().map(|x| x.to_f64() as f32).collect())
    }

    fn posterior_parameters(&self, params: &Params<F>, rows: &Table) -> Vec<Parameter> {
        parameters(params, rows, |params, x| [("probs", self.responsibilities(params, x))])
    }

    /// The means of the components, weighted by the responsibilities, or the mean of one component that is drawn with these.
    fn decoded(&self, params: &Params<F>, rows: &Table, draw: Option<u64>) -> Vec<f64> {
        let tape = Tape::new();
        let bound = params.on(&tape).detach();
        let probs = self.responsibilities(bound, constant(&tape, rows));
        let z = match draw {
            None => probs,
            Some(seed) => seed::rng(seed, Stream::Sample, 0).categorical_var(probs, probs.shape()),
        };
        let means = bound.get(self.loc()).reshape([self.components(), self.columns()]);
        numbers(z.matmul(means))
    }

    fn draw_pictures(
        &self,
        params: &Params<F>,
        data: &Table,
        settings: &Settings,
    ) -> anyhow::Result<Vec<Vec<u8>>> {
        let gallery = Gallery::new(data);
        let samples = self.draws(params, data, gallery.shown(), settings.run.seed);
        let order = heaviest_first(params.get(self.logits()));
        let weights = weights(params.get(self.logits()), &order);
        let means = params.get(self.loc());
        let mean = |&k: &usize| &means[k * self.columns()..(k + 1) * self.columns()];
        let means: Vec<f32> = order.iter().flat_map(mean).map(|x| x.to_f64() as f32).collect();
        let shown = data.take(0..data.len().min(MOST_ROWS));
        let probs = &self.posterior_parameters(params, &shown)[0].values;
        let words = (["component", "test row"], data.len());
        let responsibilities = probabilities(probs, &order, shown.labels(), words)?;
        let means = match data.image() {
            Some(_) => {
                let label = |(k, w): (&usize, &f64)| format!("{}: {w:.3}", k + 1);
                let labels: Vec<String> = order.iter().zip(&weights).map(label).collect();
                let words =
                    "means of the components with their numbers and weights, the heaviest first";
                gallery.labelled(&means, &labels, words)?
            }
            None => {
                let centre: Vec<f32> = data.mean().iter().map(|&x| x as f32).collect();
                let apart: Vec<f32> =
                    means.iter().zip(centre.iter().cycle()).map(|(x, mean)| x - mean).collect();
                let title = "component means less the mean of the test rows, in standard deviations (brackets: weights)";
                let name = |(k, w): (&usize, &f64)| format!("component {} ({w:.3})", k + 1);
                let names: Vec<String> = order.iter().zip(&weights).map(name).collect();
                gallery.heat_map(&gallery.in_deviations(&apart), &names, title)?
            }
        };
        Ok(vec![gallery.samples(&samples, DRAWS)?, means, responsibilities])
    }
}

/// The components in the order of their weights, the largest first.
fn heaviest_first<F: Scalar>(logits: &[F]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].to_f64().total_cmp(&logits[a].to_f64()));
    order
}

/// The weights of the components in this order.
fn weights<F: Scalar>(logits: &[F], order: &[usize]) -> Vec<f64> {
    let (tape, logits) = (Tape::new(), logits.iter().map(|x| x.to_f64()).collect::<Vec<_>>());
    let weights = numbers(tape.constant(&logits, [logits.len()]).softmax(-1));
    order.iter().map(|&k| weights[k]).collect()
}
