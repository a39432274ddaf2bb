package io.ashlar.engine;

import io.ashlar.block.Adapter;
import io.ashlar.block.AdapterManifest;
import io.ashlar.block.Block;
import io.ashlar.block.LoadedBlocks;
import io.ashlar.block.ModelManifest;
import io.ashlar.compute.RotaryTable;
import io.ashlar.model.LayerShape;
import io.ashlar.model.ModelConfig;
import io.ashlar.model.RotaryScaling;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Makes chains of manifests: acquires their blocks and adapter, and shares tables of angles. Safe for many threads. */
public final class ChainLoader {
    private record RotaryKey(int headDim, double theta, RotaryScaling scaling, int context) {}

    private final LoadedBlocks loaded;
    private final Map<RotaryKey, RotaryTable> rotaryTables = new ConcurrentHashMap<>();

    public ChainLoader(LoadedBlocks loaded) {
        this.loaded = loaded;
    }

    /** @param maxContext bounds the model's own context length, in tokens */
    public Chain load(ModelManifest manifest, @Nullable AdapterManifest adapterManifest, int maxContext) {
        ModelConfig config = manifest.modelConfig();
        int context = Math.min(config.contextLength(), maxContext);
        LayerShape shape = config.layer();
        RotaryTable rotary = rotaryTables.computeIfAbsent(
                new RotaryKey(shape.headDim(), shape.rotaryTheta(), shape.rotaryScaling(), context),
                k -> k.scaling.table(k.headDim, k.theta, k.context));
        List<Block> blocks = loaded.acquire(manifest.chain());
        try {
            Adapter adapter = adapterManifest == null ? null : loaded.acquire(adapterManifest);
            return new Chain(manifest.family(), config, blocks, adapter, rotary, context);
        } catch (RuntimeException e) {
            loaded.release(blocks, null);
            throw e;
        }
    }

    /** Gives a chain's blocks back. No sequence of it may be running. */
    public void release(Chain chain) {
        loaded.release(chain.blocks(), chain.adapter());
    }
}
