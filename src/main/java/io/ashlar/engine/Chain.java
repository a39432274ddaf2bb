package io.ashlar.engine;

import io.ashlar.block.Adapter;
import io.ashlar.block.Block;
import io.ashlar.compute.RotaryTable;
import io.ashlar.model.Family;
import io.ashlar.model.LayerShape;
import io.ashlar.model.ModelConfig;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A model on an engine: its blocks in order of depth (embedding, layers, norm, head) and perhaps an adapter.
 *
 * @param rotary the angles of each layer
 * @param contextLength the longest sequence, in tokens
 */
public record Chain(
        Family family,
        ModelConfig config,
        List<Block> blocks,
        @Nullable Adapter adapter,
        List<RotaryTable> rotary,
        int contextLength) {
    public Chain {
        if (blocks.size() != config.layers() + 3 || rotary.size() != config.layers()) {
            throw new IllegalArgumentException("a chain of " + config.layers() + " layers has " + (config.layers() + 3)
                    + " blocks and as many tables as layers, not " + blocks.size() + " and " + rotary.size());
        }
    }

    Block embedding() {
        return blocks.getFirst();
    }

    Block layer(int layer) {
        return blocks.get(1 + layer);
    }

    Block norm() {
        return blocks.get(blocks.size() - 2);
    }

    Block head() {
        return blocks.getLast();
    }

    /** What decides the pages of a prompt: chains with equal identities have equal pages. */
    Object identity() {
        return new Identity(blocks.subList(0, 1 + config.layers()), adapter, config.shapes());
    }

    private record Identity(List<Block> blocks, @Nullable Adapter adapter, List<LayerShape> shapes) {}

    @Override
    public boolean equals(@Nullable Object other) {
        return this == other;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(this);
    }
}
