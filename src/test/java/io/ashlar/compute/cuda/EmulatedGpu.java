package io.ashlar.compute.cuda;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Assumptions;

/**
 * A GPU whose memory is the host's and whose kernels are the CUDA sources compiled as C++ ({@code src/test/cuda}). Work runs when
 * it is given, streams one after another; a graph runs in an order drawn from those that its dependencies allow.
 */
public final class EmulatedGpu implements Gpu {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final Path FOLDER = Path.of("target", "emulation");
    private static final Path LIBRARY = FOLDER.resolve("libkernels.so");
    /** The library's threads are fibers of one thread. */
    private static final ReentrantLock ONE = new ReentrantLock();

    private static MethodHandle kernelHandle;
    private static MethodHandle launchHandle;

    private final long memory;
    private final GpuProperties properties;
    private final Arena arena = Arena.ofShared();
    private final Map<Long, Arena> allocations = new HashMap<>();
    private final List<MemorySegment> kernels = new ArrayList<>();
    private final Map<Long, Launches> graphs = new HashMap<>();
    private final Random random = new Random(7);
    private long handles;
    private long used;
    public int launched;

    private EmulatedGpu(long memory, int sharedBytes) {
        this.memory = memory;
        this.properties = new GpuProperties(0, "Emulated", 9, 0, 1, memory, sharedBytes);
    }

    /** A device of so much memory. */
    public static CudaDevice device(String name, long memory) {
        return new CudaDevice(name, open(memory), 0, 0);
    }

    public static EmulatedGpu open(long memory) {
        return open(memory, 227 << 10);
    }

    static EmulatedGpu open(long memory, int sharedBytes) {
        load();
        return new EmulatedGpu(memory, sharedBytes);
    }

    /** Builds the emulation, unless it is there; returns where it is. Where it cannot be built, the test is left out. */
    static synchronized Path build() {
        try {
            Process build = new ProcessBuilder("sh", "src/test/cuda/build", FOLDER.toString())
                    .inheritIO()
                    .start();
            if (build.waitFor() != 0) {
                Assumptions.abort("src/test/cuda/build failed: is there a C++ compiler?");
            }
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
        return FOLDER;
    }

    private static synchronized void load() {
        if (launchHandle != null) {
            return;
        }
        build();
        Linker linker = Linker.nativeLinker();
        SymbolLookup library = SymbolLookup.libraryLookup(LIBRARY, Arena.global());
        kernelHandle = linker.downcallHandle(
                library.find("emulation_kernel").orElseThrow(),
                FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.ADDRESS));
        launchHandle = linker.downcallHandle(
                library.find("emulation_launch").orElseThrow(),
                FunctionDescriptor.of(
                        ValueLayout.ADDRESS,
                        ValueLayout.ADDRESS,
                        INT,
                        INT,
                        INT,
                        INT,
                        INT,
                        ValueLayout.ADDRESS,
                        INT,
                        LONG));
    }

    @Override
    public GpuProperties properties() {
        return properties;
    }

    @Override
    public synchronized long freeBytes() {
        return memory - used;
    }

    @Override
    public synchronized long allocate(long bytes) {
        if (bytes > memory - used) {
            throw new CudaException("out of memory");
        }
        used += bytes > 256 ? bytes : 0;
        Arena own = Arena.ofShared();
        MemorySegment segment = own.allocate(bytes, 256);
        allocations.put(segment.address(), own);
        return segment.address();
    }

    @Override
    public synchronized void free(long address) {
        allocations.remove(address).close();
    }

    @Override
    public MemorySegment pinned(long bytes) {
        return arena.allocate(bytes, 64);
    }

    @Override
    public synchronized long stream(boolean urgent) {
        return ++handles;
    }

    @Override
    public synchronized long event() {
        return ++handles;
    }

    @Override
    public void record(long event, long stream) {}

    @Override
    public void await(long event, long stream) {}

    @Override
    public void synchronize(long event) {}

    @Override
    public float millis(long from, long to) {
        return 1;
    }

    private static MemorySegment at(long address, long bytes) {
        return MemorySegment.ofAddress(address).reinterpret(bytes);
    }

    @Override
    public void copyIn(long to, MemorySegment from, long stream) {
        at(to, from.byteSize()).copyFrom(from);
    }

    @Override
    public void copyOut(MemorySegment to, long from, long stream) {
        to.copyFrom(at(from, to.byteSize()));
    }

    @Override
    public void copy(long to, long from, long bytes, long stream) {
        at(to, bytes).copyFrom(at(from, bytes));
    }

    @Override
    public void zero(long address, long bytes, long stream) {
        at(address, bytes).fill((byte) 0);
    }

    @Override
    public synchronized long kernel(String name, int sharedBytes) {
        if (sharedBytes > properties.sharedBytes()) {
            throw new CudaException(name + " wants " + sharedBytes + " bytes of shared memory");
        }
        try (Arena own = Arena.ofConfined()) {
            MemorySegment kernel = (MemorySegment) kernelHandle.invokeExact(own.allocateFrom(name));
            if (kernel.address() == 0) {
                throw new CudaException("there is no kernel " + name);
            }
            kernels.add(kernel);
            return kernels.size() - 1L;
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void launch(Launches launches, int i, long stream) {
        ONE.lock();
        try {
            launched++;
            MemorySegment wrong = (MemorySegment) launchHandle.invokeExact(
                    kernels.get((int) launches.kernel(i)),
                    launches.grid(i, 0),
                    launches.grid(i, 1),
                    launches.grid(i, 2),
                    launches.threads(i),
                    launches.sharedBytes(i),
                    launches.parameters().asSlice(launches.offset(i)),
                    (int) launches.parameterBytes(i),
                    random.nextLong());
            if (wrong.address() != 0) {
                throw new CudaException(wrong.reinterpret(1000).getString(0));
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        } finally {
            ONE.unlock();
        }
    }

    @Override
    public synchronized long graph(Launches launches) {
        graphs.put(++handles, launches.copy());
        return handles;
    }

    @Override
    public void launchGraph(long graph, long stream) {
        Launches launches = graphs.get(graph);
        List<int[]> after = launches.after();
        boolean[] done = new boolean[launches.count()];
        for (int left = launches.count(); left > 0; left--) {
            List<Integer> ready = new ArrayList<>();
            for (int i = 0; i < done.length; i++) {
                boolean free = !done[i];
                for (int before : after.get(i)) {
                    free &= done[before];
                }
                if (free) {
                    ready.add(i);
                }
            }
            int chosen = ready.get(random.nextInt(ready.size()));
            launch(launches, chosen, stream);
            done[chosen] = true;
        }
    }

    @Override
    public synchronized void freeGraph(long graph) {
        graphs.remove(graph);
    }

    public synchronized int graphCount() {
        return graphs.size();
    }

    @Override
    public synchronized void close() {
        allocations.values().forEach(Arena::close);
        allocations.clear();
        arena.close();
    }
}
