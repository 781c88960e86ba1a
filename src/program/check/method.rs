//! The names of methods of proof.

use pathscore::estimators::proof::Method;

/// The name of a method in tables and JSON.
pub(super) fn method_name(method: Method) -> &'static str {
    match method {
        Method::Enumerated(_) => "enumerated",
        Method::Quadrature { .. } => "quadrature",
        _ => "sampled",
    }
}
