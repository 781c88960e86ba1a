//! Maps against their inverses, and determinants against Jacobians.

use super::leaf;
use pathscore_autodiff::{Tape, Tensor, Var, check};
use pathscore_models::dist::*;

/// $\ln |\det|$ of the matrix whose row `i` is the gradient of the number `rows[i]` of `f(x)`.
fn log_det_of_jacobian<'t>(x: Var<'t, f64>, f: &impl Bijection<'t, f64>, rows: &[usize]) -> f64 {
    let y = f.forward(x);
    let (n, size) = (x.size(), y.size());
    let mut jacobian = Vec::new();
    for &row in rows {
        let mut seed = vec![0.0; size];
        seed[row] = 1.0;
        let grads = (y * x.tape().constant(&seed, y.shape())).sum().backward();
        jacobian.extend_from_slice(grads.of(x).values());
    }
    let matrix = x.tape().constant(&jacobian, [n, n]);
    matrix.slogdet().unwrap().1.item()
}

#[track_caller]
fn assert_map<'t>(tape: &'t Tape<f64>, f: impl Bijection<'t, f64>, at: &[f64], rows: &[usize]) {
    let x = leaf(tape, at);
    let y = f.forward(x);
    assert_eq!(y.shape(), f.forward_shape(&x.shape()));
    let [_, to] = f.event_dims();
    let event_dim = to.max(1);
    assert_eq!(f.outside(y, event_dim).sum().item(), 0.0, "{at:?}: a value lies outside");
    let back = f.inverse(y).value();
    for (back, x) in back.values().iter().zip(at) {
        // A few roundings of numbers below ten, of which the slopes here lose two digits.
        assert!((back - x).abs() < 1e-13, "{at:?}: {back} for {x}");
    }
    let (found, expected) = (f.log_det(x, 1).item(), log_det_of_jacobian(x, &f, rows));
    assert!((found - expected).abs() < 1e-12, "{at:?}: ln|det| {found}, not {expected}");
}

const AT: [f64; 6] = [0.3, -1.2, 2.0, 0.0, -0.4, 1.1];

#[test]
fn determinants_are_those_of_jacobians_and_inverses_invert() {
    let tape = Tape::new();
    let all: Vec<usize> = (0..6).collect();
    for map in [Elementwise::Exp, Elementwise::Sigmoid, Elementwise::Softplus, Elementwise::Tanh] {
        assert_map(&tape, map, &AT, &all);
    }
    let scale = leaf(&tape, &[0.5, -2.0, 1.0, 3.0, -0.1, 0.7]);
    let affine = Affine::new(leaf(&tape, &[1.0]), scale).unwrap();
    assert_map(&tape, affine, &AT, &all);
    assert_map(&tape, StickBreaking, &AT, &all);
    assert_map(&tape, StickBreaking, &AT[..1], &[0]);
    assert_map(&tape, Ordered, &AT, &all);
    assert_map(&tape, Ordered, &AT[..1], &[0]);
    // The places of the lower triangle of a matrix of side three.
    assert_map(&tape, CholeskyFactor, &AT, &[0, 3, 4, 6, 7, 8]);
    assert_map(&tape, CholeskyFactor, &AT[..1], &[0]);
    let shifted = Affine::new(leaf(&tape, &[0.5]), leaf(&tape, &[-0.5])).unwrap();
    assert_map(&tape, Compose(Compose(Elementwise::Tanh, shifted), Elementwise::Exp), &AT, &all);
    assert_map(&tape, Compose(affine, StickBreaking), &AT, &all);
    assert_map(&tape, Compose(affine, CholeskyFactor), &AT, &[0, 3, 4, 6, 7, 8]);
    assert_map(&tape, Compose(Compose(Ordered, Elementwise::Softplus), affine), &AT, &all);
}

#[test]
fn determinants_of_several_axes_are_sums() {
    let tape = Tape::new();
    let x = tape.leaf(&AT, [2, 3]);
    let rows =
        |f: &dyn Fn(Var<f64>) -> f64| AT.chunks(3).map(|row| f(leaf(&tape, row))).sum::<f64>();
    let near = |found: Var<f64>, expected: f64| {
        assert!((found.item() - expected).abs() < 1e-13, "{} {expected}", found.item());
    };
    near(Elementwise::Tanh.log_det(x, 2), rows(&|x| Elementwise::Tanh.log_det(x, 1).item()));
    near(StickBreaking.log_det(x, 2), rows(&|x| StickBreaking.log_det(x, 1).item()));
    near(Ordered.log_det(x, 2), rows(&|x| Ordered.log_det(x, 1).item()));
    near(CholeskyFactor.log_det(x, 2), rows(&|x| CholeskyFactor.log_det(x, 1).item()));
    assert_eq!(StickBreaking.log_det(x, 1).shape()[..], [2]);
    let both = Compose(Ordered, StickBreaking);
    near(both.log_det(x, 2), rows(&|x| both.log_det(x, 1).item()));
    let factors = Compose(CholeskyFactor, Elementwise::Exp);
    assert_eq!(CholeskyFactor.forward(x).shape()[..], [2, 2, 2]);
    near(factors.log_det(x, 2), rows(&|x| factors.log_det(x, 1).item()));
}

#[test]
fn maps_have_their_derivatives() {
    fn all<'t>(v: &[Var<'t, f64>]) -> Var<'t, f64> {
        let [x, a, b] = [v[0], v[1], v[2]];
        let affine = Affine::new(a, b).unwrap();
        let number = |y: Var<'t, f64>| (y.square() + y).sum();
        let mut sum = x.constant(0.0);
        for map in
            [Elementwise::Exp, Elementwise::Sigmoid, Elementwise::Softplus, Elementwise::Tanh]
        {
            let y = map.forward(x);
            sum = sum + number(y) + map.log_det(x, 1).square() + number(map.inverse(y * 0.9));
        }
        let simplex = StickBreaking.forward(x);
        sum = sum + number(simplex) + StickBreaking.log_det(x, 1).square();
        sum = sum + number(StickBreaking.inverse(simplex)) + number(Ordered.forward(x));
        sum =
            sum + Ordered.log_det(x, 1).square() + number(Ordered.inverse(Ordered.forward(x * b)));
        let factor = CholeskyFactor.forward(x);
        sum = sum + number(factor) + CholeskyFactor.log_det(x, 1).square();
        sum = sum + number(CholeskyFactor.inverse(factor + factor));
        sum + number(affine.forward(x)) + number(affine.inverse(x)) + affine.log_det(x, 1).square()
    }
    let at: Vec<Tensor<f64>> = [&AT[..3], &[0.4, -0.2, 1.0], &[1.3, 0.6, 2.0]]
        .map(|values| Tensor::new(values.to_vec(), [3]))
        .to_vec();
    check::gradient(all, &at, check::Options::of::<f64>()).unwrap();
}

#[test]
fn extreme_arguments_stay_inside_and_keep_their_slopes() {
    let tape = Tape::new();
    let x = leaf(&tape, &[-1e4, -800.0, -40.0, 40.0, 800.0]);
    for (map, slopes) in [
        (Elementwise::Sigmoid, [-1e4, -800.0, -40.0, -40.0, -800.0]),
        (Elementwise::Softplus, [-1e4, -800.0, -40.0, 0.0, 0.0]),
        (Elementwise::Tanh, [-2e4, -1600.0, -80.0, -80.0, -1600.0].map(|s| s + 4_f64.ln())),
    ] {
        let y = map.forward(x);
        assert!(map.outside(y, 0).with(|out| out.iter().all(|&out| out == 0.0)), "{map:?}");
        let found = map.log_det(x, 0);
        for (found, expected) in found.value().values().iter().zip(slopes) {
            // e⁻⁴⁰ is what a rounded one has lost.
            assert!((found - expected).abs() < 1e-13 + 2e-16 * expected.abs(), "{map:?}: {found}");
        }
        let slopes = found.sum().backward().of(x);
        assert!(slopes.values().iter().all(|slope| slope.is_finite()), "{map:?}: {slopes:?}");
    }
    // A small softplus is the exponential function, a large one the identity.
    let y = leaf(&tape, &[1e-300, 1e-17, 50.0, 1e300]);
    let back = Elementwise::Softplus.inverse(y).value();
    for (found, expected) in
        back.values().iter().zip([1e-300_f64.ln(), 1e-17_f64.ln(), 50.0, 1e300])
    {
        assert!((found / expected - 1.0).abs() < 1e-15, "{found}, not {expected}");
    }
    // A stick of which one part takes nearly everything.
    let x = leaf(&tape, &[800.0, -800.0, 3.0]);
    let y = StickBreaking.forward(x);
    assert_eq!(StickBreaking.outside(y, 1).item(), 0.0);
    assert!((y.sum().item() - 1.0).abs() < 1e-15);
    assert!(StickBreaking.log_det(x, 1).backward().of(x).values().iter().all(|g| g.is_finite()));
}

#[test]
#[should_panic(expected = "CholeskyFactor: no triangle of a square matrix holds 5 numbers")]
fn five_numbers_fill_no_triangle() {
    let tape = Tape::new();
    let _ = CholeskyFactor.forward(leaf(&tape, &AT[..5]));
}
