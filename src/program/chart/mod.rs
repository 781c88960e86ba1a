//! Charts as functions from numbers to a scene: training curves ([`curve`]), means of gradients beside the exact
//! gradient ([`means`]), draws of gradients ([`violins`]), curves against a parameter ([`curves`]), rows in a plane of latents
//! ([`latent_map`]), estimates of one number beside its exact value ([`ladder`]).

mod curve;
mod curves;
mod drawing;
mod estimators;
mod ladder;
mod latent_map;
mod means;
mod panel;
mod violins;

pub(crate) use curve::{Series, curve_svg};
pub(crate) use curves::{Axis, Curve, CurvePanel, curve_panels};
pub(crate) use drawing::write_chart;
pub(crate) use ladder::{Rung, ladder};
pub(crate) use latent_map::latent_map;
pub(crate) use means::{Estimate, means};
pub(crate) use violins::{Draws, violins};
