//! Different ways to one maximum of the likelihood: closed form, expectation maximisation, gradients, the bound of a
//! linear variational autoencoder.

use nalgebra::DMatrix;
use pathscore_autodiff::{Activation, Tape, Var};
use pathscore_estimators::optim::{LBfgs, Optimum};
use pathscore_models::data::{Source, Table, digits};
use pathscore_models::dist::Kl;
use pathscore_models::latent::{LatentModel, Likelihood, Vae};
use pathscore_models::seed::{self, Stream};
use pathscore_models::tractable::{Covariance, FactorAnalysis, GaussianMixture, Ppca, bic};
use pathscore_models::{Em, Params, RandomSource, Tractable};
use rand_xoshiro::Xoshiro256PlusPlus;

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    seed::rng(seed, Stream::Init, 0)
}

/// Rows $x = Wz + \mu + \epsilon$ with noise of the given standard deviations.
fn linear_rows(rows: usize, weights: &[f64], noise: &[f64], seed: u64) -> Vec<f64> {
    let latents = weights.len() / noise.len();
    let source = &mut seed::rng(seed, Stream::Sample, 0);
    let mut x = Vec::new();
    for _ in 0..rows {
        let z: Vec<f64> = (0..latents).map(|_| source.normal()).collect();
        for (j, (w, noise)) in weights.chunks_exact(latents).zip(noise).enumerate() {
            let mean: f64 = w.iter().zip(&z).map(|(w, z)| w * z).sum();
            x.push(mean + 0.5 * j as f64 + noise * source.normal());
        }
    }
    x
}

/// The mean of $\ln p(x)$ over the rows of a table.
fn mean_log_prob<M: Tractable<f64>>(
    model: &M,
    params: &Params<f64>,
    x: &[f64],
    columns: usize,
) -> f64 {
    let mut tape = Tape::new();
    let mut sum = 0.0;
    for block in x.chunks(1000 * columns) {
        let rows = tape.constant(block, [block.len() / columns, columns]);
        sum += model.log_prob(params.on(&tape), rows).sum().item();
        tape.clear();
    }
    sum * columns as f64 / x.len() as f64
}

/// The maximum of a function of parameters, which `record` puts on a tape, and the parameters there.
fn maximize(
    lbfgs: LBfgs,
    params: &mut Params<f64>,
    mut record: impl for<'t> FnMut(pathscore_models::Bound<'t, f64>) -> Var<'t, f64>,
) -> Optimum {
    let mut tape = Tape::new();
    let start = params.values().to_vec();
    let found = lbfgs.maximize(&start, |at, gradient| {
        params.values_mut().copy_from_slice(at);
        let value = {
            let value = record(params.on(&tape));
            gradient.copy_from_slice(value.backward().leading(at.len()));
            value.item()
        };
        tape.clear();
        value
    });
    params.values_mut().copy_from_slice(&found.x);
    found
}

/// The maximum of the mean of $\ln p(x)$ along its gradient.
fn gradient<M: Tractable<f64>>(
    lbfgs: LBfgs,
    model: &M,
    params: &mut Params<f64>,
    x: &[f64],
    columns: usize,
) -> Optimum {
    maximize(lbfgs, params, |params| {
        let rows = params.tape().constant(x, [x.len() / columns, columns]);
        model.log_prob(params, rows).mean()
    })
}

/// Sweeps of EM until one gains less than `tolerance`; the mean of $\ln p(x)$ before the last.
fn em<M: Em<f64>>(
    model: &M,
    params: &mut Params<f64>,
    x: &[f64],
    rows: usize,
    (sweeps, tolerance): (usize, f64),
) -> f64 {
    let mut last = f64::NEG_INFINITY;
    for _ in 0..sweeps {
        let found = model.em_step(params, x, rows);
        if found - last < tolerance {
            return found;
        }
        last = found;
    }
    last
}

/// The exact ELBO of a linear variational autoencoder.
///
/// $\ln p(x \mid z)$ is a quadratic function of $z$, so that its mean under a factorised normal with $L$ coordinates is its mean
/// over the $2L$ points $\mu \pm \sqrt L \sigma_j e_j$, which have the same first and second moments.
fn exact_elbo<'t>(
    model: &Vae,
    latents: usize,
    params: pathscore_models::Bound<'t, f64>,
    x: Var<'t, f64>,
) -> Var<'t, f64> {
    let q = model.posterior(params, x);
    let reach = (latents as f64).sqrt();
    let points: Vec<Var<f64>> = (0..2 * latents)
        .map(|i| {
            let mut axis = vec![0.0; latents];
            axis[i / 2] = if i % 2 == 0 { reach } else { -reach };
            q.loc() + q.scale() * params.tape().constant(&axis, [latents])
        })
        .collect();
    let z = Var::stack(&points, 0);
    model.log_likelihood(params, x, z).mean_axis(0) - q.kl(&model.prior(params))
}

const LOADINGS: [f64; 18] =
    [1.5, 0.2, 0.0, 1.0, -0.7, 0.3, -0.4, 0.9, 0.5, 0.3, 0.8, -0.9, -1.1, 0.1, 0.6, 0.5, 0.0, 0.7];

#[test]
fn closed_form_em_gradients_and_the_linear_vae_find_one_maximum() {
    let (rows, columns, latents) = (200, 6, 3);
    let x = linear_rows(rows, &LOADINGS, &[0.6; 6], 1);
    let fresh = |seed| {
        let mut params = Params::<f64>::new();
        let model = Ppca::new(&mut params, columns, latents, &mut rng(seed));
        (model, params)
    };
    let (model, mut params) = fresh(1);
    let best = model.closed_form(&mut params, &x, rows).expect("eigenvalues are found");
    assert!((mean_log_prob(&model, &params, &x, columns) - best).abs() < 1e-11);

    let (model, mut params) = fresh(2);
    let of_em = em(&model, &mut params, &x, rows, (5000, 1e-12));
    assert!((of_em - best).abs() < 1e-6, "EM {of_em}, closed form {best}");

    let (model, mut params) = fresh(3);
    let of_gradient = gradient(LBfgs::default(), &model, &mut params, &x, columns);
    assert!(of_gradient.stop.converged(), "{:?}", of_gradient.stop);
    // Quadratic in an error of the parameters that is far below 1e-6.
    assert!((of_gradient.value - best).abs() < 1e-11, "{} {best}", of_gradient.value);

    // The autoencoder has a standard deviation for each column, which are tied to one here.
    let mut params = Params::<f64>::new();
    let (act, likelihood) = (Activation::Tanh, Likelihood::Normal);
    let vae = Vae::new(&mut params, columns, &[], latents, act, likelihood, &mut rng(4));
    let own = params.len() - columns;
    assert_eq!(params.name_at(own), Some(("decoder.log_scale", 0)));
    let mut tied = Params::<f64>::new();
    tied.add("tied", [own + 1], pathscore_models::Init::Constant(0.0), &mut rng(5));
    tied.values_mut()[..own].copy_from_slice(&params.values()[..own]);
    let mut tape = Tape::new();
    let mut elbo = |tied: &[f64], gradient: &mut [f64]| {
        params.values_mut()[..own].copy_from_slice(&tied[..own]);
        params.values_mut()[own..].fill(tied[own]);
        let value = {
            let rows = tape.constant(&x, [rows, columns]);
            let value = exact_elbo(&vae, latents, params.on(&tape), rows).mean();
            let found = value.backward();
            let found = found.leading(own + columns);
            gradient[..own].copy_from_slice(&found[..own]);
            gradient[own] = found[own..].iter().sum();
            value.item()
        };
        tape.clear();
        value
    };
    let first = elbo(tied.values(), &mut vec![0.0; own + 1]);
    let lbfgs = LBfgs { max_iterations: 5000, ..LBfgs::default() };
    let found = lbfgs.maximize(tied.values(), &mut elbo);
    assert!(found.stop.converged(), "{:?}", found.stop);
    assert!((found.value - best).abs() < 1e-6, "ELBO {}, closed form {best}", found.value);

    // ln p(x) of the same decoder: the gap of the bound was wide at the start and has closed.
    let decoder = |at: &[f64]| {
        let (model, mut of_ppca) = fresh(1);
        let weights = own - columns - latents * columns;
        for (i, w) in at[weights..own - columns].iter().enumerate() {
            let (latent, column) = (i / columns, i % columns);
            of_ppca.get_mut(model.weights())[column * latents + latent] = *w;
        }
        of_ppca.get_mut(model.loc()).copy_from_slice(&at[own - columns..own]);
        of_ppca.get_mut(model.log_noise())[0] = 2.0 * at[own];
        mean_log_prob(&model, &of_ppca, &x, columns)
    };
    let gap = |at: &[f64], elbo: f64| decoder(at) - elbo;
    assert!(gap(tied.values(), first) > 0.1);
    let last = gap(&found.x, found.value);
    assert!((-1e-10..1e-6).contains(&last), "the gap is {last}");
}

/// The sine of the largest angle between the spaces that the columns of two matrices span.
fn largest_sine(a: &DMatrix<f64>, b: &DMatrix<f64>) -> f64 {
    let [a, b] = [a, b].map(|m| m.clone().qr().q());
    let rest = &a - &b * (b.transpose() * &a);
    rest.singular_values().max()
}

/// The mean and the covariance of rows, and rows that have the same: $\mu \pm \sqrt{D \lambda_i} u_i$ for the $D$ eigenvalues and
/// eigenvectors of the covariance. $\ln p(x)$ of a normal model depends on nothing else in its mean over the rows.
fn equivalent_rows(x: &[f64], columns: usize) -> Vec<f64> {
    let rows = x.len() / columns;
    let mut mean = vec![0.0; columns];
    for row in x.chunks_exact(columns) {
        mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += x / rows as f64);
    }
    let mut covariance = DMatrix::<f64>::zeros(columns, columns);
    for block in x.chunks(1000 * columns) {
        let centred = block.iter().enumerate().map(|(i, x)| x - mean[i % columns]);
        let block = DMatrix::from_iterator(columns, block.len() / columns, centred);
        covariance.gemm(1.0 / rows as f64, &block, &block.transpose(), 1.0);
    }
    let found = covariance.symmetric_eigen();
    let mut same = Vec::with_capacity(2 * columns * columns);
    for (value, vector) in found.eigenvalues.iter().zip(found.eigenvectors.column_iter()) {
        let length = (columns as f64 * value.max(0.0)).sqrt();
        for side in [length, -length] {
            same.extend(mean.iter().zip(vector.iter()).map(|(mean, u)| mean + side * u));
        }
    }
    same
}

/// The results of the three ways to principal directions.
#[derive(Debug)]
struct Ways {
    /// The mean of $\ln p(x)$ over all rows: closed form, EM, gradient.
    log_probs: [f64; 3],
    /// The sine of the largest angle between the span of the closed form's directions and that of the others.
    sines: [f64; 2],
    stop: String,
}

/// The first `latents` principal directions of rows in three ways, EM and the gradient each from a random start.
fn ways(x: &[f64], columns: usize, latents: usize, sweeps: usize) -> Ways {
    let rows = x.len() / columns;
    let same = equivalent_rows(x, columns);
    let fresh = |seed| {
        let mut params = Params::<f64>::new();
        let model = Ppca::new(&mut params, columns, latents, &mut rng(seed));
        // The random weights of length one are of the size of the data.
        let count = same.len() / columns;
        let square = same.iter().map(|x| x * x).sum::<f64>() / (count * columns) as f64;
        params.get_mut(model.log_noise())[0] = square.ln();
        (model, params)
    };
    let (model, mut params) = fresh(1);
    model.closed_form(&mut params, x, rows).expect("eigenvalues are found");
    let span = |params: &Params<f64>| {
        DMatrix::from_row_slice(columns, latents, params.get(model.weights()))
    };
    let exact = span(&params);
    let mut log_probs = [mean_log_prob(&model, &params, x, columns), 0.0, 0.0];
    let mut sines = [0.0; 2];

    let (model, mut params) = fresh(2);
    em(&model, &mut params, &same, 2 * columns, (sweeps, 0.0));
    log_probs[1] = mean_log_prob(&model, &params, x, columns);
    sines[0] = largest_sine(&span(&params), &exact);

    let (model, mut params) = fresh(3);
    let lbfgs = LBfgs { history: 30, max_iterations: sweeps, gradient_tolerance: 1e-7 };
    let found = gradient(lbfgs, &model, &mut params, &same, columns);
    log_probs[2] = mean_log_prob(&model, &params, x, columns);
    sines[1] = largest_sine(&span(&params), &exact);
    Ways { log_probs, sines, stop: format!("{:?} after {}", found.stop, found.iterations) }
}

fn agree(Ways { log_probs, sines, stop }: &Ways) {
    let [exact, em, gradient] = log_probs;
    println!("ln p(x): closed form {exact}, EM {em}, gradient {gradient}; sines {sines:?}; {stop}");
    for found in [em, gradient] {
        assert!((found - exact).abs() < 1e-3, "ln p(x) of a row: {found}, closed form {exact}");
    }
    for sine in sines {
        assert!(*sine < 1e-3, "the largest angle to the closed form: {sine}");
    }
}

/// The values of a table as numbers of double precision.
fn wide(table: &Table) -> Vec<f64> {
    table.values().iter().map(|&x| f64::from(x)).collect()
}

#[test]
fn three_ways_find_the_first_fifty_directions_of_digits() {
    // Pixels in fours, so that a test has seconds for them.
    let (side, half) = (28, 14);
    let table = digits(1, 0..3000);
    let whole = wide(&table);
    let pixel = |row: &[f64], i: usize| {
        let (top, left) = (2 * (i / half), 2 * (i % half));
        let at = |down: usize, right: usize| row[(top + down) * side + left + right];
        0.25 * (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1))
    };
    let x: Vec<f64> = whole
        .chunks_exact(side * side)
        .flat_map(|row| (0..half * half).map(|i| pixel(row, i)).collect::<Vec<_>>())
        .collect();
    agree(&ways(&x, half * half, 50, 3000));
}

/// The same for MNIST in full: the environment variable `PATHSCORE_MNIST` names the folder of its four files.
#[test]
#[ignore = "it needs the files of MNIST and a minute"]
fn three_ways_find_the_first_fifty_directions_of_mnist() {
    let folder = std::env::var("PATHSCORE_MNIST").expect("PATHSCORE_MNIST names the folder");
    let source: Source = format!("idx:{folder}").parse().expect("a folder of idx files");
    let split = source.load(0).expect("the files of MNIST");
    agree(&ways(&wide(&split.train), split.train.columns(), 50, 3000));
}

#[test]
fn factor_analysis_finds_the_rank_that_noise_of_different_sizes_hides_from_principal_components() {
    // Noise that differs by column: two columns vary most for no common reason.
    let noise = [0.3, 0.8, 5.0, 0.2, 4.0, 0.6, 0.4, 2.5, 0.7];
    let mut loadings = LOADINGS[..].to_vec();
    loadings.extend([0.6, -0.8, 0.4, -0.9, 0.3, 0.8, 0.7, 0.7, -0.2]);
    let (columns, rows) = (noise.len(), 2000);
    let x = linear_rows(rows, &loadings, &noise, 2);
    let held_out = linear_rows(rows, &loadings, &noise, 3);
    let ranks = [1, 2, 3, 4, 5];
    let of_fa = ranks.map(|latents| {
        let mut params = Params::<f64>::new();
        let source = &mut rng(latents as u64);
        let model = FactorAnalysis::new(&mut params, columns, latents, source);
        model.start(&mut params, &x, rows, source);
        em(&model, &mut params, &x, rows, (20_000, 1e-9));
        let total = rows as f64 * mean_log_prob(&model, &params, &x, columns);
        let new = mean_log_prob(&model, &params, &held_out, columns);
        (bic(total, model.free_parameters(), rows), new)
    });
    let of_ppca = ranks.map(|latents| {
        let mut params = Params::<f64>::new();
        let model = Ppca::new(&mut params, columns, latents, &mut rng(1));
        model.closed_form(&mut params, &x, rows).expect("eigenvalues are found");
        let total = rows as f64 * mean_log_prob(&model, &params, &x, columns);
        let new = mean_log_prob(&model, &params, &held_out, columns);
        (bic(total, model.free_parameters(), rows), new)
    });
    let least = |of: &[(f64, f64); 5]| {
        1 + (0..5).min_by(|&a, &b| of[a].0.total_cmp(&of[b].0)).expect("five ranks")
    };
    assert_eq!(least(&of_fa), 3, "{of_fa:?}");
    assert_ne!(least(&of_ppca), 3, "{of_ppca:?}");
    let (chosen, _) = Ppca::choose_latents(&x, rows, columns).expect("eigenvalues are found");
    assert_ne!(chosen, 3, "Minka's evidence is that of principal components");
    // New rows: the third latent is worth far more than its price in parameters, and the next are worth nothing.
    assert!(of_fa[2].1 > of_fa[1].1 + 0.01 && of_fa[3].1 < of_fa[2].1 + 1e-3, "{of_fa:?}");
    assert!(of_fa[2].1 > of_ppca.iter().map(|one| one.1).fold(f64::MIN, f64::max), "{of_ppca:?}");
}

#[test]
fn em_and_gradients_of_a_mixture_end_at_one_maximum_from_one_start() {
    let source = &mut seed::rng(4, Stream::Sample, 0);
    let (rows, columns) = (300, 3);
    let mut x = Vec::new();
    for i in 0..rows {
        let group = (i % 3) as f64;
        let [a, b, c] = [(); 3].map(|()| source.normal());
        x.extend([2.5 * group + a, -1.5 * group + 0.6 * a + b, 0.5 * c + 0.3 * b * group]);
    }
    for form in [Covariance::Diagonal, Covariance::Full] {
        let mut start = Params::<f64>::new();
        let source = &mut rng(6);
        let model =
            GaussianMixture::new(&mut start, columns, 3, form, source).with_covariance_floor(1e-6);
        model.start(&mut start, &x, rows, source).expect("distinct rows");
        let mut params = start.clone();
        let of_em = em(&model, &mut params, &x, rows, (50_000, 1e-14));
        let mut params = start;
        let found = gradient(LBfgs::default(), &model, &mut params, &x, columns);
        assert!(found.stop.converged(), "{form:?}: {:?}", found.stop);
        let gap = (found.value - of_em).abs();
        assert!(gap < 1e-9, "{form:?}: gradients {}, EM {of_em}", found.value);
    }
}
