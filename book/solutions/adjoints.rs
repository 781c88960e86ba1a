//! Solution of `adjoints`.

/// Every use of a variable *adds* to its adjoint: v1 is used by v3 and v4, and x by v1 and v2.
pub fn gradient(x: f64, y: f64) -> [f64; 2] {
    let (v1, v2) = (x * y, x.sin());
    let v3 = v1 + v2;

    const X: usize = 0;
    const Y: usize = 1;
    const V1: usize = 2;
    const V2: usize = 3;
    const V3: usize = 4;
    const V4: usize = 5;
    let mut bar = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    // v4 = v1 * v3
    bar[V1] += bar[V4] * v3;
    bar[V3] += bar[V4] * v1;
    // v3 = v1 + v2
    bar[V1] += bar[V3];
    bar[V2] += bar[V3];
    // v2 = sin x
    bar[X] += bar[V2] * x.cos();
    // v1 = x * y
    bar[X] += bar[V1] * y;
    bar[Y] += bar[V1] * x;
    [bar[X], bar[Y]]
}
