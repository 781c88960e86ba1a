//! Exercise of chapter 2: a reverse sweep by hand.

/// The gradient of v₄ = xy (xy + sin x) with respect to x and y.
///
/// The tape is
///
/// ```text
/// v1 = x * y
/// v2 = sin x
/// v3 = v1 + v2
/// v4 = v1 * v3
/// ```
///
/// Task: the sweep below goes through the tape from the last line to the first, with the right rule for each
/// line. Still the result is wrong. Find out why.
pub fn gradient(x: f64, y: f64) -> [f64; 2] {
    let (v1, v2) = (x * y, x.sin());
    let v3 = v1 + v2;

    // The adjoints of x, y, v1, v2, v3, and of v4, which is one.
    const X: usize = 0;
    const Y: usize = 1;
    const V1: usize = 2;
    const V2: usize = 3;
    const V3: usize = 4;
    const V4: usize = 5;
    let mut bar = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    // v4 = v1 * v3
    bar[V1] = bar[V4] * v3;
    bar[V3] = bar[V4] * v1;
    // v3 = v1 + v2
    bar[V1] = bar[V3];
    bar[V2] = bar[V3];
    // v2 = sin x
    bar[X] = bar[V2] * x.cos();
    // v1 = x * y
    bar[X] = bar[V1] * y;
    bar[Y] = bar[V1] * x;
    [bar[X], bar[Y]]
}
