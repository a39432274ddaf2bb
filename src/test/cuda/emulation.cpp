/* Runs kernels on fibers; see emulation.h. Built into a library that tests call. */
#include "emulation.h"

#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <ucontext.h>

namespace emulation {

Entry *Entry::all = nullptr;
Fiber *current;
Index block_index;
Index block_size;
Meeting block_meeting;
char *shared;

static const size_t STACK = 128 << 10;
static const int MOST_THREADS = 1024;
static const int MOST_SHARED = 227 << 10;
static Fiber fibers[MOST_THREADS];
static Meeting warps[MOST_THREADS / 32];
static const void *parameters;
static Body body;
static char why[512];
static bool failed;

void fail(const char *reason) {
    if (!failed) {
        snprintf(why, sizeof why, "%s", reason);
    }
    failed = true;
}

#if defined(__x86_64__)

static void *scheduler_stack;

extern "C" void emulation_switch(void **from, void *to);
asm(R"(
    .text
    .globl emulation_switch
    .type emulation_switch, @function
emulation_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size emulation_switch, .-emulation_switch
)");

static void leave() { emulation_switch(&current->stack_pointer, scheduler_stack); }

static void run() {
    body(parameters);
    current->done = true;
    leave();
    abort();
}

static void prepare(Fiber &fiber) {
    void **top = (void **) (fiber.stack + STACK);
    *--top = nullptr; /* what run would return to; keeps its frame aligned */
    *--top = (void *) run;
    for (int i = 0; i < 6; i++) {
        *--top = nullptr;
    }
    fiber.stack_pointer = top;
}

static void enter(Fiber &fiber) {
    current = &fiber;
    emulation_switch(&scheduler_stack, fiber.stack_pointer);
}

#else

static ucontext_t scheduler_context;
static ucontext_t contexts[MOST_THREADS];

static void leave() { swapcontext(&contexts[current - fibers], &scheduler_context); }

static void run() {
    body(parameters);
    current->done = true;
    leave();
    abort();
}

static void prepare(Fiber &fiber) {
    ucontext_t &context = contexts[&fiber - fibers];
    getcontext(&context);
    context.uc_stack.ss_sp = fiber.stack;
    context.uc_stack.ss_size = STACK;
    context.uc_link = nullptr;
    makecontext(&context, run, 0);
}

static void enter(Fiber &fiber) {
    current = &fiber;
    swapcontext(&scheduler_context, &contexts[&fiber - fibers]);
}

#endif

void wait(const int *generation) {
    current->waits_for = generation;
    current->waits_value = *generation;
    leave();
}

void multiply(const void **lanes) {
    float a[16][16];
    float b[16][8];
    for (int lane = 0; lane < 32; lane++) {
        auto *one = (const Mma *) lanes[lane];
        int g = lane / 4;
        int t = lane % 4;
        for (int i = 0; i < 4; i++) {
            int row = g + i % 2 * 8;
            int column = 2 * t + i / 2 * 8;
            a[row][column] = to_float((uint16_t) one->a[i]);
            a[row][column + 1] = to_float((uint16_t) (one->a[i] >> 16));
        }
        for (int i = 0; i < 2; i++) {
            int row = 2 * t + i * 8;
            b[row][g] = to_float((uint16_t) one->b[i]);
            b[row + 1][g] = to_float((uint16_t) (one->b[i] >> 16));
        }
    }
    float sums[16][8] = {};
    for (int i = 0; i < 16; i++) {
        for (int k = 0; k < 16; k++) {
            for (int j = 0; j < 8; j++) {
                sums[i][j] += a[i][k] * b[k][j];
            }
        }
    }
    for (int lane = 0; lane < 32; lane++) {
        auto *one = (const Mma *) lanes[lane];
        int g = lane / 4;
        int t = lane % 4;
        for (int i = 0; i < 4; i++) {
            one->d[i] += sums[g + i / 2 * 8][2 * t + i % 2];
        }
    }
}

static void run_block(int threads, int shared_bytes, uint64_t &random) {
    memset(shared, 0xff, shared_bytes);
    block_meeting = Meeting();
    int order[MOST_THREADS / 32];
    int count = threads / 32;
    for (int i = 0; i < count; i++) {
        warps[i] = Meeting();
        order[i] = i;
    }
    for (int i = count - 1; i > 0; i--) {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        int j = (int) ((random >> 33) % (i + 1));
        int other = order[j];
        order[j] = order[i];
        order[i] = other;
    }
    bool backwards = random >> 40 & 1;
    for (int i = 0; i < threads; i++) {
        Fiber &fiber = fibers[i];
        fiber.thread = {(unsigned) i, 0, 0};
        fiber.warp = &warps[i / 32];
        fiber.lane = i % 32;
        fiber.done = false;
        fiber.waits_for = nullptr;
        fiber.group = 0;
        fiber.copies.clear();
        prepare(fiber);
    }
    int left = threads;
    while (left > 0 && !failed) {
        bool moved = false;
        for (int w = 0; w < count; w++) {
            // A warp goes on until all of its lanes wait for another.
            for (bool again = true; again;) {
                again = false;
                for (int l = 0; l < 32; l++) {
                    Fiber &fiber = fibers[order[w] * 32 + (backwards ? 31 - l : l)];
                    if (fiber.done || (fiber.waits_for && *fiber.waits_for == fiber.waits_value)) {
                        continue;
                    }
                    fiber.waits_for = nullptr;
                    enter(fiber);
                    moved = again = true;
                    left -= fiber.done;
                }
            }
        }
        if (!moved) {
            fail("some threads wait for others that never come");
        }
    }
    for (int i = shared_bytes; i < shared_bytes + 64; i++) {
        if ((unsigned char) shared[i] != 0xee) {
            fail("a kernel wrote behind its shared memory");
        }
    }
}

} // namespace emulation

using namespace emulation;

extern "C" {

const void *emulation_kernel(const char *name) {
    for (Entry *entry = Entry::all; entry; entry = entry->next) {
        if (strcmp(entry->name, name) == 0) {
            return entry;
        }
    }
    return nullptr;
}

int emulation_parameter_bytes(const void *kernel) { return ((const Entry *) kernel)->parameter_bytes; }

/** Null, or what went wrong. */
const char *emulation_launch(const void *kernel, int x, int y, int z, int threads, int shared_bytes, const void *with,
    int parameter_bytes, int64_t seed) {
    auto *entry = (const Entry *) kernel;
    failed = false;
    if (!shared) {
        shared = (char *) aligned_alloc(1024, MOST_SHARED + 1024);
        char *stacks =
            (char *) mmap(nullptr, STACK * MOST_THREADS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        for (int i = 0; i < MOST_THREADS; i++) {
            fibers[i].stack = stacks + i * STACK;
        }
    }
    if (parameter_bytes != entry->parameter_bytes || threads > entry->threads || threads % 32 != 0 || threads == 0
        || shared_bytes > MOST_SHARED || x <= 0 || y <= 0 || z <= 0 || y > 65535 || z > 65535) {
        snprintf(why, sizeof why, "%s: grid %d x %d x %d of %d threads, %d bytes of shared memory, %d of parameters (it has %d)",
            entry->name, x, y, z, threads, shared_bytes, parameter_bytes, entry->parameter_bytes);
        return why;
    }
    memset(shared + shared_bytes, 0xee, 64);
    parameters = with;
    body = entry->body;
    block_size = {(unsigned) threads, 1, 1};
    uint64_t random = (uint64_t) seed;
    for (int k = 0; k < z; k++) {
        for (int j = 0; j < y; j++) {
            for (int i = 0; i < x; i++) {
                block_index = {(unsigned) i, (unsigned) j, (unsigned) k};
                run_block(threads, shared_bytes, random);
                if (failed) {
                    static char full[700];
                    snprintf(full, sizeof full, "%s, block (%d, %d, %d): %s", entry->name, i, j, k, why);
                    return full;
                }
            }
        }
    }
    return nullptr;
}
}
