//! Marks the exercises of the book.

use pathscore_book::{EXERCISES, Exercise, Mark};
use std::process::ExitCode;

const USAGE: &str = "\
Marks the exercises of the book, which are in book/exercises/NAME/start.rs.

  cargo run --release -p pathscore-book -- NAME          marks one exercise
  cargo run --release -p pathscore-book -- NAME --hint   the same, with a hint
  cargo run --release -p pathscore-book                  lists all exercises

The exit code is 0 if the exercise is passed, and 1 if it is not yet.";

/// The width of a line.
const WIDTH: usize = 80;

/// Two names that are as alike as this differ by a slip of the finger.
const ALIKE: f64 = 0.8;

fn main() -> ExitCode {
    let (flags, names): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with('-'));
    let is_help = |argument: &String| matches!(argument.as_str(), "-h" | "--help" | "help");
    if flags.iter().chain(&names).any(is_help) {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    if let Some(flag) = flags.iter().find(|flag| *flag != "--hint") {
        return wrong_usage(&format!("There is no option {flag}."));
    }
    let with_hint = !flags.is_empty();
    match &names[..] {
        [] if with_hint => wrong_usage("A hint belongs to an exercise: name one."),
        [] => list(),
        [name] => match EXERCISES.iter().find(|exercise| exercise.name == name) {
            Some(exercise) => show(exercise, with_hint),
            None => unknown(name),
        },
        _ => wrong_usage("One exercise is marked at a time."),
    }
}

fn wrong_usage(message: &str) -> ExitCode {
    eprintln!("{message}\n\n{USAGE}");
    ExitCode::from(2)
}

/// Marks one exercise.
fn show(exercise: &Exercise, with_hint: bool) -> ExitCode {
    let Mark { passed, evidence, hint } = (exercise.start)();
    println!("{}: {}", exercise.name, if passed { "PASSED" } else { "NOT YET" });
    for line in evidence {
        print_wrapped("  ", &line);
    }
    if let Some(hint) = hint {
        println!();
        let file = format!("Edit book/exercises/{}/start.rs.", exercise.name);
        if with_hint {
            print_wrapped("  ", &format!("Hint: {hint}"));
            print_wrapped("  ", &file);
        } else {
            print_wrapped("  ", &format!("{file} A hint is printed with --hint."));
        }
    }
    if passed { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// Lists all exercises with their state.
fn list() -> ExitCode {
    let mut passed = 0;
    println!("chapter  exercise         state    task");
    for Exercise { name, chapter, task, start, .. } in EXERCISES {
        let mark = start();
        passed += usize::from(mark.passed);
        let state = if mark.passed { "PASSED" } else { "not yet" };
        let line = format!("{chapter:>7}  {name:<15}  {state:<7}  ");
        print_wrapped_after(&line, task);
    }
    println!("\n{passed} of {} are passed.", EXERCISES.len());
    if passed == EXERCISES.len() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn unknown(name: &str) -> ExitCode {
    let alike = |exercise: &Exercise| strsim::jaro(name, exercise.name);
    let nearest = EXERCISES.iter().max_by(|a, b| alike(a).total_cmp(&alike(b)));
    eprintln!("There is no exercise {name}.");
    if let Some(nearest) = nearest.filter(|exercise| alike(exercise) > ALIKE) {
        eprintln!("Did you mean {}?", nearest.name);
    }
    eprintln!("The exercises are:");
    for Exercise { name, .. } in EXERCISES {
        eprintln!("  {name}");
    }
    ExitCode::from(2)
}

/// Prints a text in lines of at most [`WIDTH`] characters, each of which begins with `indent`.
fn print_wrapped(indent: &str, text: &str) {
    print_lines(indent, indent, text);
}

/// Prints a text behind `first`, and its further lines below the place where it began.
fn print_wrapped_after(first: &str, text: &str) {
    print_lines(first, &" ".repeat(first.chars().count()), text);
}

fn print_lines(first: &str, indent: &str, text: &str) {
    let (mut line, mut empty) = (first.to_string(), true);
    for word in text.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            println!("{}", line.trim_end());
            (line, empty) = (indent.to_string(), true);
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    println!("{}", line.trim_end());
}
