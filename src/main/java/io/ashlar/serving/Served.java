package io.ashlar.serving;

import java.time.Instant;

/** A deployment that answers: from a model on an engine of ours, or from another server. */
public sealed interface Served permits ServedModel, ServedUpstream {
    String name();

    Instant createdAt();

    /** The longest prompt and answer together, in tokens. */
    int contextLength();

    /** Whether it takes no new requests. */
    boolean draining();

    /** Where its tokens are made: a device, or another server. */
    String place();

    /** Ends what {@link Serving#lease} began. */
    void endLease();
}
