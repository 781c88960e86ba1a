//! A fitted energy model beside its data: its chains, and numbers of rows.

use super::super::codes::{Codes, Parameter, constant, numbers, parameters};
use super::super::tractable::each_row;
use super::model::EnergyKindModel;
use pathscore::autodiff::vector::Lanes;
use pathscore::autodiff::{Scalar, Tape, Var};
use pathscore::models::data::{Binarize, Split, Table};
use pathscore::models::seed::{self, Stream};
use pathscore::models::{Bound, Params, RandomSource};

/// A model with its parameters, and its data.
pub(super) struct View<'a, F, M> {
    pub(super) model: &'a M,
    pub(super) params: &'a Params<F>,
    pub(super) split: &'a Split,
    pub(super) binarize: Binarize,
}

impl<F: Scalar, M: EnergyKindModel<F>> View<'_, F, M> {
    /// The columns of the data.
    pub(super) fn columns(&self) -> usize {
        self.split.train.columns()
    }

    /// A number for each of the first rows of a table.
    pub(super) fn of_rows(
        &self,
        table: &Table,
        rows: usize,
        seed: u64,
        number: impl for<'t> Fn(Bound<'t, F>, Var<'t, F>) -> Var<'t, F>,
    ) -> Vec<f64> {
        let columns = self.columns();
        each_row((table, self.binarize), rows, seed, |tape: &Tape<F>, x, rows| {
            let numbers = number(self.params.on(tape), tape.constant(x, [rows, columns]));
            numbers.with(|numbers| numbers.iter().map(|x| x.to_f64()).collect())
        })
    }

    /// Rows of data as states, flat.
    pub(super) fn states(&self, rows: &[F]) -> Vec<F> {
        let (tape, columns) = (Tape::new(), self.columns());
        let rows = tape.constant(rows, [rows.len() / columns, columns]);
        self.model.complete(self.params.on(&tape), rows).value().values().to_vec()
    }

    /// States of chains that have not moved yet: independent columns with the means of the data, or the means themselves
    /// of real numbers.
    pub(super) fn starts(&self, count: usize, rng: &mut Lanes) -> Vec<F> {
        let means: Vec<F> = self.split.train.mean().into_iter().map(F::from_f64).collect();
        let tape = Tape::new();
        let columns = means.len();
        let shape = [count, columns];
        let means = tape.constant(&means, [columns]);
        let rows = match M::BITS {
            true => rng.bernoulli_var(means, shape.into()),
            false => means.broadcast_to(shape),
        };
        self.states(rows.value().values())
    }

    /// Moves `count` chains by some Gibbs sweeps; the columns of data that are `known` stay.
    pub(super) fn run(
        &self,
        states: &mut [F],
        count: usize,
        known: &[bool],
        sweeps: usize,
        rng: &mut Lanes,
    ) {
        let width = states.len() / count;
        let mut known = known.to_vec();
        known.resize(width, false);
        let mut tape = Tape::new();
        for _ in 0..sweeps {
            tape.clear();
            let before = tape.constant(states, [count, width]);
            let swept = self.model.sweep_given(self.params.on(&tape), before, &known, rng);
            swept.with(|values| states.copy_from_slice(values));
        }
    }

    /// The expected rows of data after one pass from `count` states to the hidden units and back, flat.
    pub(super) fn expected(&self, states: &[F], count: usize) -> Vec<F> {
        let tape = Tape::new();
        let states = tape.constant(states, [count, states.len() / count]);
        self.model.expected(self.params.on(&tape), states).value().values().to_vec()
    }

    /// The expected rows after one pass from rows of data to the hidden units and back, flat.
    pub(super) fn reconstruct(&self, rows: &[F]) -> Vec<F> {
        self.expected(&self.states(rows), rows.len() / self.columns())
    }
}

/// The hidden units given the data, exactly or by mean field.
impl<F: Scalar, M: EnergyKindModel<F>> Codes for View<'_, F, M> {
    fn encode(&self, rows: &Table) -> anyhow::Result<Vec<Parameter>> {
        Ok(parameters(self.params, rows, |params, x| [("probs", self.hidden(params, x))]))
    }

    fn reconstruct(&self, rows: &Table, draw: Option<u64>) -> anyhow::Result<Vec<f64>> {
        let tape = Tape::new();
        let params = self.params.on(&tape).detach();
        let hidden = self.hidden(params, constant(&tape, rows));
        let hidden = match draw {
            None => hidden,
            Some(seed) => seed::rng(seed, Stream::Sample, 0).bernoulli_var(hidden, hidden.shape()),
        };
        let means = self.model.given_hidden(params, hidden);
        Ok(numbers(means.expect("a model with hidden units has data given these")))
    }
}

impl<F: Scalar, M: EnergyKindModel<F>> View<'_, F, M> {
    /// The probabilities of the hidden units for rows of data.
    fn hidden<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let found = self.model.hidden_means(params, self.model.complete(params, x));
        found.expect("a model without hidden units has no codes")
    }
}

/// Numbers in single precision.
pub(super) fn to_f32<F: Scalar>(x: &[F]) -> Vec<f32> {
    x.iter().map(|x| x.to_f64() as f32).collect()
}
