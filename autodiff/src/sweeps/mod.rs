//! Ways along a tape. All read the same rules, which name terms and compute nothing:
//!
//! | way | what it carries | in | file |
//! |---|---|---|---|
//! | [`Var::backward`](crate::Var::backward), [`Tape::pull`](crate::Tape::pull) | adjoints, back | numbers | `reverse` |
//! | [`Var::grad`](crate::Var::grad) | adjoints, back | variables | `record` |
//! | [`Var::jvp`](crate::Var::jvp) | tangents, forward | variables | `forward` |
//! | [`Plan`](crate::Plan) | values, forward again | numbers | `plan` |
//!
//! The rest is made of these: [`Var::hvp`](crate::Var::hvp) is forward over back,
//! [`Var::jacobian`](crate::Var::jacobian) and [`Var::hessian`](crate::Var::hessian) one way for each row or column.

mod engine;
pub(crate) mod forward;
pub(crate) mod plan;
mod reach;
pub(crate) mod record;
pub(crate) mod reverse;
mod transforms;
