//! A machine that counts the energies that are evaluated.

use pathscore::autodiff::{Scalar, Var};
use pathscore::models::energy::Rbm;
use pathscore::models::{
    BaseModel, BitFlips, BlockGibbs, Bound, Energy, ExactPartition, Params, RandomSource,
};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A restricted Boltzmann machine whose evaluations are counted, in units of the energy of one row: a sweep counts as two,
/// one for each half; a term of the partition function as one; the energies of all flipped bits of a row as one for each
/// column and one for the row.
///
/// A clone counts on with the same counter.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub(super) machine: Rbm,
    evaluations: Arc<AtomicU64>,
}

impl Counted {
    /// A machine that has evaluated nothing.
    pub(super) fn new(machine: Rbm) -> Self {
        Self { machine, evaluations: Arc::default() }
    }

    /// The evaluations so far.
    pub(super) fn evaluations(&self) -> u64 {
        self.evaluations.load(Ordering::Relaxed)
    }

    fn count(&self, evaluations: usize) {
        self.evaluations.fetch_add(evaluations as u64, Ordering::Relaxed);
    }

    fn rows<F: Scalar>(&self, x: Var<'_, F>) -> usize {
        x.size() / self.machine.visible()
    }
}

impl<F: Scalar> Energy<F> for Counted {
    fn energy<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.count(self.rows(x));
        self.machine.energy(params, x)
    }
}

impl<F: Scalar> BlockGibbs<F> for Counted {
    fn gibbs_sweep<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        self.count(2 * self.rows(x));
        self.machine.gibbs_sweep(params, x, rng)
    }
}

impl<F: Scalar> BitFlips<F> for Counted {
    fn flip_differences<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.count(x.size() + self.rows(x));
        self.machine.flip_differences(params, x)
    }
}

impl<F: Scalar> ExactPartition<F> for Counted {
    fn terms(&self) -> Option<usize> {
        ExactPartition::<F>::terms(&self.machine)
    }

    fn log_terms<'t>(&self, params: Bound<'t, F>, terms: Range<usize>) -> Var<'t, F> {
        self.count(terms.len());
        self.machine.log_terms(params, terms)
    }
}

impl<F: Scalar> BaseModel<F> for Counted {
    fn set_base(&self, params: &mut Params<F>, means: &[f64]) -> f64 {
        self.machine.set_base(params, means)
    }
}
