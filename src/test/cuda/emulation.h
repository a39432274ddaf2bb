/*
 * CUDA as plain C++, for tests: blocks run one after another, their threads as fibers that switch where threads wait for each
 * other. It is strict where hardware is lenient:
 *
 * - threads run in an order drawn anew for each block, so that a missing barrier shows;
 * - shared memory holds NaNs before a block writes it;
 * - an asynchronous copy arrives when it is waited for, and not before;
 * - a barrier that some threads never reach, because they returned or took another way, is an error;
 * - a kernel's parameters and its number of threads are checked against its declaration.
 */
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#if defined(__F16C__)
#include <immintrin.h>
#endif

#define DEVICE inline

struct uint2 { uint32_t x, y; };
struct uint4 { uint32_t x, y, z, w; };
struct float4 { float x, y, z, w; };

namespace emulation {

struct Index { unsigned x, y, z; };

struct Copy { void *to; const void *from; bool valid; int group; };

/** Threads that meet: the last one to come lets all go on. */
struct Meeting {
    int arrived = 0;
    int generation = 0;
    const void *what[32];
};

struct Fiber {
    void *stack_pointer;
    char *stack;
    Index thread;
    Meeting *warp;
    int lane;
    bool done;
    const int *waits_for = nullptr; /* goes on when this is not waits_value any more */
    int waits_value;
    int group;
    std::vector<Copy> copies;
};

extern Fiber *current;
extern Index block_index;
extern Index block_size;
extern Meeting block_meeting;
extern char *shared;

void wait(const int *generation);
void fail(const char *why);

typedef void (*Body)(const void *parameters);

struct Entry {
    const char *name;
    int threads;
    int parameter_bytes;
    Body body;
    Entry *next;
    static Entry *all;
    Entry(const char *name, int threads, int parameter_bytes, Body body)
        : name(name), threads(threads), parameter_bytes(parameter_bytes), body(body), next(all) {
        all = this;
    }
};

/** All lanes of a warp; the last one does {@code work} with what each brought. */
template <class Work> inline void warp_meets(const void *mine, Work work) {
    Meeting *warp = current->warp;
    warp->what[current->lane] = mine;
    if (++warp->arrived == 32) {
        warp->arrived = 0;
        work(warp->what);
        warp->generation++;
    } else {
        wait(&warp->generation);
    }
}

template <class T> struct Shuffle { T value; int lanes; T result; };

template <class T> inline T shuffle_xor(T value, int lanes) {
    Shuffle<T> mine = {value, lanes, T()};
    warp_meets(&mine, [](const void **what) {
        for (int i = 0; i < 32; i++) {
            auto *one = (Shuffle<T> *) what[i];
            one->result = ((Shuffle<T> *) what[i ^ one->lanes])->value;
        }
    });
    return mine.result;
}

#if defined(__F16C__)
inline float to_float(uint16_t bits) { return _cvtsh_ss(bits); }
inline uint16_t to_half(float value) { return _cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT); }
#else
inline float to_float(uint16_t bits) {
    uint32_t sign = (uint32_t) (bits & 0x8000) << 16;
    int exponent = bits >> 10 & 31;
    uint32_t fraction = bits & 1023;
    float value = exponent == 31 ? (fraction ? NAN : INFINITY)
        : exponent ? ldexpf((float) (1024 + fraction), exponent - 25)
        : ldexpf((float) fraction, -24);
    return sign ? -value : value;
}
inline uint16_t to_half(float value) {
    uint16_t sign = std::signbit(value) ? 0x8000 : 0;
    float a = fabsf(value);
    if (std::isnan(a)) return sign | 0x7e00;
    if (a >= 65520) return sign | 0x7c00;
    int exponent;
    frexpf(a, &exponent);
    int shift = exponent < -13 ? 24 : 11 - exponent;
    int whole = (int) nearbyintf(ldexpf(a, shift));
    if (shift == 24) return sign | whole;
    return sign | (uint16_t) (((exponent + 14) << 10) + whole - 1024);
}
#endif

inline uint32_t pair(float low, float high) { return to_half(low) | (uint32_t) to_half(high) << 16; }

struct Mma { float *d; const uint32_t *a, *b; };
void multiply(const void **lanes);

} // namespace emulation

#define KERNEL(threads, name, Parameters) \
    static void name##_body(const Parameters &p); \
    static emulation::Entry name##_entry(#name, threads, sizeof(Parameters), \
        [](const void *p) { name##_body(*static_cast<const Parameters *>(p)); }); \
    static void name##_body(const Parameters &p)

#define threadIdx (emulation::current->thread)
#define blockIdx emulation::block_index
#define blockDim emulation::block_size

DEVICE char *shared_memory() { return emulation::shared; }

static inline void block_sync() {
    emulation::Meeting &all = emulation::block_meeting;
    if (++all.arrived == (int) emulation::block_size.x) {
        all.arrived = 0;
        all.generation++;
    } else {
        emulation::wait(&all.generation);
    }
}
static inline void warp_sync() { emulation::warp_meets(nullptr, [](const void **) {}); }
static inline float shuffle_xor(float value, int lanes) { return emulation::shuffle_xor(value, lanes); }
static inline int shuffle_xor(int value, int lanes) { return emulation::shuffle_xor(value, lanes); }

static inline void mma_f16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    emulation::Mma mine = {d, a, b};
    emulation::warp_meets(&mine, emulation::multiply);
}

DEVICE uint32_t halves(float low, float high) {
    return emulation::pair(fminf(fmaxf(low, -65504.0f), 65504.0f), fminf(fmaxf(high, -65504.0f), 65504.0f));
}
DEVICE float float_of_half(uint32_t bits) { return emulation::to_float((uint16_t) bits); }
DEVICE uint32_t halves_add(uint32_t a, uint32_t b) {
    return emulation::pair(float_of_half(a) + float_of_half(b), float_of_half(a >> 16) + float_of_half(b >> 16));
}
DEVICE uint32_t halves_mul(uint32_t a, uint32_t b) {
    return emulation::pair(float_of_half(a) * float_of_half(b), float_of_half(a >> 16) * float_of_half(b >> 16));
}
DEVICE uint32_t halves_fma(uint32_t a, uint32_t b, uint32_t c) {
    return emulation::pair(__builtin_fmaf(float_of_half(a), float_of_half(b), float_of_half(c)),
        __builtin_fmaf(float_of_half(a >> 16), float_of_half(b >> 16), float_of_half(c >> 16)));
}
DEVICE uint32_t bytes_of(uint32_t a, uint32_t b, uint32_t selector) {
    uint64_t both = (uint64_t) b << 32 | a;
    uint32_t out = 0;
    for (int i = 0; i < 4; i++) {
        out |= (uint32_t) (both >> 8 * (selector >> 4 * i & 7) & 255) << 8 * i;
    }
    return out;
}

static inline void copy_async(void *shared, const void *global, bool valid) {
    emulation::current->copies.push_back({shared, global, valid, emulation::current->group});
}
static inline void copies_commit() { emulation::current->group++; }
template <int N> static inline void copies_wait() {
    auto &copies = emulation::current->copies;
    size_t kept = 0;
    for (auto &copy : copies) {
        if (copy.group >= emulation::current->group - N) {
            copies[kept++] = copy;
        } else if (copy.valid) {
            memcpy(copy.to, copy.from, 16);
        } else {
            memset(copy.to, 0, 16);
        }
    }
    copies.resize(kept);
}

DEVICE uint4 load_once(const uint4 *at) { return *at; }
DEVICE uint2 load_once(const uint2 *at) { return *at; }
DEVICE float power2(float x) { return exp2f(x); }
DEVICE float add(float a, float b) { return a + b; }
DEVICE float mul(float a, float b) { return a * b; }
DEVICE float multiply_add(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
DEVICE float div(float a, float b) { return a / b; }
DEVICE float root(float a) { return sqrtf(a); }
DEVICE uint64_t high_product(uint64_t a, uint64_t b) { return (uint64_t) ((unsigned __int128) a * b >> 64); }
DEVICE int round_to_int(float x) { return (int) rintf(x); }
DEVICE uint32_t bits_of(float x) { uint32_t bits; memcpy(&bits, &x, 4); return bits; }
DEVICE float float_of(uint32_t bits) { float x; memcpy(&x, &bits, 4); return x; }
DEVICE void add_atomically(uint32_t *at, uint32_t value) { __atomic_fetch_add(at, value, __ATOMIC_RELAXED); }
DEVICE void add_atomically(uint64_t *at, uint64_t value) { __atomic_fetch_add(at, value, __ATOMIC_RELAXED); }
DEVICE void raise_atomically(int32_t *at, int32_t value) { *at = *at > value ? *at : value; }

#define INFINITE INFINITY
