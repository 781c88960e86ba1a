//! A derivative by hand, by tape, and by finite differences.
//!
//! The first lesson shows what the engine records and checks that its derivatives are right.

use pathscore::autodiff::check::{self, Options};
use pathscore::prelude::*;

fn main() {
    // y = x² sin x, so y′ = 2x sin x + x² cos x.
    let at = 0.7_f64;
    let by_hand = 2.0 * at * at.sin() + at * at * at.cos();

    let tape = Tape::new();
    let x = tape.leaf(&[at], []);
    let y = x * x * x.sin();
    println!(
        "The tape of y = x² sin x: number, step, numbers of the arguments, shape, value.\n{tape}"
    );

    // `grad` records the derivative, too, so that it can be differentiated again.
    let slope = y.grad(&[x])[0];
    let curvature = slope.grad(&[x])[0];
    println!("The same tape after the steps of the first and of the second derivative:\n{tape}");
    println!("y′ by hand {by_hand:.15}, by tape {:.15}", slope.item());
    println!("y″ by tape {:.15}", curvature.item());

    let point = [Tensor::new(vec![at], [])];
    let options = Options { order: 3, ..Options::of::<f64>() };
    match check::gradient(|x| x[0] * x[0] * x[0].sin(), &point, options) {
        Ok(report) => println!("finite differences agree up to the third derivative: {report}"),
        Err(wrong) => println!("{wrong}"),
    }
}
