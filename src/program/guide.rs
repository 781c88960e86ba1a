//! `list --guide`: which estimator, by what it asks of a model, with its bias, noise and time on a problem.

use super::bench::{Bench, Pair, ProblemRow, Setting, Truths};
use super::catalogue::{About, Capability, Value, Variant, capabilities};
use super::progress::Count;
use super::table::{Format, paragraph, print, significant};
use super::usage_error::usage_error;
use pathscore::estimators::proof::Truth;
use pathscore::estimators::variance::{Study, study_candidate};
use serde::Serialize;
use std::io::{Write, stdout};

/// The samples of a gradient, of estimators that let one choose.
const SAMPLES: usize = 4;

/// The gradients that are drawn from each estimator: their spread is found to a few in a hundred.
const DRAWS: usize = 2000;

/// An estimator of the guide.
#[derive(Serialize)]
struct Row {
    /// What the model must have.
    model: &'static str,
    estimator: &'static str,
    gradient_of: String,
    claim: String,
    /// The least number of samples.
    min_samples: usize,
    problem: String,
    /// The form of the estimator that was measured.
    form: String,
    /// The distance of the mean from the exact gradient over the norm of that gradient, less what is noise.
    bias: f64,
    /// The root of the variance of a gradient over the norm.
    noise: f64,
    microseconds: f64,
    choose_it_when: &'static str,
}

/// A row for people: the sentence stands below the table.
#[derive(Serialize)]
struct TableRow<'a> {
    estimator: &'a str,
    #[serde(rename = "gradient of")]
    gradient_of: &'a str,
    claim: &'a str,
    #[serde(rename = "K ≥")]
    min_samples: usize,
    bias: String,
    noise: String,
    #[serde(rename = "µs")]
    microseconds: String,
}

/// Measures the estimators and prints the guide.
pub(crate) fn guide(format: Format, bench: &Bench) -> anyhow::Result<()> {
    if !bench.is_catalogue {
        return Err(usage_error("--guide is about the estimators of pathscore"));
    }
    let capabilities = capabilities();
    let count = Count::new(capabilities.iter().map(|of| of.estimators.len()).sum(), "estimators");
    let (mut rows, mut truths) = (Vec::new(), Truths::default());
    for capability in &capabilities {
        for about in &capability.estimators {
            rows.extend(row(capability, about, bench, &mut truths)?);
            count.one_more();
        }
    }
    count.finish();
    let out = &mut stdout().lock();
    if format != Format::Table {
        return print(&rows, format, out);
    }
    let text = format!(
        "Estimators by what they ask of a model. Bias and noise are those of a gradient of K = {SAMPLES} samples (a quadrature \
         has its own number) on a small problem, as fractions of the exact gradient: noise 1 is a standard deviation as large as the \
         gradient. They depend on the problem; `compare` measures them on others, or on a run of your own."
    );
    writeln!(out, "{}", paragraph(&text))?;
    for of_one in rows.chunk_by(|a, b| a.model == b.model) {
        let Row { model, .. } = &of_one[0];
        let words = format!("\nModels with {model}; measured on {}", problems(of_one));
        writeln!(out, "{}", paragraph(&words))?;
        print(&of_one.iter().map(table_row).collect::<Vec<_>>(), format, out)?;
        writeln!(out, "Choose")?;
        for Row { estimator, choose_it_when, .. } in of_one {
            writeln!(out, "{}", paragraph(&format!("- {estimator} when {choose_it_when}")))?;
        }
    }
    Ok(())
}

/// The problems of some rows, with the estimators in brackets that are not on the first.
fn problems(rows: &[Row]) -> String {
    let first = &rows[0].problem;
    let others = rows.iter().filter(|row| row.problem != *first);
    let others = others.map(|row| format!("{} on {}", row.estimator, row.problem));
    std::iter::once(first.clone()).chain(others).collect::<Vec<_>>().join(", ")
}

fn table_row(row: &Row) -> TableRow<'_> {
    let Row { estimator, gradient_of, claim, min_samples, .. } = row;
    TableRow {
        estimator,
        gradient_of,
        claim,
        min_samples: *min_samples,
        bias: if claim == "biased" { significant(row.bias, 2) } else { "–".into() },
        noise: significant(row.noise, 2),
        microseconds: significant(row.microseconds, 2),
    }
}

/// The form of an estimator on the problem of its capability, or on the first that has one: that of the default options, if it is
/// there.
fn measured<'a>(
    capability: &Capability,
    about: &About,
    bench: &'a Bench,
) -> Option<(&'a ProblemRow, &'a Pair)> {
    let values = |given: &[(&str, Value)]| {
        let options = about.options(given).expect("a form's options are its estimator's");
        options.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>()
    };
    let defaults = values(&[]);
    let differs = |form: &Variant| {
        let given: Vec<_> = form.options.iter().map(|(row, value)| (row.name, *value)).collect();
        values(&given) != defaults
    };
    let mut forms = about.forms();
    forms.sort_by_key(differs);
    let of_capability = |problem: &&ProblemRow| problem.name == capability.problem;
    bench.problems.iter().filter(of_capability).chain(&bench.problems).find_map(|problem| {
        let of = |name: &str| problem.pairs.iter().find(|pair| pair.name == *name);
        forms.iter().find_map(|form| Some((problem, of(form.name)?)))
    })
}

/// The row of an estimator; none if it is studied on no problem.
fn row(
    capability: &Capability,
    about: &'static About,
    bench: &Bench,
    truths: &mut Truths,
) -> anyhow::Result<Option<Row>> {
    let Some((problem, pair)) = measured(capability, about, bench) else { return Ok(None) };
    let setting = |samples| Setting { samples, batch: 1, scale: 1.0 };
    let least = (1..SAMPLES).find(|&samples| pair.instance(setting(samples)).is_ok());
    let Ok(instance) = pair.instance(setting(SAMPLES)) else { return Ok(None) };
    let Truth { gradient, .. } = truths.truth(&instance)?;
    let study = study_candidate(&*instance.candidate, &gradient, DRAWS, 0);
    let (bias, noise) = relative(&study);
    Ok(Some(Row {
        model: capability.of,
        estimator: about.name,
        gradient_of: instance.target_name(),
        claim: study.claim.to_string(),
        min_samples: least.unwrap_or(SAMPLES),
        problem: problem.name.to_string(),
        form: pair.name.to_string(),
        bias,
        noise,
        microseconds: 1e6 * study.seconds_per_draw,
        choose_it_when: about.choose,
    }))
}

/// The bias and the noise of a gradient over the norm of the exact one.
fn relative(study: &Study) -> (f64, f64) {
    let (mut norm, mut bias, mut variance) = (0.0, 0.0, 0.0);
    for c in &study.components {
        norm += c.exact.powi(2);
        // The square of the difference is too large by the noise of the mean.
        bias += (c.mean - c.exact).powi(2) - c.standard_error().powi(2);
        variance += c.variance;
    }
    let root = |square: f64| if square < 1e-24 * norm { 0.0 } else { (square / norm).sqrt() };
    (root(bias), root(variance))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_estimator_is_measured_and_has_words_for_when_to_choose_it() {
        let bench = Bench::catalogue();
        for capability in capabilities() {
            for about in &capability.estimators {
                assert!(!about.choose.is_empty(), "{}: choose it when?", about.name);
                let (problem, pair) = measured(&capability, about, &bench).expect(about.name);
                let setting = Setting { samples: SAMPLES, batch: 1, scale: 1.0 };
                assert!(pair.instance(setting).is_ok(), "{} on {}", about.name, problem.name);
            }
        }
    }
}
