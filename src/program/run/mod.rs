//! A run of any kind of model: settings, folder, loop, checkpoints, results.

pub(crate) mod checkpoint;
pub(crate) mod choices;
pub(crate) mod command;
pub(crate) mod data;
pub(crate) mod encode;
pub(crate) mod evaluate;
pub(crate) mod fingerprint;
pub(crate) mod folder;
pub(crate) mod hidden;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod memory;
pub(crate) mod options;
pub(crate) mod output;
pub(crate) mod reconstruct;
pub(crate) mod rows;
pub(crate) mod sample;
pub(crate) mod saved;
pub(crate) mod settings;
pub(crate) mod summary;
pub(crate) mod train;
