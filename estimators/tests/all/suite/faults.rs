//! Right gradients with a fault that is rare, late or periodic: every fault on every one of five gradients.

use super::Row;
use pathscore_estimators::Enumerator;
use pathscore_estimators::proof::{Candidate, Gradient};
use pathscore_models::RandomSource;

/// A fault in some of the draws.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The draw is multiplied where a uniform number is below the first field.
    Uniform(f64, f64),
    /// The draw is multiplied where a uniform number is above one minus the first field.
    NearOne(f64, f64),
    /// The draw is multiplied with a probability, by a bit.
    Bit(f64, f64),
    /// The draw is multiplied where a normal number exceeds the first field.
    Normal(f64, f64),
    /// Draws are multiplied after so many.
    After(usize, f64),
    /// Every so many draws one is multiplied.
    Every(usize, f64),
    /// Draws are multiplied between two numbers of draws.
    Between(usize, usize, f64),
    /// Each draw is larger than the one before by a fraction of the first.
    Drift(f64),
    /// A part of the last draw is added.
    Echo(f64),
    /// The draw is not a number with this probability.
    NotANumber(f64),
    /// Draws are doubled after an event of this probability has occurred.
    Triggered(f64),
}

impl Fault {
    /// The relative bias of the mean of a draw, at the worst time.
    fn bias(self) -> f64 {
        match self {
            Self::Uniform(p, times) | Self::NearOne(p, times) | Self::Bit(p, times) => {
                p * (times - 1.0_f64).abs()
            }
            // The upper tail beyond four standard deviations.
            Self::Normal(_, times) => 3.167e-5 * (times - 1.0),
            Self::After(_, times) | Self::Every(_, times) | Self::Between(_, _, times) => {
                (times - 1.0_f64).abs()
            }
            Self::Drift(by) => 4096.0 * by,
            Self::Echo(part) => part,
            Self::Triggered(_) => 1.0,
            Self::NotANumber(_) => f64::INFINITY,
        }
    }
}

/// Writes a draw of a right gradient.
type Draw = fn(&mut Enumerator, &mut [f64]);

#[derive(Clone)]
struct Faulty {
    right: Draw,
    fault: Fault,
    draws: usize,
    last: Vec<f64>,
    triggered: bool,
}

impl Gradient for Faulty {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        (self.right)(source, out);
        let clean = out.to_vec();
        let if_so = |so: bool, times: f64| if so { times } else { 1.0 };
        let n = self.draws;
        let times = match self.fault {
            Fault::Uniform(p, times) => if_so(source.uniform() < p, times),
            Fault::NearOne(p, times) => if_so(source.uniform() > 1.0 - p, times),
            Fault::Bit(p, times) => if_so(source.bernoulli(p), times),
            Fault::Normal(far, times) => if_so(source.normal() > far, times),
            Fault::After(draws, times) => if_so(n >= draws, times),
            Fault::Every(draws, times) => if_so(n % draws == draws - 1, times),
            Fault::Between(from, to, times) => if_so((from..to).contains(&n), times),
            Fault::Drift(by) => 1.0 + by * n as f64,
            Fault::Echo(_) => 1.0,
            Fault::Triggered(p) => {
                self.triggered |= source.bernoulli(p);
                if_so(self.triggered, 2.0)
            }
            Fault::NotANumber(p) => if_so(source.uniform() < p, f64::NAN),
        };
        out.iter_mut().for_each(|g| *g *= times);
        if let Fault::Echo(part) = self.fault {
            out.iter_mut().zip(&self.last).for_each(|(g, last)| *g += part * last);
        }
        self.draws += 1;
        self.last = clean;
        None
    }
}

const FAULTS: [Fault; 18] = [
    Fault::Uniform(0.025, 0.0),
    Fault::Uniform(1e-3, 101.0),
    Fault::Uniform(1e-4, 2001.0),
    Fault::Uniform(1e-6, 3e5),
    Fault::NearOne(1e-5, 3e4),
    Fault::Bit(0.03, 0.0),
    Fault::Bit(1e-6, 3e5),
    Fault::Normal(4.0, 1e4),
    Fault::After(30, 1.25),
    Fault::After(1000, 1.25),
    Fault::After(3000, -1.0),
    Fault::Every(20, 3.0),
    Fault::Every(1000, 100.0),
    Fault::Between(40, 45, 2.0),
    Fault::Drift(1e-3),
    Fault::Echo(0.3),
    Fault::NotANumber(1e-5),
    Fault::Triggered(1e-3),
];

/// Every fault on five gradients.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for base in ["bit", "path", "leave-one-out", "loop", "softmax"] {
        let (exact, right): (&[f64], Draw) = match base {
            "bit" => (&[super::right::BIT], super::right::score_of_a_bit),
            "path" => (&[2.0, 2.0], super::right::path_of_a_normal),
            "leave-one-out" => (&[super::right::BIT], super::right::leave_one_out::<16>),
            "loop" => (&[4.0], super::right::poisson_difference),
            _ => (&super::right::SOFTMAX, super::right::softmax_score),
        };
        for fault in FAULTS {
            let candidate =
                Faulty { right, fault, draws: 0, last: vec![0.0; exact.len()], triggered: false };
            let name = format!("{base}, {fault:?}");
            rows.push(Row {
                name,
                exact: exact.to_vec(),
                candidate: candidate.clone_box(),
                bias: fault.bias(),
            });
        }
    }
    rows
}
