package io.ashlar.engine;

import static io.ashlar.compute.PageLayout.TOKENS;

import io.ashlar.compute.PageLayout;
import io.ashlar.compute.PageType;
import io.ashlar.model.ModelConfig;
import io.ashlar.scheduler.Pages;

/** Gives sequences their pages: cached ones for the prefix that is known, new ones for the rest. */
final class SequencePages implements Pages<Sequence> {
    private final PagePool pool;
    private final PrefixCache cache;
    private final PageType type;
    private long preemptions;

    /** @param type of the pages' elements */
    SequencePages(PagePool pool, PrefixCache cache, PageType type) {
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

    @Override
    public boolean admit(Sequence sequence) {
        claimPrefix(sequence);
        while (sequence.capacity() < sequence.length) {
            if (!addNew(sequence)) {
                free(sequence);
                return false;
            }
        }
        Submission submission = sequence.submission;
        if (sequence.choice == 0 && submission.startedNanos < 0) {
            submission.cachedTokens = sequence.computed;
        }
        return true;
    }

    /** At least one token stays pending, since the next one is sampled from its logits. */
    private void claimPrefix(Sequence sequence) {
        long parent = root(sequence);
        int most = (sequence.length - 1) / TOKENS;
        for (int i = 0; i < most; i++) {
            PageGroup group = cache.find(parent, sequence.tokens, i * TOKENS);
            if (group == null) {
                break;
            }
            cache.use(group);
            sequence.addGroup(group);
            parent = group.id;
        }
        sequence.published = sequence.groups.size();
        sequence.computed = sequence.published * TOKENS;
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
        preemptions++;
        free(sequence);
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
        PageGroup group = new PageGroup(cache.nextId(), pages, layout.bytes());
        cache.use(group);
        sequence.addGroup(group);
        return true;
    }

    /**
     * Makes the groups that are now full findable for others. Where an equal group was there first (two sequences computed
     * the same prompt side by side), the sequence goes on with that one and its own is freed: equal tokens give equal bits.
     */
    void publish(Sequence sequence) {
        while ((sequence.published + 1) * TOKENS <= sequence.computed) {
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

    /** Gives all pages back, last first, so that beginnings of prompts outlive their ends in the cache. */
    void free(Sequence sequence) {
        for (PageGroup group : sequence.groups.reversed()) {
            if (cache.unuse(group)) {
                freePages(group);
            }
        }
        sequence.groups.clear();
        sequence.computed = 0;
        sequence.published = 0;
    }

    private void freePages(PageGroup group) {
        for (long page : group.pages) {
            pool.free(page);
        }
    }

    long preemptions() {
        return preemptions;
    }
}
