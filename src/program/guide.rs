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
    /// The latents, or the energies, that a model must have.
    model: &'static str,
    estimator: &'static str,
    gradient_of: Option<String>,
    claim: Option<String>,
    /// The least number of samples.
    min_samples: Option<usize>,
    problem: Option<String>,
    /// The form of the estimator that was measured.
    form: Option<String>,
    /// The distance of the mean from the exact gradient over the norm of that gradient, less what is noise.
    bias: Option<f64>,
    /// The root of the variance of a gradient over the norm.
    noise: Option<f64>,
    microseconds: Option<f64>,
    choose_it_when: &'static str,
    /// The reason for which an estimator is measured on no problem.
    not_measured: Option<String>,
}

/// A row for people: the sentence stands below the table.
#[derive(Serialize)]
struct TableRow<'a> {
    estimator: &'a str,
    #[serde(rename = "gradient of")]
    gradient_of: Option<&'a str>,
    claim: Option<&'a str>,
    #[serde(rename = "K ≥")]
    min_samples: Option<usize>,
    bias: Option<String>,
    noise: Option<String>,
    #[serde(rename = "µs")]
    microseconds: Option<String>,
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
            rows.push(row(capability, about, bench, &mut truths)?);
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
        for Row { estimator, choose_it_when, not_measured, .. } in of_one {
            let why = not_measured.as_ref().map(|why| format!("; not measured: {why}"));
            let words = format!("- {estimator} when {choose_it_when}{}", why.unwrap_or_default());
            writeln!(out, "{}", paragraph(&words))?;
        }
    }
    Ok(())
}

/// The problem of most rows, and the others with their estimators.
fn problems(rows: &[Row]) -> String {
    let first = rows[0].problem.as_deref().unwrap_or_default();
    let others = rows.iter().filter_map(|row| {
        let problem = row.problem.as_deref().filter(|problem| *problem != first)?;
        Some(format!("{} on {problem}", row.estimator))
    });
    std::iter::once(first.to_string()).chain(others).collect::<Vec<_>>().join(", ")
}

fn table_row(row: &Row) -> TableRow<'_> {
    let digits = |x: Option<f64>| x.map(|x| significant(x, 2));
    let is_biased = row.claim.as_deref() == Some("biased");
    TableRow {
        estimator: row.estimator,
        gradient_of: row.gradient_of.as_deref(),
        claim: row.claim.as_deref(),
        min_samples: row.min_samples,
        bias: digits(row.bias.filter(|_| is_biased)),
        noise: digits(row.noise),
        microseconds: digits(row.microseconds),
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

/// The row of an estimator.
fn row(
    capability: &Capability,
    about: &'static About,
    bench: &Bench,
    truths: &mut Truths,
) -> anyhow::Result<Row> {
    let mut row = Row {
        model: capability.of,
        estimator: about.name,
        gradient_of: None,
        claim: None,
        min_samples: None,
        problem: None,
        form: None,
        bias: None,
        noise: None,
        microseconds: None,
        choose_it_when: about.choose,
        not_measured: None,
    };
    let Some((problem, pair)) = measured(capability, about, bench) else {
        let why = about.skips.first().map_or("no problem has it", |skip| skip.why);
        row.not_measured = Some(why.into());
        return Ok(row);
    };
    let setting = |samples| Setting { samples, batch: 1, scale: 1.0 };
    let instance = pair.instance(setting(SAMPLES)).map_err(usage_error)?;
    let Truth { gradient, .. } = truths.truth(&instance)?;
    let study = study_candidate(&*instance.candidate, &gradient, DRAWS, 0);
    let (bias, noise) = relative(&study);
    row.gradient_of = Some(instance.target_name());
    row.claim = Some(study.claim.to_string());
    row.min_samples = (1..=SAMPLES).find(|&samples| pair.instance(setting(samples)).is_ok());
    row.problem = Some(problem.name.to_string());
    row.form = Some(pair.name.to_string());
    (row.bias, row.noise) = (Some(bias), Some(noise));
    row.microseconds = Some(1e6 * study.seconds_per_draw);
    Ok(row)
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
    fn every_estimator_that_is_on_a_problem_can_be_measured_and_all_have_words_for_when_to_choose_it()
     {
        let bench = Bench::catalogue();
        for capability in capabilities() {
            for about in &capability.estimators {
                assert!(!about.choose.is_empty(), "{}: choose it when?", about.name);
                let Some((problem, pair)) = measured(&capability, about, &bench) else { continue };
                let setting = Setting { samples: SAMPLES, batch: 1, scale: 1.0 };
                assert!(pair.instance(setting).is_ok(), "{} on {}", about.name, problem.name);
            }
        }
    }
}
