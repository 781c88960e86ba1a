//! Checkpoints: a run that continues from one has the same bits, and every number in it is needed for that.

use pathscore_autodiff::vector::Lanes;
use pathscore_estimators::Estimator;
use pathscore_estimators::both::{Rebar, Relax};
use pathscore_estimators::fit::{Options, RestoreError, State, Trainer};
use pathscore_estimators::optim::{Adam, Optimizer, Sgd};
use pathscore_estimators::score::{Baseline, MuProp, Nvil, OptimalConstant, Reinforce};
use pathscore_models::latent::SmallBelief;
use pathscore_models::{Params, seed};
use std::ops::Range;

type Run<E> = Trainer<f64, SmallBelief, E>;

fn train<E: Estimator<f64, SmallBelief>>(run: &mut Run<E>, steps: usize) -> Vec<u64> {
    let feed = |rows: Range<usize>, x: &mut [f64], rng: &mut Lanes| {
        use pathscore_models::RandomSource as _;
        assert_eq!(x.len(), 3 * rows.len());
        x.iter_mut().for_each(|x| *x = f64::from(rng.bernoulli(0.6)));
    };
    let mut bits = Vec::new();
    for _ in 0..steps {
        let report = run.step([4, 3], feed).unwrap();
        bits.extend([report.step, report.bound.to_bits(), report.grad_norm.to_bits()]);
        bits.extend(run.gradient().iter().map(|g| g.to_bits()));
    }
    bits.extend(run.params.values().iter().map(|p| p.to_bits()));
    bits
}

/// Changes of a state, each with a name.
fn changes(state: &State<f64>) -> Vec<(String, State<f64>)> {
    let mut all = Vec::new();
    let mut change = |what: String, change: &dyn Fn(&mut State<f64>)| {
        let mut changed = state.clone();
        change(&mut changed);
        all.push((what, changed));
    };
    change("step".into(), &|state| state.step += 1);
    change("a parameter".into(), &|state| state.params.values_mut()[0] += 1e-3);
    for i in 0..state.optimizer.len() {
        let what = format!("{} of the optimiser", state.optimizer[i].0);
        change(what, &|state| state.optimizer[i].1[1] += 1e-3);
    }
    for i in 0..state.estimator.len() {
        // Large enough for a number of steps.
        change(format!("number {i} of the estimator"), &|state| state.estimator[i] += 1.0);
    }
    all
}

/// Continues from a state after three steps, and from every change of it.
fn every_number_matters<E: Estimator<f64, SmallBelief>>(
    name: &str,
    learnt: usize,
    optimizer: impl Fn() -> Box<dyn Optimizer<f64>>,
    make: impl Fn(&mut Params<f64>) -> E,
) {
    let begin = || {
        let mut params = Params::new();
        let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
        let estimator = make(&mut params);
        let options = Options { samples: 2, lr: 0.05, seed: 3, ..Options::default() };
        Trainer::new(model, params, estimator, optimizer(), options)
    };
    let mut first = begin();
    assert_eq!(first.state().optimizer, [], "{name}: an optimiser without steps has no vectors");
    train(&mut first, 3);
    let state = first.state();
    assert_eq!((state.step, state.optimizer_steps), (3, 3), "{name}");
    assert_eq!(state.estimator.len(), learnt, "{name}: {state:?}");
    let rest = train(&mut first, 3);
    let go_on = |state: State<f64>| {
        let mut run = begin();
        run.restore(state).unwrap();
        train(&mut run, 3)
    };
    assert!(go_on(state.clone()) == rest, "{name}: other bits");
    for (what, changed) in changes(&state) {
        assert!(go_on(changed) != rest, "{name}: {what} makes no difference");
    }
}

fn adam() -> Box<dyn Optimizer<f64>> {
    Box::new(Adam::default())
}

#[test]
fn runs_continue_with_the_same_bits_and_need_every_number_of_a_checkpoint() {
    let rng = || seed::rng(1, seed::Stream::Init, 0);
    let running = |_: &mut _| Reinforce { baseline: Baseline::running_mean() };
    every_number_matters("running mean", 1, adam, running);
    let sgd = || -> Box<dyn Optimizer<f64>> { Box::new(Sgd::new(0.9)) };
    every_number_matters("running mean, sgd", 1, sgd, running);
    every_number_matters("muprop", 1, adam, |_| MuProp::default());
    every_number_matters("optimal", 2, adam, |_| OptimalConstant::new(0.9));
    every_number_matters("nvil", 2, adam, |params| Nvil::new(params, &[3], 2, &mut rng()));
    // ln τ and λ, the number of steps, and two moments of each.
    every_number_matters("rebar", 7, adam, |_| Rebar::new(0.5));
    every_number_matters("relax", 7, adam, |params| Relax::new(params, 2, 3, &mut rng()));
}

#[test]
fn the_number_of_steps_of_adam_is_part_of_a_checkpoint() {
    let begin = || {
        let mut params = Params::new();
        let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
        let estimator = Reinforce { baseline: Baseline::None };
        Trainer::new(model, params, estimator, adam(), Options::default())
    };
    let mut first = begin();
    train(&mut first, 3);
    let state = first.state();
    let [rest, other] = [0, 1].map(|more| {
        let mut run = begin();
        run.restore(State { optimizer_steps: state.optimizer_steps + more, ..state.clone() })
            .unwrap();
        train(&mut run, 1)
    });
    assert!(train(&mut first, 1) == rest && rest != other);
}

#[test]
fn a_state_that_lacks_a_vector_of_the_optimiser_is_refused_and_changes_nothing() {
    let begin = || {
        let mut params = Params::new();
        let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
        Trainer::new(model, params, MuProp::default(), adam(), Options::default())
    };
    let mut first = begin();
    train(&mut first, 2);
    for (at, name) in [(0, "m"), (1, "v")] {
        for short in [false, true] {
            let mut state = first.state();
            if short {
                state.optimizer[at].1.pop();
            } else {
                state.optimizer.remove(at);
            }
            let (mut run, before) = (begin(), begin().state());
            let error = run.restore(state).unwrap_err();
            assert_eq!(error, RestoreError::Optimizer { name: name.into() });
            assert!(error.to_string().contains(&format!("`{name}` is missing")), "{error}");
            assert_eq!(run.state(), before);
        }
    }
}
