//! Lanes combined pairwise.

/// N numbers combined in halves until M are left.
#[inline(always)]
pub(crate) fn fold<F: Copy, const N: usize, const M: usize>(
    mut lanes: [F; N],
    f: impl Fn(F, F) -> F,
) -> [F; M] {
    let mut half = N;
    while half > M {
        half /= 2;
        for lane in 0..half {
            lanes[lane] = f(lanes[lane], lanes[lane + half]);
        }
    }
    *lanes.first_chunk().expect("halving N ends at M")
}
