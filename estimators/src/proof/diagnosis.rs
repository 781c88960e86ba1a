//! What a wrong gradient looks like.

use super::problem::{Effect, KnownMistake};

/// A component's exact value, the mean that was found, and what their difference may be by chance.
#[derive(Clone, Copy, Debug)]
pub(super) struct ComponentMean {
    pub(super) exact: f64,
    pub(super) mean: f64,
    pub(super) error: f64,
}

/// The largest error of a factor that is named.
const ROUGH: f64 = 0.005;

/// What is wrong, in words, and the factor on the wrong components if they have one in common.
pub(super) fn diagnose(
    seen: &[ComponentMean],
    names: &[String],
    known_mistakes: &[KnownMistake],
) -> (Option<f64>, String) {
    let wrong: Vec<usize> =
        (0..seen.len()).filter(|&i| (seen[i].mean - seen[i].exact).abs() > seen[i].error).collect();
    let factor = common_factor(seen, &wrong);
    let listed = |which: &[usize]| {
        let some: Vec<&str> = which.iter().take(4).map(|&i| names[i].as_str()).collect();
        format!("{}{}", some.join(", "), if which.len() > 4 { ", …" } else { "" })
    };
    // A name must explain every component, those that are right among them.
    let explains = |gradient: &dyn Fn(usize) -> f64| {
        (0..seen.len()).all(|i| (seen[i].mean - gradient(i)).abs() <= seen[i].error)
    };
    let times = |other: &[f64]| multiple(seen, &wrong, other);
    // A factor that is known roughly fits anything, and nothing at all has no other cause than itself.
    let close =
        |value: f64| factor.is_some_and(|(f, error)| (f - value).abs() <= error && error < ROUGH);
    let nothing = factor.is_some_and(|(f, error)| f.abs() <= error);
    let mut values: Vec<f64> = known_mistakes
        .iter()
        .filter_map(|mistake| match mistake.effect {
            Effect::Factor(value) if close(value) => Some(value),
            _ => None,
        })
        .collect();
    values.sort_by(f64::total_cmp);
    let sharp = values.first().zip(values.last()).is_some_and(|(a, b)| (a - b).abs() < 1e-12);
    let mut found: Vec<String> = Vec::new();
    for KnownMistake { what, effect } in known_mistakes {
        let fits = match effect {
            Effect::Factor(value) => sharp && close(*value),
            Effect::Instead(other) => {
                explains(&|i| other[i])
                    || explains(&|i| if wrong.contains(&i) { other[i] } else { seen[i].exact })
            }
            Effect::Beside(other) | Effect::Term(other) => times(other).is_some_and(|c| {
                // Of a single number everything is a multiple: then only a whole one says anything.
                let several = other.iter().filter(|g| g.abs() > 1e-6).count() > 1;
                let whole = (c.abs() - 1.0).abs() < 1e-6;
                (several || whole) && explains(&|i| seen[i].exact + c * other[i])
            }),
        };
        let words = match effect {
            Effect::Beside(other) => match times(other) {
                Some(c) if (c.abs() - 1.0).abs() < 1e-6 => {
                    format!("{} {what}, beside the gradient", if c > 0.0 { '+' } else { '−' })
                }
                c => format!("{:.4} times {what}, beside the gradient", c.unwrap_or(0.0)),
            },
            Effect::Term(other) => match 1.0 + times(other).unwrap_or(0.0) {
                count if count.abs() < 1e-6 => format!("{what} is missing"),
                count => format!("{what} counts {count:.4} times"),
            },
            _ => what.clone(),
        };
        if fits && !nothing && !found.contains(&words) {
            found.push(words);
        }
    }
    let all = if wrong.len() == seen.len() { "all components".into() } else { listed(&wrong) };
    let size = match factor {
        Some((f, error)) if f.abs() <= error => {
            format!("{all}: zero, no derivative arrives")
        }
        Some((f, error)) if (f + 1.0).abs() <= error => format!("{all}: the sign is wrong"),
        Some((f, _)) => format!("{all}: times {f:.6}"),
        None => {
            let worst = wrong
                .iter()
                .max_by(|&&a, &&b| {
                    let miss = |i: usize| (seen[i].mean - seen[i].exact).abs();
                    miss(a).total_cmp(&miss(b))
                })
                .map_or(0, |&i| i);
            let ComponentMean { exact, mean, .. } = seen[worst];
            format!("{all}: off by up to {:.4} ({mean:.6} for {exact:.6})", mean - exact)
        }
    };
    let named = if found.is_empty() { String::new() } else { format!(": {}", found.join("; or ")) };
    (factor.map(|f| f.0), format!("{size}{named}"))
}

/// The factor on the wrong components and its error, if they have one in common.
fn common_factor(seen: &[ComponentMean], wrong: &[usize]) -> Option<(f64, f64)> {
    let sum = |f: &dyn Fn(&ComponentMean) -> f64| wrong.iter().map(|&i| f(&seen[i])).sum::<f64>();
    let squares = sum(&|s| s.exact * s.exact);
    let noise = sum(&|s| s.error * s.error);
    if squares <= noise {
        return None;
    }
    let factor = sum(&|s| s.mean * s.exact) / squares;
    let error = sum(&|s| (s.error * s.exact).abs()) / squares;
    let common =
        wrong.iter().all(|&i| (seen[i].mean - factor * seen[i].exact).abs() <= 2.0 * seen[i].error);
    common.then_some((factor, error))
}

/// How much of `other` the difference holds.
fn multiple(seen: &[ComponentMean], wrong: &[usize], other: &[f64]) -> Option<f64> {
    let sum = |f: &dyn Fn(usize) -> f64| wrong.iter().map(|&i| f(i)).sum::<f64>();
    let squares = sum(&|i| other[i] * other[i]);
    let product = sum(&|i| (seen[i].mean - seen[i].exact) * other[i]);
    // Of numbers that are nothing but rounding anything is a multiple.
    (squares > 1e-18).then(|| product / squares).filter(|c| c.abs() > 1e-6)
}
