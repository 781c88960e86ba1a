//! Find the bug: three estimators that look right, and what a proof says of each.
//!
//! The sixteenth lesson. Three estimators come from the bug zoo, a collection of mistakes that were really published. You see what each
//! does, in words, and the exact gradient beside its mean. Decide which are right before you read the verdict. `prove` then says which
//! means are wrong and names the mistakes; the same estimator without its mistake passes. One of the three has the right mean and is
//! broken all the same.

use pathscore::estimators::proof::{Options, prove};
use pathscore::estimators::zoo::zoo;

/// The numbers of three specimens in the zoo, each with its description by somebody who believes in it.
const SHOWN: [(usize, &str); 3] = [
    (
        1,
        "REINFORCE with K = 3 draws: each draw has the weight f − b, where b is the mean of f\n   \
         over the K draws.",
    ),
    (
        29,
        "REINFORCE with K = 3 draws: each draw has the weight f − b, where b is the sum of f\n   \
         over the other draws, divided by K.",
    ),
    (
        12,
        "The path: z = μ + σε for the parameters μ and ln σ, so that the gradient of f(z) is\n   \
         (f′(z), f′(z) ε).",
    ),
];

fn main() {
    let options = Options::default();
    let specimens = SHOWN.map(|(number, words)| {
        let specimen = zoo().into_iter().find(|specimen| specimen.number == number);
        (specimen.expect("the zoo has it"), words)
    });

    for (letter, (specimen, words)) in ["A", "B", "C"].into_iter().zip(&specimens) {
        let proof = prove(&*specimen.problem, &*specimen.candidate, &options);
        println!("{letter}  {words}");
        for c in proof.gradient().iter().take(2) {
            println!("     {:<8} exact {:+.5}   mean {:+.5}", c.name, c.exact, c.mean);
        }
        println!("   {}", proof.verdict_with_resolution());
        if !proof.reasons().is_empty() {
            println!("   {}", proof.reasons());
        }
        let fixed = prove(&*specimen.problem, &*specimen.fixed, &options);
        println!("   without the mistake: {}\n", fixed.verdict_with_resolution());
    }

    // The examination of the zoo makes a second test where the mean is right.
    println!("The whole examination, and the place where the mistake was found:");
    for (letter, (specimen, _)) in ["A", "B", "C"].into_iter().zip(&specimens) {
        let [wrong, fixed] = [specimen.examine(&options), specimen.examine_fixed(&options)];
        assert!(wrong.caught && !fixed.caught);
        println!("{letter}  {} ({})\n   {}", specimen.wrong, specimen.source, wrong.evidence);
    }
    println!("\nThe examination finds nothing in any of the three without its mistake.");
}
