//! The Boltzmann machine whose units are all visible.

use super::graph::Graph;
use super::rbm::{rows_dot, write_state};
use super::rows::power_of_two;
use crate::RandomSource;
use crate::capability::{BaseModel, BitFlips, BlockGibbs, Energy, ExactPartition};
use crate::params::{Bound, Init, ParamId, Params};
use crate::tractable::log_odds::write_log_odds;
use pathscore_autodiff::vector::dispatch;
use pathscore_autodiff::{Real, Scalar, Tape, Var};
use rand::Rng;
use std::ops::Range;
use std::sync::Arc;

/// A graph is recorded as a matrix if it has more than this share of all ordered pairs as edges: a product of matrices
/// does some fifty operations in the time in which one pair is gathered.
const DENSE: usize = 64;
/// A position in a larger matrix is no exact number in single precision.
const MOST_DENSE_UNITS: usize = 1 << 12;

/// Bits that interact in pairs and are all visible (Ackley, Hinton and Sejnowski 1985), on any [`Graph`]; on a lattice it is
/// the Ising model, and on the full graph the second-order maximum-entropy model.
///
/// $$E(x) = -b^\top x - \sum_{(i, j)} w_{ij} x_i x_j, \qquad p(x) = e^{-E(x)} / Z$$
///
/// with one weight for each edge of the graph: the matrix $W$ is symmetric, with a diagonal of zeros. The derivatives of
/// $E$ are $-x_i$ (for $b_i$) and $-x_i x_j$ (for $w_{ij}$), so that maximum likelihood matches first and second moments.
/// The energy is convex in its parameters, and so is $\ln Z$: the likelihood has one maximum. Numbers between zero and one may stand
/// in for bits.
///
/// $p(x_i = 1 \mid \text{the others}) = \sigma(f_i)$ with the field $f_i = b_i + \sum_j w_{ij} x_j$. A sweep draws unit after
/// unit, colour by colour ([`Graph::colours`]): units of one colour do not interact, so that each colour is a block, on a lattice
/// the black and the white fields of a checkerboard.
///
/// $Z$ is a sum over the units outside the largest colour, whose units are summed in closed form:
/// $Z = \sum_r e^{-E(r)} \prod_i (1 + e^{f_i(r)})$, which has $2^{n/2}$ terms on a lattice of $n$ units and $2^{n-1}$ on
/// the full graph.
///
/// The parameters are called `couplings` ($w$, one for each edge, in the order of the graph) and `bias` ($b$).
///
/// ```
/// use pathscore_models::energy::{BoltzmannMachine, Boundary, Graph};
/// use pathscore_models::{ExactPartition, Params, seed};
/// let mut params = Params::<f64>::new();
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let graph = Graph::lattice(1, 3, Boundary::Open);
/// let model = BoltzmannMachine::new(&mut params, &graph, rng);
/// // Three spins in a row: Z = 2 (2 cosh J)².
/// let offset = model.set_ising(&mut params, 0.3, 0.0);
/// let log_z = model.log_partition(&params).expect("two terms can be summed") - offset;
/// assert!((log_z - (2.0 * (2.0 * 0.3_f64.cosh()).powi(2)).ln()).abs() < 1e-12);
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "Ising")]
pub struct BoltzmannMachine {
    couplings: ParamId,
    bias: ParamId,
    layout: Arc<Layout>,
}

/// Everything that follows from the graph.
#[derive(Debug)]
struct Layout {
    graph: Graph,
    /// The neighbours of every unit, each with the number of its edge.
    neighbours: Vec<Vec<(u32, u32)>>,
    /// The units colour by colour.
    order: Vec<usize>,
    /// The units of the largest colour, and the others.
    summed: Vec<usize>,
    listed: Vec<usize>,
    dense: bool,
}

impl Layout {
    fn new(graph: &Graph) -> Self {
        let (units, colours) = (graph.units(), graph.colours());
        let mut order: Vec<usize> = (0..units).collect();
        order.sort_by_key(|&unit| colours[unit]);
        let count = |colour: usize| colours.iter().filter(|&&c| c == colour).count();
        // The first of several largest colours.
        let largest = (0..units).rev().max_by_key(|&colour| count(colour));
        let (summed, listed) = (0..units).partition(|&unit| Some(colours[unit]) == largest);
        Self {
            neighbours: graph.neighbours(),
            order,
            summed,
            listed,
            dense: graph.edges().len() * DENSE > units * units && units <= MOST_DENSE_UNITS,
            graph: graph.clone(),
        }
    }

    /// The symmetric matrix of the couplings, with zeros between units that are no neighbours.
    fn matrix<F: Scalar>(&self, w: &[F]) -> Vec<F> {
        let units = self.graph.units();
        let mut matrix = vec![F::ZERO; units * units];
        for (&[a, b], &w) in self.graph.edges().iter().zip(w) {
            matrix[a * units + b] = w;
            matrix[b * units + a] = w;
        }
        matrix
    }
}

impl BoltzmannMachine {
    /// A machine with biases of zero and couplings from $\mathcal N(0, 0.01^2)$.
    ///
    /// # Panics
    /// If the graph has no units.
    pub fn new<F: Scalar, R: Rng>(params: &mut Params<F>, graph: &Graph, rng: &mut R) -> Self {
        let (units, edges) = (graph.units(), graph.edges().len());
        assert!(units > 0, "boltzmann machine: the graph has no units");
        Self {
            couplings: params.add("couplings", [edges], Init::Normal(0.01), rng),
            bias: params.add("bias", [units], Init::Constant(0.0), rng),
            layout: Arc::new(Layout::new(graph)),
        }
    }

    /// Sets the biases to the log-odds of the data, $b_i = \ln \frac{p_i}{1 - p_i}$ with the mean $p_i$ of column $i$
    /// clamped to $[0.001, 0.999]$. Without couplings this is the best model of independent columns.
    ///
    /// # Panics
    /// If there is not one mean for each unit.
    pub fn set_bias<F: Scalar>(&self, params: &mut Params<F>, means: &[f64]) {
        let units = self.units();
        assert!(means.len() == units, "boltzmann machine: {} means for {units} units", means.len());
        write_log_odds(params.get_mut(self.bias), means);
    }

    /// Sets the parameters to those of the Ising model with the energy $-J \sum_{(i,j)} s_i s_j - h \sum_i s_i$ of spins
    /// $s = 2 x - 1$: $w = 4 J$ and $b_i = 2 h - 2 J d_i$ with the number $d_i$ of neighbours. Returns the constant by which the
    /// energy of the spins is above that of the bits, $h n - J \cdot \text{edges}$: $\ln Z$ of the spins is that of the
    /// bits minus the constant.
    pub fn set_ising<F: Scalar>(&self, params: &mut Params<F>, coupling: f64, field: f64) -> f64 {
        params.get_mut(self.couplings).fill(F::from_f64(4.0 * coupling));
        for (bias, neighbours) in params.get_mut(self.bias).iter_mut().zip(&self.layout.neighbours)
        {
            *bias = F::from_f64(2.0 * field - 2.0 * coupling * neighbours.len() as f64);
        }
        field * self.units() as f64 - coupling * self.graph().edges().len() as f64
    }

    /// The number of units.
    pub fn units(&self) -> usize {
        self.layout.graph.units()
    }

    /// The graph of the pairs that interact.
    pub fn graph(&self) -> &Graph {
        &self.layout.graph
    }

    /// The id of $w$, one number for each edge of the graph.
    pub fn couplings(&self) -> ParamId {
        self.couplings
    }

    /// The id of $b$, one number for each unit.
    pub fn bias(&self) -> ParamId {
        self.bias
    }

    /// The fields $f_i = b_i + \sum_j w_{ij} x_j$, the log-odds of each unit given the others: from `[rows, units]` to the
    /// same shape.
    ///
    /// # Panics
    /// If `x` does not have two axes, or the last has another length.
    #[track_caller]
    pub fn fields<'t, F: Scalar>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let (bias, w) = (params.get(self.bias), params.get(self.couplings));
        if self.layout.dense {
            let upper = self.upper_triangle(w);
            return x.matmul(upper) + x.matmul_with(false, upper, true) + bias;
        }
        let [from, to] = [0, 1].map(|end| self.ends(params.tape(), end));
        let [at_from, at_to] = [from, to].map(|ends| select(x, ends));
        let thin = |ends: Var<'t, F>| ends.reshape([1, ends.size()]);
        let none = params.tape().constant_with(x.shape(), |out| out.fill(F::ZERO));
        let sums = none
            .scatter_add(-1, thin(to), at_from * w)
            .and_then(|sums| sums.scatter_add(-1, thin(from), at_to * w));
        sums.expect("the ends of edges are units") + bias
    }

    /// A Gibbs sweep over the units that are not `known`, given the others: it leaves $p(x_\text{unknown} \mid
    /// x_\text{known})$ invariant. No units that are known, or an empty slice, make the sweep of
    /// [`BlockGibbs::gibbs_sweep`].
    ///
    /// # Panics
    /// If there are some, but not as many as there are units.
    #[track_caller]
    pub fn gibbs_sweep_given<'t, F: Scalar, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        known: &[bool],
        rng: &mut R,
    ) -> Var<'t, F> {
        let (units, marks) = (self.units(), known.len());
        assert!(marks == 0 || marks == units, "gibbs: {marks} marks for {units} units");
        let order = self.layout.order.iter().copied();
        let unknown = order.filter(|&unit| !known.get(unit).is_some_and(|&known| known));
        self.swept(params, x, unknown, rng)
    }

    /// Draws some units given all others, one after another.
    fn swept<'t, F: Scalar, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        order: impl Iterator<Item = usize> + Clone,
        rng: &mut R,
    ) -> Var<'t, F> {
        let (units, layout) = (self.units(), &*self.layout);
        let [w, bias] = [self.couplings, self.bias].map(|id| params.get(id).value());
        let (w, bias, before) = (w.values(), bias.values(), x.value());
        let matrix = if layout.dense { layout.matrix(w) } else { Vec::new() };
        let add = |fields: &mut [F], unit: usize, x: F| match layout.dense {
            true => add_multiple(fields, &matrix[unit * units..][..units], x),
            false => add_to_neighbours(fields, &layout.neighbours[unit], w, x),
        };
        let mut fields = vec![F::ZERO; units];
        x.tape().constant_with(x.shape(), |out| {
            out.copy_from_slice(before.values());
            for row in out.chunks_exact_mut(units) {
                fields.copy_from_slice(bias);
                for (unit, &x) in row.iter().enumerate().filter(|(_, x)| **x != F::ZERO) {
                    add(&mut fields, unit, x);
                }
                for unit in order.clone() {
                    let on = rng.bernoulli(fields[unit].to_f64().sigmoid());
                    let bit = if on { F::ONE } else { F::ZERO };
                    if bit != row[unit] {
                        add(&mut fields, unit, bit - row[unit]);
                        row[unit] = bit;
                    }
                }
            }
        })
    }

    /// $W$ above its diagonal, and zeros elsewhere.
    fn upper_triangle<'t, F: Scalar>(&self, w: Var<'t, F>) -> Var<'t, F> {
        let (tape, units) = (w.tape(), self.units());
        let zeros = tape.constant_with([units * units], |out| out.fill(F::ZERO));
        let places = self.graph().edges().iter().map(|&[a, b]| a * units + b);
        let upper = zeros.scatter_add(0, indices(tape, places), w);
        upper.expect("an edge has a place in the matrix").reshape([units, units])
    }

    /// The first or the second unit of every edge.
    fn ends<'t, F: Scalar>(&self, tape: &'t Tape<F>, end: usize) -> Var<'t, F> {
        indices(tape, self.graph().edges().iter().map(|edge| edge[end]))
    }
}

/// Adds $w_{ij} x$ to the fields of the neighbours of a unit.
fn add_to_neighbours<F: Scalar>(fields: &mut [F], neighbours: &[(u32, u32)], w: &[F], x: F) {
    for &(unit, edge) in neighbours {
        fields[unit as usize] += w[edge as usize] * x;
    }
}

/// Adds $x$ times a row of the matrix of couplings to the fields: many more neighbours in the time of one that is looked up.
fn add_multiple<F: Scalar>(fields: &mut [F], row: &[F], x: F) {
    dispatch(
        #[inline(always)]
        || {
            for (field, &w) in fields.iter_mut().zip(row) {
                *field += w * x;
            }
        },
    );
}

/// Indices as a constant, without memory of their own.
fn indices<F: Scalar>(tape: &Tape<F>, numbers: impl ExactSizeIterator<Item = usize>) -> Var<'_, F> {
    tape.constant_with([numbers.len()], |out| {
        out.iter_mut().zip(numbers).for_each(|(to, n)| *to = F::from_f64(n as f64));
    })
}

/// Some columns of rows.
#[track_caller]
fn select<'t, F: Scalar>(x: Var<'t, F>, units: Var<'t, F>) -> Var<'t, F> {
    x.index_select(-1, units).expect("every column is a unit")
}

impl<F: Scalar> Energy<F> for BoltzmannMachine {
    fn energy<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let (bias, w) = (params.get(self.bias), params.get(self.couplings));
        let pairs = if self.layout.dense {
            x.matmul(self.upper_triangle(w)).dot(x)
        } else {
            let [a, b] = [0, 1].map(|end| select(x, self.ends(params.tape(), end)));
            rows_dot(a * b, w)
        };
        -(pairs + rows_dot(x, bias))
    }
}

impl<F: Scalar> BlockGibbs<F> for BoltzmannMachine {
    /// Draws every unit once given all others, colour by colour.
    fn gibbs_sweep<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        self.gibbs_sweep_given(params, x, &[], rng)
    }

    /// The units in the opposite order: the updates of single units are reversible, so that this is the reversal of a sweep.
    fn reverse_sweep<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        self.swept(params, x, self.layout.order.iter().rev().copied(), rng)
    }
}

impl<F: Scalar> BitFlips<F> for BoltzmannMachine {
    /// $(2 x_i - 1) f_i$: as much work as one energy.
    fn flip_differences<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        (x + x - F::ONE) * self.fields(params, x)
    }
}

impl<F: Scalar> ExactPartition<F> for BoltzmannMachine {
    /// $2^m$ for $m$ units outside the largest colour.
    fn terms(&self) -> Option<usize> {
        power_of_two(self.layout.listed.len())
    }

    fn log_terms<'t>(&self, params: Bound<'t, F>, terms: Range<usize>) -> Var<'t, F> {
        let (tape, Layout { summed, listed, .. }) = (params.tape(), &*self.layout);
        let mut bits = vec![F::ZERO; listed.len()];
        let x = tape.constant_with([terms.len(), self.units()], |out| {
            out.fill(F::ZERO);
            for (row, state) in out.chunks_exact_mut(self.units()).zip(terms) {
                write_state(state, &mut bits);
                listed.iter().zip(&bits).for_each(|(&unit, &bit)| row[unit] = bit);
            }
        });
        let fields = select(self.fields(params, x), indices(tape, summed.iter().copied()));
        fields.softplus().sum_axis(-1) - self.energy(params, x)
    }
}

impl<F: Scalar> BaseModel<F> for BoltzmannMachine {
    /// Couplings of zero and the biases of [`BoltzmannMachine::set_bias`]: $\ln Z = \sum_i \mathrm{softplus}(b_i)$.
    fn set_base(&self, params: &mut Params<F>, means: &[f64]) -> f64 {
        params.get_mut(self.couplings).fill(F::ZERO);
        self.set_bias(params, means);
        params.get(self.bias).iter().map(|b| b.to_f64().softplus()).sum()
    }
}

#[cfg(test)]
mod tests;
