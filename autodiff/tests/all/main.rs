//! All integration tests in one program, because every test program links the engine again.

mod check;
mod corners;
mod finite;
mod kernels;
mod linalg;
mod messages;
mod numbers;
mod ops;
mod properties;
mod reductions;
mod transforms;
mod width;
