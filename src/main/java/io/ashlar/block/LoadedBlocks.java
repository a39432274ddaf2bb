package io.ashlar.block;

import io.ashlar.compute.Device;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The blocks and adapters that one device holds, each once, for as long as a chain uses it. Safe for many threads. */
public final class LoadedBlocks {
    private final BlockZoo zoo;
    private final Device device;
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<String, Block> blocks = new HashMap<>();
    private final Map<String, Adapter> adapters = new HashMap<>();

    public LoadedBlocks(BlockZoo zoo, Device device) {
        this.zoo = zoo;
        this.device = device;
    }

    public Device device() {
        return device;
    }

    /** The blocks of a chain, loaded where needed. Every call is answered by one {@link #release}. */
    public List<Block> acquire(List<String> names) {
        lock.lock();
        List<Block> acquired = new ArrayList<>();
        try {
            for (String name : names) {
                Block block = blocks.get(name);
                if (block == null) {
                    block = Block.load(name, zoo, device);
                    blocks.put(name, block);
                }
                block.use();
                acquired.add(block);
            }
            return List.copyOf(acquired);
        } catch (RuntimeException e) {
            release(acquired, null);
            throw e;
        } finally {
            lock.unlock();
        }
    }

    public Adapter acquire(AdapterManifest manifest, int layers) {
        lock.lock();
        try {
            Adapter adapter = adapters.get(manifest.block());
            if (adapter == null) {
                adapter = Adapter.load(manifest, layers, zoo, device);
                adapters.put(manifest.block(), adapter);
            }
            adapter.use();
            return adapter;
        } finally {
            lock.unlock();
        }
    }

    public void release(List<Block> chain, @Nullable Adapter adapter) {
        lock.lock();
        try {
            for (Block block : chain) {
                if (block.unuse()) {
                    blocks.remove(block.name());
                    block.close();
                }
            }
            if (adapter != null && adapter.unuse()) {
                adapters.remove(adapter.name());
                adapter.close();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Bytes of weights that the device holds, blocks and adapters. */
    public long bytes() {
        lock.lock();
        try {
            long bytes = 0;
            for (Block block : blocks.values()) {
                bytes += block.bytes();
            }
            for (Adapter adapter : adapters.values()) {
                bytes += adapter.bytes();
            }
            return bytes;
        } finally {
            lock.unlock();
        }
    }

    /** Bytes that a chain would add. */
    public long missingBytes(List<String> names) {
        lock.lock();
        try {
            return names.stream()
                    .distinct()
                    .filter(name -> !blocks.containsKey(name))
                    .mapToLong(zoo::bytes)
                    .sum();
        } finally {
            lock.unlock();
        }
    }

    public int blockCount() {
        lock.lock();
        try {
            return blocks.size();
        } finally {
            lock.unlock();
        }
    }
}
