package io.ashlar.block;

import io.ashlar.compute.Buffer;
import io.ashlar.compute.DType;
import io.ashlar.compute.Device;
import io.ashlar.compute.LowRank;
import io.ashlar.compute.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A LoRA adapter on a device, in float32, with its second halves transposed for the kernel. */
public final class Adapter {
    private final String name;
    private final Map<String, LowRank> terms;
    private final long bytes;
    private final Arena arena;
    private final List<Buffer> buffers;
    private int users;

    private Adapter(String name, Map<String, LowRank> terms, long bytes, Arena arena, List<Buffer> buffers) {
        this.name = name;
        this.terms = terms;
        this.bytes = bytes;
        this.arena = arena;
        this.buffers = buffers;
    }

    static Adapter load(AdapterManifest manifest, BlockZoo zoo, Device device) {
        Arena arena = Arena.ofShared();
        Map<String, Matrix> matrices = new HashMap<>();
        List<Buffer> buffers = new ArrayList<>();
        long bytes = 0;
        try (Arena mapping = Arena.ofConfined()) {
            for (BlockTensor t : zoo.map(manifest.block(), mapping)) {
                boolean transposed = t.role().endsWith(".b");
                MemorySegment floats = floats(t, transposed, arena);
                Buffer buffer = device.upload(floats);
                buffers.add(buffer);
                int rows = transposed ? t.columns() : t.rows();
                int columns = transposed ? t.rows() : t.columns();
                matrices.put(t.role(), new Matrix(buffer, 0, DType.F32, rows, columns));
                bytes += floats.byteSize();
            }
        }
        Map<String, LowRank> terms = new HashMap<>();
        for (Map.Entry<String, Matrix> entry : matrices.entrySet()) {
            if (entry.getKey().endsWith(".a")) {
                String projection = entry.getKey().substring(0, entry.getKey().length() - 2);
                Matrix b = matrices.get(projection + ".b");
                if (b == null) {
                    throw new IllegalStateException("adapter " + manifest.block() + " lacks " + projection + ".b");
                }
                terms.put(projection, new LowRank(entry.getValue(), b, manifest.scale()));
            }
        }
        return new Adapter(manifest.block(), Map.copyOf(terms), bytes, arena, List.copyOf(buffers));
    }

    private static MemorySegment floats(BlockTensor t, boolean transpose, Arena arena) {
        MemorySegment out = arena.allocate((long) t.rows() * t.columns() * Float.BYTES, 64);
        for (int r = 0; r < t.rows(); r++) {
            for (int c = 0; c < t.columns(); c++) {
                long from = (long) r * t.columns() + c;
                long to = transpose ? (long) c * t.rows() + r : from;
                out.setAtIndex(ValueLayout.JAVA_FLOAT, to, value(t, from));
            }
        }
        return out;
    }

    private static float value(BlockTensor t, long index) {
        long at = index * t.type().bytes();
        return switch (t.type()) {
            case F32 -> t.data().get(ValueLayout.JAVA_FLOAT_UNALIGNED, at);
            case F16 -> Float.float16ToFloat(t.data().get(ValueLayout.JAVA_SHORT_UNALIGNED, at));
            case BF16 -> Float.intBitsToFloat(t.data().get(ValueLayout.JAVA_SHORT_UNALIGNED, at) << 16);
        };
    }

    /** The zoo's name of its tensors. */
    public String name() {
        return name;
    }

    /** Its term for a layer's projection; null where it leaves the projection as it is. */
    public @Nullable LowRank term(int layer, String role) {
        return terms.get(layer + "." + role);
    }

    public long bytes() {
        return bytes;
    }

    void use() {
        users++;
    }

    boolean unuse() {
        return --users == 0;
    }

    void close() {
        buffers.forEach(Buffer::close);
        arena.close();
    }
}
