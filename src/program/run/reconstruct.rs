//! `reconstruct`: rows of data as a trained model gives them back from their latents.

use super::encode::{codes, pieces};
use super::output::{Form, check_no_input, csv, npy};
use super::saved::Saved;
use crate::program::args::ReconstructArgs;
use crate::program::files::write_atomically;
use crate::program::gallery::{Gallery, column_names};
use crate::program::limits::check_memory;
use crate::program::progress::{Count, say};
use crate::program::usage_error::usage_error;
use pathscore::models::seed::{self, Stream};

/// Reconstructs rows by a trained model and writes them.
pub(crate) fn reconstruct(args: &ReconstructArgs) -> anyhow::Result<()> {
    args.rows.check()?;
    if args.seed.is_some() && !args.draw {
        return Err(usage_error("--seed has no effect without --draw: nothing is drawn"));
    }
    let form = Form::of_output(&args.out)?;
    let saved = Saved::read(&args.run)?;
    check_no_input(&args.out, &args.rows.sources(&saved)?)?;
    let fitting = saved.open()?;
    let codes = codes(&saved, &*fitting)?;
    let mut rows = args.rows.of(&saved)?;
    if form == Form::Picture {
        let gallery = Gallery::new(&rows);
        let shown = args.rows.rows.map_or(gallery.reconstructed(), |_| rows.len());
        let sheet = gallery.sheet(2);
        check_memory("a sheet of --rows pictures", sheet.pixels(2 * shown))?;
        rows = rows.take(0..shown);
    }
    let columns = rows.columns();
    let count = Count::new(rows.len(), "rows reconstructed");
    let mut means = Vec::with_capacity(rows.values().len());
    for (i, range) in pieces(rows.len()).enumerate() {
        let seed = || seed::derive(args.seed.unwrap_or(0), Stream::Sample, i as u64);
        let piece = codes.reconstruct(&rows.take(range.clone()), args.draw.then(seed))?;
        if piece.iter().any(|x| !x.is_finite()) {
            anyhow::bail!("rows {range:?} (from 0): their reconstructions are not finite");
        }
        means.extend(piece);
        count.more(range.len());
    }
    count.finish();
    let bytes = match form {
        Form::Csv => csv(&column_names(&rows), &means, rows.labels()),
        Form::Npy => npy(&means, columns, rows.image()),
        Form::Picture => {
            let means: Vec<f32> = means.iter().map(|&x| x as f32).collect();
            Gallery::new(&rows).of("rows").reconstructions(&means)?
        }
    };
    write_atomically(&args.out, &bytes)?;
    say(&format!("wrote {}, {} rows", args.out.display(), rows.len()));
    Ok(())
}
