//! Energy discrepancy (Schröder, Ou, Lim, Li, Vollmer and Duncan 2023).

use super::criterion::{constant, flipped, maximized};
use crate::estimator::{Claim, Estimator, Query};
use crate::target::Target;
use crate::work::Work;
use pathscore_autodiff::{Scalar, Tape, Var};
use pathscore_models::{Energy, RandomSource};

/// Energy discrepancy: the energy of the data against that of the data seen through noise (Schröder et al. 2023).
///
/// With $Q(y \mid x)$, which flips each bit with probability $\varepsilon$ on its own, and the energy of the blurred model,
/// $$\mathrm{ED} = E_{p_d} E(x) - E_{Q p_d} E_Q(y), \qquad E_Q(y) = -\ln \sum_x Q(y \mid x) e^{-E(x)},$$
/// which is $\mathrm{KL}(p_d \Vert p) - \mathrm{KL}(Q p_d \Vert Q p)$ plus a constant: no partition function, no chain and no
/// score. It is estimated from $M$ neighbours $x_j' = x \oplus \xi \oplus \xi_j'$ of each row, where $\xi$ and $\xi_j'$ flip
/// bits with probability $\varepsilon$,
/// $$\mathrm{ED} \approx \frac1B \sum_b \left[ \ln\left(w + \sum_{j=1}^M e^{E(x_b) - E(x_{b,j}^\prime)}\right) - \ln M \right]$$
/// and minimised: the value is minus this, summed over the batch and averaged over the samples of the query. The derivative of
/// a term is the mean of $\nabla E(x) - \nabla E(x_j')$ under weights proportional to $e^{E(x) - E(x_j')}$; $w$ takes its
/// part of them, which bounds the gradient where all neighbours are improbable.
///
/// It is *biased* for $\ln p(x)$: by the choice of $\varepsilon$ ([`ExactEnergyDiscrepancy`] has this bias alone), and by
/// $O(1/M)$ and $w / M$ for the estimate. At $\varepsilon = \frac12$ all memory of $x$ is lost, and it is maximum likelihood
/// by importance sampling from uniform bits; small $\varepsilon$ sees only near states, as
/// [`MinimumProbabilityFlow`](super::MinimumProbabilityFlow) does. It costs $1 + M$ energies of each row and sample.
///
/// ```
/// use pathscore_estimators::{Estimator, Query, Work, energy::EnergyDiscrepancy};
/// use pathscore_models::{Params, energy::Rbm, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = Rbm::new(&mut params, 4, 3, rng);
/// let estimator = EnergyDiscrepancy { flip: 0.1, neighbours: 32, stabiliser: 0.0 };
/// let query = Query::new(&model, &params, &[1.0, 0.0, 0.0, 1.0], 1);
/// // Almost without weights all energies are equal.
/// assert!(estimator.estimate(query, rng, &mut work).abs() < 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnergyDiscrepancy {
    /// $\varepsilon$, the probability with which noise flips a bit, above 0 and at most ½.
    pub flip: f64,
    /// $M$.
    pub neighbours: usize,
    /// $w$, not negative.
    pub stabiliser: f64,
}

impl Default for EnergyDiscrepancy {
    /// $\varepsilon = 0.1$, and the $M = 32$ and $w = 1$ of the paper.
    fn default() -> Self {
        Self { flip: 0.1, neighbours: 32, stabiliser: 1.0 }
    }
}

/// Energy discrepancy by a sum over all states: see [`EnergyDiscrepancy`], of which this is the limit $M \to \infty$.
///
/// Noise acts on each bit alone, so that $E_Q$ takes one pass over the states for each of the $n$ columns, in which pairs of
/// states are mixed, $\ln(\dots) \leftarrow \ln[(1 - \varepsilon) e^{u(x)} + \varepsilon e^{u(x^i)}]$. Nothing is random: it
/// is exact for the discrepancy, and *biased* for $\ln p(x)$ by the choice of $\varepsilon$ alone; at ½ it is maximum
/// likelihood, and the value is $\ln p(x)$ up to a constant. It costs $2^n$ energies and $n 2^n$ numbers of memory.
///
/// # Panics
/// If there are more than 16 columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExactEnergyDiscrepancy {
    /// $\varepsilon$, the probability with which noise flips a bit, above 0 and at most ½.
    pub flip: f64,
}

/// The most columns whose states are listed.
const MOST_COLUMNS: usize = 16;

/// Panics if a probability is not one of a flip.
fn expect_flip(flip: f64) {
    assert!(
        flip > 0.0 && flip <= 0.5,
        "energy discrepancy: bits are flipped with probability {flip}"
    );
}

impl<F: Scalar, M: Energy<F>> Estimator<F, M> for EnergyDiscrepancy {
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn reports_target(&self) -> bool {
        false
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let &Self { flip, neighbours, stabiliser } = self;
        expect_flip(flip);
        assert!(neighbours > 0 && stabiliser >= 0.0, "energy discrepancy: {self:?}");
        let Query { model, batch, samples, .. } = query;
        maximized(&query, work, |params, x| {
            let (tape, columns) = (params.tape(), x.size() / batch.max(1));
            let rows = samples * batch;
            let probability = constant(tape, [1, 1], [flip].into_iter()).reshape([1]);
            let noise = rng.bernoulli_var(probability, [samples, batch, columns].into());
            let back = rng.bernoulli_var(probability, [neighbours, samples, batch, columns].into());
            let near = flipped(flipped(x, noise), back).reshape([neighbours * rows, columns]);
            let of_neighbours = model.energy(params, near).reshape([neighbours, samples, batch]);
            let differences = model.energy(params, x) - of_neighbours;
            let log_sum = match stabiliser > 0.0 {
                true => {
                    let log_w = [stabiliser.ln()].into_iter().cycle();
                    let log_w =
                        constant(tape, [samples, batch], log_w).reshape([1, samples, batch]);
                    Var::concat(&[differences, log_w], 0).log_sum_exp(0)
                }
                false => differences.log_sum_exp(0),
            };
            (log_sum - F::from_f64((neighbours as f64).ln())) * F::from_f64(-1.0 / samples as f64)
        })
    }
}

impl<F: Scalar, M: Energy<F>> Estimator<F, M> for ExactEnergyDiscrepancy {
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn reports_target(&self) -> bool {
        false
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, _: &mut R, work: &mut Work<F>) -> F {
        expect_flip(self.flip);
        let Query { model, x, batch, .. } = query;
        let columns = x.len() / batch.max(1);
        assert!(
            columns <= MOST_COLUMNS,
            "energy discrepancy by all states: {columns} columns are more than {MOST_COLUMNS}"
        );
        maximized(&query, work, |params, x| {
            let tape = params.tape();
            let states = states(tape, columns);
            let mut log_mixed = -model.energy(params, states);
            for bit in 0..columns {
                log_mixed = mixed(log_mixed, bit, self.flip);
            }
            // The share of each state in the rows after noise.
            let mut shares = vec![0.0; 1 << columns];
            x.with(|x| x.chunks_exact(columns).for_each(|row| shares[index(row)] += 1.0));
            for bit in 0..columns {
                blur(&mut shares, bit, self.flip);
            }
            let shares =
                constant(tape, [1, 1 << columns], shares.into_iter()).reshape([1 << columns]);
            -(model.energy(params, x).sum() + (shares * log_mixed).sum())
        })
    }
}

/// All states of so many bits, the first bit varying fastest.
fn states<F: Scalar>(tape: &Tape<F>, columns: usize) -> Var<'_, F> {
    let bits = (0..1_usize << columns).flat_map(|state| (0..columns).map(move |i| state >> i & 1));
    constant(tape, [1 << columns, columns], bits.map(|bit| bit as f64))
}

/// The index of a row among all states.
fn index<F: Scalar>(row: &[F]) -> usize {
    row.iter().enumerate().map(|(bit, &on)| usize::from(on > F::from_f64(0.5)) << bit).sum()
}

/// $\ln[(1 - \varepsilon) e^{u(x)} + \varepsilon e^{u(x^i)}]$ for every state $x$ and one bit $i$.
fn mixed<F: Scalar>(u: Var<'_, F>, bit: usize, flip: f64) -> Var<'_, F> {
    let size = u.size();
    let pairs = u.reshape([size >> (bit + 1), 2, 1 << bit]);
    let (stay, go) = (F::from_f64((1.0 - flip).ln()), F::from_f64(flip.ln()));
    (pairs + stay).log_add_exp(pairs.flip(1) + go).reshape([size])
}

/// Flips one bit of every state with probability $\varepsilon$.
fn blur(shares: &mut [f64], bit: usize, flip: f64) {
    for pair in shares.chunks_exact_mut(2 << bit) {
        let (off, on) = pair.split_at_mut(1 << bit);
        for (off, on) in off.iter_mut().zip(on) {
            let moved = flip * (*off - *on);
            *off -= moved;
            *on += moved;
        }
    }
}
