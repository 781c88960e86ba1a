//! The square of a length, $\mathrm{hypot}(a, b)^2$ or $\Vert x \Vert^2$, in recorded gradients.
//!
//! A length has no derivative at zero, but its square has all of them. The chain rule cannot see that: it multiplies
//! $2y = 0$ with a slope that is cut off. So the terms of the square are those of the sum of squares, $\bar a \mathrel{+}= 2 \bar y a$,
//! wherever the gradient is recorded, and the second derivatives at zero are right.

use crate::numbers::ops::{Binary, Unary};
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::node::Id;
use crate::tape::op::Op;
use crate::tape::op::fused::Fused;
use crate::tape::record::Var;
use smallvec::{SmallVec, smallvec};

/// The length whose square `y` is, if it is the square of one whose own adjoint nobody asks for.
pub(super) fn squared<'t, F: Scalar>(y: Var<'t, F>, keep: &[Id]) -> Option<Var<'t, F>> {
    let op = y.tape.record().node(y.id).op;
    let is_square = match op {
        Op::Map(Unary::Square) | Op::Zip(Binary::Mul) => true,
        Op::ZipRight(Binary::Pow, exponent) => exponent == F::from_f64(2.0),
        _ => false,
    };
    if !is_square {
        return None;
    }
    let args = y.arguments();
    let base = args[0];
    if args.iter().any(|arg| arg.id != base.id) {
        return None;
    }
    let is_length = |x: Var<F>| {
        let op = x.tape.record().node(x.id).op;
        matches!(op, Op::Zip(Binary::Hypot) | Op::Fused(Fused::NormL2 { .. }))
    };
    let op = base.tape.record().node(base.id).op;
    let whole = if op == Op::Reshape { base.arguments()[0] } else { base };
    let asked = [base, whole].iter().any(|x| keep.contains(&x.id));
    (is_length(whole) && !asked).then_some(whole)
}

/// The terms that the adjoint of a squared length adds to the adjoints of the length's arguments.
pub(super) fn gains<'t, F: Scalar>(
    length: Var<'t, F>,
    bar: Var<'t, F>,
) -> SmallVec<[(Id, Var<'t, F>); 2]> {
    let args = length.arguments();
    let twice = bar.reshape(length.shape()) * F::from_f64(2.0);
    let op = length.tape.record().node(length.id).op;
    match op {
        Op::Fused(Fused::NormL2 { axis }) => {
            let mut kept = length.shape();
            kept.insert(usize::from(axis), 1);
            smallvec![(args[0].id, twice.reshape(kept) * args[0])]
        }
        _ => args
            .iter()
            .map(|&arg| {
                let shape: Shape = arg.shape();
                (arg.id, (twice * arg).sum_to(shape))
            })
            .collect(),
    }
}
