//! Proofs of every estimator on every problem that it fits.

use super::args::CheckArgs;
use super::method::method_name;
use super::samplers;
use super::zoo;
use crate::program::bench::{Bench, Pair, ProblemRow, Setting, Truths};
use crate::program::distinct::distinct;
use crate::program::progress::Count;
use crate::program::table::{Format, paragraph, print};
use crate::program::threads::pool;
use crate::program::usage_error::{Refuted, enough_draws, usage_error};
use pathscore::estimators::Claim;
use pathscore::estimators::proof::{ComponentTest, Options, Proof, Verdict, prove};
use rayon::prelude::*;
use serde::Serialize;
use std::io::Write;

/// The settings of each proof: one sample and more, a batch of two rows, a scale. An estimator that needs more samples has as many as it
/// needs.
const SETTINGS: [Setting; 4] = [
    Setting { samples: 1, batch: 1, scale: 1.0 },
    Setting { samples: 2, batch: 1, scale: 1.0 },
    Setting { samples: 3, batch: 1, scale: 1.0 },
    Setting { samples: 2, batch: 2, scale: 0.7 },
];

/// The draws that confirm a quadrature in each setting: a hundred thousand together.
const CONFIRMING: [usize; 4] = [40_000, 20_000, 20_000, 20_000];

/// The largest number of outcomes that are enumerated: nine nodes for each of four numbers.
const OUTCOMES: usize = 8000;

/// The number of draws of the longest stream of each proof.
const DEPTH: usize = 1280;

/// One estimator on one problem: the worst of its settings.
#[derive(Serialize)]
struct Row {
    problem: String,
    estimator: String,
    claim: String,
    verdict: String,
    /// The verdict with the resolution to which it holds.
    certificate: String,
    ok: bool,
    /// Of means of draws only.
    z: Option<f64>,
    draws: usize,
    outcomes: usize,
    /// The number of draws of one stream in which faults were looked for.
    depth: usize,
    max_abs_error: f64,
    /// Of estimators that claim to be biased: the cosine of their mean and the exact gradient, and the ratio of the norms.
    cosine: Option<f64>,
    norm_ratio: Option<f64>,
    detectable_bias: f64,
    /// The detectable bias as a fraction of the size that `relative_to` names.
    resolution: Option<f64>,
    relative_to: Option<String>,
    power: f64,
    false_alarm: f64,
    variance: f64,
    method: &'static str,
    settings: Vec<String>,
    at: String,
    draws_needed: Option<f64>,
    reasons: String,
    notes: Vec<String>,
}

/// A row of the table for people.
#[derive(Serialize)]
struct TableRow<'a> {
    estimator: &'a str,
    claim: &'a str,
    verdict: &'a str,
    #[serde(rename = "claim holds")]
    ok: &'a str,
    outcomes: String,
    error: String,
    #[serde(rename = "cosine, ratio")]
    angle: String,
    resolution: String,
}

/// The settings in which an estimator is proven, each with the draws that confirm a quadrature in it.
fn settings_of(pair: &Pair) -> Vec<(Setting, usize)> {
    let mut settings: Vec<(Setting, usize)> = Vec::new();
    for (setting, confirming) in SETTINGS.into_iter().zip(CONFIRMING) {
        let setting = Setting { samples: setting.samples.max(pair.min_samples), ..setting };
        if settings.iter().all(|(other, _)| *other != setting) {
            settings.push((setting, confirming));
        }
    }
    settings.truncate(if pair.one_setting { 1 } else { SETTINGS.len() });
    settings
}

/// Proves the estimators, prints a row for each, and fails if one is not what it claims.
pub(crate) fn check(args: &CheckArgs, bench: &Bench) -> anyhow::Result<()> {
    let CheckArgs { resolution, seconds, .. } = *args;
    if !(resolution > 0.0 && resolution < 1.0) {
        let words = "it is a fraction of the norm of the gradient, above 0 and below 1";
        return Err(usage_error(format!("--resolution {resolution}: {words}")));
    }
    if let Some(seconds) = seconds.filter(|seconds| !(*seconds > 0.0 && seconds.is_finite())) {
        return Err(usage_error(format!("--seconds {seconds}: a time is a positive number")));
    }
    enough_draws(args.draws)?;
    let options = Options {
        draws: args.draws,
        seconds: seconds.unwrap_or(f64::INFINITY),
        seed: args.seed,
        resolution,
        confirming: CONFIRMING[0],
        depth: DEPTH,
        outcomes: OUTCOMES,
        ..Options::default()
    };
    if args.zoo {
        return zoo::check(args, &options);
    }
    if args.samplers {
        let rows = pool(args.threads)?.install(samplers::certified);
        samplers::print_rows(&rows, args.format, &mut std::io::stdout().lock())?;
        return verdict(&rows.iter().filter_map(samplers::Row::refuted).collect::<Vec<_>>());
    }
    let problems = bench.chosen(args.problem.as_deref(), args.estimators.as_deref(), "")?;
    let count = Count::new(problems.iter().map(|problem| problem.pairs.len()).sum(), "proofs");
    let rows_of = |problem: &ProblemRow| -> anyhow::Result<Vec<Result<Row, String>>> {
        let mut truths = Truths::default();
        let prove = |pair: &Pair| {
            let row = worst(problem, pair, &options, &mut truths);
            count.one_more();
            row
        };
        problem.pairs.iter().map(prove).collect()
    };
    let proven: anyhow::Result<Vec<Vec<Result<Row, String>>>> =
        pool(args.threads)?.install(|| problems.par_iter().map(rows_of).collect());
    count.finish();
    let (mut rows, mut refuted) = (Vec::new(), Vec::new());
    for row in proven?.into_iter().flatten() {
        match row {
            Ok(row) => {
                refuted.extend((!row.ok).then(|| format!("{} on {}", row.estimator, row.problem)));
                rows.push(row);
            }
            Err(why) => refuted.push(why),
        }
    }
    let out = &mut std::io::stdout().lock();
    if args.format == Format::Table {
        let settings = rows.iter().flat_map(|row| row.settings.iter().map(|s| s.as_str()));
        let mut settings = distinct(settings);
        settings.sort_unstable();
        let settings = match settings.len() {
            0 => String::new(),
            _ => format!(
                "Each estimator is proven in the settings that fit it ({}: K samples{}); its row is the worst of them. ",
                settings.join("; "),
                if settings.iter().any(|name| name.contains('B')) {
                    ", B rows, times a scale"
                } else {
                    ""
                }
            ),
        };
        let text = format!(
            "{settings}All outcomes are listed where that is possible, or the nodes of a quadrature that draws confirm, and the error is the largest difference \
             from the exact gradient; where outcomes are drawn it is z, the difference in standard errors. An estimator that claims to be biased has the \
             cosine of its mean and the exact gradient and the ratio of their norms beside it. The resolution is the smallest bias \
             that would have been detected, as a fraction of the norm of the gradient (of the standard deviation of a draw, where \
             that is zero), by draws with power {} and false alarms {:e}. Faults were looked for in streams of up to {DEPTH} draws.",
            options.power, options.false_alarm
        );
        writeln!(out, "{}", paragraph(&text))?;
        for of_one in rows.chunk_by(|a, b| a.problem == b.problem) {
            writeln!(out, "\n{}", of_one[0].problem)?;
            print(&of_one.iter().map(table_row).collect::<Vec<_>>(), args.format, out)?;
        }
        writeln!(out)?;
        for row in rows.iter().filter(|row| !row.reasons.is_empty()) {
            let words = format!("{} on {}: {}", row.estimator, row.problem, row.reasons);
            writeln!(out, "{}", paragraph(&words))?;
        }
        writeln!(out, "{}", paragraph(&conclusion(&rows)))?;
        // Rows of another form fit into no array of JSON with these.
        if bench.is_catalogue && args.problem.is_none() && args.estimators.is_none() {
            let rows = pool(args.threads)?.install(samplers::certified);
            samplers::print_rows(&rows, args.format, out)?;
            refuted.extend(rows.iter().filter_map(samplers::Row::refuted));
        }
    } else {
        print(&rows, args.format, out)?;
    }
    verdict(&refuted)
}

/// Success if nothing was refuted.
fn verdict(refuted: &[String]) -> anyhow::Result<()> {
    match refuted.is_empty() {
        true => Ok(()),
        false => Err(Refuted(format!("not certified: {}", refuted.join(", "))).into()),
    }
}

/// The worst proof of an estimator on a problem, over the settings that fit it; if none fits, a sentence about that.
///
/// # Errors
/// If the problem has no exact gradient within the tolerance in one of them.
fn worst(
    problem: &ProblemRow,
    pair: &Pair,
    options: &Options,
    truths: &mut Truths,
) -> anyhow::Result<Result<Row, String>> {
    let (mut settings, mut refusal) = (Vec::new(), String::new());
    let mut worst: Option<(Proof, Setting)> = None;
    for (setting, confirming) in settings_of(pair) {
        let instance = match pair.instance(setting) {
            Ok(instance) => instance,
            Err(why) => {
                refusal = why;
                continue;
            }
        };
        truths.truth(&instance)?;
        let options = Options { confirming, ..*options };
        let proof = prove(&*truths.of(&instance), &*instance.candidate, &options);
        let rank = |proof: &Proof| (proof.ok, -proof.detectable_bias, -proof.max_abs_error);
        if !pair.one_setting {
            settings.push(setting.to_string());
        }
        if worst.as_ref().is_none_or(|(old, _)| rank(&proof) < rank(old)) {
            worst = Some((proof, setting));
        }
    }
    let Some((proof, setting)) = worst else {
        return Ok(Err(format!("{} on {}: {refusal}", pair.name, problem.name)));
    };
    let angle = (proof.claim == Claim::Biased).then(|| angle(proof.gradient())).flatten();
    let reasons = match (proof.reasons(), proof.ok) {
        (reasons, false) if !pair.one_setting => format!("{reasons} ({setting})"),
        (reasons, _) => reasons,
    };
    Ok(Ok(Row {
        problem: problem.name.to_string(),
        estimator: pair.name.to_string(),
        claim: proof.claim.to_string(),
        verdict: proof.verdict.to_string(),
        certificate: proof.verdict_with_resolution(),
        ok: proof.ok,
        z: proof.z,
        draws: proof.draws,
        outcomes: proof.method.outcomes(),
        depth: proof.depth,
        max_abs_error: proof.max_abs_error,
        cosine: angle.map(|angle| angle.0),
        norm_ratio: angle.map(|angle| angle.1),
        detectable_bias: proof.detectable_bias,
        resolution: proof.resolution.map(|resolution| resolution.relative()),
        relative_to: proof.resolution.map(|resolution| resolution.relative_to.to_string()),
        power: proof.power,
        false_alarm: proof.false_alarm,
        variance: proof.variance(),
        method: method_name(proof.method),
        settings,
        draws_needed: match proof.verdict {
            Verdict::Inconclusive { draws } if draws.is_finite() => Some(draws),
            _ => None,
        },
        reasons,
        notes: proof.notes,
        at: proof.at,
    }))
}

/// The cosine of the mean and the exact gradient, and the ratio of their norms, unless one of them is zero.
fn angle(gradient: &[ComponentTest]) -> Option<(f64, f64)> {
    let sum = |f: &dyn Fn(&ComponentTest) -> f64| gradient.iter().map(f).sum::<f64>();
    let (mean, exact) = (sum(&|c| c.mean * c.mean).sqrt(), sum(&|c| c.exact * c.exact).sqrt());
    let cosine = sum(&|c| c.mean * c.exact) / (mean * exact);
    cosine.is_finite().then_some((cosine, mean / exact))
}

fn table_row(row: &Row) -> TableRow<'_> {
    let Row { estimator, claim, verdict, draws, outcomes, .. } = row;
    TableRow {
        estimator,
        claim,
        verdict,
        ok: if row.ok { "yes" } else { "NO" },
        // A space at which no line is broken.
        outcomes: match outcomes {
            0 => format!("{draws}\u{a0}drawn"),
            _ if row.method == "quadrature" => format!("{outcomes}\u{a0}nodes"),
            _ => format!("{outcomes}\u{a0}listed"),
        },
        error: match row.z {
            Some(_) => format!("z\u{a0}{}", z(row.z)),
            None if row.max_abs_error.is_nan() => "not finite".into(),
            None => format!("{:.1e}", row.max_abs_error),
        },
        angle: match (row.cosine, row.norm_ratio) {
            (Some(cosine), Some(ratio)) => format!("{cosine:.3},\u{a0}{ratio:.3}"),
            _ => "–".into(),
        },
        resolution: match row.resolution {
            Some(resolution) if resolution.is_finite() => format!("{resolution:.1e}"),
            _ => "–".into(),
        },
    }
}

/// The outcome in one sentence.
fn conclusion(rows: &[Row]) -> String {
    let held = rows.iter().filter(|row| row.ok);
    let biased = held.clone().filter(|row| row.claim == Claim::Biased.to_string()).count();
    let unbiased = held.count() - biased;
    let claims = match rows.len() - unbiased - biased {
        0 => "every claim holds".to_string(),
        failed => format!("{failed} of {} claims do NOT hold", rows.len()),
    };
    let proofs = if unbiased + biased == 1 { "proof" } else { "proofs" };
    format!(
        "{claims}; {} {proofs}: {unbiased} of estimators that claim to be exact or unbiased, {biased} of estimators that say they are biased",
        unbiased + biased
    )
}

/// A $z$ in two digits behind the point; a dash for a mean that has none.
pub(super) fn z(z: Option<f64>) -> String {
    match z {
        None => "–".into(),
        Some(z) if z.abs() < 1e4 => format!("{z:.2}"),
        Some(z) => format!("{z:.0e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pathscore::estimators::draw::Score;
    use pathscore::estimators::proof::{Expectation, FromFn, Latent};
    use pathscore::estimators::{Columns, Cotangents, Enumerator, LogWeights};
    use pathscore::models::latent::SmallBelief;
    use pathscore::models::{Params, RandomSource, seed};
    use pathscore_autodiff::Scalar;

    /// REINFORCE that asks for four samples.
    #[derive(Clone, Copy)]
    struct NeedsFour;

    impl Columns for NeedsFour {
        type Draw = Score;

        fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
            let share = F::ONE / F::from_f64(w.draws() as f64);
            cotangents.fill(w, |b| move |k| (share, share * w.log_weight(k, b)));
        }

        fn min_samples(&self) -> usize {
            4
        }
    }

    fn rows(bench: &Bench) -> Vec<Result<Row, String>> {
        let options = Options { outcomes: OUTCOMES, confirming: 40_000, ..Options::default() };
        let of = |problem: &ProblemRow| {
            let mut truths = Truths::default();
            let proven = |pair| worst(problem, pair, &options, &mut truths).expect("a truth");
            problem.pairs.iter().map(proven).collect::<Vec<_>>()
        };
        bench.problems.iter().flat_map(of).collect()
    }

    #[test]
    fn an_estimator_that_needs_more_samples_is_proven_with_them() {
        let mut params = Params::new();
        let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
        let x = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0];
        let mut bench = Bench::new();
        let problem = Latent { batch: 2, ..Latent::new("two bits", model, params, &x) };
        bench.on(problem).add("four", NeedsFour);
        let rows = rows(&bench);
        let row = rows[0].as_ref().expect("it is proven");
        assert!(row.ok && row.verdict == "UNBIASED", "{}", row.certificate);
        assert_eq!(row.settings, ["K=4", "K=4,B=2,×0.7"]);
    }

    /// E (μ + ε)² + (ν + η)² at 0.5 and 0.3, whose gradient is (1, 0.6).
    #[test]
    fn a_component_that_is_always_zero_and_draws_that_are_no_numbers_are_biased() {
        let problem = Expectation::new("squares", &[0.5, 0.3], |at, source| {
            (at[0] + source.normal()).powi(2) + (at[1] + source.normal()).powi(2)
        });
        let zero = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
            out[0] = 2.0 * (0.5 + source.normal());
            out[1] = 0.0 * source.normal();
        });
        let never = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
            out.fill(f64::NAN * source.normal());
        });
        let mut bench = Bench::new();
        bench.on(problem).add_gradient("zero", zero).add_gradient("never", never);
        let rows = rows(&bench);
        let [zero, never] = [0, 1].map(|i| rows[i].as_ref().expect("it is proven"));
        assert!(!zero.ok && zero.verdict == "BIASED", "{}", zero.certificate);
        assert!(zero.reasons.contains("no derivative arrives"), "{}", zero.reasons);
        assert!(!never.ok && never.verdict == "BIASED", "{}", never.certificate);
        assert_eq!(never.reasons, "a draw is not finite with probability 1.0000");
        assert!(never.max_abs_error.is_nan() && never.z.is_none());
    }
}
