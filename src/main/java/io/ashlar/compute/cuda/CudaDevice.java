package io.ashlar.compute.cuda;

import io.ashlar.compute.Activations;
import io.ashlar.compute.AdapterRows;
import io.ashlar.compute.AttentionTiling;
import io.ashlar.compute.Buffer;
import io.ashlar.compute.DType;
import io.ashlar.compute.Device;
import io.ashlar.compute.Ints;
import io.ashlar.compute.Kernels;
import io.ashlar.compute.LowRank;
import io.ashlar.compute.LowRankTerms;
import io.ashlar.compute.Matrix;
import io.ashlar.compute.MemoryUse;
import io.ashlar.compute.OutOfDeviceMemoryException;
import io.ashlar.compute.PageTable;
import io.ashlar.compute.PageTables;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Computes on one GPU. Its memory is one arena, taken at the start: weights by block, pages in one pool, and the buffers of
 * steps. Work of steps is on one stream; loads of blocks and moves of pages are on another, through pinned memory, beside it.
 */
public final class CudaDevice implements Device {
    static final AttentionTiling TILING = new AttentionTiling(32, true);

    /** Memory for the numbers of steps, as a part of the arena, and its bounds. */
    private static final int WORDS_PART = 64;

    private static final long LEAST_WORDS = 4L << 20;
    private static final long MOST_WORDS = 512L << 20;

    private final String name;
    private final Gpu gpu;
    private final DeviceArena arena;
    private final long arenaBase;
    private final long stream;
    private final DeviceWords words;
    private final CudaKernels kernels;
    private final Transfers transfers;
    private final MemorySegment downloads;
    private final long downloaded;

    /**
     * @param reserve bytes that are left to the driver and to others
     * @param most bytes to take; 0 is all that is free
     * @throws OutOfDeviceMemoryException if too little is free
     */
    public CudaDevice(String name, Gpu gpu, long reserve, long most) {
        this.name = name;
        this.gpu = gpu;
        long free = gpu.freeBytes() - reserve;
        long bytes = most == 0 ? free : Math.min(free, most);
        if (bytes < 16 * LEAST_WORDS) {
            throw new OutOfDeviceMemoryException(name + " (" + gpu.properties().name() + ") has only " + gpu.freeBytes()
                    + " bytes free, of which " + reserve + " are left alone");
        }
        this.arenaBase = gpu.allocate(bytes);
        this.arena = new DeviceArena(name, arenaBase, bytes);
        this.stream = gpu.stream(true);
        long wordBytes = Math.clamp(bytes / WORDS_PART, LEAST_WORDS, MOST_WORDS);
        this.words = new DeviceWords(name, gpu, arena, wordBytes, stream);
        this.kernels = new CudaKernels(gpu, arena, words, stream);
        this.transfers = new Transfers(gpu, arena);
        this.downloads = gpu.pinned(1 << 20);
        this.downloaded = gpu.event();
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Buffer allocate(long bytes) {
        CudaBuffer buffer = new CudaBuffer(arena, DeviceArena.Purpose.STEPS, Math.max(bytes, 1));
        gpu.zero(buffer.address(), buffer.bytes(), stream);
        return buffer;
    }

    @Override
    public Buffer allocatePages(long bytes) {
        CudaBuffer buffer = new CudaBuffer(arena, DeviceArena.Purpose.PAGES, bytes);
        gpu.zero(buffer.address(), buffer.bytes(), stream);
        return buffer;
    }

    @Override
    public Buffer upload(MemorySegment source) {
        CudaBuffer buffer = new CudaBuffer(arena, DeviceArena.Purpose.WEIGHTS, source.byteSize());
        transfers.upload(source, buffer.address());
        return buffer;
    }

    @Override
    public Matrix matrix(MemorySegment source, DType type, int rows, int columns) {
        if (columns % 16 != 0 && type != DType.F32) {
            throw new IllegalArgumentException(
                    "a matrix of " + columns + " columns of " + type + ": they should be a multiple of 16");
        }
        CudaBuffer buffer = new CudaBuffer(arena, DeviceArena.Purpose.WEIGHTS, source.byteSize());
        try {
            transfers.upload(source, buffer.address());
            Matrix matrix = new Matrix(buffer, 0, type, rows, columns);
            transfers.repack(matrix, buffer.address());
            return matrix;
        } catch (RuntimeException e) {
            buffer.close();
            throw e;
        }
    }

    @Override
    public AttentionTiling tiling() {
        return TILING;
    }

    @Override
    public Ints ints(int length) {
        return new CudaInts(words, length);
    }

    @Override
    public PageTable pageTable(Buffer pool, int layers) {
        return new CudaPageTable(words, CudaBuffer.address(pool), layers);
    }

    @Override
    public PageTables pageTables(int rows) {
        return new CudaPageTables(words, rows);
    }

    @Override
    public LowRankTerms lowRankTerms(List<@Nullable LowRank> terms) {
        int mostRank = 1;
        try (Arena memory = Arena.ofConfined()) {
            MemorySegment table = memory.allocate(Math.max(1, terms.size()) * CudaLowRankTerms.WORDS * 8L, 8);
            for (int slot = 0; slot < terms.size(); slot++) {
                LowRank term = terms.get(slot);
                if (term != null) {
                    long at = (long) slot * CudaLowRankTerms.WORDS;
                    table.setAtIndex(ValueLayout.JAVA_LONG, at, address(term.a()));
                    table.setAtIndex(ValueLayout.JAVA_LONG, at + 1, address(term.b()));
                    table.setAtIndex(ValueLayout.JAVA_LONG, at + 2, term.rank());
                    mostRank = Math.max(mostRank, term.rank());
                }
            }
            return new CudaLowRankTerms((CudaBuffer) upload(table), mostRank);
        }
    }

    private static long address(Matrix matrix) {
        return CudaBuffer.address(matrix.data()) + matrix.offset();
    }

    @Override
    public AdapterRows adapterRows() {
        return new CudaAdapterRows(words);
    }

    @Override
    public Kernels kernels() {
        return kernels;
    }

    @Override
    public void copy(Buffer memory, long from, long to, long bytes) {
        long base = CudaBuffer.address(memory);
        gpu.copy(base + to, base + from, bytes, stream);
    }

    @Override
    public void copyOut(Buffer memory, long[] pages, long pageBytes, MemorySegment to) {
        transfers.gather(CudaBuffer.address(memory), pages, pageBytes, to);
    }

    @Override
    public void copyIn(MemorySegment from, Buffer memory, long[] pages, long pageBytes) {
        transfers.scatter(from, CudaBuffer.address(memory), pages, pageBytes);
    }

    @Override
    public void download(Activations from, int row, float[] into, int count) {
        kernels.finish();
        long at = CudaBuffer.address(from.data()) + (long) row * from.stride() * Float.BYTES;
        download(at, into, count);
    }

    /** Floats from device memory, after the stream's work so far. */
    private void download(long at, float[] into, int count) {
        int most = (int) (downloads.byteSize() / Float.BYTES);
        for (int done = 0; done < count; done += most) {
            int part = Math.min(most, count - done);
            gpu.copyOut(downloads.asSlice(0, part * 4L), at + done * 4L, stream);
            gpu.record(downloaded, stream);
            gpu.synchronize(downloaded);
            MemorySegment.copy(downloads, ValueLayout.JAVA_FLOAT, 0, into, done, part);
        }
    }

    /** Moves pages and blocks between host and device, beside steps. */
    public Transfers transfers() {
        return transfers;
    }

    /** Where a buffer of this device is. */
    public static long address(Buffer buffer) {
        return CudaBuffer.address(buffer);
    }

    @Override
    public void adoptThread() {}

    @Override
    public void warmUp() {}

    @Override
    public String describe() {
        GpuProperties p = gpu.properties();
        return String.format(
                Locale.ROOT,
                "%s, compute capability %d.%d, %d multiprocessors, %.1f of %.1f GiB",
                p.name(),
                p.major(),
                p.minor(),
                p.multiprocessors(),
                arena.bytes() / (double) (1L << 30),
                p.memoryBytes() / (double) (1L << 30));
    }

    @Override
    public MemoryUse memory() {
        return new MemoryUse(
                arena.bytes(),
                arena.usedBytes(DeviceArena.Purpose.WEIGHTS),
                arena.usedBytes(DeviceArena.Purpose.PAGES),
                arena.usedBytes(DeviceArena.Purpose.STEPS));
    }

    /** Milliseconds that the GPU ran steps, and milliseconds that it waited from the end of one to the begin of the next. */
    public double[] times() {
        return kernels.runs().times();
    }

    /** Bytes read and written a second, by the driver's own copies within the device. No step may run beside it. */
    public double copyBandwidth() {
        long bytes = Math.min(arena.largestFree() / 4, 2L << 30);
        long begin = gpu.event();
        long end = gpu.event();
        double best = 0;
        try (CudaBuffer buffer = new CudaBuffer(arena, DeviceArena.Purpose.STEPS, 2 * bytes)) {
            for (int i = 0; i < 8; i++) {
                gpu.record(begin, stream);
                gpu.copy(buffer.address() + bytes, buffer.address(), bytes, stream);
                gpu.record(end, stream);
                gpu.synchronize(end);
                best = Math.max(best, 2.0 * bytes / (gpu.millis(begin, end) / 1e3));
            }
        }
        return best;
    }

    /** Steps that ran as graphs, and steps that ran launch by launch. */
    public long[] runs() {
        return kernels.runs().counts();
    }

    @Override
    public void close() {
        kernels.finish();
        kernels.close();
        gpu.free(arenaBase);
        gpu.close();
    }
}
