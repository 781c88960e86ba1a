//! Certificates of samplers of bits, by their exact transition matrices.

use crate::samplers::{
    Dmala, Dula, EnergyDensity, ExactFlips, GibbsBits, GibbsWithGradients, Ladder, LogDensity,
    ParallelTempering, Sampler, TransitionMatrix, normalised, rows_of_bits,
};
use pathscore_autodiff::Tape;
use pathscore_models::energy::{BoltzmannMachine, DeepBoltzmann, Graph, Rbm, small_rbm};
use pathscore_models::{BlockGibbs, Params, seed};

/// The largest total variation by which a transition may move a law that it leaves invariant: sums of some thousand products of
/// probabilities round off by less.
const ROUNDING: f64 = 1e-12;

/// The relation between the stationary law of a sampler and its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SamplerClaim {
    /// The target is invariant.
    Invariant,
    /// The stationary law is near the target.
    Approximate,
}

/// A sampler of bits on a model whose states can be listed, ready to be certified.
pub struct SamplerCase {
    /// The name of the sampler.
    pub sampler: String,
    /// The name of the model.
    pub model: &'static str,
    /// The claim of the sampler.
    pub claim: SamplerClaim,
    /// The transition matrix and the target.
    matrix: Box<dyn Fn() -> Option<(TransitionMatrix, Vec<f64>)> + Send + Sync>,
}

/// The exact facts about a sampler on a model, from its transition matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplerCertificate {
    /// The number of states.
    pub states: usize,
    /// The total variation by which a transition moves the target.
    pub invariance: f64,
    /// The total variation between the stationary law and the target: the bias of a long chain. NaN if there is no single
    /// stationary law.
    pub bias: f64,
    /// $|\lambda_2|$, the factor by which the distance from the stationary law falls in a step.
    pub second_eigenvalue: f64,
    /// The number of steps after which the total variation from the stationary law is at most ¼, from any start.
    pub mixing_time: Option<u64>,
    /// True if the claim holds.
    pub ok: bool,
}

impl SamplerCase {
    /// Enumerates the transitions; `None` if they cannot be listed.
    ///
    /// ```
    /// use pathscore_estimators::proof::{SamplerClaim, sampler_cases};
    /// let cases = sampler_cases();
    /// let dula = cases.iter().find(|case| case.sampler.starts_with("dula")).expect("it is listed");
    /// let found = dula.certify().expect("bits are enumerated");
    /// assert!(dula.claim == SamplerClaim::Approximate && found.ok && found.bias > 1e-3);
    /// ```
    pub fn certify(&self) -> Option<SamplerCertificate> {
        let (matrix, pi) = (self.matrix)()?;
        let (invariance, bias) = (matrix.invariance(&pi), matrix.bias(&pi).unwrap_or(f64::NAN));
        let ok = match self.claim {
            SamplerClaim::Invariant => invariance < ROUNDING && bias < ROUNDING,
            // A bias of zero would be a claim that is too modest.
            SamplerClaim::Approximate => bias > ROUNDING,
        };
        Some(SamplerCertificate {
            states: matrix.size(),
            invariance,
            bias,
            second_eigenvalue: matrix.second_eigenvalue().unwrap_or(f64::NAN),
            mixing_time: matrix.mixing_time(),
            ok,
        })
    }
}

/// A model of bits with known parameters.
#[derive(Clone)]
pub(crate) struct Known<M> {
    name: &'static str,
    pub(crate) model: M,
    pub(crate) params: Params<f64>,
    columns: usize,
}

/// The machine of [`small_rbm`] with its weights multiplied by a scale.
pub(crate) fn known_machine(name: &'static str, scale: f64) -> Known<Rbm> {
    let mut params = Params::new();
    let model = small_rbm(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    params.get_mut(model.weights()).iter_mut().for_each(|w| *w *= scale);
    Known { name, model, params, columns: 4 }
}

/// A machine of some columns with parameters of order one without symmetries.
fn scrambled<M>(
    name: &'static str,
    columns: usize,
    new: impl FnOnce(&mut Params<f64>) -> M,
) -> Known<M> {
    let mut params = Params::new();
    let model = new(&mut params);
    let values = params.values_mut().iter_mut().enumerate();
    values.for_each(|(at, x)| *x = (1.0 + 3.7 * at as f64).sin());
    Known { name, model, params, columns }
}

impl<M: BlockGibbs<f64> + Clone + Send + Sync + 'static> Known<M> {
    /// The density of the model.
    pub(crate) fn density(&self) -> EnergyDensity<'_, M> {
        EnergyDensity::new(&self.model, &self.params, self.columns)
    }

    /// Every row, and the law of the model.
    pub(crate) fn law(&self) -> (Vec<Vec<f64>>, Vec<f64>) {
        let (rows, density) = (rows_of_bits(self.columns), self.density());
        let log_probs: Vec<f64> = rows.iter().map(|row| density.log_prob(row)).collect();
        (rows, normalised(&log_probs))
    }

    /// The model's own sweeps.
    fn block_gibbs(&self) -> SamplerCase {
        let known = self.clone();
        let matrix = move || {
            let (rows, pi) = known.law();
            let mut tape = Tape::new();
            let matrix = TransitionMatrix::enumerate(rows.len(), |from, source| {
                tape.clear();
                let x = tape.constant(&rows[from], [1, known.columns]);
                let moved = known.model.gibbs_sweep(known.params.on(&tape).detach(), x, source);
                moved.with(|moved| index(&rows, moved))
            });
            Some((matrix?, pi))
        };
        self.case("block-gibbs".into(), SamplerClaim::Invariant, Box::new(matrix))
    }

    /// A sampler of the model's density.
    fn on<S>(&self, name: impl Into<String>, claim: SamplerClaim, sampler: S) -> SamplerCase
    where
        S: for<'a> Sampler<EnergyDensity<'a, M>> + Send + Sync + 'static,
    {
        let known = self.clone();
        let matrix = move || {
            let (rows, pi) = known.law();
            Some((TransitionMatrix::of(&sampler, &known.density(), &rows)?, pi))
        };
        self.case(name.into(), claim, Box::new(matrix))
    }

    /// Parallel tempering on two rungs: the states are those of both chains, and the target is the product of their laws.
    fn tempered(&self, cold: f64) -> SamplerCase {
        let known = self.clone();
        let matrix = move || {
            let (rows, pi) = known.law();
            let density = known.density();
            let log_probs: Vec<f64> = rows.iter().map(|row| cold * density.log_prob(row)).collect();
            let hot = normalised(&log_probs);
            let ladder = Ladder::tempered(&density, &[cold, 1.0]);
            let sampler = ParallelTempering { sampler: GibbsWithGradients::exact(), steps: 1 };
            let n = rows.len();
            let matrix = TransitionMatrix::enumerate(n * n, |from, source| {
                let start = [&rows[from / n][..], &rows[from % n][..]];
                let mut chains = sampler.init_at(&ladder, &start, source);
                sampler.step(&ladder, &mut chains, source);
                chains.positions().fold(0, |at, x| n * at + index(&rows, x))
            });
            let product = hot.iter().flat_map(|p| pi.iter().map(move |q| p * q)).collect();
            Some((matrix?, product))
        };
        let name = format!("tempered gwg-exact(beta={cold}, 1)");
        self.case(name, SamplerClaim::Invariant, Box::new(matrix))
    }

    fn case(
        &self,
        sampler: String,
        claim: SamplerClaim,
        matrix: Box<dyn Fn() -> Option<(TransitionMatrix, Vec<f64>)> + Send + Sync>,
    ) -> SamplerCase {
        SamplerCase { sampler, model: self.name, claim, matrix }
    }

    /// Every sampler of bits on this model.
    fn all(&self) -> Vec<SamplerCase> {
        use SamplerClaim::{Approximate, Invariant};
        let mut cases = vec![
            self.block_gibbs(),
            self.on("gibbs", Invariant, GibbsBits),
            self.on("gwg-exact", Invariant, GibbsWithGradients::exact()),
            self.on("gwg", Invariant, GibbsWithGradients::by_gradient()),
        ];
        for step_size in [0.2, 0.8] {
            let name = |of: &str| format!("{of}(alpha={step_size})");
            cases.push(self.on(name("dula"), Approximate, Dula::by_gradient(step_size)));
            cases.push(self.on(name("dmala"), Invariant, Dmala::by_gradient(step_size)));
        }
        let exact = Dmala { step_size: 0.8, flips: ExactFlips };
        cases.push(self.on("dmala-exact(alpha=0.8)", Invariant, exact));
        cases.push(self.tempered(0.5));
        cases
    }
}

/// The index of a row.
fn index(rows: &[Vec<f64>], x: &[f64]) -> usize {
    rows.iter().position(|row| row == x).expect("a transition stays among the rows of bits")
}

/// Every sampler of bits of this library on every model of bits whose states are few, in the order of models.
pub fn sampler_cases() -> Vec<SamplerCase> {
    let mut cases = known_machine("rbm-4x3", 1.0).all();
    cases.extend(known_machine("rbm-4x3-cold", 3.0).all());
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let full = |params: &mut _| BoltzmannMachine::new(params, &Graph::full(4), rng);
    cases.extend(scrambled("boltzmann-4", 4, full).all());
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let deep = |params: &mut _| DeepBoltzmann::new(params, 2, [2, 2], rng);
    cases.extend(scrambled("dbm-2x2x2", 4, deep).all());
    cases
}
