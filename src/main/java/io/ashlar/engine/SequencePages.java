package io.ashlar.engine;

import static io.ashlar.compute.PageLayout.TOKENS;

import io.ashlar.compute.Device;
import io.ashlar.compute.PageLayout;
import io.ashlar.compute.PageType;
import io.ashlar.model.ModelConfig;
import io.ashlar.scheduler.Pages;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Gives sequences their pages: cached ones for the prefix that is known, new ones for the rest. */
final class SequencePages implements Pages<Sequence> {
    private final PagePool pool;
    private final PrefixCache cache;
    private final PageType type;
    private final Device device;
    private final Map<Chain, Trunk> trunks = new IdentityHashMap<>();
    private final @Nullable Mover mover;
    private final long hostBytes;
    private long hostBytesUsed;
    private long movedOut;
    private long movedIn;
    private long dropped;
    private long trunkTokens;

    /** Pages that stay where they are. */
    SequencePages(Device device, PagePool pool, PrefixCache cache, PageType type) {
        this(device, pool, cache, type, null, 0);
    }

    /**
     * @param type of the pages' elements
     * @param mover null where nothing moves
     * @param hostBytes memory of the host for pages that had to leave the device
     */
    SequencePages(
            Device device, PagePool pool, PrefixCache cache, PageType type, @Nullable Mover mover, long hostBytes) {
        this.mover = mover;
        this.hostBytes = hostBytes;
        this.device = device;
        this.pool = pool;
        this.cache = cache;
        this.type = type;
    }

    /** The longest sequence of such a chain that the pool could hold if it were alone. */
    long capacityTokens(ModelConfig config) {
        long pages = pool.capacity(config.layer(0).pages(type).bytes());
        return pages / config.layers() * TOKENS;
    }

    /** All layers of a chain have pages of one size. */
    private PageLayout layout(Chain chain) {
        return chain.config().layer(0).pages(type);
    }

    /** The chains on the engine changed: what they share is found anew. */
    void place(Collection<Chain> chains) {
        trunks.clear();
        for (Chain chain : chains) {
            trunks.put(chain, Trunk.of(chain, chains));
        }
    }

    Trunk trunk(Chain chain) {
        return trunks.getOrDefault(chain, Trunk.NONE);
    }

    @Override
    public boolean admit(Sequence sequence) {
        sequence.trunk = trunk(sequence.chain);
        claimPrefix(sequence);
        int cached = sequence.groups.size();
        while (sequence.capacity() < sequence.length) {
            if (!addNew(sequence)) {
                free(sequence);
                return false;
            }
        }
        claimTrunk(sequence, cached);
        Submission submission = sequence.submission;
        if (sequence.choice == 0 && submission.startedNanos < 0) {
            submission.cachedTokens = sequence.computed;
        }
        return true;
    }

    /** At least one token stays pending, since the next one is sampled from its logits. */
    private void claimPrefix(Sequence sequence) {
        findPrefix(sequence, (sequence.length - 1) / TOKENS);
        sequence.published = sequence.groups.size();
        sequence.computed = sequence.published * TOKENS;
    }

    /** Takes groups that the cache knows, at most so many. */
    private int findPrefix(Sequence sequence, int most) {
        long parent = root(sequence);
        for (int i = 0; i < most; i++) {
            PageGroup group = cache.find(parent, sequence.tokens, i * TOKENS);
            if (group == null) {
                break;
            }
            cache.use(group);
            sequence.addGroup(group);
            parent = group.id;
        }
        return sequence.groups.size();
    }

    /**
     * Takes over what chains with the same trunk computed of the prompt: the pages of its layers, and the hidden states
     * behind it, which rows of this chain go on from. Equal blocks give equal bits.
     */
    private void claimTrunk(Sequence sequence, int first) {
        sequence.trunkComputed = sequence.computed;
        if (sequence.trunk == Trunk.NONE) {
            return;
        }
        long parent = trunkRoot(sequence);
        int most = (sequence.length - 1) / TOKENS;
        for (int i = 0; i < most; i++) {
            PageGroup found = cache.findTrunk(parent, sequence.tokens, i * TOKENS);
            if (found == null) {
                return;
            }
            parent = found.id;
            PageGroup own = sequence.groups.get(i);
            if (i < first) {
                continue;
            }
            if (!own.trunk.equals(found.trunk)) {
                // There was no memory for its hidden states; rows behind it would begin without theirs.
                return;
            }
            for (int layer = 0; layer < own.trunk.depth(); layer++) {
                device.copy(pool.memory(), found.pages[layer], own.pages[layer], own.pageBytes);
            }
            device.copy(pool.memory(), found.hidden, own.hidden, hiddenBytes(sequence.chain));
            sequence.trunkComputed = (i + 1) * TOKENS;
            trunkTokens += TOKENS;
        }
    }

    private static long hiddenBytes(Chain chain) {
        return (long) TOKENS * chain.config().hiddenSize() * Float.BYTES;
    }

    private long trunkRoot(Sequence sequence) {
        return cache.root(sequence.submission.request().cacheScope(), sequence.trunk);
    }

    private long root(Sequence sequence) {
        return cache.root(sequence.submission.request().cacheScope(), sequence.chain.identity());
    }

    @Override
    public boolean grow(Sequence sequence) {
        return sequence.capacity() >= sequence.length || addNew(sequence);
    }

    @Override
    public void release(Sequence sequence) {
        dropped++;
        free(sequence);
    }

    @Override
    public boolean moveOut(Sequence sequence) {
        PageLayout layout = layout(sequence.chain);
        int layers = sequence.chain.config().layers();
        int count = (sequence.computed + TOKENS - 1) / TOKENS;
        long bytes = count * layers * layout.bytes();
        if (mover == null || hostBytesUsed + bytes > hostBytes) {
            return false;
        }
        hostBytesUsed += bytes;
        movedOut++;
        sequence.move = new PageMove(offsets(sequence, 0, count), layout.bytes());
        mover.queue(sequence);
        return true;
    }

    private static long[] offsets(Sequence sequence, int first, int end) {
        int layers = sequence.chain.config().layers();
        long[] offsets = new long[(end - first) * layers];
        for (int i = first; i < end; i++) {
            System.arraycopy(sequence.groups.get(i).pages, 0, offsets, (i - first) * layers, layers);
        }
        return offsets;
    }

    /** What the cache still has need not come back. */
    @Override
    public boolean moveIn(Sequence sequence) {
        PageMove move = sequence.move;
        if (mover == null || move == null) {
            throw new IllegalStateException("a sequence was to come back that is not away");
        }
        int count = (sequence.computed + TOKENS - 1) / TOKENS;
        sequence.trunk = Trunk.NONE;
        int found = findPrefix(sequence, sequence.computed / TOKENS);
        while (sequence.capacity() < sequence.length) {
            if (!addNew(sequence)) {
                dropGroups(sequence);
                return false;
            }
        }
        sequence.published = found;
        sequence.trunkComputed = sequence.computed;
        movedIn++;
        move.back(
                offsets(sequence, found, count), found * sequence.chain.config().layers());
        mover.queue(sequence);
        return true;
    }

    /** A copy is through. */
    void moved(Sequence sequence) {
        PageMove move = sequence.move;
        if (move == null) {
            throw new IllegalStateException("a sequence's pages came that were not on their way");
        }
        move.underWay = false;
        if (move.abandoned || move.failed) {
            free(sequence);
        } else if (move.isOut()) {
            dropGroups(sequence);
        } else {
            closeMove(sequence);
        }
    }

    private void closeMove(Sequence sequence) {
        PageMove move = sequence.move;
        if (move != null) {
            hostBytesUsed -= move.bytes();
            move.close();
            sequence.move = null;
        }
    }

    /** Gives everything back that a sequence which ended has, at once or when the copy under way is through. */
    void end(Sequence sequence) {
        PageMove move = sequence.move;
        if (move != null && mover != null) {
            mover.unqueue(sequence);
            if (move.underWay) {
                move.abandoned = true;
                return;
            }
        }
        free(sequence);
    }

    @Override
    public long free() {
        return pool.bytes() - pool.usedBytes() + cache.unusedBytes();
    }

    @Override
    public long bytes(Sequence sequence, int tokens) {
        return (tokens + TOKENS - 1) / TOKENS * groupBytes(sequence.chain);
    }

    @Override
    public long held(Sequence sequence) {
        return sequence.groups.size() * groupBytes(sequence.chain);
    }

    private long groupBytes(Chain chain) {
        return chain.config().layers() * layout(chain).bytes();
    }

    @Override
    public double moveBytesPerSecond() {
        return mover == null ? 1 : mover.bytesPerSecond();
    }

    private boolean addNew(Sequence sequence) {
        PageLayout layout = layout(sequence.chain);
        long[] pages = new long[sequence.chain.config().layers()];
        while (!pool.allocate(layout.bytes(), pages)) {
            PageGroup evicted = cache.evict();
            if (evicted == null) {
                return false;
            }
            freePages(evicted);
        }
        // Prompts are what others ask too; and hidden states are worth keeping only while memory is free.
        Trunk trunk = sequence.groups.size() * TOKENS < sequence.promptLength() ? sequence.trunk : Trunk.NONE;
        long[] hidden = {-1};
        if (trunk != Trunk.NONE && !pool.allocate(hiddenBytes(sequence.chain), hidden)) {
            trunk = Trunk.NONE;
        }
        PageGroup group =
                new PageGroup(cache.nextId(), pages, layout.bytes(), trunk, trunk == Trunk.NONE ? -1 : hidden[0]);
        cache.use(group);
        sequence.addGroup(group);
        return true;
    }

    /**
     * Makes the groups that are now full findable for others. Where an equal group was there first (two sequences computed
     * the same prompt side by side), the sequence goes on with that one and its own is freed: equal tokens give equal bits.
     */
    void publish(Sequence sequence) {
        int computed = Math.min(sequence.computed, sequence.knownLength());
        publishTrunk(sequence, computed);
        while ((sequence.published + 1) * TOKENS <= computed) {
            int place = sequence.published++;
            PageGroup own = sequence.groups.get(place);
            long parent = place == 0 ? root(sequence) : sequence.groups.get(place - 1).id;
            PageGroup found = cache.publish(own, parent, sequence.tokens, place * TOKENS);
            if (found != own) {
                cache.use(found);
                sequence.setGroup(place, found);
                if (cache.unuse(own)) {
                    freePages(own);
                }
            }
        }
    }

    private void publishTrunk(Sequence sequence, int computed) {
        if (sequence.trunk == Trunk.NONE || (sequence.published + 1) * TOKENS > computed) {
            return;
        }
        if (sequence.trunkPublished == 0) {
            sequence.trunkParent = trunkRoot(sequence);
        }
        while ((sequence.trunkPublished + 1) * TOKENS <= computed) {
            int place = sequence.trunkPublished;
            PageGroup own = sequence.groups.get(place);
            if (!own.trunk.equals(sequence.trunk)) {
                return;
            }
            sequence.trunkParent = cache.publishTrunk(own, sequence.trunkParent, sequence.tokens, place * TOKENS).id;
            sequence.trunkPublished++;
        }
    }

    /** Gives all pages back, last first, so that beginnings of prompts outlive their ends in the cache. */
    void free(Sequence sequence) {
        closeMove(sequence);
        dropGroups(sequence);
        sequence.computed = 0;
    }

    private void dropGroups(Sequence sequence) {
        for (PageGroup group : sequence.groups.reversed()) {
            if (cache.unuse(group)) {
                freePages(group);
            }
        }
        sequence.groups.clear();
        sequence.published = 0;
        sequence.trunkComputed = 0;
        sequence.trunkPublished = 0;
    }

    private void freePages(PageGroup group) {
        cache.forgetTrunk(group);
        if (group.hidden >= 0) {
            pool.free(group.hidden);
        }
        for (long page : group.pages) {
            pool.free(page);
        }
    }

    /** Prompt tokens whose first layers another chain had computed. */
    long trunkTokens() {
        return trunkTokens;
    }

    /** Times that a sequence's pages were given up, to be computed again. */
    long dropped() {
        return dropped;
    }

    /** Times that a sequence's pages went to host memory. */
    long movedOut() {
        return movedOut;
    }

    long movedIn() {
        return movedIn;
    }

    long hostBytesUsed() {
        return hostBytesUsed;
    }
}
