//! `sample`: new rows drawn from a trained model, or completions of test rows of which a part is hidden, as one picture.

use super::hidden::Hidden;
use super::saved::Saved;
use super::settings::at_least_one;
use crate::program::args::SampleArgs;
use crate::program::files::{check_output, write_atomically};
use crate::program::gallery::Gallery;
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

/// Draws or completes rows by a trained model and writes them as one picture.
pub(crate) fn sample(args: &SampleArgs) -> anyhow::Result<()> {
    at_least_one("--count", args.count.unwrap_or(1) as u64)?;
    at_least_one("--sweeps", args.sweeps.unwrap_or(1) as u64)?;
    check_output(&args.out)?;
    let saved = Saved::read(&args.run)?;
    let Saved { settings, split, .. } = &saved;
    let fitting = saved.open()?;
    let chains = |option: &str, needs: &str| {
        fitting.chains().ok_or_else(|| {
            let kind = &settings.run.kind;
            usage_error(format!("--{option} has no effect on a run of {kind}: {needs}"))
        })
    };
    let count = args.count.unwrap_or(DRAWN);
    let sheet = Gallery::new(&split.test).sheet(2 + COMPLETIONS);
    let pictures = if args.inpaint.is_some() { count * (2 + COMPLETIONS) } else { count };
    check_memory("a sheet of --count pictures", sheet.pixels(pictures))?;
    let picture = if let Some(hidden) = &args.inpaint {
        let chains =
            chains("inpaint", "it needs the Gibbs sweeps of an energy model, such as rbm")?;
        inpainted(chains, split, hidden, args)?
    } else if let Some(sweeps) = args.sweeps {
        let chains = chains("sweeps", "its rows are not drawn by Gibbs sweeps")?;
        Gallery::new(&split.test).square(chains.sample(count, sweeps, args.seed)?.values())
    } else {
        Gallery::new(&split.test).square(fitting.sample(count, args.seed)?.values())
    };
    write_atomically(&args.out, &picture)?;
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
    Ok(Gallery::new(test).grid(&shown.collect::<Vec<_>>(), 2 + COMPLETIONS))
}
