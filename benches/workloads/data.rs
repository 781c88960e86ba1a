//! The fixed numbers of the workloads, by SplitMix64 (Steele, Lea and Flood 2014).

/// Element `i` is output `i` of the generator begun at `seed`, as a uniform number of [0, 1).
pub(crate) fn uniforms(seed: u64, n: usize) -> Vec<f64> {
    let output = |i: u64| {
        let mut z = seed.wrapping_add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    (1..=n as u64).map(output).collect()
}

/// Uniform noise of mean zero and variance one.
pub(crate) fn unit_noise(seed: u64, n: usize) -> Vec<f64> {
    uniforms(seed, n).iter().map(|u| (2.0 * u - 1.0) * 3_f64.sqrt()).collect()
}

/// The weight of a layer from `from` to `to` columns.
pub(crate) fn glorot(seed: u64, from: usize, to: usize) -> Vec<f64> {
    let limit = (6.0 / (from + to) as f64).sqrt();
    uniforms(seed, from * to).iter().map(|u| (2.0 * u - 1.0) * limit).collect()
}

/// Bits that are one with probability `p`.
pub(crate) fn binary(seed: u64, p: f64, n: usize) -> Vec<f64> {
    uniforms(seed, n).iter().map(|&u| f64::from(u8::from(u < p))).collect()
}
