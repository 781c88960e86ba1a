//! Mistakes in the criteria of energy-based models.

use super::problems::{machine, sigmoid};
use super::specimen::{About, Specimen};
use crate::energy::{ContrastiveDivergence, UnbiasedContrastiveDivergence};
use crate::enumerator::Enumerator;
use crate::estimator::{Claim, Estimator, Query, record_stats};
use crate::proof::{Applied, Effect, EnergyBased, Expectation, Gradient, Problem, Solved};
use crate::samplers::{normalised, rows_of_bits};
use crate::target::Target;
use crate::work::Work;
use pathscore_autodiff::Scalar;
use pathscore_models::energy::Rbm;
use pathscore_models::{BlockGibbs, Energy, RandomSource};
use std::sync::Arc;

/// Zoo 23 and 24: the negative phase from independent draws of the model itself, as chains have them that have run for ever.
///
/// $$-\sum_b \nabla E(x_b) + \frac Bn \sum_{i=1}^n \nabla E(y_i), \qquad y_i \sim p$$
///
/// is unbiased. Each mistake makes one change.
#[derive(Clone, Copy, Debug)]
pub struct ModelDraws {
    /// $n$, the number of draws.
    pub draws: usize,
    /// The mistake, if there is one.
    pub mistake: Option<PhaseMistake>,
}

/// A mistake in the two phases of the gradient of an energy-based model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhaseMistake {
    /// Both phases are divided by the number of rows, although there are other numbers of chains.
    OneDivisor,
    /// The phases are exchanged: energies are lowered where the model is, and raised at the data.
    Exchanged,
    /// The last sweep of the chains stays on the tape: the draws' slopes with respect to the parameters, those of the
    /// probabilities they were drawn with, enter the gradient.
    OnTape,
}

impl Estimator<f64, Rbm> for ModelDraws {
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn reports_target(&self) -> bool {
        false
    }

    fn estimate<R: RandomSource>(
        &self,
        query: Query<f64, Rbm>,
        rng: &mut R,
        work: &mut Work<f64>,
    ) -> f64 {
        let Query { model, batch, scale, .. } = query;
        work.tape.clear();
        let Work { tape, grads, stats, .. } = work;
        let (params, x) = (query.params.on(tape), query.rows(tape));
        let columns = model.visible();
        let states = rows_of_bits(columns);
        let every = tape.constant(&states.concat(), [states.len(), columns]);
        let p = normalised((-model.energy(params, every)).value().values());
        let chosen = (0..self.draws).flat_map(|_| states[rng.categorical(&p)].iter().copied());
        let before = tape.constant(&chosen.collect::<Vec<f64>>(), [self.draws, columns]);
        // A sweep leaves the model's distribution as it is.
        let negative = match self.mistake {
            Some(PhaseMistake::OnTape) => {
                let hidden = model.hidden_probs(params, before);
                let h = rng.bernoulli_var(hidden.detach(), hidden.shape());
                let visible = model.visible_probs(params, h);
                let drawn = rng.bernoulli_var(visible.detach(), visible.shape());
                drawn + visible - visible.detach()
            }
            _ => model.gibbs_sweep(params, before, rng),
        };
        let (of_rows, of_draws) =
            (model.energy(params, x).sum(), model.energy(params, negative).sum());
        let (rows, draws) = (batch as f64, self.draws as f64);
        let [positive, negative] = match self.mistake {
            Some(PhaseMistake::OneDivisor) => [-scale, scale],
            Some(PhaseMistake::Exchanged) => [scale, -scale * rows / draws],
            _ => [-scale, scale * rows / draws],
        };
        tape.pull_into(&[(of_rows, &[positive]), (of_draws, &[negative])], &[], grads);
        record_stats(stats, batch, of_draws.item() * rows / draws - of_rows.item())
    }
}

/// Unbiased contrastive divergence whose sums are cut after some sweeps, and which claims to be unbiased all the same
/// (cdtau cuts after a hundred). The mean is that of contrastive divergence with as many sweeps.
#[derive(Clone, Copy, Debug)]
pub struct SilentlyCut(
    /// The estimator, with a number of sweeps after which sums are cut.
    pub UnbiasedContrastiveDivergence,
);

impl<F: Scalar, M: BlockGibbs<F>> Estimator<F, M> for SilentlyCut {
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn reports_target(&self) -> bool {
        false
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        self.0.estimate(query, rng, work)
    }
}

/// Zoo 26: noise-contrastive estimation of four states, whose energies and $c$ are free parameters, from $\nu = 2$ draws of
/// uniform noise for each row; with or without $\ln \nu$ in $G(u) = -E_u - c - \ln(\nu p_n(u))$.
#[derive(Clone, Copy, Debug)]
pub struct NoiseOdds {
    /// $E_0, \dots, E_3$ and $c$.
    pub at: [f64; 5],
    /// True if $\ln \nu$ is part of the log-odds.
    pub log_ratio: bool,
}

/// The shares of the four states in the data, and $\nu$.
const SHARES: [f64; 4] = [0.5, 0.25, 0.25, 0.0];
const NOISE_RATIO: usize = 2;

impl NoiseOdds {
    /// $G(u)$.
    fn log_odds(at: &[f64], state: usize, log_ratio: bool) -> f64 {
        let ratio = if log_ratio { NOISE_RATIO as f64 } else { 1.0 };
        -at[state] - at[4] - (ratio * 0.25).ln()
    }

    /// $\sum_u p_d(u) \ln \sigma(G(u)) + \sum_y \ln \sigma(-G(y))$ over the data and the draws of noise.
    fn value(at: &[f64], log_ratio: bool, source: &mut Enumerator) -> f64 {
        let log_odds = |state| Self::log_odds(at, state, log_ratio);
        let of_data = |(state, share)| share * sigmoid(log_odds(state)).ln();
        let data: f64 = SHARES.into_iter().enumerate().map(of_data).sum();
        let noise =
            (0..NOISE_RATIO).map(|_| sigmoid(-log_odds(source.categorical(&[0.25; 4]))).ln());
        data + noise.sum::<f64>()
    }
}

impl Gradient for NoiseOdds {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        out.fill(0.0);
        let mut add = |state: usize, slope: f64| {
            out[state] -= slope;
            out[4] -= slope;
        };
        let log_odds = |state| Self::log_odds(&self.at, state, self.log_ratio);
        for (state, share) in SHARES.into_iter().enumerate() {
            add(state, share * sigmoid(-log_odds(state)));
        }
        for _ in 0..NOISE_RATIO {
            let state = source.categorical(&[0.25; 4]);
            add(state, -sigmoid(log_odds(state)));
        }
        None
    }
}

/// The pseudo-likelihood of a row of three connected bits, $\sum_i \ln \sigma(\Delta_i)$, in wrong forms and right ones.
#[derive(Clone, Copy, Debug)]
pub struct ThreeBits {
    /// The biases of the three bits, and the couplings of the first and second, first and third, second and third bit.
    pub at: [f64; 6],
    /// The form.
    pub form: PseudoLikelihoodForm,
}

/// A form of the gradient of a pseudo-likelihood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PseudoLikelihoodForm {
    /// The sum over all bits.
    All,
    /// The sum of $\ln(\sigma(\Delta_i) + 10^{-10})$, which bounds the value and lets the gradient of improbable bits
    /// vanish.
    Epsilon,
    /// A random bit, times the number of bits.
    OneBit,
    /// A random bit, without the factor.
    OneBitUnscaled,
}

/// The row, of which the last bit is improbable.
const ROW: [f64; 3] = [1.0, 0.0, 1.0];
const PAIRS: [[usize; 2]; 3] = [[0, 1], [0, 2], [1, 2]];

impl ThreeBits {
    /// $\Delta_i = E(x^i) - E(x)$ with $E(x) = -\sum_i b_i x_i - \sum_{i \lt j} J_{ij} x_i x_j$.
    fn difference(at: &[f64], bit: usize) -> f64 {
        Self::slopes(bit).iter().zip(at).map(|(slope, at)| slope * at).sum()
    }

    /// The derivative of $\Delta_i$, which is linear in the parameters.
    fn slopes(bit: usize) -> [f64; 6] {
        let mut slopes = [0.0; 6];
        let step = 2.0 * ROW[bit] - 1.0;
        slopes[bit] = step;
        for (pair, [a, b]) in PAIRS.into_iter().enumerate() {
            if a == bit || b == bit {
                slopes[3 + pair] = step * ROW[a + b - bit];
            }
        }
        slopes
    }
}

impl Gradient for ThreeBits {
    fn claim(&self) -> Claim {
        match self.form {
            PseudoLikelihoodForm::All | PseudoLikelihoodForm::Epsilon => Claim::Exact,
            _ => Claim::Unbiased,
        }
    }

    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        use PseudoLikelihoodForm::{All, Epsilon, OneBit, OneBitUnscaled};
        let (first, last, factor) = match self.form {
            All | Epsilon => (0, 3, 1.0),
            OneBit | OneBitUnscaled => {
                let bit = source.categorical(&[1.0 / 3.0; 3]);
                (bit, bit + 1, if self.form == OneBit { 3.0 } else { 1.0 })
            }
        };
        out.fill(0.0);
        for bit in first..last {
            let difference = Self::difference(&self.at, bit);
            let (on, off) = (sigmoid(difference), sigmoid(-difference));
            let slope = if self.form == Epsilon { on * off / (on + 1e-10) } else { off };
            let slopes = Self::slopes(bit);
            out.iter_mut().zip(slopes).for_each(|(out, of_bit)| *out += factor * slope * of_bit);
        }
        None
    }
}

/// The mistakes of energy-based models, each with its problem and its fix.
pub(super) fn specimens() -> Vec<Specimen> {
    let (batch, one) = (Arc::new(machine(3)), Arc::new(machine(1)));
    let draws = |mistake| ModelDraws { draws: 1, mistake };
    let bits = |form| ThreeBits { at: [0.4, -0.3, -28.0, 0.7, 1.1, -0.6], form };
    let noise = |log_ratio| NoiseOdds { at: [0.3, -0.2, 0.9, 0.1, 1.2], log_ratio };
    let ucd = UnbiasedContrastiveDivergence { burn_in: 0, most: None };
    vec![
        About {
            number: 23,
            name: "one-divisor",
            wrong: "both phases are divided by the number of rows, and the chains are fewer",
            source: "scikit-learn, BernoulliRBM: a short last batch",
            evidence: "the negative phase is divided by the number of rows",
        }
        .on(
            one_divisor(&batch),
            Applied::new(&batch, draws(Some(PhaseMistake::OneDivisor))),
            Applied::new(&batch, draws(None)),
        ),
        About {
            number: 24,
            name: "chains-on-tape",
            wrong: "the last sweep of the chains stays on the tape",
            source: "a detach forgotten",
            evidence: "the slopes of the chains' probabilities",
        }
        .on(
            on_tape(&one),
            Applied::new(&one, draws(Some(PhaseMistake::OnTape))),
            Applied::new(&one, draws(None)),
        ),
        About {
            number: 26,
            name: "nce-no-nu",
            wrong: "noise-contrastive estimation without ln ν",
            source: "common",
            evidence: "ln ν is missing: c is off by it",
        }
        .on(noise_odds(noise(true).at), noise(false), noise(true)),
        About {
            number: 31,
            name: "phases-exchanged",
            wrong: "the phases of the gradient are exchanged",
            source: "scikit-learn #11153: a sign in its documentation",
            evidence: "the sign is wrong",
        }
        .on(
            (*one).clone(),
            Applied::new(&one, draws(Some(PhaseMistake::Exchanged))),
            Applied::new(&one, draws(None)),
        ),
        About {
            number: 32,
            name: "pl-epsilon",
            wrong: "ln(σ(Δ) + ε): the gradient of improbable bits vanishes",
            source: "learnergy",
            evidence: "ε inside the logarithm",
        }
        .on(
            pseudo_likelihood(bits(PseudoLikelihoodForm::All)),
            bits(PseudoLikelihoodForm::Epsilon),
            bits(PseudoLikelihoodForm::All),
        ),
        About {
            number: 35,
            name: "pl-one-bit",
            wrong: "pseudo-likelihood of one random bit without the number of bits",
            source: "scikit-learn #23179",
            evidence: "1/n: a random bit without the factor n",
        }
        .on(
            pseudo_likelihood(bits(PseudoLikelihoodForm::All)),
            bits(PseudoLikelihoodForm::OneBitUnscaled),
            bits(PseudoLikelihoodForm::OneBit),
        ),
        About {
            number: 36,
            name: "ucd-cut",
            wrong: "unbiased contrastive divergence cut after a sweep, and called unbiased",
            source: "cdtau, with a hundred sweeps",
            evidence: "contrastive divergence with as many sweeps",
        }
        .on(
            cut(&one),
            Applied::new(&one, SilentlyCut(UnbiasedContrastiveDivergence { most: Some(1), ..ucd })),
            Applied::new(&one, ucd),
        ),
    ]
}

/// A problem solved, with the negative phase counted once for each chain and not for each row.
fn one_divisor(problem: &Arc<EnergyBased<Rbm>>) -> Solved {
    let solved = Solved::of(&**problem).expect("a sum over sixteen states is exact");
    let negative = solved.known_mistakes.iter().find_map(|mistake| match &mistake.effect {
        Effect::Term(term) if mistake.what == "the negative phase" => Some(term.clone()),
        _ => None,
    });
    let negative = negative.expect("the negative phase is a term of the gradient");
    // One chain and B rows: the negative phase is B times too small.
    let part = 1.0 - 1.0 / problem.batch as f64;
    let gradient = solved.truth.gradient.iter().zip(&negative);
    let instead = gradient.map(|(gradient, negative)| gradient - part * negative).collect();
    solved.with_mistake(
        "the negative phase is divided by the number of rows",
        Effect::Instead(instead),
    )
}

/// The mean of an estimator on a problem, over all that it can draw.
fn mean_of<E: Estimator<f64, Rbm> + Send>(
    problem: &Arc<EnergyBased<Rbm>>,
    estimator: E,
) -> Vec<f64> {
    let mut mean = vec![0.0; problem.params.len()];
    let (mut applied, mut one) = (Applied::new(problem, estimator), mean.clone());
    Enumerator::for_each(0, 1 << 12, |source| {
        applied.draw(source, &mut one);
        mean.iter_mut().zip(&one).for_each(|(mean, g)| *mean += source.probability() * g);
    });
    mean
}

/// A problem solved, with the gradient of contrastive divergence.
fn cut(problem: &Arc<EnergyBased<Rbm>>) -> Solved {
    let cd = mean_of(problem, ContrastiveDivergence { sweeps: 1 });
    let what = "the mean is that of contrastive divergence with as many sweeps";
    let solved = Solved::of(&**problem).expect("a sum over sixteen states is exact");
    solved.with_mistake(what, Effect::Instead(cd))
}

/// A problem solved, with the slopes that a sweep on the tape adds, summed over all draws.
fn on_tape(problem: &Arc<EnergyBased<Rbm>>) -> Solved {
    let solved = Solved::of(&**problem).expect("a sum over sixteen states is exact");
    let wrong = ModelDraws { draws: 1, mistake: Some(PhaseMistake::OnTape) };
    let mean = mean_of(problem, wrong);
    let beside = mean.iter().zip(&solved.truth.gradient).map(|(mean, g)| mean - g).collect();
    solved.with_mistake("the slopes of the chains' probabilities", Effect::Beside(beside))
}

/// The mean of the objective of noise-contrastive estimation, with the mistake of a missing $\ln \nu$.
fn noise_odds(at: [f64; 5]) -> Solved {
    let objective = |log_ratio| {
        let value =
            move |at: &[f64], source: &mut Enumerator| NoiseOdds::value(at, log_ratio, source);
        Solved::of(&Expectation::new("nce of four states", &at, value))
            .expect("a sum over sixteen outcomes is exact")
    };
    let without = objective(false).truth.gradient;
    objective(true).with_mistake("ln ν is missing: c is off by it", Effect::Instead(without))
}

/// The gradient of the pseudo-likelihood of three bits, with its mistakes.
fn pseudo_likelihood(bits: ThreeBits) -> Solved {
    let of = |epsilon: f64| {
        let value = move |at: &[f64], _: &mut Enumerator| {
            let log = |bit| match epsilon > 0.0 {
                true => (sigmoid(ThreeBits::difference(at, bit)) + epsilon).ln(),
                // ln σ(x), also where σ(x) is so small that its digits are lost.
                false => -(-ThreeBits::difference(at, bit)).exp().ln_1p(),
            };
            (0..3).map(log).sum()
        };
        Expectation::new("three bits: ln PL", &bits.at, value)
    };
    let with_epsilon = of(1e-10).truth().map(|truth| truth.gradient);
    let mut solved = Solved::of(&of(0.0)).expect("there is one outcome");
    if let Ok(gradient) = with_epsilon {
        solved = solved.with_mistake("ε inside the logarithm", Effect::Instead(gradient));
    }
    solved.with_mistake("1/n: a random bit without the factor n", Effect::Factor(1.0 / 3.0))
}
