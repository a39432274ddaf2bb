/*
 * Sixteen float lanes, whatever the machine: one AVX-512 register, two of AVX2, four of NEON. Every operation rounds as
 * written here (fused where it says fma, nowhere else), so that a value does not depend on the tile it was computed in.
 */
#ifndef ASHLAR_SIMD_H
#define ASHLAR_SIMD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define LANES 16

#if defined(__AVX512F__)
#include <immintrin.h>
/* Registers for a tile of 2 panels by 6 columns. */
#define TILE_PANELS 2
#define TILE_COLUMNS 6
#define TILE_QUERIES 12

typedef __m512 vf;
typedef __m512i vi; /* 16 x int32 of sums, or 64 bytes of weights */

INLINE vf vf_zero(void) { return _mm512_setzero_ps(); }
INLINE vf vf_set(float x) { return _mm512_set1_ps(x); }
INLINE vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void vf_store(float *p, vf v) { _mm512_storeu_ps(p, v); }
INLINE vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
INLINE vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
INLINE vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
INLINE vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
INLINE vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
/** c - a * b */
INLINE vf vf_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
INLINE vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
INLINE vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
INLINE vf vf_abs(vf a) { return _mm512_abs_ps(a); }
INLINE vf vf_half(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
INLINE void vf_store_half(uint16_t *p, vf v) { _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(v, 0)); }
INLINE vf vf_bytes(const int8_t *p) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p))); }
INLINE vf vf_ubytes(const uint8_t *p) { return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p))); }
INLINE vf vf_bf16(const uint16_t *p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16));
}
/** Lanes of pairs (even, odd) of bfloat16, 32 of them. */
INLINE void vf_bf16_pairs(const uint16_t *p, vf *even, vf *odd) {
    __m512i v = _mm512_loadu_si512(p);
    *even = _mm512_castsi512_ps(_mm512_slli_epi32(v, 16));
    *odd = _mm512_castsi512_ps(_mm512_and_si512(v, _mm512_set1_epi32((int)0xffff0000u)));
}
INLINE vf vf_round(vf a) { return _mm512_roundscale_ps(a, 0); }
/** a * 2^n for integral n. */
INLINE vf vf_scale2(vf a, vf n) { return _mm512_scalef_ps(a, n); }
/** Nearest integers, saturated to bytes. */
INLINE void vf_store_bytes(int8_t *p, vf v) { _mm_storeu_si128((__m128i *)p, _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(v))); }

INLINE vi vi_set(int32_t x) { return _mm512_set1_epi32(x); }
INLINE vf vi_float(vi v) { return _mm512_cvtepi32_ps(v); }
INLINE vi vi_load(const uint8_t *p) { return _mm512_loadu_si512(p); }
/** acc[lane] += sum over 4 of w[lane][i] * x[i]; w unsigned, x signed, its four bytes the same for all lanes. */
INLINE vi vi_dot(vi acc, vi w, vi x) { return _mm512_dpbusd_epi32(acc, w, x); }
INLINE vi vi_four(const int8_t *x) {
    int32_t four;
    memcpy(&four, x, 4);
    return _mm512_set1_epi32(four);
}
INLINE vi vi_low(vi v) { return _mm512_and_si512(v, _mm512_set1_epi8(15)); }
INLINE vi vi_high(vi v) { return _mm512_and_si512(_mm512_srli_epi16(v, 4), _mm512_set1_epi8(15)); }
/** Adds 16 to the bytes whose bit is set. */
INLINE vi vi_fifth(vi v, const uint8_t *bits) {
    uint64_t mask;
    memcpy(&mask, bits, 8);
    return _mm512_mask_add_epi8(v, mask, v, _mm512_set1_epi8(16));
}
/** Adds 16 times the two bits at shift (0, 2, 4, 6) of each byte of high. */
INLINE vi vi_upper(vi v, vi high, int shift) {
    __m512i two = _mm512_and_si512(_mm512_srl_epi16(high, _mm_cvtsi32_si128(shift)), _mm512_set1_epi8(3));
    return _mm512_or_si512(v, _mm512_slli_epi16(two, 4));
}
#define WEIGHT_BIAS_Q8 128
INLINE vi vi_signed(vi w) { return w; }

#elif defined(__AVX2__)
#include <immintrin.h>
#define TILE_PANELS 1
#define TILE_COLUMNS 3
#define TILE_QUERIES 4

typedef struct { __m256 a, b; } vf;
typedef struct { __m256i a, b; } vi;

#define BOTH(ex, ey) ((vf){(ex), (ey)})
INLINE vf vf_zero(void) { return BOTH(_mm256_setzero_ps(), _mm256_setzero_ps()); }
INLINE vf vf_set(float x) { return BOTH(_mm256_set1_ps(x), _mm256_set1_ps(x)); }
INLINE vf vf_load(const float *p) { return BOTH(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)); }
INLINE void vf_store(float *p, vf v) { _mm256_storeu_ps(p, v.a); _mm256_storeu_ps(p + 8, v.b); }
INLINE vf vf_add(vf a, vf b) { return BOTH(_mm256_add_ps(a.a, b.a), _mm256_add_ps(a.b, b.b)); }
INLINE vf vf_sub(vf a, vf b) { return BOTH(_mm256_sub_ps(a.a, b.a), _mm256_sub_ps(a.b, b.b)); }
INLINE vf vf_mul(vf a, vf b) { return BOTH(_mm256_mul_ps(a.a, b.a), _mm256_mul_ps(a.b, b.b)); }
INLINE vf vf_div(vf a, vf b) { return BOTH(_mm256_div_ps(a.a, b.a), _mm256_div_ps(a.b, b.b)); }
INLINE vf vf_fma(vf a, vf b, vf c) { return BOTH(_mm256_fmadd_ps(a.a, b.a, c.a), _mm256_fmadd_ps(a.b, b.b, c.b)); }
INLINE vf vf_fnma(vf a, vf b, vf c) { return BOTH(_mm256_fnmadd_ps(a.a, b.a, c.a), _mm256_fnmadd_ps(a.b, b.b, c.b)); }
INLINE vf vf_min(vf a, vf b) { return BOTH(_mm256_min_ps(a.a, b.a), _mm256_min_ps(a.b, b.b)); }
INLINE vf vf_max(vf a, vf b) { return BOTH(_mm256_max_ps(a.a, b.a), _mm256_max_ps(a.b, b.b)); }
INLINE vf vf_abs(vf a) {
    __m256 m = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
    return BOTH(_mm256_and_ps(a.a, m), _mm256_and_ps(a.b, m));
}
INLINE vf vf_half(const uint16_t *p) {
    return BOTH(_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)), _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8))));
}
INLINE void vf_store_half(uint16_t *p, vf v) {
    _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(v.a, 0));
    _mm_storeu_si128((__m128i *)(p + 8), _mm256_cvtps_ph(v.b, 0));
}
INLINE vf vf_bytes(const int8_t *p) {
    __m128i v = _mm_loadu_si128((const __m128i *)p);
    return BOTH(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(v)), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(v, 8))));
}
INLINE vf vf_ubytes(const uint8_t *p) {
    __m128i v = _mm_loadu_si128((const __m128i *)p);
    return BOTH(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(v)), _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(v, 8))));
}
INLINE vf vf_bf16(const uint16_t *p) {
    return BOTH(_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16)),
                _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(p + 8))), 16)));
}
INLINE void vf_bf16_pairs(const uint16_t *p, vf *even, vf *odd) {
    __m256i a = _mm256_loadu_si256((const __m256i *)p), b = _mm256_loadu_si256((const __m256i *)(p + 16));
    __m256i m = _mm256_set1_epi32((int)0xffff0000u);
    *even = BOTH(_mm256_castsi256_ps(_mm256_slli_epi32(a, 16)), _mm256_castsi256_ps(_mm256_slli_epi32(b, 16)));
    *odd = BOTH(_mm256_castsi256_ps(_mm256_and_si256(a, m)), _mm256_castsi256_ps(_mm256_and_si256(b, m)));
}
INLINE vf vf_round(vf a) { return BOTH(_mm256_round_ps(a.a, 8), _mm256_round_ps(a.b, 8)); }
INLINE __m256 scale2_8(__m256 a, __m256 n) {
    /* Two steps, so that neither factor leaves the range of normal numbers. */
    __m256i i = _mm256_cvtps_epi32(n), h = _mm256_srai_epi32(i, 1), r = _mm256_sub_epi32(i, h), bias = _mm256_set1_epi32(127);
    __m256 f = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(h, bias), 23));
    __m256 g = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(r, bias), 23));
    return _mm256_mul_ps(_mm256_mul_ps(a, f), g);
}
INLINE vf vf_scale2(vf a, vf n) { return BOTH(scale2_8(a.a, n.a), scale2_8(a.b, n.b)); }
INLINE void vf_store_bytes(int8_t *p, vf v) {
    __m256i w = _mm256_packs_epi32(_mm256_cvtps_epi32(v.a), _mm256_cvtps_epi32(v.b));
    w = _mm256_permute4x64_epi64(w, 0xd8);
    __m128i b = _mm_packs_epi16(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1));
    _mm_storeu_si128((__m128i *)p, b);
}
INLINE vi vi_set(int32_t x) { return (vi){_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
INLINE vf vi_float(vi v) { return BOTH(_mm256_cvtepi32_ps(v.a), _mm256_cvtepi32_ps(v.b)); }
INLINE vi vi_load(const uint8_t *p) { return (vi){_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)(p + 32))}; }
#ifdef __AVXVNNI__
INLINE __m256i dot8(__m256i acc, __m256i w, __m256i x) { return _mm256_dpbusd_avx_epi32(acc, w, x); }
#define WEIGHT_BIAS_Q8 128
INLINE vi vi_signed(vi w) { return w; }
#else
/* maddubs saturates at 16 bits: its unsigned operand is the weight's magnitude (at most 128), the sign goes to x. */
INLINE __m256i dot8(__m256i acc, __m256i w, __m256i x) {
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
#define WEIGHT_BIAS_Q8 0
INLINE vi vi_signed(vi w) {
    __m256i m = _mm256_set1_epi8((char)0x80);
    return (vi){_mm256_xor_si256(w.a, m), _mm256_xor_si256(w.b, m)};
}
#endif
INLINE vi vi_dot(vi acc, vi w, vi x) { return (vi){dot8(acc.a, w.a, x.a), dot8(acc.b, w.b, x.b)}; }
INLINE vi vi_four(const int8_t *x) {
    int32_t four;
    memcpy(&four, x, 4);
    return vi_set(four);
}
INLINE vi vi_low(vi v) {
    __m256i m = _mm256_set1_epi8(15);
    return (vi){_mm256_and_si256(v.a, m), _mm256_and_si256(v.b, m)};
}
INLINE vi vi_high(vi v) {
    __m256i m = _mm256_set1_epi8(15);
    return (vi){_mm256_and_si256(_mm256_srli_epi16(v.a, 4), m), _mm256_and_si256(_mm256_srli_epi16(v.b, 4), m)};
}
INLINE __m256i spread(uint32_t bits) {
    __m256i v = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits),
        _mm256_setr_epi8(0,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,2,2,2,2,2,2,2,2,3,3,3,3,3,3,3,3));
    __m256i one = _mm256_set1_epi64x((long long)0x8040201008040201ull);
    return _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(v, one), one), _mm256_set1_epi8(16));
}
INLINE vi vi_fifth(vi v, const uint8_t *bits) {
    uint32_t m[2];
    memcpy(m, bits, 8);
    return (vi){_mm256_add_epi8(v.a, spread(m[0])), _mm256_add_epi8(v.b, spread(m[1]))};
}
INLINE vi vi_upper(vi v, vi high, int shift) {
    __m256i m = _mm256_set1_epi8(3);
    __m128i s = _mm_cvtsi32_si128(shift);
    __m256i a = _mm256_and_si256(_mm256_srl_epi16(high.a, s), m), b = _mm256_and_si256(_mm256_srl_epi16(high.b, s), m);
    return (vi){_mm256_or_si256(v.a, _mm256_slli_epi16(a, 4)), _mm256_or_si256(v.b, _mm256_slli_epi16(b, 4))};
}

#elif defined(__ARM_NEON)
#include <arm_neon.h>
#define TILE_PANELS 1
#define TILE_COLUMNS 3
#define TILE_QUERIES 4

typedef struct { float32x4_t v[4]; } vf;
typedef struct { int32x4_t v[4]; } vi;

#define EACH for (int i_ = 0; i_ < 4; i_++)
#define MAKE(type, expression) type r_; EACH r_.v[i_] = (expression); return r_
INLINE vf vf_set(float x) { MAKE(vf, vdupq_n_f32(x)); }
INLINE vf vf_zero(void) { return vf_set(0); }
INLINE vf vf_load(const float *p) { MAKE(vf, vld1q_f32(p + 4 * i_)); }
INLINE void vf_store(float *p, vf v) { EACH vst1q_f32(p + 4 * i_, v.v[i_]); }
INLINE vf vf_add(vf a, vf b) { MAKE(vf, vaddq_f32(a.v[i_], b.v[i_])); }
INLINE vf vf_sub(vf a, vf b) { MAKE(vf, vsubq_f32(a.v[i_], b.v[i_])); }
INLINE vf vf_mul(vf a, vf b) { MAKE(vf, vmulq_f32(a.v[i_], b.v[i_])); }
INLINE vf vf_div(vf a, vf b) { MAKE(vf, vdivq_f32(a.v[i_], b.v[i_])); }
INLINE vf vf_fma(vf a, vf b, vf c) { MAKE(vf, vfmaq_f32(c.v[i_], a.v[i_], b.v[i_])); }
INLINE vf vf_fnma(vf a, vf b, vf c) { MAKE(vf, vfmsq_f32(c.v[i_], a.v[i_], b.v[i_])); }
INLINE vf vf_min(vf a, vf b) { MAKE(vf, vminq_f32(a.v[i_], b.v[i_])); }
INLINE vf vf_max(vf a, vf b) { MAKE(vf, vmaxq_f32(a.v[i_], b.v[i_])); }
INLINE vf vf_abs(vf a) { MAKE(vf, vabsq_f32(a.v[i_])); }
INLINE vf vf_half(const uint16_t *p) { MAKE(vf, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4 * i_)))); }
INLINE void vf_store_half(uint16_t *p, vf v) { EACH vst1_u16(p + 4 * i_, vreinterpret_u16_f16(vcvt_f16_f32(v.v[i_]))); }
INLINE vf vf_bytes(const int8_t *p) {
    int8x16_t b = vld1q_s8(p);
    int16x8_t l = vmovl_s8(vget_low_s8(b)), h = vmovl_s8(vget_high_s8(b));
    vf r = {{vcvtq_f32_s32(vmovl_s16(vget_low_s16(l))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(l))),
             vcvtq_f32_s32(vmovl_s16(vget_low_s16(h))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(h)))}};
    return r;
}
INLINE vf vf_ubytes(const uint8_t *p) {
    uint8x16_t b = vld1q_u8(p);
    uint16x8_t l = vmovl_u8(vget_low_u8(b)), h = vmovl_u8(vget_high_u8(b));
    vf r = {{vcvtq_f32_u32(vmovl_u16(vget_low_u16(l))), vcvtq_f32_u32(vmovl_u16(vget_high_u16(l))),
             vcvtq_f32_u32(vmovl_u16(vget_low_u16(h))), vcvtq_f32_u32(vmovl_u16(vget_high_u16(h)))}};
    return r;
}
INLINE vf vf_bf16(const uint16_t *p) { MAKE(vf, vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p + 4 * i_), 16))); }
INLINE void vf_bf16_pairs(const uint16_t *p, vf *even, vf *odd) {
    EACH {
        uint32x4_t v = vreinterpretq_u32_u16(vld1q_u16(p + 8 * i_));
        even->v[i_] = vreinterpretq_f32_u32(vshlq_n_u32(v, 16));
        odd->v[i_] = vreinterpretq_f32_u32(vandq_u32(v, vdupq_n_u32(0xffff0000u)));
    }
}
INLINE vf vf_round(vf a) { MAKE(vf, vrndnq_f32(a.v[i_])); }
INLINE vf vf_scale2(vf a, vf n) {
    vf r;
    EACH {
        int32x4_t i = vcvtnq_s32_f32(n.v[i_]), h = vshrq_n_s32(i, 1), q = vsubq_s32(i, h), bias = vdupq_n_s32(127);
        float32x4_t f = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(h, bias), 23));
        float32x4_t g = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(q, bias), 23));
        r.v[i_] = vmulq_f32(vmulq_f32(a.v[i_], f), g);
    }
    return r;
}
INLINE void vf_store_bytes(int8_t *p, vf v) {
    int16x8_t l = vcombine_s16(vqmovn_s32(vcvtnq_s32_f32(v.v[0])), vqmovn_s32(vcvtnq_s32_f32(v.v[1])));
    int16x8_t h = vcombine_s16(vqmovn_s32(vcvtnq_s32_f32(v.v[2])), vqmovn_s32(vcvtnq_s32_f32(v.v[3])));
    vst1q_s8(p, vcombine_s8(vqmovn_s16(l), vqmovn_s16(h)));
}
INLINE vi vi_set(int32_t x) { MAKE(vi, vdupq_n_s32(x)); }
INLINE vf vi_float(vi v) { MAKE(vf, vcvtq_f32_s32(v.v[i_])); }
INLINE vi vi_load(const uint8_t *p) { MAKE(vi, vreinterpretq_s32_u8(vld1q_u8(p + 16 * i_))); }
INLINE vi vi_dot(vi acc, vi w, vi x) { MAKE(vi, vdotq_s32(acc.v[i_], vreinterpretq_s8_s32(w.v[i_]), vreinterpretq_s8_s32(x.v[i_]))); }
INLINE vi vi_four(const int8_t *x) {
    int32_t four;
    memcpy(&four, x, 4);
    return vi_set(four);
}
INLINE vi vi_low(vi v) { MAKE(vi, vandq_s32(v.v[i_], vdupq_n_s32(0x0f0f0f0f))); }
INLINE vi vi_high(vi v) { MAKE(vi, vreinterpretq_s32_u8(vshrq_n_u8(vreinterpretq_u8_s32(v.v[i_]), 4))); }
INLINE vi vi_fifth(vi v, const uint8_t *bits) {
    static const uint8_t each[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    vi r;
    EACH {
        uint8x16_t b = vcombine_u8(vdup_n_u8(bits[2 * i_]), vdup_n_u8(bits[2 * i_ + 1]));
        uint8x16_t sixteen = vandq_u8(vtstq_u8(b, vld1q_u8(each)), vdupq_n_u8(16));
        r.v[i_] = vreinterpretq_s32_u8(vaddq_u8(vreinterpretq_u8_s32(v.v[i_]), sixteen));
    }
    return r;
}
INLINE vi vi_upper(vi v, vi high, int shift) {
    vi r;
    EACH {
        uint8x16_t two = vandq_u8(vshlq_u8(vreinterpretq_u8_s32(high.v[i_]), vdupq_n_s8((int8_t)-shift)), vdupq_n_u8(3));
        r.v[i_] = vreinterpretq_s32_u8(vorrq_u8(vreinterpretq_u8_s32(v.v[i_]), vshlq_n_u8(two, 4)));
    }
    return r;
}
#define WEIGHT_BIAS_Q8 0
INLINE vi vi_signed(vi w) { MAKE(vi, veorq_s32(w.v[i_], vdupq_n_s32((int)0x80808080u))); }
#else
#error "no such machine"
#endif

/** The sum of all lanes, always in the same order; and the largest. */
#if defined(__AVX512F__)
INLINE float vf_sum(vf v) { return _mm512_reduce_add_ps(v); }
INLINE float vf_largest(vf v) { return _mm512_reduce_max_ps(v); }
#else
INLINE float vf_sum(vf v) {
    float t[LANES];
    vf_store(t, v);
    for (int n = LANES / 2; n > 0; n /= 2)
        for (int i = 0; i < n; i++) t[i] += t[i + n];
    return t[0];
}
INLINE float vf_largest(vf v) {
    float t[LANES];
    vf_store(t, v);
    for (int n = LANES / 2; n > 0; n /= 2)
        for (int i = 0; i < n; i++) t[i] = t[i] > t[i + n] ? t[i] : t[i + n];
    return t[0];
}
#endif

/** The sum of 16 signed bytes. */
INLINE int32_t sum_bytes(const int8_t *p) {
#if defined(__x86_64__)
    __m128i s = _mm_sad_epu8(_mm_xor_si128(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi8((char)0x80)), _mm_setzero_si128());
    return _mm_cvtsi128_si32(s) + _mm_extract_epi16(s, 4) - 16 * 128;
#else
    return vaddlvq_s8(vld1q_s8(p));
#endif
}

/** e^x to 2 units in the last place: Cephes' expf. Below -87 the result is 0. */
INLINE vf vf_exp(vf x) {
    vf low = vf_set(-87.0f);
    vf clamped = vf_max(vf_min(x, vf_set(88.0f)), low);
    vf n = vf_round(vf_mul(clamped, vf_set(1.44269504088896341f)));
    vf r = vf_fnma(n, vf_set(0.693359375f), clamped);
    r = vf_fnma(n, vf_set(-2.12194440e-4f), r);
    vf p = vf_set(1.9875691500e-4f);
    p = vf_fma(p, r, vf_set(1.3981999507e-3f));
    p = vf_fma(p, r, vf_set(8.3334519073e-3f));
    p = vf_fma(p, r, vf_set(4.1665795894e-2f));
    p = vf_fma(p, r, vf_set(1.6666665459e-1f));
    p = vf_fma(p, r, vf_set(5.0000001201e-1f));
    p = vf_fma(p, vf_mul(r, r), vf_add(r, vf_set(1.0f)));
    vf e = vf_scale2(p, n);
    /* 0 for the far left, without a mask type: the sign of (x - low) as a factor of 0 or 1. */
    vf inside = vf_min(vf_max(vf_mul(vf_sub(x, vf_set(-87.5f)), vf_set(1e30f)), vf_zero()), vf_set(1.0f));
    return vf_mul(e, inside);
}

#endif
