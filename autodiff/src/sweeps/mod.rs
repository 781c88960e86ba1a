//! Sweeps along a tape. All read the same rules, which name terms and compute nothing:
//!
//! | sweep | carries | in | file |
//! |---|---|---|---|
//! | [`Var::backward`](crate::Var::backward), [`Tape::pull`](crate::Tape::pull) | adjoints, in reverse | numbers | `reverse` |
//! | [`Tape::pull_deferred`](crate::Tape::pull_deferred) | adjoints, in reverse; products for gradients of weights are left undone | numbers | `deferred` |
//! | [`Var::grad`](crate::Var::grad) | adjoints, in reverse | variables | `record` |
//! | [`Var::jvp`](crate::Var::jvp) | tangents, forward | variables | `forward` |
//! | [`Plan`](crate::Plan) | values, forward | numbers | `plan` |
//!
//! The rest is made of these: [`Var::hvp`](crate::Var::hvp) is forward over reverse;
//! [`Var::jacobian`](crate::Var::jacobian) and [`Var::hessian`](crate::Var::hessian) take one sweep for each row or column.

pub(crate) mod deferred;
mod engine;
pub(crate) mod forward;
mod lengths;
pub(crate) mod plan;
mod reach;
pub(crate) mod record;
pub(crate) mod reverse;
mod transforms;
