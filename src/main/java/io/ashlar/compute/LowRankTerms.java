package io.ashlar.compute;

/** The terms of an adapter on a device, by slot; a slot without one leaves its projection as it is. */
public interface LowRankTerms extends AutoCloseable {
    @Override
    void close();
}
