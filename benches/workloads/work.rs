//! The form of every workload.

/// A workload ready to run.
pub(crate) struct Work {
    /// One step, or as many as `inner`.
    pub(crate) step: Box<dyn FnMut() + Send>,
    /// Steps in a call, for steps too short for the clock.
    pub(crate) inner: usize,
    pub(crate) check: f64,
    /// Calls before the first that is timed.
    pub(crate) warm: usize,
    /// The sizes and precision, if it is a matrix product.
    pub(crate) product: Option<Product>,
}

/// A matrix product among several.
pub(crate) struct Product {
    pub(crate) shape: String,
    pub(crate) dtype: &'static str,
    pub(crate) flops: f64,
}

impl Work {
    pub(crate) fn new(inner: usize, check: f64, step: impl FnMut() + Send + 'static) -> Self {
        Self { step: Box::new(step), inner, check, warm: 10, product: None }
    }
}
