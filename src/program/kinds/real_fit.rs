//! A fit of an energy of real numbers: training, the quantities that are known of it, chains and pictures.

use super::annealed_energy::{self, FreeEnergies};
use super::chosen::Chosen;
use super::kind::{Ais, Curve, Fitting, Measure, QUICK_ROWS, QUICK_TEST, Quantity, Reading};
use super::tractable::Mean;
use super::trainer::{AnyTrainer, Start};
use crate::program::catalogue::{DRAWS, Setup, dynamics_if_any, real_rows};
use crate::program::chart::{Series, column_panels, density_maps, latent_map, line_panels};
use crate::program::gallery::{DENOISED, Gallery, column_names};
use crate::program::run::checkpoint::State;
use crate::program::run::settings::Settings;
use crate::program::usage_error::usage_error;
use pathscore::autodiff::vector::Lanes;
use pathscore::autodiff::{Scalar, Tape};
use pathscore::estimators::energy::{
    BaseAnnealing, Dynamics, LogPartition, ScoreMatching, SlicedScoreMatching,
};
use pathscore::estimators::{Estimator, Query, Work};
use pathscore::models::Params;
use pathscore::models::data::{Batches, Binarize, Split, Table};
use pathscore::models::energy::{Grid, RealEnergy};
use pathscore::models::seed::{self, Stream};
use serde_json::{Value, json};

/// The pictures of energies of real numbers: rows of two numbers have a map, images have chains.
pub(crate) const PICTURE_NAMES: &[&str] = &["samples.png", "energy.png", "chains.png"];

/// The most columns for which the Hessian's trace is computed exactly.
const EXACT_COLUMNS: usize = 8;
/// Draws of rows of two numbers.
const DOTS: usize = 500;
/// The chains in a panel of `chains.png`: there are colours for seven.
const LINES: usize = 6;
/// Chains of `chains.png`, and the numbers of moves at which they are shown.
const CHAINS: usize = 8;
const SHOWN: [usize; 10] = [0, 1, 3, 10, 30, 100, 200, 300, 400, 500];
/// Moves of a chain from the base to a sample, and of one that training left.
const MOVES: usize = 300;
const MORE_MOVES: usize = 100;
/// The sides of a grid in scales of the base on both sides of the mean, and its points for one and two columns. The
/// confined energy grows as the base does.
const REACH: f64 = 5.0;
const POINTS: [usize; 2] = [2001, 201];
/// The points along a side of the map, of which each is a rectangle of the picture.
const MAP_POINTS: usize = 81;
/// The half side of the map in scales of the base.
const MAP_REACH: f64 = 3.0;
/// The moves where the criterion has none.
const DEFAULT_MOVES: Dynamics = Dynamics { step_size: 0.1, leapfrogs: 5, adjusted: true };

/// An energy of real numbers in training.
pub(crate) struct RealFit<'a, F: Scalar, M> {
    settings: &'a Settings,
    split: &'a Split,
    binarize: Binarize,
    batches: Batches,
    trainer: Box<dyn AnyTrainer<F, M>>,
    words: String,
    dynamics: Option<Dynamics>,
    /// True if the chains of the criterion go on from step to step.
    persistent: bool,
    /// The standard deviation of the noise on the data.
    noise: f64,
    readings: [Reading; 2],
}

/// Adds normal noise to some numbers.
fn add_noise<F: Scalar>(noise: f64, x: &mut [F], rng: &mut Lanes) {
    if noise == 0.0 {
        return;
    }
    let mut eps = [F::ZERO; 128];
    for x in x.chunks_mut(eps.len()) {
        F::fill_normal(&mut eps[..x.len()], rng);
        x.iter_mut().zip(eps).for_each(|(x, eps)| *x += F::from_f64(noise) * eps);
    }
}

impl<'a, F: Scalar, M: RealEnergy<F> + 'static> RealFit<'a, F, M> {
    /// A fit that has not begun, of a model with its initial parameters.
    pub(crate) fn open(
        (settings, split): (&'a Settings, &'a Split),
        (model, params): (M, Params<F>),
        chosen: Chosen,
        noise: f64,
    ) -> anyhow::Result<Self> {
        let (binarize, batches) = (settings.binarize()?, settings.batches(split.train.len())?);
        let words = chosen.words();
        let schedule = settings.schedule(batches.per_epoch())?;
        let samples = chosen.options.count_if_any(DRAWS).unwrap_or(1);
        let start = Start { model, settings, schedule, samples, words: &words };
        let rows = real_rows();
        let row = rows.iter().find(|row| row.about.name == chosen.about.name);
        let row = row.expect("the criteria are the same for every energy of real numbers");
        let rng = seed::rng(settings.run.seed, Stream::Init, 1);
        let (columns, layers, nodes) = (split.train.columns(), Vec::new(), Vec::new());
        let means = split.train.mean();
        let trainer = row.run(
            &chosen.options,
            Setup { params, columns, layers, nodes, means, log_partition: 0.0, rng },
            start,
        )?;
        let keys = ["train/criterion", "grad/norm"];
        let readings = keys.map(|key| Reading { key, value: f64::NAN });
        let dynamics = dynamics_if_any(&chosen.options);
        let persistent = chosen.about.keeps_chains;
        Ok(Self {
            settings,
            split,
            binarize,
            batches,
            trainer,
            words,
            dynamics,
            persistent,
            noise,
            readings,
        })
    }

    fn seed(&self) -> u64 {
        self.settings.run.seed
    }

    fn model(&self) -> (&M, &Params<F>) {
        (self.trainer.model(), self.trainer.params())
    }

    fn columns(&self) -> usize {
        self.split.test.columns()
    }

    /// The first rows of a table with their noise.
    fn rows(&self, table: &Table, rows: usize, seed: u64) -> Vec<F> {
        let range: Vec<usize> = (0..rows.min(table.len())).collect();
        let rng = &mut seed::lanes(seed, Stream::Evaluate, 0);
        let mut x = vec![F::ZERO; range.len() * table.columns()];
        self.binarize.fill(table, &range, &mut x, rng);
        add_noise(self.noise, &mut x, rng);
        x
    }

    /// The energies of some rows.
    fn energies(&self, x: &[F]) -> Vec<f64> {
        let ((model, params), columns) = (self.model(), self.columns());
        let (mut tape, mut found) = (Tape::new(), Vec::new());
        for x in x.chunks(QUICK_ROWS * columns) {
            tape.clear();
            let bound = params.on(&tape).detach();
            let energy = model.energy(bound, tape.constant(x, [x.len() / columns, columns]));
            energy.with(|each| found.extend(each.iter().map(|e| e.to_f64())));
        }
        found
    }

    /// Half the squared score with the trace of its derivative, for each row: exactly for few columns, and along one random
    /// direction for many.
    fn score_matching(&self, x: &[F], seed: u64) -> Vec<f64> {
        let ((model, params), columns) = (self.model(), self.columns());
        let rng = &mut seed::lanes(seed, Stream::Evaluate, 1);
        let mut work = Work::new();
        let loss = |x: &[F]| {
            let query = Query::new(model, params, x, 1);
            let value = match columns <= EXACT_COLUMNS {
                true => ScoreMatching.estimate(query, rng, &mut work),
                false => SlicedScoreMatching::default().estimate(query, rng, &mut work),
            };
            -value.to_f64()
        };
        x.chunks_exact(columns).map(loss).collect()
    }

    /// A grid around the data, if there are one or two columns.
    fn grid(&self) -> Option<Grid> {
        let base = self.trainer.model().base();
        let points = *POINTS.get(base.columns() - 1)?;
        let side = |(m, s): (&f64, &f64)| [m - REACH * s, m + REACH * s];
        let sides: Vec<[f64; 2]> = base.mean().iter().zip(base.scale()).map(side).collect();
        Some(Grid::new(&sides, points))
    }

    /// The logarithm of the density of the data, if it is known and they have no noise.
    fn truth(&self) -> Option<fn([f64; 2]) -> f64> {
        let known = self.settings.source().ok()?.kind().log_density;
        known.filter(|_| self.noise == 0.0)
    }

    /// The quantities of the first test rows, their names ending with `part`.
    fn quantities(&self, rows: usize, seed: u64, part: &str) -> Vec<Quantity> {
        let x = self.rows(&self.split.test, rows, seed);
        let energies = self.energies(&x);
        let of_train = self.energies(&self.rows(&self.split.train, rows, seed));
        let plain = |name: &str, value, unit| Quantity {
            name: format!("{name}{part}"),
            value,
            error: None,
            unit,
            samples: None,
            rows: energies.len(),
        };
        let gap = Mean::of(&energies).value - Mean::of(&of_train).value;
        let score = Mean::of(&self.score_matching(&x, seed));
        let mut found = vec![
            score.quantity(format!("score_matching_loss{part}"), "per row"),
            plain("energy_gap", gap, "nats"),
        ];
        if let Some(grid) = self.grid() {
            let (model, params) = self.model();
            let log_z = grid.log_partition(model, params);
            let log_prob: Vec<f64> = energies.iter().map(|e| -e - log_z).collect();
            found.push(Mean::of(&log_prob).quantity(format!("log_likelihood{part}"), "nats"));
            found.push(plain("log_partition", log_z, "nats"));
            if let (Some(truth), 2) = (self.truth(), self.columns()) {
                let kl = grid.kl(|x| truth([x[0], x[1]]), model, params);
                found.push(plain("kl_from_truth", kl, "nats"));
            }
        }
        found
    }

    /// $\ln Z$ by annealing from the base and back, and the likelihoods that follow.
    ///
    /// # Errors
    /// If an option of annealing has no effect.
    fn annealed(&self, ais: Ais, seed: u64, energies: &[f64]) -> anyhow::Result<Vec<Quantity>> {
        let chains = annealed_energy::chains(ais)?;
        let moves = Dynamics { adjusted: true, ..self.dynamics.unwrap_or(DEFAULT_MOVES) };
        let annealing = BaseAnnealing { dynamics: moves, steps: ais.steps, moves: 1 };
        let (mut work, rng) = (Work::new(), &mut seed::lanes(seed, Stream::Evaluate, 2));
        let (forward, ends) = annealing.forward(self.model(), chains, &mut work, rng);
        // Chains that training left are nearer to draws of the model than the ends of the runs.
        let starts = match self.kept_chains() {
            Some(mut kept) => {
                kept.truncate(chains * self.columns());
                kept
            }
            None => ends,
        };
        let back = annealing.reverse(self.model(), starts, &mut work, rng);
        let forward = LogPartition::forward(forward);
        let reverse = LogPartition::reverse(back.iter().map(|w| -w).collect());
        let energies = FreeEnergies { each: energies.to_vec(), exact: true };
        Ok(annealed_energy::listed(chains, &forward, &reverse, Some(&energies)))
    }

    /// The chains that training keeps, if there are any.
    fn kept_chains(&self) -> Option<Vec<F>> {
        let state = self.persistent.then(|| self.trainer.save())?;
        let kept = state.vectors::<f64>("shard.").into_iter().flat_map(|(_, rows)| rows);
        let kept: Vec<F> = kept.map(F::from_f64).collect();
        (kept.len() >= self.columns()).then_some(kept)
    }

    /// Rows of the model: chains of training that go on, or chains from the base.
    fn chains(&self, count: usize, seed: u64) -> Vec<F> {
        let rng = &mut seed::lanes(seed, Stream::Sample, 0);
        let (mut work, dynamics) = (Work::new(), self.dynamics.unwrap_or(DEFAULT_MOVES));
        let (mut rows, moves) = match self.kept_chains() {
            // Where more rows are asked for, copies part from each other as they move.
            Some(kept) => {
                (kept.into_iter().cycle().take(count * self.columns()).collect(), MORE_MOVES)
            }
            None => {
                let tape = Tape::new();
                let start = self.trainer.model().base().sample(&tape, count, rng);
                (start.value().values().to_vec(), MOVES)
            }
        };
        dynamics.advance(self.model(), moves, &mut rows, &mut work, rng);
        rows
    }

    /// The rows without their noise as the model sees it, $x - \sigma^2 \nabla E(x)$ (Tweedie's formula), for pictures.
    fn denoised(&self, x: &[F]) -> Vec<f32> {
        let ((model, params), columns) = (self.model(), self.columns());
        let tape = Tape::new();
        let bound = params.on(&tape).detach();
        let rows = tape.leaf(x, [x.len() / columns, columns]);
        let slopes = model.energy(bound, rows).sum().backward().of(rows);
        let square = self.noise * self.noise;
        let clean = |(x, g): (&F, &F)| (x.to_f64() - square * g.to_f64()) as f32;
        x.iter().zip(slopes.values()).map(clean).collect()
    }

    /// The model's density beside the truth or, where that is not known, beside the base.
    fn map(&self, grid: &Grid) -> anyhow::Result<Vec<u8>> {
        let (model, params) = self.model();
        // Three standard deviations hold nearly all rows, and more would make the map small.
        let near = |[low, high]: &[f64; 2]| {
            let (middle, half) = (0.5 * (low + high), 0.5 * (high - low) * MAP_REACH / REACH);
            [middle - half, middle + half]
        };
        let sides: Vec<[f64; 2]> = grid.sides().iter().map(near).collect();
        let grid = &Grid::new(&sides, MAP_POINTS);
        let energies = grid.energies(model, params);
        let log_z = grid.log_integral(&energies);
        let learnt: Vec<f64> = energies.iter().map(|e| -e - log_z).collect();
        let mut maps = vec![("ln p(x) of the model", learnt)];
        if let Some(truth) = self.truth() {
            let point = |at| {
                let mut x = [0.0; 2];
                x.iter_mut().zip(grid.point(at)).for_each(|(to, x)| *to = x);
                truth(x)
            };
            maps.push(("ln p(x) of the data, known", (0..grid.len()).map(point).collect()));
        }
        let names = self.split.test.column_names();
        let name = |i: usize| names.map_or("", |names| names[i].as_str());
        density_maps(&maps, [grid.sides()[0], grid.sides()[1]], [name(0), name(1)])
    }

    /// Chains from the base after more and more moves: one below the other, or a line of each in a panel for each column.
    fn film(&self, gallery: &Gallery) -> anyhow::Result<Vec<u8>> {
        let rng = &mut seed::lanes(self.seed(), Stream::Sample, 1);
        let (mut work, dynamics) = (Work::new(), self.dynamics.unwrap_or(DEFAULT_MOVES));
        let start = {
            let tape = Tape::new();
            self.trainer.model().base().sample(&tape, CHAINS, rng).value()
        };
        let mut rows: Vec<F> = start.values().to_vec();
        let (columns, mut made) = (self.columns(), 0);
        let mut shots = Vec::new();
        for moves in SHOWN {
            dynamics.advance(self.model(), moves - made, &mut rows, &mut work, rng);
            made = moves;
            shots.push(self.denoised(&rows));
        }
        if gallery.data().image().is_none() {
            let line = |column: usize, chain: usize| Series {
                name: format!("chain {}", chain + 1),
                points: shots
                    .iter()
                    .zip(SHOWN)
                    .map(|(shot, moves)| (moves as f64, f64::from(shot[chain * columns + column])))
                    .collect(),
            };
            let names = column_names(gallery.data());
            let panels = column_panels(&names, ["moves", "value"], false, |column| {
                (0..LINES).map(|chain| line(column, chain)).collect()
            });
            return line_panels(&panels, "chains from the base");
        }
        let shot = |chain: usize| {
            shots.iter().flat_map(move |shot| shot[chain * columns..][..columns].iter().copied())
        };
        let shots: Vec<f32> = (0..CHAINS).flat_map(shot).collect();
        gallery.grid(&shots, SHOWN.len(), "each row: a chain from the base to a sample")
    }
}

impl<F: Scalar, M: RealEnergy<F> + 'static> Fitting for RealFit<'_, F, M> {
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
        let Self { batches, trainer, split, binarize, noise, readings, .. } = self;
        let (train, rows) = (&split.train, batches.at(trainer.taken()));
        let report = trainer.step([rows.len(), train.columns()], &|range, x, rng| {
            binarize.fill(train, &rows[range], x, rng);
            add_noise(*noise, x, rng);
        })?;
        (readings[0].value, readings[1].value) = (report.bound, report.grad_norm);
        Ok(&self.readings)
    }

    fn epoch_metrics(&mut self) -> anyhow::Result<Vec<(String, Value)>> {
        let rows = QUICK_ROWS.min(self.split.test.len());
        let found = self.quantities(rows, self.seed(), "");
        Ok(found.into_iter().map(|one| (format!("test/{}", one.name), json!(one.value))).collect())
    }

    fn curve(&self) -> Curve {
        Curve {
            train: "train/criterion",
            test: "test/energy_gap",
            names: ["training", QUICK_TEST],
            labels: ["criterion, which is maximised", "energy, test less training rows (nats)"],
        }
    }

    fn results(&mut self) -> anyhow::Result<Vec<Quantity>> {
        Ok(self.quantities(self.split.test.len(), self.seed(), "_test"))
    }

    fn needs_annealing(&self) -> bool {
        self.grid().is_none()
    }

    fn measure(&mut self, how: &Measure) -> anyhow::Result<Vec<Quantity>> {
        if how.samples.is_some() {
            let reason = "an energy has no latents; ln Z is found on a grid or by --ais";
            return Err(usage_error(format!("--num-samples has no effect here: {reason}")));
        }
        let mut found = self.quantities(how.rows, how.seed, "");
        if let Some(ais) = &how.ais {
            let energies = self.energies(&self.rows(&self.split.test, how.rows, how.seed));
            found.extend(self.annealed(*ais, how.seed, &energies)?);
        }
        Ok(found)
    }

    fn sample(&self, count: usize, seed: u64) -> anyhow::Result<Table> {
        let rows = self.denoised(&self.chains(count, seed));
        Ok(Table::new(rows, self.columns())?)
    }

    fn samples_are(&self) -> &'static str {
        DENOISED
    }

    fn pictures(&self) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        let gallery = Gallery::new(&self.split.test);
        let [samples, energy, chains] = [0, 1, 2].map(|i| PICTURE_NAMES[i]);
        if let (Some(grid), 2) = (self.grid(), self.columns()) {
            let draws = self.denoised(&self.chains(DOTS, self.seed()));
            let points: Vec<[f64; 2]> =
                draws.chunks_exact(2).map(|x| [0, 1].map(|k| f64::from(x[k]))).collect();
            let names = column_names(&self.split.test);
            let title = format!("Samples of the model: {DENOISED}");
            let words = [&title[..], &names[0], &names[1]];
            let dots = latent_map(&points, None, words)?;
            return Ok(vec![(samples, dots), (energy, self.map(&grid)?)]);
        }
        let draws = self.denoised(&self.chains(gallery.shown(), self.seed()));
        Ok(vec![(samples, gallery.samples(&draws, DENOISED)?), (chains, self.film(&gallery)?)])
    }

    fn save(&self) -> State {
        self.trainer.save()
    }

    fn restore(&mut self, state: &State) -> anyhow::Result<()> {
        self.trainer.restore(state)
    }
}
