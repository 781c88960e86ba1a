//! Loops on the threads of the rayon pool in which they are called, or on one thread without the feature `parallel`.
//!
//! Nothing here changes a number: results are stored by index, whatever thread computes them. The functions are only known when
//! the program runs, so that the threads' part of a loop is compiled once for each type of item, and not once for each
//! estimator.

use std::ops::Range;

/// Calls `f` with the index of every item and the item.
pub(crate) fn for_each<T: Send>(items: &mut [T], f: &(dyn Fn(usize, &mut T) + Sync)) {
    #[cfg(feature = "parallel")]
    {
        use rayon::prelude::*;
        items.par_iter_mut().enumerate().for_each(|(index, item)| f(index, item));
    }
    #[cfg(not(feature = "parallel"))]
    items.iter_mut().enumerate().for_each(|(index, item)| f(index, item));
}

/// Calls `f` with the index of every chunk of `size` items and the chunk; idle threads take over single chunks.
pub(crate) fn for_each_chunk<T: Send>(
    items: &mut [T],
    size: usize,
    f: &(dyn Fn(usize, &mut [T]) + Sync),
) {
    #[cfg(feature = "parallel")]
    {
        use rayon::prelude::*;
        let chunks = items.par_chunks_mut(size).enumerate().with_max_len(1);
        chunks.for_each(|(index, chunk)| f(index, chunk));
    }
    #[cfg(not(feature = "parallel"))]
    items.chunks_mut(size).enumerate().for_each(|(index, chunk)| f(index, chunk));
}

/// The results of `f` for every index of a range, in order; `begin` makes the memory that a thread reuses from index to
/// index.
pub(crate) fn map<S, T: Send>(
    range: Range<usize>,
    begin: impl Fn() -> S + Sync,
    f: impl Fn(&mut S, usize) -> T + Sync,
) -> Vec<T> {
    map_with(range, &|| {
        let (mut memory, f) = (begin(), &f);
        Box::new(move |index| f(&mut memory, index))
    })
}

/// The results of the function that `begin` makes for every thread.
fn map_with<'a, T: Send>(
    range: Range<usize>,
    begin: &(dyn Fn() -> Box<dyn FnMut(usize) -> T + 'a> + Sync),
) -> Vec<T> {
    #[cfg(feature = "parallel")]
    {
        use rayon::prelude::*;
        range.into_par_iter().map_init(begin, |f, index| f(index)).collect()
    }
    #[cfg(not(feature = "parallel"))]
    range.map(begin()).collect()
}

/// Calls both functions, on two threads if one is free.
pub(crate) fn join(left: impl FnOnce() + Send, right: impl FnOnce() + Send) {
    #[cfg(feature = "parallel")]
    rayon::join(left, right);
    #[cfg(not(feature = "parallel"))]
    {
        left();
        right();
    }
}
