package io.ashlar.compute.cuda;

import io.ashlar.compute.AdapterRows;
import io.ashlar.compute.LowRankTerms;
import io.ashlar.compute.Rows;

/** Segments (adapter, first of rows, count), the rows, and where each adapter's terms are. */
final class CudaAdapterRows implements AdapterRows {
    private static final int WORDS = 3;

    private final DeviceWords words;
    private final CudaInts counts;
    private CudaInts segments;
    private CudaInts rows;
    private CudaInts terms;
    private int adapterCount;
    private int segmentCount;
    private int rowCount;
    private int mostRank;

    CudaAdapterRows(DeviceWords words) {
        this.words = words;
        this.counts = new CudaInts(words, 1);
        this.segments = new CudaInts(words, 16 * WORDS);
        this.rows = new CudaInts(words, 16);
        this.terms = new CudaInts(words, 16 * 2);
    }

    @Override
    public void clear() {
        adapterCount = 0;
        segmentCount = 0;
        rowCount = 0;
        mostRank = 0;
    }

    @Override
    public void add(LowRankTerms adapter, Rows which) {
        CudaLowRankTerms own = (CudaLowRankTerms) adapter;
        mostRank = Math.max(mostRank, own.mostRank());
        int number = adapterCount++;
        terms = room(terms, adapterCount * 2);
        long address = own.terms().address();
        terms.set(number * 2, (int) address);
        terms.set(number * 2 + 1, (int) (address >>> 32));
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

    private CudaInts room(CudaInts ints, int length) {
        if (length <= ints.length()) {
            return ints;
        }
        CudaInts more = new CudaInts(words, Math.max(length, 2 * ints.length()));
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

    int segmentCount() {
        return segmentCount;
    }

    /** Of all the adapters' terms. */
    int mostRank() {
        return mostRank;
    }

    long counts() {
        counts.set(0, segmentCount);
        return counts.address();
    }

    long segments() {
        return segments.address();
    }

    long rows() {
        return rows.address();
    }

    long terms() {
        return terms.address();
    }

    @Override
    public void close() {
        counts.close();
        segments.close();
        rows.close();
        terms.close();
    }
}
