//! Every op against finite differences, duals and itself, in both precisions.

use pathscore_autodiff::check::{self, Options};
use pathscore_autodiff::{Activation, Binary, Dual, Grads, Op, Scalar, Tape, Tensor, Unary, Var};

/// `n` numbers spread over an interval, in no special order.
fn spread<F: Scalar>(n: usize, (low, high): (f64, f64), salt: u64) -> Vec<F> {
    (0..n as u64)
        .map(|i| {
            let mixed = (i + 1)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .wrapping_add(salt.wrapping_mul(0xD134_2543_DE82_EF95));
            let bits = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            F::from_f64(low + (high - low) * f64::uniform(bits ^ (bits >> 32)))
        })
        .collect()
}

fn tensor<F: Scalar, const N: usize>(
    shape: [usize; N],
    domain: (f64, f64),
    salt: u64,
) -> Tensor<F> {
    Tensor::new(spread(shape.iter().product(), domain, salt), shape)
}

fn assert_checks<F: Scalar>(
    name: &str,
    f: impl for<'t> Fn(&[Var<'t, F>]) -> Var<'t, F>,
    at: &[Tensor<F>],
) {
    if let Err(mismatch) = check::gradient(f, at, Options::of::<F>()) {
        panic!("{name} in {}: {mismatch}", F::NAME);
    }
}

fn unary_rows<F: Scalar>() {
    for &op in Unary::ALL {
        let at = [tensor::<F, 2>([3, 7], op.domain(), 1)];
        if !op.is_flat() {
            assert_checks(op.name(), |x| x[0].tape().apply(Op::Map(op), x, None).unwrap(), &at);
        }
    }
}

#[test]
fn every_unary_row_agrees_with_finite_differences() {
    unary_rows::<f64>();
    unary_rows::<f32>();
}

#[test]
fn every_unary_row_is_the_same_on_numbers_duals_and_variables() {
    for &op in Unary::ALL {
        for x in spread::<f64>(40, op.domain(), 2) {
            let tape = Tape::new();
            let leaf = tape.leaf(&[x], []);
            let y = op.value(leaf);
            let dual = op.value(Dual::variable(x));
            assert_eq!((y.item(), op.value(x)), (dual.v, dual.v), "{} at {x}", op.name());
            let slope = y.backward().of(leaf).item();
            // The same formula on the same numbers.
            assert_eq!(slope, if op.is_flat() { 0.0 } else { dual.d }, "{} at {x}", op.name());
        }
    }
}

fn binary_rows<F: Scalar>() {
    let shapes: [(&[usize], &[usize]); 7] = [
        (&[3, 5], &[3, 5]),
        (&[3, 5], &[5]),
        (&[3, 1], &[1, 5]),
        (&[], &[4]),
        (&[2, 3, 4], &[3, 1]),
        (&[2, 1, 4], &[3, 1]),
        (&[300], &[2, 1]),
    ];
    // The order of a polygamma or Bessel function is an integer, a remainder jumps, the logarithm of a difference needs
    // a > b, and the derivatives of ∂²P/∂a² are differences: they have tests of their own.
    let apart =
        [Binary::Polygamma, Binary::Ive, Binary::Rem, Binary::LogDiffExp, Binary::GammaPDaa];
    for &op in Binary::ALL.iter().filter(|op| !op.is_flat() && !apart.contains(op)) {
        for (i, (a, b)) in shapes.iter().enumerate() {
            let make = |dims: &[usize], salt| {
                Tensor::new(spread::<F>(dims.iter().product(), op.domain(), salt), dims)
            };
            let at = [make(a, 3 + i as u64), make(b, 40 + i as u64)];
            let options = Options { order: if i < 5 { 2 } else { 1 }, ..Options::of::<F>() };
            check::gradient(|x| x[0].tape().apply(Op::Zip(op), x, None).unwrap(), &at, options)
                .unwrap_or_else(|m| panic!("{} of {a:?} and {b:?} in {}: {m}", op.name(), F::NAME));
        }
        let c = F::from_f64(0.7);
        let at = [tensor::<F, 1>([5], op.domain(), 9)];
        for side in [Op::ZipLeft(op, c), Op::ZipRight(op, c)] {
            assert_checks(op.name(), |x| x[0].tape().apply(side, x, None).unwrap(), &at);
        }
    }
}

#[test]
fn every_binary_row_agrees_with_finite_differences_under_broadcasting() {
    binary_rows::<f64>();
    binary_rows::<f32>();
}

#[test]
fn polygamma_agrees_with_finite_differences() {
    for order in [0.0, 1.0, 2.0, 5.0] {
        let at = [tensor::<f64, 1>([6], (1.0, 5.0), 15)];
        assert_checks("polygamma", |x| x[0].constant(order).polygamma(x[0]), &at);
    }
}

#[test]
fn a_remainder_agrees_with_finite_differences_between_its_jumps() {
    // a/b lies between 2.1 and 2.93.
    let at = [tensor::<f64, 1>([6], (2.1, 2.9), 18), tensor::<f64, 1>([6], (0.99, 1.0), 19)];
    assert_checks("rem", |x| (x[0] % x[1]).square(), &at);
}

#[test]
fn bessel_functions_agree_with_finite_differences() {
    for order in [0.0, 1.0, 2.0, 7.0, -3.0] {
        let at = [tensor::<f64, 1>([6], (0.5, 5.0), 15)];
        assert_checks("ive", |x| x[0].constant(order).ive(x[0]), &at);
        assert_checks("ive", |x| x[0].constant(order).ive(-x[0]), &at);
    }
}

fn log_diff_exp<F: Scalar>() {
    let at = [tensor::<F, 2>([3, 4], (1.5, 3.0), 16), tensor::<F, 1>([4], (-2.0, 1.0), 17)];
    assert_checks("log_diff_exp", |x| x[0].log_diff_exp(x[1]), &at);
}

#[test]
fn the_logarithm_of_a_difference_agrees_with_finite_differences() {
    log_diff_exp::<f64>();
    log_diff_exp::<f32>();
}

fn incomplete_gamma<F: Scalar>() {
    let at = [tensor::<F, 2>([3, 4], (0.5, 3.0), 16), tensor::<F, 1>([4], (0.5, 3.0), 17)];
    let once = Options { order: 1, ..Options::of::<F>() };
    check::gradient(|x| x[0].gamma_p_daa(x[1]), &at, once)
        .unwrap_or_else(|m| panic!("gamma_p_daa in {}: {m}", F::NAME));
    // With respect to the argument, to any order.
    for op in [Binary::GammaP, Binary::GammaQ, Binary::GammaPDa, Binary::GammaPDaa] {
        let shape = Op::ZipLeft(op, F::from_f64(1.7));
        assert_checks(op.name(), |x| x[0].tape().apply(shape, x, None).unwrap(), &at[1..]);
    }
}

#[test]
fn the_incomplete_gamma_function_agrees_with_finite_differences() {
    incomplete_gamma::<f64>();
    incomplete_gamma::<f32>();
}

fn structure<F: Scalar>() {
    let x = || [tensor::<F, 3>([2, 3, 4], (-2.0, 2.0), 5)];
    // A square makes the result nonlinear, so that a misplaced number shows in the derivative.
    assert_checks("permute", |x| x[0].permute(&[2, 0, 1]).square(), &x());
    assert_checks("transpose", |x| x[0].transpose().square(), &x());
    assert_checks("reshape", |x| x[0].reshape([6, 4]).square() * x[0].reshape([6, 4]), &x());
    assert_checks("broadcast", |x| (x[0].broadcast_to([5, 2, 3, 4]) * x[0]).square(), &x());
    assert_checks("sum_to", |x| x[0].sum_to([3, 1]).square(), &x());
    assert_checks("sum_axis", |x| x[0].sum_axis(1).square(), &x());
    assert_checks("mean", |x| x[0].mean().square(), &x());
    assert_checks("slice", |x| x[0].slice(1, 1..3).square(), &x());
    assert_checks("pad", |x| (x[0].pad(-1, 2, 1) + F::ONE).square(), &x());
    assert_checks("flip", |x| x[0].flip(2).square() * x[0], &x());
    assert_checks("concat", |x| Var::concat(&[x[0], x[0].square()], 1).square(), &x());
    assert_checks("select", |x| x[0].greater(x[0].flip(0)).select(x[0].square(), x[0].exp()), &x());
    assert_checks("log_sum_exp", |x| x[0].log_sum_exp(1).square(), &x());
    assert_checks("log_softmax", |x| x[0].log_softmax(-1).square(), &x());
}

#[test]
fn structure_agrees_with_finite_differences() {
    structure::<f64>();
    structure::<f32>();
}

fn products<F: Scalar>() {
    for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
        let shape = |m: usize, n: usize, t: bool| if t { [n, m] } else { [m, n] };
        let a = tensor::<F, 2>(shape(3, 4, ta), (-1.0, 1.0), 6);
        let b = tensor::<F, 2>(shape(4, 2, tb), (-1.0, 1.0), 7);
        assert_checks("matmul", |x| x[0].matmul_with(ta, x[1], tb).square(), &[a, b]);
        let dims = |[r, c]: [usize; 2], lead: &[usize]| [lead, &[r, c]].concat();
        for (la, lb) in [(&[2][..], &[][..]), (&[], &[2]), (&[2, 1], &[3]), (&[2], &[2])] {
            let make = |dims: Vec<usize>, salt| {
                Tensor::new(spread::<F>(dims.iter().product(), (-1.0, 1.0), salt), &dims[..])
            };
            let at = [make(dims(shape(3, 4, ta), la), 8), make(dims(shape(4, 2, tb), lb), 9)];
            assert_checks("batched matmul", |x| x[0].matmul_with(ta, x[1], tb).square(), &at);
        }
    }
}

#[test]
fn products_agree_with_finite_differences() {
    products::<f64>();
    products::<f32>();
}

fn fused<F: Scalar>() {
    use Activation::{Identity, Relu, Sigmoid, Softplus, Tanh};
    let at = [
        tensor::<F, 3>([2, 3, 4], (-1.0, 1.0), 10),
        tensor::<F, 2>([4, 5], (-1.0, 1.0), 11),
        tensor::<F, 1>([5], (-1.0, 1.0), 12),
    ];
    for activation in [Identity, Tanh, Relu, Sigmoid, Softplus] {
        assert_checks("affine", |x| x[0].affine(x[1], x[2], activation).square(), &at);
    }
    let narrow = tensor::<F, 2>([3, 4], (-1.0, 1.0), 13);
    let row = tensor::<F, 1>([4], (-1.0, 1.0), 14);
    let at = [at[0].clone(), narrow.clone(), row];
    assert_checks("normal_log_prob", |x| x[0].normal_log_prob(x[1], x[2]).square(), &at);
    let at = [at[0].clone(), narrow.clone()];
    let square = [narrow, tensor::<F, 2>([4, 4], (-1.0, 1.0), 15)];
    assert_checks("quadratic_form", |x| x[0].quadratic_form(x[1]).square(), &square);
    assert_checks("bernoulli_log_prob", |x| x[0].bernoulli_log_prob(x[1]).square(), &at);
    assert_checks("bernoulli_log_prob", |x| x[1].bernoulli_log_prob(x[0]).square(), &at);
}

#[test]
fn fused_kernels_agree_with_finite_differences_and_their_definitions() {
    fused::<f64>();
    fused::<f32>();
}

#[test]
fn third_derivatives_are_right() {
    let at = [Tensor::new(vec![0.3_f64, -0.4, 0.9], [3])];
    let options = Options { order: 3, ..Options::of::<f64>() };
    check::gradient(|x| (x[0].tanh() * x[0].sin()).log_sum_exp(0), &at, options).unwrap();
}

#[test]
fn a_wrong_rule_is_caught() {
    let at = [Tensor::new(vec![0.5_f64, 2.0], [2])];
    // The derivative of the detached factor is missing.
    let wrong = check::gradient(|x| x[0] * x[0].detach(), &at, Options::of::<f64>());
    assert_eq!(wrong.unwrap_err().against, "finite differences");
}

#[test]
fn log_sum_exp_survives_infinities() {
    let tape = Tape::new();
    let none = f64::NEG_INFINITY;
    let x = tape.leaf(&[none, none, none, 0.0, 1e300, 1e300, none, -1e4], [4, 2]);
    let y = x.log_sum_exp(1);
    assert_eq!(y.value().values(), [none, 0.0, 1e300, -1e4]);
    let numbers = tape.pull(&[(y, &[1.0; 4])]).of(x);
    assert_eq!(numbers.values(), [0.0, 0.0, 0.0, 1.0, 0.5, 0.5, 0.0, 1.0]);
    let recorded = y.grad(&[x])[0].value();
    assert_eq!(recorded, numbers);
}

#[test]
fn bernoulli_log_prob_survives_saturated_logits() {
    let tape = Tape::new();
    let x = tape.constant(&[1.0_f32, 0.0, 1.0, 0.0], [4, 1]);
    let eta = tape.leaf(&[1e4_f32, 1e4, -1e4, -1e4], [4, 1]);
    let y = x.bernoulli_log_prob(eta);
    assert_eq!(y.value().values(), [0.0, -1e4, -1e4, 0.0]);
    assert_eq!(tape.pull(&[(y, &[1.0; 4])]).of(eta).values(), [0.0, -1.0, 1.0, 0.0]);
}

#[test]
fn select_keeps_the_nan_of_the_branch_not_taken_out_of_the_gradient() {
    let tape = Tape::new();
    let x = tape.leaf(&[-1.0_f64, 4.0], [2]);
    let root = x.greater(tape.number(0.0)).select(x.sqrt(), tape.number(0.0)).sum();
    assert_eq!(root.item(), 2.0);
    assert_eq!(root.backward().of(x).values(), [0.0, 0.25]);
    let recorded = root.grad(&[x])[0];
    assert_eq!(recorded.value().values(), [0.0, 0.25]);
    assert_eq!(recorded.sum().grad(&[x])[0].value().values(), [0.0, -1.0 / 32.0]);
    // Single numbers take another path.
    let x = tape.leaf(&[-1.0_f64], []);
    let y = x.greater(tape.number(0.0)).select(x.ln(), x * 0.0);
    assert_eq!(y.backward().of(x).item(), 0.0);
}

#[test]
fn smooth_steps_are_straight_at_infinity() {
    for op in [Unary::Silu, Unary::Gelu] {
        let tape = Tape::new();
        let x = tape.leaf(&[f64::INFINITY, f64::NEG_INFINITY], [2]);
        let y = tape.apply(Op::Map(op), &[x], None).unwrap();
        assert_eq!(y.value().values(), [f64::INFINITY, 0.0]);
        assert_eq!(tape.pull(&[(y, &[1.0, 1.0])]).of(x).values(), [1.0, 0.0], "{}", op.name());
        assert_eq!(y.sum().grad(&[x])[0].value().values(), [1.0, 0.0], "{}", op.name());
    }
}

#[test]
fn a_gate_weights_what_flows_back_row_by_row() {
    let tape = Tape::new();
    let x = tape.leaf(&[1.0_f64, 2.0, 3.0, 4.0], [2, 2]);
    let y = x.gate();
    let z = y.square().sum();
    let mut grads = Grads::new();
    tape.pull_into(&[(z, &[1.0])], &[(y, &[10.0, 0.5])], &mut grads);
    assert_eq!(grads.leading(4), [20.0, 40.0, 3.0, 4.0]);
    assert_eq!(z.backward().leading(4), [2.0, 4.0, 6.0, 8.0]);
}

#[test]
fn empty_tensors_pass_through() {
    let tape = Tape::<f64>::new();
    let x = tape.leaf(&[], [0, 3]);
    let w = tape.leaf(&[1.0; 6], [3, 2]);
    let y = x.matmul(w).tanh().sum();
    assert_eq!(y.item(), 0.0);
    assert_eq!(y.backward().of(w).values(), [0.0; 6]);
    assert_eq!(tape.leaf(&[], [2, 0]).matmul(tape.leaf(&[], [0, 2])).value().values(), [0.0; 4]);
    assert_eq!(tape.leaf(&[], [0]).log_sum_exp(0).item(), f64::NEG_INFINITY);
}

#[test]
fn shape_mistakes_name_the_op_both_shapes_and_the_line() {
    let caught = std::panic::catch_unwind(|| {
        let tape = Tape::<f32>::new();
        let a = tape.leaf(&[0.0; 6], [2, 3]);
        let _ = a.matmul(a);
    });
    let message = *caught.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(
        message,
        "matmul: shapes [2, 3] and [2, 3] do not fit: 3 columns on the left meet 2 rows on the right"
    );
}
