package io.ashlar.serving;

import io.ashlar.block.LoadedBlocks;
import io.ashlar.block.ModelManifest;
import io.ashlar.engine.ChainLoader;
import io.ashlar.engine.Engine;

/**
 * An engine with its device's blocks: where a deployment can be placed.
 *
 * @param weightBytes weights that may be in the device's memory; models beyond it take turns
 */
public record Host(Engine engine, LoadedBlocks loaded, ChainLoader chains, long weightBytes) {
    public Host(Engine engine, LoadedBlocks loaded, long weightBytes) {
        this(engine, loaded, new ChainLoader(loaded), weightBytes);
    }

    boolean fits(ModelManifest manifest) {
        return loaded.bytes() + loaded.missingBytes(manifest.chain()) <= weightBytes;
    }

    long freeBytes() {
        return Math.max(0, weightBytes - loaded.bytes());
    }
}
