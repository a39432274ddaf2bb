package io.ashlar.block;

import io.ashlar.compute.Buffer;
import io.ashlar.compute.Device;
import io.ashlar.compute.LowRank;
import io.ashlar.compute.LowRankTerms;
import io.ashlar.compute.Matrix;
import io.ashlar.model.Family;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A LoRA adapter on a device: its terms by slot, those of a layer's projections one after another. */
public final class Adapter {
    private static final int SLOTS = Family.ADAPTABLE.size();

    private final String name;
    private final LowRankTerms terms;
    private final long bytes;
    private final Arena arena;
    private final List<Buffer> buffers;
    private int users;

    private Adapter(String name, LowRankTerms terms, long bytes, Arena arena, List<Buffer> buffers) {
        this.name = name;
        this.terms = terms;
        this.bytes = bytes;
        this.arena = arena;
        this.buffers = buffers;
    }

    /** @param layers of the model that it changes */
    static Adapter load(AdapterManifest manifest, int layers, BlockZoo zoo, Device device) {
        Arena arena = Arena.ofShared();
        Map<String, Matrix> matrices = new HashMap<>();
        List<Buffer> buffers = new ArrayList<>();
        long bytes = 0;
        for (BlockTensor t : zoo.map(manifest.block(), arena)) {
            Buffer buffer = device.upload(t.data());
            buffers.add(buffer);
            matrices.put(t.role(), new Matrix(buffer, 0, t.type(), t.rows(), t.columns()));
            bytes += t.bytes();
        }
        List<@Nullable LowRank> terms = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            for (String role : Family.ADAPTABLE) {
                Matrix a = matrices.get(layer + "." + role + ".a");
                Matrix b = matrices.get(layer + "." + role + ".b");
                terms.add(a == null || b == null ? null : new LowRank(a, b));
            }
        }
        return new Adapter(manifest.block(), device.lowRankTerms(terms), bytes, arena, List.copyOf(buffers));
    }

    /** The first slot of a layer. */
    public static int slot(int layer) {
        return layer * SLOTS;
    }

    /** The zoo's name of its tensors. */
    public String name() {
        return name;
    }

    public LowRankTerms terms() {
        return terms;
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
        terms.close();
        buffers.forEach(Buffer::close);
        arena.close();
    }
}
