package io.ashlar.block;

import io.ashlar.compute.Buffer;
import io.ashlar.compute.Matrix;
import io.ashlar.compute.Vector;
import io.ashlar.model.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A block on a device. Equal by identity: a device holds each block once. */
public final class Block {
    private final String name;
    private final Weights weights;
    private final long bytes;
    private final Arena arena;
    private final List<Buffer> buffers;
    private final List<MemorySegment> mapped;
    private int users;

    private Block(
            String name, Weights weights, long bytes, Arena arena, List<Buffer> buffers, List<MemorySegment> mapped) {
        this.name = name;
        this.weights = weights;
        this.bytes = bytes;
        this.arena = arena;
        this.buffers = buffers;
        this.mapped = mapped;
    }

    static Block load(String name, BlockZoo zoo, io.ashlar.compute.Device device) {
        Arena arena = Arena.ofShared();
        Map<String, Matrix> matrices = new HashMap<>();
        Map<String, Vector> vectors = new HashMap<>();
        List<Buffer> buffers = new ArrayList<>();
        long bytes = 0;
        List<MemorySegment> mapped = new ArrayList<>();
        for (BlockTensor t : zoo.map(name, arena)) {
            mapped.add(t.data());
            if (t.vector()) {
                Vector vector = new Vector(device.upload(t.data()), 0, t.columns());
                buffers.add(vector.data());
                vectors.put(t.role(), vector);
            } else {
                Matrix matrix = device.matrix(t.data(), t.type(), t.rows(), t.columns());
                buffers.add(matrix.data());
                matrices.put(t.role(), matrix);
            }
            bytes += t.bytes();
        }
        return new Block(name, new Weights(matrices, vectors), bytes, arena, List.copyOf(buffers), List.copyOf(mapped));
    }

    public String name() {
        return name;
    }

    public Weights weights() {
        return weights;
    }

    /** Bytes of its weights. */
    public long bytes() {
        return bytes;
    }

    /** Brings its pages from the disk, so that no step waits for them. Any thread but the engine's may call it. */
    public void fetch() {
        mapped.forEach(MemorySegment::load);
    }

    void use() {
        users++;
    }

    /** @return whether nobody is left */
    boolean unuse() {
        return --users == 0;
    }

    void close() {
        buffers.forEach(Buffer::close);
        arena.close();
    }
}
