//! Gaussian processes fitted by L-BFGS: hyperparameters that drew the data, and latents that keep classes apart.

use pathscore_autodiff::{Scalar, Tape};
use pathscore_estimators::fit;
use pathscore_estimators::optim::LBfgs;
use pathscore_models::Params;
use pathscore_models::data::digits;
use pathscore_models::gp::{BayesianGplvm, GpRegression, Gplvm, GplvmData, HyperPrior, KernelForm};
use pathscore_models::seed::{self, Stream};

/// A draw from the model itself: 150 points of two dimensions, of which the second has no effect.
#[test]
fn type_two_likelihood_finds_the_hyperparameters_and_the_dimension_without_effect() {
    let (seed, n) = (3, 150);
    let rng = &mut seed::rng(seed, Stream::Sample, 0);
    let mut draws = vec![0.0; 4 * n];
    f64::fill_normal(&mut draws, rng);
    let x: Vec<f64> = draws[..2 * n].iter().map(|x| 2.0 * x).collect();
    let mut params = Params::<f64>::new();
    let model = GpRegression::new(&mut params, &[KernelForm::Rbf], 2);
    let scales = model.kernel().log_length_scale(KernelForm::Rbf).unwrap();
    let truth = [0.0, 12.0];
    params.get_mut(scales).copy_from_slice(&truth);
    let tape = Tape::new();
    let bound = params.on(&tape);
    let gram = model.kernel().gram(bound, tape.constant(&x, [n, 2]));
    let jitter = tape.constant(&[1e-8], []) * tape.constant(&[1.0], [1]).broadcast_to([n]).diag(0);
    let factor = (gram + jitter).cholesky().unwrap();
    let f = factor.matmul(tape.constant(&draws[2 * n..3 * n], [n, 1])).value();
    let y: Vec<f64> =
        f.values().iter().zip(&draws[3 * n..]).map(|(f, noise)| f + 0.2 * noise).collect();

    let start = |log_length_scale: f64, log_noise: f64| {
        let mut params = params.clone();
        params.get_mut(scales).fill(log_length_scale);
        params.get_mut(model.log_noise()).fill(log_noise);
        params.values().to_vec()
    };
    let starts = [start(1.0, -1.0), start(-3.0, 0.0), start(0.0, -4.0)];
    let lbfgs = LBfgs { gradient_tolerance: 1e-6, ..LBfgs::default() };
    let (_, found) = fit::maximize_from(&mut params, &starts, &lbfgs, |bound| {
        let tape = bound.tape();
        model.log_marginal(bound, tape.constant(&x, [n, 2]), tape.constant(&y, [n]))
    });
    assert!(found.stop.converged(), "seed {seed}: {}", found.stop);
    let scale = params.get(scales);
    let noise = params.get(model.log_noise())[0].exp().sqrt();
    // 150 noisy observations of some fifteen independent values of the function: the standard error of a logarithm is near 0.15
    // for the length-scale, and 1/√(2 · 135) for the standard deviation of the noise. Four of each.
    assert!(scale[0].abs() < 0.6 && scale[1] > 2.0, "seed {seed}: {scale:?}");
    assert!((noise / 0.2).ln().abs() < 0.25, "seed {seed}: {noise}");
}

#[test]
fn the_best_start_wins_and_a_bad_one_does_not_hurt() {
    let x: Vec<f64> = (0..25).map(|i| 0.3 * f64::from(i)).collect();
    let y: Vec<f64> = x.iter().map(|x| x.sin() + 0.05 * (31.0 * x).cos()).collect();
    let mut params = Params::<f64>::new();
    let model = GpRegression::new(&mut params, &[KernelForm::Rbf], 1);
    let at = |log_length_scale: f64, log_noise: f64| {
        let mut params = params.clone();
        let id = model.kernel().log_length_scale(KernelForm::Rbf).unwrap();
        params.get_mut(id).fill(log_length_scale);
        params.get_mut(model.log_noise()).fill(log_noise);
        params.values().to_vec()
    };
    // Everything is noise; not a number at all; the sine.
    let starts = [at(-6.0, 1.0), at(f64::NAN, 0.0), at(0.0, -4.0)];
    let values: Vec<f64> = starts
        .iter()
        .map(|start| {
            let alone = std::slice::from_ref(start);
            let mut params = params.clone();
            let lbfgs = LBfgs::default();
            fit::maximize_from(&mut params, alone, &lbfgs, |bound| {
                let tape = bound.tape();
                model.log_marginal(bound, tape.constant(&x, [25, 1]), tape.constant(&y, [25]))
            })
            .1
            .value
        })
        .collect();
    assert!(values[1].is_nan() && values[2] > values[0] + 10.0, "{values:?}");
    for order in [[0, 1, 2], [1, 2, 0], [2, 0, 1]] {
        let starts = order.map(|i| starts[i].clone());
        let (number, found) =
            fit::maximize_from(&mut params, &starts, &LBfgs::default(), |bound| {
                let tape = bound.tape();
                model.log_marginal(bound, tape.constant(&x, [25, 1]), tape.constant(&y, [25]))
            });
        assert_eq!((order[number], found.value), (2, values[2]));
        assert_eq!(params.values(), found.x);
    }
}

/// With a prior the maximum is that of the posterior density: its gradient, likelihood and prior together, is zero, and a sharp prior
/// holds the length-scale.
#[test]
fn a_prior_holds_a_hyperparameter() {
    let x: Vec<f64> = (0..25).map(|i| 0.3 * f64::from(i)).collect();
    let y: Vec<f64> = x.iter().map(|x| x.sin()).collect();
    let mut params = Params::<f64>::new();
    let model = GpRegression::new(&mut params, &[KernelForm::Matern52], 1);
    let prior = HyperPrior {
        log_length_scale: Some((-1.0, 0.01)),
        log_noise: Some((-4.0, 1.0)),
        ..HyperPrior::default()
    };
    // Rounding of a likelihood of some hundred nats with a curvature of 10⁴ leaves slopes of 1e-6.
    let lbfgs = LBfgs { gradient_tolerance: 1e-4, ..LBfgs::default() };
    let found = fit::maximize(&mut params, &lbfgs, |bound| {
        let tape = bound.tape();
        let (x, y) = (tape.constant(&x, [25, 1]), tape.constant(&y, [25]));
        Ok(model.log_marginal(bound, x, y)? + model.log_prior(bound, &prior))
    });
    assert!(found.stop.converged(), "{}", found.stop);
    let id = model.kernel().log_length_scale(KernelForm::Matern52).unwrap();
    // The likelihood pulls with a slope of the order of the number of points, and the prior has a curvature of 10⁴.
    assert!((params.get(id)[0] + 1.0).abs() < 25.0 / 1e4, "{:?}", params.get(id));
}

/// The share of rows whose nearest other row has another label.
fn nearest_error(x: &[f64], dimensions: usize, labels: &[u8]) -> f64 {
    let row = |i: usize| &x[i * dimensions..(i + 1) * dimensions];
    let distance = |i: usize, j: usize| -> f64 {
        row(i).iter().zip(row(j)).map(|(a, b)| (a - b).powi(2)).sum()
    };
    let wrong = |&i: &usize| {
        let others = (0..labels.len()).filter(|&j| j != i);
        let nearest = others.min_by(|&a, &b| distance(i, a).total_cmp(&distance(i, b))).unwrap();
        labels[nearest] != labels[i]
    };
    (0..labels.len()).filter(wrong).count() as f64 / labels.len() as f64
}

/// Digits of three classes in two dimensions: the latents keep classes apart where the principal components, from which they start,
/// do not, and a new digit falls among those of its class.
#[test]
fn latents_of_digits_beat_principal_components_and_new_digits_are_placed_in_their_class() {
    let classes = [3, 5, 8];
    let all = digits(11, 0..700);
    let labels = all.labels().unwrap();
    let rows: Vec<usize> =
        (0..all.len()).filter(|&i| classes.contains(&labels[i])).take(180).collect();
    let table = all.select(&rows);
    let (n, new) = (150, 30);
    let (seen, unseen) = table.clone().split_at(n);
    let numbers = |values: &[f32]| values.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
    let columns = table.columns();
    let data = GplvmData::new(&numbers(seen.values()), n, columns);
    let mut params = Params::<f64>::new();
    let model = Gplvm::new(&mut params, n, 2, &[KernelForm::Rbf]);
    model.start(&mut params, &data).unwrap();
    let labels = seen.labels().unwrap();
    let pca = nearest_error(&data.principal_components(2).unwrap(), 2, labels);
    let lbfgs = LBfgs { max_iterations: 150, ..LBfgs::default() };
    let found = fit::maximize(&mut params, &lbfgs, |bound| {
        Ok(model.log_prob(bound, &data)? + model.log_latent_prior(bound))
    });
    let gplvm = nearest_error(params.get(model.latents()), 2, labels);
    eprintln!(
        "nearest neighbours: {pca} of PCA, {gplvm} of the latents, after {}",
        found.iterations
    );
    assert!(gplvm < pca, "{gplvm} {pca}");

    let posterior = model.posterior(&params, &data).unwrap();
    let placed: Vec<_> = (0..new)
        .map(|i| {
            let row = numbers(unseen.row(i));
            fit::place(&posterior, &params, &row, 3, true, &LBfgs::default())
        })
        .collect();
    // The spread of a class: the distance from its mean below which nine tenths of its rows lie.
    let mut inside = 0;
    for (placement, &label) in placed.iter().zip(unseen.labels().unwrap()) {
        assert!(placement.log_prob.is_finite());
        let of: Vec<&[f64]> =
            (0..n).filter(|&i| labels[i] == label).map(|i| posterior.latent(i)).collect();
        let mean = |k: usize| of.iter().map(|x| x[k]).sum::<f64>() / of.len() as f64;
        let centre = [mean(0), mean(1)];
        let distance = |x: &[f64]| (x[0] - centre[0]).hypot(x[1] - centre[1]);
        let mut spread: Vec<f64> = of.iter().map(|x| distance(x)).collect();
        spread.sort_by(f64::total_cmp);
        inside += usize::from(distance(&placement.latent) <= spread[of.len() * 9 / 10]);
    }
    // Of 30 rows of which each is inside with probability 0.9, fewer than 21 are with probability 5e-4.
    eprintln!("{inside} of {new} placed within the spread of their class");
    assert!(inside >= 21, "{inside}");
}

/// Rows on a curve of ten dimensions, with three latents to explain them: one is enough.
#[test]
fn the_bayesian_model_switches_superfluous_latents_off() {
    let (seed, n, d, latents) = (2, 40, 10, 3);
    let rng = &mut seed::rng(seed, Stream::Sample, 0);
    let mut draws = vec![0.0; n + n * d];
    f64::fill_normal(&mut draws, rng);
    let (t, noise) = draws.split_at(n);
    let y: Vec<f64> = (0..n * d)
        .map(|at| {
            let (t, j) = (t[at / d], (at % d) as f64);
            (0.9 * t + 0.6 * j).sin() + 0.3 * t * (j - 4.0) + 0.05 * noise[at]
        })
        .collect();
    let data = GplvmData::new(&y, n, d);
    let mut params = Params::<f64>::new();
    let model = BayesianGplvm::new(&mut params, n, latents, 12);
    model.start(&mut params, &data).unwrap();
    let lbfgs = LBfgs { max_iterations: 400, gradient_tolerance: 1e-3, ..LBfgs::default() };
    let found = fit::maximize(&mut params, &lbfgs, |bound| model.bound(bound, &data));
    let scales = params.get(model.kernel().log_length_scale(KernelForm::Rbf).unwrap());
    let x = params.get(model.latents());
    // The effect of a latent: its spread in units of its length-scale.
    let effect = |k: usize| {
        let squares: f64 = x.iter().skip(k).step_by(latents).map(|x| x * x).sum();
        (squares / n as f64).sqrt() / scales[k].exp()
    };
    let mut effects: Vec<f64> = (0..latents).map(effect).collect();
    effects.sort_by(f64::total_cmp);
    let noise = params.get(model.log_noise())[0].exp().sqrt();
    eprintln!("effects {effects:?}, noise {noise}, bound {}, {}", found.value, found.stop);
    assert!(effects[1] < 0.05 * effects[2], "seed {seed}: {effects:?}");
    // 400 cells, of which the curve takes a tenth: a standard error of four percent.
    assert!((noise / 0.05).ln().abs() < 0.2, "seed {seed}: {noise}");
}
