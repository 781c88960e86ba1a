//! Mistakes of Markov chains on bits, and of weights of annealing.

use super::specimen::{About, Specimen};
use crate::enumerator::Enumerator;
use crate::proof::{Effect, Gradient, Known, Solved, known_machine};
use crate::samplers::{
    Differentiable, Flips, GibbsBits, GradientFlips, Heated, LogDensity, Sampler, normalised,
    rows_of_bits,
};
use pathscore_autodiff::{Real, Tape};
use pathscore_models::energy::Rbm;
use pathscore_models::{BaseModel, BlockGibbs, Energy, Params, RandomSource, seed};
use std::sync::Arc;

/// Zoo 31 and 32: a transition of bits that should leave a Boltzmann machine of 4 × 3 units invariant.
///
/// A draw begins at a state from the law $\pi$ of the machine and makes one transition; its output has a one at the new state, so that
/// its mean is the law after the transition. The mistakes are to leave out the ratio of the proposals, or all of the
/// acceptance, and to flip with $\sigma(\Delta_i - 1/(2\alpha))$, without the factor ½ of $\Delta_i$.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FlipForm {
    /// Gibbs with gradients.
    Informed,
    /// The same, accepted with $\min(1, e^{\ell' - \ell})$.
    InformedWithoutRatio,
    /// The same, always accepted.
    InformedUnadjusted,
    /// The discrete Langevin proposal of this step size, accepted with the ratio of the proposals.
    Langevin(f64),
    /// The same, accepted with $\min(1, e^{\ell' - \ell})$.
    LangevinWithoutRatio(f64),
    /// The same with the whole $\Delta_i$ in place of its half, without the acceptance.
    LangevinWithoutHalf(f64),
}

/// A transition of one of the forms from a state that has the law of the machine.
#[derive(Clone)]
pub struct FlipTransition {
    known: Arc<Law>,
    form: FlipForm,
}

/// The machine with its states and their law.
struct Law {
    known: Known<Rbm>,
    rows: Vec<Vec<f64>>,
    pi: Vec<f64>,
}

impl Law {
    fn machine() -> Arc<Self> {
        let known = known_machine("rbm-4x3", 1.0);
        let (rows, pi) = known.law();
        Arc::new(Self { known, rows, pi })
    }

    fn problem(
        &self,
        name: &str,
        wrong: impl FnMut(&mut Enumerator, &mut [f64]),
        what: &str,
    ) -> Solved {
        let mean = mean(self.pi.len(), wrong);
        Solved::new(name, &self.pi, None).with_mistake(what, Effect::Instead(mean))
    }
}

/// The mean of an output over all outcomes.
fn mean(size: usize, mut draw: impl FnMut(&mut Enumerator, &mut [f64])) -> Vec<f64> {
    let (mut mean, mut out) = (vec![0.0; size], vec![0.0; size]);
    Enumerator::for_each(0, 1 << 20, |source| {
        out.fill(0.0);
        draw(source, &mut out);
        let p = source.probability();
        mean.iter_mut().zip(&out).for_each(|(mean, x)| *mean += p * x);
    });
    mean
}

impl FlipForm {
    /// $\ln q(x' \mid x)$ with the differences at $x$.
    fn log_q(self, differences: &[f64], flipped: &[bool]) -> f64 {
        let pairs = || differences.iter().zip(flipped);
        match self {
            Self::Informed | Self::InformedWithoutRatio | Self::InformedUnadjusted => {
                let total: f64 = differences.iter().map(|d| (0.5 * d).exp()).sum();
                let chosen: f64 = pairs().filter(|(_, f)| **f).map(|(d, _)| 0.5 * d).sum();
                chosen - total.ln()
            }
            Self::Langevin(alpha)
            | Self::LangevinWithoutRatio(alpha)
            | Self::LangevinWithoutHalf(alpha) => {
                let part = if matches!(self, Self::LangevinWithoutHalf(_)) { 1.0 } else { 0.5 };
                let each = pairs().map(|(d, &flipped)| {
                    let a = part * d - 0.5 / alpha;
                    (if flipped { a } else { -a }).log_sigmoid()
                });
                each.sum()
            }
        }
    }

    /// The bits that a proposal flips.
    fn propose(self, differences: &[f64], source: &mut Enumerator) -> Vec<bool> {
        let alone = |bit: usize| (0..differences.len()).map(|i| i == bit).collect::<Vec<bool>>();
        match self {
            Self::Informed | Self::InformedWithoutRatio | Self::InformedUnadjusted => {
                let share = |bit| self.log_q(differences, &alone(bit)).exp();
                let probs: Vec<f64> = (0..differences.len()).map(share).collect();
                alone(source.categorical(&probs))
            }
            _ => {
                let p = |d: &f64| self.log_q(&[*d], &[true]).exp();
                differences.iter().map(|d| source.bernoulli(p(d))).collect()
            }
        }
    }

    fn step<T: Differentiable>(self, target: &T, x: &[f64], source: &mut Enumerator) -> Vec<f64> {
        let differences = |x: &[f64]| {
            let (mut x, mut found) = (x.to_vec(), vec![0.0; x.len()]);
            let log_prob = GradientFlips.differences(target, &mut x, &mut found);
            (log_prob, found)
        };
        let (here, at_here) = differences(x);
        let flipped = self.propose(&at_here, source);
        let flip = |(x, &flipped): (&f64, &bool)| if flipped { 1.0 - x } else { *x };
        let proposal: Vec<f64> = x.iter().zip(&flipped).map(flip).collect();
        let (there, at_there) = differences(&proposal);
        let ratio = self.log_q(&at_there, &flipped) - self.log_q(&at_here, &flipped);
        let log_acceptance = match self {
            Self::Informed | Self::Langevin(_) => there - here + ratio,
            Self::InformedWithoutRatio | Self::LangevinWithoutRatio(_) => there - here,
            Self::InformedUnadjusted | Self::LangevinWithoutHalf(_) => 0.0,
        };
        let accepted = source.bernoulli(log_acceptance.exp().min(1.0));
        if accepted { proposal } else { x.to_vec() }
    }
}

impl Gradient for FlipTransition {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let Law { known, rows, pi } = &*self.known;
        let from = source.categorical(pi);
        let to = self.form.step(&known.density(), &rows[from], source);
        out[rows.iter().position(|row| *row == to).expect("bits stay bits")] += 1.0;
        None
    }
}

/// Zoo 33: an exchange between the chains of two temperatures, with the sign of the exponent that leaves the product of their laws
/// invariant, or with the other one. The output has a one at the new pair of states of a target of two bits.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    /// $1$, or $-1$ for the mistake.
    pub sign: f64,
}

impl Exchange {
    const BETAS: [f64; 2] = [0.3, 1.0];

    /// Two bits that like to be on, and more so together.
    fn log_prob(x: &[f64]) -> f64 {
        0.8 * x[0] + 0.3 * x[1] + 1.5 * x[0] * x[1]
    }

    /// The laws of both rungs on the four states.
    fn laws() -> [Vec<f64>; 2] {
        let rows = rows_of_bits(2);
        let of = |beta: f64| rows.iter().map(|x| beta * Self::log_prob(x)).collect::<Vec<_>>();
        Self::BETAS.map(|beta| normalised(&of(beta)))
    }

    fn pi() -> Vec<f64> {
        let [hot, cold] = Self::laws();
        hot.iter().flat_map(|p| cold.iter().map(move |q| p * q)).collect()
    }
}

impl Gradient for Exchange {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let (rows, laws) = (rows_of_bits(2), Self::laws());
        let [a, b] = [0, 1].map(|rung| source.categorical(&laws[rung]));
        let rungs = Self::BETAS.map(|beta| Heated {
            target: crate::samplers::FromFn { dim: 2, log_prob: Self::log_prob },
            beta,
        });
        let log = |rung: usize, state: usize| rungs[rung].log_prob(&rows[state]);
        let gain = log(0, b) + log(1, a) - log(0, a) - log(1, b);
        let swapped = source.bernoulli((self.sign * gain).exp().min(1.0));
        let [a, b] = if swapped { [b, a] } else { [a, b] };
        // The chain of the hot rung then moves by itself, which changes no law.
        let mut state = GibbsBits.init(&rungs[0], &rows[a], source);
        GibbsBits.step(&rungs[0], &mut state, source);
        let moved = crate::samplers::Position::position(&state);
        let a = rows.iter().position(|row| row == moved).expect("bits stay bits");
        out[4 * a + b] += 1.0;
        None
    }
}

/// The order and the parameters of the steps of [`PathWeight`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathForm {
    /// The weight of the next parameters, then a sweep at them.
    Right,
    /// Zoo 21: every sweep is made at the last parameters of the path.
    LastParameters,
    /// Zoo 34: the sweep at the next parameters is made before the weight.
    MoveFirst,
}

/// Zoo 21 and 34: $w Z_0 / Z_n$ of a chain that follows the parameters of a Boltzmann machine from a base of known $Z_0$, by annealing
/// or along training. The mean is one.
#[derive(Clone)]
pub struct PathWeight {
    path: Arc<MachinePath>,
    form: PathForm,
}

/// Parameters of one machine of 3 × 2 units, the base first.
struct MachinePath {
    model: Rbm,
    params: Vec<Params<f64>>,
    /// $\ln (Z_n / Z_0)$.
    log_ratio: f64,
}

impl MachinePath {
    fn new() -> Arc<Self> {
        let mut base = Params::new();
        let model = Rbm::new(&mut base, 3, 2, &mut seed::rng(0, seed::Stream::Init, 0));
        model.set_base(&mut base, &[0.3, 0.5, 0.6]);
        let at = |step: f64| {
            let mut params = base.clone();
            let values = params.values_mut().iter_mut().enumerate();
            values.for_each(|(i, x)| *x += 1.1 * step * (1.0 + 3.0 * i as f64).sin());
            params
        };
        let params: Vec<Params<f64>> = [0.0, 1.0, 2.0].map(at).into();
        let log_z = |params: &Params<f64>| {
            let tape = Tape::new();
            let x = tape.constant(&rows_of_bits(3).concat(), [8, 3]);
            (-model.energy(params.on(&tape), x)).log_sum_exp(..).item()
        };
        let log_ratio = log_z(&params[2]) - log_z(&params[0]);
        Arc::new(Self { model, params, log_ratio })
    }

    /// $\ln w$ of a chain.
    fn log_weight(&self, form: PathForm, source: &mut Enumerator) -> f64 {
        let Self { model, params, .. } = self;
        let tape = Tape::new();
        let bound: Vec<_> = params.iter().map(|params| params.on(&tape).detach()).collect();
        let mut x = tape.constant(&[0.0; 3], [1, 3]);
        x = model.gibbs_sweep(bound[0], x, source);
        let mut log_weight = 0.0;
        for step in bound.windows(2) {
            if form == PathForm::MoveFirst {
                x = model.gibbs_sweep(step[1], x, source);
            }
            log_weight += (model.energy(step[0], x) - model.energy(step[1], x)).sum().item();
            match form {
                PathForm::Right => x = model.gibbs_sweep(step[1], x, source),
                PathForm::LastParameters => x = model.gibbs_sweep(bound[2], x, source),
                PathForm::MoveFirst => {}
            }
        }
        log_weight
    }
}

impl Gradient for PathWeight {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let log_weight = self.path.log_weight(self.form, source);
        out[0] = (log_weight - self.path.log_ratio).exp();
        None
    }
}

/// Zoo 22: the logarithm of a mean of four weights near $e^{-100}$, whose exponentials are taken and averaged in single or in double
/// precision. In single precision the smallest weights have few digits, or none.
#[derive(Clone, Copy, Debug)]
pub struct MeanWeight {
    /// True if the numbers between are in single precision.
    pub single: bool,
}

impl MeanWeight {
    fn value(single: bool, source: &mut Enumerator) -> f64 {
        let weights = [(); 4].map(|()| if source.bernoulli(0.4) { -101.5 } else { -99.0 });
        if single {
            let sum: f32 = weights.map(|w| (w as f32).exp()).iter().sum();
            return f64::from((sum / 4.0).ln());
        }
        let top = weights.into_iter().fold(f64::NEG_INFINITY, f64::max);
        top + (weights.map(|w| (w - top).exp()).iter().sum::<f64>() / 4.0).ln()
    }
}

impl Gradient for MeanWeight {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        out[0] = Self::value(self.single, source);
        None
    }
}

/// The mistakes of chains and weights, each with its problem and its fix.
pub(super) fn specimens() -> Vec<Specimen> {
    use FlipForm::{
        Informed, InformedUnadjusted, InformedWithoutRatio, Langevin, LangevinWithoutHalf,
        LangevinWithoutRatio,
    };
    let law = Law::machine();
    let moved = |form| FlipTransition { known: Arc::clone(&law), form };
    let invariance = |form, what: &str| {
        let mut wrong = moved(form);
        let draw = |source: &mut Enumerator, out: &mut [f64]| {
            wrong.draw(source, out);
        };
        law.problem("rbm-4x3: the law after a transition", draw, what)
    };
    let path = MachinePath::new();
    let along = |form| PathWeight { path: Arc::clone(&path), form };
    let weights = |form, what: &str| {
        let mut wrong = along(form);
        let mean = mean(1, |source, out| {
            wrong.draw(source, out);
        });
        let name = "rbm-3x2: w Z₀/Z along a path of parameters";
        Solved::new(name, &[1.0], None).with_mistake(what, Effect::Instead(mean))
    };
    let flips = [
        (31, "gwg-no-ratio", "the proposal's ratio is left out", InformedWithoutRatio, Informed),
        (31, "gwg-unadjusted", "every flip is accepted", InformedUnadjusted, Informed),
        (
            31,
            "dmala-no-ratio",
            "the ratio of the discrete Langevin proposals is left out",
            LangevinWithoutRatio(0.4),
            Langevin(0.4),
        ),
        (
            32,
            "dula-no-half",
            "bits are flipped with Δ in place of Δ/2",
            LangevinWithoutHalf(0.1),
            Langevin(0.1),
        ),
    ];
    let of_flips = flips.map(|(number, name, wrong, form, fixed)| {
        About {
            number,
            name,
            wrong,
            source: "a term of the acceptance or proposal",
            evidence: wrong,
        }
        .on(invariance(form, wrong), moved(form), moved(fixed))
    });
    let mut all = Vec::from(of_flips);
    let swapped = "the sign of the exponent is wrong";
    let wrong_swap = mean(16, |source, out| {
        Exchange { sign: -1.0 }.draw(source, out);
    });
    let after_swap = Solved::new("two rungs: the law after an exchange", &Exchange::pi(), None)
        .with_mistake(swapped, Effect::Instead(wrong_swap));
    let single = "single precision loses the weights";
    let log_mean = |single| mean(1, |source, out| out[0] = MeanWeight::value(single, source));
    let of_weights = Solved::new("ln of a mean of small weights", &log_mean(false), None)
        .with_mistake(single, Effect::Instead(log_mean(true)));
    let (last, first) =
        ("every sweep is at the last parameters", "the sweep comes before the weight");
    all.extend([
        About {
            number: 21,
            name: "ais-last-parameters",
            wrong: "annealing whose every transition has the parameters of the model",
            source: "DsysDML/rbms issue 6",
            evidence: last,
        }
        .on(
            weights(PathForm::LastParameters, last),
            along(PathForm::LastParameters),
            along(PathForm::Right),
        ),
        About {
            number: 22,
            name: "ais-f32-mean",
            wrong: "weights averaged after exp in single precision",
            source: "a logarithm taken too late",
            evidence: single,
        }
        .on(of_weights, MeanWeight { single: true }, MeanWeight { single: false }),
        About {
            number: 33,
            name: "swap-sign",
            wrong: "parallel tempering that exchanges with the inverse ratio",
            source: "a sign",
            evidence: swapped,
        }
        .on(after_swap, Exchange { sign: -1.0 }, Exchange { sign: 1.0 }),
        About {
            number: 34,
            name: "move-first",
            wrong: "weights along training that are taken after the move at the new parameters",
            source: "the order of two lines",
            evidence: first,
        }
        .on(
            weights(PathForm::MoveFirst, first),
            along(PathForm::MoveFirst),
            along(PathForm::Right),
        ),
    ]);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samplers::TransitionMatrix;

    /// The total variation between the stationary law of each wrong transition and that of the machine, to the digits to which it was
    /// computed elsewhere.
    #[test]
    fn wrong_transitions_have_their_known_bias() {
        let law = Law::machine();
        for (form, expected, digits) in [
            (FlipForm::InformedWithoutRatio, 0.198, 3),
            (FlipForm::InformedUnadjusted, 0.083, 3),
            (FlipForm::LangevinWithoutHalf(0.1), 0.292, 3),
            (FlipForm::LangevinWithoutHalf(0.2), 0.249, 3),
            (FlipForm::LangevinWithoutHalf(0.4), 0.171, 3),
            (FlipForm::LangevinWithoutHalf(0.8), 0.105, 3),
            (FlipForm::Informed, 0.0, 14),
            (FlipForm::Langevin(0.4), 0.0, 14),
        ] {
            let Law { known, rows, pi } = &*law;
            let matrix = TransitionMatrix::enumerate(16, |from, source| {
                let to = form.step(&known.density(), &rows[from], source);
                rows.iter().position(|row| *row == to).expect("bits stay bits")
            });
            let bias = matrix.and_then(|matrix| matrix.bias(pi)).expect("one law");
            assert!((bias - expected).abs() < 0.51 * 10_f64.powi(-digits), "{form:?}: {bias}");
        }
    }
}
