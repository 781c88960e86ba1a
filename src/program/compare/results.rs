//! A comparison as a library: the estimators of a bench, measured.

use super::case::{Case, Figure};
use super::figures::figures_of;
use super::options::Options;
use super::rows::{Row, fronts, rows_of, table_row};
use super::signal::signal;
use super::study::study;
use crate::program::bench::{Bench, Truths};
use crate::program::chart::write_chart;
use crate::program::table::{Format, figure, paragraph, print};
use crate::program::usage_error::{enough_draws, words};
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
}

impl Bench {
    /// Draws gradients from every estimator and compares them with the exact gradients, on the threads of rayon's current pool. The
    /// results do not depend on the number of threads, the times do.
    ///
    /// An estimator that needs more samples than [`Options::samples`] is left out.
    ///
    /// # Errors
    /// If an exact gradient cannot be found to the tolerance, or there are fewer than twenty draws.
    pub fn compare(&self, options: &Options) -> Result<Results, Error> {
        let mut truths = Truths::default();
        let (mut reports, mut signals) = (Vec::new(), Vec::new());
        enough_draws(options.draws).map_err(Error)?;
        for problem in &self.problems {
            let case = study(problem, &mut truths, options).map_err(Error)?;
            reports.push(Report::new(case, *options));
            signals.extend(signal(problem, options));
        }
        let rows = reports.iter().flat_map(|report| report.rows.clone()).collect();
        Ok(Results { reports, signals, rows })
    }
}

impl Results {
    /// A row for each component of each estimator's gradient.
    pub fn rows(&self) -> &[Row] {
        &self.rows
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

fn printed(rows: &[Row], format: Format) -> String {
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
        let rows = rows_of(&case, &fronts, &options);
        Self { case, options, fronts, rows }
    }

    /// The charts.
    pub(super) fn figures(&self) -> Vec<Figure> {
        figures_of(&self.case, &self.rows, &self.options)
    }

    fn caption(&self) -> String {
        let weights = self.case.effective.map_or(String::new(), |effective| {
            format!(" ({} of them effective)", figure(effective))
        });
        let Options { draws, samples, .. } = self.options;
        format!(
            "{}: {draws} gradients of K = {samples} samples{weights}; variance and SNR are those of the whole gradient; \
             worst z: the component that is farthest from the exact gradient, in standard errors",
            self.case.name
        )
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
        for one in self.case.studied.iter().filter(|one| one.is_refuted()) {
            let words = format!(
                "{} claims to be {}, and its mean is {} standard errors from the exact gradient of {}: `check` looks for the mistake",
                one.estimator,
                one.study.claim,
                figure(one.worst_z().abs()),
                one.target
            );
            writeln!(f, "{}", paragraph(&words))?;
        }
        for (target, names) in &self.fronts {
            let names = names.join(", ");
            let words = format!("Pareto front of variance and time, gradient of {target}: {names}");
            writeln!(f, "{}", paragraph(&words))?;
        }
        self.case.notes.iter().try_for_each(|note| writeln!(f, "{}", paragraph(note)))?;
        writeln!(f)
    }
}
