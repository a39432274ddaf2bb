package io.ashlar.compute.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Writes down what it is asked for, and computes nothing. Its memory is the host's, so copies are real. */
final class RecordingGpu implements Gpu {
    final List<String> calls = new ArrayList<>();
    final List<String> kernelNames = new ArrayList<>();
    private final Map<Long, Arena> allocations = new HashMap<>();
    private final Arena arena = Arena.ofShared();
    private final long memory;
    private long handles;
    /** The next call whose name this is fails. */
    String failing = "";

    RecordingGpu(long memory) {
        this.memory = memory;
    }

    private void call(String what) {
        if (!failing.isEmpty() && what.startsWith(failing)) {
            failing = "";
            throw new CudaException(what + " failed: an illegal memory access was encountered");
        }
        calls.add(what);
    }

    /** Calls since the last time this was asked. */
    List<String> taken() {
        List<String> taken = List.copyOf(calls);
        calls.clear();
        return taken;
    }

    @Override
    public GpuProperties properties() {
        return new GpuProperties(0, "Recording", 9, 0, 100, memory, 227 << 10);
    }

    @Override
    public long freeBytes() {
        return memory;
    }

    @Override
    public long allocate(long bytes) {
        call("allocate " + bytes);
        Arena own = Arena.ofShared();
        long address = own.allocate(bytes, 256).address();
        allocations.put(address, own);
        return address;
    }

    @Override
    public void free(long address) {
        call("free");
        allocations.remove(address).close();
    }

    @Override
    public MemorySegment pinned(long bytes) {
        call("pin");
        return arena.allocate(bytes, 64);
    }

    @Override
    public long stream(boolean urgent) {
        return ++handles;
    }

    @Override
    public long event() {
        return ++handles;
    }

    @Override
    public void record(long event, long stream) {
        call("record " + stream);
    }

    @Override
    public void await(long event, long stream) {
        call("await " + stream);
    }

    @Override
    public void synchronize(long event) {
        call("synchronize");
    }

    @Override
    public float millis(long from, long to) {
        return 0;
    }

    private static MemorySegment at(long address, long bytes) {
        return MemorySegment.ofAddress(address).reinterpret(bytes);
    }

    @Override
    public void copyIn(long to, MemorySegment from, long stream) {
        call("in " + from.byteSize());
        at(to, from.byteSize()).copyFrom(from);
    }

    @Override
    public void copyOut(MemorySegment to, long from, long stream) {
        call("out " + to.byteSize());
        to.copyFrom(at(from, to.byteSize()));
    }

    @Override
    public void copy(long to, long from, long bytes, long stream) {
        call("copy " + bytes);
    }

    @Override
    public void zero(long at, long bytes, long stream) {
        call("zero " + bytes);
        at(at, bytes).fill((byte) 0);
    }

    @Override
    public long kernel(String name, int sharedBytes) {
        kernelNames.add(name);
        return kernelNames.size() - 1L;
    }

    @Override
    public void launch(Launches launches, int i, long stream) {
        call("launch " + kernelNames.get((int) launches.kernel(i)) + " on " + stream);
    }

    @Override
    public long graph(Launches launches) {
        call("graph of " + launches.count());
        return ++handles;
    }

    @Override
    public void launchGraph(long graph, long stream) {
        call("launch graph");
    }

    @Override
    public void freeGraph(long graph) {
        call("free graph");
    }

    @Override
    public void close() {
        call("close");
        arena.close();
        allocations.values().forEach(Arena::close);
    }
}
