//! The quantities that are known of an energy model.

use super::super::annealed_energy::{Annealed, FreeEnergies};
use super::super::kind::{Ais, Quantity};
use super::super::tractable::{Mean, each_row};
use super::model::EnergyKindModel;
use super::view::View;
use pathscore::autodiff::{Scalar, Tape};
use pathscore::models::data::{Binarize, Split, Table};
use pathscore::models::{ExactPartition, MOST_TERMS};

/// The most rows whose pseudo-likelihood is measured: each row takes the energies of all rows with one bit flipped.
const PSEUDO_ROWS: usize = 500;
/// The rows whose flipped energies are computed together, so that memory stays small.
const FLIPPED_ROWS: usize = 8;

impl<F: Scalar, M: EnergyKindModel<F>> View<'_, F, M> {
    /// The mean squared error of a cell after one pass to the hidden units and back.
    pub(super) fn reconstruction_error(&self, rows: usize, seed: u64) -> Mean {
        let (test, columns) = (&self.split.test, self.columns());
        Mean::of(&each_row((test, self.binarize), rows, seed, |_: &Tape<F>, x, _| {
            let error = |(row, back): (&[F], &[F])| {
                let each = row.iter().zip(back).map(|(&x, &y)| (x - y).to_f64().powi(2));
                each.sum::<f64>() / columns as f64
            };
            let back = self.reconstruct(x);
            x.chunks_exact(columns).zip(back.chunks_exact(columns)).map(error).collect()
        }))
    }

    /// The free energy of the first test rows less that of as many training rows: it grows when the model overfits.
    pub(super) fn gap(&self, rows: usize, seed: u64) -> f64 {
        let Split { train, test, .. } = self.split;
        let rows = rows.min(train.len());
        let mean = |table| {
            let each = self.of_rows(table, rows, seed, |bound, x| self.model.free_energy(bound, x));
            Mean::of(&each).value
        };
        mean(test) - mean(train)
    }

    /// True if the rows have a density under the model: a grey value is no bit.
    fn has_density(&self, table: &Table) -> bool {
        let bit = |&x: &f32| x == 0.0 || x == 1.0;
        !M::BITS || self.binarize == Binarize::Dynamic || table.values().iter().all(bit)
    }

    /// The free energies of the first rows, if the rows have a density.
    fn free_energies(&self, table: &Table, rows: usize, seed: u64) -> Option<FreeEnergies> {
        self.has_density(table).then(|| {
            let exact = self.has_exact_free_energy();
            let each = self.of_rows(table, rows, seed, |bound, x| {
                let known = if exact { self.model.exact_free_energy(bound, x) } else { None };
                known.unwrap_or_else(|| self.model.free_energy(bound, x))
            });
            FreeEnergies { each, exact }
        })
    }

    /// The quantities of annealed importance sampling with the likelihoods that follow, or bounds on them.
    ///
    /// # Errors
    /// If an option of annealing has no effect.
    pub(super) fn annealed(
        &self,
        ais: Ais,
        rows: usize,
        seed: u64,
    ) -> anyhow::Result<Vec<Quantity>> {
        let annealed = Annealed {
            model: self.model,
            params: self.params,
            columns: self.states(&vec![F::ZERO; self.columns()]).len(),
            means: &self.split.train.mean(),
            free_energies: self.free_energies(&self.split.test, rows, seed),
        };
        annealed.quantities(ais, seed)
    }

    /// True if the test rows have a density that annealing alone can estimate: Z is a sum of too many terms.
    pub(super) fn needs_annealing(&self) -> bool {
        let few = ExactPartition::<F>::terms(self.model).is_some_and(|terms| terms <= MOST_TERMS);
        !few && self.has_density(&self.split.test)
    }

    /// The exact mean of $\ln p(x)$ over the first rows of a table, if it is known; for a model whose free energy is only
    /// bounded, the name is that of the bound.
    pub(super) fn log_likelihood(
        &self,
        table: &Table,
        rows: usize,
        seed: u64,
    ) -> Option<(&'static str, Mean)> {
        let energies = self.free_energies(table, rows, seed)?;
        let log_z = ExactPartition::<F>::log_partition(self.model, self.params)?;
        let each: Vec<f64> = energies.each.iter().map(|energy| -energy - log_z).collect();
        Some((energies.likelihood(), Mean::of(&each)))
    }

    fn has_exact_free_energy(&self) -> bool {
        let tape = Tape::new();
        let row = tape.constant_with([1, self.columns()], |out| out.fill(F::ZERO));
        self.model.exact_free_energy(self.params.on(&tape), row).is_some()
    }

    /// The mean of $\sum_i \ln p(x_i \mid x_{-i})$ over the first rows, the pseudo-likelihood of Besag (1975): a sum of
    /// log-probabilities of conditionals, and no log-likelihood.
    fn pseudo_likelihood(&self, rows: usize, seed: u64) -> Option<Mean> {
        let (test, columns) = (&self.split.test, self.columns());
        let tape = Tape::new();
        let row = tape.constant_with([1, columns], |out| out.fill(F::ZERO));
        self.model.flips(self.params.on(&tape), row).filter(|_| self.has_density(test))?;
        let rows = rows.min(PSEUDO_ROWS);
        Some(Mean::of(&each_row((test, self.binarize), rows, seed, |_: &Tape<F>, x, _| {
            let mut tape = Tape::new();
            let mut found = Vec::new();
            for x in x.chunks(FLIPPED_ROWS * columns) {
                tape.clear();
                let x = tape.constant(x, [x.len() / columns, columns]);
                let flips = self.model.flips(self.params.on(&tape), x);
                let flips = flips.expect("the model has energies of flipped bits");
                // ln σ(ΔE) = −softplus(−ΔE).
                let of_rows = -(-flips).softplus().sum_axis(-1);
                of_rows.with(|numbers| found.extend(numbers.iter().map(|x| x.to_f64())));
            }
            found
        })))
    }

    /// The quantities of the first test rows, their names ending with `part`.
    pub(super) fn quantities(&self, rows: usize, seed: u64, part: &str) -> Vec<Quantity> {
        let error = self.reconstruction_error(rows, seed);
        let gap = Quantity {
            name: "free_energy_gap".into(),
            value: self.gap(rows, seed),
            error: None,
            unit: "nats",
            samples: None,
            rows,
        };
        let mut found =
            vec![error.quantity(format!("reconstruction_error{part}"), "per pixel"), gap];
        let pseudo = self.pseudo_likelihood(rows, seed);
        found.extend(pseudo.map(|mean| mean.quantity("pseudo_log_likelihood", "nats")));
        let known = self.log_likelihood(&self.split.test, rows, seed);
        found.extend(known.map(|(name, mean)| mean.quantity(format!("{name}{part}"), "nats")));
        found
    }
}
