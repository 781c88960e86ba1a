//! A density by affine couplings.

#[cfg(test)]
mod tests;

use crate::RandomSource;
use crate::capability::Tractable;
use crate::dist::{Bijection, FlowKind, FlowNetwork};
use crate::params::{Bound, Init, ParamId, Params};
use pathscore_autodiff::{Activation, Scalar, Tape, Var};
use rand::Rng;

/// A normalising flow of affine couplings (RealNVP; Dinh, Sohl-Dickstein and Bengio 2017) as a density of rows of real numbers:
///
/// $$\ln p(x) = \ln \mathcal N(f(u); 0, I) + \ln |\det \partial f / \partial u| - \sum_d s_d, \quad u_d = (x_d - m_d) e^{-s_d}$$
///
/// The map $f$ is a [`Flow`](crate::dist::Flow) of [`FlowKind::Coupling`]: each layer leaves one half of the columns as it is, and moves
/// and scales the other half by networks of the first, with scales from $e^{-2}$ to $e^2$; the halves alternate. Both directions cost
/// one evaluation of the networks, so that densities and draws are exact and cheap. The centre $m$ and the scale $e^s$
/// are parameters, which [`CouplingFlow::standardize`] sets to those of the data. A new model is the normal distribution with
/// this centre and this scale. The derivatives are those of the formula.
///
/// The parameters are called `loc` ($m$), `log_scale` ($s$), and `flow.0.0.weight`, `flow.0.0.bias`, …
///
/// ```
/// use pathscore_autodiff::{Activation, Tape};
/// use pathscore_models::{Params, Tractable, seed, tractable::CouplingFlow};
/// let (mut params, rng) = (Params::<f64>::new(), &mut seed::rng(0, seed::Stream::Init, 0));
/// let model = CouplingFlow::new(&mut params, 2, 4, &[16], Activation::Tanh, rng);
/// model.standardize(&mut params, &[1.0, -1.0], &[2.0, 0.5]);
/// let tape = Tape::new();
/// let log_prob = model.log_prob(params.on(&tape), tape.constant(&[1.0, -1.0], [1, 2]));
/// // The scales multiply to one.
/// assert!((log_prob.item() + std::f64::consts::TAU.ln()).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "RealNVP")]
#[doc(alias = "normalizing flow")]
pub struct CouplingFlow {
    loc: ParamId,
    log_scale: ParamId,
    flow: FlowNetwork,
    columns: usize,
}

impl CouplingFlow {
    /// A model of rows of `columns` numbers with `layers` couplings, whose networks have these hidden widths.
    ///
    /// # Panics
    /// If there are fewer than two columns, or no layers.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        columns: usize,
        layers: usize,
        hidden: &[usize],
        activation: Activation,
        rng: &mut R,
    ) -> Self {
        let mut zeros = |name: &str| params.add(name, [columns], Init::Constant(0.0), rng);
        let (loc, log_scale) = (zeros("loc"), zeros("log_scale"));
        let kind = (FlowKind::Coupling, layers);
        let flow = FlowNetwork::new(params, "flow", [columns, 0], kind, hidden, activation, rng);
        Self { loc, log_scale, flow, columns }
    }

    /// Sets the centre to the means of the columns and the scale to their standard deviations. A column whose deviation is zero or not
    /// finite keeps the scale one.
    ///
    /// # Panics
    /// If there is not one of both for each column.
    pub fn standardize<F: Scalar>(
        &self,
        params: &mut Params<F>,
        means: &[f64],
        deviations: &[f64],
    ) {
        let columns = self.columns;
        let given = [means.len(), deviations.len()];
        assert!(given == [columns; 2], "coupling flow: {given:?} numbers for {columns} columns");
        let log = |s: &f64| if *s > 0.0 && s.is_finite() { s.ln() } else { 0.0 };
        let write = |to: &mut [F], from: &mut dyn Iterator<Item = f64>| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = F::from_f64(from));
        };
        write(params.get_mut(self.loc), &mut means.iter().copied());
        write(params.get_mut(self.log_scale), &mut deviations.iter().map(log));
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The rows as draws of the base: $f(u)$, of the shape of `x`. Draws from the model become standard normal.
    ///
    /// # Panics
    /// If the rows have another number of columns.
    pub fn to_base<'t, F: Scalar>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.flow.on(params, None).forward(self.scaled(params, x))
    }

    /// The rows of draws of the base: the inverse of [`CouplingFlow::to_base`].
    ///
    /// # Panics
    /// If the rows have another number of columns.
    pub fn from_base<'t, F: Scalar>(&self, params: Bound<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        let [loc, log_scale] = [self.loc, self.log_scale].map(|id| params.get(id));
        self.flow.on(params, None).inverse(z) * log_scale.exp() + loc
    }

    /// Independent rows, one behind the other.
    pub fn sample<F: Scalar, R: RandomSource>(
        &self,
        params: &Params<F>,
        count: usize,
        rng: &mut R,
    ) -> Vec<F> {
        let tape = Tape::new();
        let z = rng.normal_var(&tape, [count, self.columns].into());
        self.from_base(params.on(&tape).detach(), z).value().values().to_vec()
    }

    /// $u$.
    fn scaled<'t, F: Scalar>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let [loc, log_scale] = [self.loc, self.log_scale].map(|id| params.get(id));
        (x - loc) * (-log_scale).exp()
    }
}

impl<F: Scalar> Tractable<F> for CouplingFlow {
    fn log_prob<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let u = self.scaled(params, x);
        let [z, log_det] = self.flow.on(params, None).forward_and_log_det(u, 1);
        let zeros = z.constant(0.0).broadcast_to([self.columns]);
        z.normal_log_prob(zeros, zeros) + log_det - params.get(self.log_scale).sum()
    }
}
