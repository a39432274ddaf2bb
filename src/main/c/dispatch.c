/* Which variant this machine runs, and the way in. */
#include "ashlar.h"

enum { NONE, AVX2, AVX512, NEON };

#if defined(__x86_64__)
void ashlar_run_avx2(Op *, int64_t, Meeting *, int64_t, int64_t);
void ashlar_run_avx512(Op *, int64_t, Meeting *, int64_t, int64_t);
#elif defined(__aarch64__)
void ashlar_run_neon(Op *, int64_t, Meeting *, int64_t, int64_t);
#if defined(__linux__)
#include <sys/auxv.h>
#endif
#endif

int ashlar_layout(void) { return LAYOUT; }

int ashlar_best(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512vnni"))
        return AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) return AVX2;
    return NONE;
#elif defined(__aarch64__) && defined(__linux__)
    return getauxval(AT_HWCAP) & (1ul << 20) /* HWCAP_ASIMDDP: dot products */ ? NEON : NONE;
#elif defined(__aarch64__)
    return NEON; /* every Apple processor has dot products */
#else
    return NONE;
#endif
}

void ashlar_run(int variant, Op *ops, int64_t count, Meeting *meeting, int64_t worker, int64_t workers) {
#if defined(__x86_64__)
    if (variant == AVX512) ashlar_run_avx512(ops, count, meeting, worker, workers);
    else ashlar_run_avx2(ops, count, meeting, worker, workers);
#elif defined(__aarch64__)
    (void)variant;
    ashlar_run_neon(ops, count, meeting, worker, workers);
#else
    (void)variant, (void)ops, (void)count, (void)meeting, (void)worker, (void)workers;
#endif
}
