//! Steps along the natural gradient of normal distributions.

use pathscore_autodiff::Tape;
use pathscore_estimators::optim::{NaturalGradient, NotPositiveDefinite};

/// A precision with unequal eigenvalues, and a linear term.
const P: [f64; 9] = [4.0, 1.0, -0.5, 1.0, 3.0, 0.7, -0.5, 0.7, 2.0];
const B: [f64; 3] = [1.0, -2.0, 0.5];

/// The gradients of the ELBO E(b·z − z·Pz/2) + ln|C| in the location and the factor, by the tape.
fn elbo_gradients(loc: &[f64], scale: &[f64]) -> [Vec<f64>; 2] {
    let tape = Tape::new();
    let (m, c) = (tape.leaf(loc, [3]), tape.leaf(scale, [3, 3]));
    let (p, b) = (tape.constant(&P, [3, 3]), tape.constant(&B, [3]));
    let lower = c.tril(0);
    let square =
        (p.matmul(lower) * lower).sum() + (p.matmul(m.reshape([3, 1])).reshape([3]) * m).sum();
    let elbo = (b * m).sum() - 0.5 * square + lower.diagonal(0).ln().sum();
    let grads = elbo.backward();
    [m, c].map(|x| grads.of(x).values().to_vec())
}

#[test]
fn one_step_of_size_one_is_exact_for_a_conjugate_model() {
    for (mut loc, mut scale) in [
        ([0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]),
        ([5.0, -40.0, 3.0], [0.1, 0.0, 0.0, -3.0, 20.0, 0.0, 1.0, 0.4, 0.02]),
    ] {
        let [grad_loc, grad_scale] = elbo_gradients(&loc, &scale);
        let step = NaturalGradient { rate: 1.0 };
        step.multivariate_normal(&mut loc, &mut scale, &grad_loc, &grad_scale).unwrap();
        // P μ = b, and P C Cᵀ = I. The start is two hundred times too wide in one direction and too narrow in
        // another, which costs the square of that in digits.
        for i in 0..3 {
            let row = &P[3 * i..][..3];
            let along: f64 = row.iter().zip(&loc).map(|(p, m)| p * m).sum();
            assert!((along - B[i]).abs() < 1e-9, "{loc:?}");
            for j in 0..3 {
                let covariance =
                    |k: usize| (0..3).map(|l| scale[3 * k + l] * scale[3 * j + l]).sum::<f64>();
                let product: f64 = (0..3).map(|k| row[k] * covariance(k)).sum();
                assert!((product - f64::from(i == j)).abs() < 1e-9, "{scale:?}");
            }
        }
        // There the gradient is zero, so that a further step stays.
        let before = loc;
        let [grad_loc, grad_scale] = elbo_gradients(&loc, &scale);
        step.multivariate_normal(&mut loc, &mut scale, &grad_loc, &grad_scale).unwrap();
        assert!(loc.iter().zip(before).all(|(a, b)| (a - b).abs() < 1e-9));
    }
}

#[test]
fn independent_normals_agree_with_a_diagonal_factor() {
    let (mut loc, mut scale) = ([0.3, -1.0], [0.5, 2.0]);
    let (mut loc2, mut tril) = (loc, [0.5, 0.0, 0.0, 2.0]);
    let step = NaturalGradient { rate: 0.3 };
    for t in 0..4 {
        let grads = [[0.4, -1.0], [0.2 + 0.1 * f64::from(t), -0.7]];
        step.normal(&mut loc, &mut scale, &grads[0], &grads[1]).unwrap();
        let grad = [grads[1][0], 0.0, 0.0, grads[1][1]];
        step.multivariate_normal(&mut loc2, &mut tril, &grads[0], &grad).unwrap();
    }
    for i in 0..2 {
        // Four steps with a root each.
        assert!((loc[i] - loc2[i]).abs() < 1e-14 && (scale[i] - tril[3 * i]).abs() < 1e-14);
    }
}

#[test]
fn a_step_too_long_for_the_precision_is_refused_and_changes_nothing() {
    let (mut loc, mut scale) = ([1.0, 2.0], [1.0, 0.0, 0.5, 1.0]);
    let step = NaturalGradient { rate: 1.0 };
    let refused = Err(NotPositiveDefinite { rate: 1.0 });
    for grad in [[1.5, 0.0, 0.0, 0.0], [0.0, 0.0, 2.5, 0.0], [f64::NAN, 0.0, 0.0, 0.0]] {
        let found = step.multivariate_normal(&mut loc, &mut scale, &[1.0, 1.0], &grad);
        assert_eq!(found, refused);
        assert_eq!((loc, scale), ([1.0, 2.0], [1.0, 0.0, 0.5, 1.0]));
    }
    let found = step.normal(&mut loc, &mut [1.0, 1.0], &[1.0, 1.0], &[0.0, f64::NAN]);
    assert_eq!((found, loc), (refused, [1.0, 2.0]));
}
