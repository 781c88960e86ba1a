//! `sample`: new rows drawn from a trained model, as one picture.

use super::checkpoint::State;
use super::data;
use super::folder::CHECKPOINT;
use super::settings::Settings;
use crate::program::args::SampleArgs;
use crate::program::files::write_atomically;
use crate::program::gallery::Gallery;
use crate::program::kinds::kind_of;
use crate::program::usage_error::usage_error;

/// Draws rows from a trained model and writes them as one picture.
pub(crate) fn sample(args: &SampleArgs) -> anyhow::Result<()> {
    let settings = Settings::read(&args.run)?;
    if args.count == 0 {
        return Err(usage_error("--count must be at least 1"));
    }
    let state = State::read(&args.run.join(CHECKPOINT))?;
    let split = data::load(&settings)?;
    let mut fitting = kind_of(&settings.run.kind)?.open(&settings, &split)?;
    fitting.restore(&state)?;
    let drawn = fitting.sample(args.count, args.seed)?;
    write_atomically(&args.out, &Gallery::new(&split.test).square(drawn.values()))?;
    eprintln!("wrote {}", args.out.display());
    Ok(())
}
