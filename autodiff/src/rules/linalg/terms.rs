//! The adjoints of linear algebra, as chains of ops.
//!
//! Sources: Giles 2008, "An extended collection of matrix derivative results for forward and reverse
//! mode algorithmic differentiation"; Murray 2016, "Differentiation of the Cholesky decomposition"; Al-Mohy
//! and Higham 2009, "Computing the Fréchet derivative of the matrix exponential".

use crate::numbers::ops::{Binary, Unary};
use crate::numbers::shape::Shape;
use crate::rules::matmul::leading;
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::linalg::{By, Linalg};
use crate::tape::op::moves::Move;
use crate::tape::term::{Operand, Sink, Term};
use smallvec::smallvec;

/// Names the terms that the arguments' adjoints gain. In the formulas $y$ is the result.
pub(crate) fn reverse<F: Scalar>(op: Linalg, args: &[&[usize]], sink: &mut dyn Sink<F>) {
    use Operand::{Arg, Bar, Out};
    let mut c = Chain(sink);
    // For the chains below the axes are those of a matrix.
    let rank = args[0].len();
    let n = args[0][rank - 1];
    match op {
        Linalg::Lu | Linalg::Eigh | Linalg::DetSign => {}
        // ā += ½ L⁻ᵀ Q L⁻¹, where Q is the lower triangle of Lᵀ L̄ mirrored
        Linalg::Cholesky => {
            let product = c.matmul((Out, true), (Bar, false));
            let (low, strict) = (c.tril(product, 0), c.tril(product, -1));
            let mirrored = c.transpose(strict, rank);
            let q = c.zip(Binary::Add, low, mirrored);
            let back = Linalg::SolveTriangular { upper: false, transposed: true };
            let half = c.linalg(back, &[Out, q]);
            let transposed = c.transpose(half, rank);
            let whole = c.linalg(back, &[Out, transposed]);
            let halved = c.times(whole, 0.5);
            c.add(0, halved);
        }
        // b̄ += w with w = T⁻ᵀ ȳ,  T̄ += −tri(w yᵀ), or −tri(y wᵀ) if T is transposed
        Linalg::SolveTriangular { upper, transposed } => {
            let back = Linalg::SolveTriangular { upper, transposed: !transposed };
            let w = c.linalg(back, &[Arg(0), Bar]);
            c.add(1, w);
            if c.wants(0) {
                let minus = c.times(w, -1.0);
                let (left, right) = if transposed { (Out, minus) } else { (minus, Out) };
                let product = c.matmul((left, false), (right, true));
                let kept = if upper { c.triu(product, 0) } else { c.tril(product, 0) };
                c.add(0, kept);
            }
        }
        // b̄ += w with w = A⁻ᵀ ȳ,  ā += −w yᵀ, or −y wᵀ if A is transposed; symmetric if A is
        Linalg::Solve { by, transposed } => {
            let w = c.linalg(Linalg::Solve { by, transposed: !transposed }, &[Arg(0), Arg(1), Bar]);
            c.add(2, w);
            if c.wants(0) {
                let symmetric = by == By::Cholesky;
                let minus = c.times(w, if symmetric { -0.5 } else { -1.0 });
                if symmetric || !transposed {
                    c.add_matmul(0, (minus, false), (Out, true));
                }
                if symmetric || transposed {
                    c.add_matmul(0, (Out, false), (minus, true));
                }
            }
        }
        // x̄ += 2 w diag(ȳ),  ā += −w diag(ȳ) wᵀ with w = A⁻¹ x
        Linalg::InverseForm => {
            let w = c.linalg(
                Linalg::Solve { by: By::Cholesky, transposed: false },
                &[Arg(0), Arg(1), Arg(2)],
            );
            let m = args[2][args[2].len() - 1];
            let lead = Shape::broadcast(leading(args[0]), leading(args[2]));
            let lead = lead.expect("shapes were checked");
            let row = c.reshape(Bar, &lead, &[1, m]);
            let weighted = c.zip(Binary::Mul, w, row);
            let minus = c.times(weighted, -1.0);
            c.add_matmul(0, (minus, false), (w, true));
            let twice = c.times(weighted, 2.0);
            c.add(2, twice);
        }
        // ā += −yᵀ ȳ yᵀ, or −½ y (ȳ + ȳᵀ) y where A is symmetric
        Linalg::Inverse { by: By::Lu } => {
            let product = c.matmul((Out, true), (Bar, false));
            let minus = c.times(product, -1.0);
            c.add_matmul(0, (minus, false), (Out, true));
        }
        Linalg::Inverse { by: By::Cholesky } => {
            let transposed = c.transpose(Bar, rank);
            let both = c.zip(Binary::Add, Bar, transposed);
            let product = c.matmul((Out, false), (both, false));
            let minus = c.times(product, -0.5);
            c.add_matmul(0, (minus, false), (Out, false));
        }
        // ā += ȳ A⁻ᵀ; of the determinant itself ȳ y A⁻ᵀ
        Linalg::LogDet { by } | Linalg::Det { by } => {
            let log = matches!(op, Linalg::LogDet { .. });
            let scale = if log { Bar } else { c.zip(Binary::Mul, Bar, Out) };
            let scale = c.reshape(scale, leading(args[0]), &[1, 1]);
            let inverse = c.linalg(Linalg::Inverse { by }, &[Arg(0), Arg(1)]);
            let transposed = if by == By::Lu { c.transpose(inverse, rank) } else { inverse };
            let scaled = c.zip(Binary::Mul, transposed, scale);
            c.add(0, scaled);
        }
        // ā += V diag(ȳ) Vᵀ
        Linalg::Eigenvalues => {
            let vectors = c.linalg(Linalg::Eigenvectors, &[Arg(0), Arg(1)]);
            let row = c.reshape(Bar, leading(args[0]), &[1, n]);
            let scaled = c.zip(Binary::Mul, vectors, row);
            c.add_matmul(0, (scaled, false), (vectors, true));
        }
        // ā += ½ (N + Nᵀ) with N = V (G ∘ Vᵀ V̄) Vᵀ and G_ij = 1/(λ_j − λ_i) off the diagonal
        Linalg::Eigenvectors => {
            let values = c.linalg(Linalg::Eigenvalues, &[Arg(0), Arg(1)]);
            let row = c.reshape(values, leading(args[0]), &[1, n]);
            let column = c.reshape(values, leading(args[0]), &[n, 1]);
            let gaps = c.zip(Binary::Sub, row, column);
            // On the diagonal the gap is zero: one is added before the inverse is taken, and subtracted after.
            let zeros = c.apply(Op::ZipRight(Binary::Equal, F::ZERO), &[gaps]);
            let low = c.tril(zeros, 0);
            let one = c.triu(low, 0);
            let safe = c.zip(Binary::Add, gaps, one);
            let inverse = c.apply(Op::Map(Unary::Recip), &[safe]);
            let g = c.zip(Binary::Sub, inverse, one);
            let product = c.matmul((Out, true), (Bar, false));
            let inner = c.zip(Binary::Mul, g, product);
            let inner = c.times(inner, 0.5);
            let half = c.matmul((Out, false), (inner, false));
            c.add_matmul(0, (half, false), (Out, true));
            c.add_matmul(0, (Out, false), (half, true));
        }
        // ā += the upper right block of e^M with M = [Aᵀ ȳ; 0 Aᵀ]
        Linalg::MatrixExp => {
            let (above, beside) = ((rank - 2) as u8, (rank - 1) as u8);
            let transposed = c.transpose(Arg(0), rank);
            let top = c.apply(Op::Concat { axis: beside }, &[transposed, Bar]);
            let mut wide = Shape::from(args[0]);
            wide[rank - 1] = 2 * n;
            let right = Move::Pad { axis: beside, start: n as u32 };
            let bottom = c.0.link(Op::Move(right), &[transposed], Some(&wide));
            let block = c.apply(Op::Concat { axis: above }, &[top, bottom]);
            let power = c.linalg(Linalg::MatrixExp, &[block]);
            let rows = Move::Slice { axis: above, start: 0 };
            let upper = c.0.link(Op::Move(rows), &[power], Some(&wide));
            let columns = Move::Slice { axis: beside, start: n as u32 };
            c.0.add(0, Term::Apply(Op::Move(columns), smallvec![upper]));
        }
    }
}

/// Names the links of a chain by the operations of their formulas.
struct Chain<'a, F>(&'a mut dyn Sink<F>);

impl<F: Scalar> Chain<'_, F> {
    fn wants(&self, arg: usize) -> bool {
        self.0.wants(arg)
    }

    fn apply(&mut self, op: Op<F>, on: &[Operand]) -> Operand {
        self.0.link(op, on, None)
    }

    fn linalg(&mut self, op: Linalg, on: &[Operand]) -> Operand {
        self.apply(Op::Linalg(op), on)
    }

    fn zip(&mut self, f: Binary, a: Operand, b: Operand) -> Operand {
        self.apply(Op::Zip(f), &[a, b])
    }

    fn times(&mut self, x: Operand, c: f64) -> Operand {
        self.apply(Op::ZipRight(Binary::Mul, F::from_f64(c)), &[x])
    }

    /// The product of two operands. An operand whose flag is true is transposed first.
    fn matmul(&mut self, (a, ta): (Operand, bool), (b, tb): (Operand, bool)) -> Operand {
        self.apply(Op::MatMul { ta, tb }, &[a, b])
    }

    fn tril(&mut self, x: Operand, above: i32) -> Operand {
        self.apply(Op::Move(Move::Tril { above }), &[x])
    }

    fn triu(&mut self, x: Operand, above: i32) -> Operand {
        self.apply(Op::Move(Move::Triu { above }), &[x])
    }

    /// The transpose: the last two of `rank` axes exchanged.
    fn transpose(&mut self, x: Operand, rank: usize) -> Operand {
        self.apply(Op::Move(Move::transposition(rank)), &[x])
    }

    fn reshape(&mut self, x: Operand, lead: &[usize], last: &[usize]) -> Operand {
        let shape: Shape = lead.iter().chain(last).copied().collect();
        self.0.link(Op::Reshape, &[x], Some(&shape))
    }

    fn add(&mut self, arg: usize, operand: Operand) {
        self.0.add(arg, Term::Operand(operand));
    }

    fn add_matmul(&mut self, arg: usize, (a, ta): (Operand, bool), (b, tb): (Operand, bool)) {
        self.0.add(arg, Term::Apply(Op::MatMul { ta, tb }, smallvec![a, b]));
    }
}
