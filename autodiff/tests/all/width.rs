//! The same bits at every width of vectors: this program runs itself once for each value of `PATHSCORE_SIMD`.

use pathscore_autodiff::vector::{sum, width};
use pathscore_autodiff::{Axes, Op, Scalar, Tape, Unary, Var};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use std::fmt::Write;
use std::process::Command;

/// A name with a hash of numbers (FNV-1a); all NaN count as one.
fn line<F: Scalar>(out: &mut String, name: &str, values: &[F]) {
    let bits = |x: &F| if x.is_finite() { x.to_f64() } else { f64::NAN }.to_bits();
    let hash = values.iter().map(bits).fold(0xcbf2_9ce4_8422_2325, |hash: u64, bits| {
        (hash ^ bits).wrapping_mul(0x0100_0000_01b3)
    });
    writeln!(out, "{name} {} {hash:x}", F::NAME).expect("strings take everything");
}

/// Values and slopes of every op whose bits are promised: all but products of matrices, factorisations, and normal numbers in double
/// precision.
fn bits<F: Scalar>() -> String {
    let mut out = String::new();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    let mut words = vec![F::ZERO; 3000];
    F::fill_uniform(&mut words, &mut rng);
    line(&mut out, "uniform", &words);
    for &op in Unary::ALL {
        let (low, high) = op.domain();
        let inside: Vec<F> =
            words.iter().map(|&u| F::from_f64(low) + F::from_f64(high - low) * u).collect();
        let tape = Tape::new();
        let x = tape.leaf(&inside, [inside.len()]);
        let y = tape.apply(Op::Map(op), &[x], None).expect("one argument");
        line(&mut out, op.name(), y.value().values());
        line(&mut out, op.name(), y.sum().backward().of(x).values());
    }
    for n in [1, 5, 8, 15, 16, 17, 100, 1000, 1024, 1025, 1100, 2048, 2999] {
        line(&mut out, "sum", &[sum(&words[..n])]);
    }
    let tape = Tape::new();
    let x = tape.leaf(&words, [1500, 2]);
    let y = tape.leaf(&words[..60], [2, 30]);
    let c = tape.leaf(&words[7..8], []);
    let reductions: [(&str, Var<F>); 13] = [
        ("sum of columns", x.sum_axis(0)),
        ("squares of columns", x.sum_squares(0)),
        ("squares of rows", y.sum_squares(1)),
        ("log_sum_exp", y.log_sum_exp(1)),
        ("log_sum_exp of columns", x.log_sum_exp(0)),
        ("log_softmax", y.log_softmax(-1)),
        ("max_axis", y.max_axis(Axes::from(1))),
        ("cumsum", y.cumsum(1)),
        ("normal_log_prob", y.normal_log_prob(c * y, y)),
        ("normal_kl", y.normal_kl(y, c * y, y * c)),
        ("bernoulli_log_prob", y.bernoulli_log_prob(y * c)),
        ("squared_distances", x.slice(0, 0..40).squared_distances(y.reshape([30, 2]))),
        (
            "nade_logits",
            x.reshape([50, 60]).nade_logits(
                x.slice(0, 0..900).reshape([60, 30]),
                y.slice(0, 0..1).reshape([30]),
                x.slice(0, 600..1500).reshape([60, 30]),
                y.reshape([60]),
            ),
        ),
    ];
    for (name, z) in reductions {
        line(&mut out, name, z.value().values());
        let grads = z.sum().backward();
        for leaf in [x, y, c] {
            line(&mut out, name, grads.of(leaf).values());
        }
    }
    for (name, z) in [
        ("add", x + c),
        ("mul", x * c),
        ("div", x / c),
        ("pow", x.pow(c)),
        ("log_add_exp", x.log_add_exp(c)),
        ("max", x.max(c)),
        ("hypot", x.hypot(c)),
        ("xlogy", x.xlogy(c)),
    ] {
        line(&mut out, name, z.value().values());
        let grads = z.sum().backward();
        line(&mut out, name, grads.of(x).values());
        line(&mut out, name, grads.of(c).values());
    }
    out
}

/// Prints the width and the bits, for the test below.
#[test]
fn the_bits_are_printed() {
    let mut single = vec![0.0_f32; 1001];
    f32::fill_normal(&mut single, &mut Xoshiro256PlusPlus::seed_from_u64(3));
    let mut normals = String::new();
    line(&mut normals, "normal", &single);
    println!("\nwidth {}\n{}{}{normals}end", width(), bits::<f32>(), bits::<f64>());
}

#[test]
fn every_width_gives_the_same_bits() {
    let of = |level: &str| {
        let this = std::env::current_exe().expect("the test program has a path");
        let run = Command::new(this)
            .args(["--exact", "width::the_bits_are_printed", "--nocapture"])
            .env("PATHSCORE_SIMD", level)
            .output()
            .expect("the test program runs");
        let text = String::from_utf8(run.stdout).expect("its output is text");
        let (_, text) = text.split_once("width ").expect("the width is printed");
        let (width, bits) = text.split_once('\n').expect("the bits follow");
        let (bits, _) = bits.split_once("end").expect("the bits end");
        (width.parse::<usize>().expect("a number"), bits.to_owned())
    };
    let (narrow, expected) = of("portable");
    assert_eq!(narrow, 128);
    assert!(expected.lines().count() > 300, "{expected}");
    for (level, most) in [("avx2", 256), ("avx512", 512)] {
        let (width, bits) = of(level);
        // On a processor without these vectors the run repeats the narrower one.
        assert!(width <= most);
        for (found, expected) in bits.lines().zip(expected.lines()) {
            assert_eq!(found, expected, "{width} bits against 128");
        }
    }
}
