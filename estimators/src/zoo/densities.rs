//! A mistake with a density that needs no normaliser: an average of logits over orders.

use super::specimen::{About, Specimen};
use crate::enumerator::Enumerator;
use crate::proof::{Effect, Expectation, Gradient, Solved};
use pathscore_autodiff::{Activation, Tape, Var};
use pathscore_models::{Params, Tractable, seed, tractable::Made};
use std::sync::Arc;

/// Zoo 39: the *logits* of a masked autoencoder are averaged over its orders, where the mean of the probabilities is a
/// distribution.
///
/// $\ln p(x) = \ln \tfrac1K \sum_k p_k(x)$ sums to one over all rows $x$. With $\bar\eta_d = \tfrac1K \sum_k \eta_d^{(k)}$ every
/// $\bar\eta_d$ depends on all other columns, and $\prod_d \mathrm{Bernoulli}(x_d; \bar\eta_d)$ is no distribution: [`MixedOrders::mass`] is not
/// one. The reported value is then no likelihood.
#[derive(Clone, Debug)]
pub struct MixedOrders {
    model: Arc<Made>,
    params: Arc<Params<f64>>,
    /// True if the logits are averaged.
    pub average_logits: bool,
}

/// The rows whose log-likelihood is differentiated.
const ROWS: [f64; 6] = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0];

impl MixedOrders {
    /// Four orders of three bits, with weights of the order of one.
    pub fn new(average_logits: bool) -> Self {
        let (mut params, rng) = (Params::new(), &mut seed::rng(0, seed::Stream::Init, 0));
        let model = Made::new(&mut params, 3, &[2], 4, Activation::Tanh, rng);
        let numbers = params.values_mut().iter_mut().enumerate();
        numbers.for_each(|(i, x)| *x = 1.5 * (2.3 * i as f64 + 0.7).sin());
        Self { model: Arc::new(model), params: Arc::new(params), average_logits }
    }

    /// The logarithm of the supposed probability of each row.
    fn log_prob<'t>(
        &self,
        params: &Params<f64>,
        tape: &'t Tape<f64>,
        rows: &[f64],
    ) -> Var<'t, f64> {
        let (bound, x) = (params.on(tape), tape.constant(rows, [rows.len() / 3, 3]));
        if !self.average_logits {
            return self.model.log_prob(bound, x);
        }
        let orders = self.model.orders().len();
        let logits = (0..orders).map(|order| self.model.logits(bound, x, order));
        let sum = logits.reduce(|sum, logits| sum + logits).expect("there is an order");
        x.bernoulli_log_prob(sum * (1.0 / orders as f64))
    }

    /// The sum of the supposed probabilities over all rows.
    pub fn mass(&self) -> f64 {
        let rows: Vec<f64> = (0..24).map(|i| f64::from(((i / 3) >> (i % 3)) & 1)).collect();
        let tape = Tape::new();
        self.log_prob(&self.params, &tape, &rows).exp().sum().item()
    }

    /// The sum of the logarithms over the rows of the specimen at some parameters.
    fn value(&self, at: &[f64]) -> f64 {
        let mut params = (*self.params).clone();
        params.values_mut().copy_from_slice(at);
        self.log_prob(&params, &Tape::new(), &ROWS).sum().item()
    }

    /// The gradient by differences, as a sum over the single outcome of no choices.
    fn solved(&self) -> Solved {
        let own = self.clone();
        let value = move |at: &[f64], _: &mut Enumerator| own.value(at);
        let problem =
            Expectation::new("orders of three bits: ln p(x)", self.params.values(), value);
        Solved::of(&problem).expect("a single outcome is exact")
    }
}

impl Gradient for MixedOrders {
    fn draw(&mut self, _: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let tape = Tape::new();
        let sum = self.log_prob(&self.params, &tape, &ROWS).sum();
        out.copy_from_slice(sum.backward().leading(out.len()));
        Some(sum.item())
    }
}

/// The mistake with its problem and its fix.
pub(super) fn specimens() -> Vec<Specimen> {
    let [wrong, right] = [true, false].map(MixedOrders::new);
    let instead = Effect::Instead(wrong.solved().truth.gradient);
    let what = format!("an average of logits over orders, which sums to {:.4}", wrong.mass());
    let problem = right.solved().with_mistake(&what, instead);
    vec![
        About {
            number: 39,
            name: "average-of-logits",
            wrong: "the logits are averaged over orders, and not the probabilities",
            source: "a published MADE with ten orders",
            evidence: "an average of logits over orders",
        }
        .on(problem, wrong, right),
    ]
}
