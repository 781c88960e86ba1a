//! The regularised incomplete beta function $I_x(a, b)$ and its derivatives with respect to the parameters, elementwise
//! on three arguments $a$, $b$, $x$ of one shape.

use crate::kernels::zip::View;
use crate::numbers::error::{Error, shape_error};
use crate::numbers::ops::{Binary, Unary};
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::beta::Beta;
use crate::tape::term::{Operand, Sink, Term};
use smallvec::smallvec;

pub(crate) fn shape(op: Beta, args: &[&[usize]]) -> Result<Shape, Error> {
    if args.len() == 3 && args.iter().all(|dims| *dims == args[0]) {
        return Ok(Shape::from(args[0]));
    }
    Err(shape_error(op.name(), args, "three arguments of one shape"))
}

pub(crate) fn forward<F: Scalar>(op: Beta, args: &[View<F>], y: &mut [F]) {
    let [a, b, x] = [args[0].values, args[1].values, args[2].values];
    for (i, y) in y.iter_mut().enumerate() {
        *y = F::beta_inc(a[i], b[i], x[i])[op as usize];
    }
}

/// With the density $p = x^{a-1} (1-x)^{b-1}/B(a, b)$, $x̄$ gains $ȳ p$ from the function and
/// $ȳ p (\ln x - ψ(a) + ψ(a+b))$ from the derivative with respect to $a$; with
/// respect to $b$ it is the same with $1 - x$ and $b$.
pub(crate) fn reverse<F: Scalar>(op: Beta, sink: &mut dyn Sink<F>) {
    use Operand::{Arg, Bar};
    let [a, b, x] = [Arg(0), Arg(1), Arg(2)];
    if sink.wants(2) {
        let number = |f, c| Op::ZipRight(f, F::from_f64(c));
        let mut link = |op, operands: &[Operand]| sink.link(op, operands, None);
        let minus_x = link(number(Binary::Mul, -1.0), &[x]);
        let powers = [(a, x, Binary::Xlogy), (b, minus_x, Binary::Xlog1py)].map(|(n, base, f)| {
            let n = link(number(Binary::Sub, 1.0), &[n]);
            link(Op::Zip(f), &[n, base])
        });
        let power = link(Op::Zip(Binary::Add), &powers);
        let norm = link(Op::Zip(Binary::LnBeta), &[a, b]);
        let log_density = link(Op::Zip(Binary::Sub), &[power, norm]);
        let density = link(Op::Map(Unary::Exp), &[log_density]);
        let slope = match op {
            Beta::Inc => density,
            Beta::IncDa | Beta::IncDb => {
                let (n, other, log) = if op == Beta::IncDa {
                    (a, b, link(Op::Map(Unary::Ln), &[x]))
                } else {
                    (b, a, link(Op::Map(Unary::Ln1p), &[minus_x]))
                };
                let gap = link(Op::Zip(Binary::DigammaGap), &[n, other]);
                let by_n = link(Op::Zip(Binary::Add), &[log, gap]);
                link(Op::Zip(Binary::Mul), &[density, by_n])
            }
        };
        sink.add(2, Term::Apply(Op::Zip(Binary::Mul), smallvec![Bar, slope]));
    }
    for (arg, by) in [(0, Beta::IncDa), (1, Beta::IncDb)] {
        if !sink.wants(arg) {
            continue;
        }
        if op == Beta::Inc {
            let slope = sink.link(Op::Beta(by), &[a, b, x], None);
            sink.add(arg, Term::Apply(Op::Zip(Binary::Mul), smallvec![Bar, slope]));
        } else {
            // Second derivatives with respect to a and b are not implemented: NaN makes that visible.
            let unknown = Op::ZipRight(Binary::Mul, F::from_f64(f64::NAN));
            sink.add(arg, Term::Apply(unknown, smallvec![Bar]));
        }
    }
}
