//! Ops on random shapes against loops over indices.

use super::{config, leaf, tensor};
use pathscore_autodiff::{Scalar, Tape, Tensor, Var};
use proptest::prelude::*;

/// Every index of a tensor, in the order of its numbers.
fn indices(dims: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for &n in dims {
        all = all
            .iter()
            .flat_map(|index| (0..n).map(move |i| [index.as_slice(), &[i]].concat()))
            .collect();
    }
    all
}

/// The number at an index that may have more axes than the tensor, and larger positions along broadcast axes.
fn at<F: Scalar>(x: &Tensor<F>, index: &[usize]) -> F {
    let dims = x.shape();
    let own = &index[index.len() - dims.len()..];
    x.values()[dims.iter().zip(own).fold(0, |at, (&n, &i)| at * n + if n == 1 { 0 } else { i })]
}

/// A tensor whose every number is a function of its index.
fn made<F: Scalar>(dims: &[usize], f: impl FnMut(Vec<usize>) -> F) -> Tensor<F> {
    Tensor::new(indices(dims).into_iter().map(f).collect(), dims)
}

#[track_caller]
fn assert_within<F: Scalar>(found: &Tensor<F>, exact: &[f64], magnitude: &[f64], terms: usize) {
    assert_eq!(found.values().len(), exact.len());
    // A sum of n terms in any order: n roundings of at most the sum of their sizes, once more for the
    // product of two.
    let slack = (terms + 2) as f64 * F::EPSILON.to_f64();
    for (i, x) in found.values().iter().enumerate() {
        let error = (x.to_f64() - exact[i]).abs();
        assert!(error <= slack * magnitude[i], "{}: element {i} is {x}, not {}", F::NAME, exact[i]);
    }
}

/// Shapes of rank up to four, and for each axis of two arguments whether it is broadcast.
fn broadcast() -> impl Strategy<Value = (Vec<usize>, Vec<usize>, Vec<usize>)> {
    let axis = (1_usize..5, any::<bool>(), any::<bool>());
    (prop::collection::vec(axis, 0..=4), 0_usize..=4, 0_usize..=4).prop_map(|(axes, a, b)| {
        let argument = |broadcast: &dyn Fn(&(usize, bool, bool)) -> bool, drop: usize| {
            axes.iter()
                .skip(drop.min(axes.len()))
                .map(|axis| if broadcast(axis) { 1 } else { axis.0 })
                .collect::<Vec<_>>()
        };
        // Only one of the two arguments leaves out leading axes or has length one, or the length would be lost.
        let (drop_a, drop_b) = if a >= b { (a - b, 0) } else { (0, b - a) };
        let a = argument(&|axis| axis.1, drop_a);
        let b = argument(&|axis| axis.2 && !axis.1, drop_b);
        (a, b, axes.iter().map(|axis| axis.0).collect())
    })
}

/// Broadcasting as plain loops.
fn meet(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let length = |x: &[usize], i: usize| if i + x.len() < rank { 1 } else { x[i + x.len() - rank] };
    (0..rank).map(|i| length(a, i).max(length(b, i))).collect()
}

fn zips<F: Scalar>(a: &[usize], b: &[usize]) {
    let (a, b) = (tensor::<F>(a, 1), tensor::<F>(b, 2));
    let dims = meet(a.shape(), b.shape());
    let tape = Tape::new();
    let (x, y) = (leaf(&tape, &a), leaf(&tape, &b));
    let loops = |f: &dyn Fn(F, F) -> F| made(&dims, |i| f(at(&a, &i), at(&b, &i)));
    assert_eq!((x + y).value(), loops(&|a, b| a + b));
    assert_eq!((x - y).value(), loops(&|a, b| a - b));
    assert_eq!((x * y).value(), loops(&|a, b| a * b));
    assert_eq!((x / y).value(), loops(&|a, b| a / b));
    assert_eq!(x.max(y).value(), loops(&|a, b| if a > b { a } else { b }));
    assert_eq!(x.greater(y).value(), loops(&|a, b| if a > b { F::ONE } else { F::ZERO }));
    let chosen = made(&dims, |i| if at(&a, &i) > F::ZERO { at(&b, &i) } else { at(&a, &i) });
    assert_eq!(x.greater(tape.number(F::ZERO)).select(y, x).value(), chosen);
    assert_eq!(x.broadcast_to(&dims[..]).value(), made(&dims, |i| at(&a, &i)));
    // A number that was broadcast gains the sum over all its copies.
    let grads = (x * y).sum().backward();
    let (mut exact, mut size) = (vec![0.0; a.values().len()], vec![0.0; a.values().len()]);
    let places = made(a.shape(), |i| {
        F::from_f64(a.shape().iter().zip(&i).fold(0, |at, (&n, &i)| at * n + i) as f64)
    });
    for i in indices(&dims) {
        let (place, b) = (at(&places, &i).to_f64() as usize, at(&b, &i).to_f64());
        exact[place] += b;
        size[place] += b.abs();
    }
    assert_within(&grads.of(x), &exact, &size, dims.iter().product());
}

fn sums<F: Scalar>(to: &[usize], dims: &[usize]) {
    let x = tensor::<F>(dims, 3);
    let (mut exact, mut size) = (vec![0.0; to.iter().product()], vec![0.0; to.iter().product()]);
    for i in indices(dims) {
        let own = &i[dims.len() - to.len()..];
        let place = to.iter().zip(own).fold(0, |at, (&n, &i)| at * n + if n == 1 { 0 } else { i });
        exact[place] += at(&x, &i).to_f64();
        size[place] += at(&x, &i).to_f64().abs();
    }
    let tape = Tape::new();
    let found = leaf(&tape, &x).sum_to(to).value();
    assert_eq!(found.shape()[..], *to);
    assert_within(&found, &exact, &size, dims.iter().product());
}

fn moves<F: Scalar>(dims: &[usize], turn: usize, axis: usize, [start, len]: [usize; 2]) {
    let tape = Tape::new();
    let x = tensor::<F>(dims, 4);
    let var = leaf(&tape, &x);
    let rank = dims.len();
    // Rotations and their mirror images: enough to leave no axis in its place.
    let order: Vec<usize> = (0..rank)
        .map(|i| if turn < 4 { (i + turn) % rank } else { rank - 1 - (i + turn) % rank })
        .collect();
    let permuted: Vec<usize> = order.iter().map(|&axis| dims[axis]).collect();
    let expected = made(&permuted, |i| {
        let mut index = vec![0; rank];
        order.iter().zip(&i).for_each(|(&axis, &i)| index[axis] = i);
        at(&x, &index)
    });
    assert_eq!(var.permute(&order).value(), expected);

    let axis = axis % rank;
    let (name, n) = (axis as isize - rank as isize * (turn as isize % 2), dims[axis]);
    let moved = |i: &[usize], to: usize| {
        let mut index = i.to_vec();
        index[axis] = to;
        at(&x, &index)
    };
    let with = |n: usize| {
        let mut dims = dims.to_vec();
        dims[axis] = n;
        dims
    };
    let start = start % n;
    let len = len.min(n - start);
    let expected = made(&with(len), |i| moved(&i, start + i[axis]));
    assert_eq!(var.slice(name, start..start + len).value(), expected);
    assert_eq!(var.flip(name).value(), made(dims, |i| moved(&i, n - 1 - i[axis])));
    let expected = made(&with(start + n + len), |i| {
        let inside = (start..start + n).contains(&i[axis]);
        if inside { moved(&i, i[axis] - start) } else { F::ZERO }
    });
    assert_eq!(var.pad(name, start, len).value(), expected);
    let other = tensor::<F>(&with(len), 5);
    let expected = made(&with(2 * n + len), |i| {
        let mut index = i.clone();
        match i[axis].checked_sub(n) {
            Some(at_other) if at_other < len => {
                index[axis] = at_other;
                at(&other, &index)
            }
            Some(behind) => moved(&i, behind - len),
            None => at(&x, &i),
        }
    });
    assert_eq!(Var::concat(&[var, leaf(&tape, &other), var], name).value(), expected);
}

fn products<F: Scalar>(lead: (&[usize], &[usize]), [m, k, n]: [usize; 3], [ta, tb]: [bool; 2]) {
    let shape = |lead: &[usize], r: usize, c: usize, t: bool| {
        [lead, &if t { [c, r] } else { [r, c] }].concat()
    };
    let a = tensor::<F>(&shape(lead.0, m, k, ta), 6);
    let b = tensor::<F>(&shape(lead.1, k, n, tb), 7);
    let batch = meet(lead.0, lead.1);
    let dims = [&batch[..], &[m, n]].concat();
    let (mut exact, mut size) = (vec![], vec![]);
    for i in indices(&dims) {
        let (row, col) = (i[batch.len()], i[batch.len() + 1]);
        let element = |x: &Tensor<F>, r: usize, c: usize, t: bool| {
            at(x, &[&i[..batch.len()], &if t { [c, r] } else { [r, c] }].concat()).to_f64()
        };
        let terms = (0..k).map(|j| element(&a, row, j, ta) * element(&b, j, col, tb));
        let (sum, sizes) = terms.fold((0.0, 0.0), |(sum, size), t| (sum + t, size + t.abs()));
        exact.push(sum);
        size.push(sizes);
    }
    let tape = Tape::new();
    let found = leaf(&tape, &a).matmul_with(ta, leaf(&tape, &b), tb).value();
    assert_eq!(found.shape()[..], dims);
    assert_within(&found, &exact, &size, k);
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn elementwise_ops_broadcast_as_loops_do((a, b, _) in broadcast()) {
        zips::<f64>(&a, &b);
        zips::<f32>(&b, &a);
    }

    #[test]
    fn sums_down_to_a_shape_are_those_of_loops((to, _, dims) in broadcast()) {
        sums::<f64>(&to, &dims);
        sums::<f32>(&to, &dims);
    }

    #[test]
    fn numbers_are_moved_where_loops_move_them(
        dims in prop::collection::vec(1_usize..5, 1..=4),
        turn in 0_usize..8,
        axis in 0_usize..4,
        range in [0_usize..5, 0_usize..5],
    ) {
        moves::<f64>(&dims, turn, axis, range);
        moves::<f32>(&dims, turn, axis, range);
    }

    #[test]
    fn products_are_those_of_loops(
        (a, b, _) in broadcast(),
        sizes in [1_usize..20, 0_usize..40, 1_usize..20],
        transposed in any::<[bool; 2]>(),
    ) {
        let short = |lead: &[usize]| lead[lead.len().saturating_sub(2)..].to_vec();
        let (a, b) = (short(&a), short(&b));
        products::<f64>((&a, &b), sizes, transposed);
        products::<f32>((&a, &b), sizes, transposed);
    }
}
