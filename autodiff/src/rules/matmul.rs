//! Matrix products over the last two axes, broadcasting over the others.

use crate::kernels::gemm::{Layout, gemm};
use crate::kernels::walk::odometer;
use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::error::shape_error;
use crate::numbers::shape::{Shape, strides};
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::term::{Operand, Sink, Term};
use smallvec::{SmallVec, smallvec};

/// Rows and columns after the transposition.
fn matrix(dims: &[usize], transposed: bool) -> (usize, usize) {
    let (rows, cols) = (dims[dims.len() - 2], dims[dims.len() - 1]);
    if transposed { (cols, rows) } else { (rows, cols) }
}

/// The axes before the last two.
pub(crate) fn leading(dims: &[usize]) -> &[usize] {
    &dims[..dims.len() - 2]
}

/// The strides of matrices along `rank` leading axes; zero along broadcast axes.
pub(crate) fn steps(dims: &[usize], rank: usize) -> SmallVec<[isize; 6]> {
    let matrix = (dims[dims.len() - 2] * dims[dims.len() - 1]) as isize;
    let mut steps = strides(leading(dims), rank);
    steps.iter_mut().for_each(|step| *step *= matrix);
    steps
}

pub(crate) fn shape(ta: bool, tb: bool, args: &[&[usize]]) -> Result<Shape, Error> {
    let [a, b] = [args[0], args[1]];
    if a.len() < 2 || b.len() < 2 {
        return Err(shape_error("matmul", args, "at least two axes each"));
    }
    let ((m, k), (l, n)) = (matrix(a, ta), matrix(b, tb));
    if k != l {
        return Err(shape_error(
            "matmul",
            args,
            format!("{k} columns on the left meet {l} rows on the right"),
        ));
    }
    let mut shape = Shape::broadcast(leading(a), leading(b))
        .ok_or_else(|| shape_error("matmul", args, "leading axes must be equal or one"))?;
    shape.push(m);
    shape.push(n);
    Ok(shape)
}

/// $y = ab$ ⇒ $\bar a \mathrel{+}= \bar y b^\top$, $\bar b \mathrel{+}= a^\top \bar y$; the transposed
/// forms follow by transposing both sides.
pub(crate) fn terms<F: Scalar>(ta: bool, tb: bool, sink: &mut dyn Sink<F>) {
    use Operand::{Arg, Bar};
    let product = |ta, tb, x, y| Term::Apply(Op::MatMul { ta, tb }, smallvec![x, y]);
    sink.add(0, if ta { product(tb, true, Arg(1), Bar) } else { product(false, !tb, Bar, Arg(1)) });
    sink.add(1, if tb { product(true, ta, Bar, Arg(0)) } else { product(!ta, false, Arg(0), Bar) });
}

/// $c \mathrel{+}= ab$ (or $c = ab$ without `keep`). Leading axes broadcast; those that `c` lacks are summed.
pub(crate) fn product<F: Scalar>(
    [a, b]: [View<F>; 2],
    [ta, tb]: [bool; 2],
    c: &mut [F],
    c_dims: &[usize],
    keep: bool,
) {
    let ((m, k), (_, n)) = (matrix(a.dims, ta), matrix(b.dims, tb));
    let lead = Shape::broadcast(leading(a.dims), leading(b.dims)).expect("shapes were checked");
    let batch = lead.size();
    if !keep && (k == 0 || batch * m * n != c.len()) {
        c.fill(F::ZERO);
    }
    let layout =
        |dims: &[usize], transposed| Layout { at: 0, width: dims[dims.len() - 1], transposed };
    let (la, lb) = (layout(a.dims, ta), layout(b.dims, tb));
    let lc = Layout { at: 0, width: n, transposed: false };
    let full = |values: &[F], dims: &[usize]| {
        values.len() == batch * dims[dims.len() - 1] * dims[dims.len() - 2]
    };
    // The rows of many matrices that are multiplied by one matrix on the right are the rows of one tall matrix.
    if !ta && b.dims.len() == 2 && full(a.values, a.dims) && c.len() == batch * m * n {
        return gemm([batch * m, k, n], (a.values, la), (b.values, lb), (c, lc), keep);
    }
    // A sum over many products is one product along a longer inner axis.
    if ta && !tb && c.len() == m * n && full(a.values, a.dims) && full(b.values, b.dims) {
        return gemm([m, batch * k, n], (a.values, la), (b.values, lb), (c, lc), keep);
    }
    let (sa, sb, sc) =
        (steps(a.dims, lead.len()), steps(b.dims, lead.len()), steps(c_dims, lead.len()));
    let summed = batch * m * n > c.len();
    odometer(&lead, [&sa, &sb, &sc], [0; 3], |[i, j, l]| {
        let at = |at: isize, layout: Layout| Layout { at: at as usize, ..layout };
        gemm(
            [m, k, n],
            (a.values, at(i, la)),
            (b.values, at(j, lb)),
            (c, at(l, lc)),
            keep || summed,
        );
    });
}
