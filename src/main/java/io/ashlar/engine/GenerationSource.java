package io.ashlar.engine;

/** Where a generation's tokens come from. Called by any thread. */
interface GenerationSource {
    /** Its reader has room again. */
    void wake();

    /** Its reader wants no more. */
    void cancel(Generation generation);
}
