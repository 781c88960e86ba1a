//! Conditional importance sampling, alone and as a pair of coupled chains.

use super::latent::LatentPosterior;
use super::{Info, LogDensity, Position, Sampler};
use pathscore_autodiff::Scalar;
use pathscore_models::RandomSource;
use pathscore_models::latent::LatentModel;

/// A target with independent draws from an approximation $q$, and their importance weights.
///
/// A [`LatentPosterior`] has the posterior $q(z \mid x)$ of its model.
pub trait WeightedDraws: LogDensity {
    /// Draws positions from $q$, one after another, into `positions`, and writes $\ln w = \ell - \ln q$ of each.
    ///
    /// # Panics
    /// If there are not [`LogDensity::dim`] numbers for each log-weight.
    fn draw_weighted<R: RandomSource>(
        &self,
        positions: &mut [f64],
        log_weights: &mut [f64],
        source: &mut R,
    );

    /// $\ln w$ at a position.
    fn log_weight(&self, position: &[f64]) -> f64;
}

/// Conditional importance sampling (Andrieu, Lee and Vihola 2018, "iterated SIR"; Naesseth, Lindsten and Blei 2020): the
/// current position enters a set of $K - 1$ fresh draws from $q$, and the next one is chosen among all $K$ with the
/// probabilities
///
/// $$\tilde w_k = \frac{w_k}{\sum_j w_j}, \qquad w = \frac{\pi}{q}.$$
///
/// It leaves $\pi$ invariant for every $K \ge 2$: if $z_1 \sim \pi$ and the others are drawn from $q$, the place of the one with law
/// $\pi$ among them has the probabilities $\tilde w$, whatever it was. Without the current position it would be plain
/// importance resampling, whose law lies between $q$ and $\pi$. It works for latents of any kind and needs no gradient and no
/// scale. If $W$ bounds $w/E_q w$, a step forgets its start with a probability of at least $(K - 1)/(2W + K - 2)$; with
/// unbounded weights a chain may stay at a rare position for very long.
///
/// ```
/// use pathscore_estimators::samplers::{ConditionalImportance, LatentPosterior, Options, chains};
/// use pathscore_models::{Params, latent::LinearGaussian, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let mut params = Params::<f64>::new();
/// let model = LinearGaussian::new(&mut params, [0.0, 0.0, 1.5, 0.2], 0.5, rng);
/// let posterior = LatentPosterior::new(&model, &params, &[1.0]);
/// let draws = chains(&ConditionalImportance { draws: 10 }, &posterior, &vec![vec![0.0]; 4], Options::default());
/// let mean = draws.estimate(|z| z[0]);
/// assert!((mean.mean - 0.436364).abs() < 5.0 * mean.standard_error && mean.standard_error < 0.02);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "i-SIR")]
#[doc(alias = "CIS")]
pub struct ConditionalImportance {
    /// $K$, the number of candidates, the current position among them; at least two.
    pub draws: usize,
}

/// The position of a chain of [`ConditionalImportance`], and memory for its candidates.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    position: Vec<f64>,
    log_weight: f64,
    /// The fresh draws of the last step, one after another.
    positions: Vec<f64>,
    /// Their log-weights.
    log_weights: Vec<f64>,
    /// The probabilities of the last step: of the position before it, then of the fresh draws.
    shares: Vec<f64>,
}

impl Candidates {
    /// The probabilities with which the last step chose: that of the position before it, then those of the fresh draws. There
    /// are none before the first step.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// $\ln w$ at the position.
    pub fn log_weight(&self) -> f64 {
        self.log_weight
    }

    /// A fresh draw of the last step, counted from zero.
    ///
    /// # Panics
    /// If there is none.
    pub fn draw(&self, at: usize) -> &[f64] {
        let dim = self.position.len();
        &self.positions[at * dim..][..dim]
    }

    /// Computes the probabilities with these fresh draws. If every weight is zero the position stays; if one is NaN all are.
    fn share(&mut self, log_weights: &[f64]) {
        let Self { log_weight, shares, .. } = self;
        shares.clear();
        shares.push(*log_weight);
        shares.extend(log_weights);
        into_shares(shares);
    }

    /// Moves to a candidate; the first is the position itself.
    fn choose(&mut self, at: usize, positions: &[f64], log_weights: &[f64]) {
        if let Some(draw) = at.checked_sub(1) {
            let dim = self.position.len();
            self.position.copy_from_slice(&positions[draw * dim..][..dim]);
            self.log_weight = log_weights[draw];
        }
    }
}

impl Position for Candidates {
    fn position(&self) -> &[f64] {
        &self.position
    }
}

/// Replaces log-weights by their normalised weights: all of it on the first if every weight is zero, NaN if one is.
pub(crate) fn into_shares(log_weights: &mut [f64]) {
    if log_weights.iter().any(|f| f.is_nan()) {
        return log_weights.fill(f64::NAN);
    }
    let top = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if top == f64::NEG_INFINITY {
        log_weights.fill(0.0);
        log_weights[0] = 1.0;
        return;
    }
    // Infinite weights are equally large.
    let weight = |f: f64| if f == top { 1.0 } else { (f - top).exp() };
    log_weights.iter_mut().for_each(|f| *f = weight(*f));
    let sum: f64 = log_weights.iter().sum();
    log_weights.iter_mut().for_each(|w| *w /= sum);
}

impl ConditionalImportance {
    /// Draws the candidates of a step into the memory of a chain.
    fn propose<T: WeightedDraws + ?Sized, R: RandomSource>(
        self,
        target: &T,
        state: &mut Candidates,
        source: &mut R,
    ) {
        let (fresh, dim) = (self.draws - 1, state.position.len());
        let Candidates { positions, log_weights, .. } = state;
        positions.resize(fresh * dim, 0.0);
        log_weights.resize(fresh, 0.0);
        target.draw_weighted(positions, log_weights, source);
    }

    /// Moves two chains at once with the same fresh draws, and returns true if they are at the same position then
    /// (Ruiz, Titsias, Cemgil and Doucet 2021).
    ///
    /// Each chain alone makes a [`Sampler::step`]. The two choices are coupled maximally: with the probability $\sum_k \min(\tilde w_k,
    /// \tilde w'_k)$ both choose the same candidate, with probabilities proportional to the minima, and otherwise each by what is
    /// left of its own probabilities. If it is a fresh draw, the chains have met, and stay together from then on.
    ///
    /// ```
    /// use pathscore_estimators::samplers::{ConditionalImportance, LatentPosterior, Position, Sampler};
    /// use pathscore_models::{Params, latent::SmallBelief, seed};
    /// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    /// let mut params = Params::<f64>::new();
    /// let model = SmallBelief::known(&mut params, rng);
    /// let target = LatentPosterior::new(&model, &params, &[1.0, 0.0, 1.0]);
    /// let sampler = ConditionalImportance { draws: 5 };
    /// let mut pair = [[0.0, 0.0], [1.0, 1.0]].map(|z| sampler.init(&target, &z, rng));
    /// while !sampler.coupled_step(&target, &mut pair, rng) {}
    /// assert!(sampler.coupled_step(&target, &mut pair, rng));
    /// assert_eq!(pair[0].position(), pair[1].position());
    /// ```
    pub fn coupled_step<T: WeightedDraws + ?Sized, R: RandomSource>(
        &self,
        target: &T,
        states: &mut [Candidates; 2],
        source: &mut R,
    ) -> bool {
        let [one, other] = states;
        self.propose(target, one, source);
        let Candidates { positions, log_weights, .. } = &mut *one;
        let (positions, log_weights) = (std::mem::take(positions), std::mem::take(log_weights));
        one.share(&log_weights);
        other.share(&log_weights);
        let [a, b] = coupled(&one.shares, &other.shares, source);
        one.choose(a, &positions, &log_weights);
        other.choose(b, &positions, &log_weights);
        (one.positions, one.log_weights) = (positions, log_weights);
        one.position == other.position
    }
}

/// Two indices with the probabilities `a` and `b`, equal as often as possible.
fn coupled<R: RandomSource>(a: &[f64], b: &[f64], source: &mut R) -> [usize; 2] {
    // Probabilities that are NaN belong to no choice; the positions stay.
    if a.iter().chain(b).any(|p| p.is_nan()) {
        return [0, 0];
    }
    let common: f64 = a.iter().zip(b).map(|(a, b)| a.min(*b)).sum();
    let index = |p: &dyn Fn(f64, f64) -> f64, total: f64, a: &[f64], b: &[f64], source: &mut R| {
        let mut probs = smallvec::SmallVec::<[f64; 32]>::new();
        probs.extend(a.iter().zip(b).map(|(a, b)| p(*a, *b) / total));
        source.categorical(&probs)
    };
    if source.bernoulli(common.min(1.0)) {
        return [index(&|a, b| a.min(b), common, a, b, source); 2];
    }
    let rest = |p: f64, q: f64| (p - q).max(0.0);
    [(a, b), (b, a)].map(|(p, q)| {
        let left: f64 = p.iter().zip(q).map(|(p, q)| rest(*p, *q)).sum();
        index(&rest, left, p, q, source)
    })
}

impl<T: WeightedDraws + ?Sized> Sampler<T> for ConditionalImportance {
    type State = Candidates;

    fn init<R: RandomSource>(&self, target: &T, position: &[f64], _: &mut R) -> Candidates {
        let (found, dim, draws) = (position.len(), target.dim(), self.draws);
        assert!(found == dim, "init: {found} coordinates for a target of dimension {dim}");
        assert!(draws >= 2, "conditional importance sampling: {draws} candidates; two are least");
        let log_weight = target.log_weight(position);
        Candidates { position: position.to_vec(), log_weight, ..Candidates::default() }
    }

    fn restart<R: RandomSource>(
        &self,
        target: &T,
        position: &[f64],
        state: &mut Candidates,
        _: &mut R,
    ) {
        state.position.copy_from_slice(position);
        state.log_weight = target.log_weight(position);
    }

    /// The step is accepted if a fresh draw was chosen; the energy error is zero.
    fn step<R: RandomSource>(&self, target: &T, state: &mut Candidates, source: &mut R) -> Info {
        self.propose(target, state, source);
        let Candidates { positions, log_weights, .. } = &mut *state;
        let (positions, log_weights) = (std::mem::take(positions), std::mem::take(log_weights));
        state.share(&log_weights);
        let non_finite = state.shares[0].is_nan();
        let at = if non_finite { 0 } else { source.categorical(&state.shares) };
        let acceptance_probability = if non_finite { 0.0 } else { 1.0 - state.shares[0] };
        state.choose(at, &positions, &log_weights);
        (state.positions, state.log_weights) = (positions, log_weights);
        Info { accepted: at > 0, acceptance_probability, non_finite, ..Info::always(0) }
    }
}

impl<F: Scalar, M: LatentModel<F>> WeightedDraws for LatentPosterior<'_, F, M> {
    fn draw_weighted<R: RandomSource>(
        &self,
        positions: &mut [f64],
        log_weights: &mut [f64],
        source: &mut R,
    ) {
        self.draw(positions, log_weights, source);
    }

    fn log_weight(&self, position: &[f64]) -> f64 {
        self.log_prob(position) - self.log_q(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Enumerator;

    #[test]
    fn coupled_indices_have_their_probabilities_and_meet_as_often_as_possible() {
        let (a, b) = ([0.5, 0.2, 0.3, 0.0], [0.1, 0.6, 0.25, 0.05]);
        let (mut of_a, mut of_b, mut equal) = ([0.0; 4], [0.0; 4], 0.0);
        Enumerator::for_each(0, 1 << 10, |source| {
            let [i, j] = coupled(&a, &b, source);
            let p = source.probability();
            of_a[i] += p;
            of_b[j] += p;
            equal += if i == j { p } else { 0.0 };
        });
        let near = |x: &[f64], y: &[f64]| x.iter().zip(y).all(|(x, y)| (x - y).abs() < 1e-15);
        assert!(near(&of_a, &a) && near(&of_b, &b), "{of_a:?} {of_b:?}");
        assert!((equal - (0.1 + 0.2 + 0.25)).abs() < 1e-15, "{equal}");
        // Equal probabilities leave nothing for a second choice.
        Enumerator::for_each(0, 1 << 10, |source| {
            let [i, j] = coupled(&a, &a, source);
            assert_eq!(i, j);
        });
    }

    #[test]
    fn shares_are_defined_for_weights_at_the_edges() {
        let shares = |log_weights: &[f64]| {
            let mut shares = log_weights.to_vec();
            into_shares(&mut shares);
            shares
        };
        let none = f64::NEG_INFINITY;
        assert_eq!(shares(&[1000.0, 1000.0, none]), [0.5, 0.5, 0.0]);
        assert_eq!(shares(&[none, none]), [1.0, 0.0]);
        assert_eq!(shares(&[0.0, f64::INFINITY, f64::INFINITY]), [0.0, 0.5, 0.5]);
        assert!(shares(&[0.0, f64::NAN]).iter().all(|p| p.is_nan()));
    }
}
