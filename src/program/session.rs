//! The name under which `compare` and `check` know the pool of threads.

pub(crate) use super::threads::pool;
