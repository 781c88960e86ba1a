//! Exercise of chapter 14: ranks.

use super::{BY_RANK, argsort};

/// The weights of three draws in the gradient of 0.6 × the lowest f + 0.3 × the middle one + 0.1 × the highest.
///
/// Task: `argsort` gives the indices in the order of f. For two draws the code below is right. A probabilistic
/// language published it for any number of draws, with a test that passes.
pub fn weights(f: [f64; 3]) -> [f64; 3] {
    argsort(f).map(|r| BY_RANK[r])
}
