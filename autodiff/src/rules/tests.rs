//! Every op that is not a row of a table against finite differences, numbers against variables, to the second
//! order and in both precisions. The matches are exhaustive: an op without a check does not compile.

use crate::check::{self, Options};
use crate::rules::fused::EXAMPLES;
use crate::tape::op::Op;
use crate::tape::op::beta::Beta;
use crate::tape::op::index::Index;
use crate::tape::op::linalg::{By, Linalg};
use crate::tape::op::moves::Move;
use crate::{Scalar, Tape, Tensor, Var};

/// Numbers in (−1, 1) in no special order.
fn tensor<F: Scalar>(dims: &[usize], salt: u64) -> Tensor<F> {
    let numbers = (0..dims.iter().product::<usize>() as u64).map(|i| {
        let mixed = (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (salt << 7);
        let bits = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        F::from_f64(2.0 * f64::uniform(bits ^ (bits >> 32)) - 1.0)
    });
    Tensor::new(numbers.collect(), dims)
}

/// Matrices whose symmetric part has eigenvalues near 2, 4, 6, …
pub(super) fn definite<F: Scalar>(dims: &[usize], salt: u64) -> Tensor<F> {
    let mut a = tensor::<F>(dims, salt);
    let n = dims[dims.len() - 1];
    for (i, x) in a.values_mut().iter_mut().enumerate() {
        let (row, column) = (i / n % n, i % n);
        let diagonal = if row == column { 2.0 * (row + 1) as f64 } else { 0.0 };
        *x = *x * F::from_f64(0.3) + F::from_f64(diagonal);
    }
    a
}

#[track_caller]
fn agrees<F: Scalar>(
    name: &str,
    f: impl for<'t> Fn(&[Var<'t, F>]) -> Var<'t, F>,
    at: &[Tensor<F>],
) {
    if let Err(mismatch) = check::gradient(&f, at, Options::of::<F>()) {
        panic!("{name} in {}: {mismatch}", F::NAME);
    }
    // Forward along a direction, and the gradient along the same.
    let tape = Tape::new();
    let xs: Vec<Var<F>> = at.iter().map(|x| tape.leaf(x.values(), x.shape())).collect();
    let along: Vec<Var<F>> = (20..)
        .zip(at)
        .map(|(salt, x)| tape.constant(tensor::<F>(x.shape(), salt).values(), x.shape()))
        .collect();
    let y = f(&xs).sum();
    let forward = y.jvp(&xs, &along).item().to_f64();
    let terms = y.grad(&xs).into_iter().zip(&along).map(|(slope, &along)| (slope * along).sum());
    let reverse: f64 = terms.map(|term| term.item().to_f64()).sum();
    // Two orders of summation of some hundred numbers of the order of one to ten.
    let slack = 1e4 * F::EPSILON.to_f64() * reverse.abs().max(1.0);
    assert!((forward - reverse).abs() < slack, "{name} in {}: {forward}, {reverse}", F::NAME);
}

fn apply<'t, F: Scalar>(op: Linalg, args: &[Var<'t, F>]) -> Var<'t, F> {
    args[0].tape().apply(Op::Linalg(op), args, None).unwrap()
}

/// An op on a matrix and its factor, and on a right side if there is one.
pub(super) fn from_factor<'t, F: Scalar>(by: Linalg, op: Linalg, x: &[Var<'t, F>]) -> Var<'t, F> {
    let factor = apply(by, &[x[0].detach()]);
    apply(op, &[&[x[0], factor], &x[1..]].concat())
}

fn linalg<F: Scalar>(op: Linalg) {
    let name = &format!("{op:?}");
    let alone = [definite::<F>(&[2, 3, 3], 1)];
    let by_of = |by| match by {
        By::Cholesky => Linalg::Cholesky,
        By::Lu => Linalg::Lu,
    };
    // The leading axes of the matrix or of the right side are broadcast, agree, or are missing on one side.
    let leads: [[&[usize]; 2]; 4] = [[&[], &[]], [&[2, 1], &[3]], [&[2], &[]], [&[], &[2]]];
    let pairs = leads.map(|[a, b]| {
        [definite::<F>(&[a, &[3, 3]].concat(), 2), tensor::<F>(&[b, &[3, 2]].concat(), 3)]
    });
    match op {
        Linalg::Lu | Linalg::Eigh => {
            let tape = Tape::new();
            let a = tape.leaf(alone[0].values(), alone[0].shape());
            assert!(!apply(op, &[a]).is_tracked(), "{name} is flat");
        }
        Linalg::DetSign => {
            let tape = Tape::new();
            let a = tape.leaf(alone[0].values(), alone[0].shape());
            let sign = apply(op, &[apply(Linalg::Lu, &[a])]);
            assert!(!sign.is_tracked(), "{name} is flat");
            assert_eq!(sign.value().values(), [F::ONE; 2]);
        }
        Linalg::Cholesky | Linalg::MatrixExp => {
            let small = [Tensor::new(
                alone[0].values().iter().map(|&x| x * F::from_f64(0.25)).collect(),
                alone[0].shape(),
            )];
            let at = if op == Linalg::MatrixExp { &small } else { &alone };
            agrees(name, |x| apply(op, x).sin(), at);
        }
        Linalg::SolveTriangular { .. } => {
            pairs.iter().for_each(|at| agrees(name, |x| apply(op, x).square(), at));
        }
        Linalg::Solve { by, .. } => {
            pairs
                .iter()
                .for_each(|at| agrees(name, |x| from_factor(by_of(by), op, x).square(), at));
        }
        Linalg::InverseForm => {
            let by = Linalg::Cholesky;
            pairs.iter().for_each(|at| agrees(name, |x| from_factor(by, op, x).square(), at));
        }
        Linalg::Inverse { by } | Linalg::LogDet { by } => {
            agrees(name, |x| from_factor(by_of(by), op, x).square(), &alone);
        }
        Linalg::Det { by } => agrees(name, |x| from_factor(by_of(by), op, x).ln(), &alone),
        Linalg::Eigenvalues | Linalg::Eigenvectors => {
            agrees(name, |x| from_factor(Linalg::Eigh, op, x).sin(), &alone);
        }
    }
}

#[test]
fn every_op_of_linear_algebra_agrees_with_finite_differences() {
    for &op in Linalg::ALL {
        linalg::<f64>(op);
        linalg::<f32>(op);
    }
}

/// The number of a kind of move, by which the test finds that no kind lacks an example.
fn number(m: Move) -> usize {
    match m {
        Move::Broadcast => 0,
        Move::SumTo => 1,
        Move::Permute { .. } => 2,
        Move::Slice { .. } => 3,
        Move::Pad { .. } => 4,
        Move::Flip { .. } => 5,
        Move::Diag { .. } => 6,
        Move::Diagonal { .. } => 7,
        Move::Tril { .. } => 8,
        Move::Triu { .. } => 9,
    }
}

/// A move of a tensor of shape `[2, 3, 4]`, and the shape of the result where it must be named.
type Example = (Move, Option<&'static [usize]>);

const MOVES: &[Example] = &[
    (Move::Broadcast, Some(&[5, 2, 3, 4])),
    (Move::SumTo, Some(&[3, 1])),
    (Move::Permute { order: [2, 0, 1, 0, 0, 0, 0, 0] }, None),
    (Move::Slice { axis: 1, start: 1 }, Some(&[2, 2, 4])),
    (Move::Pad { axis: 1, start: 2 }, Some(&[2, 6, 4])),
    (Move::Flip { axis: 2 }, None),
    (Move::Diag { above: 0 }, Some(&[2, 3, 4, 4])),
    (Move::Diag { above: 2 }, Some(&[2, 3, 6, 6])),
    (Move::Diag { above: -1 }, Some(&[2, 3, 5, 4])),
    (Move::Diagonal { above: 0 }, None),
    (Move::Diagonal { above: 3 }, None),
    (Move::Diagonal { above: -2 }, None),
    (Move::Diagonal { above: 9 }, None),
    (Move::Tril { above: 0 }, None),
    (Move::Tril { above: 2 }, None),
    (Move::Tril { above: i32::MAX }, None),
    (Move::Triu { above: -1 }, None),
    (Move::Triu { above: i32::MIN }, None),
];

fn moves<F: Scalar>() {
    let at = [tensor::<F>(&[2, 3, 4], 5)];
    for &(m, wanted) in MOVES {
        // A square makes the result nonlinear, so that a misplaced number shows in the derivative.
        let result = |x: Var<'_, F>| x.tape().apply(Op::Move(m), &[x], wanted).unwrap().id();
        agrees(&format!("{m:?}"), |x| x[0] * x[0].tape().var(result(x[0]), 0).square().sum(), &at);
    }
}

#[test]
fn every_move_agrees_with_finite_differences() {
    let seen = |kind| MOVES.iter().any(|&(m, _)| number(m) == kind);
    assert!((0..10).all(seen));
    moves::<f64>();
    moves::<f32>();
}

fn picks<F: Scalar>(op: Index) {
    // The indices vary along all axes, or name whole rows.
    let indices: [(&[usize], &[usize]); 3] = [
        (&[0, 2, 1, 1, 0, 0, 2, 2, 2, 1, 0, 1, 2, 0, 0, 1], &[2, 2, 4]),
        (&[2, 0], &[1, 2, 1]),
        (&[0, 2, 2, 1], &[2, 2, 1]),
    ];
    for (indices, shape) in indices {
        let (dims, wanted): (_, Option<&[usize]>) = match op {
            Index::Gather { .. } => ([2, 3, 4], None),
            Index::ScatterAdd { .. } => ([2, 2, 4], Some(&[2, 3, 4])),
        };
        agrees(
            op.name(),
            |x| {
                let index = x[0].tape().indices(indices, shape);
                x[0].tape().apply(Op::Index(op), &[x[0], index], wanted).unwrap().sin()
            },
            &[tensor::<F>(&dims, 6)],
        );
    }
}

#[test]
fn picking_by_index_agrees_with_finite_differences() {
    for op in [Index::Gather { axis: 1 }, Index::ScatterAdd { axis: 1 }] {
        picks::<f64>(op);
        picks::<f32>(op);
    }
}

fn kernels<F: Scalar>() {
    for &(kernel, shapes) in EXAMPLES.iter().flat_map(|(_, examples)| *examples) {
        let at: Vec<Tensor<F>> =
            shapes.iter().zip(30..).map(|(dims, salt)| tensor(dims, salt)).collect();
        let y = |x: &[Var<'_, F>]| x[0].tape().apply(Op::Fused(kernel), x, None).unwrap().id();
        // A sine makes the result nonlinear, so that its own adjoint counts.
        agrees(&format!("{kernel:?}"), |x| x[0].tape().var(y(x), 0).sin(), &at);
    }
}

#[test]
fn every_fused_kernel_agrees_with_finite_differences_and_its_definition() {
    for (name, examples) in EXAMPLES {
        assert!(!examples.is_empty(), "{name} has no example");
        assert!(examples.iter().all(|example| example.0.name() == *name), "examples of {name}");
    }
    kernels::<f64>();
    kernels::<f32>();
}

fn beta<F: Scalar>(op: Beta) {
    let above = |salt, low: f64, high: f64| {
        let mut x = tensor::<F>(&[2, 3], salt);
        let half = F::from_f64(0.5 * (high - low));
        x.values_mut().iter_mut().for_each(|x| *x = (*x + F::ONE) * half + F::from_f64(low));
        x
    };
    let (a, b, x) = (above(1, 0.5, 4.0), above(2, 0.5, 4.0), above(3, 0.2, 0.8));
    let apply = |args: &[Var<'_, F>]| args[0].tape().apply(Op::Beta(op), args, None).unwrap().id();
    let [fixed_a, fixed_b] = [a.clone(), b.clone()];
    agrees(
        op.name(),
        |x| {
            let tape = x[0].tape();
            let [a, b] = [&fixed_a, &fixed_b].map(|n| tape.constant(n.values(), n.shape()));
            tape.var(apply(&[a, b, x[0]]), 0)
        },
        std::slice::from_ref(&x),
    );
    // All three, to the third derivative, which is a difference.
    let order = if op == Beta::Inc { 3 } else { 1 };
    let options = Options { order, ..Options::of::<F>() };
    check::gradient(|x| x[0].tape().var(apply(x), 0), &[a, b, x], options)
        .unwrap_or_else(|mismatch| panic!("{} in {}: {mismatch}", op.name(), F::NAME));
}

#[test]
fn the_incomplete_beta_function_agrees_with_finite_differences() {
    for op in Beta::ALL {
        beta::<f64>(op);
        beta::<f32>(op);
    }
}
