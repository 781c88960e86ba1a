//! The catalogue of gradient estimators: one row for each, read by `train`, `compare`, `check`, `list` and the
//! help.
//!
//! A row ([`Row`]) holds everything that the program knows about an estimator: its name, one line, the paper,
//! its options with their defaults ([`OptionRow`](options::OptionRow)), the default number of samples, the forms in
//! which `compare` and `check` study it ([`Variant`](row::Variant)), and how it is made. The rows stand in one function
//! for each capability of a model, whose bounds are those of the estimators: [`any_rows`], [`generative_rows`],
//! [`path_rows`], [`bits_rows`], … A model's rows are those of the capabilities it has.
//!
//! To add an estimator is one row here, in the function of the capability that it asks for. To add a problem of
//! `compare` and `check` is one row of [`problems`], with the capabilities of its model: the estimators that fit it
//! follow, and one that is left out although it fits has the reason in its row ([`Skip`](row::Skip)).
//!
//! `kinds/latent_kind.rs` shows how `train` uses it: the rows of a model type give the options of its help, and the row of
//! the chosen name runs a [`Job`](row::Job) with the estimator that it makes.

mod all;
mod any;
mod arguments;
mod bits;
mod energy;
mod energy_options;
mod exact;
mod gaussian_energy;
mod instance;
mod likelihood;
mod nodes;
mod options;
mod path;
mod problems;
mod real;
mod real_options;
mod row;
mod tracked;
mod tractable;

pub(crate) use all::{Capability, capabilities, estimators};
pub(crate) use any::{any_rows, generative_rows};
pub(crate) use arguments::{estimator_argument, given_options, option_arguments};
pub(crate) use bits::bits_rows;
pub(crate) use energy::{base_rows, coupled_rows, energy_rows, flip_rows, partition_rows};
pub(crate) use energy_options::{FLIP, TEMPERATURES};
pub(crate) use options::{CHAINS, Kind, OptionRow, Options, SWEEPS, Value};
pub(crate) use path::{path_rows, sampled_path_rows};
pub(crate) use real::{dynamics_if_any, real_rows};
pub(crate) use real_options::DRAWS;
pub(crate) use row::{About, Job, Place, Reported, Row, Setup, Variant, rows_of};
pub(crate) use tracked::tracked_rows;
