//! The diagnosis of a wrong gradient: its common factor, and the known mistakes that explain it.

use super::known_mistakes::{Effect, KnownMistake};

/// A component's exact value, the mean of its draws, and the largest difference that chance explains.
#[derive(Clone, Copy, Debug)]
pub(super) struct ComponentMean {
    pub(super) exact: f64,
    pub(super) mean: f64,
    pub(super) error: f64,
}

/// The largest error of a factor that is compared with known ones.
const LARGEST_FACTOR_ERROR: f64 = 0.005;

/// The common factor of the wrong components, if they have one, and the diagnosis in words.
pub(super) fn diagnose(
    means: &[ComponentMean],
    names: &[String],
    known_mistakes: &[KnownMistake],
) -> (Option<f64>, String) {
    let wrong: Vec<usize> = (0..means.len())
        .filter(|&i| (means[i].mean - means[i].exact).abs() > means[i].error)
        .collect();
    let factor = common_factor(means, &wrong);
    let list_names = |which: &[usize]| {
        let some: Vec<&str> = which.iter().take(4).map(|&i| names[i].as_str()).collect();
        format!("{}{}", some.join(", "), if which.len() > 4 { ", …" } else { "" })
    };
    // An explanation must fit every component, the correct ones too.
    let explains = |gradient: &dyn Fn(usize) -> f64| {
        (0..means.len()).all(|i| (means[i].mean - gradient(i)).abs() <= means[i].error)
    };
    let times = |other: &[f64]| multiple(means, &wrong, other);
    // A factor with a large error would fit any mistake.
    let close = |value: f64| {
        factor.is_some_and(|(f, error)| (f - value).abs() <= error && error < LARGEST_FACTOR_ERROR)
    };
    // A gradient of zero is reported as such, without further causes.
    let zero = factor.is_some_and(|(f, error)| f.abs() <= error);
    let mut values: Vec<f64> = known_mistakes
        .iter()
        .filter_map(|mistake| match mistake.effect {
            Effect::Factor(value) if close(value) => Some(value),
            _ => None,
        })
        .collect();
    values.sort_by(f64::total_cmp);
    // Several known factors within the error explain nothing.
    let unique = values.first().zip(values.last()).is_some_and(|(a, b)| (a - b).abs() < 1e-12);
    let mut found: Vec<String> = Vec::new();
    for KnownMistake { what, effect } in known_mistakes {
        let fits = match effect {
            Effect::Factor(value) => unique && close(*value),
            Effect::Instead(other) => {
                explains(&|i| other[i])
                    || explains(&|i| if wrong.contains(&i) { other[i] } else { means[i].exact })
            }
            Effect::Beside(other) | Effect::Term(other) => times(other).is_some_and(|c| {
                // Every difference is a multiple of a vector with one component; then only once or minus once is evidence.
                let several = other.iter().filter(|g| g.abs() > 1e-6).count() > 1;
                let once = (c.abs() - 1.0).abs() < 1e-6;
                (several || once) && explains(&|i| means[i].exact + c * other[i])
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
        if fits && !zero && !found.contains(&words) {
            found.push(words);
        }
    }
    let all = if wrong.len() == means.len() { "all components".into() } else { list_names(&wrong) };
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
                    let miss = |i: usize| (means[i].mean - means[i].exact).abs();
                    miss(a).total_cmp(&miss(b))
                })
                .map_or(0, |&i| i);
            let ComponentMean { exact, mean, .. } = means[worst];
            format!("{all}: off by up to {:.4} ({mean:.6} for {exact:.6})", mean - exact)
        }
    };
    let named = if found.is_empty() { String::new() } else { format!(": {}", found.join("; or ")) };
    (factor.map(|f| f.0), format!("{size}{named}"))
}

/// The common factor of the wrong components and its error, if they have one.
fn common_factor(means: &[ComponentMean], wrong: &[usize]) -> Option<(f64, f64)> {
    let sum = |f: &dyn Fn(&ComponentMean) -> f64| wrong.iter().map(|&i| f(&means[i])).sum::<f64>();
    let squares = sum(&|s| s.exact * s.exact);
    let noise = sum(&|s| s.error * s.error);
    if squares <= noise {
        return None;
    }
    let factor = sum(&|s| s.mean * s.exact) / squares;
    let error = sum(&|s| (s.error * s.exact).abs()) / squares;
    let common = wrong
        .iter()
        .all(|&i| (means[i].mean - factor * means[i].exact).abs() <= 2.0 * means[i].error);
    common.then_some((factor, error))
}

/// The multiple of `other` that is nearest to the difference of the means from the exact values.
fn multiple(means: &[ComponentMean], wrong: &[usize], other: &[f64]) -> Option<f64> {
    let sum = |f: &dyn Fn(usize) -> f64| wrong.iter().map(|&i| f(i)).sum::<f64>();
    let squares = sum(&|i| other[i] * other[i]);
    let product = sum(&|i| (means[i].mean - means[i].exact) * other[i]);
    // A vector of rounding errors has no meaningful multiple.
    (squares > 1e-18).then(|| product / squares).filter(|c| c.abs() > 1e-6)
}
