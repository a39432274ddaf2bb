package io.ashlar.engine;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The pages of the same 16 tokens in all layers of a chain: what is allocated, shared and forgotten together. */
final class PageGroup {
    /** How a group is found again: the group before it, and its own tokens. */
    record Key(long parent, int[] tokens) {
        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Key k && k.parent == parent && Arrays.equals(k.tokens, tokens);
        }

        @Override
        public int hashCode() {
            return Long.hashCode(parent) * 31 + Arrays.hashCode(tokens);
        }
    }

    final long id;
    /** Byte offset into the pool, by layer. */
    final long[] pages;

    final long pageBytes;
    int users;
    /** Set once it can be found in the prefix cache. */
    @Nullable
    Key key;

    /** The trunk whose last hidden states are kept beside the pages; {@link Trunk#NONE} where none are. */
    final Trunk trunk;
    /** Byte offset of those, {@code [16, hiddenSize]} in float32. */
    final long hidden;
    /** How chains of the same trunk find it. */
    @Nullable
    Key trunkKey;

    PageGroup(long id, long[] pages, long pageBytes, Trunk trunk, long hidden) {
        this.id = id;
        this.trunk = trunk;
        this.hidden = hidden;
        this.pages = pages;
        this.pageBytes = pageBytes;
    }

    /** Of its pages, hidden states left out. */
    long bytes() {
        return pages.length * pageBytes;
    }
}
