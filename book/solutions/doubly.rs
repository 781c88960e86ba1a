//! Solution of `doubly`.

/// One factor w̃_k for all that f_k depends on, and one more for the path into q (Tucker and others 2019).
/// TensorFlow Probability's `DOUBLY_REPARAMETERIZED` applies the square to the whole of f, the model included.
pub fn columns(share: f64) -> [f64; 3] {
    [share, -share, share]
}
