//! Functions of all parameters without noise, such as a marginal likelihood, to their maximum.

use crate::optim::{LBfgs, Optimum};
use pathscore_autodiff::{Error, Grads, Scalar, Tape, Var};
use pathscore_models::{Bound, Params};

/// Goes up from the parameters to a maximum of a function of them by [`LBfgs`], and leaves them there: maximum likelihood of type II
/// with a marginal likelihood, MAP with the sum of it and a prior.
///
/// `objective` records a value of shape `[]`. Where it is an error, because a matrix has no factorisation there, the function counts
/// as infinitely small, and a step that ends there is shortened. The search runs in double precision whatever the number type. If the
/// function is not finite at the start, the parameters stay.
///
/// ```
/// use pathscore_estimators::{fit, optim::LBfgs};
/// use pathscore_models::{Params, gp::{GpRegression, KernelForm}};
/// let x: Vec<f64> = (0..30).map(|i| 0.2 * f64::from(i)).collect();
/// let y: Vec<f64> = x.iter().map(|x| 2.0 * x.sin() + 0.1 * (40.0 * x).cos()).collect();
/// let mut params = Params::<f64>::new();
/// let model = GpRegression::new(&mut params, &[KernelForm::Rbf], 1);
/// let found = fit::maximize(&mut params, &LBfgs::default(), |bound| {
///     let tape = bound.tape();
///     model.log_marginal(bound, tape.constant(&x, [30, 1]), tape.constant(&y, [30]))
/// });
/// assert!(found.value > 0.0);
/// // The part that is not smooth is noise, with a standard deviation of about 0.1/√2.
/// let noise = params.get(model.log_noise())[0].exp().sqrt();
/// assert!((noise - 0.07).abs() < 0.02);
/// ```
pub fn maximize<F: Scalar>(
    params: &mut Params<F>,
    lbfgs: &LBfgs,
    mut objective: impl for<'t> FnMut(Bound<'t, F>) -> Result<Var<'t, F>, Error>,
) -> Optimum {
    let start: Vec<f64> = params.values().iter().map(|x| x.to_f64()).collect();
    let (mut tape, mut grads) = (Tape::new(), Grads::new());
    let found = lbfgs.maximize(&start, |x, gradient| {
        set(params, x);
        let value = match objective(params.on(&tape)) {
            Ok(value) => {
                tape.pull_into(&[(value, &[F::ONE])], &[], &mut grads);
                let found = grads.leading(x.len());
                gradient.iter_mut().zip(found).for_each(|(to, from)| *to = from.to_f64());
                value.item().to_f64()
            }
            Err(_) => f64::NAN,
        };
        // The tape gives the parameters back, so that they are changed in place.
        tape.clear();
        value
    });
    set(params, &found.x);
    found
}

/// The best of the maxima that [`maximize`] finds from each of some starts, and the number of the start that leads there; a
/// start is the vector of all [`Params::values`]. Among equals the first counts, and a value that is not finite is worse than all
/// others.
///
/// # Panics
/// If there are no starts, or one of them has another length than the parameters.
///
/// ```
/// use pathscore_estimators::{fit, optim::LBfgs};
/// use pathscore_models::{Init, Params, seed};
/// let mut params = Params::<f64>::new();
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let x = params.add("x", [], Init::Constant(0.0), rng);
/// // Two maxima of different heights.
/// let starts = [vec![-1.0], vec![1.0]];
/// let (best, found) = fit::maximize_from(&mut params, &starts, &LBfgs::default(), |bound| {
///     let x = bound.get(x);
///     Ok(x * 0.1 - (x.square() - 1.0).square())
/// });
/// assert!(best == 1 && found.stop.converged() && (params.get(x)[0] - 1.0).abs() < 0.02);
/// ```
#[track_caller]
pub fn maximize_from<F: Scalar>(
    params: &mut Params<F>,
    starts: &[Vec<f64>],
    lbfgs: &LBfgs,
    mut objective: impl for<'t> FnMut(Bound<'t, F>) -> Result<Var<'t, F>, Error>,
) -> (usize, Optimum) {
    let length = params.len();
    assert!(
        !starts.is_empty() && starts.iter().all(|start| start.len() == length),
        "maximize: {} starts for {length} parameters, or one of another length",
        starts.len()
    );
    let mut best: Option<(usize, Optimum)> = None;
    for (number, start) in starts.iter().enumerate() {
        set(params, start);
        let found = maximize(params, lbfgs, &mut objective);
        let worse = |(_, best): &(usize, Optimum)| best.value.is_nan() || found.value > best.value;
        if best.as_ref().is_none_or(worse) {
            best = Some((number, found));
        }
    }
    let best = best.expect("there is a start");
    set(params, &best.1.x);
    best
}

fn set<F: Scalar>(params: &mut Params<F>, x: &[f64]) {
    params.values_mut().iter_mut().zip(x).for_each(|(to, &from)| *to = F::from_f64(from));
}
