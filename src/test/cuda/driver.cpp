/*
 * The functions of the CUDA driver that Ashlar calls, over the emulation: a libcuda.so.1 for machines without one, so that the
 * way through JCuda runs in tests. Work is done when it is asked for. It is strict where mistakes would show on a GPU only:
 * a context must be current, asynchronous copies must be of pinned memory, and more than 48 KB of shared memory must have been
 * allowed. Signatures are those of the driver API of CUDA 12.
 */
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

extern "C" const void *emulation_kernel(const char *name);
extern "C" int emulation_parameter_bytes(const void *kernel);
extern "C" const char *emulation_launch(const void *kernel, int x, int y, int z, int threads, int shared_bytes,
    const void *with, int parameter_bytes, int64_t seed);

namespace {

enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_CONTEXT = 201, NOT_FOUND = 500, LAUNCH_FAILED = 719 };

const size_t MEMORY = 1200u << 20;

struct Function { const void *kernel; int most_shared; };
struct Event { std::chrono::steady_clock::time_point at; bool recorded; };
struct Node { Function *function; unsigned grid[3]; unsigned threads; unsigned shared; std::vector<char> parameters; std::vector<Node *> before; };
struct Graph { std::vector<Node *> nodes; };

thread_local bool current;
std::recursive_mutex lock;
std::map<char *, size_t> device_memory;
std::map<char *, size_t> pinned_memory;
size_t used;
int64_t seed = 1;

bool inside(const std::map<char *, size_t> &pieces, const void *at, size_t bytes) {
    auto next = pieces.upper_bound((char *) at);
    if (next == pieces.begin()) {
        return false;
    }
    auto piece = std::prev(next);
    return (char *) at + bytes <= piece->first + piece->second;
}

int run(Function *function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned shared, const void *parameters) {
    if (shared > 48u << 10 && (int) shared > function->most_shared) {
        fprintf(stderr, "%u bytes of shared memory were not allowed\n", shared);
        return INVALID_VALUE;
    }
    const char *wrong = emulation_launch(function->kernel, x, y, z, threads, shared, parameters,
        emulation_parameter_bytes(function->kernel), ++seed);
    if (wrong) {
        fprintf(stderr, "%s\n", wrong);
        return LAUNCH_FAILED;
    }
    return SUCCESS;
}

} // namespace

#define NEEDS_CONTEXT                    \
    std::lock_guard<std::recursive_mutex> guard(lock); \
    if (!current) return INVALID_CONTEXT;

extern "C" {

struct KernelNode {
    Function *function;
    unsigned grid[3], block[3], shared;
    void **parameters;
    void **extra;
};

int cuInit(unsigned) { return SUCCESS; }
int cuDriverGetVersion(int *version) { *version = 12040; return SUCCESS; }
int cuGetErrorName(int error, const char **name) {
    *name = error == INVALID_CONTEXT ? "CUDA_ERROR_INVALID_CONTEXT" : error == LAUNCH_FAILED ? "CUDA_ERROR_LAUNCH_FAILED"
        : error == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_INVALID_VALUE";
    return SUCCESS;
}
int cuGetErrorString(int error, const char **text) {
    *text = error == INVALID_CONTEXT ? "invalid device context" : error == LAUNCH_FAILED ? "unspecified launch failure"
        : error == OUT_OF_MEMORY ? "out of memory" : "invalid argument";
    return SUCCESS;
}
int cuDeviceGetCount(int *count) { *count = 1; return SUCCESS; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return ordinal == 0 ? SUCCESS : INVALID_VALUE; }
int cuDeviceGetName(char *name, int length, int) { snprintf(name, length, "Emulated GPU"); return SUCCESS; }
int cuDeviceTotalMem_v2(size_t *bytes, int) { *bytes = MEMORY; return SUCCESS; }
int cuDeviceGetAttribute(int *value, int which, int) {
    switch (which) {
    case 75: *value = 9; return SUCCESS;          // compute capability, major
    case 76: *value = 0; return SUCCESS;          // and minor
    case 16: *value = 1; return SUCCESS;          // multiprocessors
    case 97: *value = 227 << 10; return SUCCESS;  // shared memory of a block, at most
    default: return INVALID_VALUE;
    }
}
int cuDevicePrimaryCtxRetain(void **context, int) { *context = &seed; return SUCCESS; }
int cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
int cuCtxSetCurrent(void *context) { current = context == &seed; return SUCCESS; }
int cuCtxGetStreamPriorityRange(int *least, int *greatest) { NEEDS_CONTEXT *least = 0; *greatest = -5; return SUCCESS; }

int cuModuleLoadData(void **module, const char *image) {
    NEEDS_CONTEXT
    // It reads up to a zero, as PTX does.
    if (!strstr(image, ".version 7.4\n") || !strstr(image, ".target sm_80\n")) return INVALID_VALUE;
    *module = new std::string(image);
    return SUCCESS;
}
int cuModuleGetFunction(Function **function, std::string *module, const char *name) {
    NEEDS_CONTEXT
    const void *kernel = emulation_kernel(name);
    if (!kernel || module->find(".entry " + std::string(name) + "(") == std::string::npos) return NOT_FOUND;
    *function = new Function{kernel, 48 << 10};
    return SUCCESS;
}
int cuModuleUnload(std::string *module) { delete module; return SUCCESS; }
int cuFuncSetAttribute(Function *function, int which, int value) {
    NEEDS_CONTEXT
    if (which != 8) return INVALID_VALUE; // the most dynamic shared memory
    function->most_shared = value;
    return SUCCESS;
}

int cuMemGetInfo_v2(size_t *free, size_t *total) { NEEDS_CONTEXT *free = MEMORY - used; *total = MEMORY; return SUCCESS; }
int cuMemAlloc_v2(char **at, size_t bytes) {
    NEEDS_CONTEXT
    if (bytes > MEMORY - used) return OUT_OF_MEMORY;
    *at = (char *) aligned_alloc(512, (bytes + 511) / 512 * 512);
    memset(*at, 0xff, bytes); // nobody said that it is zeros
    device_memory[*at] = bytes;
    used += bytes;
    return SUCCESS;
}
int cuMemFree_v2(char *at) {
    NEEDS_CONTEXT
    auto piece = device_memory.find(at);
    if (piece == device_memory.end()) return INVALID_VALUE;
    used -= piece->second;
    device_memory.erase(piece);
    free(at);
    return SUCCESS;
}
int cuMemHostAlloc(char **at, size_t bytes, unsigned) {
    NEEDS_CONTEXT
    *at = (char *) aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    pinned_memory[*at] = bytes;
    return SUCCESS;
}
int cuMemFreeHost(char *at) { NEEDS_CONTEXT pinned_memory.erase(at); free(at); return SUCCESS; }
int cuMemcpyHtoDAsync_v2(char *to, const char *from, size_t bytes, void *) {
    NEEDS_CONTEXT
    if (!inside(device_memory, to, bytes) || !inside(pinned_memory, from, bytes)) return INVALID_VALUE;
    memcpy(to, from, bytes);
    return SUCCESS;
}
int cuMemcpyDtoHAsync_v2(char *to, const char *from, size_t bytes, void *) {
    NEEDS_CONTEXT
    if (!inside(device_memory, from, bytes) || !inside(pinned_memory, to, bytes)) return INVALID_VALUE;
    memcpy(to, from, bytes);
    return SUCCESS;
}
int cuMemcpyDtoDAsync_v2(char *to, const char *from, size_t bytes, void *) {
    NEEDS_CONTEXT
    if (!inside(device_memory, from, bytes) || !inside(device_memory, to, bytes)) return INVALID_VALUE;
    memcpy(to, from, bytes);
    return SUCCESS;
}
int cuMemsetD8Async(char *at, unsigned char value, size_t bytes, void *) {
    NEEDS_CONTEXT
    if (!inside(device_memory, at, bytes)) return INVALID_VALUE;
    memset(at, value, bytes);
    return SUCCESS;
}

int cuStreamCreateWithPriority(void **stream, unsigned flags, int) { NEEDS_CONTEXT *stream = malloc(1); return flags == 1 ? SUCCESS : INVALID_VALUE; }
int cuStreamDestroy_v2(void *stream) { free(stream); return SUCCESS; }
int cuStreamWaitEvent(void *stream, Event *event, unsigned) { NEEDS_CONTEXT return stream && event ? SUCCESS : INVALID_VALUE; }
int cuEventCreate(Event **event, unsigned) { NEEDS_CONTEXT *event = new Event{}; return SUCCESS; }
int cuEventDestroy_v2(Event *event) { delete event; return SUCCESS; }
int cuEventRecord(Event *event, void *stream) {
    NEEDS_CONTEXT
    event->at = std::chrono::steady_clock::now();
    event->recorded = true;
    return stream ? SUCCESS : INVALID_VALUE;
}
int cuEventSynchronize(Event *) { NEEDS_CONTEXT return SUCCESS; }
int cuEventElapsedTime(float *millis, Event *from, Event *to) {
    NEEDS_CONTEXT
    if (!from->recorded || !to->recorded) return INVALID_VALUE;
    *millis = std::chrono::duration<float, std::milli>(to->at - from->at).count();
    return SUCCESS;
}

int cuLaunchKernel(Function *function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned, unsigned, unsigned shared,
    void *stream, void **parameters, void **extra) {
    NEEDS_CONTEXT
    return !stream || extra ? INVALID_VALUE : run(function, x, y, z, threads, shared, parameters[0]);
}

int cuGraphCreate(Graph **graph, unsigned) { NEEDS_CONTEXT *graph = new Graph; return SUCCESS; }
int cuGraphAddKernelNode_v2(Node **node, Graph *graph, Node *const *before, size_t count, const KernelNode *what) {
    NEEDS_CONTEXT
    const char *bytes = (const char *) what->parameters[0];
    *node = new Node{what->function, {what->grid[0], what->grid[1], what->grid[2]}, what->block[0], what->shared,
        {bytes, bytes + emulation_parameter_bytes(what->function->kernel)}, {before, before + count}};
    for (Node *one : (*node)->before) {
        bool known = false;
        for (Node *other : graph->nodes) known |= one == other;
        if (!known) return INVALID_VALUE;
    }
    graph->nodes.push_back(*node);
    return SUCCESS;
}
int cuGraphInstantiateWithFlags(Graph **exec, Graph *graph, unsigned long long) { NEEDS_CONTEXT *exec = new Graph(*graph); return SUCCESS; }
int cuGraphDestroy(Graph *graph) { delete graph; return SUCCESS; }
int cuGraphExecDestroy(Graph *graph) {
    for (Node *node : graph->nodes) delete node;
    delete graph;
    return SUCCESS;
}
int cuGraphLaunch(Graph *graph, void *stream) {
    NEEDS_CONTEXT
    if (!stream) return INVALID_VALUE;
    // Any order that the edges allow: here the last that is ready.
    std::vector<Node *> left = graph->nodes;
    while (!left.empty()) {
        size_t chosen = left.size();
        for (size_t i = left.size(); i-- > 0 && chosen == left.size();) {
            bool ready = true;
            for (Node *before : left[i]->before)
                for (Node *other : left) ready &= before != other;
            if (ready) chosen = i;
        }
        Node *node = left[chosen];
        left.erase(left.begin() + chosen);
        int result = run(node->function, node->grid[0], node->grid[1], node->grid[2], node->threads, node->shared, node->parameters.data());
        if (result) return result;
    }
    return SUCCESS;
}
}
