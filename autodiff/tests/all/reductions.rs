//! Reductions and elementwise functions at their edges, and reductions over any axes against plain loops.

use pathscore_autodiff::check::{self, Options};
use pathscore_autodiff::{Axes, Norm, Scalar, Tape, Tensor, Var, vector};
use proptest::prelude::*;

const NONE: f64 = f64::NEG_INFINITY;
const NAN: f64 = f64::NAN;

/// The value and the gradient of the sum of `f` at `x`, computed and recorded, which must be the same.
#[track_caller]
fn at(x: &[f64], f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>) -> (Vec<f64>, Vec<f64>) {
    let tape = Tape::new();
    let leaf = tape.leaf(x, [x.len()]);
    let y = f(leaf);
    let (value, total) = (y.value().values().to_vec(), y.sum());
    if !total.is_tracked() {
        return (value, vec![0.0; x.len()]);
    }
    let eager = total.backward().of(leaf).values().to_vec();
    let recorded = total.grad(&[leaf])[0].value();
    let same = |a: &f64, b: &f64| (a - b).abs() < 1e-14 || a == b || (a.is_nan() && b.is_nan());
    let agree = eager.iter().zip(recorded.values()).all(|(a, b)| same(a, b));
    assert!(agree, "eager {eager:?}, recorded {:?}", recorded.values());
    (value, eager)
}

#[test]
fn products_with_zeros_have_their_derivatives() {
    assert_eq!(at(&[2.0, 0.0, 3.0], |x| x.prod_axis(0)), (vec![0.0], vec![0.0, 6.0, 0.0]));
    assert_eq!(at(&[0.0, 0.0, 3.0], |x| x.prod_axis(0)), (vec![0.0], vec![0.0; 3]));
    let (value, slope) = at(&[2.0, 0.0, 3.0, 0.5], |x| x.cumprod(0));
    assert_eq!(value, [2.0, 0.0, 0.0, 0.0]);
    // ∂(x₀ + x₀x₁ + x₀x₁x₂ + x₀x₁x₂x₃) at x₁ = 0.
    assert_eq!(slope, [1.0, 2.0 + 6.0 + 3.0, 0.0, 0.0]);
}

#[test]
fn second_derivatives_of_products_with_zeros_are_right() {
    let x = [Tensor::new(vec![2.0, 0.0, 3.0, 0.0], [4])];
    check::gradient(|x| x[0].prod_axis(0), &x, Options::of::<f64>()).unwrap();
    check::gradient(|x| x[0].cumprod(0).square(), &x, Options::of::<f64>()).unwrap();
}

#[test]
fn the_largest_share_the_derivative_and_nan_stays() {
    assert_eq!(at(&[1.0, 4.0, 4.0], |x| x.max_axis(0)), (vec![4.0], vec![0.0, 0.5, 0.5]));
    assert_eq!(at(&[1.0, 4.0, 1.0], |x| x.min_axis(0)), (vec![1.0], vec![0.5, 0.0, 0.5]));
    assert_eq!(at(&[NONE, NONE], |x| x.max_axis(0)), (vec![NONE], vec![0.5, 0.5]));
    assert!(at(&[1.0, NAN, 4.0], |x| x.max_axis(0)).0[0].is_nan());
    assert_eq!(at(&[1.0, 4.0, 4.0], |x| x.argmax(0)).0, [1.0]);
    assert_eq!(at(&[9.0, 1.0, NAN, 4.0, NAN], |x| x.argmax(0)).0, [2.0]);
}

#[test]
fn reductions_of_nothing_have_their_neutral_values() {
    assert_eq!(at(&[], |x| x.sum_axis(0)).0, [0.0]);
    assert_eq!(at(&[], |x| x.prod_axis(0)).0, [1.0]);
    assert_eq!(at(&[], |x| x.max_axis(0)).0, [NONE]);
    assert_eq!(at(&[], |x| x.min_axis(0)).0, [f64::INFINITY]);
    assert_eq!(at(&[], |x| x.log_sum_exp(0)).0, [NONE]);
    assert_eq!(at(&[], |x| x.log_mean_exp(0)).0, [NONE]);
    assert!(at(&[], |x| x.mean_axis(0)).0[0].is_nan());
    assert_eq!(at(&[], |x| x.norm(0, Norm::L2)).0, [0.0]);
    assert!(at(&[], |x| x.cumsum(0)).0.is_empty() && at(&[], |x| x.log_softmax(0)).0.is_empty());
}

#[test]
fn norms_and_deviations_at_zero_have_zero_derivatives() {
    for norm in [Norm::L1, Norm::L2, Norm::Max] {
        assert_eq!(at(&[0.0, 0.0], |x| x.norm(0, norm)), (vec![0.0], vec![0.0, 0.0]));
    }
    assert_eq!(at(&[2.0, 2.0], |x| x.std_axis(0, 1)), (vec![0.0], vec![0.0, 0.0]));
    let (_, slope) = at(&[3e-200, 4e-200], |x| x.norm(0, Norm::L2));
    let (value, _) = at(&[3e200, -4e200], |x| x.norm(0, Norm::L2));
    assert!((value[0] / 5e200 - 1.0).abs() < 1e-15);
    assert!((slope[0] - 0.6).abs() < 1e-15 && (slope[1] - 0.8).abs() < 1e-15);
    assert_eq!(at(&[f64::INFINITY, 1.0], |x| x.norm(0, Norm::L2)).0, [f64::INFINITY]);
}

#[test]
fn a_softmax_survives_infinities() {
    let (value, slope) = at(&[NONE, 0.0, 1e4], |x| x.log_softmax(0).slice(0, 1..3));
    assert_eq!(value, [-1e4, 0.0]);
    // 1 − 2·softmax; the softmax is one at the last element.
    assert_eq!(slope, [0.0, 1.0, -1.0]);
    let (value, slope) =
        at(&[NONE, 0.0, 0.0], |x| x.cross_entropy(x.tape().constant(&[0.0, 0.0, 1.0], [3]), 0));
    assert!((value[0] - 2_f64.ln()).abs() < 1e-15);
    assert_eq!(slope, [0.0, 0.5, -0.5]);
    let (value, slope) = at(&[NONE, NONE], |x| x.log_mean_exp(0));
    assert_eq!((value, slope), (vec![NONE], vec![0.0, 0.0]));
}

#[test]
fn functions_of_two_numbers_keep_their_conventions_at_zero() {
    type Two = for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>;
    let two = |a: f64, b: f64, f: Two| {
        let (value, slope) = at(&[a, b], |x| f(x.slice(0, 0..1), x.slice(0, 1..2)));
        (value[0], [slope[0], slope[1]])
    };
    assert_eq!(two(0.0, 0.0, |a, b| a.xlogy(b)), (0.0, [0.0, 0.0]));
    assert_eq!(two(0.0, 2.0, |a, b| a.xlogy(b)), (0.0, [2_f64.ln(), 0.0]));
    assert_eq!(two(0.0, -1.0, |a, b| a.xlog1py(b)), (0.0, [0.0, 0.0]));
    assert!(two(0.0, NAN, |a, b| a.xlogy(b)).0.is_nan());
    assert_eq!(two(0.0, 0.0, |a, b| a.hypot(b)), (0.0, [0.0, 0.0]));
    assert!((two(3e200, 4e200, |a, b| a.hypot(b)).0 / 5e200 - 1.0).abs() < 1e-15);
    assert_eq!(two(0.0, 0.0, |a, b| a.atan2(b)), (0.0, [0.0, 0.0]));
    assert_eq!(two(1.0, -0.0, |a, b| a.atan2(b)).0, std::f64::consts::FRAC_PI_2);
    assert_eq!(two(-7.0, 3.0, |a, b| a % b), (-1.0, [1.0, 2.0]));
    assert_eq!(two(0.0, 0.0, |a, b| a.pow(b)), (1.0, [0.0, 0.0]));
    assert_eq!(two(0.0, 2.0, |a, b| a.pow(b)), (0.0, [0.0, 0.0]));
    assert_eq!(two(2.0, 2.0, |a, b| a.max(b)), (2.0, [0.5, 0.5]));
}

#[test]
fn kinks_have_the_derivatives_that_their_docs_say() {
    assert_eq!(at(&[-1.0, 0.0, 1.0], |x| x.abs()).1, [-1.0, 0.0, 1.0]);
    assert_eq!(at(&[-1.0, 0.0, 1.0], |x| x.relu()).1, [0.0, 0.0, 1.0]);
    assert_eq!(at(&[-1.0, 0.0, 1.0], |x| x.leaky_relu(0.1)).1, [0.1, 0.1, 1.0]);
    assert_eq!(at(&[0.0, 1e4], |x| x.elu(2.0)), (vec![0.0, 1e4], vec![2.0, 1.0]));
    assert_eq!(at(&[-1.0, -0.5, 0.7, 2.0], |x| x.clamp(-0.5, 0.7)).1, [0.0, 1.0, 1.0, 0.0]);
    assert!(at(&[NAN], |x| x.clamp(0.0, 1.0)).0[0].is_nan());
    assert_eq!(at(&[-2.0, 0.0], |x| x.powi(2)), (vec![4.0, 0.0], vec![-4.0, 0.0]));
    assert_eq!(at(&[-2.0, 0.0], |x| x.powi(0)), (vec![1.0, 1.0], vec![0.0, 0.0]));
    assert_eq!(at(&[NONE, f64::INFINITY], |x| x.silu()).0, [0.0, f64::INFINITY]);
    assert_eq!(at(&[NONE, f64::INFINITY], |x| x.gelu()).0, [0.0, f64::INFINITY]);
    assert_eq!(at(&[0.0, 0.5, 1.0], |x| x.logit()).0, [NONE, 0.0, f64::INFINITY]);
}

#[test]
fn comparisons_are_masks_without_a_derivative() {
    let compare = |f: for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>| {
        at(&[1.0, 2.0, 3.0, NAN], |x| f(x, x.constant(2.0))).0
    };
    assert_eq!(compare(|a, b| a.less(b)), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(compare(|a, b| a.less_equal(b)), [1.0, 1.0, 0.0, 0.0]);
    assert_eq!(compare(|a, b| a.greater(b)), [0.0, 0.0, 1.0, 0.0]);
    assert_eq!(compare(|a, b| a.greater_equal(b)), [0.0, 1.0, 1.0, 0.0]);
    assert_eq!(compare(|a, b| a.equal(b)), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(compare(|a, b| a.not_equal(b)), [1.0, 0.0, 1.0, 1.0]);
}

#[test]
fn mixed_derivatives_at_zero_are_the_same_in_either_order() {
    type Two = for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>;
    let functions: [(Two, f64, f64); 2] =
        [(|a, b| a.xlogy(b), 2.0, 0.5), (|a, b| a.xlog1py(b), 1.0, 0.5)];
    for (f, at, expected) in functions {
        let tape = Tape::new();
        let (a, b) = (tape.leaf(&[0.0], []), tape.leaf(&[at], []));
        let slopes = f(a, b).grad(&[a, b]);
        assert_eq!(slopes[0].grad(&[b])[0].item(), expected);
        assert_eq!(slopes[1].grad(&[a])[0].item(), expected);
    }
}

#[test]
fn a_target_of_zero_has_its_derivative() {
    let tape = Tape::new();
    let logits = tape.leaf(&[0.0, 1.0, NONE], [3]);
    let target = tape.leaf(&[0.0, 1.0, 0.0], [3]);
    let loss = logits.cross_entropy(target, 0);
    let (e, grads) = (1_f64.exp(), loss.backward());
    let expected = [(1.0 + e).ln(), (1.0 + e).ln() - 1.0, 0.0];
    let near = |(a, b): (&f64, f64)| (a - b).abs() < 1e-15;
    assert!(grads.of(target).values().iter().zip(expected).all(near));
    assert!(grads.of(logits).values().iter().all(|g| g.is_finite()));
}

#[test]
#[should_panic(expected = "prod_axis: axis -1 of a tensor of shape [2, 3] named twice")]
fn an_axis_named_twice_is_a_mistake() {
    let tape = Tape::<f64>::new();
    tape.leaf(&[0.0; 6], [2, 3]).prod_axis([1, -1]);
}

fn composed<F: Scalar>() {
    let numbers = (0..24).map(|i| F::from_f64(0.3 + f64::from(i * 7 % 24) / 13.0)).collect();
    let at = [Tensor::new(numbers, [2, 3, 4])];
    let check = |name: &str, f: &dyn for<'t> Fn(Var<'t, F>) -> Var<'t, F>| {
        check::gradient(|x| f(x[0]).square(), &at, Options::of::<F>())
            .unwrap_or_else(|mismatch| panic!("{name} in {}: {mismatch}", F::NAME));
    };
    check("mean", &|x| x.mean_axis([0, 2]));
    check("var", &|x| x.var_axis([0, 2], 1));
    check("std", &|x| x.std_axis(1, 0));
    check("norm", &|x| x.norm([1, 2], Norm::L2));
    check("log_sum_exp", &|x| x.log_sum_exp([0, 2]));
    check("prod", &|x| x.prod_axis([0, 2]));
    check("softmax", &|x| x.softmax(1));
    check("cross_entropy", &|x| {
        x.cross_entropy(x.tape().constant(&[F::from_f64(0.3); 3], [3, 1]), 1)
    });
    check("elu", &|x| (x - F::ONE).elu(F::from_f64(1.5)));
    check("leaky_relu", &|x| (x - F::ONE).leaky_relu(F::from_f64(0.1)));
    check("clamp", &|x| x.clamp(F::from_f64(0.55), F::from_f64(1.55)));
    check("powi", &|x| x.powi(-2));
}

#[test]
fn what_is_composed_agrees_with_finite_differences() {
    composed::<f64>();
    composed::<f32>();
}

proptest! {
    /// Any axes of any shape against a loop that sorts every element by the place it goes to.
    #[test]
    fn reductions_over_any_axes_are_those_of_a_plain_loop(
        dims in prop::collection::vec(1_usize..4, 0..4),
        mask in prop::collection::vec(any::<bool>(), 4),
        keep in any::<bool>(),
        salt in 0.0..1.0_f64,
    ) {
        let size: usize = dims.iter().product();
        let x: Vec<f64> = (0..size).map(|i| f64::sin((i as f64 + salt) * 1.7) + 1.1).collect();
        let gone = &mask[..dims.len()];
        let mut groups = std::collections::BTreeMap::<Vec<usize>, Vec<f64>>::new();
        for (i, &value) in x.iter().enumerate() {
            let mut rest = i;
            let mut place = vec![0; dims.len()];
            for axis in (0..dims.len()).rev() {
                place[axis] = if gone[axis] { 0 } else { rest % dims[axis] };
                rest /= dims[axis];
            }
            groups.entry(place).or_default().push(value);
        }
        let named: Vec<isize> = (0..dims.len()).filter(|&i| gone[i]).map(|i| i as isize).collect();
        let axes = || if keep { Axes::from(&named[..]).keep() } else { Axes::from(&named[..]) };
        let tape = Tape::new();
        let leaf = tape.leaf(&x, &dims[..]);
        let expect = |found: Var<f64>, of: &dyn Fn(&[f64]) -> f64| {
            let expected: Vec<f64> = groups.values().map(|group| of(group)).collect();
            let found = found.value();
            let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12 * b.abs().max(1.0);
            found.values().len() == expected.len() && found.values().iter().zip(&expected).all(near)
        };
        prop_assert!(expect(leaf.sum_axis(axes()), &|g| g.iter().sum()));
        prop_assert!(expect(leaf.prod_axis(axes()), &|g| g.iter().product()));
        prop_assert!(expect(leaf.max_axis(axes()), &|g| g.iter().copied().fold(NONE, f64::max)));
        let log_sum_exp = |g: &[f64]| g.iter().map(|x| x.exp()).sum::<f64>().ln();
        prop_assert!(expect(leaf.log_sum_exp(axes()), &log_sum_exp));
        let shape = leaf.mean_axis(axes()).shape();
        let left: Vec<usize> = (0..dims.len())
            .filter(|&i| keep || !gone[i])
            .map(|i| if gone[i] { 1 } else { dims[i] })
            .collect();
        prop_assert_eq!(&shape[..], &left[..]);
    }
}

#[test]
fn a_p_norm_agrees_with_finite_differences_and_holds_far_out() {
    let tensor = |values: &[f64]| Tensor::new(values.to_vec(), [2, 3]);
    let at = [tensor(&[0.7, -1.2, 0.4, 2.0, -0.3, -0.9])];
    for p in [1.0, 1.5, 2.0, 3.0, 7.5] {
        for axis in [0, 1] {
            let options = Options::of::<f64>();
            check::gradient(|x| x[0].p_norm(axis, p), &at, options).unwrap();
        }
    }
    for (p, size) in [(3.0, 1e200), (3.0, 1e-200), (1.5, 1e300), (40.0, 1e-300)] {
        let tape = Tape::new();
        let x = tape.leaf(&[size, -size, 0.0], [3]);
        let y = x.p_norm(.., p);
        // Two elements of equal size: 2^{1/p}, with the slopes 2^{1/p - 1}.
        assert!((y.item() / size / 2_f64.powf(1.0 / p) - 1.0).abs() < 1e-15);
        let slope = y.backward().of(x).values().to_vec();
        let exact = 2_f64.powf(1.0 / p - 1.0);
        assert!((slope[0] - exact).abs() < 1e-15 && (slope[1] + exact).abs() < 1e-15);
        assert_eq!(slope[2], 0.0);
    }
    let tape = Tape::new();
    let zero = tape.leaf(&[0.0; 4], [4]);
    let y = zero.p_norm(.., 3.0);
    assert_eq!((y.item(), y.backward().of(zero).values()), (0.0, &[0.0; 4][..]));
    let x = tape.leaf(&[1.0, -3.0], [2]);
    for (p, norm) in [(1.0, Norm::L1), (2.0, Norm::L2), (f64::INFINITY, Norm::Max)] {
        assert_eq!(x.p_norm(.., p).item(), x.norm(.., norm).item());
    }
}

/// $n$ copies of a number whose multiples are rounded in single precision.
fn many(n: usize) -> (Vec<f32>, f64) {
    (vec![0.1_f32; n], n as f64 * f64::from(0.1_f32))
}

#[test]
fn long_sums_in_single_precision_keep_their_digits() {
    // Chains of 32 roundings, each of at most half a unit of the last place of the chain's sum; mostly far less.
    let near = |y: f32, exact: f64| (f64::from(y) / exact - 1.0).abs() < 1e-6;
    let (x, exact) = many(10_000_000);
    let y = vector::sum(&x);
    assert!(near(y, exact), "{y}, not {exact}");
    let tape = Tape::new();
    let n = 1_000_000;
    let (x, exact) = many(2 * n);
    for dims in [[n, 2], [2 * n, 1], [15_625, 128], [1600, 1250], [2, n]] {
        let x = tape.leaf(&x, dims);
        let exact = exact / dims[1] as f64;
        for (name, y) in [("sum", x.sum_axis(0)), ("squares", x.sum_squares(0) / 0.1)] {
            let values = y.value();
            let wrong = values.values().iter().find(|&&y| !near(y, exact));
            assert!(wrong.is_none(), "{name} over {dims:?}: {wrong:?}, not {exact}");
        }
    }
    // The adjoint of a number that is broadcast.
    let c = tape.leaf(&[3.0_f32], []);
    let x = tape.constant(&x, [2 * n]);
    let slope = (c * x).sum().backward().of(c).item();
    assert!(near(slope, exact), "{slope}, not {exact}");
}

#[test]
fn long_sums_keep_infinities() {
    let mut x = vec![1.0_f32; 5000];
    x[70] = f32::INFINITY;
    assert_eq!(vector::sum(&x), f32::INFINITY);
    let tape = Tape::new();
    let y = tape.leaf(&x, [2500, 2]).sum_axis(0).value();
    assert_eq!(y.values(), [f32::INFINITY, 2500.0]);
    x[71] = f32::NEG_INFINITY;
    assert!(vector::sum(&x).is_nan());
}

#[test]
fn sums_of_random_numbers_are_near_those_in_double_precision() {
    for n in [1, 100, 1024, 1025, 1500, 2048, 2049, 5000, 100_003] {
        let x: Vec<f32> = (0..n).map(|i| ((i % 977) as f32 * 0.37).sin() + 0.5).collect();
        let exact: f64 = x.iter().map(|&x| f64::from(x)).sum();
        let size: f64 = x.iter().map(|&x| f64::from(x.abs())).sum();
        // 64 roundings of a lane at most, of the size of its sum.
        let error = (f64::from(vector::sum(&x)) - exact).abs();
        assert!(error <= 64.0 * f64::from(f32::EPSILON) * size, "{n}: {error}");
    }
}

#[test]
fn the_slope_of_squares_of_zeros_is_zero_without_a_sign_at_every_width() {
    for columns in [1, 63, 64, 65] {
        let tape = Tape::new();
        let x = tape.leaf(&vec![0.0_f64; 2 * columns], [2, columns]);
        let seed = vec![-1.0; columns];
        let grads = tape.pull(&[(x.sum_squares(0), &seed[..])]);
        let slopes = grads.of(x);
        assert!(slopes.values().iter().all(|g| g.to_bits() == 0), "{columns} columns");
    }
}
