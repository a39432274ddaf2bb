package io.ashlar.compute.cpu;

import io.ashlar.compute.LowRank;
import io.ashlar.compute.LowRankTerms;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Terms as Java sees them, and as an array of {@code Term} of {@code ashlar.h}. */
final class CpuLowRankTerms implements LowRankTerms {
    private static final int WORDS = 3;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory;
    private final List<@Nullable LowRank> terms;

    CpuLowRankTerms(List<@Nullable LowRank> terms) {
        this.terms = Collections.unmodifiableList(new ArrayList<>(terms));
        this.memory = arena.allocate(Math.max(1, terms.size()) * WORDS * 8L, 64);
        for (int slot = 0; slot < terms.size(); slot++) {
            LowRank term = terms.get(slot);
            if (term != null) {
                memory.setAtIndex(ValueLayout.JAVA_LONG, (long) slot * WORDS, Address.of(term.a()));
                memory.setAtIndex(ValueLayout.JAVA_LONG, (long) slot * WORDS + 1, Address.of(term.b()));
                memory.setAtIndex(ValueLayout.JAVA_LONG, (long) slot * WORDS + 2, term.rank());
            }
        }
    }

    @Nullable
    LowRank get(int slot) {
        return terms.get(slot);
    }

    long address() {
        return memory.address();
    }

    @Override
    public void close() {
        arena.close();
    }
}
