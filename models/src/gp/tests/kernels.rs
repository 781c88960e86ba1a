//! Covariance functions.

use super::{assert_gradient, assert_near, numbers, scatter};
use crate::gp::{Kernel, KernelForm};
use crate::params::{Bound, Init, ParamId, Params};
use crate::seed;
use pathscore_autodiff::{Tape, Var};

const ALL: [KernelForm; 6] = [
    KernelForm::Rbf,
    KernelForm::Matern12,
    KernelForm::Matern32,
    KernelForm::Matern52,
    KernelForm::Linear,
    KernelForm::White,
];

/// The formulas of the documentation with the variance 4 and the length-scales 0.5 and 2, between (1, 3) and (2, 1).
#[test]
fn covariances_are_those_of_the_formulas() {
    // r² = (1/0.5)² + (2/2)² = 5.
    let r = 5.0_f64.sqrt();
    let (three, five) = (3.0_f64.sqrt() * r, 5.0_f64.sqrt() * r);
    for (form, expected) in [
        (KernelForm::Rbf, 4.0 * (-2.5_f64).exp()),
        (KernelForm::Matern12, 4.0 * (-r).exp()),
        (KernelForm::Matern32, 4.0 * (1.0 + three) * (-three).exp()),
        (KernelForm::Matern52, 4.0 * (1.0 + five + 25.0 / 3.0) * (-five).exp()),
        (KernelForm::Linear, 4.0 * 1.0 * 2.0 + 9.0 * 3.0 * 1.0),
        (KernelForm::White, 0.0),
    ] {
        let mut params = Params::<f64>::new();
        let kernel = Kernel::new(&mut params, &[form], 2);
        let variance = kernel.log_variance(form).unwrap();
        let numbers = [4.0_f64.ln(), 9.0_f64.ln()];
        let count = params.get(variance).len();
        params.get_mut(variance).copy_from_slice(&numbers[..count]);
        if let Some(id) = kernel.log_length_scale(form) {
            params.get_mut(id).copy_from_slice(&[0.5_f64.ln(), 2.0_f64.ln()]);
        }
        let tape = Tape::new();
        let bound = params.on(&tape);
        let x = tape.constant(&[1.0, 3.0, 2.0, 1.0], [2, 2]);
        let gram = kernel.gram(bound, x).value();
        // A few roundings of numbers of the size of the variance.
        assert!((gram.values()[1] - expected).abs() < 4e-14, "{form:?}: {gram:?}");
        assert_eq!(gram.values()[1], gram.values()[2], "{form:?}");
        let (first, second) = (x.slice(0, 0..1), x.slice(0, 1..2));
        let cross = kernel.cross(bound, first, second).item();
        assert!((cross - expected).abs() < 4e-14, "{form:?}: {cross}");
        let diagonal = kernel.diagonal(bound, x).value();
        for (i, &found) in diagonal.values().iter().enumerate() {
            assert_near(found, gram.values()[3 * i], 1e-14);
        }
        if form != KernelForm::Linear {
            assert_near(diagonal.values()[0], 4.0, 1e-15);
        }
    }
}

#[test]
fn gradients_of_every_form_are_those_of_differences() {
    for form in ALL {
        let mut params = Params::<f64>::new();
        let kernel = Kernel::new(&mut params, &[form], 2);
        let rng = &mut seed::rng(0, seed::Stream::Init, 0);
        let x = params.add("x", [5, 2], Init::Constant(0.0), rng);
        scatter(&mut params, 0.8, 3);
        let weights = numbers(25, 4);
        let f = weighted_sum(&kernel, x, &weights);
        // Order four with a step of 1e-3 leaves 1e-12 of fifth derivatives and 1e-13 of rounding; the ν = ½ form has large
        // ones where two points are near each other.
        assert_gradient(&params, &f, 1e-8);
    }
}

/// The sum of the covariances of the points with some weights.
fn weighted_sum(
    kernel: &Kernel,
    x: ParamId,
    weights: &[f64],
) -> impl for<'t> Fn(Bound<'t, f64>) -> Var<'t, f64> {
    move |bound| {
        let gram = kernel.gram(bound, bound.get(x));
        (gram * bound.tape().constant(weights, [5, 5])).sum()
    }
}

#[test]
fn derivatives_at_points_that_coincide_are_finite() {
    for form in ALL {
        let mut params = Params::<f64>::new();
        let kernel = Kernel::new(&mut params, &[form], 2);
        let tape = Tape::new();
        let bound = params.on(&tape);
        let x = tape.leaf(&[1.0, 2.0, 1.0, 2.0, 0.5, 0.5], [3, 2]);
        let z = tape.leaf(&[1.0, 2.0], [1, 2]);
        let sum = kernel.gram(bound, x).sum() + kernel.cross(bound, x, z).sum();
        let grads = sum.backward();
        assert!(grads.leading(params.len()).iter().all(|g| g.is_finite()), "{form:?}");
        assert!(grads.of(x).values().iter().chain(grads.of(z).values()).all(|g| g.is_finite()));
        if form.is_stationary() {
            // Two points at the same place push each other nowhere: what is left comes from the third and is equal for both, but
            // that the first two and z coincide too.
            let found = grads.of(x);
            assert_eq!(found.values()[..2], found.values()[2..4], "{form:?}");
        }
        // A recorded gradient, of which second derivatives are taken, is finite too.
        let recorded = sum.grad(&[x])[0];
        assert!(recorded.value().values().iter().all(|g| g.is_finite()), "{form:?}");
    }
}

/// The difference of two points far from the origin: the form ‖x‖² + ‖z‖² − 2 xᵀz would have no digit of 1e-8² left.
#[test]
fn distances_of_near_points_keep_their_digits() {
    let tape = Tape::new();
    let near = 1000.0 + 2.0_f64.powi(-27);
    let x = tape.constant(&[1000.0, near], [2, 1]);
    let found = x.squared_distances(x).value();
    assert_eq!(found.values(), [0.0, 2.0_f64.powi(-54), 2.0_f64.powi(-54), 0.0]);
}

#[test]
fn a_sum_has_the_covariance_of_its_parts() {
    let mut params = Params::<f64>::new();
    let kernel = Kernel::new(&mut params, &ALL, 3);
    scatter(&mut params, 0.5, 1);
    let (x, z) = (numbers(12, 1), numbers(6, 2));
    let tape = Tape::new();
    let bound = params.on(&tape);
    let (x, z) = (tape.constant(&x, [4, 3]), tape.constant(&z, [2, 3]));
    let [mut gram, mut cross, mut diagonal] = [16, 8, 4].map(|n| vec![0.0; n]);
    for form in ALL {
        let mut alone = Params::<f64>::new();
        let part = Kernel::new(&mut alone, &[form], 3);
        let of = |id| params.get(id).to_vec();
        let variance = part.log_variance(form).unwrap();
        alone.get_mut(variance).copy_from_slice(&of(kernel.log_variance(form).unwrap()));
        if let Some(id) = part.log_length_scale(form) {
            alone.get_mut(id).copy_from_slice(&of(kernel.log_length_scale(form).unwrap()));
        }
        let other = Tape::new();
        let bound = alone.on(&other);
        let [x, z] = [x, z].map(|x| other.constant(x.value().values(), x.shape()));
        for (total, part) in [
            (&mut gram, part.gram(bound, x)),
            (&mut cross, part.cross(bound, x, z)),
            (&mut diagonal, part.diagonal(bound, x)),
        ] {
            part.with(|part| total.iter_mut().zip(part).for_each(|(total, part)| *total += part));
        }
    }
    for (found, expected) in [
        (kernel.gram(bound, x), gram),
        (kernel.cross(bound, x, z), cross),
        (kernel.diagonal(bound, x), diagonal),
    ] {
        found.with(|found| {
            found.iter().zip(&expected).for_each(|(&a, &b)| assert_near(a, b, 1e-14));
        });
    }
}

#[test]
fn white_noise_alone_has_no_covariance_between_sets() {
    let mut params = Params::<f64>::new();
    let kernel = Kernel::new(&mut params, &[KernelForm::White], 1);
    let tape = Tape::new();
    let x = tape.constant(&[1.0, 1.0], [2, 1]);
    assert_eq!(kernel.gram(params.on(&tape), x).value().values(), [1.0, 0.0, 0.0, 1.0]);
    let tape = Tape::new();
    let x = tape.constant(&[1.0, 1.0], [2, 1]);
    assert_eq!(kernel.cross(params.on(&tape), x, x).value().values(), [0.0; 4]);
}

#[test]
#[should_panic(expected = "the name rbf.log_variance is taken")]
fn a_form_is_there_once() {
    Kernel::new(&mut Params::<f64>::new(), &[KernelForm::Rbf, KernelForm::Rbf], 1);
}

#[test]
fn a_vanishing_length_scale_leaves_the_variance_on_the_diagonal() {
    for form in ALL.into_iter().filter(|form| form.is_stationary()) {
        let mut params = Params::<f64>::new();
        let kernel = Kernel::new(&mut params, &[form], 1);
        params.get_mut(kernel.log_length_scale(form).unwrap()).fill(-800.0);
        let tape = Tape::new();
        let gram = kernel.gram(params.on(&tape), tape.constant(&[0.0, 1.0, 5.0], [3, 1]));
        assert_eq!(gram.value().values(), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        let slopes = gram.sum().backward();
        assert!(slopes.leading(params.len()).iter().all(|x| x.is_finite()));
    }
}
