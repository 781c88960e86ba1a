//! Fused kernels against values and derivatives of 40 digits (`tests/tables/make_tables.py`).

use pathscore_autodiff::{Scalar, Tape, Tensor, Var, check};

/// The kernel of a row.
fn call<'t>(name: &str, x: &[Var<'t, f64>]) -> Var<'t, f64> {
    match (name, x) {
        ("normal_kl", &[mu, s, m, r]) => mu.normal_kl(s, m, r),
        ("bernoulli_log_prob", &[x, eta]) => x.bernoulli_log_prob(eta),
        ("p_norm 1.5", x) => Var::concat(x, 0).p_norm(.., 1.5),
        ("p_norm 3", x) => Var::concat(x, 0).p_norm(.., 3.0),
        ("p_norm 7.25", x) => Var::concat(x, 0).p_norm(.., 7.25),
        _ => panic!("no kernel {name} of {} numbers", x.len()),
    }
}

/// The error allowed, relative to the number.
fn allowed(name: &str) -> f64 {
    match name {
        // Sums of a few products with exponentials that err by a unit or two, and no more: nothing cancels.
        "normal_kl" | "bernoulli_log_prob" => 3e-15,
        // Powers with exponents up to seven of ratios, and the recorded second derivatives are differences.
        _ => 1e-13,
    }
}

#[test]
fn kernels_keep_their_digits_up_to_the_second_derivative() {
    let mut failures = Vec::new();
    let mut rows = 0;
    for row in include_str!("../tables/kernels.csv").lines() {
        let mut cells = row.split(',');
        let name = cells.next().expect("a row has a name");
        let numbers: Vec<f64> = cells.map(|cell| cell.parse().expect("a number")).collect();
        let n = numbers[0] as usize;
        let (at, exact) = numbers[1..].split_at(n);
        let tape = Tape::new();
        let leaves: Vec<Var<f64>> = at.iter().map(|&x| tape.leaf(&[x], [1])).collect();
        let y = call(name, &leaves);
        let (eager, recorded) = (y.backward(), y.grad(&leaves));
        let mut expect = |what: String, found: f64, exact: f64| {
            // Where the exact number is zero, the found one must be zero.
            let right = (found - exact).abs() <= allowed(name) * exact.abs();
            if !right {
                failures.push(format!("{name} {at:?}, {what}: {found:e}, not {exact:e}"));
            }
        };
        expect("value".into(), y.item(), exact[0]);
        for i in 0..n {
            expect(format!("slope {i}"), eager.of(leaves[i]).item(), exact[1 + i]);
            expect(format!("recorded slope {i}"), recorded[i].item(), exact[1 + i]);
            let second = recorded[i].grad(&leaves);
            for (j, second) in second.iter().enumerate() {
                expect(format!("slope {i} {j}"), second.item(), exact[1 + n + i * n + j]);
            }
        }
        rows += 1;
    }
    assert!(rows > 90, "{rows} rows");
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn bits_that_share_a_row_of_logits_have_the_slopes_of_single_ones() {
    // More bits than a vector holds, and rows of bits for each row of logits.
    let eta: Vec<f64> = (0..2 * 19).map(|j| f64::from(j) * 2.2 - 42.0).collect();
    let bits: Vec<f64> = (0..3 * 2 * 19).map(|i| f64::from(i * 7 % 11 % 2)).collect();
    let tape = Tape::new();
    let (x, logits) = (tape.constant(&bits, [3, 2, 19]), tape.leaf(&eta, [2, 19]));
    let found = x.bernoulli_log_prob(logits).sum().backward().of(logits);
    for (j, &found) in found.values().iter().enumerate() {
        let at = tape.leaf(&eta[j..=j], [1]);
        let single = |k: usize| {
            let x = tape.constant(&bits[k * 38 + j..=k * 38 + j], [1]);
            x.bernoulli_log_prob(at).backward().of(at).item()
        };
        let expected: f64 = (0..3).map(single).sum();
        // Where bits differ, slopes near one cancel or dominate, and the error is that of one.
        let ones = (0..3).filter(|k| bits[k * 38 + j] == 1.0).count();
        let same = if ones % 3 == 0 { 1e-15 * expected.abs() } else { 1e-15 };
        assert!((found - expected).abs() <= same, "at {}: {found:e}, not {expected:e}", eta[j]);
    }
}

/// Rows of bits with long runs of zeros, over columns of several blocks, and rows of other numbers.
fn nade_arguments<F: Scalar>(columns: usize, hidden: usize) -> [Tensor<F>; 5] {
    let wave = |dims: &[usize], salt: f64| {
        let number = |i: usize| F::from_f64((1.7 * i as f64 + salt).sin());
        Tensor::new((0..dims.iter().product()).map(number).collect(), dims)
    };
    let mut x = wave(&[3, columns], 0.3);
    let bits = |x: &mut F| *x = if x.to_f64() > 0.6 { F::ONE } else { F::ZERO };
    x.values_mut()[..2 * columns].iter_mut().for_each(bits);
    x.values_mut()[..40].fill(F::ZERO);
    let of = |salt| wave(&[columns, hidden], salt);
    [x, of(1.0), wave(&[hidden], 2.0), of(3.0), wave(&[columns], 4.0)]
}

fn nade<'t, F: Scalar>(x: &[Var<'t, F>]) -> Var<'t, F> {
    x[0].nade_logits(x[1], x[2], x[3], x[4])
}

#[test]
fn logits_of_nade_are_those_of_its_definition_for_rows_of_bits_and_several_blocks() {
    for (columns, hidden) in [(70, 5), (64, 17), (33, 1)] {
        let at = nade_arguments::<f64>(columns, hidden);
        check::definition(nade, &at, check::Options::of::<f64>()).unwrap();
        let at = nade_arguments::<f32>(columns, hidden);
        check::definition(nade, &at, check::Options::of::<f32>()).unwrap();
    }
    // Without columns there are no logits, and without hidden units they are the biases.
    let tape = Tape::new();
    let leaf = |dims: &[usize]| tape.leaf(&vec![0.5_f64; dims.iter().product()], dims);
    for [rows, d, h] in [[2, 0, 3], [2, 3, 0], [0, 3, 2]] {
        let args = [leaf(&[rows, d]), leaf(&[d, h]), leaf(&[h]), leaf(&[d, h]), leaf(&[d])];
        let y = nade(&args);
        assert_eq!(y.shape()[..], [rows, d]);
        assert!(y.value().values().iter().all(|&y| h > 0 || y == 0.5));
        let slopes = y.sum().backward();
        assert_eq!(slopes.of(args[4]).values(), vec![rows as f64; d]);
    }
}

#[test]
fn gradients_of_nade_do_not_depend_on_which_arguments_are_constant() {
    let at = nade_arguments::<f64>(70, 5);
    let of = |constant: [bool; 5]| {
        let tape = Tape::new();
        let args: Vec<Var<f64>> = at
            .iter()
            .zip(constant)
            .map(|(x, constant)| match constant {
                true => tape.constant(x.values(), x.shape()),
                false => tape.leaf(x.values(), x.shape()),
            })
            .collect();
        let slopes = nade(&args).sin().sum().backward();
        args.iter().map(|&x| slopes.get(x).map(<[f64]>::to_vec)).collect::<Vec<_>>()
    };
    let all = of([false; 5]);
    for constant in 0..5 {
        let found = of(std::array::from_fn(|i| i == constant));
        assert!(found[constant].is_none());
        for i in (0..5).filter(|&i| i != constant) {
            let (found, all) = (found[i].as_ref().unwrap(), all[i].as_ref().unwrap());
            // Sums over a row are cut at other columns if x is constant: some hundred terms of the order of one.
            let close = found.iter().zip(all).all(|(a, b)| (a - b).abs() < 1e-13);
            assert!(close, "argument {i}, with argument {constant} constant");
        }
    }
}

#[test]
fn squared_distances_hold_without_rows_or_columns_and_of_a_matrix_to_itself() {
    for [n, m, d] in [[2, 3, 0], [2, 0, 3], [0, 2, 3], [1, 1, 1], [5, 40, 3]] {
        let number = |i: usize| (i * i % 17) as f64 / 4.0;
        let [x, z] = [(n * d, 1), (m * d, 5)].map(|(len, from)| (from..from + len).map(number));
        let (x, z): (Vec<f64>, Vec<f64>) = (x.collect(), z.collect());
        let tape = Tape::new();
        let [vx, vz] = [tape.leaf(&x, [n, d]), tape.leaf(&z, [m, d])];
        let y = vx.squared_distances(vz);
        let slopes = y.sum().backward();
        let pairs = || (0..n).flat_map(|i| (0..m).map(move |j| (i, j)));
        let mut bars = [vec![0.0; n * d], vec![0.0; m * d]];
        for ((i, j), y) in pairs().zip(y.value().values()) {
            let differences = (0..d).map(|c| x[i * d + c] - z[j * d + c]);
            // Quarters up to four: squares, their sums and their slopes are exact.
            assert_eq!(*y, differences.clone().map(|by| by * by).sum::<f64>(), "{n}, {m}, {d}");
            for (c, by) in differences.enumerate() {
                bars[0][i * d + c] += 2.0 * by;
                bars[1][j * d + c] -= 2.0 * by;
            }
        }
        assert_eq!(slopes.of(vx).values(), bars[0], "{n}, {m}, {d}");
        assert_eq!(slopes.of(vz).values(), bars[1], "{n}, {m}, {d}");
        let own = vx.squared_distances(vx);
        assert!((0..n).all(|i| own.value().values()[i * n + i] == 0.0));
        // Each pair counts twice, and both of its ends move.
        let slopes = own.sum().backward();
        for (at, slope) in slopes.of(vx).values().iter().enumerate() {
            let all = (0..n).map(|j| x[at] - x[j * d + at % d]).sum::<f64>();
            assert_eq!(*slope, 4.0 * all);
        }
    }
}
