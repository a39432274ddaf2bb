package io.ashlar.engine;

import io.ashlar.block.Block;
import io.ashlar.model.LayerShape;
import java.util.List;
import java.util.Objects;

/**
 * The first layers of a chain, as far as another chain on the engine has the same: what was computed of a prompt there serves
 * both. Chains with equal trunks find each other's.
 *
 * @param blocks the embedding and the layers of the trunk
 */
record Trunk(List<Block> blocks, List<LayerShape> shapes, float embeddingScale) {
    static final Trunk NONE = new Trunk(List.of(), List.of(), 1);

    int depth() {
        return shapes.size();
    }

    /** The longest trunk that a chain has with one of the others. Adapters change layers from the first on. */
    static Trunk of(Chain chain, Iterable<Chain> others) {
        int depth = 0;
        for (Chain other : others) {
            if (other != chain) {
                depth = Math.max(depth, common(chain, other));
            }
        }
        return depth == 0
                ? NONE
                : new Trunk(
                        chain.blocks().subList(0, 1 + depth),
                        chain.config().shapes().subList(0, depth),
                        chain.config().embeddingScale());
    }

    /** Layers that two chains share from the first on; none where they are the same throughout, since then all is shared. */
    private static int common(Chain a, Chain b) {
        if (a.adapter() != null
                || b.adapter() != null
                || a.embedding() != b.embedding()
                || a.config().embeddingScale() != b.config().embeddingScale()) {
            return 0;
        }
        int layers = Math.min(a.config().layers(), b.config().layers());
        int depth = 0;
        while (depth < layers
                && a.layer(depth) == b.layer(depth)
                && Objects.equals(a.config().layer(depth), b.config().layer(depth))) {
            depth++;
        }
        return depth == a.config().layers() || depth == b.config().layers() ? 0 : depth;
    }
}
