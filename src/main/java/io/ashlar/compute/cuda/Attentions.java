package io.ashlar.compute.cuda;

import io.ashlar.compute.Activations;
import io.ashlar.compute.Attention;
import io.ashlar.compute.Ints;
import io.ashlar.compute.KeyValues;
import io.ashlar.compute.PageLayout;
import io.ashlar.compute.PageType;
import io.ashlar.compute.Rows;
import java.util.Locale;

/** Launches of attention: by tensor cores where pages are of 8 or 16 bits and heads fit, else plainly. */
final class Attentions {
    private static final int[] DIMENSIONS = {64, 128, 256};
    private static final int TILES_OF_CHUNK = 8;
    private static final int CHUNK_THREADS = 256;
    private static final int MANY_THREADS = 128;
    private static final int MANY_ROWS = 64;
    private static final int PLAIN_THREADS = 128;
    private static final int PLAIN_SHARED = 64 * Float.BYTES;
    private static final PageType[] TYPES = PageType.values();

    private final CudaKernels out;
    private final int room;
    private final long[][] chunk = new long[TYPES.length][DIMENSIONS.length];
    private final long[][] many = new long[TYPES.length][DIMENSIONS.length];
    private final long[] plain = new long[TYPES.length];
    private final long merge;

    Attentions(Gpu gpu, CudaKernels out) {
        this.out = out;
        this.room = gpu.properties().sharedBytes();
        this.merge = gpu.kernel("attend_merge_parts", 0);
        for (PageType type : TYPES) {
            String name = type.name().toLowerCase(Locale.ROOT);
            plain[type.ordinal()] = gpu.kernel("attend_plain_" + name, PLAIN_SHARED);
            for (int i = 0; i < DIMENSIONS.length && type != PageType.F32; i++) {
                int dims = DIMENSIONS[i];
                if (fits(type, i, dims)) {
                    chunk[type.ordinal()][i] = gpu.kernel("attend_chunk_" + name + "_" + dims, chunkShared(dims));
                    many[type.ordinal()][i] = gpu.kernel("attend_many_" + name + "_" + dims, manyShared(type, i, dims));
                }
            }
        }
    }

    private static int chunkShared(int headDim) {
        return TILES_OF_CHUNK * 16 * (2 + headDim) * Float.BYTES;
    }

    private static int manyShared(PageType type, int kind, int headDim) {
        int tile = 8 * PageLayout.TOKENS * headDim * type.bytes();
        return 2 * tile + MANY_THREADS * DIMENSIONS[kind] / 2 * Float.BYTES;
    }

    /** Both kernels or none: a row has the same bits from either. */
    private boolean fits(PageType type, int kind, int headDim) {
        return chunkShared(headDim) <= room && manyShared(type, kind, headDim) <= room;
    }

    void attend(Activations q, Rows rows, Attention how, Ints positions, KeyValues from, Activations result) {
        PageLayout layout = from.layout();
        PageType type = layout.type();
        int dims = layout.headDim();
        int kind = 0;
        while (kind < DIMENSIONS.length && DIMENSIONS[kind] < dims) {
            kind++;
        }
        int tasks = CudaKernels.bucket(rows.taskCount());
        int group = how.heads() / layout.kvHeads();
        long parts =
                rows.longCount() == 0 ? 0 : out.scratch().parts((long) tasks * how.heads() * (dims + 2) * Float.BYTES);
        boolean tensor = type != PageType.F32 && kind < DIMENSIONS.length && fits(type, kind, dims);
        if (tensor) {
            out.launches()
                    .add(
                            chunk[type.ordinal()][kind],
                            tasks,
                            layout.kvHeads(),
                            Products.divided(group, 16),
                            CHUNK_THREADS,
                            chunkShared(dims));
            put(q, rows, how, positions, from, result, parts);
            if (rows.mostTaskRows() > 1) {
                int blocks = Products.divided(CudaDevice.TILING.rows() * group, MANY_ROWS);
                out.launches()
                        .add(
                                many[type.ordinal()][kind],
                                tasks,
                                layout.kvHeads(),
                                blocks,
                                MANY_THREADS,
                                manyShared(type, kind, dims));
                put(q, rows, how, positions, from, result, parts);
            }
        } else {
            out.launches().add(plain[type.ordinal()], tasks, how.heads(), 1, PLAIN_THREADS, PLAIN_SHARED);
            put(q, rows, how, positions, from, result, parts);
        }
        if (rows.longCount() > 0) {
            out.launches().add(merge, CudaKernels.bucket(rows.longCount()), how.heads(), 1, PLAIN_THREADS, 0);
            put(q, rows, how, positions, from, result, parts);
        }
    }

    private void put(
            Activations q, Rows rows, Attention how, Ints positions, KeyValues from, Activations result, long parts) {
        Launches launches = out.launches();
        out.put(q);
        out.put(rows);
        launches.word(((CudaInts) rows.tasks()).address());
        launches.word(((CudaInts) rows.longRows()).address());
        launches.word(((CudaInts) rows.longTasks()).address());
        launches.word(((CudaInts) positions).address());
        out.put(from);
        launches.word(how.heads());
        launches.word(how.window());
        launches.real(how.scale());
        launches.real(how.softcap());
        out.put(result);
        launches.word(parts);
    }
}
