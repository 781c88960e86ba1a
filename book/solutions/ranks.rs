//! Solution of `ranks`.

use super::{BY_RANK, argsort};

/// The ranks are the inverse of the order, and the order of the order is that inverse (Pyro, issue 3170).
pub fn weights(f: [f64; 3]) -> [f64; 3] {
    let order = argsort(f);
    argsort(order.map(|index| index as f64)).map(|r| BY_RANK[r])
}
