//! The vector registers of x86-64 and their instructions: one row for each register.

/// Hands the rows to a reader: the register, its number and its mask, how many numbers it and a piece of 128 bits have, the
/// instruction sets, the instructions, and what is not one instruction.
macro_rules! vectors {
    ($reader:ident) => {
        $reader! {
            __m512 f32 __mmask16 16 4 "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"
            _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_fmadd_ps _mm512_add_ps _mm512_mask_storeu_ps
            mask(count) { ((1_u32 << count) - 1) as __mmask16 }
            load_first(from, mask) { _mm512_maskz_loadu_ps(mask, from) }
            turn_pieces(a, b, c, d) {
                let (e, f) = (_mm512_shuffle_f32x4::<0x44>(a, b), _mm512_shuffle_f32x4::<0xEE>(a, b));
                let (g, h) = (_mm512_shuffle_f32x4::<0x44>(c, d), _mm512_shuffle_f32x4::<0xEE>(c, d));
                let (i, j) = (_mm512_shuffle_f32x4::<0x88>(e, g), _mm512_shuffle_f32x4::<0xDD>(e, g));
                [i, j, _mm512_shuffle_f32x4::<0x88>(f, h), _mm512_shuffle_f32x4::<0xDD>(f, h)]
            }
            turn(a, b, c, d) {
                let (e, f) = (_mm512_unpacklo_ps(a, b), _mm512_unpacklo_ps(c, d));
                let (g, h) = (_mm512_unpackhi_ps(a, b), _mm512_unpackhi_ps(c, d));
                let (i, j) = (_mm512_shuffle_ps::<0x44>(e, f), _mm512_shuffle_ps::<0xEE>(e, f));
                [i, j, _mm512_shuffle_ps::<0x44>(g, h), _mm512_shuffle_ps::<0xEE>(g, h)]
            }

            __m512d f64 __mmask8 8 2 "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"
            _mm512_set1_pd _mm512_loadu_pd _mm512_storeu_pd _mm512_fmadd_pd _mm512_add_pd _mm512_mask_storeu_pd
            mask(count) { ((1_u32 << count) - 1) as __mmask8 }
            load_first(from, mask) { _mm512_maskz_loadu_pd(mask, from) }
            turn_pieces(a, b, c, d) {
                let (e, f) = (_mm512_shuffle_f64x2::<0x44>(a, b), _mm512_shuffle_f64x2::<0xEE>(a, b));
                let (g, h) = (_mm512_shuffle_f64x2::<0x44>(c, d), _mm512_shuffle_f64x2::<0xEE>(c, d));
                let (i, j) = (_mm512_shuffle_f64x2::<0x88>(e, g), _mm512_shuffle_f64x2::<0xDD>(e, g));
                [i, j, _mm512_shuffle_f64x2::<0x88>(f, h), _mm512_shuffle_f64x2::<0xDD>(f, h)]
            }
            turn(a, b, c, d) { [_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b), c, d] }

            __m256 f32 __m256i 8 4 "avx2,fma"
            _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_fmadd_ps _mm256_add_ps _mm256_maskstore_ps
            mask(count) {
                _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
            }
            load_first(from, mask) { _mm256_maskload_ps(from, mask) }
            turn_pieces(a, b, c, d) {
                [_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b), c, d]
            }
            turn(a, b, c, d) {
                let (e, f) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
                let (g, h) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
                let (i, j) = (_mm256_shuffle_ps::<0x44>(e, f), _mm256_shuffle_ps::<0xEE>(e, f));
                [i, j, _mm256_shuffle_ps::<0x44>(g, h), _mm256_shuffle_ps::<0xEE>(g, h)]
            }

            __m256d f64 __m256i 4 2 "avx2,fma"
            _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_fmadd_pd _mm256_add_pd _mm256_maskstore_pd
            mask(count) {
                _mm256_cmpgt_epi64(_mm256_set1_epi64x(count as i64), _mm256_setr_epi64x(0, 1, 2, 3))
            }
            load_first(from, mask) { _mm256_maskload_pd(from, mask) }
            turn_pieces(a, b, c, d) {
                [_mm256_permute2f128_pd::<0x20>(a, b), _mm256_permute2f128_pd::<0x31>(a, b), c, d]
            }
            turn(a, b, c, d) { [_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b), c, d] }
        }
    };
}
pub(super) use vectors;
