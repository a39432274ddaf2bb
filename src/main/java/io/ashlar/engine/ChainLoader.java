package io.ashlar.engine;

import io.ashlar.block.Adapter;
import io.ashlar.block.AdapterManifest;
import io.ashlar.block.Block;
import io.ashlar.block.LoadedBlocks;
import io.ashlar.block.ModelManifest;
import io.ashlar.compute.Buffer;
import io.ashlar.compute.RotaryTable;
import io.ashlar.model.LayerShape;
import io.ashlar.model.ModelConfig;
import io.ashlar.model.Rotary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Makes chains of manifests: acquires their blocks and adapter, and shares tables of angles. Safe for many threads. */
public final class ChainLoader {
    private record RotaryKey(Rotary rotary, int context) {}

    private final LoadedBlocks loaded;
    private final Map<RotaryKey, RotaryTable> rotaryTables = new ConcurrentHashMap<>();

    public ChainLoader(LoadedBlocks loaded) {
        this.loaded = loaded;
    }

    /** @param maxContext bounds the model's own context length, in tokens */
    public Chain load(ModelManifest manifest, @Nullable AdapterManifest adapterManifest, int maxContext) {
        ModelConfig config = manifest.modelConfig();
        int context = Math.min(config.contextLength(), maxContext);
        List<RotaryTable> rotary = new ArrayList<>();
        for (LayerShape shape : config.shapes()) {
            rotary.add(rotaryTables.computeIfAbsent(new RotaryKey(shape.rotary(), context), this::table));
        }
        List<Block> blocks = loaded.acquire(manifest.chain());
        try {
            blocks.forEach(Block::fetch);
            Adapter adapter = adapterManifest == null ? null : loaded.acquire(adapterManifest, config.layers());
            return new Chain(manifest.family(), config, blocks, adapter, List.copyOf(rotary), context);
        } catch (RuntimeException e) {
            loaded.release(blocks, null);
            throw e;
        }
    }

    private RotaryTable table(RotaryKey key) {
        Rotary r = key.rotary;
        float[] angles = r.scaling().angles(r.dimensions(), r.theta(), key.context);
        MemorySegment memory = Arena.ofAuto().allocate(angles.length * 4L, 64);
        MemorySegment.copy(angles, 0, memory, ValueLayout.JAVA_FLOAT, 0, angles.length);
        Buffer buffer = loaded.device().upload(memory);
        return new RotaryTable(buffer, r.dimensions() / 2, key.context);
    }

    /** Gives a chain's blocks back. No sequence of it may be running. */
    public void release(Chain chain) {
        loaded.release(chain.blocks(), chain.adapter());
    }
}
