//! `sample`: new rows drawn from a trained model, as one picture or as numbers, or completions of test rows of which a part is
//! hidden.

use super::hidden::Hidden;
use super::output::{Form, check_no_input, csv, npy};
use super::saved::Saved;
use super::settings::at_least_one;
use crate::program::args::SampleArgs;
use crate::program::files::write_atomically;
use crate::program::gallery::{Gallery, column_names};
use crate::program::kinds::kind::Chains;
use crate::program::limits::check_memory;
use crate::program::progress::say;
use crate::program::usage_error::usage_error;
use pathscore::models::data::{Split, Table};

/// Rows that are drawn, and rows that are completed, if no number is given.
const DRAWN: usize = 64;
const COMPLETED: usize = 8;
/// Completions of each row.
const COMPLETIONS: usize = 6;

/// Draws or completes rows by a trained model and writes them.
pub(crate) fn sample(args: &SampleArgs) -> anyhow::Result<()> {
    at_least_one("--count", args.count.unwrap_or(1) as u64)?;
    at_least_one("--sweeps", args.sweeps.unwrap_or(1) as u64)?;
    let form = Form::of_output(&args.out)?;
    let saved = Saved::read(&args.run)?;
    check_no_input(&args.out, &[saved.settings.source()?])?;
    let Saved { settings, split, .. } = &saved;
    let fitting = saved.open()?;
    let chains = |option: &str, needs: &str| {
        fitting.chains().ok_or_else(|| {
            let kind = &settings.run.kind;
            usage_error(format!("--{option} has no effect on a run of {kind}: {needs}"))
        })
    };
    let count = args.count.unwrap_or(DRAWN);
    let gallery = Gallery::new(&split.test);
    let shown = if args.inpaint.is_some() { count * (2 + COMPLETIONS) } else { count };
    let sheet = gallery.sheet(2 + COMPLETIONS);
    check_memory("a sheet of --count pictures", sheet.pixels(shown))?;
    let written = |rows: &Table| match form {
        Form::Picture => gallery.samples(rows.values(), fitting.samples_are()),
        Form::Csv => Ok(csv(&column_names(&split.test), rows.values(), None)),
        Form::Npy => {
            let numbers: Vec<f64> = rows.values().iter().map(|&x| f64::from(x)).collect();
            Ok(npy(&numbers, rows.columns(), split.test.image()))
        }
    };
    let bytes = if let Some(hidden) = &args.inpaint {
        if form != Form::Picture {
            return Err(usage_error("--inpaint draws a picture: --out must end in .png"));
        }
        let chains =
            chains("inpaint", "it needs the Gibbs sweeps of an energy model, such as rbm")?;
        inpainted(chains, split, hidden, args)?
    } else if let Some(sweeps) = args.sweeps {
        let chains = chains("sweeps", "its rows are not drawn by Gibbs sweeps")?;
        written(&chains.sample(count, sweeps, args.seed)?)?
    } else {
        written(&fitting.sample(count, args.seed)?)?
    };
    write_atomically(&args.out, &bytes)?;
    say(&format!("wrote {}", args.out.display()));
    Ok(())
}

/// Each of the first test rows beside the row without its hidden part, in mid grey, and several completions.
fn inpainted(
    chains: &dyn Chains,
    split: &Split,
    hidden: &Hidden,
    args: &SampleArgs,
) -> anyhow::Result<Vec<u8>> {
    let test = &split.test;
    let columns = test.columns();
    let count = args.count.unwrap_or(COMPLETED).min(test.len());
    let known = hidden.known(test, args.seed)?;
    let rows = test.values()[..count * columns].chunks_exact(columns);
    let repeated: Vec<f32> = rows.clone().flat_map(|row| row.repeat(COMPLETIONS)).collect();
    let sweeps = args.sweeps.unwrap_or(chains.sweeps());
    let repeated = Table::new(repeated, columns)?;
    let completed = chains.complete(&repeated, &known, sweeps, args.seed)?;
    let completed = completed.values().chunks_exact(COMPLETIONS * columns);
    let shown = rows.zip(completed).flat_map(|(row, completions)| {
        let masked = row.iter().zip(&known).map(|(&x, &known)| if known { x } else { f32::NAN });
        row.iter().copied().chain(masked).chain(completions.iter().copied())
    });
    let words = "a row, the row with its part hidden, completions";
    // A part that was chosen by chance has no border to speak of.
    let border = matches!(hidden, Hidden::Half(_)).then_some(&known[..]);
    let shown: Vec<f32> = shown.collect();
    Gallery::new(test).completed(&shown, 2 + COMPLETIONS, (border, 2), words)
}
