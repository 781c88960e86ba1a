//! `train ising`: a Boltzmann machine whose bits are all visible, on a lattice or with all pairs.

use super::energy::model::{EnergyKindModel, bit_rows};
use super::energy::{self, PICTURES};
use super::kind::{About, Fitting, Kind, MakeModel};
use crate::program::catalogue::{Job, Row};
use crate::program::run::options::Given;
use crate::program::run::settings::Settings;
use crate::program::usage_error::usage_error;
use clap::{Args, Command, ValueEnum};
use pathscore::autodiff::{Scalar, Var};
use pathscore::models::data::{Split, Table};
use pathscore::models::energy::{BoltzmannMachine as Model, Boundary, Graph};
use pathscore::models::seed::{self, Stream};
use pathscore::models::{BitFlips, Bound, Params, RandomSource};
use serde::{Deserialize, Serialize};

const ABOUT: About = About {
    name: "ising",
    line: "a Boltzmann machine without hidden bits: Ising on a lattice, or all pairs",
    source: "Ackley et al. 1985",
    pictures: PICTURES,
};

/// The kind `ising`.
pub(crate) struct Ising;

/// The pairs of bits that interact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Pairs {
    /// All pairs.
    Full,
    /// Nearest neighbours in the picture.
    Lattice,
    /// Nearest neighbours in the picture, whose opposite edges are neighbours too.
    Torus,
}

/// The options of `ising` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
struct Options {
    /// The pairs of bits that interact.
    #[arg(long, value_enum, default_value_t = Pairs::Full, value_name = "WHICH")]
    pairs: Pairs,
}

/// The section `[model]` of `run.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSettings {
    pairs: Pairs,
}

impl Kind for Ising {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn options(&self, command: Command) -> Command {
        energy::options::<Model>(Options::augment_args(command))
    }

    fn settings(&self, given: &Given) -> anyhow::Result<Settings> {
        let Options { pairs } = given.options()?;
        energy::settings::<Model>(given, ABOUT.name, &ModelSettings { pairs })
    }

    fn open<'a>(
        &self,
        settings: &'a Settings,
        split: &'a Split,
    ) -> anyhow::Result<Box<dyn Fitting + 'a>> {
        energy::open::<Self>(settings, split)
    }
}

impl MakeModel for Ising {
    type Model = Model;

    /// A machine whose biases give the means of the data.
    fn make<F: Scalar>(settings: &Settings, split: &Split) -> anyhow::Result<(Model, Params<F>)> {
        let ModelSettings { pairs } = settings.model()?;
        let mut params = Params::new();
        let rng = &mut seed::rng(settings.run.seed, Stream::Init, 0);
        let model = Model::new(&mut params, &graph(pairs, &split.train)?, rng);
        model.set_bias(&mut params, &split.train.mean());
        Ok((model, params))
    }
}

/// The pairs of columns of a table.
fn graph(pairs: Pairs, table: &Table) -> anyhow::Result<Graph> {
    let boundary = match pairs {
        Pairs::Full => return Ok(Graph::full(table.columns())),
        Pairs::Lattice => Boundary::Open,
        Pairs::Torus => Boundary::Periodic,
    };
    let Some((height, width)) = table.image() else {
        return Err(usage_error(
            "the rows of the data are no pictures, so they have no neighbours: try --pairs full",
        ));
    };
    Ok(Graph::lattice(height, width, boundary))
}

impl<F: Scalar> EnergyKindModel<F> for Model {
    const HIDDEN: bool = false;

    fn criteria<J: Job<F, Self>>() -> Vec<Row<F, Self, J>> {
        bit_rows()
    }

    fn flips<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Option<Var<'t, F>> {
        Some(self.flip_differences(params, x))
    }

    /// The probability of each bit given all others.
    fn expected<'t>(&self, params: Bound<'t, F>, states: Var<'t, F>) -> Var<'t, F> {
        self.fields(params, states).sigmoid()
    }

    fn hidden_means<'t>(&self, _: Bound<'t, F>, _: Var<'t, F>) -> Option<Var<'t, F>> {
        None
    }

    fn filters_are(&self, shown: usize) -> [String; 2] {
        let words = format!("couplings of {shown} of {} columns with all others", self.units());
        ["column".into(), words]
    }

    /// The couplings of a bit with all others.
    fn filters(&self, params: &Params<F>, most: usize) -> Vec<f32> {
        let units = self.units();
        let shown = units.min(most);
        let mut filters = vec![0.0; shown * units];
        // Units evenly spaced over the picture.
        let place = |unit: usize| (0..shown).find(|i| i * units / shown == unit);
        for (&[a, b], w) in self.graph().edges().iter().zip(params.get(self.couplings())) {
            for (unit, other) in [(a, b), (b, a)] {
                if let Some(row) = place(unit) {
                    filters[row * units + other] = w.to_f64() as f32;
                }
            }
        }
        filters
    }

    fn sweep_given<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        states: Var<'t, F>,
        known: &[bool],
        rng: &mut R,
    ) -> Var<'t, F> {
        self.gibbs_sweep_given(params, states, known, rng)
    }
}
