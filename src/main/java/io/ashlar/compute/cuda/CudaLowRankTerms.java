package io.ashlar.compute.cuda;

import io.ashlar.compute.LowRankTerms;

/** Terms [slot](a, b, rank) in device memory, as {@code parameters.h} has them. */
record CudaLowRankTerms(CudaBuffer terms, int mostRank) implements LowRankTerms {
    static final int WORDS = 3;

    @Override
    public void close() {
        terms.close();
    }
}
