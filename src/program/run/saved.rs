//! A run as it was saved: settings, checkpoint and data that fit together.

use super::checkpoint::Checkpoint;
use super::data;
use super::fingerprint::Fingerprint;
use super::folder::{self, CHECKPOINT};
use super::settings::{self, Settings};
use crate::program::kinds::kind::{Fitting, Kind};
use crate::program::kinds::kind_of;
use crate::program::usage_error::usage_error;
use anyhow::Context;
use pathscore::models::data::Split;
use std::path::Path;

/// A run that was saved.
pub(crate) struct Saved {
    pub(crate) settings: Settings,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) split: Split,
}

impl Saved {
    /// Reads the run in a folder and its data, and changes nothing.
    ///
    /// # Errors
    /// If one of them cannot be read, is not whole, or does not belong to the others.
    pub(crate) fn read(dir: &Path) -> anyhow::Result<Self> {
        if folder::is_replaced(dir) {
            let dir = dir.display();
            return Err(usage_error(format!(
                "{dir}: the replacement of this run was cut off; pathscore train --resume {dir} completes it"
            )));
        }
        let settings = Settings::read(dir)?;
        let checkpoint = Checkpoint::read(&dir.join(CHECKPOINT))?;
        checkpoint.check_settings(&settings)?;
        let load = data::load(&settings);
        let split = load.with_context(|| dir.join(settings::FILE).display().to_string())?;
        checkpoint.check_data(&Fingerprint::of(&split))?;
        Ok(Self { settings, checkpoint, split })
    }

    pub(crate) fn kind(&self) -> anyhow::Result<&'static dyn Kind> {
        kind_of(&self.settings.run.kind)
    }

    /// The fit at its checkpoint.
    ///
    /// # Errors
    /// If the checkpoint is not of the model and the estimator of the settings.
    pub(crate) fn open(&self) -> anyhow::Result<Box<dyn Fitting + '_>> {
        let mut fitting = self.kind()?.open(&self.settings, &self.split)?;
        fitting.restore(&self.checkpoint.state)?;
        self.checkpoint.state.check_restored(&fitting.save())?;
        Ok(fitting)
    }
}
