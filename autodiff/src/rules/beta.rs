//! The regularised incomplete beta function $I_x(a, b)$ and its derivatives with respect to the parameters, elementwise
//! on three arguments $a$, $b$, $x$ of one shape.

use crate::kernels::zip::View;
use crate::numbers::difference::{STEP, WEIGHTS};
use crate::numbers::error::{Error, shape_error};
use crate::numbers::ops::{Binary, Unary};
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::beta::Beta;
use crate::tape::term::{Operand, Sink, Term};
use smallvec::{SmallVec, smallvec};

pub(crate) fn shape(op: Beta, args: &[&[usize]]) -> Result<Shape, Error> {
    if args.len() == 3 && args.iter().all(|dims| *dims == args[0]) {
        return Ok(Shape::from(args[0]));
    }
    Err(shape_error(op.name(), args, "three arguments of one shape"))
}

pub(crate) fn forward<F: Scalar>(op: Beta, args: &[View<F>], y: &mut [F]) {
    let [a, b, x] = [args[0].values, args[1].values, args[2].values];
    for (i, y) in y.iter_mut().enumerate() {
        let at = op as usize;
        *y = match op {
            Beta::Inc | Beta::IncDa | Beta::IncDb => F::beta_inc(a[i], b[i], x[i])[at],
            _ => F::beta_inc_second(a[i], b[i], x[i])[at - Beta::IncDaa as usize],
        };
    }
}

/// With the density $p = x^{a-1} (1-x)^{b-1}/B(a, b)$, whose logarithm has the derivatives
/// $L_a = \ln x - ψ(a) + ψ(a+b)$ and $L_b = \ln(1-x) - ψ(b) + ψ(a+b)$, $x̄$ gains $ȳ$ times
///
/// | from | |
/// |---|---|
/// | $I$ | $p$ |
/// | $∂I/∂a$ | $p L_a$ |
/// | $∂^2I/∂a^2$ | $p (L_a^2 + ψ'(a+b) - ψ'(a))$ |
/// | $∂^2I/∂a∂b$ | $p (L_a L_b + ψ'(a+b))$ |
///
/// and the same with $a$ and $b$ exchanged. The adjoints of $a$ and $b$ gain $ȳ$ times the next derivative; third derivatives
/// are central differences of order eight.
pub(crate) fn reverse<F: Scalar>(op: Beta, sink: &mut dyn Sink<F>) {
    use Operand::{Arg, Bar};
    let args = [Arg(0), Arg(1), Arg(2)];
    if sink.wants(2) {
        let slope = slope_by_x(op, args, sink);
        sink.add(2, Term::Apply(Op::Zip(Binary::Mul), smallvec![Bar, slope]));
    }
    for arg in 0..2 {
        if !sink.wants(arg) {
            continue;
        }
        let slope = match op.slopes() {
            Some(slopes) => sink.link(Op::Beta(slopes[arg]), &args, None),
            None => difference(op, arg, args, sink),
        };
        sink.add(arg, Term::Apply(Op::Zip(Binary::Mul), smallvec![Bar, slope]));
    }
}

/// The derivative with respect to $x$.
fn slope_by_x<F: Scalar>(op: Beta, [a, b, x]: [Operand; 3], sink: &mut dyn Sink<F>) -> Operand {
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
    // Which of L_a and L_b the factor of the density has.
    let sides: &[usize] = match op {
        Beta::Inc => return density,
        Beta::IncDa => &[0],
        Beta::IncDb => &[1],
        Beta::IncDaa => &[0, 0],
        Beta::IncDab => &[0, 1],
        Beta::IncDbb => &[1, 1],
    };
    let shapes = [(a, b), (b, a)];
    let logs: SmallVec<[Operand; 2]> = sides
        .iter()
        .map(|&side| {
            let log = match side {
                0 => link(Op::Map(Unary::Ln), &[x]),
                _ => link(Op::Map(Unary::Ln1p), &[minus_x]),
            };
            let (n, other) = shapes[side];
            let gap = link(Op::Zip(Binary::DigammaGap), &[n, other]);
            link(Op::Zip(Binary::Add), &[log, gap])
        })
        .collect();
    let factor = match logs[..] {
        [log] => log,
        _ => {
            let curvature = if sides[0] == sides[1] {
                let (n, other) = shapes[sides[0]];
                link(Op::Zip(Binary::TrigammaGap), &[n, other])
            } else {
                let both = link(Op::Zip(Binary::Add), &[a, b]);
                link(Op::Map(Unary::Trigamma), &[both])
            };
            let product = link(Op::Zip(Binary::Mul), &logs);
            link(Op::Zip(Binary::Add), &[product, curvature])
        }
    };
    link(Op::Zip(Binary::Mul), &[density, factor])
}

/// The derivative with respect to argument `arg`, by a central difference of order eight.
fn difference<F: Scalar>(
    op: Beta,
    arg: usize,
    args: [Operand; 3],
    sink: &mut dyn Sink<F>,
) -> Operand {
    let number = |f, c| Op::ZipRight(f, F::from_f64(c));
    let mut link = |op, operands: &[Operand]| sink.link(op, operands, None);
    let beyond = link(number(Binary::Add, 1.0), &[args[arg]]);
    let narrow = link(Op::Map(Unary::Rsqrt), &[beyond]);
    let part = link(Op::Zip(Binary::Mul), &[args[arg], narrow]);
    let step = link(number(Binary::Mul, STEP), &[part]);
    let mut sum = None;
    for (k, weight) in (1..).zip(WEIGHTS) {
        let ends = [1.0, -1.0].map(|sign| {
            let far = link(number(Binary::Mul, sign * f64::from(k)), &[step]);
            let mut at = args;
            at[arg] = link(Op::Zip(Binary::Add), &[args[arg], far]);
            link(Op::Beta(op), &at)
        });
        let gap = link(Op::Zip(Binary::Sub), &ends);
        let weighted = link(number(Binary::Mul, weight), &[gap]);
        sum = Some(match sum {
            Some(sum) => link(Op::Zip(Binary::Add), &[sum, weighted]),
            None => weighted,
        });
    }
    link(Op::Zip(Binary::Div), &[sum.expect("four terms"), step])
}
