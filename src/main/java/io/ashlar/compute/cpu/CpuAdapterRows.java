package io.ashlar.compute.cpu;

import io.ashlar.compute.AdapterRows;
import io.ashlar.compute.LowRankTerms;
import io.ashlar.compute.Rows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** Segments (adapter, first of rows, count), the rows, and each adapter's terms. */
final class CpuAdapterRows implements AdapterRows {
    static final int WORDS = 3;

    private final List<CpuLowRankTerms> adapters = new ArrayList<>();
    private CpuInts segments = new CpuInts(16 * WORDS);
    private CpuInts rows = new CpuInts(16);
    private Arena arena = Arena.ofShared();
    private MemorySegment terms = arena.allocate(16 * 8L, 64);
    private int segmentCount;
    private int rowCount;

    @Override
    public void clear() {
        adapters.clear();
        segmentCount = 0;
        rowCount = 0;
    }

    @Override
    public void add(LowRankTerms adapter, Rows which) {
        int number = adapters.size();
        adapters.add((CpuLowRankTerms) adapter);
        if ((number + 1) * 8L > terms.byteSize()) {
            Arena next = Arena.ofShared();
            MemorySegment more = next.allocate(2 * terms.byteSize(), 64);
            more.copyFrom(terms);
            arena.close();
            arena = next;
            terms = more;
        }
        terms.setAtIndex(ValueLayout.JAVA_LONG, number, ((CpuLowRankTerms) adapter).address());
        for (int i = 0; i < which.count(); i += SEGMENT) {
            int count = Math.min(SEGMENT, which.count() - i);
            segments = room(segments, (segmentCount + 1) * WORDS);
            segments.set(segmentCount * WORDS, number);
            segments.set(segmentCount * WORDS + 1, rowCount);
            segments.set(segmentCount * WORDS + 2, count);
            segmentCount++;
            rows = room(rows, rowCount + count);
            for (int j = 0; j < count; j++) {
                rows.set(rowCount++, which.get(i + j));
            }
        }
    }

    private static CpuInts room(CpuInts ints, int length) {
        if (length <= ints.length()) {
            return ints;
        }
        CpuInts more = new CpuInts(Math.max(length, 2 * ints.length()));
        for (int i = 0; i < ints.length(); i++) {
            more.set(i, ints.get(i));
        }
        ints.close();
        return more;
    }

    @Override
    public boolean isEmpty() {
        return segmentCount == 0;
    }

    CpuLowRankTerms adapter(int number) {
        return adapters.get(number);
    }

    CpuInts segments() {
        return segments;
    }

    CpuInts rows() {
        return rows;
    }

    int segmentCount() {
        return segmentCount;
    }

    int rowCount() {
        return rowCount;
    }

    long terms() {
        return terms.address();
    }

    @Override
    public void close() {
        segments.close();
        rows.close();
        arena.close();
    }
}
