//! The part that all models with latents and an approximate posterior share: training by a gradient estimator, bounds
//! by importance sampling, pictures.

use super::annealed::annealed;
use super::codes::{Codes, Parameter, decode, latents};
use super::kind::{Curve, Fitting, Gradients, Measure, QUICK_ROWS, QUICK_TEST, Quantity, Reading};
use super::network::{EvaluationSettings, Network};
use super::trainer::{AnyTrainer, Start, restore_params, step_on_batch};
use super::views::Views;
use crate::program::catalogue::Row;
use crate::program::gallery::MEANS;
use crate::program::progress::Count;
use crate::program::run::checkpoint::State;
use crate::program::run::settings::Settings;
use pathscore::autodiff::Scalar;
use pathscore::estimators::samplers::Moves;
use pathscore::estimators::{
    Claim, Diagnosis, Evaluation, GROUP, Target, diagnose, diagnose_whole, evaluate,
};
use pathscore::models::Params;
use pathscore::models::data::{Batches, Binarize, Split, Table};
use pathscore::models::dist::Coordinates;
use pathscore::models::latent::{Decoder, Generative};
use pathscore::models::seed::{self, Stream};
use serde_json::{Value, json};
use std::ops::Range;

/// The draws of the quick evaluation after each epoch.
const QUICK_SAMPLES: usize = 1;
/// Draws for each row in the evaluation of the training part, of which as many rows are taken as the test part has.
const TRAIN_SAMPLES: usize = 10;
/// Importance samples of `evaluate` if no number is given.
const SAMPLES: usize = 5000;

/// The pictures of every model with latents.
pub(crate) const PICTURE_NAMES: &[&str] = &["samples.png", "reconstructions.png", "latent.png"];

/// A model that is described by the sizes of its networks.
pub(crate) trait LatentKindModel<F: Scalar>:
    Decoder<F> + Generative<F> + Sized + 'static
{
    /// Makes the model with its initial parameters.
    fn describe(network: &Network, columns: usize, params: &mut Params<F>, seed: u64) -> Self;

    /// The estimators that fit it.
    fn rows<'a>() -> Vec<Row<F, Self, Start<'a, Self>>>;

    /// A picture of the effect of the latents.
    ///
    /// # Errors
    /// If the picture cannot be drawn.
    fn latent_view(views: &Views<F, Self>) -> anyhow::Result<Vec<u8>>;

    /// The transitions of the latents between two temperatures.
    const MOVES: Moves = Moves::Hmc { leapfrogs: 10 };

    /// Further pictures, each a file's name and a PNG; the kind lists their names.
    ///
    /// # Errors
    /// If a picture cannot be drawn.
    fn more_pictures(views: &Views<F, Self>) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        let _ = views;
        Ok(Vec::new())
    }

    /// The parameters of $q(z \mid x)$ for each of some rows.
    fn posterior_parameters(&self, params: &Params<F>, rows: &Table) -> Vec<Parameter>;

    /// The diagnosis of the posterior on some rows; every model calls [`DiagnosisInput::at`] or
    /// [`DiagnosisInput::of_whole`].
    fn diagnose(&self, input: DiagnosisInput<F>) -> Diagnosis;
}

/// The arguments of a diagnosis.
pub(crate) struct DiagnosisInput<'a, F> {
    params: &'a Params<F>,
    x: &'a [F],
    rows: usize,
    seed: u64,
}

impl<F: Scalar> DiagnosisInput<'_, F> {
    /// The diagnosis of a model whose latents have coordinates.
    pub(crate) fn at<M: Decoder<F>>(self, model: &M) -> Diagnosis
    where
        for<'t> M::Posterior<'t>: Coordinates<'t, F>,
        for<'t> M::Prior<'t>: Coordinates<'t, F>,
    {
        let rng = &mut seed::rng(self.seed, Stream::Diagnose, 0);
        diagnose(model, self.params, self.x, self.rows, GROUP, rng)
    }

    /// The diagnosis of a model whose latents have a joint density only.
    pub(crate) fn of_whole<M: Decoder<F>>(self, model: &M) -> Diagnosis {
        let rng = &mut seed::rng(self.seed, Stream::Diagnose, 0);
        diagnose_whole(model, self.params, self.x, self.rows, GROUP, rng)
    }
}

/// A model with its parameters.
struct Encoder<'a, F, M> {
    model: &'a M,
    params: &'a Params<F>,
}

impl<F: Scalar, M: LatentKindModel<F>> Codes for Encoder<'_, F, M> {
    fn encode(&self, rows: &Table) -> anyhow::Result<Vec<Parameter>> {
        Ok(self.model.posterior_parameters(self.params, rows))
    }

    fn reconstruct(&self, rows: &Table, draw: Option<u64>) -> anyhow::Result<Vec<f64>> {
        Ok(decode(self.model, self.params, &latents(self.model, self.params, rows, draw)))
    }
}

/// A model with latents in training.
pub(crate) struct LatentFit<'a, F: Scalar, M> {
    pub(crate) settings: &'a Settings,
    pub(crate) split: &'a Split,
    pub(crate) binarize: Binarize,
    pub(crate) evaluation: EvaluationSettings,
    pub(crate) batches: Batches,
    pub(crate) trainer: Box<dyn AnyTrainer<F, M>>,
    /// The number of tensors of the model; those of the estimator lie behind them.
    pub(crate) tensors: usize,
    pub(crate) words: String,
    readings: [Reading; 2],
}

impl<'a, F: Scalar, M: LatentKindModel<F>> LatentFit<'a, F, M> {
    pub(crate) fn new(
        (settings, split): (&'a Settings, &'a Split),
        evaluation: EvaluationSettings,
        trainer: Box<dyn AnyTrainer<F, M>>,
        tensors: usize,
        words: String,
    ) -> anyhow::Result<Self> {
        let key = if trainer.target() == Target::Elbo { "train/elbo" } else { "train/bound" };
        let readings = [key, "grad/norm"].map(|key| Reading { key, value: f64::NAN });
        let (binarize, batches) = (settings.binarize()?, settings.batches(split.train.len())?);
        Ok(Self {
            settings,
            split,
            binarize,
            evaluation,
            batches,
            trainer,
            tensors,
            words,
            readings,
        })
    }

    /// Evaluates the first rows of a table.
    fn evaluate(
        &self,
        table: &Table,
        rows: usize,
        samples: usize,
        seed: u64,
        count: Option<&Count>,
    ) -> Evaluation {
        let (model, params, binarize) =
            (self.trainer.model(), self.trainer.params(), self.binarize);
        evaluate(model, params, [rows, table.columns()], samples, seed, |range, x, rng| {
            let rows: Vec<usize> = range.collect();
            binarize.fill(table, &rows, x, rng);
            if let Some(count) = count {
                count.more(rows.len());
            }
        })
    }

    /// The noise of the gradient and the use of the latents, on some rows of the test part.
    fn diagnostics(&mut self, rows: usize) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        for noise in self.trainer.gradient_noise() {
            found.push((format!("grad/variance/{}", noise.part), json!(noise.variance)));
            // Without noise the ratio is infinite, and JSON has no such number.
            if noise.snr().is_finite() {
                found.push((format!("grad/snr/{}", noise.part), json!(noise.snr())));
            }
        }
        let (test, seed) = (&self.split.test, self.settings.run.seed);
        let mut x = vec![F::ZERO; rows * test.columns()];
        let rng = &mut seed::rng(seed, Stream::Diagnose, 1);
        self.binarize.fill(test, &(0..rows).collect::<Vec<_>>(), &mut x, rng);
        let input = DiagnosisInput { params: self.trainer.params(), x: &x, rows, seed };
        let diagnosis = self.trainer.model().diagnose(input);
        found.push((format!("test/ess_{GROUP}"), json!(diagnosis.effective_draws)));
        found.push(("test/active_units".into(), json!(diagnosis.active_units())));
        found.push(("test/kl_units".into(), json!(diagnosis.kl)));
        found
    }

    fn views(&self) -> Views<'_, F, M> {
        Views::new(self.trainer.model(), self.trainer.params(), &self.split.test)
    }
}

/// The bounds of an evaluation, their names ending with `part`.
fn bounds(found: &Evaluation, part: &str) -> [Quantity; 3] {
    let group = GROUP.min(found.samples);
    let quantity = |name: &str, value, error, samples| Quantity {
        name: format!("{name}{part}"),
        value,
        error: Some(error),
        unit: "nats",
        samples: Some(samples),
        rows: found.rows,
    };
    [
        quantity("elbo", found.elbo, found.elbo_se, 1),
        quantity(&format!("bound_{group}"), found.group_bound, found.group_bound_se, group),
        quantity("log_likelihood", found.log_likelihood, found.log_likelihood_se, found.samples),
    ]
}

impl<F: Scalar, M: LatentKindModel<F>> Fitting for LatentFit<'_, F, M> {
    fn words(&self) -> String {
        self.words.clone()
    }

    fn parameters(&self) -> usize {
        self.trainer.params().len()
    }

    fn per_epoch(&self) -> u64 {
        self.batches.per_epoch()
    }

    fn taken(&self) -> u64 {
        self.trainer.taken()
    }

    fn advance(&mut self) -> anyhow::Result<&[Reading]> {
        let Self { batches, trainer, split, binarize, readings, .. } = self;
        step_on_batch(&mut **trainer, batches, (&split.train, *binarize), readings)?;
        Ok(&self.readings)
    }

    fn epoch_metrics(&mut self) -> anyhow::Result<Vec<(String, Value)>> {
        let test = &self.split.test;
        let rows = QUICK_ROWS.min(test.len());
        let found = self.evaluate(test, rows, QUICK_SAMPLES, self.settings.run.seed, None);
        let mut numbers = vec![("test/elbo".to_string(), json!(found.elbo))];
        if self.evaluation.diagnostics {
            numbers.extend(self.diagnostics(rows));
        }
        Ok(numbers)
    }

    fn curve(&self) -> Curve {
        let (train, elbo) = (self.readings[0].key, "ELBO (nats)");
        let maximised =
            if train == "train/elbo" { elbo } else { "bound, which is maximised (nats)" };
        Curve {
            train,
            test: "test/elbo",
            names: ["training", QUICK_TEST],
            labels: [maximised, elbo],
        }
    }

    fn results(&mut self) -> anyhow::Result<Vec<Quantity>> {
        let (Split { train, test, .. }, seed) = (self.split, self.settings.run.seed);
        let found = self.evaluate(test, test.len(), self.evaluation.samples, seed, None);
        let rows = train.len().min(test.len());
        let [train, ..] = bounds(&self.evaluate(train, rows, TRAIN_SAMPLES, seed, None), "_train");
        Ok([train].into_iter().chain(bounds(&found, "_test")).collect())
    }

    fn measure(&mut self, how: &Measure) -> anyhow::Result<Vec<Quantity>> {
        let samples = how.samples.unwrap_or(SAMPLES);
        // Annealing has a display of its own, which may be one for programs.
        let count = how.ais.is_none().then(|| Count::new(how.rows, "rows evaluated"));
        let test = &self.split.test;
        let found = self.evaluate(test, how.rows, samples, how.seed, count.as_ref());
        let found = bounds(&found, "");
        count.iter().for_each(Count::finish);
        let annealed = how.ais.map_or(Vec::new(), |ais| {
            let about = (self.trainer.model(), self.trainer.params(), M::MOVES);
            let data = (&self.split.test, self.binarize);
            annealed(about, data, ais, (how.rows, how.seed))
        });
        Ok(found.into_iter().chain(annealed).collect())
    }

    fn sample(&self, count: usize, seed: u64) -> anyhow::Result<Table> {
        Ok(Table::new(self.views().samples(count, seed), self.split.test.columns())?)
    }

    fn samples_are(&self) -> &'static str {
        MEANS
    }

    fn pictures(&self) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        let views = self.views();
        let samples = views.drawn(self.settings.run.seed)?;
        let pictures = [samples, views.reconstructions()?, M::latent_view(&views)?];
        let of_all = PICTURE_NAMES.iter().copied().zip(pictures);
        Ok(of_all.chain(M::more_pictures(&views)?).collect())
    }

    fn save(&self) -> State {
        self.trainer.save()
    }

    fn restore(&mut self, state: &State) -> anyhow::Result<()> {
        self.trainer.restore(state)
    }

    fn codes(&self) -> Option<Box<dyn Codes + '_>> {
        Some(Box::new(Encoder { model: self.trainer.model(), params: self.trainer.params() }))
    }

    fn gradients(&mut self) -> Option<&mut dyn Gradients> {
        Some(self)
    }
}

impl<F: Scalar, M: LatentKindModel<F>> Gradients for LatentFit<'_, F, M> {
    fn load_model(&mut self, state: &State) -> anyhow::Result<()> {
        restore_params(state, self.trainer.params_mut(), self.tensors)
    }

    fn tensors(&self) -> Vec<(String, Range<usize>)> {
        let of_model = self.trainer.params().iter().take(self.tensors);
        of_model.map(|(name, shape, at)| (name.to_string(), at..at + shape.size())).collect()
    }

    fn claim(&self) -> Claim {
        self.trainer.claim()
    }

    fn target(&self) -> String {
        self.trainer.target().to_string()
    }

    fn draw(&mut self, rows: &[usize], draws: usize, seed: u64, see: &mut dyn FnMut(&[f64])) {
        let train = &self.split.train;
        let mut x = vec![F::ZERO; rows.len() * train.columns()];
        // Pixels that training draws anew at each visit are drawn once here, so that all gradients are of the same
        // rows.
        let rng = &mut seed::rng(self.settings.run.seed, Stream::Diagnose, 0);
        self.binarize.fill(train, rows, &mut x, rng);
        let mut wide = Vec::new();
        self.trainer.gradients(&x, rows.len(), draws, seed, &mut |gradient| {
            wide.clear();
            wide.extend(gradient.iter().map(|g| g.to_f64()));
            see(&wide);
        });
    }
}
