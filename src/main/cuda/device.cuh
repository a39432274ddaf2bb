/*
 * What kernels are written in: CUDA, and the few PTX instructions that CUDA has no names for. Where nvcc is not compiling,
 * emulation.h stands for all of it, so that the same sources run as plain C++ (src/test/cuda).
 */
#pragma once

#include <stdint.h>

#ifdef __CUDACC__

#define DEVICE __device__ __forceinline__
/** A kernel has one parameter, a struct by value. */
#define KERNEL(threads, name, Parameters) \
    extern "C" __global__ void __launch_bounds__(threads) name(const __grid_constant__ Parameters p)

extern __shared__ __align__(16) char dynamic_shared_memory[];
DEVICE char *shared_memory() { return dynamic_shared_memory; }

DEVICE void block_sync() { __syncthreads(); }
DEVICE void warp_sync() { __syncwarp(); }
DEVICE float shuffle_xor(float value, int lanes) { return __shfl_xor_sync(0xffffffffu, value, lanes); }
DEVICE int shuffle_xor(int value, int lanes) { return __shfl_xor_sync(0xffffffffu, value, lanes); }

/** d[16, 8] += a[16, 16] b[16, 8] in float16 with float32 sums. PTX ISA, "Matrix Fragments for mma.m16n8k16". */
DEVICE void mma_f16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/** Two floats as halves, the first in the low bits; out of range becomes the largest half. */
DEVICE uint32_t halves(float low, float high) {
    uint32_t out;
    low = fminf(fmaxf(low, -65504.0f), 65504.0f);
    high = fminf(fmaxf(high, -65504.0f), 65504.0f);
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(out) : "f"(high), "f"(low));
    return out;
}
DEVICE float float_of_half(uint32_t bits) {
    float out;
    asm("{ .reg .b16 h; cvt.u16.u32 h, %1; cvt.f32.f16 %0, h; }" : "=f"(out) : "r"(bits & 0xffff));
    return out;
}
DEVICE uint32_t halves_add(uint32_t a, uint32_t b) {
    uint32_t d;
    asm("add.rn.f16x2 %0, %1, %2;" : "=r"(d) : "r"(a), "r"(b));
    return d;
}
DEVICE uint32_t halves_mul(uint32_t a, uint32_t b) {
    uint32_t d;
    asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(d) : "r"(a), "r"(b));
    return d;
}
DEVICE uint32_t halves_fma(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t d;
    asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
    return d;
}
DEVICE uint32_t bytes_of(uint32_t a, uint32_t b, uint32_t selector) { return __byte_perm(a, b, selector); }

/** 16 bytes into shared memory, in the background; zeros where not {@code valid}. */
DEVICE void copy_async(void *shared, const void *global, bool valid) {
    uint32_t to = (uint32_t) __cvta_generic_to_shared(shared);
    int bytes = valid ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(bytes) : "memory");
}
DEVICE void copies_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/** Waits until at most {@code N} of the committed groups are under way. */
template <int N> DEVICE void copies_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }

/** Weights are read once a step: they need not push other things out of the first cache. */
DEVICE uint4 load_once(const uint4 *at) {
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
        : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(at));
    return v;
}
DEVICE uint2 load_once(const uint2 *at) {
    uint2 v;
    asm volatile("ld.global.nc.L1::no_allocate.v2.u32 {%0, %1}, [%2];" : "=r"(v.x), "=r"(v.y) : "l"(at));
    return v;
}

/** 2^x, to about 2 units in the last place; 2^0 is 1. */
DEVICE float power2(float x) {
    float y;
    asm("ex2.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

/* Sums whose order and rounding are part of the result: never fused or reordered by the compiler. */
DEVICE float add(float a, float b) { return __fadd_rn(a, b); }
DEVICE float mul(float a, float b) { return __fmul_rn(a, b); }
DEVICE float multiply_add(float a, float b, float c) { return __fmaf_rn(a, b, c); }
DEVICE float div(float a, float b) { return __fdiv_rn(a, b); }
DEVICE float root(float a) { return __fsqrt_rn(a); }

DEVICE uint64_t high_product(uint64_t a, uint64_t b) { return __umul64hi(a, b); }
DEVICE int round_to_int(float x) { return __float2int_rn(x); }
DEVICE uint32_t bits_of(float x) { return __float_as_uint(x); }
DEVICE float float_of(uint32_t bits) { return __uint_as_float(bits); }
DEVICE void add_atomically(uint32_t *at, uint32_t value) { atomicAdd(at, value); }
DEVICE void add_atomically(uint64_t *at, uint64_t value) {
    atomicAdd(reinterpret_cast<unsigned long long *>(at), (unsigned long long) value);
}
DEVICE void raise_atomically(int32_t *at, int32_t value) { atomicMax(at, value); }

#define INFINITE __int_as_float(0x7f800000)

#else
#include "emulation.h"
#endif

#define WARP 32

DEVICE float warp_max(float v) {
    for (int lanes = 16; lanes > 0; lanes /= 2) {
        v = fmaxf(v, shuffle_xor(v, lanes));
    }
    return v;
}

DEVICE float warp_sum(float v) {
    for (int lanes = 16; lanes > 0; lanes /= 2) {
        v = add(v, shuffle_xor(v, lanes));
    }
    return v;
}
