package io.ashlar.compute.cuda;

import static io.ashlar.compute.cuda.NvidiaDriver.check;
import static jcuda.driver.CUevent_flags.CU_EVENT_DEFAULT;
import static jcuda.driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
import static jcuda.driver.CUstream_flags.CU_STREAM_NON_BLOCKING;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import jcuda.Pointer;
import jcuda.driver.CUDA_KERNEL_NODE_PARAMS;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUfunction;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUgraphNode;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/**
 * A GPU through JCuda. Kernels, streams, events and graphs are numbers outside; here they are the places of JCuda's objects.
 * Every call makes the GPU's context the calling thread's own, since any thread may call.
 */
final class NvidiaGpu implements Gpu {
    private final GpuProperties properties;
    private final CUdevice device;
    private final CUcontext context = new CUcontext();
    private final CUmodule module = new CUmodule();
    private final List<CUfunction> functions = new ArrayList<>();
    private final Map<String, Long> kernelNames = new HashMap<>();
    private final Map<Long, CUstream> streams = new ConcurrentHashMap<>();
    private final Map<Long, CUevent> events = new ConcurrentHashMap<>();
    private final Map<Long, CUgraphExec> graphs = new ConcurrentHashMap<>();
    private final Map<Long, Pinned> pinned = new ConcurrentHashMap<>();
    private final Map<Long, Address> allocations = new ConcurrentHashMap<>();
    private long lastHandle;

    /** Host memory by its address. */
    private record Pinned(Pointer pointer, ByteBuffer buffer) {}

    /** A device pointer whose address can be told and made up. */
    private static final class Address extends CUdeviceptr {
        Address() {}

        Address(long address) {
            super(new CUdeviceptr(), address);
        }

        long value() {
            return getNativePointer() + getByteOffset();
        }
    }

    NvidiaGpu(CUdevice device, GpuProperties properties, byte[] ptx) {
        this.device = device;
        this.properties = properties;
        check(JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "opening " + properties.name());
        enter();
        check(JCudaDriver.cuModuleLoadData(module, ptx), "compiling the kernels for " + properties.name());
    }

    private void enter() {
        check(JCudaDriver.cuCtxSetCurrent(context), "using " + properties.name());
    }

    private synchronized long handle() {
        return ++lastHandle;
    }

    @Override
    public GpuProperties properties() {
        return properties;
    }

    @Override
    public long freeBytes() {
        enter();
        long[] free = new long[1];
        long[] total = new long[1];
        check(JCudaDriver.cuMemGetInfo(free, total), "asking for free memory");
        return free[0];
    }

    @Override
    public long allocate(long bytes) {
        enter();
        Address address = new Address();
        check(JCudaDriver.cuMemAlloc(address, bytes), "taking " + bytes + " bytes of device memory");
        allocations.put(address.value(), address);
        return address.value();
    }

    @Override
    public void free(long address) {
        Address known = allocations.remove(address);
        if (known != null) {
            enter();
            check(JCudaDriver.cuMemFree(known), "giving memory back");
        }
    }

    @Override
    public MemorySegment pinned(long bytes) {
        enter();
        Pointer pointer = new Pointer();
        check(JCudaDriver.cuMemHostAlloc(pointer, bytes, 0), "pinning " + bytes + " bytes of host memory");
        ByteBuffer buffer = pointer.getByteBuffer(0, bytes).order(ByteOrder.nativeOrder());
        MemorySegment segment = MemorySegment.ofBuffer(buffer);
        pinned.put(segment.address(), new Pinned(pointer, buffer));
        return segment;
    }

    /** Where a pinned segment is, as JCuda names it. */
    private Pointer pointer(MemorySegment segment) {
        return Pointer.to(segment.asByteBuffer());
    }

    @Override
    public long stream(boolean urgent) {
        enter();
        int[] least = new int[1];
        int[] greatest = new int[1];
        check(JCudaDriver.cuCtxGetStreamPriorityRange(least, greatest), "asking for stream priorities");
        CUstream stream = new CUstream();
        check(
                JCudaDriver.cuStreamCreateWithPriority(stream, CU_STREAM_NON_BLOCKING, urgent ? greatest[0] : least[0]),
                "making a stream");
        long handle = handle();
        streams.put(handle, stream);
        return handle;
    }

    private CUstream streamOf(long handle) {
        return known(streams, handle);
    }

    private static <T> T known(Map<Long, T> all, long handle) {
        T one = all.get(handle);
        if (one == null) {
            throw new IllegalArgumentException("there is no " + handle);
        }
        return one;
    }

    @Override
    public long event() {
        enter();
        CUevent event = new CUevent();
        check(JCudaDriver.cuEventCreate(event, CU_EVENT_DEFAULT), "making an event");
        long handle = handle();
        events.put(handle, event);
        return handle;
    }

    @Override
    public void record(long event, long stream) {
        enter();
        check(JCudaDriver.cuEventRecord(known(events, event), streamOf(stream)), "recording an event");
    }

    @Override
    public void await(long event, long stream) {
        enter();
        check(JCudaDriver.cuStreamWaitEvent(streamOf(stream), known(events, event), 0), "waiting for an event");
    }

    @Override
    public void synchronize(long event) {
        enter();
        check(JCudaDriver.cuEventSynchronize(known(events, event)), "work on " + properties.name());
    }

    @Override
    public float millis(long from, long to) {
        enter();
        float[] millis = new float[1];
        check(JCudaDriver.cuEventElapsedTime(millis, known(events, from), known(events, to)), "timing");
        return millis[0];
    }

    @Override
    public void copyIn(long to, MemorySegment from, long stream) {
        enter();
        check(
                JCudaDriver.cuMemcpyHtoDAsync(new Address(to), pointer(from), from.byteSize(), streamOf(stream)),
                "copying to the device");
    }

    @Override
    public void copyOut(MemorySegment to, long from, long stream) {
        enter();
        check(
                JCudaDriver.cuMemcpyDtoHAsync(pointer(to), new Address(from), to.byteSize(), streamOf(stream)),
                "copying from the device");
    }

    @Override
    public void copy(long to, long from, long bytes, long stream) {
        enter();
        check(
                JCudaDriver.cuMemcpyDtoDAsync(new Address(to), new Address(from), bytes, streamOf(stream)),
                "copying on the device");
    }

    @Override
    public void zero(long at, long bytes, long stream) {
        enter();
        check(JCudaDriver.cuMemsetD8Async(new Address(at), (byte) 0, bytes, streamOf(stream)), "clearing memory");
    }

    @Override
    public synchronized long kernel(String name, int sharedBytes) {
        enter();
        Long known = kernelNames.get(name);
        if (known != null) {
            return known;
        }
        CUfunction function = new CUfunction();
        check(JCudaDriver.cuModuleGetFunction(function, module, name), "finding the kernel " + name);
        if (sharedBytes > 48 << 10) {
            check(
                    JCudaDriver.cuFuncSetAttribute(
                            function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, sharedBytes),
                    "giving " + sharedBytes + " bytes of shared memory to " + name);
        }
        functions.add(function);
        long handle = functions.size() - 1L;
        kernelNames.put(name, handle);
        return handle;
    }

    @Override
    public void launch(Launches launches, int i, long stream) {
        enter();
        check(
                JCudaDriver.cuLaunchKernel(
                        functions.get((int) launches.kernel(i)),
                        launches.grid(i, 0),
                        launches.grid(i, 1),
                        launches.grid(i, 2),
                        launches.threads(i),
                        1,
                        1,
                        launches.sharedBytes(i),
                        streamOf(stream),
                        parameters(launches, i),
                        null),
                "launching kernel " + launches.kernel(i));
    }

    /** The one parameter of a kernel, as a list of pointers to parameters. */
    private static Pointer parameters(Launches launches, int i) {
        ByteBuffer all = launches.parameters().asByteBuffer();
        return Pointer.to(Pointer.to(all).withByteOffset(launches.offset(i)));
    }

    @Override
    public long graph(Launches launches) {
        enter();
        CUgraph graph = new CUgraph();
        check(JCudaDriver.cuGraphCreate(graph, 0), "making a graph");
        List<int[]> after = launches.after();
        CUgraphNode[] nodes = new CUgraphNode[launches.count()];
        for (int i = 0; i < nodes.length; i++) {
            CUDA_KERNEL_NODE_PARAMS params = new CUDA_KERNEL_NODE_PARAMS();
            params.func = functions.get((int) launches.kernel(i));
            params.gridDimX = launches.grid(i, 0);
            params.gridDimY = launches.grid(i, 1);
            params.gridDimZ = launches.grid(i, 2);
            params.blockDimX = launches.threads(i);
            params.blockDimY = 1;
            params.blockDimZ = 1;
            params.sharedMemBytes = launches.sharedBytes(i);
            params.kernelParams = parameters(launches, i);
            CUgraphNode[] before = new CUgraphNode[after.get(i).length];
            for (int j = 0; j < before.length; j++) {
                before[j] = nodes[after.get(i)[j]];
            }
            nodes[i] = new CUgraphNode();
            check(
                    JCudaDriver.cuGraphAddKernelNode(nodes[i], graph, before, before.length, params),
                    "adding a launch to a graph");
        }
        CUgraphExec exec = new CUgraphExec();
        check(JCudaDriver.cuGraphInstantiate(exec, graph, 0), "making a graph ready");
        check(JCudaDriver.cuGraphDestroy(graph), "dropping a graph's plan");
        long handle = handle();
        graphs.put(handle, exec);
        return handle;
    }

    @Override
    public void launchGraph(long graph, long stream) {
        enter();
        check(JCudaDriver.cuGraphLaunch(known(graphs, graph), streamOf(stream)), "launching a graph");
    }

    @Override
    public void freeGraph(long graph) {
        CUgraphExec exec = graphs.remove(graph);
        if (exec != null) {
            enter();
            check(JCudaDriver.cuGraphExecDestroy(exec), "dropping a graph");
        }
    }

    @Override
    public void close() {
        enter();
        graphs.values().forEach(JCudaDriver::cuGraphExecDestroy);
        streams.values().forEach(JCudaDriver::cuStreamDestroy);
        events.values().forEach(JCudaDriver::cuEventDestroy);
        pinned.values().forEach(p -> JCudaDriver.cuMemFreeHost(p.pointer()));
        allocations.values().forEach(JCudaDriver::cuMemFree);
        JCudaDriver.cuModuleUnload(module);
        JCudaDriver.cuDevicePrimaryCtxRelease(device);
    }
}
