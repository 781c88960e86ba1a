//! `encode`: the posterior of the latents of each row.

use super::output::{Form, check_no_input, csv, npy};
use super::saved::Saved;
use crate::program::args::EncodeArgs;
use crate::program::chart::latent_map;
use crate::program::files::write_atomically;
use crate::program::gallery::Gallery;
use crate::program::kinds::KINDS;
use crate::program::kinds::codes::{Codes, Parameter};
use crate::program::kinds::kind::Fitting;
use crate::program::limits::check_memory;
use crate::program::probabilities::probabilities;
use crate::program::progress::{Count, say};
use crate::program::usage_error::usage_error;
use pathscore::models::data::Table;
use std::ops::Range;

/// The rows that are encoded together.
const ROWS: usize = 500;
/// The most rows in a plane: of more, points hide each other.
const MAP_ROWS: usize = 3000;

/// Encodes rows by a trained model and writes the parameters of their posteriors.
pub(crate) fn encode(args: &EncodeArgs) -> anyhow::Result<()> {
    args.rows.check()?;
    let form = Form::of_output(&args.out)?;
    let saved = Saved::read(&args.run)?;
    check_no_input(&args.out, &args.rows.sources(&saved)?)?;
    let fitting = saved.open()?;
    let codes = codes(&saved, &*fitting)?;
    let rows = args.rows.of(&saved)?;
    let found = parameters(&*codes, &rows)?;
    let (names, numbers) = side_by_side(&found, rows.len());
    let bytes = match form {
        Form::Csv => csv(&names, &numbers, rows.labels()),
        Form::Npy => npy(&numbers, names.len(), None),
        Form::Picture => picture(&found, &rows)?,
    };
    write_atomically(&args.out, &bytes)?;
    say(&format!("wrote {}, {} rows of {} numbers", args.out.display(), rows.len(), names.len()));
    Ok(())
}

/// The latents of a fit.
///
/// # Errors
/// If its kind has none; the message names the kinds that have them.
pub(super) fn codes<'a>(
    saved: &Saved,
    fitting: &'a dyn Fitting,
) -> anyhow::Result<Box<dyn Codes + 'a>> {
    fitting.codes().ok_or_else(|| {
        let kinds = KINDS.iter().filter(|kind| kind.has_codes());
        let names: Vec<&str> = kinds.map(|kind| kind.about().name).collect();
        usage_error(format!(
            "a run of {} has no latents that can be found for rows of data; runs of these kinds have: {}",
            saved.settings.run.kind,
            names.join(", ")
        ))
    })
}

/// The ranges of rows that are encoded together.
pub(super) fn pieces(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(ROWS).map(move |start| start..rows.min(start + ROWS))
}

/// The parameters of all rows.
fn parameters(codes: &dyn Codes, rows: &Table) -> anyhow::Result<Vec<Parameter>> {
    let count = Count::new(rows.len(), "rows encoded");
    let mut all: Vec<Parameter> = Vec::new();
    for range in pieces(rows.len()) {
        let piece = codes.encode(&rows.take(range.clone()))?;
        if let Some(wrong) = piece.iter().find(|one| one.values.iter().any(|x| !x.is_finite())) {
            anyhow::bail!("rows {range:?} (from 0): {} is not finite everywhere", wrong.name);
        }
        if all.is_empty() {
            let numbers: usize = piece.iter().map(|one| one.values.len()).sum();
            let bytes = 8.0 * (numbers / range.len()) as f64 * rows.len() as f64;
            // They are held twice, and once more as text.
            check_memory("the latents of all rows", 4.0 * bytes)?;
            all = piece;
        } else {
            all.iter_mut().zip(piece).for_each(|(all, piece)| all.values.extend(piece.values));
        }
        count.more(range.len());
    }
    count.finish();
    Ok(all)
}

/// The parameters of each row side by side, and the names of the columns.
fn side_by_side(found: &[Parameter], rows: usize) -> (Vec<String>, Vec<f64>) {
    let width = |one: &Parameter| one.values.len() / rows;
    let names = found.iter().flat_map(|one| (1..=width(one)).map(|i| format!("{}_{i}", one.name)));
    let row = |i: usize| {
        found.iter().flat_map(move |one| &one.values[i * width(one)..(i + 1) * width(one)])
    };
    (names.collect(), (0..rows).flat_map(row).copied().collect())
}

/// Probabilities as lines; of real latents the rows in the plane of the first two, in the colours of their labels.
fn picture(found: &[Parameter], rows: &Table) -> anyhow::Result<Vec<u8>> {
    let Parameter { name, values } = &found[0];
    let width = values.len() / rows.len();
    if *name == "probs" {
        let order: Vec<usize> = (0..width).collect();
        return probabilities(values, &order, rows.labels(), (["latent", "row"], rows.len()));
    }
    let point = |row: &[f64]| [row[0], row.get(1).copied().unwrap_or(0.0)];
    let shown = rows.len().min(MAP_ROWS);
    let points: Vec<[f64; 2]> = values.chunks_exact(width).take(shown).map(point).collect();
    let labels: Option<Vec<u32>> =
        rows.labels().map(|labels| labels[..shown].iter().map(|&label| label.into()).collect());
    let of = Gallery::new(rows).of("rows").first(shown);
    let title = match width {
        1 => format!("The latent of {of}"),
        2 => format!("The two latents of {of}"),
        all => format!("The first two of {all} latents of {of}"),
    };
    let up = if width > 1 { format!("{name}_2") } else { String::new() };
    latent_map(&points, labels.as_deref(), [&title, &format!("{name}_1"), &up])
}
