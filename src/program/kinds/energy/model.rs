//! An energy model as the program sees it.

use super::super::chosen::Chosen;
use super::super::trainer::{AnyTrainer, Start};
use crate::program::catalogue::{
    Job, Row, Setup, base_rows, coupled_rows, energy_rows, flip_rows, partition_rows, rows_of,
    tracked_rows,
};
use pathscore::autodiff::{Scalar, Var};
use pathscore::models::{BaseModel, BitFlips, Bound, ExactPartition, Params, RandomSource};

/// An energy model that the program can train.
pub(crate) trait EnergyKindModel<F: Scalar>:
    BaseModel<F> + ExactPartition<F> + ExactPartition<f64> + Sized + 'static
{
    /// True if the columns are bits, and false if they are real numbers.
    const BITS: bool = true;

    /// True if there are hidden units.
    const HIDDEN: bool = true;

    /// The criteria by which it can be fitted.
    fn criteria<J: Job<F, Self>>() -> Vec<Row<F, Self, J>> {
        rows_of([energy_rows(), coupled_rows(), tracked_rows(), partition_rows()])
    }

    /// A trainer by one of the criteria.
    ///
    /// # Errors
    /// If the settings are not of this kind of model.
    fn trainer(
        criterion: &Chosen,
        setup: Setup<F>,
        start: Start<Self>,
    ) -> anyhow::Result<Box<dyn AnyTrainer<F, Self>>> {
        by_criterion(Self::criteria(), criterion, setup, start)
    }

    /// $-\ln p(x) - \ln Z$ of rows of data, or the least upper bound on it that is known.
    fn free_energy<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.energy(params, x)
    }

    /// $-\ln p(x) - \ln Z$ of rows of data, if it is known exactly.
    fn exact_free_energy<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Option<Var<'t, F>> {
        Some(self.energy(params, x))
    }

    /// The differences of the energy by each flipped bit, if the columns are bits.
    fn flips<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Option<Var<'t, F>> {
        let _ = (params, x);
        None
    }

    /// The expected rows of data after one pass from states to the hidden units and back.
    fn expected<'t>(&self, params: Bound<'t, F>, states: Var<'t, F>) -> Var<'t, F>;

    /// The probabilities of the hidden units given states, if there are hidden units.
    fn hidden_means<'t>(&self, params: Bound<'t, F>, states: Var<'t, F>) -> Option<Var<'t, F>>;

    /// The expected rows of data given hidden units, as [`EnergyKindModel::hidden_means`] orders them; none without hidden units.
    fn given_hidden<'t>(&self, params: Bound<'t, F>, hidden: Var<'t, F>) -> Option<Var<'t, F>> {
        let _ = (params, hidden);
        None
    }

    /// The weights of some units as rows of the data, flat.
    fn filters(&self, params: &Params<F>, most: usize) -> Vec<f32>;

    /// The name of one of these rows, and the words about so many.
    fn filters_are(&self, shown: usize) -> [String; 2] {
        ["unit".into(), format!("weights of {shown} units")]
    }

    /// A Gibbs sweep that changes no column that is known, and leaves the distribution of the others given these invariant.
    /// There is a mark for each column of a state.
    ///
    /// The columns of most models are independent given the hidden units, so that the known ones are put back
    /// after a sweep.
    fn sweep_given<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        states: Var<'t, F>,
        known: &[bool],
        rng: &mut R,
    ) -> Var<'t, F> {
        let swept = self.gibbs_sweep(params, states, rng);
        if !known.contains(&true) {
            return swept;
        }
        let known = params.tape().constant_with([known.len()], |out| {
            out.iter_mut().zip(known).for_each(|(to, &known)| *to = F::from_f64(f64::from(known)));
        });
        known.select(states, swept)
    }
}

/// Runs the row of a criterion among those that fit the model.
///
/// # Errors
/// If the job fails.
pub(crate) fn by_criterion<F, M, J, T>(
    rows: Vec<Row<F, M, J>>,
    criterion: &Chosen,
    setup: Setup<F>,
    job: J,
) -> anyhow::Result<T>
where
    F: Scalar,
    J: Job<F, M, Output = anyhow::Result<T>>,
{
    let row = rows.iter().find(|row| row.about.name == criterion.about.name);
    let row = row.expect("the criteria are the same for every number type");
    row.run(&criterion.options, setup, job)
}

/// The criteria of models of bits whose units are sampled in blocks, with a partition function and a base model.
pub(crate) fn bit_rows<F, M, J>() -> Vec<Row<F, M, J>>
where
    F: Scalar,
    M: BaseModel<F> + BitFlips<F> + ExactPartition<F>,
    J: Job<F, M>,
{
    rows_of([
        energy_rows(),
        coupled_rows(),
        tracked_rows(),
        partition_rows(),
        base_rows(),
        flip_rows(),
    ])
}

/// Columns of a matrix as rows, flat: at most so many, evenly spaced.
pub(crate) fn some_columns<F: Scalar>(matrix: &[F], columns: usize, most: usize) -> Vec<f32> {
    let shown = columns.min(most);
    let of_column = |column: usize| matrix.iter().skip(column).step_by(columns);
    (0..shown).flat_map(|i| of_column(i * columns / shown)).map(|w| w.to_f64() as f32).collect()
}
