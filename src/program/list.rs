//! `list`: models, estimators and their choices, problems and data sources, each with one line and its source.

use super::bench::{Bench, Pair, ProblemRow, Words};
use super::catalogue::{Kind, estimators};
use super::guide;
use super::kinds::KINDS;
use super::table::{Format, print};
use clap::Args;
use pathscore::models::data::SOURCES;
use serde::Serialize;
use std::collections::HashSet;

/// Options of `list`.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Help to choose an estimator: all of them by what they ask of a model, with their bias, noise and time as measured now on a problem
    /// whose gradient is known, and when to choose each.
    #[arg(long)]
    pub(crate) guide: bool,

    /// The format of the result.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) format: Format,
}

/// One line of the list.
#[derive(Serialize)]
struct ListRow {
    kind: &'static str,
    name: Words,
    what: Words,
    source: Words,
}

/// One line of the list of a bench of one's own, whose problems and estimators have no paper.
#[derive(Serialize)]
struct OwnRow {
    kind: &'static str,
    name: Words,
    what: Words,
}

/// Prints the list.
pub(crate) fn list(args: &ListArgs, bench: &Bench) -> anyhow::Result<()> {
    if args.guide {
        return guide::guide(args.format, bench);
    }
    let (rows, out) = (rows(bench), &mut std::io::stdout().lock());
    if bench.is_catalogue {
        return print(&rows, args.format, out);
    }
    let own = |ListRow { kind, name, what, .. }: ListRow| OwnRow { kind, name, what };
    print(&rows.into_iter().map(own).collect::<Vec<_>>(), args.format, out)
}

/// The lines. Of the program's own bench: kinds of models, estimators, the choices of their options, the forms that
/// `compare` and `check` study, problems, sources of data; of another one: its estimators and problems.
fn rows(bench: &Bench) -> Vec<ListRow> {
    let mut rows = Vec::new();
    let mut add = |kind, name: &Words, what: &Words, source: &Words| {
        let (name, what, source) = (name.clone(), what.clone(), source.clone());
        rows.push(ListRow { kind, name, what, source });
    };
    if bench.is_catalogue {
        for about in KINDS.iter().map(|kind| kind.about()) {
            add("model", &about.name.into(), &about.line.into(), &about.source.into());
        }
        let estimators = estimators();
        for about in &estimators {
            add("estimator", &about.name.into(), &about.line.into(), &about.source.into());
        }
        for row in estimators.iter().flat_map(|about| about.options) {
            let Kind::Choice(choices) = &row.kind else { continue };
            for choice in *choices {
                add(row.name, &choice.name.into(), &choice.about.into(), &choice.source.into());
            }
        }
    }
    let form = if bench.is_catalogue { "form" } else { "estimator" };
    for Pair { name, line, source, .. } in bench.problems.iter().flat_map(|problem| &problem.pairs)
    {
        let line = if line.is_empty() { &studied_on(name, bench) } else { line };
        add(form, name, line, source);
    }
    for ProblemRow { name, line, source, .. } in &bench.problems {
        add("problem", name, line, source);
    }
    if bench.is_catalogue {
        for source in SOURCES {
            add("data", &source.usage.into(), &source.about.into(), &"".into());
        }
    }
    // One line for each name: problems share forms, and criteria of bits and of real numbers their names and options.
    let mut seen = HashSet::new();
    rows.retain(|row| seen.insert((row.kind, row.name.clone())));
    rows
}

/// The problems of a bench on which an estimator is studied.
fn studied_on(estimator: &str, bench: &Bench) -> Words {
    let studies = |row: &&ProblemRow| row.pairs.iter().any(|pair| pair.name == estimator);
    let names: Vec<&str> = bench.problems.iter().filter(studies).map(|row| &*row.name).collect();
    format!("on {}", names.join("; ")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_a_name_of_its_own_and_words() {
        let rows = rows(&Bench::catalogue());
        for (i, row) in rows.iter().enumerate() {
            assert!(!row.name.is_empty() && !row.what.is_empty(), "{} {}", row.kind, row.name);
            let twin =
                rows[..i].iter().find(|other| (other.kind, &other.name) == (row.kind, &row.name));
            assert!(twin.is_none(), "{} {} is listed twice", row.kind, row.name);
        }
    }
}
