//! Ways along a tape: back in numbers, back in variables, and again with new inputs.

pub(crate) mod plan;
pub(crate) mod record;
pub(crate) mod reverse;
