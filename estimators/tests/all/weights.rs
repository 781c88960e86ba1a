//! Sums over log-weights, for three draws of two members, against their definitions; and the columns made of them.

use super::common::assert_near;
use pathscore_estimators::score::{Baseline, Reinforce, Vimco};
use pathscore_estimators::zoo::baselines::{
    BaselineOfLatents, BatchMean, NvilDivisor, OthersOverK, UpdatedRunningMean,
};
use pathscore_estimators::zoo::bounds::{
    BatchAveragedWeights, MeanOfLogs, ScaledTwice, SquaredForModel, UndetachedSample,
    UndetachedWeights, WrongVimco,
};
use pathscore_estimators::zoo::zoo;
use pathscore_estimators::{
    Columns, Cotangents, Enumerator, Estimator, LogWeights, Others, Query, Work,
};
use pathscore_models::latent::SmallBelief;
use pathscore_models::{Params, seed};

const LOG_JOINT: [f64; 6] = [-1.0, -3.0, -2.5, 0.5, -0.25, -1.5];
const LOG_Q: [f64; 6] = [-0.5, -0.75, -1.25, 0.25, -2.0, -0.125];

fn weights() -> LogWeights<'static, f64> {
    LogWeights::new(3, 2, &LOG_JOINT, &LOG_Q)
}

/// $f_k$ of member `b`; draws are outermost.
fn signals(b: usize) -> [f64; 3] {
    [0, 1, 2].map(|k| LOG_JOINT[2 * k + b] - LOG_Q[2 * k + b])
}

#[test]
fn sums_over_draws_are_those_of_their_definitions() {
    let w = weights();
    assert_eq!((w.draws(), w.batch()), (3, 2));
    let mut memory = Others::default();
    for b in 0..2 {
        let f = signals(b);
        let powers = |beta: f64| f.map(|f| (beta * f).exp());
        let log_mean = |beta: f64| (powers(beta).iter().sum::<f64>() / 3.0).ln();
        let share = |beta: f64| powers(beta).map(|power| power / powers(beta).iter().sum::<f64>());
        assert_eq!([0, 1, 2].map(|k| w.log_weight(k, b)), f);
        assert_eq!([0, 1, 2].map(|k| w.log_q(k, b)), [0, 1, 2].map(|k| LOG_Q[2 * k + b]));
        assert_near(
            &[w.mean(b), w.bound(b), w.log_mean(0.5, b), w.log_mean(-2.0, b)],
            &[f.iter().sum::<f64>() / 3.0, log_mean(1.0), log_mean(0.5), log_mean(-2.0)],
            1e-14,
        );
        assert_near(
            &[0.25, 1.0, 3.0].map(|alpha| w.renyi_bound(alpha, b)),
            &[log_mean(0.75) / 0.75, w.mean(b), log_mean(-2.0) / -2.0],
            1e-14,
        );
        assert_near(&[0, 1, 2].map(w.normalised(b)), &share(1.0), 1e-14);
        assert_near(&[0, 1, 2].map(w.tempered(0.5, b)), &share(0.5), 1e-14);
        let squares: f64 = share(1.0).iter().map(|share| share * share).sum();
        assert_near(&[w.effective_draws(b)], &[1.0 / squares], 1e-13);
        let others = w.others(b, &mut memory);
        for k in 0..3 {
            let [i, j] = [(k + 1) % 3, (k + 2) % 3];
            let sum = f[i].exp() + f[j].exp();
            assert_near(
                &[others.log_sum(k), others.log_mean(k), others.mean(k)],
                &[sum.ln(), (0.5 * sum).ln(), 0.5 * (f[i] + f[j])],
                1e-14,
            );
        }
    }
}

#[test]
fn columns_are_filled_draw_by_draw_and_member_by_member() {
    let (w, mut columns) = (weights(), Cotangents::default());
    // Longer columns of an earlier batch are cut.
    columns.log_joint.resize(9, 7.0);
    columns.log_q.resize(9, 7.0);
    columns.fill(&w, |b| move |k| (10.0 * k as f64 + b as f64, -w.log_weight(k, b)));
    assert_eq!(columns.log_joint, [0.0, 1.0, 10.0, 11.0, 20.0, 21.0]);
    let [left, right] = [signals(0), signals(1)];
    let negative: Vec<f64> = left.iter().zip(right).flat_map(|(l, r)| [-l, -r]).collect();
    assert_eq!(columns.log_q, negative);
}

/// The columns of the score-function estimator with each baseline, and those of its twin in the zoo.
#[test]
fn columns_of_the_score_are_the_shares_of_the_centred_signal() {
    let w = weights();
    let check = |name: &str,
                 estimator: &dyn Fn(&mut Cotangents<f64>),
                 baseline: &dyn Fn(usize, usize) -> f64,
                 factor: f64| {
        let mut columns = Cotangents::default();
        estimator(&mut columns);
        for (b, k) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
            let found = [columns.log_joint[2 * k + b], columns.log_q[2 * k + b]];
            let signal = factor * (signals(b)[k] - baseline(b, k));
            println!("{name}: draw {k} of member {b}");
            assert_near(&found, &[1.0 / 3.0, signal / 3.0], 1e-15);
        }
    };
    let others = |b: usize, k: usize| (signals(b).iter().sum::<f64>() - signals(b)[k]) / 2.0;
    for (name, baseline, value) in [
        ("none", Baseline::None, &(|_, _| 0.0) as &dyn Fn(usize, usize) -> f64),
        ("constant", Baseline::Constant(-2.0), &|_, _| -2.0),
        ("nothing learnt", Baseline::running_mean(), &|_, _| 0.0),
        ("learnt", Baseline::RunningMean { decay: 0.5, mean: Some(1.5) }, &|_, _| 1.5),
        ("one out", Baseline::LeaveOneOut, &others),
    ] {
        check(name, &|columns| Reinforce { baseline }.cotangents(&w, columns), value, 1.0);
    }
    for scale in [1.0, 2.5] {
        check(
            "scale",
            &|columns| ScaledTwice { scale }.cotangents(&w, columns),
            &|_, _| 0.0,
            scale,
        );
    }
}

/// Columns of an estimator for all draws of both members.
fn columns(estimator: &impl Columns) -> Cotangents<f64> {
    let mut columns = Cotangents::default();
    estimator.cotangents(&weights(), &mut columns);
    columns
}

/// Compares columns with the function $(k, b) \mapsto (a_k, b_k)$.
#[track_caller]
fn assert_columns(estimator: &impl Columns, by_hand: impl Fn(usize, usize) -> (f64, f64)) {
    let found = columns(estimator);
    let (a, b): (Vec<f64>, Vec<f64>) = (0..6).map(|at| by_hand(at / 2, at % 2)).unzip();
    assert_near(&found.log_joint, &a, 1e-14);
    assert_near(&found.log_q, &b, 1e-14);
}

/// The mistakes of the zoo are those of their formulas for more draws and rows than the zoo has, too.
#[test]
fn wrong_columns_are_wrong_as_they_say() {
    let share =
        |k: usize, b: usize| signals(b)[k].exp() / signals(b).iter().map(|f| f.exp()).sum::<f64>();
    let sum = |b: usize| signals(b).iter().sum::<f64>();
    let third = 1.0 / 3.0;
    assert_columns(&UndetachedWeights, |k, b| {
        let mean: f64 = (0..3).map(|j| share(j, b) * signals(b)[j]).sum();
        let a = share(k, b) * (1.0 + signals(b)[k] - mean);
        (a, -a)
    });
    assert_columns(&SquaredForModel, |k, b| (share(k, b).powi(2), -share(k, b).powi(2)));
    assert_columns(&MeanOfLogs, |_, _| (third, -third));
    assert_columns(&UndetachedSample, |k, b| (third, third * signals(b)[k]));
    let means = |k: usize| 0.5 * (signals(0)[k] + signals(1)[k]);
    let total: f64 = (0..3).map(|k| means(k).exp()).sum();
    assert_columns(&BatchAveragedWeights, |k, _| {
        let share = means(k).exp() / total;
        (share, 2.0 * (total / 3.0).ln() - share)
    });
    let vimco = columns(&Vimco::default());
    let right = |k: usize, b: usize| (vimco.log_joint[2 * k + b], vimco.log_q[2 * k + b]);
    let signal: [f64; 2] = [0, 1].map(|b| (0..3).map(|k| right(k, b).0 + right(k, b).1).sum());
    assert_columns(&WrongVimco::NoLogQ, |k, b| (right(k, b).0, right(k, b).1 + right(k, b).0));
    assert_columns(&WrongVimco::Broadcast, |k, b| (right(k, b).0, signal[b] - right(k, b).0));
    assert_columns(&WrongVimco::NoScore, |k, b| (right(k, b).0, -right(k, b).0));
    assert_columns(&WrongVimco::NoPosteriorGradient, |k, b| (right(k, b).0, 0.0));
    assert_columns(&WrongVimco::Unnormalised, |k, b| (third * signals(b)[k].exp(), right(k, b).1));
    assert_columns(&BatchMean, |k, b| (third, third * (signals(b)[k] - third * sum(b))));
    let now = (sum(0) + sum(1)) / 6.0;
    let updated = UpdatedRunningMean { decay: 0.75, mean: -2.0 };
    assert_columns(&updated, |k, b| (third, third * (signals(b)[k] + 1.5 - 0.25 * now)));
    assert_columns(&OthersOverK { correction: 0.5, shift: 4.0 }, |k, b| {
        let f = signals(b)[k] + 4.0;
        (third, third * (f - (sum(b) + 12.0 - f) / 2.5))
    });
    for (floor, includes_draw, v) in [(1.0, false, 9.0), (5.0, false, 9.0), (0.1, true, 9.0)] {
        let wrong = NvilDivisor { floor, includes_draw, running: [-2.0, v] };
        assert_columns(&wrong, |k, b| {
            let away = third * sum(b) + 2.0;
            let v = if includes_draw { 0.8 * v + 0.2 * away * away } else { v };
            (third, third * (signals(b)[k] + 2.0) / v.sqrt().max(floor))
        });
    }
    let mut learner = NvilDivisor { floor: 1.0, includes_draw: false, running: [-2.0, 9.0] };
    Columns::observe(&mut learner, 3.0);
    assert_near(&learner.running, &[0.8 * -2.0 + 0.2 * 3.0, 0.8 * 9.0 + 0.2 * 25.0], 1e-14);
    let mut learner = updated;
    Columns::observe(&mut learner, 3.0);
    assert_eq!(learner.mean, 0.75 * -2.0 + 0.25 * 3.0);
}

/// $f(b, c) = (b + c/2 - 0.45)^2 + 0.3 b c$ at the logits 1 and −0.7.
#[test]
fn the_two_bits_of_the_zoo_have_the_gradient_of_their_function() {
    let specimen = zoo().into_iter().find(|specimen| specimen.name == "arm-swapped").unwrap();
    let truth = specimen.problem.truth().unwrap();
    let f = |b: f64, c: f64| (b + 0.5 * c - 0.45).powi(2) + 0.3 * b * c;
    let [p, r] = [1.0, -0.7].map(|eta: f64| 1.0 / (1.0 + (-eta).exp()));
    let by_first =
        p * (1.0 - p) * (r * (f(1.0, 1.0) - f(0.0, 1.0)) + (1.0 - r) * (f(1.0, 0.0) - f(0.0, 0.0)));
    let by_second =
        r * (1.0 - r) * (p * (f(1.0, 1.0) - f(1.0, 0.0)) + (1.0 - p) * (f(0.0, 1.0) - f(0.0, 0.0)));
    assert_near(&truth.gradient, &[by_first, by_second], 1e-9);
}

/// The sums by which the baseline of the latents is fitted: the signal above the fit, times one and each latent.
#[test]
fn a_baseline_of_latents_learns_from_every_latent() {
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    let query = Query::new(&model, &params, &[1.0, 0.0, 1.0], 1);
    let (mut work, plain) = (Work::new(), BaselineOfLatents::default());
    let fitted = BaselineOfLatents { weights: vec![-2.0, 0.5, 3.0] };
    for (learner, [w0, w1, w2]) in [(plain, [0.0; 3]), (fitted, [-2.0, 0.5, 3.0])] {
        let mut count = 0;
        Enumerator::for_each(0, 10, |source| {
            let f = learner.estimate(query, source, &mut work);
            // The bits in the order of the outcomes, the last fastest.
            let z = [count / 2, count % 2].map(f64::from);
            let signal = f - (w0 + w1 * z[0] + w2 * z[1]);
            assert_near(&work.stats, &[signal, signal * z[0], signal * z[1]], 1e-14);
            count += 1;
        });
        assert_eq!(count, 4);
    }
}
