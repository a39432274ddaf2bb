package io.ashlar.engine;

import static io.ashlar.compute.PageLayout.TOKENS;

import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.SequencedSet;
import org.jspecify.annotations.Nullable;

/**
 * Page groups that can be found again. A group is known by the one before it and its 16 tokens, compared token by token;
 * the first one's parent stands for the scope (who may share) and the chain. Unused groups stay until memory is needed,
 * the least recently used going first, ends of prompts before their beginnings.
 */
final class PrefixCache {
    private record Root(String scope, Object chain) {}

    private final Map<Root, Long> roots = new HashMap<>();
    private final Map<PageGroup.Key, PageGroup> groups = new HashMap<>();
    /** By trunk: a group's parent is the group before it that is found in this map, or the trunk's root. */
    private final Map<PageGroup.Key, PageGroup> trunks = new HashMap<>();

    private final SequencedSet<PageGroup> unused = new LinkedHashSet<>();
    private long unusedBytes;
    private long nextId = 1;

    long nextId() {
        return nextId++;
    }

    long root(String scope, Object chain) {
        return roots.computeIfAbsent(new Root(scope, chain), r -> nextId());
    }

    /** The group for 16 tokens from {@code from} on, after the group {@code parent}; null when it is not cached. */
    @Nullable
    PageGroup find(long parent, int[] tokens, int from) {
        return groups.get(new PageGroup.Key(parent, Arrays.copyOfRange(tokens, from, from + TOKENS)));
    }

    /**
     * Makes a computed group findable.
     *
     * @return the group that is found from now on: this one, or an equal one that was there first
     */
    PageGroup publish(PageGroup group, long parent, int[] tokens, int from) {
        PageGroup.Key key = new PageGroup.Key(parent, Arrays.copyOfRange(tokens, from, from + TOKENS));
        PageGroup first = groups.putIfAbsent(key, group);
        if (first != null) {
            return first;
        }
        group.key = key;
        return group;
    }

    /** A group of any chain with the trunk, for 16 tokens after {@code parent}; null when there is none. */
    @Nullable
    PageGroup findTrunk(long parent, int[] tokens, int from) {
        return trunks.get(new PageGroup.Key(parent, Arrays.copyOfRange(tokens, from, from + TOKENS)));
    }

    /** Makes a computed group findable for chains with the same trunk; returns the one that is found from now on. */
    PageGroup publishTrunk(PageGroup group, long parent, int[] tokens, int from) {
        PageGroup.Key key = new PageGroup.Key(parent, Arrays.copyOfRange(tokens, from, from + TOKENS));
        PageGroup first = trunks.putIfAbsent(key, group);
        if (first == null) {
            group.trunkKey = key;
        }
        return first == null ? group : first;
    }

    void use(PageGroup group) {
        if (group.users++ == 0) {
            if (unused.remove(group)) {
                unusedBytes -= group.bytes();
            }
        }
    }

    /** @return true when the group is of no further use and its pages can be freed */
    boolean unuse(PageGroup group) {
        if (--group.users > 0) {
            return false;
        }
        if (group.key == null) {
            return true;
        }
        unused.addLast(group);
        unusedBytes += group.bytes();
        return false;
    }

    /** Forgets the group that was unused for longest; null when all are in use. */
    @Nullable
    PageGroup evict() {
        if (unused.isEmpty()) {
            return null;
        }
        PageGroup group = unused.removeFirst();
        unusedBytes -= group.bytes();
        groups.remove(group.key);
        group.key = null;
        forgetTrunk(group);
        return group;
    }

    /** A group whose pages are freed is found no more. */
    void forgetTrunk(PageGroup group) {
        if (group.trunkKey != null) {
            trunks.remove(group.trunkKey);
            group.trunkKey = null;
        }
    }

    /** Forgets what only this chain could find again; the groups themselves leave as memory is needed. */
    void forget(Object chain) {
        roots.keySet().removeIf(root -> root.chain.equals(chain));
    }

    /** Bytes of the groups that nobody uses. */
    long unusedBytes() {
        return unusedBytes;
    }

    int size() {
        return groups.size();
    }
}
