//! All tests from outside, in one program: each program of tests compiles the estimators for itself.

mod antithetic;
mod both;
mod bounds;
mod certificate;
mod common;
mod diagnostics;
mod energy;
mod exact;
mod facts;
mod learned;
mod likelihood;
mod limits;
mod mistakes;
mod nodes;
mod pinned;
mod proof;
mod report;
mod resume;
mod samplers;
mod studies;
mod suite;
mod toys;
mod training;
mod truth;
mod values;
mod weights;
