package io.ashlar.compute.cuda;

import io.ashlar.compute.Activations;
import io.ashlar.compute.DType;
import io.ashlar.compute.Linear;
import io.ashlar.compute.Matrix;
import io.ashlar.compute.Panels;
import io.ashlar.compute.Routing;
import io.ashlar.compute.Rows;
import io.ashlar.compute.Vector;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Launches of matrix products: which kernel for how many rows, and how columns are cut into segments. */
final class Products {
    private static final int STACKED = 4;
    private static final int WARP = 32;
    private static final int MOST_SEGMENTS = 8;
    /** Blocks of 32 columns that a segment should have at least. */
    private static final int LEAST_BLOCKS = 8;

    private static final int WIDE_PANELS = 8;
    private static final int WIDE_ROWS = 128;
    private static final int WIDE_STAGES = 4;
    private static final int WIDE_THREADS = 256;
    /** Rows up to which weights are streamed, more than once if need be, instead of going through shared memory. */
    private static final int MOST_NARROW_ROWS = 128;

    private static final int EXPERT_PANELS = 2;
    private static final int EXPERT_ROWS = 32;
    private static final int PLAIN_ROWS = 8;
    private static final int PLAIN_THREADS = 256;
    static final int PLAIN_SHARED = 16 * 12 * 16 * Float.BYTES;

    /** Kernels activations are a quarter of their size in, and most weights sixteen times theirs. */
    private static final double ACTIVATION_FACTOR = 4;

    private static final double WEIGHT_FACTOR = 1.0 / 16;

    /** A narrow kernel: panels and rows of a block of the grid. */
    private record Narrow(int panels, int rows, boolean packed) {
        int sharedBytes(int segments) {
            return segments * panels * Panels.ROWS * rows * Float.BYTES;
        }

        String kernel(String type) {
            return "product_" + rows / 8 + "_" + type;
        }
    }

    private static final List<Narrow> NARROW = List.of(
            new Narrow(1, 8, false), new Narrow(1, 16, false), new Narrow(2, 32, true), new Narrow(4, 64, true));

    /** The kernels of one type of weights. */
    private record Kernels(long[] narrow, long wide, long experts, int wideShared) {}

    private final CudaKernels out;
    private final Map<DType, Kernels> kernels = new EnumMap<>(DType.class);
    private final int narrowKinds;
    private final long packKernel;

    Products(Gpu gpu, CudaKernels out) {
        this.out = out;
        int room = gpu.properties().sharedBytes();
        int kinds = 0;
        while (kinds < NARROW.size() && NARROW.get(kinds).sharedBytes(MOST_SEGMENTS) <= room) {
            kinds++;
        }
        this.narrowKinds = kinds;
        this.packKernel = gpu.kernel("pack_rows", 0);
        for (DType type : DType.values()) {
            String name = type.name().toLowerCase(Locale.ROOT);
            if (type == DType.F32) {
                long plain = gpu.kernel("product_f32", PLAIN_SHARED);
                kernels.put(type, new Kernels(new long[0], plain, gpu.kernel("experts_f32", PLAIN_SHARED), 0));
                continue;
            }
            long[] narrow = new long[kinds];
            for (int i = 0; i < kinds; i++) {
                Narrow kind = NARROW.get(i);
                narrow[i] = gpu.kernel(kind.kernel(name), kind.sharedBytes(MOST_SEGMENTS));
            }
            int wideShared = WIDE_STAGES * (WIDE_PANELS * blockBytes(type) + WIDE_ROWS / 8 * 512);
            long experts = gpu.kernel(
                    "experts_" + name, new Narrow(EXPERT_PANELS, EXPERT_ROWS, false).sharedBytes(MOST_SEGMENTS));
            kernels.put(type, new Kernels(narrow, gpu.kernel("product_wide_" + name, wideShared), experts, wideShared));
        }
    }

    /** Bytes of 32 columns of a panel in shared memory ({@code staged_bytes} of weights.cuh). */
    private static int blockBytes(DType type) {
        return switch (type) {
            case F32 -> throw new IllegalArgumentException("float32 weights are not staged");
            case F16, BF16 -> 1024;
            case Q8_0 -> 544;
            case Q4_0 -> 288;
            case Q4_K -> 352;
            case Q5_K -> 416;
            case Q6_K -> 448;
        };
    }

    private Kernels of(DType type) {
        Kernels found = kernels.get(type);
        if (found == null) {
            throw new IllegalArgumentException("there are no kernels for " + type);
        }
        return found;
    }

    /** Segments by the number of columns alone, so that every kernel adds up in one order. */
    static int segmentBlocks(int columns) {
        int blocks = (columns + 31) / 32;
        int segments = Math.clamp(blocks / LEAST_BLOCKS, 1, MOST_SEGMENTS);
        return (blocks + segments - 1) / segments;
    }

    static int segments(int columns) {
        int blocks = (columns + 31) / 32;
        int each = segmentBlocks(columns);
        return (blocks + each - 1) / each;
    }

    private static double factor(DType type) {
        return switch (type) {
            case F32 -> 1;
            case F16 -> ACTIVATION_FACTOR;
            default -> ACTIVATION_FACTOR * WEIGHT_FACTOR;
        };
    }

    void project(Activations x, Rows rows, List<Linear> stacked, Activations result, boolean accumulate) {
        // One launch for each type that occurs: a stack has one, or two where a format mixes them.
        int done = 0;
        for (int i = 0; i < stacked.size(); i++) {
            if ((done >> i & 1) == 0) {
                DType type = stacked.get(i).weights().type();
                int mask = 0;
                for (int j = i; j < stacked.size(); j++) {
                    mask |= stacked.get(j).weights().type() == type ? 1 << j : 0;
                }
                done |= mask;
                project(x, rows, stacked, mask, type, result, accumulate);
            }
        }
    }

    /** @param mask of the matrices of this type */
    private void project(
            Activations x,
            Rows rows,
            List<Linear> stacked,
            int mask,
            DType type,
            Activations result,
            boolean accumulate) {
        Launches launches = out.launches();
        int columns = stacked.getFirst().weights().columns();
        int count = CudaKernels.bucket(rows.count());
        Kernels own = of(type);
        int kind = kind(count);
        int segments = segments(columns);
        boolean plain = type == DType.F32;
        boolean wide = !plain && kind < 0;
        boolean packs = wide || (!plain && NARROW.get(kind).packed());
        long packed = packs ? pack(x, rows, columns, count) : 0;
        int panels = plain ? 1 : wide ? WIDE_PANELS : NARROW.get(kind).panels();
        int tiles = 0;
        for (int i = 0; i < stacked.size(); i++) {
            tiles += (mask >> i & 1) == 0 ? 0 : tiles(stacked.get(i).rows(), panels);
        }
        if (plain) {
            launches.add(own.wide(), tiles, divided(count, PLAIN_ROWS), 1, PLAIN_THREADS, PLAIN_SHARED);
        } else if (wide) {
            launches.add(own.wide(), tiles, divided(count, WIDE_ROWS), 1, WIDE_THREADS, own.wideShared());
        } else {
            Narrow narrow = NARROW.get(kind);
            launches.add(
                    own.narrow()[kind],
                    tiles,
                    divided(count, narrow.rows()),
                    1,
                    segments * WARP,
                    narrow.sharedBytes(segments));
        }
        out.put(x);
        out.put(rows);
        out.put(result);
        launches.word(accumulate ? 1 : 0);
        launches.word(columns);
        launches.word(segments);
        launches.word(segmentBlocks(columns));
        launches.word(Integer.bitCount(mask));
        launches.real(factor(type));
        launches.word(packed);
        launches.word(Panels.panelBytes(type, columns));
        int tile = 0;
        int column = 0;
        for (int i = 0; i < stacked.size(); i++) {
            Linear linear = stacked.get(i);
            if ((mask >> i & 1) != 0) {
                put(linear.weights(), linear.bias(), linear.rows(), column, tile);
                tile += tiles(linear.rows(), panels);
            }
            column += linear.rows();
        }
        fill(STACKED - Integer.bitCount(mask));
    }

    /** The narrow kernel for so many rows, or -1 for the wide one. */
    private int kind(int count) {
        if (count > MOST_NARROW_ROWS) {
            return -1;
        }
        int kind = 0;
        while (kind + 1 < narrowKinds && NARROW.get(kind).rows() < count) {
            kind++;
        }
        return kind;
    }

    private static int tiles(int rows, int panels) {
        return divided(Panels.count(rows), panels);
    }

    static int divided(int a, int b) {
        return (a + b - 1) / b;
    }

    private void put(Matrix weights, @Nullable Vector bias, int rows, int column, int tile) {
        Launches launches = out.launches();
        launches.word(CudaBuffer.address(weights.data()) + weights.offset());
        launches.word(bias == null ? 0 : CudaBuffer.address(bias.data()) + bias.offset());
        launches.word(rows);
        launches.word(column);
        launches.word(tile);
    }

    private void fill(int matrices) {
        for (int i = 0; i < matrices * 5; i++) {
            out.launches().word(0);
        }
    }

    /** Rows as halves in fragments; returns where. */
    private long pack(Activations x, Rows rows, int columns, int count) {
        Launches launches = out.launches();
        int blocks = divided(columns, 32);
        // The wide kernel copies whole tiles of eight rows.
        int tiles = divided(count, 8);
        long packed = out.scratch().packed((long) tiles * blocks * 512);
        launches.add(packKernel, tiles, divided(blocks, 8), 1, 8 * WARP, 0);
        out.put(x);
        out.put(rows);
        launches.word(columns);
        launches.word(packed);
        return packed;
    }

    void projectExperts(
            Activations x, Rows rows, boolean bySlot, Routing routing, List<Matrix> stacked, Activations result) {
        Launches launches = out.launches();
        DType type = stacked.getFirst().type();
        int columns = stacked.getFirst().columns();
        int segments = segments(columns);
        boolean plain = type == DType.F32;
        int panels = plain ? 1 : EXPERT_PANELS;
        int tiles = 0;
        for (Matrix matrix : stacked) {
            if (matrix.type() != type) {
                throw new IllegalArgumentException("experts of " + type + " and " + matrix.type() + " in one product");
            }
            tiles += tiles(matrix.rows() / routing.experts(), panels);
        }
        int shared = plain ? PLAIN_SHARED : new Narrow(EXPERT_PANELS, EXPERT_ROWS, false).sharedBytes(segments);
        launches.add(of(type).experts(), tiles, routing.experts(), 1, plain ? PLAIN_THREADS : segments * WARP, shared);
        out.put(x);
        out.put(rows);
        out.put(result);
        launches.word(columns);
        launches.word(segments);
        launches.word(segmentBlocks(columns));
        launches.word(stacked.size());
        launches.real(factor(type));
        launches.word(Panels.panelBytes(type, columns));
        launches.word(bySlot ? 1 : 0);
        launches.word(routing.used());
        launches.word(((CudaInts) routing.offsets()).address());
        launches.word(((CudaInts) routing.slots()).address());
        int tile = 0;
        int column = 0;
        for (Matrix matrix : stacked) {
            int each = matrix.rows() / routing.experts();
            put(matrix, null, each, column, tile);
            tile += tiles(each, panels);
            column += each;
        }
        fill(STACKED - stacked.size());
    }
}
