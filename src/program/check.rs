//! Proofs of every estimator on every problem that it fits.

use super::args::{CheckArgs, ProblemName};
use super::config::cli_name;
use super::registry::{self, Entry, Setting, Truths};
use super::session::pool;
use super::table::{Format, print};
use super::usage_error::{Refuted, usage_error};
use clap::ValueEnum;
use pathscore::estimators::proof::{Method, Options, Proof, Verdict, prove};
use rayon::prelude::*;
use serde::Serialize;
use std::io::Write;

mod zoo;

/// How each estimator is asked: one draw and more, a batch of two, a scale.
const SETTINGS: [Setting; 4] = [
    Setting { samples: 1, batch: 1, scale: 1.0 },
    Setting { samples: 2, batch: 1, scale: 1.0 },
    Setting { samples: 3, batch: 1, scale: 1.0 },
    Setting { samples: 2, batch: 2, scale: 0.7 },
];

/// One estimator on one problem: the worst of its settings.
#[derive(Serialize)]
struct Row {
    problem: String,
    estimator: String,
    claim: String,
    verdict: String,
    ok: bool,
    z: f64,
    draws: usize,
    max_abs_error: f64,
    detectable_bias: f64,
    variance: f64,
    method: &'static str,
    settings: Vec<String>,
    at: String,
    draws_needed: Option<f64>,
    reasons: String,
}

/// A row for people.
#[derive(Serialize)]
struct Shown<'a> {
    estimator: &'a str,
    claim: &'a str,
    verdict: &'a str,
    ok: &'a str,
    z: String,
    #[serde(rename = "draws or outcomes")]
    draws: usize,
    method: &'a str,
    #[serde(rename = "max |error|")]
    error: String,
    #[serde(rename = "detectable bias")]
    detectable: String,
}

/// Proves, prints the certificates, and fails if one is denied.
pub(crate) fn check(args: &CheckArgs) -> anyhow::Result<()> {
    let options = Options {
        draws: args.draws,
        seconds: args.seconds.unwrap_or(f64::INFINITY),
        seed: args.seed,
        ..Options::default()
    };
    if args.zoo {
        return zoo::check(args, &options);
    }
    let entries = registry::chosen(args.estimators.as_deref())?;
    let problems =
        args.problem.map_or(ProblemName::value_variants().to_vec(), |problem| vec![problem]);
    let of_one = |&problem: &ProblemName| {
        let mut truths = Truths::default();
        let fitting = entries.iter().filter(|entry| entry.fits(problem));
        fitting.filter_map(|entry| certificate(entry, problem, &options, &mut truths)).collect()
    };
    let rows: Vec<Vec<Row>> =
        pool(args.threads)?.install(|| problems.par_iter().map(of_one).collect());
    let rows: Vec<Row> = rows.into_iter().flatten().collect();
    if rows.is_empty() {
        return Err(usage_error("none of these estimators fits the problem; see pathscore list"));
    }
    let out = &mut std::io::stdout().lock();
    if args.format == Format::Table {
        let asked: Vec<String> = SETTINGS.iter().map(Setting::to_string).collect();
        writeln!(out, "the worst of {}, as far as they fit", asked.join(" | "))?;
        for of_one in rows.chunk_by(|a, b| a.problem == b.problem) {
            writeln!(out, "\n{}", of_one[0].problem)?;
            print(&of_one.iter().map(shown).collect::<Vec<_>>(), args.format, out)?;
        }
        writeln!(out)?;
        for row in rows.iter().filter(|row| !row.reasons.is_empty()) {
            writeln!(out, "{} on {}: {}", row.estimator, row.problem, row.reasons)?;
        }
    } else {
        print(&rows, args.format, out)?;
    }
    let denied: Vec<String> = rows
        .iter()
        .filter(|row| !row.ok)
        .map(|row| format!("{} on {}", row.estimator, row.problem))
        .collect();
    if denied.is_empty() {
        Ok(())
    } else {
        Err(Refuted(format!("not certified: {}", denied.join(", "))).into())
    }
}

/// The worst proof of an estimator on a problem, over the settings.
fn certificate(
    entry: &Entry,
    problem: ProblemName,
    options: &Options,
    truths: &mut Truths,
) -> Option<Row> {
    let mut settings = Vec::new();
    let mut worst: Option<(Proof, Setting)> = None;
    for setting in SETTINGS {
        let Some(posed) = entry.pose(problem, setting) else { continue };
        let proof = prove(&*truths.of(&posed), &*posed.candidate, options);
        let rank = |proof: &Proof| (proof.ok, -proof.detectable_bias, -proof.max_abs_error);
        settings.push(setting.to_string());
        if worst.as_ref().is_none_or(|(old, _)| rank(&proof) < rank(old)) {
            worst = Some((proof, setting));
        }
    }
    let (proof, setting) = worst?;
    let denied = |reasons: String| match proof.ok {
        false => format!("{reasons} ({setting})"),
        true => reasons,
    };
    Some(Row {
        problem: cli_name(&problem),
        estimator: entry.name.into(),
        claim: proof.claim.to_string(),
        verdict: proof.verdict.to_string(),
        ok: proof.ok,
        z: proof.z,
        draws: proof.draws,
        max_abs_error: proof.max_abs_error,
        detectable_bias: proof.detectable_bias,
        variance: proof.variance(),
        method: spelt_method(proof.method),
        settings,
        draws_needed: match proof.verdict {
            Verdict::Inconclusive { draws } => Some(draws),
            _ => None,
        },
        reasons: denied(proof.reasons()),
        at: proof.at,
    })
}

fn spelt_method(method: Method) -> &'static str {
    match method {
        Method::Enumerated(_) => "listed",
        Method::Quadrature(_) => "quadrature",
        _ => "sampled",
    }
}

fn shown(row: &Row) -> Shown<'_> {
    Shown {
        estimator: &row.estimator,
        claim: &row.claim,
        verdict: &row.verdict,
        ok: if row.ok { "yes" } else { "NO" },
        z: if row.z.abs() < 1e4 { format!("{:.2}", row.z) } else { format!("{:.0e}", row.z) },
        draws: row.draws,
        method: row.method,
        error: format!("{:.1e}", row.max_abs_error),
        detectable: format!("{:.1e}", row.detectable_bias),
    }
}
