//! Linear algebra against nalgebra, over random shapes and batches, and at its edges.
//!
//! The seeds are fixed, so the cases are the same at every run; a failure shows the smallest case.

use nalgebra::DMatrix;
use pathscore_autodiff::check::{self, Options};
use pathscore_autodiff::{Error, Grads, Scalar, Shape, Tape, Tensor, Triangle, Var};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

fn config(cases: u32) -> Config {
    Config {
        cases,
        rng_seed: RngSeed::Fixed(cases.into()),
        failure_persistence: None,
        ..Config::default()
    }
}

/// Numbers in (−1, 1) in no special order.
fn tensor<F: Scalar>(dims: &[usize], salt: u64) -> Tensor<F> {
    let numbers = (0..dims.iter().product::<usize>() as u64).map(|i| {
        let mixed = (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (salt << 7);
        let bits = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        F::from_f64(2.0 * f64::uniform(bits ^ (bits >> 32)) - 1.0)
    });
    Tensor::new(numbers.collect(), dims)
}

fn leaf<'t, F: Scalar>(tape: &'t Tape<F>, x: &Tensor<F>) -> Var<'t, F> {
    tape.leaf(x.values(), x.shape())
}

/// The matrices of a batch.
fn matrices<F: Scalar>(x: &Tensor<F>) -> Vec<DMatrix<f64>> {
    let [.., rows, columns] = x.shape()[..] else { panic!("no matrices") };
    let numbers: Vec<f64> = x.values().iter().map(|x| x.to_f64()).collect();
    numbers.chunks(rows * columns).map(|m| DMatrix::from_row_slice(rows, columns, m)).collect()
}

/// Positive definite matrices $BB^\top + I$, exactly symmetric, with condition numbers of some ten.
fn definite<F: Scalar>(dims: &[usize], salt: u64) -> Tensor<F> {
    let tape = Tape::<f64>::new();
    let b = leaf(&tape, &tensor(dims, salt));
    let ones = tape.constant(&vec![1.0; dims[dims.len() - 1]], [dims[dims.len() - 1]]);
    let a = b.matmul_with(false, b, true) + ones.diag(0);
    Tensor::new(a.value().values().iter().map(|&a| F::from_f64(a)).collect(), dims)
}

/// Matrices near $2I$ plus noise: neither symmetric nor singular.
fn general<F: Scalar>(dims: &[usize], salt: u64) -> Tensor<F> {
    let mut a = tensor::<F>(dims, salt);
    let n = dims[dims.len() - 1];
    let lift = F::from_f64(1.0 + n as f64);
    a.values_mut().iter_mut().enumerate().filter(|(i, _)| i / n % n == i % n).for_each(|(_, a)| {
        *a = if a.to_f64() > 0.0 { *a + lift } else { *a - lift };
    });
    a
}

#[track_caller]
fn assert_close<F: Scalar>(found: &Tensor<F>, exact: &[f64], relative: f64) {
    assert_eq!(found.values().len(), exact.len(), "shape {}", found.shape());
    let size = exact.iter().fold(1.0, |top: f64, x| top.max(x.abs()));
    let slack = relative * size * F::EPSILON.to_f64();
    for (i, (x, y)) in found.values().iter().zip(exact).enumerate() {
        assert!((x.to_f64() - y).abs() <= slack, "{}: number {i} is {x}, not {y}", F::NAME);
    }
}

fn flat<'a>(matrices: impl Iterator<Item = &'a DMatrix<f64>>) -> Vec<f64> {
    matrices.flat_map(|m| m.transpose().as_slice().to_vec()).collect()
}

/// Leading axes of a matrix and of a right side that broadcast, and sizes.
fn systems() -> impl Strategy<Value = (Vec<usize>, Vec<usize>, usize, usize)> {
    let axis = (1_usize..4, 0_u8..3);
    (prop::collection::vec(axis, 0..=2), 1_usize..30, 1_usize..6).prop_map(|(axes, n, m)| {
        let lead = |broadcast| {
            axes.iter().map(|axis| if axis.1 == broadcast { 1 } else { axis.0 }).collect()
        };
        (lead(1), lead(2), n, m)
    })
}

/// Results of linear algebra against nalgebra, matrix by matrix.
fn agrees_with_nalgebra<F: Scalar>(lead: &[usize], around: &[usize], n: usize, m: usize) {
    // Backward stable algorithms: n roundings times a condition number of some ten to a hundred.
    let slack = 1000.0 * n as f64;
    let tape = Tape::new();
    let (square, sides) = ([lead, &[n, n]].concat(), [around, &[n, m]].concat());
    let (a, g, b) = (definite::<F>(&square, 1), general::<F>(&square, 2), tensor::<F>(&sides, 3));
    let (va, vg, vb) = (leaf(&tape, &a), leaf(&tape, &g), leaf(&tape, &b));
    let (ma, mg) = (matrices(&a), matrices(&g));

    let l: Vec<_> = ma.iter().map(|a| a.clone().cholesky().unwrap().l()).collect();
    assert_close(&va.cholesky().unwrap().value(), &flat(l.iter()), slack);
    let inverses: Vec<_> = ma.iter().map(|a| a.clone().try_inverse().unwrap()).collect();
    let factor = va.factor_cholesky().unwrap();
    assert_close(&factor.inverse().value(), &flat(inverses.iter()), slack);
    let logs: Vec<f64> = ma.iter().map(|a| a.determinant().ln()).collect();
    assert_close(&factor.log_det().value(), &logs, slack);

    let lu = vg.factor_lu().unwrap();
    let inverses: Vec<_> = mg.iter().map(|a| a.clone().try_inverse().unwrap()).collect();
    assert_close(&lu.inverse().value(), &flat(inverses.iter()), slack);
    let dets: Vec<f64> = mg.iter().map(|a| a.determinant()).collect();
    if n < 12 || F::NAME == "f64" {
        assert_close(&lu.det().value(), &dets, slack);
    }
    assert_close(&lu.sign().value(), &dets.iter().map(|d| d.signum()).collect::<Vec<_>>(), 0.0);
    assert_close(
        &lu.log_det().value(),
        &dets.iter().map(|d| d.abs().ln()).collect::<Vec<_>>(),
        slack,
    );

    let values: Vec<f64> = ma
        .iter()
        .flat_map(|a| {
            let mut values = a.clone().symmetric_eigenvalues().as_slice().to_vec();
            values.sort_by(f64::total_cmp);
            values
        })
        .collect();
    assert_close(&va.eigvalsh().unwrap().value(), &values, slack);

    // Solutions satisfy their systems, and broadcast as products do.
    let whole = Shape::broadcast(lead, around).unwrap();
    let shape: Shape = whole.iter().copied().chain([n, m]).collect();
    let expected: Vec<f64> = {
        let wide = vb.broadcast_to(&shape).value();
        wide.values().iter().map(|b| b.to_f64()).collect()
    };
    assert_eq!(factor.solve(vb).shape(), shape);
    assert_close(&va.matmul(factor.solve(vb)).value(), &expected, slack * n as f64);
    assert_close(&vg.matmul(lu.solve(vb)).value(), &expected, slack);
    let turned = vg.matmul_with(true, lu.solve_transposed(vb), false);
    assert_close(&turned.value(), &expected, slack);
    for (triangle, cut) in [(Triangle::Lower, vg.tril(0)), (Triangle::Upper, vg.triu(0))] {
        for transposed in [false, true] {
            let x = vg.solve_triangular(triangle, transposed, vb).unwrap();
            assert_close(&cut.matmul_with(transposed, x, false).value(), &expected, slack);
        }
    }
    let forms = (vb * factor.solve(vb)).sum_axis(-2).value();
    let exact: Vec<f64> = forms.values().iter().map(|f| f.to_f64()).collect();
    assert_close(&factor.inverse_form(vb).value(), &exact, slack);
}

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn factorisations_agree_with_nalgebra((lead, around, n, m) in systems()) {
        agrees_with_nalgebra::<f64>(&lead, &around, n, m);
        agrees_with_nalgebra::<f32>(&lead, &around, n, m);
    }

    #[test]
    fn quadratic_forms_are_those_of_their_definition(
        lead in prop::collection::vec(1_usize..3, 0..=2),
        rows in prop::collection::vec(0_usize..4, 0..=2),
        n in 0_usize..20,
    ) {
        let tape = Tape::<f64>::new();
        let x = leaf(&tape, &tensor(&[&lead[..], &rows, &[n]].concat(), 4));
        let a = leaf(&tape, &tensor(&[&lead[..], &[n, n]].concat(), 5));
        let count = rows.iter().product();
        let flat = x.reshape(&[&lead[..], &[count, n]].concat()[..]);
        let meant = (flat.matmul(a) * flat).sum_axis(-1).reshape(&[&lead[..], &rows].concat()[..]);
        let found = x.quadratic_form(a);
        prop_assert_eq!(found.shape(), meant.shape());
        let (eager, exact) = (found.square().sum().backward(), meant.square().sum().backward());
        // Sums of at most 400 products of numbers below one.
        assert_close(&found.value(), meant.value().values(), 1e3);
        assert_close(&eager.of(x), exact.of(x).values(), 1e4);
        assert_close(&eager.of(a), exact.of(a).values(), 1e4);
    }

    #[test]
    fn picking_and_putting_are_adjoint_and_those_of_loops(
        [outer, size, picked, inner] in [1_usize..4, 1_usize..5, 0_usize..5, 1_usize..4],
        broadcast in any::<[bool; 2]>(),
        salt in 0_u64..1000,
    ) {
        let tape = Tape::<f64>::new();
        let (x, s) = (tensor(&[outer, size, inner], salt), tensor(&[outer, picked, inner], salt + 1));
        let [first, last] = [outer, inner].map(|n| n);
        let dims = [if broadcast[0] { 1 } else { first }, picked, if broadcast[1] { 1 } else { last }];
        let index: Vec<usize> = (0..dims.iter().product())
            .map(|i| (i * 7 + salt as usize + i / 3) % size)
            .collect();
        let at = |i: usize, j: usize, k: usize| {
            let (i, k) = (if broadcast[0] { 0 } else { i }, if broadcast[1] { 0 } else { k });
            index[(i * picked + j) * dims[2] + k]
        };
        let (vx, vs, vi) = (leaf(&tape, &x), leaf(&tape, &s), tape.indices(&index, dims));
        let (mut gathered, mut scattered) = (vec![], x.values().to_vec());
        for i in 0..outer {
            for j in 0..picked {
                for k in 0..inner {
                    let place = (i * size + at(i, j, k)) * inner + k;
                    gathered.push(x.values()[place]);
                    scattered[place] += s.values()[(i * picked + j) * inner + k];
                }
            }
        }
        let y = vx.gather(1, vi).unwrap().value();
        prop_assert_eq!(y.values(), &gathered[..]);
        let put = vx.scatter_add(1, vi, vs).unwrap();
        // The same sums in the same order, except for the first summand.
        assert_close(&put.value(), &scattered, 8.0);
        // ⟨gather x, s⟩ = ⟨x, scatter s⟩
        let left = (vx.gather(1, vi).unwrap() * vs).sum().item();
        let right = (vx * (put - vx)).sum().item();
        prop_assert!((left - right).abs() < 1e-13 * (1.0 + left.abs()), "{left} and {right}");
    }

    #[test]
    fn stacks_splits_and_tiles_are_those_of_loops(
        dims in prop::collection::vec(1_usize..4, 1..=3),
        axis in 0_usize..4,
        times in prop::collection::vec(0_usize..3, 3..=4),
    ) {
        let tape = Tape::<f64>::new();
        let (x, y) = (leaf(&tape, &tensor(&dims, 1)), leaf(&tape, &tensor(&dims, 2)));
        let new = axis % (dims.len() + 1);
        let stack = Var::stack(&[x, y, x], new as isize);
        for (i, part) in [x, y, x].into_iter().enumerate() {
            let cut = stack.slice(new as isize, i..i + 1).reshape(&dims[..]);
            prop_assert_eq!(cut.value(), part.value());
        }
        let old = (axis % dims.len()) as isize;
        let n = dims[axis % dims.len()];
        let pieces = x.split(&[0, n / 2, n - n / 2], old);
        prop_assert_eq!(Var::concat(&pieces, old).value(), x.value());
        let tile = x.tile(&times).value();
        let own = [&vec![1; times.len() - dims.len()][..], &dims].concat();
        for (at, &found) in tile.values().iter().enumerate() {
            let (mut rest, mut place, mut step) = (at, 0, 1);
            for (&n, &t) in own.iter().zip(&times).rev() {
                place += rest % (n * t) % n * step;
                rest /= n * t;
                step *= n;
            }
            prop_assert_eq!(found, x.value().values()[place]);
        }
    }
}

#[test]
fn chains_of_linear_algebra_have_the_bits_of_a_new_recording_when_replayed() {
    let record = |tape: &Tape<f64>, at: &[Tensor<f64>; 2], index: &[usize]| {
        let (a, x) = (leaf(tape, &at[0]), leaf(tape, &at[1]));
        let index = tape.indices(index, [index.len()]);
        let factor = a.factor_cholesky().unwrap();
        let (values, vectors) = a.eigh().unwrap();
        let rows = x.index_select(-2, index).unwrap();
        let y = factor.log_det().sum()
            + factor.inverse_form(x).sum()
            + a.cholesky().unwrap().sin().sum()
            + (a * 0.1).matrix_exp().sum()
            + (vectors * values.sqrt().reshape([2, 1, 4])).square().sum()
            + rows.quadratic_form(rows.matmul_with(true, rows, false)).sum()
            + a.solve(x).unwrap().sum();
        ([a.id(), x.id(), index.id()], y.id())
    };
    let at = |salt| [definite(&[2, 4, 4], salt), tensor(&[4, 3], salt)];
    let (tape, anew) = (Tape::new(), Tape::new());
    let ([a, x, index], y) = record(&tape, &at(1), &[0, 3, 3]);
    let mut plan = tape.freeze();
    let [new_a, new_x] = at(2);
    plan.set(a, new_a.values());
    plan.set(x, new_x.values());
    plan.set(index, &[1.0, 2.0, 0.0]);
    plan.run().unwrap();
    let mut grads = Grads::new();
    plan.pull_into(&[(y, &[1.0])], &mut grads);
    let (_, expected) = record(&anew, &[new_a, new_x], &[1, 2, 0]);
    let expected = anew.var(expected, 0);
    assert_eq!(plan.value(y)[0].to_bits(), expected.item().to_bits());
    assert_eq!(grads.leading(32 + 12), expected.backward().leading(32 + 12));
    // A replay finds the same faults as a recording.
    plan.set(index, &[1.0, 4.0, 0.0]);
    let out = Error::Index { op: "gather", position: 1, index: 4.0, size: 4 };
    assert_eq!(plan.run().unwrap_err(), out);
    plan.set(index, &[1.0, 2.0, 0.0]);
    plan.set(a, &[[1.0, 0.0, 0.0, 0.0].repeat(4), [0.0; 16].to_vec()].concat());
    assert!(matches!(plan.run(), Err(Error::NotPositiveDefinite { member: 0, pivot: 1, .. })));
}

#[test]
fn failures_name_the_matrix_and_the_pivot() {
    let tape = Tape::<f64>::new();
    let one = [1.0, 0.0, 0.0, 1.0];
    let pair = |second: [f64; 4]| tape.leaf(&[one, second].concat(), [2, 2, 2]);
    let indefinite = pair([1.0, 2.0, 2.0, 1.0]);
    let expected = Error::NotPositiveDefinite { member: 1, pivot: 1, value: -3.0 };
    assert_eq!(indefinite.cholesky().unwrap_err(), expected);
    assert_eq!(indefinite.logdet().unwrap_err(), expected);
    assert_eq!(
        expected.to_string(),
        "cholesky: matrix 1 of the batch is not positive definite: pivot 1 is -3"
    );
    let rank_one = pair([1.0, 2.0, 2.0, 4.0]);
    let expected = Error::Singular { op: "lu", member: 1, pivot: 1, value: 0.0 };
    assert_eq!(rank_one.inverse().unwrap_err(), expected);
    assert_eq!(rank_one.solve(indefinite).unwrap_err(), expected);
    assert_eq!(rank_one.det().unwrap_err(), expected);
    assert_eq!(rank_one.slogdet().unwrap_err(), expected);
    assert_eq!(expected.to_string(), "lu: matrix 1 of the batch is singular: pivot 1 is 0");
    let zero = pair([1.0, 5.0, 5.0, 0.0]);
    let expected = Error::Singular { op: "solve_triangular", member: 1, pivot: 1, value: 0.0 };
    assert_eq!(zero.solve_triangular(Triangle::Lower, true, zero).unwrap_err(), expected);
    let nan = pair([f64::NAN, 0.0, 0.0, 1.0]);
    assert_eq!(nan.eigh().unwrap_err(), Error::NotConverged { member: 1 });
    assert!(matches!(nan.cholesky(), Err(Error::NotPositiveDefinite { member: 1, pivot: 0, .. })));
    // A failed op leaves no entry behind.
    let x = tape.leaf(&[2.0], []);
    assert_eq!((x * x).backward().of(x).item(), 4.0);
}

#[test]
fn an_index_out_of_range_is_named_with_its_place() {
    let tape = Tape::<f64>::new();
    let x = tape.leaf(&[1.0, 2.0, 3.0, 4.0], [2, 2]);
    let pick = |numbers: &[f64]| x.gather(1, tape.constant(numbers, [2, 1])).unwrap_err();
    let expected = Error::Index { op: "gather", position: 1, index: 2.0, size: 2 };
    assert_eq!(pick(&[0.0, 2.0]), expected);
    assert_eq!(
        expected.to_string(),
        "gather: index 2 at position 1 points into an axis of length 2"
    );
    assert_eq!(
        pick(&[-1.0, 0.0]),
        Error::Index { op: "gather", position: 0, index: -1.0, size: 2 }
    );
    assert_eq!(pick(&[0.5, 0.0]), Error::Index { op: "gather", position: 0, index: 0.5, size: 2 });
    assert!(matches!(pick(&[f64::NAN, 0.0]), Error::Index { position: 0, .. }));
    let label = tape.indices(&[0, 7], [2]).one_hot(7).unwrap_err();
    assert_eq!(label, Error::Index { op: "scatter_add", position: 1, index: 7.0, size: 7 });
    assert!(
        std::panic::catch_unwind(|| Tape::<f32>::new().indices(&[1 << 24 | 1], [1]).id()).is_err()
    );
}

#[test]
fn shape_mistakes_of_linear_algebra_panic_with_op_and_shapes() {
    let message = |wrong: fn(&Tape<f64>)| {
        let caught = std::panic::catch_unwind(|| wrong(&Tape::new())).unwrap_err();
        *caught.downcast::<String>().unwrap()
    };
    let wide = message(|tape| drop(tape.leaf(&[0.0; 6], [2, 3]).cholesky()));
    assert_eq!(wide, "cholesky: shape [2, 3] does not fit: a square matrix in the last two axes");
    let side = message(|tape| {
        let a = tape.leaf(&[1.0, 0.0, 0.0, 1.0], [2, 2]);
        let _ = a.solve(tape.leaf(&[0.0; 3], [3]));
    });
    assert!(side.starts_with("solve: shapes [2, 2] and [3, 2] and [3, 1] do not fit"), "{side}");
    let form = message(|tape| {
        let a = tape.leaf(&[0.0; 4], [2, 2]);
        let _ = tape.leaf(&[0.0; 3], [3]).quadratic_form(a);
    });
    assert!(form.starts_with("quadratic_form: shapes [3] and [2, 2] do not fit"), "{form}");
}

#[test]
fn empty_matrices_and_empty_batches_pass_through() {
    let tape = Tape::<f64>::new();
    for shape in [[0, 3, 3], [2, 0, 0]] {
        let a = tape.leaf(&[], shape);
        let b = tape.leaf(&[], [shape[0], shape[1], 0]);
        let (cholesky, lu) = (a.factor_cholesky().unwrap(), a.factor_lu().unwrap());
        let (values, vectors) = a.eigh().unwrap();
        let of_one = [cholesky.log_det(), lu.log_det(), cholesky.det() - 1.0, lu.det() - 1.0];
        let lead = vec![0.0; shape[0]];
        of_one.iter().for_each(|y| assert_eq!(y.value().values(), lead));
        let y = of_one.iter().fold(a.cholesky().unwrap().sum(), |sum, y| sum + y.sum())
            + cholesky.solve(b).sum()
            + lu.solve(b).sum()
            + cholesky.inverse_form(b).sum()
            + a.solve_triangular(Triangle::Upper, false, b).unwrap().sum()
            + lu.inverse().sum()
            + cholesky.inverse().sum()
            + values.sum()
            + vectors.sum()
            + a.matrix_exp().sum()
            + a.trace().sum();
        assert_eq!(y.item(), 0.0);
        assert_eq!(y.backward().of(a).values(), []);
        assert_eq!(y.grad(&[a])[0].shape(), a.shape());
    }
}

#[test]
fn numbers_are_matrices_of_one_row() {
    let at = [Tensor::new(vec![2.5_f64], [1, 1]), Tensor::new(vec![-0.7], [1, 1])];
    fn f<'t>(x: &[Var<'t, f64>]) -> Var<'t, f64> {
        let factor = x[0].factor_cholesky().unwrap();
        let (values, _) = x[0].eigh().unwrap();
        factor.log_det() * values.sum()
            + factor.inverse_form(x[1]).sum() * x[0].cholesky().unwrap().sum()
            + x[1].matrix_exp().sum() * x[0].det().unwrap()
    }
    check::gradient(f, &at, Options { order: 3, ..Options::of::<f64>() }).unwrap();
    let tape = Tape::new();
    let (a, b) = (leaf(&tape, &at[0]), leaf(&tape, &at[1]));
    let exact = 2.5 * 2.5_f64.ln() + 0.49 / 2.5_f64.sqrt() + 2.5 * (-0.7_f64).exp();
    assert!((f(&[a, b]).item() - exact).abs() < 1e-14);
}

#[test]
fn third_derivatives_of_factorisations_are_right() {
    let options = Options { order: 3, ..Options::of::<f64>() };
    let at = [definite(&[2, 2], 7), tensor(&[2], 8)];
    type Case = for<'a, 't> fn(&'a [Var<'t, f64>]) -> Var<'t, f64>;
    let cases: [(&str, Case); 6] = [
        ("cholesky", |x| x[0].cholesky().unwrap().sin()),
        ("log density", |x| {
            let factor = x[0].factor_cholesky().unwrap();
            factor.log_det() + factor.inverse_form(x[1])
        }),
        ("solve", |x| x[0].solve(x[1]).unwrap().sin()),
        ("eigenvalues", |x| x[0].eigvalsh().unwrap().sin()),
        ("eigenvectors", |x| x[0].eigh().unwrap().1.sin()),
        ("matrix_exp", |x| (x[0] * 0.3).matrix_exp().sin()),
    ];
    for (name, f) in cases {
        check::gradient(f, &at, options).unwrap_or_else(|mismatch| panic!("{name}: {mismatch}"));
    }
}

#[test]
fn ill_conditioned_systems_are_as_good_as_their_condition_allows() {
    // The Hilbert matrix of ten rows has a condition number of 1.6e13, and its logarithm of the
    // determinant is known: det H_n = c_n⁴ / c_{2n} with c_n = Π_{i<n} i!.
    let n = 10;
    let hilbert: Vec<f64> = (0..n * n).map(|ij| 1.0 / (ij / n + ij % n + 1) as f64).collect();
    let tape = Tape::new();
    let a = tape.leaf(&hilbert, [n, n]);
    let ln_c =
        |n: usize| (1..n).map(|i| (1..=i).map(|k| (k as f64).ln()).sum::<f64>()).sum::<f64>();
    let exact = 4.0 * ln_c(n) - ln_c(2 * n);
    let factor = a.factor_cholesky().unwrap();
    assert!((factor.log_det().item() - exact).abs() < 1.6e13 * f64::EPSILON * n as f64);
    let (sign, log) = a.slogdet().unwrap();
    assert_eq!(sign.item(), 1.0);
    assert!((log.item() - exact).abs() < 1.6e13 * f64::EPSILON * n as f64);
    // The inverse has integer entries: the first is n².
    let first = factor.inverse().value().values()[0];
    assert!((first - 100.0).abs() < 1.6e13 * f64::EPSILON * 100.0, "{first}");
    // The residual of a solution is small whatever the condition.
    let b = tape.constant(&[1.0; 10], [n]);
    for x in [factor.solve(b), a.solve(b).unwrap()] {
        let size: f64 = x.value().values().iter().map(|x| x.abs()).sum();
        let residual = a.matmul(x.reshape([n, 1])).reshape([n]) - b;
        let worst = residual.value().values().iter().fold(0.0, |top: f64, r| top.max(r.abs()));
        assert!(worst < 10.0 * f64::EPSILON * size, "{worst} of {size}");
    }
}

#[test]
fn sums_over_repeated_eigenvalues_have_their_derivative() {
    // Eigenvalues 2, 2, 5: f = Σ λ³ = tr A³ has the derivative 3A² whatever the vectors are.
    let tape = Tape::<f64>::new();
    let third = [2.0, 1.0, -2.0].map(|x: f64| x / 3.0);
    let projector = |i: usize, j: usize| third[i] * third[j];
    let numbers: Vec<f64> = (0..9)
        .map(|ij| 3.0 * projector(ij / 3, ij % 3) + if ij % 4 == 0 { 2.0 } else { 0.0 })
        .collect();
    let a = tape.leaf(&numbers, [3, 3]);
    let values = a.eigvalsh().unwrap();
    assert_close(&values.value(), &[2.0, 2.0, 5.0], 16.0);
    let slope = (values * values * values).sum().backward().of(a);
    let exact: Vec<f64> = a.matmul(a).value().values().iter().map(|x| 3.0 * x).collect();
    assert_close(&slope, &exact, 64.0);
    // The vectors of a repeated eigenvalue have no derivative, and the result is not finite.
    let identity = tape.leaf(&[1.0, 0.0, 0.0, 1.0], [2, 2]);
    let (_, vectors) = identity.eigh().unwrap();
    let slope = vectors.sin().sum().backward().of(identity);
    assert!(slope.values().iter().any(|x| !x.is_finite()));
}

#[test]
fn exponentials_of_rotations_and_shears_are_known() {
    let tape = Tape::<f64>::new();
    // A rotation by 20 takes two squarings.
    let turn = tape.leaf(&[0.0, -20.0, 20.0, 0.0], [2, 2]).matrix_exp();
    let (s, c) = 20_f64.sin_cos();
    assert_close(&turn.value(), &[c, -s, s, c], 200.0);
    let t = tape.leaf(&[3.0], []);
    let shear = (t * tape.constant(&[0.0, 1.0, 0.0, 0.0], [2, 2])).matrix_exp();
    assert_close(&shear.value(), &[1.0, 3.0, 0.0, 1.0], 4.0);
    assert_eq!(shear.sum().backward().of(t).item(), 1.0);
    // Jacobi: det e^A = e^{tr A}.
    let a = leaf(&tape, &tensor::<f64>(&[4, 6, 6], 9));
    let (left, right) = (a.matrix_exp().det().unwrap(), a.trace().exp());
    assert_close(&(left / right).value(), &[1.0; 4], 1000.0);
}

#[test]
fn a_symmetric_matrix_has_a_symmetric_gradient() {
    let tape = Tape::<f64>::new();
    let a = leaf(&tape, &definite(&[40, 40], 3));
    let b = leaf(&tape, &tensor(&[40, 2], 4));
    let factor = a.factor_cholesky().unwrap();
    for y in [
        a.cholesky().unwrap().sin().sum(),
        factor.solve(b).sin().sum(),
        factor.inverse().sin().sum(),
        factor.log_det(),
        a.eigh().unwrap().1.sin().sum(),
    ] {
        let slope = y.backward().of(a);
        let turned = tape.constant(slope.values(), [40, 40]).transpose().value();
        assert_close(&slope, turned.values(), 1e5);
    }
}
