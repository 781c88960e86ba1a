//! One case and more of every family of ops.

use crate::numbers::ops::{Binary, Unary};
use crate::rules::fused::EXAMPLES;
use crate::rules::tests::{definite, from_factor};
use crate::tape::op::Op;
use crate::tape::op::beta::Beta;
use crate::tape::op::linalg::{By, Linalg};
use crate::tape::op::moves::Move;
use crate::tape::record::Var;
use crate::{Tape, Tensor};

pub(super) type Function = Box<dyn for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>>;

/// An op of a family, and numbers to apply it to. Equal lengths wherever an op allows it, so that a wrong rule
/// makes wrong numbers and not only shapes that do not fit.
pub(super) struct Case {
    pub(super) op: Op<f64>,
    pub(super) family: &'static str,
    pub(super) function: Function,
    pub(super) at: Vec<Tensor<f64>>,
}

fn tensor(dims: &[usize], (low, high): (f64, f64), salt: usize) -> Tensor<f64> {
    let number = |i: usize| low + (high - low) * (0.5 + 0.5 * (1.3 * i as f64 + salt as f64).sin());
    Tensor::new((0..dims.iter().product()).map(number).collect(), dims)
}

/// The family of an op, if it has a rule that can be wrong. A new kind of op needs a line here and a case below.
fn family<F>(op: Op<F>) -> Option<&'static str> {
    match op {
        Op::Leaf | Op::Constant | Op::Detach => None,
        Op::Map(_) => Some("map"),
        Op::Zip(_) | Op::ZipLeft(..) | Op::ZipRight(..) => Some("zip"),
        Op::Select => Some("select"),
        Op::Move(Move::SumTo) => Some("fold"),
        Op::Move(_) => Some("move"),
        Op::Concat { .. } => Some("concat"),
        Op::Reshape => Some("reshape"),
        Op::Gate => Some("gate"),
        Op::MatMul { .. } => Some("matmul"),
        Op::Index(_) => Some("index"),
        Op::Linalg(_) => Some("linalg"),
        Op::Beta(_) => Some("beta"),
        Op::Fused(_) => Some("fused"),
        // Its rule is the user's; a wrong one is among the tests of transforms.
        Op::Custom(_) => None,
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut push = |function: Function, at: &[Tensor<f64>]| {
        let tape = Tape::new();
        let xs: Vec<Var<f64>> = at.iter().map(|x| tape.leaf(x.values(), x.shape())).collect();
        let y = function(&xs);
        let op = tape.record().node(y.id).op;
        let family = family(op).expect("a case ends in an op with a rule");
        cases.push(Case { op, family, function, at: at.to_vec() });
    };
    for &op in Unary::ALL.iter().filter(|op| !op.is_flat()) {
        let at = [tensor(&[3, 3], op.domain(), 1)];
        push(Box::new(move |x| apply(Op::Map(op), x)), &at);
    }
    // These two have a derivative by their second argument only, and one is defined for a > b only.
    let half = [Binary::Polygamma, Binary::Ive];
    let ordered = [tensor(&[3, 3], (1.5, 3.0), 1), tensor(&[3], (-1.0, 1.0), 2)];
    push(Box::new(|x| apply(Op::Zip(Binary::LogDiffExp), x)), &ordered);
    let rest = |op: &&Binary| !half.contains(op) && **op != Binary::LogDiffExp;
    for &op in Binary::ALL.iter().filter(|op| !op.is_flat()).filter(rest) {
        let at = [tensor(&[3, 3], op.domain(), 1), tensor(&[3], op.domain(), 2)];
        push(Box::new(move |x| apply(Op::Zip(op), x)), &at);
        push(Box::new(move |x| apply(Op::ZipLeft(op, 0.8), x)), &at[..1]);
        push(Box::new(move |x| apply(Op::ZipRight(op, 0.8), x)), &at[..1]);
    }
    let unit = (-1.0, 1.0);
    let cube = [tensor(&[3, 3, 3], unit, 1)];
    let pair = [tensor(&[3, 3], unit, 1), tensor(&[3, 3], unit, 2)];
    for op in half {
        let at = [tensor(&[3], (1.0, 3.0), 1)];
        push(Box::new(move |x| apply(Op::ZipLeft(op, 1.0), x)), &at);
    }
    let shapes = [tensor(&[3], (1.0, 3.0), 1), tensor(&[3], (1.0, 3.0), 2)];
    let three = [shapes[0].clone(), shapes[1].clone(), tensor(&[3], (0.2, 0.8), 3)];
    for op in Beta::ALL {
        push(Box::new(move |x| apply(Op::Beta(op), x)), &three);
    }
    push(Box::new(|x| x[0].greater(x[1]).select(x[0], x[1])), &pair);
    push(Box::new(|x| x[0].broadcast_to([2, 3, 3])), &pair[..1]);
    push(Box::new(|x| x[0].sum_to([3, 1, 3])), &cube);
    push(Box::new(|x| x[0].permute(&[1, 2, 0])), &cube);
    push(Box::new(|x| x[0].slice(1, 1..3)), &cube);
    push(Box::new(|x| x[0].pad(1, 1, 2)), &cube);
    push(Box::new(|x| x[0].flip(1)), &cube);
    push(Box::new(|x| Var::concat(x, 0)), &pair);
    push(Box::new(|x| x[0].reshape([9]).sin().reshape([3, 3])), &pair[..1]);
    push(Box::new(|x| x[0].gate()), &pair[..1]);
    for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
        push(Box::new(move |x| x[0].matmul_with(ta, x[1], tb)), &pair);
    }
    push(
        Box::new(|x| x[0].gather(0, x[0].tape().indices(&[2, 0, 0], [3, 1])).expect("in range")),
        &pair[..1],
    );
    push(
        Box::new(|x| {
            let index = x[0].tape().indices(&[2, 0, 0], [3, 1]);
            x[0].scatter_add(0, index, x[1]).expect("in range")
        }),
        &pair,
    );
    for above in [-1, 0, 1] {
        push(Box::new(move |x| x[0].tril(above)), &pair[..1]);
        push(Box::new(move |x| x[0].triu(above)), &pair[..1]);
        push(Box::new(move |x| x[0].diagonal(above)), &pair[..1]);
        push(Box::new(move |x| x[0].diag(above)), &[tensor(&[3], unit, 1)]);
    }
    let system = [definite(&[3, 3], 1), tensor(&[3, 3], unit, 2)];
    for &op in Linalg::ALL.iter().filter(|op| !op.is_flat()) {
        let by = match op {
            Linalg::Solve { by: By::Lu, .. }
            | Linalg::Inverse { by: By::Lu }
            | Linalg::LogDet { by: By::Lu }
            | Linalg::Det { by: By::Lu } => Linalg::Lu,
            Linalg::Eigenvalues | Linalg::Eigenvectors => Linalg::Eigh,
            _ => Linalg::Cholesky,
        };
        match op {
            Linalg::Cholesky | Linalg::MatrixExp => {
                push(Box::new(move |x| apply(Op::Linalg(op), &[x[0] * 0.3])), &system[..1]);
            }
            Linalg::SolveTriangular { .. } => {
                push(Box::new(move |x| apply(Op::Linalg(op), x)), &system);
            }
            Linalg::Solve { .. } | Linalg::InverseForm => {
                push(Box::new(move |x| from_factor(by, op, x)), &system);
            }
            _ => push(Box::new(move |x| from_factor(by, op, x)), &system[..1]),
        }
    }
    for &(kernel, shapes) in EXAMPLES.iter().flat_map(|(_, examples)| *examples) {
        let at: Vec<Tensor<f64>> =
            shapes.iter().zip(1..).map(|(dims, salt)| tensor(dims, unit, salt)).collect();
        push(Box::new(move |x| apply(Op::Fused(kernel), x)), &at);
    }
    cases
}

fn apply<'t>(op: Op<f64>, x: &[Var<'t, f64>]) -> Var<'t, f64> {
    x[0].tape().apply(op, x, None).expect("shapes that fit")
}
