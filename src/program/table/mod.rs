//! Rows for people and for programs: an aligned table, JSON, or CSV.

mod columns;
mod print;

pub(crate) use print::{Format, figure, objects, paragraph, print, significant};
