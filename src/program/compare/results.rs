//! A comparison as a library: the estimators of a bench, measured.

use super::case::{Case, Figure, Studied};
use super::figures::figures_of;
use super::options::Options;
use super::rows::{Row, draw_rows, fronts, rows_of, table_row};
use super::signal::signal;
use super::study::study;
use crate::program::bench::{Bench, Truths};
use crate::program::chart::write_chart;
use crate::program::table::{Format, figure, paragraph, print};
use crate::program::usage_error::{enough_draws, usage_error, words};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// A request that a bench cannot serve, or a file that it cannot write; the sentence says which.
#[derive(Debug)]
pub struct Error(anyhow::Error);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words(&self.0))
    }
}

impl std::error::Error for Error {}

/// Estimators that were measured on the problems of a bench. `Display` writes a table for each problem.
pub struct Results {
    reports: Vec<Report>,
    signals: Vec<Figure>,
    rows: Vec<Row>,
    left_out: Vec<String>,
}

/// The error of a comparison of no estimators.
pub(super) fn nothing_compared(left_out: &[String]) -> anyhow::Error {
    let why = if left_out.is_empty() { "there are no estimators" } else { &left_out.join("; ") };
    usage_error(format!("nothing was compared: {why}"))
}

impl Bench {
    /// Draws gradients from every estimator and compares them with the exact gradients, on the threads of rayon's current pool. The
    /// results do not depend on the number of threads, the times do.
    ///
    /// An estimator that needs more samples than [`Options::samples`] is left out, and [`Results::left_out`] says so.
    ///
    /// # Errors
    /// If an exact gradient cannot be found to the tolerance, there are fewer than twenty draws, or no estimator is left.
    pub fn compare(&self, options: &Options) -> Result<Results, Error> {
        let mut truths = Truths::default();
        let (mut reports, mut signals) = (Vec::new(), Vec::new());
        enough_draws(options.draws).map_err(Error)?;
        for problem in &self.problems {
            let case = study(problem, &mut truths, options).map_err(Error)?;
            reports.push(Report::new(case, *options));
            signals.extend(signal(problem, options));
        }
        let left_out: Vec<String> = reports.iter().flat_map(|report| report.left_out()).collect();
        if reports.iter().all(|report| report.rows.is_empty()) {
            return Err(Error(nothing_compared(&left_out)));
        }
        let rows: Vec<Row> = reports.iter().flat_map(|report| report.rows.clone()).collect();
        Ok(Results { reports, signals, rows, left_out })
    }
}

impl Results {
    /// A row for each component of each estimator's gradient.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// A sentence for each reason for which estimators were left out, with their names; [`Display`](fmt::Display) prints them, too.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The rows as a JSON array of objects.
    pub fn json(&self) -> String {
        printed(&self.rows, Format::Json)
    }

    /// The rows as CSV with a line of names.
    pub fn csv(&self) -> String {
        printed(&self.rows, Format::Csv)
    }

    /// Writes the charts of each problem as SVG and PNG into a folder, which is made if it is missing: means with their
    /// errors, variance and time; single gradients as violins; and, if there are estimators of $L_K$, the signal-to-noise ratio
    /// against $K$. Returns the SVG files.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write_charts(&self, folder: impl AsRef<Path>) -> Result<Vec<PathBuf>, Error> {
        let folder = folder.as_ref();
        let made = std::fs::create_dir_all(folder);
        made.map_err(|error| Error(anyhow::Error::new(error)))?;
        let charts = self.reports.iter().flat_map(Report::figures);
        let mut written = Vec::new();
        for figure in charts.collect::<Vec<_>>().iter().chain(&self.signals) {
            write_chart(folder, &figure.name, &figure.scene).map_err(Error)?;
            written.push(folder.join(format!("{}.svg", figure.name)));
        }
        Ok(written)
    }
}

fn printed(rows: &[impl Serialize], format: Format) -> String {
    let mut text = Vec::new();
    print(rows, format, &mut text).expect("numbers and names are written into memory");
    String::from_utf8(text).expect("a table is text")
}

impl fmt::Debug for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.rows).finish()
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reports.iter().try_for_each(|report| write!(f, "{report}"))
    }
}

/// The measurements on one problem, as rows, table and charts.
pub(super) struct Report {
    case: Case,
    options: Options,
    fronts: Vec<(String, Vec<String>)>,
    pub(super) rows: Vec<Row>,
}

impl Report {
    pub(super) fn new(case: Case, options: Options) -> Self {
        let fronts = fronts(&case.studied);
        let rows = rows_of(&case, &fronts);
        Self { case, options, fronts, rows }
    }

    /// The gradients of the violins as CSV, with the name of the file.
    pub(super) fn exported_draws(&self) -> (String, String) {
        let name = format!("{}-draws.csv", self.case.file);
        (name, printed(&draw_rows(&self.case), Format::Csv))
    }

    /// The charts.
    pub(super) fn figures(&self) -> Vec<Figure> {
        figures_of(&self.case, &self.rows, &self.options)
    }

    /// The estimators that were not studied and why, in sentences.
    pub(super) fn left_out(&self) -> Vec<String> {
        self.case.left_out()
    }

    fn caption(&self) -> String {
        let weights = self.case.effective.map_or(String::new(), |effective| {
            let effective = figure(effective);
            format!("; weighted, they are worth {effective} draws of the posterior (effective sample size)")
        });
        let (draws, samples) = (self.options.draws, self.case.of_samples());
        format!(
            "{}: {draws} gradients{samples}{weights}; variance and SNR are those of the whole gradient; \
             worst z: the component that is farthest from the exact gradient, in standard errors",
            self.case.name
        )
    }

    /// A sentence about an estimator whose draws contradict it.
    fn refutation(&self, one: &Studied) -> Option<String> {
        let Studied { estimator, study, target, .. } = one;
        if !one.is_finite() {
            let (of, draws) = (study.non_finite, self.options.draws);
            return Some(format!(
                "{estimator}: {of} of {draws} gradients are not finite, so that it has no mean and no variance; it is on no chart"
            ));
        }
        let z = figure(one.worst_z().abs());
        one.is_refuted().then(|| {
            format!(
                "{estimator} claims to be {}, and its mean is {z} standard errors from the exact gradient of {target}: `check` looks for the mistake",
                study.claim
            )
        })
    }

    /// Sentences about estimators that drew the same gradients.
    fn equal_draws(&self) -> Vec<String> {
        let studied = &self.case.studied;
        let equal = |a: &Studied, b: &Studied| {
            a.target == b.target && a.variance > 0.0 && a.study.components == b.study.components
        };
        let mut sentences = Vec::new();
        for (i, first) in studied.iter().enumerate() {
            if studied[..i].iter().any(|before| equal(before, first)) {
                continue;
            }
            let twins = studied[i..].iter().filter(|one| equal(first, one));
            let names: Vec<&str> = twins.map(|one| one.estimator.as_str()).collect();
            if names.len() > 1 {
                sentences.push(format!(
                    "all estimators have the same random numbers, from which {} make the same gradients here",
                    names.join(", ")
                ));
            }
        }
        sentences
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", paragraph(&self.caption()))?;
        let studied = self.case.studied.iter();
        let lines: Vec<_> = studied.map(|one| table_row(one, &self.fronts)).collect();
        let mut table = Vec::new();
        print(&lines, Format::Table, &mut table).map_err(|_| fmt::Error)?;
        f.write_str(&String::from_utf8_lossy(&table))?;
        let front = |(target, names): &(String, Vec<String>)| {
            let names = names.join(", ");
            format!(
                "Pareto front of variance and time (times within a fifth count as equal), gradient of {target}: {names}"
            )
        };
        let refutations = self.case.studied.iter().filter_map(|one| self.refutation(one));
        let left_out = self.left_out().into_iter();
        let remarks = left_out
            .chain(refutations)
            .chain(self.fronts.iter().map(front))
            .chain(self.equal_draws())
            .chain(self.case.notes.iter().cloned());
        for remark in remarks {
            writeln!(f, "{}", paragraph(&remark))?;
        }
        writeln!(f)
    }
}
