//! What the program shows and writes: files, pictures, charts, tables, progress, and its stop.

pub(crate) mod chart;
pub(crate) mod files;
pub(crate) mod interrupt;
pub(crate) mod picture;
pub(crate) mod progress;
pub(crate) mod table;
