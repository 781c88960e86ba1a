//! The adjoints that a sweep computes.

use crate::kernels::aligned::Aligned;
use crate::kernels::float::Float;
use crate::kernels::walk::add_slice;
use crate::numbers::shape::Shape;
use crate::numbers::tensor::Tensor;
use crate::tape::deltas::Deltas;
use crate::tape::node::{Id, NO_BAR, Node};
use crate::tape::record::{Record, Var};

const INCOMPLETE: &str = "the gradient of a weight is not complete: products were left undone";

/// The adjoints that a sweep has computed.
///
/// They lie in recording order in one arena that the next sweep can use again ([`Tape::pull_into`](crate::Tape::pull_into)).
#[derive(Clone, Debug)]
pub struct Grads<F> {
    pub(crate) bars: Aligned<F>,
    /// For each entry, true if its adjoint has been begun. The contents of an adjoint that has not been begun are not
    /// defined.
    pub(crate) begun: Vec<bool>,
    pub(crate) scratch: Vec<F>,
    pub(crate) links: Vec<Link>,
    pub(crate) undone: Undone,
    pub(crate) deltas: Deltas<F>,
}

/// The products $x^\top \delta$ that a sweep leaves undone; see [`Tape::pull_deferred`](crate::Tape::pull_deferred).
#[derive(Clone, Debug, Default)]
pub(crate) struct Undone {
    /// Only products for leaves within so many leading numbers are left undone.
    pub(crate) leading: usize,
    pub(crate) products: Vec<RowProduct>,
}

impl Undone {
    /// True if a product for this leaf was left undone.
    pub(crate) fn weighs(&self, leaf: Id) -> bool {
        self.products.iter().any(|product| product.weight == leaf)
    }
}

/// A product $x^\top \delta$ over the rows of two entries, a term of the adjoint of a weight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowProduct {
    pub(crate) weight: Id,
    pub(crate) x: Id,
    /// The entry whose adjoint $\delta$ belongs to.
    pub(crate) y: Id,
    /// The place of $\delta$ among the [`Deltas`], or none if it is the adjoint itself.
    pub(crate) delta: Option<usize>,
}

impl<F> Default for Grads<F> {
    fn default() -> Self {
        Self {
            bars: Aligned::default(),
            begun: Vec::new(),
            scratch: Vec::new(),
            links: Vec::new(),
            undone: Undone::default(),
            deltas: Deltas::default(),
        }
    }
}

impl<F: Float> Grads<F> {
    /// No adjoints, and no memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The adjoint of a variable, `None` if nothing reached it. Leaves are always reached: their adjoint may be all zeros.
    ///
    /// # Panics
    /// If products were left undone for it ([`Tape::pull_deferred`](crate::Tape::pull_deferred)).
    #[track_caller]
    pub fn get(&self, var: Var<'_, F>) -> Option<&[F]> {
        let node = *var.tape.record().node(var.id);
        assert!(!self.undone.weighs(node.home), "{INCOMPLETE}");
        let reached = node.bar != NO_BAR && self.begun.get(node.home.index()) == Some(&true);
        reached.then(|| &self.bars[node.bar..node.bar + node.len])
    }

    /// The adjoint of a variable, zero if nothing reached it.
    ///
    /// # Panics
    /// As [`Grads::get`].
    #[track_caller]
    pub fn of(&self, var: Var<'_, F>) -> Tensor<F> {
        let record = var.tape.record();
        let zeros = || vec![F::ZERO; record.node(var.id).len];
        Tensor::new(self.get(var).map_or_else(zeros, <[F]>::to_vec), record.dims(var.id))
    }

    /// The first `len` numbers of the adjoint arena: the gradient of the first leaves, if those were
    /// recorded first (see [`Tape::share`](crate::Tape::share)).
    ///
    /// # Panics
    /// If the arena holds fewer numbers, or products were left undone and [`Grads::finish`] was not called.
    #[track_caller]
    pub fn leading(&self, len: usize) -> &[F] {
        self.assert_done();
        &self.bars[..len]
    }

    /// The numbers of [`Grads::leading`], to change them.
    ///
    /// # Panics
    /// As [`Grads::leading`].
    #[track_caller]
    pub fn leading_mut(&mut self, len: usize) -> &mut [F] {
        self.assert_done();
        &mut self.bars[..len]
    }

    /// Says that the products that were left undone ([`Tape::pull_deferred`](crate::Tape::pull_deferred)) have been added, so that the
    /// gradient can be read. It adds nothing itself.
    pub fn finish(&mut self) {
        self.undone.products.clear();
    }

    #[track_caller]
    fn assert_done(&self) {
        assert!(self.undone.products.is_empty(), "{INCOMPLETE}");
    }

    /// Makes room for the adjoints of a record and begins none of them.
    pub(crate) fn begin(&mut self, record: &Record<F>) {
        self.bars.first(record.bars);
        self.begun.clear();
        self.begun.resize(record.nodes.len(), false);
        self.undone = Undone { leading: 0, products: std::mem::take(&mut self.undone.products) };
        self.undone.products.clear();
        self.deltas.truncate(0);
    }

    /// Adds the seeds to the adjoints of their entries.
    #[track_caller]
    pub(crate) fn seed(&mut self, record: &Record<F>, seeds: &[(Id, &[F])]) {
        for &(id, seed) in seeds {
            let node = record.node(id);
            assert!(
                seed.len() == node.len,
                "pull: {} numbers seed {} values",
                seed.len(),
                node.len
            );
            if node.bar != NO_BAR {
                add_slice(seed, open(&mut self.bars, &mut self.begun, node));
            }
        }
    }

    /// Zeroes the adjoint of an entry that has one, if it is not begun.
    pub(crate) fn open(&mut self, record: &Record<F>, id: Id) {
        let node = record.node(id);
        if node.bar != NO_BAR {
            open(&mut self.bars, &mut self.begun, node);
        }
    }
}

/// The adjoint of an entry, and true if it was begun before. If it was not, its contents are not defined.
pub(crate) fn touch<'a, F>(
    bars: &'a mut [F],
    begun: &mut [bool],
    node: &Node<F>,
) -> (&'a mut [F], bool) {
    let begun = std::mem::replace(&mut begun[node.home.index()], true);
    (&mut bars[node.bar..node.bar + node.len], begun)
}

/// The adjoint of an entry, zeroed if it was not begun before.
pub(crate) fn open<'a, F: Float>(
    bars: &'a mut [F],
    begun: &mut [bool],
    node: &Node<F>,
) -> &'a mut [F] {
    let (bar, begun) = touch(bars, begun, node);
    if !begun {
        bar.fill(F::ZERO);
    }
    bar
}

/// The place of a link of a chain in the working memory, and its shape.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) at: usize,
    pub(crate) shape: Shape,
}
