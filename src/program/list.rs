//! `list`: models, estimators and their choices, problems and data sources, each with one line and its source.

use super::catalogue::{Kind, estimators, problems};
use super::kinds::KINDS;
use super::table::{Format, print};
use clap::Args;
use pathscore::models::data::SOURCES;
use serde::Serialize;
use std::collections::HashSet;

/// Options of `list`.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// The format of the result.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) format: Format,
}

/// One line of the list.
#[derive(Serialize)]
struct ListRow {
    kind: &'static str,
    name: &'static str,
    what: &'static str,
    source: &'static str,
}

/// Prints the list.
pub(crate) fn list(format: Format) -> anyhow::Result<()> {
    print(&rows(), format, &mut std::io::stdout().lock())
}

/// The lines: kinds of models, estimators, the choices of their options, the forms that `compare` and `check` study,
/// problems, sources of data.
fn rows() -> Vec<ListRow> {
    let mut rows = Vec::new();
    for kind in KINDS {
        let about = kind.about();
        rows.push(ListRow {
            kind: "model",
            name: about.name,
            what: about.line,
            source: about.source,
        });
    }
    let estimators = estimators();
    for about in &estimators {
        let (name, what, source) = (about.name, about.line, about.source);
        rows.push(ListRow { kind: "estimator", name, what, source });
    }
    for row in estimators.iter().flat_map(|about| about.options) {
        let Kind::Choice(choices) = &row.kind else { continue };
        for choice in *choices {
            let (name, what, source) = (choice.name, choice.about, choice.source);
            rows.push(ListRow { kind: row.name, name, what, source });
        }
    }
    let problems = problems();
    for pair in problems.iter().flat_map(|problem| &problem.pairs) {
        let (name, what, source) =
            (pair.estimator.name, pair.estimator.line, pair.estimator.source);
        rows.push(ListRow { kind: "form", name, what, source });
    }
    for problem in &problems {
        let (name, what, source) = (problem.name, problem.line, problem.source);
        rows.push(ListRow { kind: "problem", name, what, source });
    }
    for source in SOURCES {
        let (name, what) = (source.usage, source.about);
        rows.push(ListRow { kind: "data", name, what, source: "" });
    }
    // One line for each name: problems share forms, and criteria of bits and of real numbers their names and options.
    let mut seen = HashSet::new();
    rows.retain(|row| seen.insert((row.kind, row.name)));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_a_name_of_its_own_and_words() {
        let rows = rows();
        for (i, row) in rows.iter().enumerate() {
            assert!(!row.name.is_empty() && !row.what.is_empty(), "{} {}", row.kind, row.name);
            let twin =
                rows[..i].iter().find(|other| (other.kind, other.name) == (row.kind, row.name));
            assert!(twin.is_none(), "{} {} is listed twice", row.kind, row.name);
        }
    }
}
