/*
 * What this machine can do: peak THREADS SECONDS. On all threads at once, the largest of some rounds: int8 multiply-adds of
 * vpdpbusd on registers, bytes read from more memory than the caches hold, and products of this engine's kernels with 64
 * rows. Built and run by bench/peak; its last line is JSON.
 */
#define _GNU_SOURCE
#define VARIANT measured
#include "../src/main/c/kernels.c"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double limit;
static pthread_barrier_t together;

typedef struct { double peak, read, products; char *memory; int64_t bytes; } Result;

static double registers(void) {
#if defined(__AVX512VNNI__)
    __m512i a[12], w = _mm512_set1_epi8(3);
    for (int i = 0; i < 12; i++) a[i] = _mm512_setzero_si512();
    double t = now();
    const int64_t n = 2000000;
    for (int64_t r = 0; r < n; r++) {
        UNROLL for (int i = 0; i < 12; i++) a[i] = _mm512_dpbusd_epi32(a[i], w, w);
        __asm__ volatile("" ::"v"(a[0]), "v"(a[6]));
    }
    t = now() - t;
    __asm__ volatile("" ::"v"(a[1]), "v"(a[2]), "v"(a[3]), "v"(a[4]), "v"(a[5]), "v"(a[7]), "v"(a[8]), "v"(a[9]), "v"(a[10]), "v"(a[11]));
    return (double)n * 12 * 64 / t;
#else
    return 0;
#endif
}

static double reading(const char *p, int64_t bytes) {
    double t = now();
    vf s[4] = {vf_zero(), vf_zero(), vf_zero(), vf_zero()};
    for (int64_t i = 0; i < bytes; i += 256)
        UNROLL for (int j = 0; j < 4; j++) s[j] = vf_max(s[j], vf_load((const float *)(p + i + j * 64)));
    t = now() - t;
    float sum = vf_sum(vf_add(vf_add(s[0], s[1]), vf_add(s[2], s[3])));
    __asm__ volatile("" ::"m"(sum));
    return (double)bytes / t;
}

static double products64(void) {
    enum { N = 1536, K = 576, R = 64 };
    static _Thread_local uint8_t w[N / 16 * 576 * 17 + 64 * 1024] __attribute__((aligned(64)));
    static _Thread_local float x[R * K], out[R * N];
    static _Thread_local int8_t q[R * K];
    static _Thread_local BlockMeta metas[R * K / 32];
    static _Thread_local int32_t rows[R];
    for (int i = 0; i < R; i++) rows[i] = i;
    for (int i = 0; i < R * K; i++) x[i] = (float)(i % 101) - 50;
    Quantized quantised = {q, metas, K};
    Quantize a = {x, K, {rows, R}, quantised};
    quantize(&a, 0, R);
    Project p = {x, K, {rows, R}, quantised, out, N, 0, K, N / 16, 1, R, 1, {{w, 0, Q8_0, N}}};
    double t = now();
    for (int i = 0; i < 20; i++) project(&p, 0);
    return 20.0 * N * K * R / (now() - t);
}

static void *measure(void *argument) {
    Result *r = argument;
    for (int64_t i = 0; i < r->bytes; i += 4096) r->memory[i] = 1;
    for (int what = 0; what < 3; what++) {
        pthread_barrier_wait(&together);
        double end = now() + limit;
        while (now() < end) {
            double *best = what == 0 ? &r->peak : what == 1 ? &r->read : &r->products;
            double v = what == 0 ? registers() : what == 1 ? reading(r->memory, r->bytes) : products64();
            if (v > *best) *best = v;
        }
    }
    return 0;
}

int main(int count, char **arguments) {
    int threads = count > 1 ? atoi(arguments[1]) : 1;
    limit = count > 2 ? atof(arguments[2]) : 2;
    pthread_t *ids = calloc((size_t)threads, sizeof *ids);
    Result *results = calloc((size_t)threads, sizeof *results), sum = {0};
    pthread_barrier_init(&together, 0, (unsigned)threads);
    for (int i = 0; i < threads; i++) {
        results[i].bytes = 512 << 20;
        results[i].memory = aligned_alloc(4096, (size_t)results[i].bytes);
        pthread_create(&ids[i], 0, measure, &results[i]);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], 0);
        sum.peak += results[i].peak;
        sum.read += results[i].read;
        sum.products += results[i].products;
    }
    printf("{\"threads\": %d, \"int8_macs\": %.4g, \"read_bytes\": %.4g, \"products64_macs\": %.4g, \"products64_of_peak\": %.3f}\n", threads,
           sum.peak, sum.read, sum.products, sum.peak > 0 ? sum.products / sum.peak : 0);
}
