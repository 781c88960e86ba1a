//! Charts as functions from numbers to a scene: training curves ([`curve`]), means of gradients beside the exact
//! gradient ([`means`]), draws of gradients ([`violins`]), curves against a parameter ([`curves`]), rows in a plane of latents
//! ([`latent_map`]), a regression among its observations ([`fit_band`]), estimates of one number beside its exact value
//! ([`ladder`]), counts of numbers in bins ([`histogram`]), panels for the columns of a table ([`lines`]), rows of
//! a model beside those of a table ([`marginals`]), a matrix with names ([`heat_map`]), densities in a plane ([`density_maps`]).

mod clouds;
mod curve;
mod curves;
mod dark;
mod density_maps;
mod drawing;
mod estimators;
mod fit_band;
mod heat_map;
mod histogram;
mod ladder;
mod latent_map;
mod lines;
mod marginals;
mod means;
mod panel;
mod violins;

pub(crate) use clouds::clouds;
pub(crate) use curve::{Series, curve_svg};
pub(crate) use curves::{Axis, Curve, CurvePanel, curve_panels, curves_apart};
pub(crate) use dark::{check_variable, is_asked as is_dark};
pub(crate) use density_maps::density_maps;
pub(crate) use drawing::write_chart;
pub(crate) use fit_band::{Fit, fit_band, observed_and_predicted};
pub(crate) use heat_map::heat_map;
pub(crate) use histogram::histogram;
pub(crate) use ladder::{Rung, ladder};
pub(crate) use latent_map::latent_map;
pub(crate) use lines::{LinePanel, MOST_COLUMNS, column_panels, line_panels};
pub(crate) use marginals::marginals;
pub(crate) use means::{Estimate, means};
pub(crate) use violins::{Draws, violins};
